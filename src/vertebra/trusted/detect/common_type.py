"""The type in which Spark compares values of two types.

Engines widen the sides of a comparison automatically. In a union, however, the embedded engine may keep the type of the
first part, so values are cast to a common type before a union.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql.types import DataType

_DIGITS: Final = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
_MOST_DIGITS: Final = 38


def common_type(one: DataType, two: DataType) -> DataType | None:
    """The type that holds all values of both without loss; None if there is none, or they are not comparable.

    Source: the type promotion of Spark SQL, https://spark.apache.org/docs/latest/sql-ref-ansi-compliance.html.
    """
    from pyspark.sql import types as T

    if isinstance(one, T.StringType | T.CharType | T.VarcharType):
        return T.StringType() if isinstance(two, T.StringType | T.CharType | T.VarcharType) else None
    if one == two:
        return one
    if isinstance(one, T.NumericType) and isinstance(two, T.NumericType):
        return _number(one, two)
    moments = (T.DateType, T.TimestampNTZType, T.TimestampType)
    if isinstance(one, moments) and isinstance(two, moments):
        return max(one, two, key=lambda kind: moments.index(type(kind)))
    return None


def _number(one: DataType, two: DataType) -> DataType | None:
    from pyspark.sql import types as T

    if any(isinstance(kind, T.DoubleType | T.FloatType) for kind in (one, two)):
        return T.DoubleType()
    if not any(isinstance(kind, T.DecimalType) for kind in (one, two)):
        return max(one, two, key=lambda kind: _DIGITS[kind.simpleString()])
    (before_one, after_one), (before_two, after_two) = _places(one), _places(two)
    after = max(after_one, after_two)
    precision = max(before_one, before_two) + after
    return T.DecimalType(precision, after) if precision <= _MOST_DIGITS else None


def _places(kind: DataType) -> tuple[int, int]:
    """Digits before and after the decimal point."""
    from pyspark.sql.types import DecimalType

    if isinstance(kind, DecimalType):
        return kind.precision - kind.scale, kind.scale
    return _DIGITS[kind.simpleString()], 0
