"""Evidence about the cells of a table from the values they stand with, for the repair method ``co_occurrence``."""
