"""Databases that ``from: sql`` reads: connecting, and reading one consistent state."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from vertebra.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, CursorResult, Engine

_DRIVERS: Final[Mapping[str, tuple[str, ...]]] = {
    "postgresql": ("psycopg", "pg8000", "psycopg2"),
    "mysql": ("pymysql", "MySQLdb"),
    "mariadb": ("pymysql", "MySQLdb"),
}
"""Drivers for addresses that name none: the first installed one is used."""

_PREFERRED: Final = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_SQLALCHEMY: Final = {"MySQLdb": "mysqldb"}
_SECONDS: Final = 30


@dataclass(frozen=True)
class Database:
    """A database to read from.

    Attributes:
        engine: the SQLAlchemy engine.
        dialect: ``postgresql``, ``mysql``, ``mariadb`` or ``sqlite``.
        place: host and name, or the file; without credentials.
        where: the dataset, for messages.
    """

    engine: Engine
    dialect: str
    place: str
    where: str

    @classmethod
    def of(cls, address: str, root: Path, where: str) -> Database:
        """The database of an address; nothing is connected yet.

        Args:
            address: a SQLAlchemy URL.
            root: folder that the path of a SQLite file starts from.
            where: the dataset, for messages.

        Raises:
            CollectError: its address is wrong, or its driver is not installed.
        """
        from sqlalchemy import NullPool, create_engine
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError

        try:
            url = make_url(address)
        except (ArgumentError, ValueError):
            raise CollectError(
                "collect.database is not the address of a database",
                remedy="write dialect://user:${PASSWORD}@host/name, the password percent-encoded",
                where=where,
            ) from None
        dialect, _, driver = url.drivername.partition("+")
        if dialect == "sqlite":
            return cls._sqlite(root, url.database or "", where)
        if not driver:
            url = url.set(drivername=f"{dialect}+{_driver(dialect, where)}")
        try:
            engine = create_engine(url, poolclass=NullPool, connect_args=_timeouts(url.drivername))
        except (ImportError, NoSuchModuleError) as error:
            raise CollectError(
                f"the driver of {url.drivername} is not installed", cause=str(error), where=where
            ) from None
        return cls(engine, dialect, f"{url.host or 'localhost'}/{url.database or ''}", where)

    @classmethod
    def _sqlite(cls, root: Path, name: str, where: str) -> Database:
        import sqlite3

        from sqlalchemy import NullPool, create_engine

        file = root / name
        if not name or not file.is_file():
            raise CollectError(
                f"there is no database {file}",
                remedy="write sqlite:///path, the path from the project's folder",
                where=where,
            )
        address = f"file:{quote(str(file))}?mode=ro"
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(address, uri=True, isolation_level=None, timeout=_SECONDS),
            poolclass=NullPool,
        )
        return cls(engine, "sqlite", name, where)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read-only connection that sees one consistent state of the database.

        Raises:
            CollectError: the database cannot be reached, or fails while it is read.
        """
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self.engine.connect() as connection:
                if self.dialect == "postgresql":
                    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                elif self.dialect == "sqlite":
                    connection.exec_driver_sql("BEGIN")
                else:
                    connection.execution_options(isolation_level="REPEATABLE READ")
                    connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
                yield connection
        except SQLAlchemyError as error:
            # SQLAlchemy's text has the whole statement; the driver's text has the cause
            original = getattr(error, "orig", None)
            lines = str(original or type(error).__name__).splitlines()
            raise CollectError(
                f"{self.dialect} at {self.place} cannot be read",
                cause=lines[0][:300] if lines else type(error).__name__,
                remedy="check collect.database, the table and the rights of its user; then collect again",
                where=self.where,
            ) from None

    def quoted(self, name: str) -> str:
        """A name quoted for this database."""
        return str(self.engine.dialect.identifier_preparer.quote_identifier(name))

    def relation(self, table: str | None, query: str | None) -> str:
        """The FROM clause for a table, or for a query in its place."""
        if table is not None:
            return ".".join(self.quoted(part) for part in table.split("."))
        query = str(query).strip().rstrip(";")
        # unescaped, a colon would name a parameter
        return "(" + query.replace(":", r"\:") + "\n) AS collected"

    def shown(self, table: str | None, query: str | None) -> str:
        """The address of a table or a query in receipts, without credentials."""
        if table is not None:
            return f"{self.dialect}:{self.place}/{table}"
        return f"{self.dialect}:{self.place}/query-{hashlib.sha256(str(query).encode()).hexdigest()[:12]}"

    def run(self, connection: Connection, statement: str, values: Mapping[str, Any] | None = None) -> CursorResult[Any]:
        """Run a statement; its rows are streamed.

        Args:
            values: of the statement's parameters, by name.
        """
        from sqlalchemy import text

        options = {"stream_results": True, "max_row_buffer": 10_000}
        return connection.execute(text(statement), dict(values or {}), execution_options=options)

    def partitions(self, result: CursorResult[Any], size: int) -> Iterator[Sequence[Sequence[Any]]]:
        """The rows of a result in pieces of a size."""
        yield from result.partitions(size)


def _driver(dialect: str, where: str) -> str:
    for name in _DRIVERS[dialect]:
        if find_spec(name) is not None:
            return _SQLALCHEMY.get(name, name)
    raise CollectError(
        f"no driver of {dialect} is installed",
        cause=f"it is read with {' or '.join(_DRIVERS[dialect][:2])}",
        remedy=f"pip install 'vertebra[{_PREFERRED[dialect]}]'",
        where=where,
    )


def _timeouts(driver: str) -> dict[str, Any]:
    """The driver's arguments for timeouts."""
    if driver.endswith("+pg8000"):
        return {"timeout": None}
    return {"connect_timeout": _SECONDS}
