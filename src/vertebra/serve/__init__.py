"""Models over HTTP: predictions of the champions, for programs that ask one row at a time."""
