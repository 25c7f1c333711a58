"""How payloads become records: one file per format."""
