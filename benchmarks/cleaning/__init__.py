"""Cleaning measured against tables whose right values are known."""
