"""Governance: the metadata of all zones, as Delta tables in the same lake."""
