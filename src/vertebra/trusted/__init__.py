"""The trusted zone: rules checked as denial constraints, tables assessed, cells repaired, rows quarantined."""
