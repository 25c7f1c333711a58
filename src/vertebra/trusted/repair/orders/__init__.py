"""Repair of rules about the order of two columns: the longest chain of each group stays, the other tuples change."""
