"""The formatted zone: one relational table per dataset, in the canonical data model."""
