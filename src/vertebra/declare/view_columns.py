"""Columns that the SQL of a view reads and its tables do not have.

Only certain cases are reported. The columns of CTEs, subqueries and other views are followed as far as they can be read
off their SQL. Arguments that functions treat as names, and tables without declared columns, are left to the engine.
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
    """A column that none of the tables has that a query reads it from.

    Attributes:
        column: its name.
        tables: the columns of each of these tables, by its qualified name, or by its alias in the query.
        start: position of the column's name in the text.
        end: position after it.
    """

    column: str
    tables: Mapping[str, Sequence[str]]
    start: int
    end: int


def unknown_columns(query: exp.Query, tables: Mapping[str, Sequence[str]]) -> Iterator[UnknownColumn]:
    """Find the columns of a query that its tables do not have.

    Args:
        tables: all columns of each table, by its qualified name.
    """
    from sqlglot.optimizer.scope import traverse_scope

    for scope in traverse_scope(query):
        sources = {alias: _source(scope, alias, tables) for alias in scope.selected_sources}
        known = {named: columns for named, columns in sources.values() if columns is not None}
        whole = bool(sources) and len(known) == len(sources) and _closed(scope)
        for column in scope.columns:
            if column.table:
                named, columns = sources.get(column.table, ("", None))
                read = {named: columns} if columns is not None else {}
            else:
                read = known if whole and _plain(column, scope) else {}
            if read and not any(_has(names, column.name) for names in read.values()) and "start" in column.this.meta:
                where = column.this.meta
                yield UnknownColumn(column.name, read, where["start"], where["end"] + 1)


def output_columns(query: exp.Query, tables: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The columns of the result of a query; None if they cannot be read off its SQL.

    Args:
        tables: all columns of each table, by its qualified name.
    """
    from sqlglot.optimizer.scope import build_scope

    scope = build_scope(query)
    return _outputs(scope, tables) if scope is not None else None


def _source(scope: Scope, alias: str, tables: Mapping[str, Sequence[str]]) -> tuple[str, Sequence[str] | None]:
    """The name of what a query reads under an alias, and its columns if they are known."""
    from sqlglot import exp

    source = scope.sources[alias]
    if isinstance(source, exp.Table):
        # a table may rename its columns: from t as u(a, b)
        named = ".".join(part.name for part in source.parts).lower()
        return named, None if _renamed(source.args.get("alias")) else tables.get(named)
    return alias, _outputs(source, tables)


def _outputs(scope: Scope, tables: Mapping[str, Sequence[str]]) -> list[str] | None:
    from sqlglot import exp

    node = scope.expression
    outer = node.parent
    alias = outer.args.get("alias") if isinstance(outer, exp.CTE | exp.Subquery) else None
    if renamed := _renamed(alias):
        return renamed
    if isinstance(node, exp.SetOperation):
        return _outputs(scope.set_operation_scopes[0], tables) if scope.set_operation_scopes else None
    if not isinstance(node, exp.Select) or node.args.get("laterals"):
        return None
    found: list[str] = []
    for one in node.selects:
        inner = one.this if isinstance(one, exp.Column) else one
        if not isinstance(inner, exp.Star):
            if not isinstance(one, exp.Alias | exp.Column):
                return None  # the engine gives it a name
            found.append(one.alias_or_name)
            continue
        if any(inner.args.get(part) for part in ("except_", "except", "replace", "rename")):
            return None
        aliases = [one.table] if isinstance(one, exp.Column) else list(scope.selected_sources)
        for source in aliases:
            columns = _source(scope, source, tables)[1] if source in scope.selected_sources else None
            if columns is None:
                return None
            found += columns
    return found


def _renamed(alias: exp.Expr | None) -> list[str]:
    """The names that an alias gives to columns, as in ``as t(a, b)``."""
    return [one.name for one in alias.args.get("columns") or ()] if alias is not None else []


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
