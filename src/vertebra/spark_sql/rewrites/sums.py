"""Sums and averages: of integers, which wrap around, of decimals of many digits, and of floats in sliding frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast, expression, narrowed
from vertebra.spark_sql.types import FLOATS, MAX_PRECISION, SqlType
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_SPARE_DIGITS: Final = 10
"""Digits that the sum of a decimal has more than its values: it cannot overflow below 10^10 rows."""


def _sum(call: Call) -> exp.Expr | None:
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None:
        _refuse_unknown(call)
        return None
    if kind.family == "bigint":
        return cast(_with_argument(call, cast(call.arguments[0], "decimal(38,0)")), "bigint")
    if kind.family == "decimal" and kind.precision + _SPARE_DIGITS > MAX_PRECISION:
        digits = MAX_PRECISION - _SPARE_DIGITS
        raise UnsupportedError(
            f"the sum of {kind} can have more than {MAX_PRECISION} digits",
            cause="the embedded engine does not notice when a decimal overflows",
            remedy=f"sum numbers of at most {digits} digits: sum(cast(… as decimal({digits},{min(kind.scale, 10)})))",
        )
    return _of_floats(call, "aggregate(__values, 0D, (total, value) -> total + value)")


def _average(call: Call) -> exp.Expr | None:
    if len(call.kinds) != 1 or call.kinds[0] is None:
        _refuse_unknown(call)
        return None
    if call.kinds[0].family == "decimal":
        return _of_decimals(call, call.kinds[0])
    return _of_floats(call, "aggregate(__values, 0D, (total, value) -> total + value) / size(__values)")


def _of_decimals(call: Call, kind: SqlType) -> exp.Expr:
    """The sum divided by the number, rounded half up; the embedded engine truncates."""
    digits = MAX_PRECISION - _SPARE_DIGITS - 5
    if kind.precision > digits or call.kind is None:
        raise UnsupportedError(
            f"the average of {kind} has too many digits to be rounded",
            cause="the embedded engine truncates averages of decimals instead of rounding them",
            remedy=f"average at most {digits} digits: avg(cast(… as decimal({digits},{min(kind.scale, 10)})))",
        )
    total, number = call.node.copy(), call.node.copy()
    for node, name in ((total, "sum"), (number, "count")):
        _call_in(node).set("this", name)
    dividend = SqlType("decimal", kind.precision + _SPARE_DIGITS + 1, kind.scale + 1)
    quotient = expression(
        "__total / nullif(__number, 0)", total=cast(total, dividend), number=cast(number, "decimal(20,0)")
    )
    return cast(narrowed(quotient, None, call.kind) or quotient, call.kind)


def _call_in(node: exp.Expr) -> exp.Expr:
    """The call within its clauses."""
    from sqlglot import exp

    while isinstance(node, exp.Window | exp.Filter):
        node = node.this
    return node


def _refuse_unknown(call: Call) -> None:
    if call.complete and len(call.kinds) == 1:
        raise UnsupportedError(
            f"the type of what {call.name} adds up is not known",
            cause="numbers of different types are added up in different ways",
            remedy=f"give the type: {call.name}(cast(… as double))",
        )


def _of_floats(call: Call, template: str) -> exp.Expr | None:
    """Add up each sliding frame by itself.

    The embedded engine subtracts the values that leave the frame, so that one NaN or infinity stays for ever, and
    rounding errors add up.
    """
    kind = call.kinds[0]
    if kind is None or kind.family not in (*FLOATS, "string") or not _slides(call.frame):
        return None
    values = call.node.copy()
    inner = _call_in(values)
    inner.set("this", "collect_list")
    inner.set("expressions", [cast(call.arguments[0], "double")])
    kept = expression("filter(__values, value -> value is not null)", values=values)
    return expression(f"if(size(__values) = 0, null, {template})", values=kept)


def _slides(frame: exp.WindowSpec | None) -> bool:
    """Whether rows leave a frame while it moves."""
    return frame is not None and str(frame.args.get("start") or "").upper() != "UNBOUNDED"


def _with_argument(call: Call, argument: exp.Expr) -> exp.Expr:
    """The call with another argument, in its clauses; DISTINCT stays."""
    from sqlglot import exp

    node = call.node.copy()
    function = _call_in(node)
    first = function.expressions[0]
    if isinstance(first, exp.Distinct):
        first.set("expressions", [argument])
    else:
        function.set("expressions", [argument])
    return node


RULES: Final[dict[str, Rule]] = {"sum": _sum, "avg": _average, "mean": _average}
