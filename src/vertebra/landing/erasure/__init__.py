"""Removing single records from batches of the landing zone, when a person is to be forgotten."""
