"""The origin of rows of views, golden records, training sets and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from vertebra.declare.document import display_path
from vertebra.declare.reconciliation import entities_table
from vertebra.declare.sql_text import one_query
from vertebra.errors import LakeError
from vertebra.formatting import counted, shortened
from vertebra.governance.row_table import rows_of
from vertebra.quoting import duckdb_identifier
from vertebra.workspace.explanation import Link
from vertebra.workspace.sql import fetch, query
from vertebra.workspace.why_columns import column_link, column_links
from vertebra.workspace.why_lookup import (
    Lookup,
    analysis_of,
    changed_since,
    golden_of,
    inputs_of_version,
    listed_inputs,
    real_name,
    traced_column,
)
from vertebra.workspace.why_rows import RID, data_version, dataset_row, found_in, rows_with
from vertebra.workspace.why_series import series_records
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vertebra.declare.analysis import Analysis
    from vertebra.declare.reconciliation import EntityResolution
    from vertebra.declare.view import View
    from vertebra.exploitation.column_lineage import ColumnLineage, SourceColumn

_MOST_ROWS: Final = 5
"""How many rows that a condition selects are explained."""


def view_row(lookup: Lookup, name: str, rid: int, column: str | None, version: int | None = None) -> Iterator[Link]:
    """The rows of a view with a row id, and their origin.

    Args:
        version: of the view; None is the present one.
    """
    version = lookup.lake.table(name).data_version() if version is None else data_version(lookup.lake, name, version)
    rows = rows_with(lookup.lake, name, rid, version)
    if rows == []:
        raise LakeError(
            f"{name} has no row {rid}",
            cause="no row has this _rid at present",
            remedy=f'vertebra sql "select _rid from {name} limit 5"',
        )
    yield from found_in(lookup.lake, name, version, rid, column, "view")
    yield from changed_since(lookup, name)
    inputs = inputs_of_version(lookup, name, version)
    view = lookup.project.views.get(name.partition(".")[2])
    row = traced_column(lookup, view, inputs, RID) if view is not None else None
    traced = traced_column(lookup, view, inputs, column) if view is not None and column is not None else None
    origins, doubt = _origins(lookup, view, inputs, row, rid)
    if column is not None:
        yield column_link(lookup, name, column, traced, inputs)
    if doubt:
        yield Link("view", doubt, {"inputs": listed_inputs(inputs)})
        return
    for table in origins:
        own = [one.column for one in _of_row(traced, row, table)]
        there = real_name(lookup, table, inputs[table], own[0]) if len(own) == 1 else None
        if column is not None and traced is not None and not own:
            others = sorted({f"{one.table}.{one.column}" for one in traced.sources})
            yield Link(
                "view", f"{column} does not come from the row of {table}, but from {shortened(others) or 'none'}"
            )
            continue
        yield from _row_of(lookup, table, rid, there, inputs[table])


def _row_of(lookup: Lookup, table: str, rid: int, column: str | None, version: int) -> Iterator[Link]:
    zone, _, subject = table.partition(".")
    if zone in DATASET_ZONES and subject in lookup.project.datasets:
        dataset = lookup.project.datasets[subject]
        known = column if column in dataset.columns else None
        yield from dataset_row(dataset, lookup.lake, lookup.ledgers, zone, rid, known, version)
    else:
        yield from view_row(lookup, table, rid, column, version)


def _origins(
    lookup: Lookup, view: View | None, inputs: Mapping[str, int], row: ColumnLineage | None, rid: int
) -> tuple[list[str], str]:
    """The inputs that have the row, or why the row cannot be traced."""
    candidates = list(inputs)
    if row is not None:
        if any(one.combines for one in row.sources):
            how = "; ".join(dict.fromkeys(part for one in row.sources for part in one.combines))
            return [], f"its {RID} is made from several rows ({how}), so the row cannot be traced to one"
        if not row.copied and len({one.table for one in row.sources}) < len(row.sources):
            return [], f"its {RID} is {row.expression}, so the row cannot be traced"
        candidates = list(dict.fromkeys(one.table for one in row.sources))
    having = [
        table
        for table in candidates
        if RID in lookup.lake.table(table).schema(inputs[table]).names
        and rows_with(lookup.lake, table, rid, inputs[table])
    ]
    if not having:
        return [], f"none of its inputs has a row {rid}"
    if len(having) > 1:
        return [], f"{' and '.join(having)} have a row {rid} each: the view does not say which of them it is"
    if row is None and view is not None and view.language == "python":
        return having, ""  # the only input with this row
    return having, ""


def selected_rows(lookup: Lookup, name: str, where: str, column: str | None) -> Iterator[Link]:
    """The rows of a table that a condition selects, and where they come from."""
    data = fetch(query(lookup.lake, f"select * from {_qualified(name)} where {where} limit {_MOST_ROWS + 1}"))
    rows = rows_of(data)
    if not rows:
        raise LakeError(f"no row of {name} satisfies {where}", remedy=f'vertebra sql "select * from {name} limit 5"')
    version = lookup.lake.table(name).data_version()
    if len(rows) > _MOST_ROWS:
        yield Link("table", f"more than {_MOST_ROWS} rows satisfy the condition; these are the first")
    subject = name.partition(".")[2]
    for row in rows[:_MOST_ROWS]:
        yield Link("view", f"{name} version {version} has the row", row)
        golden = golden_of(lookup, name)
        analysis = analysis_of(lookup, subject) if name.startswith("analysis.") else None
        if golden is not None:
            yield from _golden_row(lookup, name, golden, row, column)
        elif analysis is not None:
            yield from _example(lookup, name, analysis, row, version)
        elif row.get(RID) is not None:
            yield from _row_again(lookup, name, row[RID], column)
        else:
            yield from _group(lookup, name, row, version)
    for one in [column] if column else []:
        yield from column_links(lookup, name, one, 0, set())


def _row_again(lookup: Lookup, name: str, rid: int, column: str | None) -> Iterator[Link]:
    """The origin of a row that has a row id, without the row itself."""
    zone, _, subject = name.partition(".")
    if zone in DATASET_ZONES and subject in lookup.project.datasets:
        yield from dataset_row(lookup.project.datasets[subject], lookup.lake, lookup.ledgers, zone, rid, column)
    else:
        yield from view_row(lookup, name, rid, column)


def _golden_row(
    lookup: Lookup, name: str, golden: EntityResolution, row: Mapping[str, Any], column: str | None
) -> Iterator[Link]:
    """The source of each value of a golden record, and the trusted rows that were matched."""
    for one in [column] if column in golden.golden else golden.golden:
        yield Link("golden", f"{one} is {row[one]}, from {row.get(f'{one}_source') or 'no source'}")
    newest = lookup.lake.table(name).newest_data()
    inputs = dict(newest.inputs) if newest else {}
    members = rows_of(
        lookup.lake.table(entities_table(golden.name))
        .arrow()
        .to_table(filter=pc.field("entity_id") == row["entity_id"])
    )
    for member in members[:_MOST_ROWS]:
        rid, table = member["record_rid"], golden.records[member["source"]].input
        yield Link("golden", f"record {member['key']} of {member['source']} is of this entity")
        if rid is not None:
            yield from _row_of(lookup, table, rid, None, inputs.get(table, lookup.lake.table(table).version()))
    if len(members) > _MOST_ROWS:
        yield Link("golden", f"{counted(len(members) - _MOST_ROWS, 'more record')} of this entity")


def _example(lookup: Lookup, name: str, analysis: Analysis, row: Mapping[str, Any], version: int) -> Iterator[Link]:
    """The row of the view that an example or a prediction was made for."""
    view = f"exploitation.{analysis.view}"
    inputs = inputs_of_version(lookup, name, version)
    if view not in inputs or any(row.get(one) is None for one in analysis.key):
        yield Link("analysis", f"the row of {view} cannot be told", {"inputs": listed_inputs(inputs)})
        return
    only = None
    for one in analysis.key:
        same = pc.field(one) == row[one]
        only = same if only is None else only & same
    found = rows_of(lookup.lake.table(view).arrow(inputs[view]).to_table(filter=only).slice(0, _MOST_ROWS))
    key = ", ".join(f"{one} = {row[one]}" for one in analysis.key)
    yield Link("analysis", f"{counted(len(found), 'row')} of {view} version {inputs[view]} with {key}")
    for of_view in found:
        if of_view.get(RID) is not None:
            yield from view_row(lookup, view, of_view[RID], None, inputs[view])
        else:
            yield Link("view", f"{view} has the row", of_view)


def _group(lookup: Lookup, name: str, row: Mapping[str, Any], version: int) -> Iterator[Link]:
    """The rows of the input that a row of an aggregating view was made from, where the SQL groups one table."""
    yield from changed_since(lookup, name)
    inputs = inputs_of_version(lookup, name, version)
    view = lookup.project.views.get(name.partition(".")[2])
    if view is not None and view.series is not None:
        yield from series_records(lookup, view.series, row, inputs)
        return
    by = _grouped_by(lookup, view, inputs) if view is not None else None
    if by is None:
        yield Link("view", f"the rows that {name} made it from cannot be listed", {"inputs": listed_inputs(inputs)})
        return
    table, columns = by
    only = None
    for output, source in columns.items():
        same = pc.field(source).is_null() if row[output] is None else pc.field(source) == row[output]
        only = same if only is None else only & same
    data = lookup.lake.table(table).arrow(inputs[table])
    listed = {}
    if RID in data.schema.names:
        rids = sorted(data.head(_MOST_ROWS, columns=[RID], filter=only).column(RID).to_pylist())
        listed = {RID: ", ".join(map(str, rids))}
    rows = counted(data.count_rows(filter=only), "row")
    yield Link("view", f"made from {rows} of {table} version {inputs[table]}", listed)


def _grouped_by(lookup: Lookup, view: View, inputs: Mapping[str, int]) -> tuple[str, dict[str, str]] | None:
    """The input of a view that only groups the rows of one table, and its columns by those of the view."""
    from sqlglot import exp

    if view.sql is None or len(inputs) != 1:
        return None
    select = one_query(view.sql, display_path(view.file))
    parts = ("where", "having", "joins", "with", "with_", "distinct", "qualify", "laterals", "limit")
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in parts):
        return None
    group = select.args.get("group")
    (table,) = inputs
    read = select.find(exp.From)
    if group is None or read is None or not isinstance(read.this, exp.Table):
        return None
    selected = {one.alias_or_name: one.unalias() for one in select.selects}
    columns: dict[str, str] = {}
    for one in group.expressions:
        output = next((name for name, inner in selected.items() if inner == one), None)
        if output is None or not isinstance(one, exp.Column):
            return None
        columns[output] = real_name(lookup, table, inputs[table], one.name) or one.name
    return (table, columns) if columns else None


def _of_row(traced: ColumnLineage | None, row: ColumnLineage | None, table: str) -> Sequence[SourceColumn]:
    """The sources of a column that are columns of the row that the view's row was made from."""
    if traced is None or row is None:
        return ()
    origin = next((one for one in row.sources if one.table == table), None)
    return traced.of_the_row(origin) if origin is not None else ()


def _qualified(name: str) -> str:
    zone, _, table = name.partition(".")
    return f"{duckdb_identifier(zone)}.{duckdb_identifier(table)}"
