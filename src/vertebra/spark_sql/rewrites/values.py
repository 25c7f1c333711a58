"""Functions of numbers, texts and arrays that need another form in the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast, expression
from vertebra.spark_sql.types import FLOATS
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_WHOLE: Final = "4503599627370496D"
"""Doubles from here on have no digits after the point."""


def _isnan(call: Call) -> exp.Expr | None:
    """NULL is not NaN: false, where the embedded engine gives NULL."""
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None:
        return None
    if kind.family not in FLOATS:
        return expression("isnan(cast(__x as double)) is true", x=call.arguments[0])
    return expression("isnan(__x) is true", x=call.arguments[0])


def _rounded(call: Call) -> exp.Expr | None:
    """The type of a rounded decimal."""
    if len(call.arguments) > 1 and not _is_whole_number(call.arguments[1]):
        raise UnsupportedError(
            f"the digits of {call.name} are not a literal",
            cause="Apache Spark takes a whole number only",
            remedy=f"write the number of digits, e.g. {call.name}(x, 2)",
        )
    if call.kind is not None and call.kind.family == "decimal":
        return cast(call.function, call.kind)
    if call.kind is None or call.kind.family not in FLOATS or len(call.arguments) < 2:
        return None
    if not call.arguments[1].unnest().name.isdigit():
        return None
    whole = expression(
        f"case when abs(__x) >= {_WHOLE} then __x else __rounded end", x=call.arguments[0], rounded=call.function
    )
    return cast(whole, call.kind)


def _array_contains(call: Call) -> exp.Expr | None:
    """An array without the value but with a NULL may contain it: NULL."""
    if len(call.arguments) != 2 or None in call.kinds:
        return None
    return expression(
        "if(__a is null or __x is null, null, if(array_contains(__a, __x), true,"
        " if(exists(__a, element -> element is null), null, false)))",
        a=call.arguments[0],
        x=call.arguments[1],
    )


def _is_whole_number(node: exp.Expr) -> bool:
    from sqlglot import exp

    node = node.unnest()
    return (node.this.unnest() if isinstance(node, exp.Neg) else node).name.isdigit()


def _as_text(call: Call) -> exp.Expr | None:
    """Numbers and times in JSON and CSV are written otherwise."""
    raise UnsupportedError(
        f"{call.name} is only available on Apache Spark",
        cause="the embedded engine writes numbers and times in another way",
        remedy="keep the columns, or put a text together with concat(…)",
    )


def _logarithm(call: Call) -> exp.Expr | None:
    """The logarithm of NaN is NaN; the embedded engine gives NULL."""
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None or kind.family not in FLOATS:
        return None
    return expression(f"case when isnan(__x) then cast('NaN' as double) else {call.name}(__x) end", x=call.arguments[0])


def _power(call: Call) -> exp.Expr | None:
    """A power to NaN is NaN, of 1 too."""
    if len(call.kinds) != 2 or call.kinds[1] is None or call.kinds[1].family not in FLOATS:
        return None
    x, y = call.arguments
    return expression(f"case when isnan(__y) then cast('NaN' as double) else {call.name}(__x, __y) end", x=x, y=y)


def _rint(call: Call) -> exp.Expr | None:
    """The nearest whole number, halves to the even one."""
    if len(call.arguments) != 1 or call.kinds[0] is None:
        return None
    return expression(
        f"case when abs(__x) >= {_WHOLE} or isnan(__x) then __x"
        " when abs(__x) % 1D = 0.5D then 2D * round(__x / 2D) else round(__x) end",
        x=cast(call.arguments[0], "double"),
    )


def _percentile(call: Call) -> exp.Expr | None:
    """NaN among the values stops the query: the embedded engine orders it otherwise."""
    from sqlglot import exp

    kind = call.kinds[0] if call.kinds else None
    if len(call.arguments) > 2:
        raise UnsupportedError(
            f"{call.name} with frequencies is not supported here",
            cause="the embedded engine ignores them",
            remedy="repeat the rows: explode(array_repeat(x, n))",
        )
    if kind is None or kind.family not in FLOATS or not isinstance(call.function, exp.Anonymous):
        return None
    stop = "cast(raise_error(concat('a percentile of NaN is not supported', cast(__x as string))) as double)"
    node = call.node.copy()
    function = node
    while isinstance(function, exp.Window | exp.Filter):
        function = function.this
    guarded = expression(f"case when isnan(__x) then {stop} else __x end", x=cast(call.arguments[0], "double"))
    function.set("expressions", [guarded, *[one.copy() for one in call.arguments[1:]]])
    return node


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("ln", "log10", "log2", "log1p"), _logarithm),
    **dict.fromkeys(("pow", "power"), _power),
    **dict.fromkeys(("percentile", "median"), _percentile),
    **dict.fromkeys(("round", "bround"), _rounded),
    **dict.fromkeys(("to_json", "to_csv"), _as_text),
    "rint": _rint,
    "isnan": _isnan,
    "array_contains": _array_contains,
}
