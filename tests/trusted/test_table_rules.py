"""Rules about a whole table: its rows, its freshness, and sums, means and distinct values of its columns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trusted.zones import Zone, declared
from vertebra.declare.load import load_project
from vertebra.engine import Engine
from vertebra.errors import QualityError
from vertebra.pipeline.run import run
from vertebra.report.quality.page import quality_page
from vertebra.trusted.clean import trust
from vertebra.workspace.workspace import open_project

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
COLUMNS = {
    "id": "int", "at": "timestamp", "day": "date", "amount": "decimal(10,2)", "big": "bigint", "share": "double", "shop": "string",
}  # fmt: skip


def sales(number: int, **same: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": n, "at": NOW - timedelta(hours=n + 1), "day": date(2026, 1, 14), "amount": Decimal("0.10"),
            "big": 2**62, "share": 0.1, "shop": f"s{n % 3}",
        } | same
        for n in range(number)
    ]  # fmt: skip


def of_table(**rules: Any) -> Any:
    return declared("sales", COLUMNS, rules=rules)


def findings(zone: Zone) -> dict[str, tuple[float, float | None]]:
    """Of each rule in the last run: whether it is violated, and what was measured."""
    found = zone.lake.table("governance.quality").arrow().to_table().to_pylist()
    last = max(row["run_id"] for row in found)
    mine = {(row["subject"], row["measure"]): row["value"] for row in found if row["run_id"] == last}
    return {name: (value, mine[name, "figure"]) for (name, measure), value in mine.items() if measure == "violated"}


def test_each_figure_is_exact_and_bounds_are_included(zone: Zone) -> None:
    dataset = of_table(
        rows={"rows": {"min": 3, "max": 3}},
        few={"rows": [4, None]},
        # neither 0.30000000000000004, nor an overflow
        total={"sum": {"amount": [0.3, 0.3], "big": {"min": 3 * 2.0**62, "max": 3 * 2.0**62}, "share": [0.3, 0.3]}},
        mean={"mean": {"share": [0.1, 0.1], "big": {"max": 1}}},
        shops={"distinct": {"shop": [3, 3]}},
        fresh={"fresh": {"at": "1 h", "day": "12 h"}},
        stale={"fresh": {"at": "59 min"}},
    )
    outcome = zone.run(dataset, sales(3))
    found = findings(zone)
    assert {name for name, (violated, _) in found.items() if violated} == {"few", "mean_big", "stale"}
    assert found["rows"] == (0, 3)
    assert found["total_amount"] == (0, pytest.approx(0.3, abs=1e-12))
    assert found["total_big"] == (0, 3 * 2.0**62)
    assert found["fresh_at"] == (0, pytest.approx(1 / 24))
    assert found["fresh_day"] == (0, 0.5)  # a date is as new as the end of its day
    assert outcome.facts.rules_broken == 3
    assert outcome.facts.warnings == (
        "rule few: the number of rows is 3, less than 4",
        "rule mean_big: the mean of big is 4.611686018427388e+18, more than 1",
        "rule stale: the newest at is 1 hour old, more than 59 minutes",
    )


def test_times_to_come_and_rows_without_a_time_keep_no_table_fresh(sail_zone: Zone) -> None:
    dataset = of_table(recent={"fresh": {"at": "1 h"}}, total={"sum": {"amount": [0, None]}}, rows={"rows": [0, 9]})
    rows = [*sales(1, at=datetime(2999, 1, 1, tzinfo=UTC)), *sales(1, at=None), *sales(1, at=NOW - timedelta(days=2))]
    facts = sail_zone.run(dataset, rows).facts
    assert facts.warnings == ("rule recent: the newest at is 2 days old, more than 1 hour",)
    sail_zone.put(dataset, [])
    facts = trust(dataset, sail_zone.ctx(dataset), full_refresh=True).facts
    assert facts.warnings == (
        "rule recent: the newest at: the table has no value",
        "rule total: the sum of amount: the table has no value",
    )
    assert findings(sail_zone)["rows"] == (0, 0)
    nan = of_table(mean={"mean": {"share": [0, 1]}})
    assert sail_zone.run(nan, sales(2, share=float("nan"))).facts.warnings == ("rule mean: the mean of share is NaN",)


def test_a_change_is_measured_against_the_table_before_and_a_failed_one_stays(sail_zone: Zone) -> None:
    dataset = of_table(
        steady={"rows": {"change": "20 %"}, "on_violation": "fail"}, total={"sum": {"amount": {"change": "50 %"}}}
    )
    zone = sail_zone
    assert zone.run(dataset, sales(10)).facts.warnings == ()  # nothing to compare with
    assert zone.run(dataset, sales(12)).facts.warnings == ()
    with pytest.raises(QualityError) as told:
        zone.run(dataset, sales(15))
    assert "the number of rows is 15, 25 % more than the 12 of the table before; 20 % is allowed" in told.value.cause
    assert "declare on_violation: report" in told.value.remedy
    assert zone.lake.table("trusted.sales").rows() == 12
    assert findings(zone)["steady"] == (1, 15)
    assert zone.run(dataset, sales(10, amount=Decimal("0.05"))).facts.warnings == (
        "rule total: the sum of amount is 0.5, 58.3 % less than the 1.2 of the table before; 50 % is allowed",
    )


def test_the_cleaned_table_is_measured(sail_zone: Zone) -> None:
    dataset = of_table(
        negative={"deny": "t.amount < 0", "on_violation": "quarantine"}, total={"sum": {"amount": [0, None]}},
        rows={"rows": [1, 2]},
    )  # fmt: skip
    facts = sail_zone.run(dataset, [*sales(2), *sales(1, amount=Decimal(-5))]).facts
    assert (facts.rows_quarantined, facts.warnings) == (1, ())


@pytest.mark.parametrize(
    ("rules", "fact"),
    [
        ({"r": {"rows": {"min": 1}, "on_violation": "repair"}}, "rule r of sales is declared with on_violation: repair"),
        ({"r": {"rows": {"min": 1}, "set": {"id": "1"}}}, "rule r of sales has set"),
        ({"r": {"rows": {"min": 1}, "deny": "t.id < 0"}}, "rule r of sales has deny and rows"),
        ({"r": {"sum": {"shop": [0, 1]}}}, "rule r of sales: shop is a string, not a number"),
        ({"r": {"fresh": {"amount": "1 day"}}}, "rule r of sales: amount is a decimal.10,2., and has no age"),
        ({"r": {"fresh": {"att": "1 day"}}}, "rule r: sales has no column att"),
        ({"r": {"sum": {"id": [0, 9]}}, "r_id": {"rows": [0, 1]}, "r_x": {"sum": {"id": [0, 1], "share": [0, 1]}},
          "r_x_id": {"required": "id"}}, "two rules named r_x_id"),
    ],
)  # fmt: skip
def test_rules_that_mean_nothing_are_refused(sail_zone: Zone, rules: dict[str, Any], fact: str) -> None:
    dataset = of_table(**rules)
    sail_zone.put(dataset, sales(1))
    with pytest.raises(Exception, match=fact) as told:
        sail_zone.trust(dataset)
    assert told.value.remedy


@pytest.mark.parametrize("bounds", [{}, [1], [2, 1], {"change": 20}])
def test_bounds_that_bound_nothing_are_refused(bounds: Any) -> None:
    with pytest.raises(ValueError, match=r"write|exchange"):
        of_table(r={"rows": bounds})


PROJECT = {
    "vertebra.yaml": "name: shop\n",
    "data/s.csv": "id,at\n1,2026-03-01T10:00:00Z\n",
    "datasets/sales.yaml": """\
source: s
collect: {from: files, path: data/s.csv}
parse: {format: csv}
load: snapshot
columns: {id: int, at: {type: timestamp, fresh: 2 days}}
key: [id]
rules: {enough: {rows: {min: 1, change: 10 %}}}
""",
    "views/v.sql": "select count(*) as n from trusted.sales",
}


def test_freshness_is_checked_in_every_run_and_rows_only_when_they_changed(tmp_path: Path, sail: Engine) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def ran(day: int, hour: int = 12) -> dict[str, Any]:
        report = run(load_project(tmp_path), engine=sail, now=datetime(2026, 3, day, hour, tzinfo=UTC))
        return {result.step: result for result in report.results}

    assert set(ran(1)) == {"landing.sales", "formatted.sales", "trusted.sales", "exploitation.v"}
    assert ran(2) == {}
    stale = ran(4)
    assert set(stale) == {"trusted.sales"}, "the table is the same, so what reads it is current"
    assert stale["trusted.sales"].why == "time has passed: rule at_fresh"
    assert stale["trusted.sales"].version == 0
    assert stale["trusted.sales"].facts.warnings == ("rule at_fresh: the newest at is 3.1 days old, more than 2 days",)
    assert ran(5) == {}
    with open_project(tmp_path) as space:
        (table,) = space.quality()
        assert [rule.rule for rule in table.broken] == ["at_fresh"]
        assert table.last.figures["at_fresh"] == pytest.approx(3 + 2 / 24)
        assert table.dimension("completeness").last == 1
        page = quality_page([table], space.quality_evidence("sales"), space.project)
        assert "the newest at is at most 2 days old" in page
        assert not space.check(["sales"]).failing
        assert [row.rule for row in space.rules(["sales"])][-2:] == ["at_fresh", "enough"]
    (tmp_path / "datasets/sales.yaml").write_text(
        PROJECT["datasets/sales.yaml"].replace("fresh: 2 days}", "fresh: 2 days, on_violation: fail}")
    )
    failed = ran(6)["trusted.sales"]
    assert failed.state == "failed"
    assert "the newest at is 5.1 days old, more than 2 days" in failed.error
    assert ran(7)["trusted.sales"].state == "failed", "it fails until data come"
    with open_project(tmp_path) as space:
        (table,) = space.quality()
        assert table.failure.endswith("stopped it: at_fresh: the newest at is 6.1 days old, more than 2 days")
        assert table.failed[0].outcome.endswith("more than 2 days, run stopped")
    (tmp_path / "data/s.csv").write_text("id,at\n1,2026-03-07T10:00:00Z\n")
    assert ran(7)["trusted.sales"].state == "ok"
    assert ran(8, 9) == {}
