"""Denial constraints: what checking each class costs, against a sort of the same columns and against self-joins."""
