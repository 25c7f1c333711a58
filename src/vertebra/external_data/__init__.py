"""Data without a project: files, Delta tables and data frames are opened, typed and staged for the engine."""
