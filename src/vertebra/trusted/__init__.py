"""The trusted zone: rules are checked as denial constraints, tables assessed, cells repaired, rows quarantined."""
