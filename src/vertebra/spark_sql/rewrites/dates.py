"""Dates and times whose functions count otherwise, or give another type, in the embedded engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast, expression
from vertebra.spark_sql.rewrites.casts import text_as_date
from vertebra.spark_sql.types import SqlType
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_MONDAY_FIRST: Final = "pmod(dayofweek(__x) + 5, 7)"
_PARTS: Final = {
    "year": "year(__x)", "y": "year(__x)", "years": "year(__x)", "yr": "year(__x)", "yrs": "year(__x)",
    "quarter": "quarter(__x)", "qtr": "quarter(__x)",
    "month": "month(__x)", "mon": "month(__x)", "mons": "month(__x)", "months": "month(__x)",
    "week": "weekofyear(__x)", "w": "weekofyear(__x)", "weeks": "weekofyear(__x)",
    "yearofweek": f"year(date_add(__x, 3 - {_MONDAY_FIRST}))",
    "day": "day(__x)", "d": "day(__x)", "days": "day(__x)", "doy": "dayofyear(__x)",
    "dayofweek": "dayofweek(__x)", "dow": "dayofweek(__x)",
    "dayofweek_iso": f"{_MONDAY_FIRST} + 1", "dow_iso": f"{_MONDAY_FIRST} + 1",
    "hour": "hour(__x)", "h": "hour(__x)", "hours": "hour(__x)", "minute": "minute(__x)", "m": "minute(__x)",
}  # fmt: skip
"""An equal expression for each part that ``extract`` takes."""
_OF_A_DAY: Final = ("hour", "minute")


_TRUNCATED: Final = {
    **dict.fromkeys(("year", "yyyy", "yy"), "make_date(year(__x), 1, 1)"),
    "quarter": "make_date(year(__x), 3 * quarter(__x) - 2, 1)",
    **dict.fromkeys(("month", "mm", "mon"), "make_date(year(__x), month(__x), 1)"),
    "week": f"date_sub(__x, {_MONDAY_FIRST})",
}
"""An equal expression for each unit of ``trunc``: the embedded engine truncates the years 1678 to 2261 only."""
_MICROSECONDS: Final = {"hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}
_SMALL_UNITS: Final = ("millisecond", "microsecond")
_WEEKDAYS: Final = frozenset(
    day[:length]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for length in (2, 3, len(day))
)


def _as_date(node: exp.Expr, kind: SqlType | None) -> exp.Expr:
    if kind is not None and kind.family == "string":
        return text_as_date(node)
    return node if kind is None or kind.family == "date" else cast(node, "date")


def _to_date(call: Call) -> exp.Expr | None:
    """``to_date(x)`` without a format is a cast."""
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    return text_as_date(call.arguments[0]) if kind is not None and kind.family == "string" else None


def _weekday(call: Call) -> exp.Expr | None:
    """0 is Monday; the embedded engine gives -1 for Sundays."""
    return expression(_MONDAY_FIRST, x=_as_date(call.arguments[0], call.kinds[0])) if len(call.arguments) == 1 else None


def _extract(call: Call) -> exp.Expr | None:
    from sqlglot import exp

    node = call.function
    if not isinstance(node, exp.Extract):
        return _date_part(call)  # of a DataFrame: extract('year', x)
    part = node.this.name.lower()
    if not _has_part(part, call.kinds[-1]):
        raise _no_part(call, part)
    return _part(part, node.expression, call.kinds[-1])


def _date_part(call: Call) -> exp.Expr | None:
    """``date_part('year', x)`` is ``extract(year from x)``."""
    if len(call.arguments) != 2:
        return None
    part = _literal(call).lower()
    if _has_part(part, call.kinds[1]):
        return _part(part, call.arguments[1], call.kinds[1])
    if part in _PARTS or part in ("second", "s", "sec", "seconds", "secs"):
        return None  # as recorded
    raise _no_part(call, part)


def _has_part(part: str, kind: SqlType | None) -> bool:
    of_day = any(word in _PARTS.get(part, "") for word in _OF_A_DAY)
    return part in _PARTS and not (kind is not None and kind.family == "date" and of_day)


def _no_part(call: Call, part: str) -> UnsupportedError:
    return UnsupportedError(
        f"{call.name}({part} …) is not supported here",
        cause="the embedded engine does not compute this part as Apache Spark does",
        remedy="extract year, quarter, month, week, day, doy, dow, hour or minute; or write second(…)",
    )


def _part(part: str, node: exp.Expr, kind: SqlType | None) -> exp.Expr:
    of_day = any(word in _PARTS[part] for word in _OF_A_DAY)
    if of_day:
        return expression(_PARTS[part], x=cast(node, "timestamp") if kind and kind.family == "string" else node)
    return expression(_PARTS[part], x=_as_date(node, kind))


def _literal(call: Call, place: int = 0) -> str:
    """The text of an argument that has to be a literal, such as a unit."""
    node = call.arguments[place].unnest()
    if node.key != "literal" or not node.args.get("is_string"):
        raise UnsupportedError(
            f"the unit of {call.name} is not a text",
            cause="the embedded engine computes each unit in another way",
            remedy=f"write the unit as a text, e.g. {call.name} with 'month'",
        )
    return str(node.name)


def _of_date(call: Call) -> exp.Expr | None:
    """Functions of a day: the embedded engine computes some of the years 1678 to 2261 only, where a time is given."""
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None or kind.family not in ("timestamp", "timestamp_ntz", "string"):
        return None
    if kind.family != "string" and call.name in _EXACT:
        return None
    return expression(f"{call.name}(__x)", x=_as_date(call.arguments[0], kind))


_EXACT: Final = frozenset({"year", "quarter", "month", "day", "dayofmonth", "dayofweek", "dayofyear"})
"""Functions of a day that the embedded engine computes of timestamps of all years."""


def _of_time(call: Call) -> exp.Expr | None:
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None or kind.family != "string":
        return None
    return expression(f"{call.name}(__x)", x=cast(call.arguments[0], "timestamp"))


def _add_months(call: Call) -> exp.Expr | None:
    """A number of months that is no integer is cast to one."""
    kind = call.kinds[1] if len(call.kinds) == 2 else None
    if kind is None or kind.family not in ("float", "double", "decimal"):
        return None
    return expression(f"{call.name}(__x, cast(__n as int))", x=call.arguments[0], n=call.arguments[1])


def _days_between(call: Call) -> exp.Expr | None:
    """``datediff(end, start)``: an int."""
    return cast(call.function, "int") if len(call.arguments) == 2 else None


def _trunc(call: Call) -> exp.Expr | None:
    """``trunc(x, 'month')``: a date."""
    if len(call.arguments) != 2 or call.kinds[0] is None:
        return None
    unit = _literal(call, 1).lower()
    if unit not in _TRUNCATED:
        raise _no_unit(call, unit, "year, quarter, month or week")
    return expression(_TRUNCATED[unit], x=_as_date(call.arguments[0], call.kinds[0]))


def _date_trunc(call: Call) -> exp.Expr | None:
    """``date_trunc('month', x)``: a timestamp, whatever it truncates."""
    kind = call.kinds[1] if len(call.kinds) == 2 else None
    if kind is None:
        return None
    unit = _literal(call).lower()
    x = call.arguments[1]
    if unit in _TRUNCATED:
        return cast(expression(_TRUNCATED[unit], x=_as_date(x, kind)), "timestamp")
    if unit in ("day", "dd"):
        return cast(_as_date(x, kind), "timestamp")
    moment = x if kind.family == "timestamp" else cast(x, "timestamp")
    if unit in _MICROSECONDS:
        return expression(
            f"timestamp_micros(unix_micros(__x) - pmod(unix_micros(__x), {_MICROSECONDS[unit]}))", x=moment
        )
    if unit not in _SMALL_UNITS:
        raise _no_unit(call, unit, "year, quarter, month, week, day, hour, minute or second")
    return None if moment is x else expression("date_trunc(__unit, __x)", unit=call.arguments[0], x=moment)


def _no_unit(call: Call, unit: str, units: str) -> UnsupportedError:
    return UnsupportedError(
        f"{call.name} has no unit {unit!r}",
        cause="Apache Spark gives NULL for it",
        remedy=f"write one of {units}",
    )


def _formatted(call: Call) -> exp.Expr | None:
    """``date_format``: a pattern of letters whose answers are recorded to be equal, each by itself."""
    kind = call.kinds[0] if len(call.kinds) == 2 else None
    if len(call.arguments) != 2:
        return None
    if call.complete if kind is None else kind.family not in ("date", "timestamp", "timestamp_ntz"):
        raise UnsupportedError(
            f"date_format of {kind or 'an unknown type'}",
            cause="the embedded engine casts it to a time otherwise",
            remedy="cast it: date_format(cast(x as timestamp), 'yyyy-MM-dd')",
        )
    pattern = _literal(call, 1)
    bare = re.sub(r"'[^']*'", "", pattern)
    letters = {found[0] for found in re.finditer(r"([A-Za-z])\1*", bare)}
    wrong = sorted(letters - _LETTERS) or re.findall(r"[\[\]{}#']", bare)
    if wrong:
        raise UnsupportedError(
            f"the pattern {pattern!r} of date_format has {wrong[0]}",
            cause="the embedded engine writes it otherwise, or does not know it",
            remedy="write letters such as yyyy, MM, dd, HH, mm, ss, EEEE, MMM, D, Q",
        )
    return None


_LETTERS: Final = frozenset(
    {
        "y", "yy", "yyyy", "yyyyy", "M", "MM", "MMM", "MMMM", "L", "LLL", "d", "dd", "D", "DDD", "E", "EEE", "EEEE",
        "F", "G", "GGGG", "Q", "QQ", "QQQ", "QQQQ", "q", "H", "HH", "h", "hh", "K", "k", "m", "mm", "s", "ss", "a",
        "S", "SSS", "SSSSSS", "SSSSSSSSS", "VV", "z", "O", "X", "XXX", "x", "xxx", "Z",
    }
)  # fmt: skip
"""The letters of patterns that both engines write alike, as the corpus asks for each by itself."""


def _next_day(call: Call) -> exp.Expr | None:
    if len(call.arguments) != 2:
        return None
    day = _literal(call, 1).lower()
    if day not in _WEEKDAYS:
        raise UnsupportedError(
            f"next_day has no weekday {day!r}",
            cause="Apache Spark refuses it, or gives NULL",
            remedy="write a weekday in English, e.g. 'monday' or 'mon'",
        )
    return None


def _zoned(call: Call) -> exp.Expr | None:
    zone = call.arguments[1].unnest() if len(call.arguments) == 2 else None
    if zone is not None and zone.key == "literal" and zone.name[:1] in ("+", "-"):
        raise UnsupportedError(
            f"{call.name} with the offset {zone.name}",
            cause="the embedded engine takes names of time zones only",
            remedy="write a name such as 'Europe/Madrid', or add an interval: x + interval 90 minutes",
        )
    return None


def _from_number(call: Call) -> exp.Expr | None:
    """``date_from_unix_date`` of narrow integers."""
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None or kind.family not in ("tinyint", "smallint"):
        return None
    return expression("date_from_unix_date(__x)", x=cast(call.arguments[0], "int"))


RULES: Final[dict[str, Rule]] = {
    "weekday": _weekday, "extract": _extract, "date_part": _date_part, "datepart": _date_part,
    "trunc": _trunc, "date_trunc": _date_trunc, "datediff": _days_between, "date_diff": _days_between,
    **dict.fromkeys(("weekofyear", "dayname", "monthname", *sorted(_EXACT)), _of_date),
    **dict.fromkeys(("hour", "minute", "second"), _of_time),
    "add_months": _add_months, "to_date": _to_date,
    "date_format": _formatted, "next_day": _next_day, "date_from_unix_date": _from_number,
    **dict.fromkeys(("from_utc_timestamp", "to_utc_timestamp"), _zoned),
}  # fmt: skip
CHECKED: Final = frozenset({"date_format"})
"""Functions whose rules decide by a pattern, not by the types."""
