"""Data collectors, one module each: its declaration, how it collects, and an example for the documentation.

Every module here is a member of the registry :data:`vertebra.declare.collect.COLLECTORS` and holds a
:class:`vertebra.landing.port.Collector` in ``COLLECTOR``. Loading a project imports the modules of the collectors that
its datasets name, so they import libraries such as httpx or SQLAlchemy only when they collect.
"""
