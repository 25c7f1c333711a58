"""What each run leaves in ``governance.quality``: the dimensions, and what changed since the run before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import NOW
from effort import examples
from trusted.zones import Zone, declared, rid
from vertebra.errors import QualityError
from vertebra.lake.batches import Receipt, batch_folder
from vertebra.trusted.clean import trust
from vertebra.trusted.timeliness import timeliness
from vertebra.trusted.violation_changes import changes_since_last_run

RULES = {
    "zip_city": {"determines": "zip -> city"},
    "n_order": {"deny": "t.zip = s.zip and t.n < s.n and t.m > s.m"},
    "n_positive": {"deny": "t.n < 0"},
}
CITIES = declared("cities", {"zip": "int", "city": "string", "n": "int", "m": "int"}, rules=RULES)


def cities(*rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(("zip", "city", "n", "m"), row, strict=False)) for row in rows]


def changes(zone: Zone, subject: str) -> tuple[float | None, ...]:
    return tuple(zone.quality("before", subject, f"violations_{name}") for name in ("new", "persisting", "gone"))


def notes(zone: Zone, subject: str, measure: str, stage: str = "before") -> list[str]:
    found = zone.lake.table("governance.quality").arrow().to_table().to_pylist()
    last = max(row["run_id"] for row in found)
    asked = (last, subject, measure, stage)
    return [r["note"] for r in found if (r["run_id"], r["subject"], r["measure"], r["stage"]) == asked]


def test_three_runs_tell_new_persisting_and_gone_violations_apart(zone: Zone) -> None:
    zone.run(CITIES, cities((1, "a", 1), (1, "b", 1), (2, "c", -1), (3, "d", -2)))
    assert changes(zone, "zip_city") == (None, None, None)
    assert zone.quality("before", "zip_city", "violations") == 2
    assert notes(zone, "zip_city", "violations_new") == ["it is the first run"]
    zone.run(CITIES, cities((1, "a", 1), (1, "b", 1), (2, "c", -1), (3, "d", 2), (1, "a", 1)))
    assert changes(zone, "zip_city") == (1, 2, 0)
    assert changes(zone, "n_positive") == (0, 1, 1)
    assert changes(zone, "cities") == (1, 3, 1)
    assert zone.quality("before", "cities", "violations") == 4
    assert notes(zone, "cities", "violations_gone") == ["since run run-1"]
    zone.run(CITIES, cities((1, "a", 1), (1, "a", 1), (2, "c", 1), (3, "d", 2), (1, "a", 1)))
    assert changes(zone, "zip_city") == (0, 0, 3)
    assert changes(zone, "n_positive") == (0, 0, 1)
    assert changes(zone, "n_order") == (0, 0, 0)
    zone.trust(CITIES)
    assert changes(zone, "cities") == (0, 0, 0), "nothing is violated, and nothing was"
    zone.run(CITIES, cities((1, "a", -1)))
    assert changes(zone, "n_positive") == (1, 0, 0), "compared with a run that found nothing"


def test_a_row_in_two_roles_is_two_violations(sail_zone: Zone) -> None:
    rows = cities((1, "a", 1, 3), (1, "a", 2, 2))
    sail_zone.run(CITIES, rows)
    sail_zone.run(CITIES, [*rows, *cities((1, "a", 3, 1))])
    # the first row plays t, the last s, and the middle row, which was s, both
    assert changes(sail_zone, "n_order") == (2, 2, 0)


def test_what_a_run_that_died_left_in_the_ledger_is_passed_over(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(CITIES, cities((1, "a", -1)))
    died = zone.ctx(CITIES)
    rows = "SELECT 'x' AS run_id, 'n_positive' AS rule, 7L AS rid, 't' AS role, 7L AS partner, 'reported' AS resolution"
    died.ledgers.replace(
        "violations", "cities", zone.engine.session.sql(f"{rows}, 'cities' AS dataset"), zone.engine, died.commit()
    )
    zone.run(CITIES, cities((1, "a", -1), (1, "a", -1)))
    assert changes(zone, "n_positive") == (1, 1, 0)


def test_a_run_that_a_rule_stops_is_in_the_history(sail_zone: Zone) -> None:
    strict = declared("cities", CITIES.columns, rules={"n_positive": RULES["n_positive"] | {"on_violation": "fail"}})
    with pytest.raises(QualityError):
        sail_zone.run(strict, cities((1, "a", -1), (1, "a", 2)))
    with pytest.raises(QualityError):
        sail_zone.run(strict, cities((1, "a", 1), (1, "a", -2)))
    assert changes(sail_zone, "n_positive") == (1, 0, 1)


def test_rows_of_a_new_snapshot_cannot_be_compared(sail_zone: Zone) -> None:
    whole = declared("cities", CITIES.columns, rules=RULES, load="snapshot")
    sail_zone.run(whole, cities((1, "a", -1)))
    sail_zone.trust(whole)
    assert changes(sail_zone, "n_positive") == (0, 1, 0), "the same snapshot"
    second = [row | {"_rid": rid(10**10)} for row in cities((1, "a", -1))]
    sail_zone.put(whole, second, numbered=False)
    sail_zone.trust(whole)
    assert changes(sail_zone, "n_positive") == (None, None, None)
    assert notes(sail_zone, "n_positive", "violations_new") == ["the rows of a new snapshot have new row ids"]


def test_violations_that_were_freed_cannot_be_compared(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(CITIES, cities((1, "a", -1)))
    files = zone.lake.table("governance.violations").files()
    ctx = replace(zone.ctx(CITIES), run_id="later")
    ctx.ledgers.clear("violations", "cities", ctx.commit())
    for file in files:
        file.unlink()
    assert "gc has freed" in changes_since_last_run(CITIES, ctx, ()).reason


@settings(
    max_examples=examples(fast=2, thorough=5),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    tables=st.lists(
        st.lists(
            st.tuples(st.integers(1, 2), st.sampled_from("ab"), st.integers(-1, 2), st.integers(0, 2)), max_size=6
        ),
        min_size=2,
        max_size=3,
    )
)
def test_the_change_is_the_difference_of_the_two_sets_of_violations(
    sail_zone: Zone, tables: list[list[tuple[Any, ...]]]
) -> None:
    before: set[tuple[Any, ...]] | None = None
    for table in tables:
        sail_zone.put(CITIES, cities(*table))
        ctx = sail_zone.ctx(CITIES)
        trust(CITIES, replace(ctx, now=datetime.now(UTC)))
        now = {(row["rule"], row["rid"], row["role"]) for row in ctx.ledgers.read("violations").to_pylist()}
        if before is not None:
            rows = sail_zone.lake.table("governance.quality").arrow().to_table().to_pylist()
            found = {r["measure"]: r["value"] for r in rows if r["run_id"] == ctx.run_id and r["subject"] == "cities"}
            expected = (len(now - before), len(now & before), len(before - now))
            assert tuple(found[f"violations_{name}"] for name in ("new", "persisting", "gone")) == expected
        before = now


def test_what_is_not_applicable_has_no_value_and_a_reason(sail_zone: Zone) -> None:
    sail_zone.run(CITIES, cities((1, "a", 1)))
    rows = sail_zone.lake.table("governance.quality").arrow().to_table().to_pylist()
    assert all(row["note"] for row in rows if row["value"] is None)
    absent = {(row["subject"], row["measure"]): row["note"] for row in rows if row["value"] is None}
    assert absent["cities", "uniqueness"] == "no key is declared"
    assert absent["cities", "timeliness"].startswith("no update rate is declared")
    assert absent["m", "validity"] == "the column has no values"
    assert absent["city", "uniqueness"] == "the column is not declared unique"
    assert ("city", "consistency") not in absent


def test_every_column_has_its_dimensions(zone: Zone) -> None:
    dataset = declared(
        "cities",
        {"zip": {"type": "int", "unique": True}, "city": "string", "n": "int", "free": "int"},
        rules={"n_positive": RULES["n_positive"], "n_city": {"determines": "city -> n"}},
    )
    rows = [(1, "a", 1), (1, "a", 1), (2, "b", -1), (3, "c", None), (4, "d", 5), (5, "d", 6), (6, "e", 0), (7, "f", 0)]
    zone.run(dataset, [dict(zip(("zip", "city", "n"), row, strict=True)) for row in rows])
    assert zone.quality("after", "zip", "uniqueness") == 7 / 8
    assert zone.quality("after", "zip", "consistency") == 6 / 8, "both rows that share the zip"
    assert zone.quality("after", "n", "consistency") == 5 / 8, "n < 0 in one row, city → n broken by two"
    assert zone.quality("after", "city", "consistency") == 6 / 8
    assert zone.quality("after", "free", "consistency") is None
    assert zone.quality("after", "n", "completeness") == 7 / 8
    assert zone.quality("after", "cities", "consistency") == 3 / 8
    assert zone.quality("after", "cities", "validity") == 1


def landed(zone: Zone, number: int, collected: datetime, period: str | None = None) -> None:
    folder = batch_folder(zone.lake.landing, "test", "cities", number)
    folder.mkdir(parents=True)
    receipt = Receipt(number, collected, "u", "0", 1, "payload.csv", 1, ("zip",), {}, "files 1", period)
    (folder / "receipt.json").write_text(receipt.to_json(), "utf-8")


@pytest.mark.parametrize(
    ("updates", "batches", "value"),
    [
        ("10 days", [(NOW, None)], 1.0),
        ("10 days", [(NOW - timedelta(days=40), None), (NOW - timedelta(days=10), None)], 0.5),
        ("@daily", [(NOW, "2026-01-12")], 1 / (1 + 2.5)),
        ("1 h", [(NOW, "2026-01-15T08"), (NOW, "2026-01-14T08")], 1 / (1 + 3)),
        ("@yearly", [(NOW, "2025")], 1 / (1 + 14.5 / 365.2425)),
        ("@monthly", [(NOW, "2026-01")], 1.0),
        ("@monthly", [(NOW, "as of spring")], 1.0),
    ],
)
def test_timeliness_falls_with_age_and_update_rate(
    sail_zone: Zone, updates: str, batches: list[tuple[datetime, str | None]], value: float
) -> None:
    dataset = declared("cities", CITIES.columns, updates=updates)
    for number, (collected, period) in enumerate(batches, start=1):
        landed(sail_zone, number, collected, period)
    assert timeliness(dataset, sail_zone.lake, NOW).value == pytest.approx(value)
    assert timeliness(CITIES, sail_zone.lake, NOW).value is None


def test_the_timeliness_of_a_run_is_in_the_ledger(sail_zone: Zone) -> None:
    dataset = declared("cities", CITIES.columns, updates="1 day")
    landed(sail_zone, 1, NOW - timedelta(days=3))
    sail_zone.run(dataset, cities((1, "a", 1)))
    assert sail_zone.quality("after", "cities", "timeliness") == 0.25
    assert sail_zone.quality("after", "cities", "age_days") == 3


@pytest.mark.parametrize("text", ["monthly", "@fortnightly", "0 days", ""])
def test_a_rate_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an update rate"):
        declared("cities", CITIES.columns, updates=text)


def test_what_to_remove_is_exact_or_bounded(sail_zone: Zone) -> None:
    sail_zone.run(CITIES, cities((1, "a", 1, 4), (1, "a", 2, 3), (1, "b", 3, 2), (2, "c", -1, 0)))
    figures = {
        rule: [sail_zone.quality("before", rule, f"g3_rows{bound}") for bound in ("", "_low", "_high")]
        for rule in RULES
    }
    assert figures["zip_city"] == [1, 1, 1]
    assert figures["n_positive"] == [1, 1, 1]
    _, low, high = figures["n_order"]
    assert low is not None
    assert high is not None
    assert low <= 2 <= high, "all three rows of zip 1 are in each other's way"
    of_all = [sail_zone.quality("before", "cities", f"g3_rows{bound}") for bound in ("_low", "_high")]
    assert of_all[0] is not None
    assert of_all[1] is not None
    assert of_all[0] <= 3 <= of_all[1]


def test_rows_are_counted_by_the_sets_of_rules_they_violate_however_many_rules_there_are(sail_zone: Zone) -> None:
    rules = {f"above_{limit}": {"deny": f"t.x > {limit}"} for limit in range(70)}
    dataset = declared("many", {"x": "int", "y": "int"}, rules=rules)
    sail_zone.run(dataset, [{"x": x, "y": None} for x in (None, 0, 1, 65, 65, 200)])
    assert sail_zone.quality("after", "many", "violating_rows") == 4
    assert sail_zone.quality("after", "above_64", "unresolved") == 3
    assert sail_zone.quality("after", "above_69", "unresolved") == 1
    assert sail_zone.quality("after", "x", "consistency") == pytest.approx(2 / 6)
    assert sail_zone.quality("after", "y", "consistency") is None
