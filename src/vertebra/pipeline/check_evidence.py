"""The evidence for what a check of data found: bounds from the violations, and rows that violate a rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vertebra.declare.given_rules import columns_of
from vertebra.pipeline.check_result import CheckedTable, RuleResult, Tuple
from vertebra.pipeline.given.duck import connect, first_row, identifier, text_of
from vertebra.pipeline.given.staging import ROW_ID, Staged

if TYPE_CHECKING:
    import duckdb

    from vertebra.trusted.detect import RuleCount


def g3_bounds(count: RuleCount, table: CheckedTable) -> tuple[int, int]:
    """The fewest rows to remove so that a rule holds: exact, or bounds.

    Each violating group needs at least one removal; removing all tuples of one role, or all but one of each symmetric
    group, is always enough.
    """
    if count.g3_rows is not None:
        return count.g3_rows, count.g3_rows
    if not count.violating_tuples or table.found is None:
        return 0, 0
    with connect(table.scratch) as connection:
        rows = connection.execute(
            f"SELECT count(DISTINCT rid) FROM {table.found} WHERE rule = {text_of(count.rule)} GROUP BY role"
        ).fetchall()
    high = min(row[0] for row in rows) if len(rows) > 1 else count.violating_tuples - (count.violating_groups or 1)
    return max(1, count.violating_groups or 1), max(1, high)


def examples(results: Iterable[RuleResult], tables: Sequence[CheckedTable]) -> list[RuleResult]:
    """The results, each violated one with the first rows that violate it."""
    found = []
    by_name = {table.staged.name: table for table in tables}
    for result in results:
        table = by_name[result.table]
        if result.ok or table.found is None:
            found.append(result)
            continue
        with connect(table.scratch) as connection:
            query = f"SELECT rid, role, partner FROM {table.found} WHERE rule = {text_of(result.rule)}"
            row = first_row(connection, f"{query} ORDER BY rid LIMIT 1")
            shown = _shown(result, table, row, connection) if row else ()
        found.append(replace(result, example=shown))
    return found


def _shown(
    result: RuleResult, table: CheckedTable, found: tuple[Any, ...], connection: duckdb.DuckDBPyConnection
) -> tuple[Tuple, ...]:
    rid, role, partner = found
    first = _fetched(table.staged, rid, role, result, connection)
    if partner is None:
        return (first,)
    variables = getattr(result.constraint, "variables", (role, role))
    other = next((variable for variable in variables if variable != role), role)
    return first, _fetched(table.partners[result.rule], partner, other, result, connection)


def _fetched(staged: Staged, rid: int, role: str, result: RuleResult, connection: duckdb.DuckDBPyConnection) -> Tuple:
    files = ", ".join(map(text_of, staged.files))
    columns = ", ".join(map(identifier, columns_of(result.constraint, staged.name)))
    query = f"SELECT {columns} FROM read_parquet([{files}]) WHERE {ROW_ID} = {rid}"
    (values,) = connection.sql(query).to_arrow_table().to_pylist()
    file, row = staged.place(rid)
    return Tuple(role, staged.name, file if len(staged.parts) > 1 else "", row, values)
