"""The use cases of Vertebra in Python: everything an open project can do. The command line only calls this package."""
