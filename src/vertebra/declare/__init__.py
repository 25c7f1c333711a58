"""What a user declares: models, the loader, friendly errors. No engine, and no I/O but reading these files."""
