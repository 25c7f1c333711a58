"""Local times from 2100 on follow the rule of their zone, on both engines as in Python's time zones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from vertebra.formatted.zone_rules import known_years

ZONES = [
    "America/New_York", "Europe/Madrid", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo",
    "America/Santiago", "Antarctica/Troll", "Asia/Kathmandu",
]  # fmt: skip
YEARS = [2099, 2100, 2101, 2104, 2128, 2399, 2400, 9999]


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """Local times of days on which clocks are changed, by the hour, and the ends of the year."""
    days = [datetime(year, 1, 1) + timedelta(days=n) for n in range(364)]
    found = [day for day in days if offset(day, zone) != offset(day + timedelta(days=1), zone)]
    hours = [day + timedelta(minutes=30 * n) for day, n in product(found, range(52))]
    ends = [datetime(year, 1, 1, 0, 30), datetime(year, 7, 1, 12), datetime(year, 12, 31, 6, 15, 0, 123456)]
    return [hour for hour in hours if hour.year == year] + ends


def offset(local: datetime, zone: ZoneInfo, fold: int = 0) -> timedelta:
    found = local.replace(tzinfo=zone, fold=fold).utcoffset()
    assert found is not None
    return found


def expected(local: datetime, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The first and the second instant; None where the time does not exist."""
    both = [(local - offset(local, zone, fold)).replace(tzinfo=UTC) for fold in (0, 1)]
    exists = both[0].astimezone(zone).replace(tzinfo=None) == local
    return (both[0], both[1]) if exists else (None, None)


def test_local_times_follow_the_rule_of_their_zone_for_ever(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    zones = {f"z{n}": ZoneInfo(name) for n, name in enumerate(ZONES)}
    times = {name: [time for year in YEARS for time in changes(zone, year)] for name, zone in zones.items()}
    height = max(map(len, times.values()))
    land(1, {name: [*(t.isoformat() for t in some), *[None] * (height - len(some))] for name, some in times.items()})
    columns = {
        f"{name}_{which}": {"type": "timestamp", "zone": zone.key, "repeated": which, "source": name}
        for name, zone in zones.items()
        for which in ("first", "second")
    }
    formatted(declared(columns))
    table = rows()
    wrong = [
        (zone.key, time, which, want, got)
        for name, zone in zones.items()
        for row, time in zip(table, times[name], strict=False)
        for which, want in zip(("first", "second"), expected(time, zone), strict=True)
        if (got := row[f"{name}_{which}"]) != want
    ]
    assert not wrong
    skipped = sum(expected(time, zone)[0] is None for name, zone in zones.items() for time in times[name])
    assert skipped > 100
    assert len(rejected()) == 2 * skipped


def test_each_late_year_has_the_changes_of_a_known_one() -> None:
    madrid = known_years("Europe/Madrid")
    assert len(set(madrid)) == 14
    assert None not in madrid
    tokyo = known_years("Asia/Tokyo")
    assert len(set(tokyo)) == 2  # a leap year and another one

    # the listed exceptions of Gaza end so late in the century that no year of some kinds has its rule
    assert None in known_years("Asia/Gaza")
