"""Calendar periods that sources publish: their names, start and end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Unit = Literal["hour", "day", "week", "month", "quarter", "year"]

_FORMS: Final[dict[str, str]] = {
    "hour": r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>\d\d)",
    "day": r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",
    "week": r"(?P<year>\d{4})-W(?P<week>\d\d)",
    "month": r"(?P<year>\d{4})-(?P<month>\d\d)",
    "quarter": r"(?P<year>\d{4})-Q(?P<quarter>[1-4])",
    "year": r"(?P<year>\d{4})",
}
_EXAMPLES: Final = {
    "hour": "2013-01-31T23",
    "day": "2013-01-31",
    "week": "2013-W05",
    "month": "2013-01",
    "quarter": "2013-Q1",
    "year": "2013",
}
_MAX_LISTED: Final = 4
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_DAYS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}

_FIELDS: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda t: f"{t.year:04d}",
    "y": lambda t: f"{t.year % 100:02d}",
    "m": lambda t: f"{t.month:02d}",
    "d": lambda t: f"{t.day:02d}",
    "H": lambda t: f"{t.hour:02d}",
    "M": lambda t: f"{t.minute:02d}",
    "S": lambda t: f"{t.second:02d}",
    "j": lambda t: f"{t.timetuple().tm_yday:03d}",
    "q": lambda t: str((t.month + 2) // 3),
    "G": lambda t: f"{t.isocalendar().year:04d}",
    "V": lambda t: f"{t.isocalendar().week:02d}",
}
_FIELD: Final = re.compile(r"%(-?)([A-Za-z%])")


@dataclass(frozen=True, order=True)
class Period:
    """One hour, day, week, month, quarter or year, in UTC without a zone.

    Attributes:
        start: when it starts.
        unit: its length.
    """

    start: datetime
    unit: Unit

    @property
    def end(self) -> datetime:
        """When the next period starts."""
        if self.unit in _DAYS:
            return self.start + _DAYS[self.unit]
        months = self.start.year * 12 + self.start.month - 1 + _MONTHS[self.unit]
        return datetime(months // 12, months % 12 + 1, 1)

    @property
    def last_day(self) -> datetime:
        """Midnight of the last day in it."""
        last = self.end - timedelta(seconds=1)
        return last.replace(hour=0, minute=0, second=0)

    @property
    def next(self) -> Period:
        """The next period."""
        return Period(self.end, self.unit)

    def __str__(self) -> str:
        """Its name, e.g. ``2013-01``; names sort by time."""
        year, week, _ = self.start.isocalendar()
        match self.unit:
            case "week":
                return f"{year:04d}-W{week:02d}"
            case "quarter":
                return f"{self.start.year:04d}-Q{(self.start.month + 2) // 3}"
        form = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}[self.unit]
        return format_time(self.start, form)


def parse_period(name: str, unit: Unit) -> Period:
    """The period with a name.

    Args:
        name: ``2013`` for a year, ``2013-Q1``, ``2013-01``, ``2013-W05``, ``2013-01-31``, ``2013-01-31T23``.

    Raises:
        ValueError: there is no such period.
    """
    found = re.fullmatch(_FORMS[unit], name)
    if found is None:
        raise ValueError(f"{name!r} is not a {unit}; write it as {_EXAMPLES[unit]}")
    given = {key: int(value) for key, value in found.groupdict().items()}
    try:
        if unit == "week":
            return Period(datetime.fromisocalendar(given["year"], given["week"], 1), unit)
        month = given.get("month", given.get("quarter", 1) * 3 - 2 if "quarter" in given else 1)
        return Period(datetime(given["year"], month, given.get("day", 1), given.get("hour", 0)), unit)
    except ValueError:
        raise ValueError(f"{name!r} is not a {unit} of the calendar; write it as {_EXAMPLES[unit]}") from None


def periods_until(first: Period, until: datetime) -> Iterator[Period]:
    """The periods, beginning with ``first``, that end by a time, in order."""
    one = first
    while one.end <= until:
        yield one
        one = one.next


def format_time(moment: datetime, form: str) -> str:
    """Format a time.

    Args:
        form: text with ``%Y %y %m %d %H %M %S %j`` as in strftime, ``%q`` for the quarter, ``%G %V`` for ISO year and
            week, ``%%``; with a hyphen, as in ``%-m``, without leading zeros.

    Raises:
        ValueError: the format has another field.
    """

    def replacement(match: re.Match[str]) -> str:
        if match[2] == "%":
            return "%"
        if match[2] not in _FIELDS:
            known = " ".join(f"%{key}" for key in _FIELDS)
            raise ValueError(f"{match[0]!r} is not a field of a date; the fields are {known}, and %-m")
        text = _FIELDS[match[2]](moment)
        return text.lstrip("0") or "0" if match[1] else text

    return _FIELD.sub(replacement, form)


def summarize_periods(names: Sequence[str]) -> str:
    """Names of periods for people: ``2013-01, 2013-02``, or ``2013-01 … 2026-08 (158 periods)``."""
    if len(names) <= _MAX_LISTED:
        return ", ".join(names)
    return f"{min(names)} … {max(names)} ({len(names)} periods)"
