"""Output for users: progress and summary of a run, tables and reports, in a terminal, as JSON, CSV or HTML."""
