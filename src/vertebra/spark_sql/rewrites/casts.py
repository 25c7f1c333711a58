"""Casts that the embedded engine makes otherwise: of texts to integers, and of floats to decimals."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast, expression, narrowed, try_cast
from vertebra.spark_sql.types import FLOATS, INTEGERS, from_tree

if TYPE_CHECKING:
    from sqlglot import exp

_DATE: Final = r"'(?s)^[\\x00-\\x20]*(?:([+-]?[0-9]+-[0-9]{1,2}-[0-9]{1,2})T.*|(.*?)[\\x00-\\x20]*)$', '$1$2'"
"""A pattern for the date in a text and what to replace it by."""
_WHOLE_NUMBER: Final = r"'^[\\x00-\\x20]*[+-]?[0-9]+[\\x00-\\x20]*$'"


def _cast(call: Call) -> exp.Expr | None:
    from sqlglot import exp

    kind = call.kinds[0] if call.kinds else None
    if not isinstance(call.function, exp.Cast) or kind is None:
        return None
    target = from_tree(call.function.to)
    if target is None:
        return None
    if kind.family == "string" and target.family in INTEGERS:
        return _of_text(call, str(target))
    if kind.family == "string" and target.family == "date":
        made = text_as_date(call.arguments[0], call.name)
        return None if made == call.function else made
    if kind.family in FLOATS and target.family == "decimal":
        # a decimal has the digits that the float is written with: 1.005 is 1.01, though it is a little less
        # NaN and infinity are NULL
        finite = f"abs(__x) < cast('Infinity' as {kind.family})"
        zero = f"abs(__x) < 4e-{target.scale + 1}"  # too small for the decimal, and written with an exponent
        number = f"{call.name}(cast(__x as string) as {target})"
        return expression(
            f"case when {zero} then cast(0 as {target}) when {finite} then {number} end", x=call.arguments[0]
        )
    if kind.family == "decimal" and target.family in ("decimal", *INTEGERS):
        whole = narrowed(call.arguments[0], kind, target)
        return None if whole is None else expression(f"{call.name}(__x as {target})", x=whole)
    if kind.family == "boolean" and target.family == "decimal":
        return expression(f"{call.name}(cast(__x as int) as {target})", x=call.arguments[0])
    if kind.family == "decimal" and target.family == "boolean":
        return expression("__x != 0", x=call.arguments[0])
    return None


def text_as_date(node: exp.Expr, name: str = "cast") -> exp.Expr:
    """A text cast to a date; with blanks around it, or with a time after ``T``, too.

    Args:
        name: ``cast`` or ``try_cast``.
    """
    literal = node.unnest()
    if literal.key == "literal" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", literal.name):
        return cast(node, "date") if name == "cast" else try_cast(node, "date")
    return expression(f"{name}(regexp_replace(__x, {_DATE}) as date)", x=node)


def _of_text(call: Call, target: str) -> exp.Expr:
    """Only digits are an integer; the embedded engine also takes 1.5 for 1."""
    if call.name == "try_cast":
        stop = "null"
    else:
        stop = "cast(raise_error(concat('[CAST_INVALID_INPUT] ', __x, ' is not a whole number')) as __t)"
        stop = stop.replace("__t", target)
    number = f"case when __x rlike {_WHOLE_NUMBER} then {call.name}(__x as {target})"
    return expression(f"{number} when __x is null then null else {stop} end", x=call.arguments[0])


def _named_after_a_type(call: Call) -> exp.Expr | None:
    """``int(x)`` is ``cast(x as int)``."""
    if len(call.arguments) != 1 or call.kinds[0] is None:
        return None
    made = cast(call.arguments[0], call.name)
    return _cast(replace(call, name="cast", function=made, node=made)) or made


RULES: Final[dict[str, Rule]] = {
    "cast": _cast,
    "try_cast": _cast,
    **dict.fromkeys(
        ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "date", "timestamp", "string"),
        _named_after_a_type,
    ),
}
