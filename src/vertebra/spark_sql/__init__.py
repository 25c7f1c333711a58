"""SparkSQL that users write: the types of its parts, and an equal form that the embedded engine computes correctly."""
