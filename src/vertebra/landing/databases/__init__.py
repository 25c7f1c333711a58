"""The databases that ``from: sql`` reads: connections, consistent snapshots, and how far a table has been read."""
