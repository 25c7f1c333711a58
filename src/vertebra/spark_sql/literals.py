"""The types of literals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.types import BIGINT, BOOLEAN, DOUBLE, INT, NULL, STRING, SqlType, decimal

if TYPE_CHECKING:
    from sqlglot import exp

MAX_INT: Final = 2**31 - 1
_MAX_BIGINT: Final = 2**63 - 1


def literal_type(node: exp.Expr) -> SqlType | None:
    """The type of a literal."""
    from sqlglot import exp

    match node:
        case exp.Boolean():
            return BOOLEAN
        case exp.Null():
            return NULL
        case exp.HexString():
            return SqlType("binary")
        case exp.RawString():
            return STRING
        case exp.Literal() if node.is_string:
            return STRING
    return number_type(node.name)


def number_type(text: str) -> SqlType:
    """The type that Spark gives a number: integers the narrowest from int, ``1.5`` a decimal, ``1e3`` a double."""
    if "e" in text.lower():
        return DOUBLE
    whole, _, part = text.partition(".")
    if "." in text:
        digits = whole.lstrip("0")
        return decimal(max(len(digits) + len(part), 1), len(part))
    value = int(whole)
    if value <= MAX_INT:
        return INT
    return BIGINT if value <= _MAX_BIGINT else decimal(len(whole.lstrip("0")), 0)
