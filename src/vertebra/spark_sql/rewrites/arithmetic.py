"""Arithmetic of integers, which wraps around in the embedded engine, and of decimals, which it truncates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.arithmetic_types import operands
from vertebra.spark_sql.rewrites.call import Call, Rule, cast, narrowed
from vertebra.spark_sql.rewrites.divisors import guarded, with_both
from vertebra.spark_sql.types import FLOATS, INTEGERS, MAX_PRECISION, NUMBERS, SqlType, as_decimal
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_WIDER: Final = {"tinyint": "int", "smallint": "int", "int": "bigint", "bigint": "decimal(20,0)"}
"""A type in which the sum, difference or product of two integers of a type fits; for products of 64-bit integers two
decimals of 19 digits, whose product has 38."""
_MORE_DIGITS: Final = 4
"""Digits after the point that a quotient of the embedded engine has more than its dividend."""


def _sum_difference_or_product(call: Call) -> exp.Expr | None:
    if len(call.arguments) != 2:
        return None
    pair = _known_operands(call)
    if pair is None:
        return None
    families = {one.family for one in pair}
    if families & {"date", "interval"}:
        return _of_dates(call, families)
    if families <= {*INTEGERS}:
        return _checked_integers(call, max(families, key=INTEGERS.index))
    if call.kind is not None and call.kind.family == "decimal":
        _refuse_too_many_digits(call, pair)
        return cast(_with_operands(call, pair), call.kind)
    return _of_floats(call)


def moves_by_interval(name: str, arguments: Sequence[exp.Expr], kinds: Sequence[SqlType | None]) -> bool:
    """Whether a date or timestamp is moved by an interval that is written, such as ``interval 1 month``."""
    if name not in ("+", "-") or len(kinds) != 2:
        return False
    moved = [kind.family for kind, one in zip(kinds, arguments, strict=True) if kind and one.unnest().key != "interval"]
    return len(moved) == 1 and moved[0] in ("date", "timestamp", "timestamp_ntz")


def _of_dates(call: Call, families: set[str]) -> exp.Expr | None:
    if families == {"date"}:
        raise UnsupportedError(
            "the difference of two dates is an interval",
            cause="the embedded engine gives a number of days",
            remedy="write datediff(end, start)",
        )
    if call.kind is None or call.kind.family != "timestamp" or "date" not in families:
        return None
    node = call.function.copy()
    place = 0 if call.kinds[0] is not None and call.kinds[0].family == "date" else 1
    node.set(("this", "expression")[place], cast(call.arguments[place], "timestamp"))
    return node


_CALENDAR: Final = frozenset(
    {*itertools.product("+-", ("date", "timestamp", "timestamp_ntz", "interval")), ("*", "interval"), ("/", "interval")}
)
"""Arithmetic of what is not a number."""


def _refuse_other_types(call: Call) -> None:
    """Refuse what Apache Spark refuses; the embedded engine computes with the bits of a boolean."""
    families = [kind.family for kind in call.kinds if kind is not None]
    wrong = [one for one in families if one not in (*NUMBERS, "null") and (call.name, one) not in _CALENDAR]
    if "date" in families and "bigint" in families:
        wrong.append("bigint beside a date")
    if wrong:
        raise UnsupportedError(
            f"{' '.join([wrong[0], call.name])} is not arithmetic of numbers",
            cause="Apache Spark refuses it, or casts each text to a number, which the embedded engine does otherwise",
            remedy=f"cast to a number: cast({_short(call.arguments[0])} as double)",
        )


def _with_operands(call: Call, kinds: Sequence[SqlType]) -> exp.Expr:
    """The call with operands cast to decimals of these types, where they are of other types."""
    node = call.function.copy()
    for key, argument, kind, target in zip(("this", "expression"), call.arguments, call.kinds, kinds, strict=True):
        wanted = as_decimal(target)
        if wanted is not None and kind != wanted:
            node.set(key, cast(argument, wanted))
    return node


def _of_floats(call: Call) -> exp.Expr | None:
    """Operands of different types whose result is a float: cast to it."""
    if call.kind is None or call.kind.family not in FLOATS or call.kinds[0] == call.kinds[1]:
        return None
    if any(kind is None or kind.family not in (*NUMBERS, "string") for kind in call.kinds):
        return None
    node = call.function.copy()
    for key, argument in zip(("this", "expression"), call.arguments, strict=True):
        node.set(key, cast(argument, call.kind))
    return node


def _remainder(call: Call) -> exp.Expr | None:
    pair = _known_operands(call) if len(call.arguments) == 2 else None
    if pair is None or call.kind is None:
        return None
    if call.kind.family == "decimal":
        return cast(_with_operands(call, pair), call.kind)
    return _of_floats(call)


def _known_operands(call: Call) -> tuple[SqlType, SqlType] | None:
    """The types of both operands; None where nothing depends on them or they are not known yet."""
    _refuse_other_types(call)
    pair = operands(call.kinds, call.arguments)
    if pair is None and call.complete:
        unknown = call.arguments[0 if call.kinds[0] is None else 1]
        raise UnsupportedError(
            f"the type of an operand of {call.name} is not known",
            cause="numbers of different types are computed in different ways",
            remedy=f"give the type: cast({_short(unknown)} as double)",
        )
    return pair


def _short(node: exp.Expr) -> str:
    text = node.sql(dialect="spark")
    return text if len(text) <= 40 else "…"


def _checked_integers(call: Call, family: str) -> exp.Expr:
    """Compute in a wider type and cast the result back, which fails where it does not fit."""
    wide = _WIDER[family]
    if call.name == "*" and family == "bigint":
        wide = "decimal(19,0)"
    node = call.function.copy()
    node.set("this", cast(call.arguments[0], wide))
    node.set("expression", cast(call.arguments[1], wide))
    return cast(node, family)


def _refuse_too_many_digits(call: Call, pair: tuple[SqlType, SqlType]) -> None:
    """Refuse decimals whose sum or product can have more than 38 digits: the embedded engine does not notice it."""
    one, two = (as_decimal(kind) for kind in pair)
    if one is None or two is None:
        return
    scale = one.scale + two.scale if call.name == "*" else max(one.scale, two.scale)
    whole = (
        one.precision - one.scale + two.precision - two.scale
        if call.name == "*"
        else max(one.precision - one.scale, two.precision - two.scale)
    )
    if whole + scale + 1 > MAX_PRECISION:
        raise UnsupportedError(
            f"{one} {call.name} {two} can have more than {MAX_PRECISION} digits",
            cause="the embedded engine does not notice when a decimal overflows",
            remedy=f"cast to fewer digits, e.g. cast({_short(call.arguments[0])} as decimal(18,{min(one.scale, 6)}))",
        )


def _quotient(call: Call) -> exp.Expr | None:
    """Divide decimals to one more digit, then round half up; the embedded engine truncates."""
    pair = _known_operands(call)
    if pair is None or call.kind is None:
        return None
    if call.kind.family != "decimal":
        return _of_floats(call) if "float" in {one.family for one in pair} else None
    one, two = (as_decimal(kind) for kind in pair)
    if one is None or two is None:
        return None
    scale = max(call.kind.scale + 1 - _MORE_DIGITS, one.scale)
    dividend = SqlType("decimal", one.precision - one.scale + scale, scale)
    digits = dividend.precision + two.scale + _MORE_DIGITS
    if dividend.precision > MAX_PRECISION or digits > MAX_PRECISION:
        raise UnsupportedError(
            f"{one} / {two} has too many digits to be rounded",
            cause="the embedded engine truncates quotients of decimals instead of rounding them",
            remedy="divide numbers of fewer digits, e.g. cast(… as decimal(10,2)), or divide as double",
        )
    node = call.function.copy()
    node.set("this", cast(call.arguments[0], dividend))
    node.set("expression", cast(call.arguments[1], two))
    return cast(narrowed(node, None, call.kind) or node, call.kind)


def _shifted(call: Call) -> exp.Expr | None:
    """Narrow integers are shifted as int."""
    if call.kinds[0] is None or call.kinds[0].family not in ("tinyint", "smallint"):
        return None
    from sqlglot import exp

    node = call.function.copy()
    first = cast(call.arguments[0], "int")
    if isinstance(node, exp.Anonymous):
        node.set("expressions", [first, *[one.copy() for one in call.arguments[1:]]])
    else:
        node.set("this", first)
    return node


def _inverted(call: Call) -> exp.Expr | None:
    kind = call.kinds[0]
    if kind is None or kind.family not in ("tinyint", "smallint"):
        return None
    node = call.function.copy()
    node.set("this", cast(call.arguments[0], "int"))
    return cast(node, kind)


def _negated(call: Call) -> exp.Expr | None:
    kind = call.kinds[0] if call.kinds else None
    if call.name == "negative" and call.kind != kind and call.kind is not None and call.kind.family in INTEGERS:
        return cast(call.function, call.kind)  # -2147483648, an int
    if kind is not None and kind.family == "decimal" and kind.precision == MAX_PRECISION:
        raise UnsupportedError(
            f"{call.name} of {kind} is not supported here",
            cause="Apache Spark refuses some values of 38 digits, and the embedded engine does not",
            remedy=f"cast to fewer digits: cast({_short(call.arguments[0])} as decimal(28,{min(kind.scale, 10)}))",
        )
    return None


def _absolute(call: Call) -> exp.Expr | None:
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is not None and kind.family not in (*NUMBERS, "string", "null"):
        raise UnsupportedError(
            f"abs of {kind} is not a number", cause="Apache Spark refuses it", remedy="write abs of a number"
        )
    return _negated(call)


def _whole_quotient(call: Call) -> exp.Expr | None:
    """``x div y`` of narrow integers is a bigint; the embedded engine does not widen the smallest one by -1."""
    families = {kind.family for kind in call.kinds if kind is not None}
    if len(call.kinds) != 2 or None in call.kinds or not families <= {"tinyint", "smallint", "int"}:
        return None
    return with_both(call, cast(call.arguments[0], "bigint"), cast(call.arguments[1], "bigint"))


def _positive_remainder(call: Call) -> exp.Expr | None:
    """``pmod`` of narrow integers, which Apache Spark computes as int."""
    if len(call.kinds) != 2 or call.kind is None or call.kind.family not in ("tinyint", "smallint"):
        return None
    wide = _WIDER[call.kind.family]
    return cast(with_both(call, *(cast(one, wide) for one in call.arguments)), call.kind)


def _positive(call: Call) -> exp.Expr | None:
    """``+text`` is a number."""
    kind = call.kinds[0] if call.kinds else None
    return cast(call.arguments[0], "double") if kind is not None and kind.family == "string" else None


RULES: Final[dict[str, Rule]] = {
    "+": _sum_difference_or_product, "-": _sum_difference_or_product, "*": _sum_difference_or_product,
    "/": guarded(_quotient), "%": guarded(_remainder), "mod": guarded(lambda _: None), "div": guarded(_whole_quotient),
    **dict.fromkeys(("<<", ">>", "shiftleft", "shiftright"), _shifted), "~": _inverted,
    "pmod": _positive_remainder, "negative": _negated, "positive": _positive, "abs": _absolute,
}  # fmt: skip
CHECKED: Final = frozenset({"abs"})
"""Functions whose rules decide by the digits of a decimal, not by the family of its type."""
