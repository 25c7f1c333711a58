"""Queries of the whole lake in SQL, by DuckDB: the schemas are the zones; no Spark engine is started."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import LakeError, SqlError, VertebraError
from vertebra.lake.batches import batches
from vertebra.suggestions import did_you_mean_table
from vertebra.workspace.tables import TableHandle, table_names, unknown_table
from vertebra.zones import Zone

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from vertebra.lake.catalog import Lake

_NAMED: Final = re.compile(rf"""\b"?({"|".join(Zone)})"?\s*\.\s*(?:"([^"]+)"|(\w+))""", re.IGNORECASE)
_MISSING: Final = re.compile(r"Table with name (\S+) does not exist", re.IGNORECASE)


def query(lake: Lake, statement: str) -> duckdb.DuckDBPyRelation:
    """Run a query; return the result as a DuckDB relation.

    Args:
        statement: one DuckDB SELECT. ``landing.<dataset>`` has the records of all batches as text, with ``_batch``.

    Raises:
        SqlError: DuckDB refuses the query.
        LakeError: it names a table that does not exist.
    """
    import duckdb

    connection = connect_duckdb()
    connection.execute("SET TimeZone = 'UTC'")
    for schema in Zone:
        connection.execute(f'CREATE SCHEMA "{schema}"')
    for zone, table in sorted(_named(statement)):
        if zone == Zone.LANDING:
            _landing_view(connection, lake, table)
        elif f"{zone}.{table}" in table_names(lake):
            _table_view(connection, lake, zone, table)
    # everything the statement may read is registered; it has no access to files
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        relation: duckdb.DuckDBPyRelation | None = connection.sql(statement)
    except duckdb.Error as error:
        raise _refusal(lake, statement, error) from None
    if relation is None:
        raise SqlError("the statement returns no rows", remedy="write a SELECT; vertebra run changes tables")
    return relation


def fetch(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """Compute the rows of a result.

    Raises:
        SqlError: a value cannot be computed.
    """
    import duckdb

    try:
        return relation.to_arrow_table()
    except duckdb.Error as error:
        raise SqlError(f"the query failed:\n{error}") from None


def _named(statement: str) -> set[tuple[str, str]]:
    """All qualified names in a statement, also in comments: an extra view costs almost nothing."""
    return {(match[1].lower(), (match[2] or match[3]).lower()) for match in _NAMED.finditer(statement)}


def _table_view(connection: duckdb.DuckDBPyConnection, lake: Lake, zone: str, table: str) -> None:
    handle = TableHandle(lake, f"{zone}.{table}", None, _no_engine)
    connection.register(f"{zone}__{table}", handle.dataset())
    connection.execute(f'CREATE VIEW "{zone}"."{table}" AS SELECT * FROM "{zone}__{table}"')


def _landing_view(connection: duckdb.DuckDBPyConnection, lake: Lake, dataset: str) -> None:
    found = [
        batch
        for folder in sorted(lake.landing.glob(f"*/{dataset}"))
        for batch in batches(lake.landing, folder.parent.name, dataset)
        if batch.receipt.freed_at is None
    ]
    if found:
        import pyarrow.dataset as pads

        for batch in found:
            connection.register(f"landing__{dataset}__{batch.number}", pads.dataset(batch.records, format="parquet"))
        parts = (
            f'SELECT {batch.number}::BIGINT AS _batch, * FROM "landing__{dataset}__{batch.number}"' for batch in found
        )
        union = " UNION ALL BY NAME ".join(parts)
        connection.execute(f'CREATE VIEW landing."{dataset}" AS {union}')


def _no_engine() -> NoReturn:
    raise AssertionError("DuckDB answers without an engine")


def _refusal(lake: Lake, statement: str, error: Exception) -> VertebraError:
    text = str(error)
    missing = _MISSING.search(text)
    if missing:
        name = missing[1].strip("!\"'")
        zone = next((zone for zone, table in sorted(_named(statement)) if table == name.lower()), None)
        if zone is not None and zone != Zone.LANDING:
            return unknown_table(f"{zone}.{name}", table_names(lake))
        return LakeError(
            f"there is no table {name if zone is None else f'{zone}.{name}'}",
            cause="tables are named zone.table" if zone is None else f"no batch of {name} has landed",
            remedy=did_you_mean_table(name, table_names(lake), "vertebra ls tables"),
        )
    return SqlError(f"the query was refused:\n{text}", remedy="the SQL is DuckDB's; vertebra ls tables")
