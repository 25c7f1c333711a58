"""How payloads become records: the port to formats, and what several formats have in common, such as encodings."""
