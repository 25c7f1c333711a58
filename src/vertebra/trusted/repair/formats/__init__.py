"""Forms in which the values of a column are written, and how to bring them to one, for the repair method ``format``."""
