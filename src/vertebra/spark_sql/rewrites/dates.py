"""Dates and times whose functions count otherwise, or give another type, in the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast, expression
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_MONDAY_FIRST: Final = "pmod(dayofweek(__x) + 5, 7)"
_PARTS: Final = {
    "year": "year(__x)", "y": "year(__x)", "years": "year(__x)", "yr": "year(__x)", "yrs": "year(__x)",
    "quarter": "quarter(__x)", "qtr": "quarter(__x)",
    "month": "month(__x)", "mon": "month(__x)", "mons": "month(__x)", "months": "month(__x)",
    "week": "weekofyear(__x)", "w": "weekofyear(__x)", "weeks": "weekofyear(__x)",
    "day": "day(__x)", "d": "day(__x)", "days": "day(__x)", "doy": "dayofyear(__x)",
    "dayofweek": "dayofweek(__x)", "dow": "dayofweek(__x)",
    "dayofweek_iso": f"{_MONDAY_FIRST} + 1", "dow_iso": f"{_MONDAY_FIRST} + 1",
    "hour": "hour(__x)", "h": "hour(__x)", "hours": "hour(__x)", "minute": "minute(__x)", "m": "minute(__x)",
}  # fmt: skip
"""An equal expression for each part that ``extract`` takes."""
_OF_A_DAY: Final = ("hour", "minute")


def _weekday(call: Call) -> exp.Expr | None:
    """0 is Monday; the embedded engine gives -1 for Sundays."""
    return expression(_MONDAY_FIRST, x=call.arguments[0]) if len(call.arguments) == 1 else None


def _extract(call: Call) -> exp.Expr | None:
    from sqlglot import exp

    node = call.function
    if not isinstance(node, exp.Extract):
        return None
    part = node.this.name.lower()
    kind = call.kinds[-1]
    of_day = any(word in _PARTS.get(part, "") for word in _OF_A_DAY)
    if part not in _PARTS or (kind is not None and kind.family == "date" and of_day):
        raise UnsupportedError(
            f"extract({part} …) is not supported here",
            cause="the embedded engine does not compute this part as Apache Spark does",
            remedy="extract year, quarter, month, week, day, doy, dow, hour or minute; or write second(…)",
        )
    return expression(_PARTS[part], x=node.expression)


def _days_between(call: Call) -> exp.Expr | None:
    """``datediff(end, start)``: an int."""
    return cast(call.function, "int") if len(call.arguments) == 2 else None


def _truncated(call: Call) -> exp.Expr | None:
    """``date_trunc`` gives a timestamp, whatever it truncates."""
    kind = call.kinds[1] if len(call.kinds) == 2 else None
    if kind is None or kind.family == "timestamp":
        return None
    return expression("date_trunc(__unit, __x)", unit=call.arguments[0], x=cast(call.arguments[1], "timestamp"))


RULES: Final[dict[str, Rule]] = {
    "weekday": _weekday, "extract": _extract, "date_trunc": _truncated, "datediff": _days_between,
    "date_diff": _days_between,
}  # fmt: skip
