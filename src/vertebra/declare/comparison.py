"""Comparisons of records: which columns are compared, and how."""

from __future__ import annotations

from typing import Annotated, Any, Final, Protocol

from pydantic import BeforeValidator, Field

from vertebra.declare.declaration import Declaration, Flag, Name
from vertebra.registry import Registry


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


one_or_more = BeforeValidator(_listed, json_schema_input_type=Name | tuple[Name, ...])
"""A single name may be written without brackets."""

Columns = Annotated[tuple[Name, ...], one_or_more, Field(min_length=1)]
"""One column name or several; a single name may be written without brackets."""


class Comparison(Declaration):
    """One comparison of two records: which columns are compared, and how. Each kind of comparison adds its options.

    Attributes:
        columns: ``from``: the column in every source, or the column of each source; by default the column with the
            name of the comparison.
        left: columns of the left table, in reconciliations that declare ``left`` and ``right``.
        right: columns of the right table.
        how: the kind of comparison, e.g. ``exact``, ``name`` or ``distance``.
        must_agree: a pair below the last level of the comparison is never matched automatically, however probable
            the match is.
    """

    columns: dict[Name, Columns] | Columns | None = Field(default=None, alias="from")
    left: Columns | None = None
    right: Columns | None = None
    how: str = Field(alias="as")
    must_agree: Flag = False

    @property
    def written(self) -> list[tuple[str, ...]]:
        """The columns that are declared, once for each source that has its own."""
        sides = [one for one in (self.left, self.right) if one is not None]
        if isinstance(self.columns, dict):
            return [*sides, *self.columns.values()]
        return [*sides, self.columns] if self.columns is not None else sides

    def columns_in(self, source: str, name: str) -> tuple[str, ...]:
        """The columns of a source that are compared.

        Args:
            name: the name of the comparison.
        """
        if isinstance(self.columns, dict):
            return self.columns.get(source, (name,))
        return self.columns or (name,)


class DeclaredComparison(Protocol):
    """The part of a comparison that declarations need; the whole is in :mod:`vertebra.exploitation.comparison_port`."""

    @property
    def name(self) -> str:
        """The name in ``as:``."""
        ...

    @property
    def declaration(self) -> type[Comparison]:
        """The model of a comparison, with its options."""
        ...


COMPARISONS: Final[Registry[DeclaredComparison]] = Registry(
    "comparison",
    "vertebra.exploitation.comparisons",
    "COMPARISON",
    "vertebra.exploitation.comparison_port:ComparisonMethod",
    group="vertebra.comparisons",
)
"""The kinds of comparisons by name, e.g. ``name``, ``number`` and those of plug-ins."""
