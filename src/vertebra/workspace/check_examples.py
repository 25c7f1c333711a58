"""Examples of violations in a check of data: rows that violate a rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vertebra.declare.standalone_rules import columns_of
from vertebra.declare.table_rule import TableCondition
from vertebra.external_data.duckdb_values import connect, first_row
from vertebra.external_data.staging import ROW_ID, StagedTable
from vertebra.quoting import duckdb_identifier, duckdb_text
from vertebra.workspace.check_result import CheckedTable, RuleResult, ViolatingTuple

if TYPE_CHECKING:
    import duckdb


def examples(results: Iterable[RuleResult], tables: Sequence[CheckedTable]) -> list[RuleResult]:
    """The results, with the first violating rows of each violated rule."""
    found = []
    by_name = {table.staged.name: table for table in tables}
    for result in results:
        table = by_name[result.table]
        if result.ok or table.found is None:
            found.append(result)
            continue
        with connect(table.scratch) as connection:
            query = f"SELECT rid, role, partner FROM {table.found} WHERE rule = {duckdb_text(result.rule)}"
            row = first_row(connection, f"{query} ORDER BY rid LIMIT 1")
            shown = _shown(result, table, row, connection) if row else ()
        found.append(replace(result, example=shown))
    return found


def _shown(
    result: RuleResult, table: CheckedTable, found: tuple[Any, ...], connection: duckdb.DuckDBPyConnection
) -> tuple[ViolatingTuple, ...]:
    rid, role, partner = found
    first = _fetched(table.staged, rid, role, result, connection)
    if partner is None:
        return (first,)
    variables = getattr(result.constraint, "variables", (role, role))
    other = next((variable for variable in variables if variable != role), role)
    return first, _fetched(table.partners[result.rule], partner, other, result, connection)


def _fetched(
    staged: StagedTable, rid: int, role: str, result: RuleResult, connection: duckdb.DuckDBPyConnection
) -> ViolatingTuple:
    assert not isinstance(result.constraint, TableCondition)  # no row violates a rule about the whole table
    files = ", ".join(map(duckdb_text, staged.files))
    columns = ", ".join(map(duckdb_identifier, columns_of(result.constraint, staged.name)))
    query = f"SELECT {columns} FROM read_parquet([{files}]) WHERE {ROW_ID} = {rid}"
    (values,) = connection.sql(query).to_arrow_table().to_pylist()
    file, row = staged.place(rid)
    return ViolatingTuple(role, staged.name, file if len(staged.parts) > 1 else "", row, values)
