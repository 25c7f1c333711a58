"""What labels teach, for the repair method ``learned``: transformations of values, and how right other methods are."""
