"""The formats of payloads, one module each: its options in ``parse:``, how it is recognized and how it is read.

Every module here is a member of the registry :data:`vertebra.declare.parse.FORMATS` and holds a
:class:`vertebra.landing.parsing.format.Format` in ``FORMAT``. Loading a project imports the modules of the formats that
its datasets name, so they import pyarrow and DuckDB only when they read.
"""
