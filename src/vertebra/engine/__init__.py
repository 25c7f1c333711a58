"""The port to Spark: one protocol, and an adapter for each engine."""
