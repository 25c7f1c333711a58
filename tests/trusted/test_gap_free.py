"""``gap_free``: a row in every step of time, and which rows are missing."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trusted.zones import Zone, declared, rid
from vertebra.declare.dataset import Dataset
from vertebra.errors import DeclarationError, QualityError, VertebraError

COLUMNS = {"device": "string", "at": "timestamp", "day": "date"}


def readings(*more: dict[str, Any], **rule: Any) -> Dataset:
    rules = {f"every{number or ''}": one for number, one in enumerate(({"gap_free": rule}, *more))}
    return declared("readings", COLUMNS, rules=rules)


def row(at: dt.datetime, device: str | None = "A") -> dict[str, Any]:
    return {"device": device, "at": at.astimezone(dt.UTC), "day": at.date()}


def found(zone: Zone) -> list[tuple[Any, ...]]:
    rows = zone.lake.table("governance.gaps").arrow().to_table().to_pylist()
    listed = [
        tuple(one[name] for name in ("series", "last_before", "first_after", "missing", "rid", "partner"))
        for one in rows
    ]
    return sorted(listed, key=lambda one: (str(one[0]), one[1]))


def test_missing_hours_are_counted_with_their_place(zone: Zone) -> None:
    start = dt.datetime(2026, 1, 1, 0, 7, tzinfo=dt.UTC)
    hours = [start + dt.timedelta(hours=hour) for hour in (0, 1, 4, 5, 9)]
    late = start + dt.timedelta(hours=1, minutes=52)  # at 01:59, in the step of 01:07
    rows = [*map(row, hours), row(late), row(start, "B"), row(hours[2], "B"), row(hours[2], "B"), row(start, None)]
    random.Random(3).shuffle(rows)
    zone.run(readings(time="at", by="device", step="1 hour"), rows)
    places = [(one[0], one[1], one[2], one[3]) for one in found(zone)]
    assert places == [
        (["A"], late, hours[2], 2), (["A"], hours[3], hours[4], 3), (["B"], start, hours[2], 3)
    ]  # fmt: skip
    assert {rows[one[4] - rid(0)]["at"] for one in found(zone)} == {late, hours[3], start}
    assert zone.quality("after", "every", "missing_rows") == 8
    # two tied rows end the gap of B
    assert zone.quality("after", "every", "violating_pairs") == 4
    assert zone.lake.table("trusted.readings").rows() == len(rows)


def test_steps_of_a_zone_are_its_days_and_months(zone: Zone) -> None:
    madrid = ZoneInfo("Europe/Madrid")
    nights = [dt.datetime(2026, 3, day, 0, 30, tzinfo=madrid) for day in (27, 28, 29, 30, 31)]
    nights += [dt.datetime(2026, 4, 3, 23, 30, tzinfo=madrid), dt.datetime(2026, 10, 25, 0, 30, tzinfo=madrid)]
    ends = [dt.datetime(2026, 10, 26, 23, 30, tzinfo=madrid), dt.datetime(2026, 10, 27, 0, 0, tzinfo=madrid)]
    dataset = readings(
        {"gap_free": {"time": "day", "step": "1 day"}}, {"gap_free": {"time": "day", "step": "month"}},
        {"gap_free": {"time": "at", "step": "week", "zone": "Europe/Madrid"}},
        {"gap_free": {"time": "at", "step": "6 hours", "zone": "Europe/Madrid"}},
        time="at", step="1 day", zone="Europe/Madrid",
    )  # fmt: skip
    zone.run(dataset, [row(at) for at in (*nights, *ends)])
    days = (dt.date(2026, 10, 25) - dt.date(2026, 4, 3)).days - 1
    assert zone.quality("after", "every", "missing_rows") == 2 + days
    assert zone.quality("after", "every1", "missing_rows") == 2 + days
    assert zone.quality("after", "every2", "missing_rows") == 5
    assert zone.quality("after", "every3", "missing_rows") == 28
    # four steps a day, on days of 23 and 25 hours, too
    steps = [4 * at.date().toordinal() + at.hour // 6 for at in (*nights, *ends)]
    assert zone.quality("after", "every4", "missing_rows") == steps[-1] - steps[0] + 1 - len({*steps})


def test_a_table_without_gaps_has_none(sail_zone: Zone) -> None:
    start = dt.datetime(2026, 10, 24, tzinfo=dt.UTC)
    zone = sail_zone
    dataset = readings(time="at", step="1 hour", zone="Europe/Madrid")
    outcome = zone.run(dataset, [row(start + dt.timedelta(hours=hour)) for hour in range(60)])
    assert outcome.facts.rules_broken == 0
    assert zone.quality("after", "every", "missing_rows") == 0
    assert not zone.lake.table("governance.gaps").exists() or found(zone) == []


def test_gaps_are_those_of_the_cleaned_table(sail_zone: Zone) -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    hours = [start + dt.timedelta(hours=hour) for hour in (0, 1, 2, 5)]
    wrong = {"deny": "t.device = 'X'", "on_violation": "quarantine"}
    sail_zone.run(readings(wrong, time="at", step="1 hour"), [*map(row, hours[:2]), row(hours[2], "X"), row(hours[3])])
    assert [one[1:4] for one in found(sail_zone)] == [(hours[1], hours[3], 3)]
    assert sail_zone.quality("before", "every", "missing_rows") == 2
    sail_zone.run(readings(wrong, time="at", step="1 hour"), [row(hours[0]), row(hours[2], "X")])
    assert found(sail_zone) == []


def test_a_column_has_its_own_zone_and_a_gap_can_stop_the_run(sail_zone: Zone) -> None:
    column = {"type": "timestamp", "zone": "Asia/Tokyo", "gap_free": {"step": "1 day"}, "on_violation": "fail"}
    dataset = declared("readings", {"device": "string", "at": column, "day": "date"})
    tokyo = ZoneInfo("Asia/Tokyo")
    # one UTC day apart, two days of Tokyo
    full = [dt.datetime(2026, 1, 1, 23, tzinfo=tokyo), dt.datetime(2026, 1, 2, 1, tzinfo=tokyo)]
    sail_zone.run(dataset, [row(at) for at in full])
    with pytest.raises(QualityError, match=r"at_gap_free by 2 rows"):
        sail_zone.run(dataset, [row(full[0]), row(dt.datetime(2026, 1, 3, 1, tzinfo=tokyo))])
    assert [one[3] for one in found(sail_zone)] == [1]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"gap_free": {"time": "at", "step": "1 hour"}, "on_violation": "quarantine"}, "with on_violation: quarantine"),
        ({"gap_free": {"step": "1 hour"}}, "names no time"),
        ({"gap_free": {"time": "day", "step": "1 hour"}}, "which has no hours"),
        ({"gap_free": {"time": "day", "step": "1 day", "zone": "UTC"}}, "which has no zone"),
        ({"gap_free": {"time": "device", "step": "1 day"}}, "device is a string"),
        (
            {"gap_free": {"time": "at", "step": "1 hour", "zone": "Australia/Lord_Howe"}},
            "steps of 1 hour would overlap",
        ),
    ],
)
def test_a_rule_that_counts_no_steps_is_refused(sail_zone: Zone, rule: dict[str, Any], said: str) -> None:
    with pytest.raises(VertebraError) as refused:
        sail_zone.run(
            declared("readings", COLUMNS, rules={"every": rule}), [row(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))]
        )
    assert said in refused.value.fact
    assert refused.value.remedy or isinstance(refused.value, DeclarationError)
