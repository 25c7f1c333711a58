"""Reports on data quality, for the terminal and as one HTML page."""
