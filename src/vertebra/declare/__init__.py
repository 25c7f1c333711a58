"""Declarations: their models, the loader, and its errors. It uses no engine and only reads declarations."""
