"""Rules about a whole table: how many rows it has, how fresh it is, what a column sums up to.

A denial constraint is about rows: it says which ones are wrong. These rules are about figures of the table, and no row
is wrong by itself. Each kind is one module in :mod:`vertebra.declare.table_rules`, and everything else reads the
registry :data:`TABLE_RULES`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final, cast

from pydantic import Field, create_model

from vertebra.declare.bounds import Bounds, number
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.rule_sugar import SugarFields
from vertebra.errors import DeclarationError
from vertebra.registry import Registry

NOW: Final = "\0now\0"
"""Stands for the time of the run in an aggregate: ``2026-01-15 12:00:00+00:00``, or the date for a date."""

_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class TableCondition:
    """What a table rule compiles to: a figure of the table, and what it may be.

    Attributes:
        figure: what is measured, for people: ``sum of amount``.
        aggregate: the figure as a Spark SQL aggregate over the table; of type double, and NULL if there is none. For
            ``oldest``, seconds since 1970.
        columns: the columns that it reads.
        low: the least value.
        high: the greatest value.
        change: how many percent the figure may differ from that of the table before.
        oldest: how old the newest value of a time may be.
    """

    figure: str
    aggregate: str
    columns: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    change: float | None = None
    oldest: timedelta | None = None

    def __str__(self) -> str:
        if self.oldest is not None:
            return f"{self.figure} is at most {age(self.oldest.total_seconds())} old"
        parts = []
        if self.low is not None and self.low == self.high:
            parts.append(f"exactly {number(self.low)}")
        elif self.low is not None and self.high is not None:
            parts.append(f"between {number(self.low)} and {number(self.high)}")
        elif self.low is not None:
            parts.append(f"at least {number(self.low)}")
        elif self.high is not None:
            parts.append(f"at most {number(self.high)}")
        if self.change is not None:
            parts.append(f"within {number(self.change)} % of the table before")
        return f"{self.figure} is {', and '.join(parts)}"

    def violated(self, value: float | None, before: float | None, now: float) -> str:
        """How the condition is violated, for people; empty if it holds.

        Args:
            value: the figure; None if the table has none.
            before: the figure of the table before; None if there is none to compare with.
            now: the time of the run, seconds since 1970.
        """
        if value is None:
            return f"{self.figure}: the table has no value"
        if self.oldest is not None:
            old = now - value
            return (
                f"{self.figure} is {age(old)} old, more than {age(limit)}"
                if old > (limit := self.oldest.total_seconds())
                else ""
            )
        return self._out_of_bounds(value) or self._changed(value, before)

    def _out_of_bounds(self, value: float) -> str:
        shown = number(value) if math.isfinite(value) else str(value)
        if math.isnan(value):
            return f"{self.figure} is NaN"
        if self.low is not None and value < self.low - _ROUNDING * abs(self.low):
            return f"{self.figure} is {shown}, less than {number(self.low)}"
        if self.high is not None and value > self.high + _ROUNDING * abs(self.high):
            return f"{self.figure} is {shown}, more than {number(self.high)}"
        return ""

    def _changed(self, value: float, before: float | None) -> str:
        if self.change is None or before is None:
            return ""
        difference = value - before
        if abs(difference) * 100 <= abs(before) * self.change * (1 + _ROUNDING):
            return ""
        percent = f"{100 * abs(difference / before):.3g} % " if before else ""
        return (
            f"{self.figure} is {number(value)}, {percent}{'more' if difference > 0 else 'less'} than the "
            f"{number(before)} of the table before; {number(self.change)} % is allowed"
        )


class TableRuleKind(ABC):
    """One kind of rules about a whole table.

    Attributes:
        name: its key under ``rules:``, and on a column where it may stand there; the name of its module.
        position: its place in lists, the lowest first.
        summary: what it requires, in one sentence, for the JSON Schema.
        rule_type: the type of its value under ``rules:``.
        column_type: the type of its value on a column; None where it cannot stand on a column.
        example: a value under ``rules:`` for the reference documentation.
    """

    name: ClassVar[str]
    position: ClassVar[int] = 100
    summary: ClassVar[str]
    rule_type: ClassVar[Any]
    column_type: ClassVar[Any] = None
    example: ClassVar[Any]

    @abstractmethod
    def conditions(self, value: Any, scope: RuleScope) -> Iterator[tuple[str, TableCondition]]:
        """Compile a value under ``rules:``.

        Returns:
            Pairs of name and condition; see :meth:`RuleScope.constraint_name` for the names.

        Raises:
            RuleError: the value names unknown columns.
            DeclarationError: a column has a type without such a figure.
        """


TABLE_RULES: Final[Registry[TableRuleKind]] = Registry(
    "table rule", "vertebra.declare.table_rules", "KIND", "vertebra.declare.table_rule:TableRuleKind"
)
"""Every kind of table rules by name."""


def in_order() -> tuple[TableRuleKind, ...]:
    """The kinds in the order of lists and tables."""
    return tuple(sorted(TABLE_RULES.values(), key=lambda kind: (kind.position, kind.name)))


def with_table_rules(base: type[SugarFields]) -> type[SugarFields]:
    """A model with the fields of another and one for each kind, as it is written under ``rules:``."""
    return _extended(base, {kind.name: (kind.rule_type, kind.summary) for kind in in_order()})


def with_column_table_rules(base: type[SugarFields]) -> type[SugarFields]:
    """A model with the fields of another and one for each kind that may stand on a column."""
    of_columns = [kind for kind in in_order() if kind.column_type is not None]
    return _extended(base, {kind.name: (kind.column_type, kind.summary) for kind in of_columns})


def _extended(base: type[SugarFields], kinds: Mapping[str, tuple[Any, str]]) -> type[SugarFields]:
    fields: Any = {
        name: (kind | None, Field(default=None, description=summary)) for name, (kind, summary) in kinds.items()
    }
    made: Any = create_model(base.__name__, __base__=base, __module__=base.__module__, **fields)
    made.table_rule_names = tuple(fields)
    return cast("type[SugarFields]", made)


def numeric_type(scope: RuleScope, column: str) -> str:
    """The type of a column that has to be a number.

    Raises:
        RuleError: there is no such column.
        DeclarationError: it is not a number.
    """
    scope.check_columns([column])
    kind = scope.columns[column].strip().lower()
    if kind and kind.partition("(")[0] not in (*_INTEGERS, "float", "double", "decimal"):
        raise DeclarationError(
            f"{scope.label}: {column} is a {kind}, not a number",
            remedy="name a column of numbers, or declare its type: `type: double`",
        )
    return kind


_INTEGERS: Final = ("tinyint", "smallint", "int", "bigint")


def bounded(figure: str, aggregate: str, column: str, bounds: Bounds) -> TableCondition:
    """A condition that bounds a figure of a column."""
    return TableCondition(figure, aggregate, (column,), bounds.min, bounds.max, bounds.percentage)


def age(seconds: float) -> str:
    """An age for people: ``2 days``, ``3.5 hours``, ``10 minutes``."""
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if abs(seconds) >= length:
            count = round(seconds / length, 1)
            return f"{number(count)} {name}{'' if count == 1 else 's'}"
    return f"{round(seconds)} seconds"
