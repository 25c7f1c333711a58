"""What people look at: progress while a run goes on, its summary, tables and errors, in a terminal or captured."""
