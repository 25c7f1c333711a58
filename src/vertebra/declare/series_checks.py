"""Checks of a series against the columns of the table that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vertebra.declare.document import Loc
from vertebra.declare.series import NUMERIC, Series, ZoneColumn
from vertebra.formatting import shortened
from vertebra.suggestions import did_you_mean

_NUMBERS: Final = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")


@dataclass(frozen=True)
class SeriesProblem:
    """What does not fit.

    Attributes:
        loc: the path of the key it is about, in the file of the view.
    """

    loc: Loc
    fact: str
    cause: str
    remedy: str


def series_problems(series: Series, columns: Mapping[str, str]) -> Iterator[SeriesProblem]:
    """The columns that the table does not have or whose types do not fit.

    Args:
        columns: the type of each column of the table as Spark writes it; an empty one is not known.
    """
    for loc, name in series.columns_read.items():
        if name not in columns:
            names = [one for one in columns if one != "_rid"]
            yield SeriesProblem(
                loc,
                f"{series.source} has no column {name}",
                f"its columns are {shortened(names)}",
                did_you_mean(name, names, "correct the name"),
            )
    yield from _time_problems(series, columns.get(series.time, ""))
    zone = series.zone.column if isinstance(series.zone, ZoneColumn) else ""
    if columns.get(zone, "string") not in ("string", ""):
        yield SeriesProblem(
            ("zone", "column"), f"{zone} is a {columns[zone]}, and zones are names", "", "name a string"
        )
    for loc, name in series.columns_read.items():
        kind = columns.get(name, "")
        if loc[0] == "columns" and kind and not _is_number(kind) and _needs_number(series, loc):
            yield SeriesProblem(
                loc,
                f"{loc[2]} is of numbers, and {name} is a {kind}",
                "",
                f"declare {name} as double in its dataset, or choose first, last, min, max or count",
            )


def _time_problems(series: Series, kind: str) -> Iterator[SeriesProblem]:
    if kind and kind not in ("timestamp", "date"):
        yield SeriesProblem(
            ("time",),
            f"{series.time} is a {kind}, and the time of a record is a timestamp or date",
            "",
            "declare it as timestamp in its dataset, with its zone",
        )
    elif kind == "date" and not series.every.has_date:
        yield SeriesProblem(
            ("step",),
            f"{series.time} is a date, which has no time of day",
            f"steps of {series.every} divide days",
            "write step: 1 day, or name a timestamp in time:",
        )
    elif kind == "date" and series.zone != "UTC":
        yield SeriesProblem(
            ("zone",),
            f"{series.time} is a date, which is the same in all zones",
            "",
            "remove zone, or name a timestamp",
        )


def _needs_number(series: Series, loc: Loc) -> bool:
    column = series.columns[str(loc[1])]
    return loc[2] == "modulo" or column.figure in NUMERIC or column.fill in ("linear", "zero")


def _is_number(kind: str) -> bool:
    return kind.partition("(")[0] in _NUMBERS
