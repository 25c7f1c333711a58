"""The built-in publish targets, one module each. The registry lists every module of this package."""
