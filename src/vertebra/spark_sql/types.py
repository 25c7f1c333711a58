"""Types of Spark SQL values, as far as the check of a query needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp

MAX_PRECISION: Final = 38
"""Digits of the widest decimal."""
_MIN_SCALE: Final = 6
"""Digits after the point that a quotient or product keeps when it has too many digits."""


@dataclass(frozen=True)
class SqlType:
    """A type of Spark SQL.

    Attributes:
        family: ``int``, ``decimal``, ``string``, ``array`` … ; ``null`` is the type of a bare NULL.
        precision: digits of a decimal.
        scale: digits after the point of a decimal.
        element: type of an array's elements or a map's values; None if it is not known.
        key: type of a map's keys.
        fields: a struct's fields in order.
    """

    family: str
    precision: int = 0
    scale: int = 0
    element: SqlType | None = None
    key: SqlType | None = None
    fields: tuple[tuple[str, SqlType | None], ...] = ()

    def field(self, name: str) -> SqlType | None:
        """The type of a struct's field, None if there is none or its type is not known."""
        return next((kind for one, kind in self.fields if one.lower() == name.lower()), None)

    def __str__(self) -> str:
        """The type as Spark SQL writes it."""
        match self.family:
            case "decimal":
                return f"decimal({self.precision},{self.scale})"
            case "array":
                return f"array<{self.element or '?'}>"
            case "map":
                return f"map<{self.key or '?'},{self.element or '?'}>"
            case "struct":
                return f"struct<{','.join(f'{name}:{kind or chr(63)}' for name, kind in self.fields)}>"
            case _:
                return self.family


Columns = Mapping[str, SqlType | None]
"""Names of columns and their types; None where a type is not known."""

BOOLEAN: Final = SqlType("boolean")
INT: Final = SqlType("int")
BIGINT: Final = SqlType("bigint")
DOUBLE: Final = SqlType("double")
STRING: Final = SqlType("string")
DATE: Final = SqlType("date")
TIMESTAMP: Final = SqlType("timestamp")
INTERVAL: Final = SqlType("interval")
NULL: Final = SqlType("null")

INTEGERS: Final = ("tinyint", "smallint", "int", "bigint")
"""Families of integers, narrow ones first."""
FLOATS: Final = ("float", "double")
NUMBERS: Final = (*INTEGERS, "decimal", *FLOATS)
_DIGITS: Final = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
"""Digits of the decimal that holds every integer of a family."""
TIMES: Final = ("date", "timestamp_ntz", "timestamp")


def decimal(precision: int, scale: int) -> SqlType:
    """A decimal type, limited to 38 digits as Spark limits the type of a sum, product or quotient."""
    if precision <= MAX_PRECISION:
        return SqlType("decimal", precision, scale)
    kept = max(MAX_PRECISION - (precision - scale), min(scale, _MIN_SCALE))
    return SqlType("decimal", MAX_PRECISION, kept)


def array(element: SqlType | None) -> SqlType:
    """The type of an array."""
    return SqlType("array", element=element)


def as_decimal(kind: SqlType) -> SqlType | None:
    """The decimal type that holds every value of an integer or decimal type; None for other types."""
    if kind.family == "decimal":
        return kind
    return SqlType("decimal", _DIGITS[kind.family], 0) if kind.family in _DIGITS else None


def common_type(kinds: Iterable[SqlType | None]) -> SqlType | None:
    """The type in which Spark compares or unites values of several types; None if one is unknown or there is none."""
    found: SqlType | None = NULL
    for kind in kinds:
        if found is None or kind is None:
            return None
        found = _common(found, kind)
    return found


def _common(first: SqlType, second: SqlType) -> SqlType | None:
    families = (first.family, second.family)
    if first == second or second == NULL:
        return first
    if first == NULL:
        return second
    if first.family in NUMBERS and second.family in NUMBERS:
        return _common_number(first, second)
    if first.family in TIMES and second.family in TIMES:
        return SqlType(max(families, key=TIMES.index))
    if "string" in families:
        other = second if first.family == "string" else first
        return {**dict.fromkeys((*INTEGERS,), BIGINT), "decimal": DOUBLE, "float": DOUBLE}.get(other.family, other)
    if families == ("array", "array"):
        return array(common_type((first.element, second.element)))
    if families == ("map", "map"):
        return SqlType(
            "map", key=common_type((first.key, second.key)), element=common_type((first.element, second.element))
        )
    if families == ("struct", "struct") and len(first.fields) == len(second.fields):
        pairs = zip(first.fields, second.fields, strict=True)
        return SqlType("struct", fields=tuple((one[0], common_type((one[1], two[1]))) for one, two in pairs))
    return None


def _common_number(first: SqlType, second: SqlType) -> SqlType:
    families = {first.family, second.family}
    if families <= {*INTEGERS}:
        return SqlType(max(families, key=INTEGERS.index))
    if families & {*FLOATS}:
        return SqlType("float") if families == {"float"} else DOUBLE
    one, two = as_decimal(first), as_decimal(second)
    assert one is not None
    assert two is not None
    whole = max(one.precision - one.scale, two.precision - two.scale)
    scale = min(max(one.scale, two.scale), MAX_PRECISION - whole)  # digits before the point are kept
    return SqlType("decimal", whole + scale, scale)


def contains(kind: SqlType | None, families: Sequence[str]) -> bool:
    """Whether a type or one within it is of some families."""
    if kind is None:
        return False
    inner = (kind.element, kind.key, *(field for _, field in kind.fields))
    return kind.family in families or any(contains(one, families) for one in inner)


def family_of(kind: SqlType | None) -> str | None:
    """The family under which the engines are compared: that of a type, for an array with that of its elements.

    Example:
        >>> family_of(parse_type("decimal(10,2)")), family_of(parse_type("array<bigint>"))
        ('decimal', 'array<int>')
    """
    if kind is None or kind.family != "array":
        return kind.family if kind else None
    element = kind.element.family if kind.element else "?"
    return f"array<{'int' if element in INTEGERS else 'double' if element in FLOATS else element}>"


@lru_cache(maxsize=512)
def parse_type(text: str) -> SqlType | None:
    """Read a type as Spark or a declaration writes it, such as ``decimal(10,2)`` or ``array<int>``."""
    from sqlglot import exp
    from sqlglot.errors import ParseError

    try:
        return from_tree(exp.DataType.build(text, dialect="spark"))
    except ParseError:
        return None


def from_tree(tree: exp.DataType) -> SqlType | None:
    """A type from its syntax tree; None for types that the check does not know."""
    from sqlglot import exp

    name = tree.this.value.lower() if isinstance(tree.this, exp.DataType.Type) else str(tree.this).lower()
    family = _FAMILIES.get(name)
    if family == "decimal":
        digits = [int(part.name) for part in tree.expressions]
        return SqlType("decimal", digits[0] if digits else 10, digits[1] if len(digits) > 1 else 0)
    if family == "array":
        return array(_inner(tree.expressions[0])) if tree.expressions else array(None)
    if family == "map":
        key, element = (_inner(one) for one in tree.expressions)
        return SqlType("map", key=key, element=element)
    if family == "struct":
        return SqlType("struct", fields=tuple((one.name, _inner(one.args.get("kind"))) for one in tree.expressions))
    return SqlType(family) if family else None


def _inner(tree: exp.Expression | None) -> SqlType | None:
    from sqlglot import exp

    return from_tree(tree) if isinstance(tree, exp.DataType) else None


_FAMILIES: Final = {
    "boolean": "boolean", "tinyint": "tinyint", "smallint": "smallint", "int": "int", "bigint": "bigint",
    "float": "float", "double": "double", "decimal": "decimal", "text": "string", "varchar": "string", "char": "string",
    "nchar": "string", "nvarchar": "string", "binary": "binary", "varbinary": "binary", "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp", "timestampltz": "timestamp", "timestampntz": "timestamp_ntz",
    "datetime": "timestamp_ntz", "array": "array", "map": "map", "struct": "struct", "interval": "interval",
    "null": "null", "list": "array",
}  # fmt: skip
