"""The port to the lake: Delta tables, commits, history, batches and the lease."""
