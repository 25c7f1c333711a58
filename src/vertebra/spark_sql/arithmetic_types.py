"""The result types of arithmetic operators, by Spark's rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.types import (
    DATE,
    DOUBLE,
    INTEGERS,
    INTERVAL,
    SqlType,
    as_decimal,
    common_type,
    decimal,
)

if TYPE_CHECKING:
    from sqlglot import exp

Kinds = Sequence["SqlType | None"]
"""The types of arguments, None where unknown."""

_DIVISION_SCALE: Final = 6
"""Digits after the point that a quotient of decimals has at least."""


def families(kinds: Kinds) -> set[str]:
    """The families of types, of those that are known."""
    return {kind.family for kind in kinds if kind is not None}


def operands(kinds: Kinds, arguments: Sequence[exp.Expr]) -> tuple[SqlType, SqlType] | None:
    """The types of both operands of an arithmetic operator as Spark computes with them; None if one is unknown.

    A text beside a number is the number that it is cast to, and a whole number beside a decimal has only the digits
    that are written.
    """
    if len(kinds) != 2 or kinds[0] is None or kinds[1] is None:
        return None
    one, two = kinds[0], kinds[1]
    if "decimal" in (one.family, two.family):
        one, two = (_with_own_digits(kind, node) for kind, node in zip((one, two), arguments, strict=True))
    if "string" in (one.family, two.family):
        shared = common_type((one, two))
        return (shared, shared) if shared and shared.family != "string" else (DOUBLE, DOUBLE)
    if "null" in (one.family, two.family):
        known = two if one.family == "null" else one
        return known, known
    return one, two


def _with_own_digits(kind: SqlType, node: exp.Expr) -> SqlType:
    node = node.unnest()
    if node.key in ("neg", "cast", "trycast"):  # -3 and 10L
        node = node.this.unnest()
    digits = node.name if node.key == "literal" else ""
    if kind.family not in INTEGERS or not digits.isdigit():
        return kind
    return SqlType("decimal", max(len(digits.lstrip("0")), 1), 0)


def sum_or_difference(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """The type of ``+`` and ``-``."""
    pair = operands(kinds, arguments)
    if pair is None:
        return None
    families = {one.family for one in pair}
    if "date" in families:
        if families == {"date"}:
            return INTERVAL
        return DATE if families & {*INTEGERS} else _date_and_interval(arguments)
    for moment in ("timestamp", "timestamp_ntz"):
        if moment in families:
            return INTERVAL if families <= {"timestamp", "timestamp_ntz"} else SqlType(moment)
    if families == {"interval"}:
        return INTERVAL
    exact = _decimals(pair)
    if exact:
        (p1, s1), (p2, s2) = exact
        return decimal(max(s1, s2) + max(p1 - s1, p2 - s2) + 1, max(s1, s2))
    return common_type(pair)


def _date_and_interval(arguments: Sequence[exp.Expr]) -> SqlType | None:
    """A date and days or months is a date; a date and a part of a day is a timestamp."""
    from sqlglot import exp

    for one in arguments:
        if isinstance(one.unnest(), exp.Interval):
            unit = str(one.unnest().args.get("unit") or one.unnest().this).lower()
            return SqlType("timestamp") if any(part in unit for part in ("hour", "minute", "second")) else DATE
    return None


def _decimals(pair: tuple[SqlType, SqlType]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Precision and scale of both operands of decimal arithmetic; None if it is not decimal."""
    if not any(one.family == "decimal" for one in pair):
        return None
    one, two = (as_decimal(kind) for kind in pair)
    return ((one.precision, one.scale), (two.precision, two.scale)) if one and two else None


def product(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """The type of ``*``."""
    return _scaled(kinds, arguments, lambda p1, s1, p2, s2: decimal(p1 + p2 + 1, s1 + s2), common_type)


def quotient(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """The type of ``/``."""

    def of_decimals(p1: int, s1: int, p2: int, s2: int) -> SqlType | None:
        scale = max(_DIVISION_SCALE, s1 + p2 + 1)
        return decimal(p1 - s1 + s2 + scale, scale)

    return _scaled(kinds, arguments, of_decimals, lambda _: DOUBLE)


def _scaled(
    kinds: Kinds,
    arguments: Sequence[exp.Expr],
    of_decimals: Callable[[int, int, int, int], SqlType | None],
    of_others: Callable[[tuple[SqlType, SqlType]], SqlType | None],
) -> SqlType | None:
    """The type of an operator that scales numbers and intervals.

    Args:
        of_decimals: its type by precision and scale of the first operand, and of the second.
        of_others: its type by those of operands that are no decimals.
    """
    pair = operands(kinds, arguments)
    if pair is None:
        return None
    if "interval" in families(pair):
        return INTERVAL
    exact = _decimals(pair)
    return of_decimals(*exact[0], *exact[1]) if exact else of_others(pair)


def remainder(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """The type of ``%``."""
    pair = operands(kinds, arguments)
    if pair is None:
        return None
    exact = _decimals(pair)
    if exact:
        (p1, s1), (p2, s2) = exact
        return decimal(min(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2))
    return common_type(pair)
