"""Frames of windows by value: RANGE with an interval or with a number.

The embedded engine takes the frame of an interval for an unlimited one, and goes on beyond the edges of integer types.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Rule, expression
from vertebra.spark_sql.types import INTEGERS, NUMBERS, SqlType
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_MICROSECONDS: Final = {
    "microsecond": 1, "millisecond": 1_000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000,
    "day": 86_400_000_000, "week": 604_800_000_000,
}  # fmt: skip
RULES: Final[dict[str, Rule]] = {}
_EDGES: Final = {"tinyint": 2**7, "smallint": 2**15, "int": 2**31, "bigint": 2**63}
_BY_NUMBERS: Final = (*NUMBERS, "date")
"""Types of keys that a frame of numbers of units may be ordered by."""


def rewrite_frame(window: exp.Window, order_kind: SqlType | None, *, complete: bool = True) -> exp.Window | None:
    """The window with an equal frame over numbers; None if its frame is not by value, or needs no change.

    Args:
        order_kind: the type that the window is ordered by, None if it is not known.
        complete: whether an unknown type is a limit of the inference.

    Raises:
        UnsupportedError: the interval has no fixed length, the order is not by one key of a fitting type, or a bound is
            not a number from 0.
    """
    from sqlglot import exp

    spec = window.args.get("spec")
    bounds = [key for key in ("start", "end") if spec is not None and isinstance(spec.args.get(key), exp.Expr)]
    if spec is None or not bounds:
        return None
    intervals = [key for key in bounds if isinstance(spec.args[key], exp.Interval)]
    for key in bounds:
        if key not in intervals and not _is_number(spec.args[key]):
            raise UnsupportedError(
                "the bound of this frame is not a number from 0",
                cause="Apache Spark and the embedded engine read other bounds differently",
                remedy="write a number, e.g. rows between 2 preceding and current row",
            )
    if str(spec.args.get("kind")).upper() != "RANGE":
        return None
    if not intervals and order_kind is None and not complete:
        return None
    order = window.args.get("order")
    keys = order.expressions if order is not None else []
    if intervals:
        _check_intervals(keys, order_kind)
    elif len(keys) != 1 or order_kind is None or order_kind.family not in _BY_NUMBERS:
        raise UnsupportedError(
            f"this frame is a number of units of {order_kind or 'an unknown type'}"
            if len(keys) == 1
            else "this frame is by value, of several keys",
            cause="Apache Spark takes numbers of units of one number or date",
            remedy="order by one number or date; for a timestamp, write an interval such as interval 2 hours preceding",
        )
    assert order_kind is not None
    if order_kind.family in (*INTEGERS, "date") and any("." in _digits(spec.args[one]) for one in bounds):
        raise UnsupportedError(
            f"this frame is a part of a unit of {order_kind}",
            cause="the engines round it differently",
            remedy="write a whole number, e.g. range between 1 preceding and current row",
        )
    return _by_number(window, order_kind, bounds)


def _is_number(bound: exp.Expr) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", _digits(bound)) is not None


def _digits(bound: exp.Expr) -> str:
    """The text of a number, ``""`` for other bounds."""
    node = bound.unnest()
    if node.key in ("cast", "trycast"):  # 1L
        node = node.this.unnest()
    return node.name if node.key == "literal" else ""


def _check_intervals(keys: list[exp.Expr], order_kind: SqlType | None) -> None:
    if len(keys) != 1 or order_kind is None or order_kind.family not in ("date", "timestamp"):
        raise UnsupportedError(
            "this frame is an interval of what is not known to be a date or timestamp",
            cause="the embedded engine takes a frame of an interval for an unlimited one",
            remedy="order by one date or timestamp, e.g. order by cast(… as date)",
        )


_NUMBERS: Final = {"date": "datediff(__key, date'1970-01-01')", "timestamp": "unix_micros(__key)"}


def _by_number(window: exp.Window, order_kind: SqlType, bounds: list[str]) -> exp.Window | None:
    from sqlglot import exp

    made = window.copy()
    spec = made.args["spec"]
    key = made.args["order"].expressions[0]
    if order_kind.family in INTEGERS:
        key.set("this", _within_edges(key, spec, order_kind.family, bounds))
        return made
    if order_kind.family not in _NUMBERS:
        return None
    key.set("this", expression(_NUMBERS[order_kind.family], key=key.this))
    unit = _MICROSECONDS["day"] if order_kind.family == "date" else 1
    for bound in bounds:
        if isinstance(spec.args[bound], exp.Interval):
            spec.set(bound, exp.Literal.number(_length(spec.args[bound], unit)))
    return made


def _within_edges(key: exp.Ordered, spec: exp.WindowSpec, family: str, bounds: list[str]) -> exp.Expr:
    """The key, or an error where a bound of its frame is beyond the edge of its type, as in Apache Spark."""
    below = above = 0
    for bound in bounds:
        number = int(_digits(spec.args[bound]))
        preceding = str(spec.args.get(f"{bound}_side")).upper() == "PRECEDING"
        if preceding != bool(key.args.get("desc")):
            below = max(below, number)
        else:
            above = max(above, number)
    edge = _EDGES[family]
    beyond = [f"__key < {below - edge}"] if below else []
    beyond += [f"__key > {edge - 1 - above}"] if above else []
    value: exp.Expr = key.this
    if not beyond:
        return value
    stop = f"cast(raise_error('[ARITHMETIC_OVERFLOW] the frame is beyond the edge of {family}') as {family})"
    return expression(f"case when {' or '.join(beyond)} then {stop} else __key end", key=value)


def _length(interval: exp.Interval, unit: int) -> int:
    """The length of an interval in units of a number of microseconds."""
    name = str(interval.args.get("unit") or "").lower().rstrip("s")
    number = interval.this.name if interval.this is not None else ""
    if name not in _MICROSECONDS or not re.fullmatch(r"\d+", number):
        raise UnsupportedError(
            "this frame is an interval without a fixed length",
            cause="the embedded engine takes a frame of an interval for an unlimited one",
            remedy="write days, hours, minutes or seconds: range between interval 30 days preceding and current row",
        )
    length, rest = divmod(int(number) * _MICROSECONDS[name], unit)
    if rest:
        raise UnsupportedError(
            "this frame is a part of a day, ordered by a date",
            cause="a date has no time of day",
            remedy="write whole days, or order by a timestamp",
        )
    return length
