"""Repair methods for whole tables, one module each, with the method in the variable ``METHOD``."""
