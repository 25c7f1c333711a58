"""``range: {distance: [1, 5000]}`` denies values outside; an end may be open: ``[0, null]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vertebra.declare.rule_scope import RuleScope, column_of
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.errors import DeclarationError


class Range(Sugar):
    """Columns whose values lie between two ends, both included."""

    name = "range"
    position = 30
    summary = "Every value lies between the two ends, both included; null leaves an end open."
    rule_type = dict[str, tuple[Any, Any]]
    column_type = tuple[Any, Any]
    example = {"distance": (1, 12500)}  # noqa: RUF012

    def compile(self, value: Mapping[str, tuple[Any, Any]], scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``t.distance not between 1 and 5000``, or one comparison where an end is open."""
        for column, (low, high) in value.items():
            scope.check_columns([column])
            _check_ends(scope, low, high)
            reference, first, last = column_of("t", column), scope.literal(column, low), scope.literal(column, high)
            text = f"{reference} not between {first} and {last}"
            if low is None or high is None:
                text = f"{reference} > {last}" if low is None else f"{reference} < {first}"
            yield scope.constraint_name(column, value), scope.parse(text)


def _check_ends(scope: RuleScope, low: Any, high: Any) -> None:
    if low is None and high is None:
        raise DeclarationError(
            f"{scope.label} allows every value",
            cause="both ends of its range are open",
            remedy="write a lower or an upper end, e.g. `range: [0, null]`",
        )
    if type(low) is type(high) and low > high:
        raise DeclarationError(
            f"{scope.label} allows no value",
            cause=f"its range begins at {low} and ends at {high}",
            remedy=f"write range: [{high}, {low}]",
        )


SUGAR = Range()
