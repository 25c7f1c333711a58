"""New projects: a small one that runs, and copies of examples."""
