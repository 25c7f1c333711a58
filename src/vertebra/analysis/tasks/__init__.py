"""The tasks of analyses, one module each; see :mod:`vertebra.analysis.task_port`."""
