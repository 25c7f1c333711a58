"""Which columns the parts of a query see, and with which types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vertebra.spark_sql.types import Columns, SqlType


@dataclass
class Scope:
    """The names that an expression sees.

    Attributes:
        sources: columns of each table, subquery or lateral view of FROM, by its alias in lower case.
        names: aliases of the select list and parameters of lambdas.
        outer: the scope of the query or lambda around this one.
        ctes: columns of the CTEs that can be read here.
    """

    sources: dict[str, Columns] = field(default_factory=dict)
    names: dict[str, SqlType | None] = field(default_factory=dict)
    outer: Scope | None = None
    ctes: Mapping[str, Columns] = field(default_factory=dict)

    def lookup(self, name: str) -> tuple[bool, SqlType | None]:
        """Whether a bare name is known, and its type. Columns of sources come before aliases."""
        name = name.lower()
        for columns in self.sources.values():
            if name in columns:
                return True, columns[name]
        if name in self.names:
            return True, self.names[name]
        return self.outer.lookup(name) if self.outer else (False, None)

    def qualified(self, source: str, name: str) -> tuple[bool, SqlType | None]:
        """Whether a source with this alias is known, and the type of its column."""
        columns = self.sources.get(source.lower())
        if columns is not None:
            return name.lower() in columns, columns.get(name.lower())
        return self.outer.qualified(source, name) if self.outer else (False, None)

    def with_names(self, names: Mapping[str, SqlType | None]) -> Scope:
        """A scope inside this one that has more names, such as the parameters of a lambda."""
        return Scope(names={name.lower(): kind for name, kind in names.items()}, outer=self, ctes=self.ctes)


def column_type(parts: list[str], scope: Scope) -> SqlType | None:
    """The type of ``column``, ``source.column``, ``column.field`` and longer names."""
    first, *rest = parts
    if rest:
        known, kind = scope.qualified(first, rest[0])
        if known:
            return _field(kind, rest[1:])
    if len(rest) > 1:  # zone.table.column: the table is a source under its bare name
        known, kind = scope.qualified(rest[0], rest[1])
        if known:
            return _field(kind, rest[2:])
    known, kind = scope.lookup(first)
    if not known and rest:  # the source is not known by this name, as in an expression of a joined frame
        return column_type(rest, scope)
    return _field(kind, rest)


def is_of_outer_query(parts: list[str], scope: Scope) -> bool:
    """Whether a column is not one of the query that it stands in, but one of a query around it."""
    here: Scope | None = scope
    while here is not None and not here.sources:  # within lambdas
        here = here.outer
    if here is None or here.outer is None or not all(here.sources.values()):
        return False
    local = replace(here, outer=None)
    known = local.qualified(parts[0], parts[1])[0] if len(parts) > 1 else local.lookup(parts[0])[0]
    return not known and not local.lookup(parts[0])[0]


def _field(kind: SqlType | None, path: list[str]) -> SqlType | None:
    for name in path:
        kind = kind.field(name) if kind else None
    return kind
