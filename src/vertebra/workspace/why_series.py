"""The origin of columns and rows of series."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from vertebra.declare.document import display_path
from vertebra.declare.series import ZoneColumn
from vertebra.formatting import counted
from vertebra.governance.row_table import rows_of
from vertebra.workspace.explanation import Link
from vertebra.workspace.why_rows import RID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vertebra.declare.series import Series, SeriesColumn
    from vertebra.declare.view import View
    from vertebra.workspace.why_lookup import Lookup

_MOST_RECORDS: Final = 5
_FIGURES: Final = {"first": "the first", "last": "the last", "min": "the least", "max": "the greatest"}
_FILLED: Final = {
    "linear": "on a line between the steps before and after, where a step has none",
    "last": "the one before, where a step has none",
    "zero": "0, where a step has none",
}


def series_inputs(series: Series, column: str) -> tuple[str, ...]:
    """The columns of its table that a column of a series comes from."""
    declared = _declared(series, column)
    if declared is not None:
        return (declared.column,) if declared.figure == "count" else (*declared.columns, series.time)
    return (column,) if column in series.by else (series.time,)


def series_link(view: View, series: Series, name: str, column: str, depth: int) -> Link:
    """What a column of a series is, in a sentence."""
    where = f"({display_path(view.file)})"
    declared = _declared(series, column)
    if column in series.by:
        return Link("column", f"{name}.{column} tells the series of {series.source} apart {where}", depth=depth)
    zone = f"the zone in {series.zone.column}" if isinstance(series.zone, ZoneColumn) else series.zone
    steps = f"each step of {series.every} in {zone}"
    if declared is None:
        return Link("column", f"{name}.{column} is when {steps} begins or ends {where}", depth=depth)
    if column not in series.columns:
        return Link("column", f"{name}.{column} says whether the value of the step was filled {where}", depth=depth)
    facts = {
        "roll-over at": declared.modulo,
        "at most": declared.at_most,
        "filled with": _FILLED.get(declared.fill or ""),
        "bridges up to": declared.up_to,
    }
    told = {key: value for key, value in facts.items() if value is not None}
    return Link("column", f"{name}.{column} is {_figure(declared)} in {steps} {where}", told, depth)


def series_records(lookup: Lookup, series: Series, row: Mapping[str, Any], inputs: Mapping[str, int]) -> Iterator[Link]:
    """The records that lie in the step of a row."""
    table, time = series.source, pc.field(series.time)
    data = lookup.lake.table(table).arrow(inputs[table])
    kind = data.schema.field(series.time).type
    begins, ends = row["begins"], row["ends"]
    if pa.types.is_date(kind):
        begins, ends = date(begins.year, begins.month, begins.day), date(ends.year, ends.month, ends.day)
    only = (time >= pa.scalar(begins, kind)) & (time < pa.scalar(ends, kind))
    for name in series.by:
        only &= pc.field(name) == row[name]
    count = data.count_rows(filter=only)
    yield Link("view", f"{counted(count, 'record')} of {table} version {inputs[table]} in this step")
    shown = [name for name in data.schema.names if name == RID or not name.startswith("_")]
    for record in rows_of(data.to_table(columns=shown, filter=only).sort_by(series.time).slice(0, _MOST_RECORDS)):
        yield Link("view", f"{table} has the row", record)
    if count > _MOST_RECORDS:
        yield Link("view", counted(count - _MOST_RECORDS, "more record"))


def _declared(series: Series, column: str) -> SeriesColumn | None:
    """The declaration of a column, or of the column whose filled values it marks."""
    return series.columns.get(column) or series.columns.get(column.removesuffix("_filled"))


def _figure(declared: SeriesColumn) -> str:
    match declared.figure:
        case "difference":
            return f"what the counter {declared.column} counted"
        case "count":
            return f"the number of values of {declared.column}"
        case "sum" | "mean" as figure:
            return f"the {figure} of {declared.column}"
        case figure:
            return f"{_FIGURES[figure]} {declared.column}"
