"""Columns that the SQL of a view reads and its tables do not have.

Only certain cases are reported: a column that names its table, or a column in a query over one table. Arguments that
functions treat as names, and tables without declared columns, are left to the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

_UNITS: Final = frozenset(
    {"microsecond", "millisecond", "second", "minute", "hour", "day", "dayofyear", "week", "month", "quarter", "year"}
)
"""Bare words that functions of time accept as units."""


@dataclass(frozen=True)
class UnknownColumn:
    """A column that its table does not have.

    Attributes:
        table: qualified name of the table.
        start: position of the column's name in the text.
        end: position after it.
    """

    table: str
    column: str
    start: int
    end: int


def unknown_columns(query: exp.Query, tables: Mapping[str, Sequence[str]]) -> Iterator[UnknownColumn]:
    """Find the columns of a query that its tables do not have.

    Args:
        tables: all columns of each table, by its qualified name.
    """
    from sqlglot.optimizer.scope import traverse_scope

    for scope in traverse_scope(query):
        known = {alias: name for alias in scope.sources if (name := _table(scope, alias)) in tables}
        alone = next(iter(known.values()), None) if len(scope.sources) == 1 and _closed(scope) else None
        for column in scope.columns:
            table = known.get(column.table) if column.table else alone
            if table is not None and not _has(tables[table], column.name) and (column.table or _plain(column, scope)):
                where = column.this.meta
                if "start" in where:
                    yield UnknownColumn(table, column.name, where["start"], where["end"] + 1)


def _table(scope: Scope, alias: str) -> str:
    """The qualified name of a source that is a table, not a CTE or subquery."""
    from sqlglot import exp

    source = scope.sources[alias]
    return ".".join(part.name for part in source.parts).lower() if isinstance(source, exp.Table) else ""


def _closed(scope: Scope) -> bool:
    """Whether a bare name can only be a column of the sources: no outer query, no LATERAL VIEW."""
    return not scope.is_subquery and not scope.expression.args.get("laterals") and not scope.lateral_sources


def _plain(column: exp.Column, scope: Scope) -> bool:
    """Whether a bare name is a column of this query: not an alias, a parameter of a lambda, or a unit of time."""
    from sqlglot import exp

    if column.find_ancestor(exp.Query) is not scope.expression:
        return False
    aliases = {one.alias.lower() for one in scope.expression.selects if one.alias}
    if column.name.lower() in aliases or column.find_ancestor(exp.Lambda) is not None:
        return False
    return not (column.name.lower() in _UNITS and isinstance(column.parent, exp.Func))


def _has(columns: Sequence[str], name: str) -> bool:
    return name.lower() in {one.lower() for one in columns}
