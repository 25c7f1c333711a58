"""A stand-in for the portals of this project: it answers as they do, faults included, and needs no internet."""
