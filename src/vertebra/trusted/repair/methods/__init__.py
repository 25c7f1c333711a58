"""Repair methods, one module each, with the method in the variable ``METHOD``."""
