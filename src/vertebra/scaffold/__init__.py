"""New projects: an empty one that runs, and copies of the examples."""
