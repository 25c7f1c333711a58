"""``to: duckdb``: a table in a DuckDB file."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, field_validator

from vertebra.declare.publication import Publication
from vertebra.duckdb_connection import connect_duckdb
from vertebra.durable import flush, make_folder
from vertebra.errors import PublishError
from vertebra.publish.port import PublishTarget, Receipt
from vertebra.quoting import duckdb_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from vertebra.publish.port import PublishedTable, Publishing

_TABLE: Final = re.compile(r"([A-Za-z_]\w*\.)?[A-Za-z_]\w*", re.ASCII)
_INCOMING: Final = "vertebra_incoming"


class DuckDbPublication(Publication):
    """A table as a table of a DuckDB file.

    Attributes:
        path: the DuckDB file, relative to the project or absolute; made when it is not there.
        into: the table, ``schema.table`` or ``table``; the publication's name in the schema ``main`` unless declared.
    """

    to: Literal["duckdb"]
    path: str = Field(min_length=1)
    into: str | None = None

    @field_validator("path")
    @classmethod
    def _local(cls, value: str) -> str:
        if "://" in value:
            raise ValueError("a DuckDB file is on this machine; write a path, or publish to: files for a bucket")
        return value

    @field_validator("into")
    @classmethod
    def _plain_name(cls, value: str | None) -> str | None:
        if value is not None and not _TABLE.fullmatch(value):
            raise ValueError(f"{value!r} is not the name of a table; write schema.table or table")
        return value

    @property
    def place(self) -> tuple[str, str]:
        """Schema and table."""
        schema, _, table = (self.into or self.name).rpartition(".")
        return schema or "main", table


def send(publication: DuckDbPublication, table: PublishedTable, publishing: Publishing) -> Receipt:
    """Write the table and swap it with the present one, in one transaction.

    Raises:
        PublishError: another process has the file open, it is no DuckDB file, or another table is in the way.
    """
    from vertebra.publish.local_path import local_path

    schema, name = publication.place
    file = local_path(publication.path, publishing)
    location = f"{file} {schema}.{name}"
    with _opened(file, publication.name) as connection:
        connection.begin()
        _make_room(connection, publication, publishing, location)
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        connection.register(_INCOMING, table.reader())
        connection.execute(f'CREATE OR REPLACE TABLE "{schema}"."{name}" AS SELECT * FROM {_INCOMING}')
        mark = duckdb_text(publishing.mark.to_json())
        connection.execute(f"""COMMENT ON TABLE "{schema}"."{name}" IS {mark}""")
        ((rows,),) = connection.execute(f'SELECT count(*) FROM "{schema}"."{name}"').fetchall()
        connection.commit()
    return Receipt(location, rows)


def purge(publication: DuckDbPublication, publishing: Publishing) -> None:
    """Write the file again, without the blocks of tables that were replaced; everything else in it is copied.

    Raises:
        PublishError: another process has the file open, or a part of it cannot be copied.
    """
    import duckdb

    from vertebra.publish.local_path import local_path

    file = local_path(publication.path, publishing)
    if not file.exists():
        return
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    try:
        with connect_duckdb() as connection:
            connection.execute(f"ATTACH {duckdb_text(str(file))} AS old")  # to write, so that nobody else has it open
            connection.execute(f"ATTACH {duckdb_text(str(new))} AS new")
            connection.execute("COPY FROM DATABASE old TO new")
            missing = connection.execute(_DIFFERENT).fetchall()
            connection.execute("DETACH new")
            if missing:
                raise PublishError(
                    f"{file} cannot be written again: {missing[0][0]} would be lost",
                    cause="records were forgotten, and blocks of the file that are free still have them",
                    remedy=f"export what you need from {file}, delete it, then vertebra run",
                )
            new.chmod(file.stat().st_mode)
            flush(new)
            new.replace(file)
        flush(file.parent)
    except (duckdb.Error, OSError) as error:
        raise _refused(file, publication.name, error) from error
    finally:
        new.unlink(missing_ok=True)


_OBJECTS: Final = """
    SELECT schema_name || '.' || table_name AS name, 'TABLE' AS kind, comment FROM duckdb_tables()
    WHERE database_name = '{0}'
    UNION ALL
    SELECT schema_name || '.' || view_name, 'VIEW', comment FROM duckdb_views()
    WHERE database_name = '{0}' AND NOT internal
    UNION ALL
    SELECT schema_name || '.' || index_name, 'INDEX', NULL FROM duckdb_indexes() WHERE database_name = '{0}'
    UNION ALL
    SELECT schema_name || '.' || sequence_name, 'SEQUENCE', NULL FROM duckdb_sequences() WHERE database_name = '{0}'
    UNION ALL
    SELECT schema_name || '.' || function_name, 'MACRO', NULL FROM duckdb_functions()
    WHERE database_name = '{0}' AND NOT internal
    UNION ALL
    SELECT schema_name || '.' || type_name, 'TYPE', NULL FROM duckdb_types()
    WHERE database_name = '{0}' AND NOT internal
"""
_DIFFERENT: Final = f"{_OBJECTS.format('old')} EXCEPT ALL ({_OBJECTS.format('new')})"
"""What a copy of a DuckDB file lacks."""


def _make_room(
    connection: duckdb.DuckDBPyConnection, publication: DuckDbPublication, publishing: Publishing, location: str
) -> None:
    """Check that the publication may replace the table or view of this name, and drop a view."""
    from vertebra.publish.mark import Mark, check_owner

    schema, name = publication.place
    found = connection.execute(
        """
        SELECT 'TABLE', comment FROM duckdb_tables()
        WHERE database_name = current_database() AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2)
        UNION ALL
        SELECT 'VIEW', comment FROM duckdb_views()
        WHERE database_name = current_database() AND lower(schema_name) = lower($1) AND lower(view_name) = lower($2)
        """,
        [schema, name],
    ).fetchall()
    for kind, comment in found:
        check_owner(publishing.mark, Mark.from_json(comment), f"the {kind.lower()} {location}", publication.replace)
        if kind == "VIEW":
            connection.execute(f'DROP VIEW "{schema}"."{name}"')


@contextlib.contextmanager
def _opened(file: Path, publication: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The DuckDB file, opened for writing; uncommitted changes are rolled back at the end."""
    import duckdb

    new = not file.exists()
    try:
        make_folder(file.parent)
        with connect_duckdb(file) as connection:
            yield connection
        flush(file, file.parent)
    except BaseException as error:
        if new:
            file.unlink(missing_ok=True)
        if isinstance(error, duckdb.Error | OSError):
            raise _refused(file, publication, error) from error
        raise


def _refused(file: Path, publication: str, error: Exception) -> PublishError:
    again = f"vertebra run --select publish.{publication}"
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    if "Conflicting lock" in said or "different configuration" in said:
        holder = re.search(r"held in (.*?\(PID \d+\))", said)
        return PublishError(
            f"{file} is open elsewhere, and DuckDB lets one process write",
            cause=f"{holder[1]} has it open" if holder else "this process has it open to read only",
            remedy=f"close it there, then {again}",
        )
    if "not a valid DuckDB database" in said:
        return PublishError(
            f"{file} is not a DuckDB file",
            cause="a file of another kind has this name",
            remedy=f"move it away or declare another path, then {again}",
        )
    return PublishError(
        f"{file} cannot be written", cause=said, remedy=f"check the path and the space on the disk, then {again}"
    )


TARGET: Final = PublishTarget("duckdb", DuckDbPublication, send, purge=purge)
