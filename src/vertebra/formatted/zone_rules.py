"""Local times from 2100 on: by the rule that a time zone follows for ever.

Engines list the changes of clocks up to some year, and differ after it. The database of time zones has a rule for later
years, such as "the last Sunday of March": years with as many days that begin on the same weekday have the same changes.
So a time is read in an earlier year of the same kind, for which all engines have the changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from vertebra.formatted.intermediates import Intermediates, Stage

if TYPE_CHECKING:
    from pyspark.sql import Column

LISTED_UNTIL: Final = 2100
"""Engines agree on the changes of clocks before this year."""

_BY_KIND: Final = range(LISTED_UNTIL - 29, LISTED_UNTIL - 1)
"""28 years have each of the 14 kinds. The last year before :data:`LISTED_UNTIL` is left out, as it ends too close."""

_DAY: Final = 86_400_000_000
_STEP: Final = timedelta(days=8)


@dataclass(frozen=True)
class EarlierTime:
    """A local time in a year that engines know.

    Attributes:
        stamp: the local time; NULL where no known year has the same changes.
        moved: by how many microseconds it is earlier than the time that was read.
    """

    stamp: Column
    moved: Column

    def later(self, instant: Column) -> Column:
        """An instant of that year in the year that was read."""
        from pyspark.sql import functions as F

        return F.timestamp_micros(F.unix_micros(instant) + self.moved)


def in_known_year(stamp: Column, zone: str, intermediates: Intermediates) -> EarlierTime:
    """A local time in a year of the same kind that engines know.

    Args:
        stamp: the local time as a timestamp in UTC; an intermediate column.
        zone: the name of the time zone.
        intermediates: gets the intermediate columns.
    """
    from pyspark.sql import functions as F

    year = F.year(stamp)
    begins = F.datediff(stamp.cast("date"), F.expr("date'1970-01-01'")) - F.dayofyear(stamp) + 1
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    kind = F.pmod(begins, F.lit(7)) * 2 + F.when(leap, 1).otherwise(0) + 1
    known = F.element_at(F.array(*(F.lit(one).cast("int") for one in known_years(zone))), kind.cast("int"))
    late = stamp >= F.expr(f"timestamp'{LISTED_UNTIL}-01-01T00:00:00Z'")
    moved = intermediates.keep(Stage.YEAR, F.when(late, (begins - known).cast("bigint") * _DAY).otherwise(F.lit(0)))
    return EarlierTime(intermediates.keep(Stage.KNOWN, F.timestamp_micros(F.unix_micros(stamp) - moved)), moved)


@cache
def known_years(zone: str) -> tuple[int | None, ...]:
    """The beginnings of years, in days since 1970, that have the changes of the late years of each kind.

    The place of a kind is 2 × the weekday of 1 January (Thursday is 0), + 1 for leap years. None where there is no such
    year: the zone's listed changes are exceptions until late in this century.
    """
    place = ZoneInfo(zone)
    examples = {_kind(year): year for year in range(LISTED_UNTIL + 400, LISTED_UNTIL, -1)}
    late = {kind: _changes(place, year) for kind, year in examples.items()}
    known = [(_days(year), _kind(year) % 2, _changes(place, year)) for year in reversed(_BY_KIND)]
    return tuple(
        next((begins for begins, leap, changes in known if (leap, changes) == (kind % 2, late[kind])), None)
        for kind in range(14)
    )


def _days(year: int) -> int:
    return (date(year, 1, 1) - date(1970, 1, 1)).days


def _kind(year: int) -> int:
    return _days(year) % 7 * 2 + (_days(year + 1) - _days(year) == 366)


def _changes(zone: ZoneInfo, year: int) -> tuple[tuple[timedelta, timedelta], ...]:
    """The changes of clocks in a year: the time since its beginning, and the offset from then on."""
    start, end = (datetime(one, 1, 1, tzinfo=UTC) for one in (year, year + 1))
    found, before = [(timedelta(0), _offset(zone, start))], start
    while before < end:
        after = min(before + _STEP, end)
        if _offset(zone, after) != found[-1][1]:
            low, high = before, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(zone, middle) == found[-1][1] else (low, middle)
            found.append((round((high - start) / timedelta(seconds=1)) * timedelta(seconds=1), _offset(zone, after)))
        before = after
    return tuple(found)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
