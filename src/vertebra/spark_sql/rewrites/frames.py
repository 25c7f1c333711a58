"""Frames of windows: RANGE with an interval, which the embedded engine takes for an unlimited frame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Rule, expression
from vertebra.spark_sql.types import SqlType
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_MICROSECONDS: Final = {
    "microsecond": 1, "millisecond": 1_000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000,
    "day": 86_400_000_000, "week": 604_800_000_000,
}  # fmt: skip
RULES: Final[dict[str, Rule]] = {}


def rewrite_frame(window: exp.Window, order_kind: SqlType | None) -> exp.Window | None:
    """The window with an equal frame over numbers; None if its frame has no interval.

    Args:
        order_kind: the type that the window is ordered by, None if it is not known.

    Raises:
        UnsupportedError: the interval has no fixed length, or the order is not by one date or timestamp.
    """
    from sqlglot import exp

    spec = window.args.get("spec")
    by_date = (
        order_kind is not None
        and order_kind.family == "date"
        and str(spec and spec.args.get("kind")).upper() == "RANGE"
    )
    wanted = (exp.Interval, exp.Literal) if by_date else (exp.Interval,)
    bounds = [key for key in ("start", "end") if spec is not None and isinstance(spec.args.get(key), wanted)]
    if spec is None or not bounds:
        return None
    order = window.args.get("order")
    keys = order.expressions if order is not None else []
    if len(keys) != 1 or order_kind is None or order_kind.family not in ("date", "timestamp"):
        raise UnsupportedError(
            "this frame is an interval of what is not known to be a date or timestamp",
            cause="the embedded engine takes a frame of an interval for an unlimited one",
            remedy="order by one date or timestamp, e.g. order by cast(… as date)",
        )
    made = window.copy()
    key = made.args["order"].expressions[0]
    key.set("this", expression(_NUMBERS[order_kind.family], key=key.this))
    unit = _MICROSECONDS["day"] if order_kind.family == "date" else 1
    for bound in bounds:
        if isinstance(spec.args[bound], exp.Literal):
            continue
        made.args["spec"].set(bound, exp.Literal.number(_length(spec.args[bound], unit)))
    return made


_NUMBERS: Final = {"date": "datediff(__key, date'1970-01-01')", "timestamp": "unix_micros(__key)"}


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
