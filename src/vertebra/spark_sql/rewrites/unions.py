"""UNION, INTERSECT and EXCEPT of columns of several types: each part is cast to the common type.

The embedded engine casts to the types of the first part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.spark_sql.inference import Types
from vertebra.spark_sql.rewrites.call import cast
from vertebra.spark_sql.types import FLOATS, INTEGERS, SqlType, common_type
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp


def unite(operation: exp.SetOperation, types: Types) -> exp.Expr | None:
    """Cast the columns of both parts in place; None if nothing has to be cast.

    Raises:
        UnsupportedError: the engines unite the types of a column differently, or the columns of a part cannot be cast.
    """
    left, right = types.columns_of(operation.this), types.columns_of(operation.expression)
    wanted: list[SqlType | None] = []
    for (name, one), two in zip(left.items(), right.values(), strict=False):
        known = one is not None and two is not None and one != two
        common = common_type((one, two)) if known else None
        if known and not _is_simple(one, two, common):
            raise _different(name, one, two)
        wanted.append(common)
    if not any(wanted):
        return None
    for part in (operation.this, operation.expression):
        if not _cast_columns(part, wanted, types):
            name, one, two = next(
                (name, one, two) for (name, one), two in zip(left.items(), right.values(), strict=False) if one != two
            )
            raise _different(name, one, two)
    return operation


def check_united(name: str, one: SqlType | None, two: SqlType | None) -> None:
    """Refuse a column that has two types in the parts of a set operation whose columns cannot be cast.

    Raises:
        UnsupportedError: the types differ.
    """
    if one is not None and two is not None and one != two:
        raise _different(name, one, two)


def _different(name: str, one: SqlType | None, two: SqlType | None) -> UnsupportedError:
    target = common_type((one, two)) or (one if two is None or two.family == "null" else two)
    return UnsupportedError(
        f"the column {name} is {one} in one part and {two} in the other",
        cause="the engines unite values of different types in different ways",
        remedy=f"cast it in both parts, e.g. cast({name} as {target})",
    )


def _is_simple(one: SqlType | None, two: SqlType | None, common: SqlType | None) -> bool:
    """Whether every value stays different when it is cast: integers, decimals, floats of two sizes, and bare NULL."""
    if one is None or two is None or common is None:
        return False
    families = {one.family, two.family}
    return "null" in families or families <= {*INTEGERS} or families <= {*INTEGERS, "decimal"} or families == {*FLOATS}


def _cast_columns(query: exp.Expr, wanted: list[SqlType | None], types: Types) -> bool:
    """Cast the columns of a part of a set operation; False if it has no list of columns."""
    from sqlglot import exp

    match query:
        case exp.Subquery():
            return _cast_columns(query.this, wanted, types)
        case exp.SetOperation():
            return _cast_columns(query.this, wanted, types) and _cast_columns(query.expression, wanted, types)
        case exp.Select() if len(query.expressions) == len(wanted) == len(types.columns_of(query)):
            pass
        case _:
            return False
    items: list[exp.Expr] = []
    for item, kind, known in zip(query.expressions, wanted, types.columns_of(query).values(), strict=True):
        if item.is_star:
            return False
        null = "NULL" if isinstance(item, exp.Null) else ""
        named = item.alias or (item.name if isinstance(item, exp.Column) else null)
        made = cast(item.unalias(), kind) if kind is not None and kind != known else None
        items.append(item if made is None else exp.alias_(made, named, quoted=True) if named else made)
    query.set("expressions", items)
    return True
