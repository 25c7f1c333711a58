"""The built-in publish targets, one module each, and nothing else: the package is what their registry lists."""
