"""The sequences of rows that rules about consecutive rows are declared over: ``by``, ``order`` and their SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from vertebra.declare.declaration import Declaration
from vertebra.declare.rule_scope import RuleScope, column_names, column_of
from vertebra.denial import over_variable
from vertebra.errors import DeclarationError

Columns = str | tuple[str, ...]
"""``device`` or ``[site, device]``."""

_RATE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:(?:per|/)\s*(second|minute|hour|day))?\s*", re.IGNORECASE)
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Sequence(Declaration):
    """Rows that follow each other.

    Attributes:
        by: the columns that divide the rows, e.g. ``device`` or ``[site, device]``; without it all rows are one
            sequence.
        order: the column or columns that sort the rows.
    """

    by: Columns = ()
    order: Columns

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of ``by`` and ``order``."""
        return (*divided_by(self.by), *column_names(self.order))

    def following(self, where: str = "") -> str:
        """``next(t) s by device order by read_at:``, the beginning of a rule."""
        by = f" by {_bare(divided_by(self.by))}" if self.by else ""
        condition = f" where {where}" if where else ""
        return f"next(t) s{by} order by {_bare(column_names(self.order))}{condition}:"


def divided_by(by: Columns) -> tuple[str, ...]:
    """The columns of ``by``; none if it is empty."""
    return column_names(by) if by else ()


def bare(column: str) -> str:
    """A column without tuple variable, quoted unless it is a plain name."""
    return column_of("t", column)[2:]


def _bare(columns: Iterable[str]) -> str:
    return ", ".join(bare(column) for column in columns)


def time_column(scope: RuleScope, order: Columns) -> str:
    """The one column of an order that is a timestamp or a date.

    Raises:
        RuleError: there is no such column.
        DeclarationError: there are several, or it is no time.
    """
    columns = column_names(order)
    scope.check_columns(columns)
    kind = scope.columns[columns[0]].strip().lower()
    if len(columns) > 1 or kind not in ("", "timestamp", "date"):
        raise DeclarationError(
            f"{scope.label}: {', '.join(columns)} is {'no single column' if len(columns) > 1 else f'a {kind}'}",
            cause="times between rows are measured in one column of type timestamp or date",
            remedy="name one in `order`",
        )
    return columns[0]


def micros(variable: str, column: str, kind: str) -> str:
    """The microseconds since 1970 of a time, as an exact number."""
    value = column_of(variable, column)
    return f"cast(unix_micros({f'cast({value} as timestamp)' if kind == 'date' else value}) as decimal(20,0))"


def rate(scope: RuleScope, written: float | str) -> tuple[str, int | None]:
    """``50`` or ``50 per hour`` as a number and the seconds that it is for; None for each step.

    Raises:
        DeclarationError: the text is neither.
    """
    found = _RATE.fullmatch(str(written))
    if not found:
        raise DeclarationError(
            f"{scope.label}: {written!r} is not a step",
            cause="a step is a number, or a number per second, minute, hour or day",
            remedy="write e.g. `at_most: 50` or `at_most: 50 per hour`",
        )
    return found[1], _SECONDS[found[2].lower()] if found[2] else None


def over(scope: RuleScope, expression: str | float, variable: str) -> str:
    """An expression over the columns of a row, for one tuple variable.

    Raises:
        RuleError: the expression names an unknown column.
    """
    with scope.named_in_errors():
        return over_variable(str(expression), variable, scope.dataset, scope.columns)
