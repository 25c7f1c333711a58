"""Steps of time: ``15 minutes``, ``1 hour``, ``1 day``, ``1 month``, and how they lie in a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Unit = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]

_SECONDS: Final[dict[Unit, int]] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_LONGEST: Final[dict[Unit, int]] = {"month": 31, "quarter": 92, "year": 366}
_UNITS: Final[dict[str, Unit]] = {
    "s": "second",
    "min": "minute",
    "h": "hour",
    **{name: unit for unit in (*_SECONDS, *_LONGEST) for name in (unit, f"{unit}s")},
}
_WRITTEN: Final = re.compile(
    r"(?:(\d{1,5})\s*)?(s|min|h|(?:second|minute|hour|day|week|month|quarter|year)s?)", re.ASCII
)
_HOUR: Final = 3600
_DAY: Final = 86400
_CHECKED: Final = (1990, 2060)
"""The years in which the clocks of a zone are looked at."""


@dataclass(frozen=True)
class TimeStep:
    """A step of time.

    Attributes:
        count: the number of units; 1 for units of a day and longer.
        unit: its unit.
    """

    count: int
    unit: Unit

    @property
    def seconds(self) -> int | None:
        """Its length on a clock; None if months differ in length."""
        return self.count * _SECONDS[self.unit] if self.unit in _SECONDS else None

    @property
    def longest(self) -> timedelta:
        """The longest that one lasts, with the hour by which clocks are turned back."""
        if self.seconds is not None and self.seconds <= _HOUR:
            return timedelta(seconds=self.seconds)
        days = _LONGEST.get(self.unit, 0)
        return timedelta(days=days, seconds=self.seconds or 0) + timedelta(hours=1)

    @property
    def has_date(self) -> bool:
        """Whether it begins with a day."""
        return self.unit not in ("second", "minute", "hour")

    @property
    def elapsed(self) -> bool:
        """Whether all steps have the same length: those of an hour and shorter ones."""
        return self.seconds is not None and self.seconds <= _HOUR

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count != 1 else ''}"


def parse_step(text: str) -> TimeStep:
    """Parse a step of time.

    Args:
        text: a number and a unit: ``15 minutes``, ``1 hour``, ``day``; ``s``, ``min`` and ``h`` in short.

    Raises:
        ValueError: it is no step, or steps of this length do not fit an hour or a day.

    Examples:
        >>> parse_step("15 min")
        TimeStep(count=15, unit='minute')
        >>> str(parse_step("month"))
        '1 month'
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a step of time; write e.g. 15 minutes, 1 hour, 1 day or 1 month")
    unit: Unit = _UNITS[found[2]]
    step = TimeStep(int(found[1] or 1), unit)
    if step.count < 1 or (step.has_date and step.count > 1):
        raise ValueError(f"steps of {text} have no natural beginning; write 1 {unit}")
    if step.seconds is not None and not step.has_date:
        whole, name = (_HOUR, "an hour") if step.seconds <= _HOUR else (_DAY, "a day")
        if whole % step.seconds or (step.seconds > _HOUR and step.seconds % _HOUR):
            raise ValueError(f"steps of {text} do not divide {name}; write e.g. 15 minutes, 1 hour or 6 hours")
    return step


def is_zone(name: str) -> bool:
    """Whether a text is the name of a time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache
def misaligned(step: TimeStep, zone: str) -> str | None:
    """Why steps cannot be laid out in a zone: its clocks move by a part of a step, in words; None if they can.

    Steps of an hour and shorter follow each other in elapsed time, so clocks have to move by whole steps. Longer ones
    begin at hours of the local day, which clocks must not skip unless the skipped time begins there.
    """
    for before, after, moved in _moves(zone):
        turned = "forward" if moved > timedelta(0) else "back"
        by = f"clocks were turned {turned} by {int(abs(moved).total_seconds()) // 60} minutes on {before:%Y-%m-%d}"
        if step.elapsed:
            if moved % timedelta(seconds=step.seconds or 1):
                return by
        elif moved > timedelta(0) and _begins_within(step, before, after):
            return by
    return None


def shift_seconds(step: TimeStep, zone: str) -> int:
    """How far steps of an hour and shorter begin after those of UTC, in seconds, for zones such as Asia/Kolkata."""
    offset = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta(0)
    return int((-offset).total_seconds()) % (step.seconds or 1)


def _begins_within(step: TimeStep, before: datetime, after: datetime) -> bool:
    """Whether a step begins at a local time that is skipped, after the first skipped one."""
    hours = (step.seconds or _DAY) // _HOUR if not step.has_date else 24
    at = before.replace(minute=0, second=0, microsecond=0)
    while at < after:
        if at > before and at.hour % hours == 0:
            return True
        at += timedelta(hours=1)
    return False


@lru_cache
def _moves(zone: str) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """When the clocks of a zone move: local times before and after, and by how much."""
    place = ZoneInfo(zone)

    def offset(seconds: int) -> timedelta:
        return datetime.fromtimestamp(seconds, place).utcoffset() or timedelta(0)

    start, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in _CHECKED)
    found = []
    for first in range(start, end, 7 * _DAY):
        low, high = first, first + 7 * _DAY
        if offset(low) == offset(high):
            continue
        while high - low > 1:  # offsets change once within the week
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        at = datetime.fromtimestamp(high, UTC).replace(tzinfo=None)
        found.append((at + offset(low), at + offset(high), offset(high) - offset(low)))
    return tuple(found)
