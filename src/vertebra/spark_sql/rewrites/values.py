"""Functions of numbers, texts and arrays that need another form in the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast, expression
from vertebra.spark_sql.types import FLOATS, INTEGERS, NUMBERS
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
    """The type of a rounded decimal; floats with the digits that they are written with, as Apache Spark rounds them."""
    if len(call.arguments) > 1 and not _is_whole_number(call.arguments[1]):
        raise UnsupportedError(
            f"the digits of {call.name} are not a literal",
            cause="Apache Spark takes a whole number only",
            remedy=f"write the number of digits, e.g. {call.name}(x, 2)",
        )
    if call.kind is not None and call.kind.family == "decimal":
        return cast(call.function, call.kind) if call.name == "round" else None
    floats = call.kind is not None and call.kind.family in FLOATS and call.kinds[0] is not None
    if call.kind is None or not floats or len(call.arguments) < 2:
        return None
    node = call.arguments[1].unnest()
    digits = node.name if node.key == "literal" else ""
    if call.name == "bround" or not digits.isdigit() or int(digits) > _MOST_DIGITS:
        raise UnsupportedError(
            f"{call.name} of floats to {call.arguments[1].sql()} digits",
            cause="the embedded engine rounds them otherwise",
            remedy="write round(x, 2), of 0 to 20 digits; or round a decimal: round(cast(x as decimal(18,6)), 2)",
        )
    x = call.arguments[0] if call.kinds[0] == call.kind else cast(call.arguments[0], call.kind)
    return _rounded_float(x, call.kind.family, int(digits))


_MOST_DIGITS: Final = 20


def _rounded_float(x: exp.Expr, family: str, digits: int) -> exp.Expr:
    """Round the decimal that a float is written as: 1.005 to two digits is 1.01, though the float is a little less."""
    text = "cast(__x as string)"
    of_text = f"cast(round(cast(__text as decimal(38,__scale)), {digits}) as {family})"
    number = of_text.replace("__text", text).replace("__scale", "22")
    part = of_text.replace("__text", text).replace("__scale", str(min(digits + 17, 37)))
    # below 1e-5, it is written with an exponent
    zeros = f"repeat('0', cast(substring_index(lower({text}), 'e-', -1) as int) - 1)"
    written = f"replace(replace(substring_index(lower({text}), 'e-', 1), '.', ''), '-', '')"
    plain = f"concat(if(__x < 0, '-0.', '0.'), {zeros}, {written})"
    small = of_text.replace("__text", plain).replace("__scale", str(min(digits + 17, 37)))
    return expression(
        f"case when isnan(__x) or abs(__x) >= {_WHOLE} then __x"
        f" when abs(__x) < 4e-{digits + 1} then cast(0 as {family})"
        + (f" when abs(__x) < 1e-5 then {small}" if digits > 4 else "")
        + f" when abs(__x) < 1 then {part} else {number} end",
        x=x,
    )


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


def _of_doubles(call: Call) -> exp.Expr | None:
    """Functions of doubles: other numbers and texts are cast, which the embedded engine does otherwise."""
    cast_of = ("string", "decimal")
    if not any(kind is not None and kind.family in cast_of for kind in call.kinds):
        return None
    node = call.function.copy()
    parts = [
        cast(one, "double") if kind is not None and kind.family in cast_of else one.copy()
        for one, kind in zip(call.arguments, call.kinds, strict=True)
    ]
    node.set("expressions", parts)
    return node


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
    """NaN or infinity among the values stops the query: the embedded engine orders or interpolates it otherwise."""
    from sqlglot import exp

    kind = call.kinds[0] if call.kinds else None
    if len(call.arguments) > 2:
        raise UnsupportedError(
            f"{call.name} with frequencies is not supported here",
            cause="the embedded engine ignores them",
            remedy="repeat the rows: explode(array_repeat(x, n))",
        )
    if kind is not None and kind.family not in (*NUMBERS, "string", "null", "interval"):
        raise UnsupportedError(
            f"{call.name} of {kind}",
            cause="Apache Spark refuses it",
            remedy=f"write {call.name} of a number, e.g. {call.name}(unix_micros(x))",
        )
    if kind is None or kind.family not in FLOATS or not isinstance(call.function, exp.Anonymous):
        return None
    stop = (
        "cast(raise_error(concat('a percentile of NaN or infinity is not supported: ', cast(__x as string))) as double)"
    )
    node = call.node.copy()
    function = node
    while isinstance(function, exp.Window | exp.Filter):
        function = function.this
    infinite = "isnan(__x) or abs(__x) = cast('Infinity' as double)"
    guarded = expression(f"case when {infinite} then {stop} else __x end", x=cast(call.arguments[0], "double"))
    function.set("expressions", [guarded, *[one.copy() for one in call.arguments[1:]]])
    return node


def _approximate(call: Call) -> exp.Expr | None:
    """Estimates: each engine has a method of its own, and they differ on many values."""
    x = call.arguments[0].sql(dialect="spark") if call.arguments else "x"
    remedies = {"approx_count_distinct": f"write count(distinct {x})"}
    raise UnsupportedError(
        f"{call.name} is an estimate that each engine makes in another way",
        cause="the same data would have another result on Apache Spark",
        remedy=remedies.get(call.name, f"write percentile({x}, 0.5), which is exact"),
    )


def _factorial(call: Call) -> exp.Expr | None:
    """NULL below 0 and above 20; the embedded engine stops there."""
    return expression("case when __x between 0 and 20 then factorial(__x) end", x=call.arguments[0])


def _character(call: Call) -> exp.Expr | None:
    """The character of the last eight bits of a number, none of a negative one."""
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is not None and kind.family not in INTEGERS:
        raise UnsupportedError(
            f"{call.name} of {kind}",
            cause="the engines cast it to a whole number differently",
            remedy=f"write {call.name}(cast(x as int))",
        )
    return expression(
        "case when __x is null then null when __x < 0 then '' else chr(cast(pmod(__x, 256) as bigint)) end",
        x=call.arguments[0],
    )


def _reversed(call: Call) -> exp.Expr | None:
    """A number, date or boolean is reversed as text."""
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None or kind.family not in (*INTEGERS, "decimal", "boolean", "date"):
        return None
    return expression("reverse(__x)", x=cast(call.arguments[0], "string"))


def _neighbour(call: Call) -> exp.Expr | None:
    """``lag`` and ``lead`` with a default that is not a literal."""
    if len(call.arguments) > 2 and call.arguments[2].unnest().key not in ("literal", "null", "boolean", "neg", "cast"):
        raise UnsupportedError(
            f"{call.name} with a default that is not a literal",
            cause="the embedded engine takes a literal only",
            remedy=f"write coalesce({call.name}(x, 1) over (…), y), where x is never NULL",
        )
    return None


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("approx_count_distinct", "percentile_approx", "approx_percentile", "approx_top_k"), _approximate),
    "factorial": _factorial,
    **dict.fromkeys(("chr", "char"), _character),
    "reverse": _reversed,
    **dict.fromkeys(("lag", "lead"), _neighbour),
    **dict.fromkeys(("ln", "log10", "log2", "log1p"), _logarithm),
    **dict.fromkeys(("pow", "power"), _power),
    **dict.fromkeys(("percentile", "median"), _percentile),
    **dict.fromkeys(("round", "bround"), _rounded),
    **dict.fromkeys(("to_json", "to_csv"), _as_text),
    **dict.fromkeys(("sign", "signum", "hypot"), _of_doubles),
    "rint": _rint,
    "isnan": _isnan,
    "array_contains": _array_contains,
}
