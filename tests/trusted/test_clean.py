"""trusted = formatted + repairs − quarantine, and the ledgers say why."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow.compute as pc
import pytest

from trusted.zones import Zone, declared, rid
from vertebra.errors import QualityError, RuleError
from vertebra.governance.step_facts import TrustedFacts
from vertebra.trusted.cells import from_json
from vertebra.trusted.clean import check, trust
from vertebra.trusted.decisions import quarantined, repaired
from vertebra.trusted.inputs import inputs_of

CITIES = declared(
    "cities",
    {"zip": "int", "city": "string", "n": "int"},
    rules={"zip_city": {"determines": "zip -> city", "on_violation": "repair"}},
)


def cities(*pairs: tuple[int | None, str | None]) -> list[dict[str, object]]:
    return [{"zip": code, "city": city, "n": 1} for code, city in pairs]


def test_a_table_without_rules_is_trusted_as_it_is(zone: Zone) -> None:
    dataset = declared("plain", {"a": "int", "b": "string"})
    outcome = zone.run(dataset, [{"a": 1, "b": "x"}, {"a": None, "b": None}])
    assert outcome.rows == 2
    assert zone.rows("trusted.plain", "_rid", "a", "b") == [(rid(0), 1, "x"), (rid(1), None, None)]
    assert outcome.facts == TrustedFacts(cells_repaired=0, rows_quarantined=0, rules_broken=0, violating_rows=0)
    assert zone.quality("after", "plain", "consistency") is None
    assert zone.quality("after", "plain", "timeliness") is None
    assert zone.quality("after", "plain", "completeness") == 0.5


def test_a_cell_that_most_of_its_group_contradicts_gets_the_groups_value(zone: Zone) -> None:
    outcome = zone.run(
        CITIES, cities((1, "Reus"), (1, "Reus"), (1, "Rues"), (2, "Vic"), (None, "Olot"), (3, "x"), (3, "y"))
    )
    assert [city for _, city in zone.rows("trusted.cities", "_rid", "city")] == [
        "Reus",
        "Reus",
        "Reus",
        "Vic",
        "Olot",
        "x",
        "y",
    ]
    ((rule, row, column, old, new, method, confidence, support),) = zone.rows(
        "governance.repairs", "rule", "rid", "column_name", "old", "new", "method", "confidence", "support"
    )
    assert (rule, row, column, old, new, method) == ("zip_city", rid(2), "city", "Rues", "Reus", "consistent")
    # a lead of one vote where up to a fifth of the cells may be wrong, and a value that no other group has
    assert (confidence, support) == (pytest.approx(0.8 / 1.02, abs=1e-4), 2)
    assert outcome.facts == TrustedFacts(cells_repaired=1, rows_quarantined=0, rules_broken=1, violating_rows=5)
    resolutions = [resolution for _, resolution in zone.rows("governance.violations", "rid", "resolution")]
    assert resolutions == ["repaired"] * 3 + ["reported"] * 2
    assert zone.quality("before", "zip_city", "violating_tuples") == 5
    assert zone.quality("before", "zip_city", "g3_rows") == 2
    assert zone.quality("after", "zip_city", "violating_tuples") == 2
    assert zone.quality("after", "zip_city", "repaired") == 1
    assert zone.quality("before", "cities", "consistency") == pytest.approx(2 / 7)
    assert zone.quality("after", "cities", "consistency") == pytest.approx(5 / 7)


def test_a_tie_and_an_unsure_majority_are_left_and_reported(sail_zone: Zone) -> None:
    zone = sail_zone
    unsure = CITIES.model_copy(
        update={"rules": {"zip_city": CITIES.rules["zip_city"].model_copy(update={"confidence": 0.8})}}
    )
    outcome = zone.run(unsure, cities((1, "a"), (1, "b"), (2, "c"), (2, "c"), (2, "d"), (3, "e"), (3, "e")))
    assert outcome.facts.cells_repaired == 0
    assert zone.rows("trusted.cities", "_rid", "city") == zone.rows("formatted.cities", "_rid", "city")
    assert {row[1] for row in zone.rows("governance.violations", "rid", "resolution")} == {"reported"}
    assert zone.quality("after", "zip_city", "unresolved") == 5


def test_a_conditional_dependency_counts_and_repairs_only_its_tuples(sail_zone: Zone) -> None:
    zone = sail_zone
    deny = "t.zip = s.zip and t.n > 0 and s.n > 0 and t.city != s.city"
    dataset = declared("cities", CITIES.columns, rules={"r": {"deny": deny, "on_violation": "repair"}})
    rows = cities((1, "a"), (1, "a"), (1, "b"), (1, "b"), (1, "b"))
    for row in rows[3:]:
        row["n"] = 0
    zone.run(dataset, rows)
    assert [city for _, city in zone.rows("trusted.cities", "_rid", "city")] == ["a", "a", "a", "b", "b"]


def test_a_constant_column_is_a_dependency_on_nothing(sail_zone: Zone) -> None:
    zone = sail_zone
    dataset = declared("cities", CITIES.columns, rules={"one": {"deny": "t.city != s.city", "on_violation": "repair"}})
    zone.run(dataset, cities((1, "a"), (2, "a"), (3, "b"), (4, None)))
    assert [city for _, city in zone.rows("trusted.cities", "_rid", "city")] == ["a", "a", "a", None]


def test_a_cell_that_two_rules_repair_is_repaired_once_by_the_surer(sail_zone: Zone) -> None:
    zone = sail_zone
    dataset = declared(
        "cells",
        {"a": "int", "b": "int", "c": "string"},
        rules={
            "by_a": {"determines": "a -> c", "on_violation": "repair"},
            "by_b": {"determines": "b -> c", "on_violation": "repair"},
        },
    )
    rows = [{"a": 1, "b": 5, "c": "wrong"}]
    rows += [{"a": 1, "b": 9, "c": "x"}] * 2
    rows += [{"a": 2, "b": 5, "c": "y"}] * 4
    zone.run(dataset, rows)
    assert zone.rows("governance.repairs", "rid", "rule", "new") == [(rid(0), "by_b", "y")]
    assert zone.quality("after", "by_a", "violating_tuples") == 3


def test_a_rule_about_one_tuple_sets_what_it_declares(zone: Zone) -> None:
    dataset = declared(
        "wind",
        {"speed": "double", "gust": "double", "at": "timestamp"},
        rules={
            "range": {"deny": "t.speed > 253", "on_violation": "repair", "set": {"speed": None}},
            "gust": {"deny": "t.gust < t.speed", "on_violation": "repair", "set": {"gust": "t.speed + 0.5"}},
        },
    )
    at = datetime(2013, 2, 12, 3, tzinfo=UTC)
    zone.run(dataset, [{"speed": 1048.36, "gust": None, "at": at}, {"speed": 10.0, "gust": 5.25, "at": at}])
    assert zone.rows("trusted.wind", "_rid", "speed", "gust") == [(rid(0), None, None), (rid(1), 10.0, 10.5)]
    assert zone.rows("governance.repairs", "rule", "column_name", "old", "new", "method") == [
        ("gust", "gust", "5.25", "10.5", "set"),
        ("range", "speed", "1048.36", None, "set"),
    ]


def test_a_broken_reference_can_be_emptied_or_quarantined(sail_zone: Zone) -> None:
    zone = sail_zone
    planes = declared("planes", {"tail": "string"})
    zone.put(planes, [{"tail": "N1"}], "trusted")
    rule = {"references": {"tail": "planes.tail"}, "on_violation": "repair", "set": {"tail": None}}
    flights = declared("flights", {"tail": "string"}, rules={"plane": rule})
    assert inputs_of(flights) == ("formatted.flights", "trusted.planes")
    zone.run(flights, [{"tail": "N1"}, {"tail": "N2"}, {"tail": None}])
    assert zone.rows("trusted.flights", "_rid", "tail") == [(rid(0), "N1"), (rid(1), None), (rid(2), None)]

    strict = declared(
        "flights", {"tail": {"type": "string", "references": "planes.tail", "on_violation": "quarantine"}}
    )
    zone.trust(strict)
    assert [row for row, _ in zone.rows("trusted.flights", "_rid", "tail")] == [rid(0), rid(2)]
    assert not repaired(zone.ctx(strict).ledgers, "flights").num_rows


def test_a_quarantined_row_is_kept_whole_with_its_reasons(zone: Zone) -> None:
    columns = {
        "i": {"type": "int", "range": [0, 10], "on_violation": "quarantine"},
        "s": {"type": "string", "matches": "[a-z]+", "on_violation": "quarantine"},
        "big": "bigint",
        "x": "double",
        "b": "boolean",
        "d": "date",
        "at": "timestamp",
        "money": "decimal(10,2)",
    }
    dataset = declared("odd", columns)
    odd = {
        "i": 11,
        "s": 'quote " back\\ Ünïcode\n',
        "big": 2**62 + 1,
        "x": 0.1 + 0.2,
        "b": True,
        "d": date(2013, 11, 3),
        "at": datetime(2013, 2, 12, 3, 0, 0, 123456, tzinfo=UTC),
        "money": Decimal("12.50"),
    }
    outcome = zone.run(dataset, [{"i": 1, "s": "ok"}, odd, {"i": -1, "s": None}])
    assert outcome.facts.rows_quarantined == 2
    assert [row for row, _ in zone.rows("trusted.odd", "_rid", "i")] == [rid(0)]
    kept = quarantined(zone.ctx(dataset).ledgers, "odd")
    assert kept.column("rules").to_pylist() == [["i_range", "s_matches"], ["i_range"]]
    formatted = zone.lake.table("formatted.odd")
    whole = formatted.arrow().to_table(filter=pc.field("_rid") > rid(0)).sort_by("_rid")
    assert from_json(kept.column("row"), formatted.schema()).equals(whole)
    assert {row[0] for row in zone.rows("governance.violations", "resolution")} == {"quarantined"}
    assert zone.quality("after", "i_range", "quarantined") == 2
    assert zone.quality("after", "odd", "rows") == 1


def test_of_rows_that_share_a_key_the_first_stays(zone: Zone) -> None:
    rule = {"unique": ["zip", "city"], "on_violation": "quarantine"}
    dataset = declared("cities", CITIES.columns, rules={"once": rule})
    zone.run(dataset, cities((1, "a"), (1, "a"), (1, "b"), (1, "a"), (None, "a"), (None, "a")))
    assert [row for row, _ in zone.rows("trusted.cities", "_rid", "zip")] == [rid(0), rid(2), rid(4), rid(5)]
    assert {row[0] for row in zone.rows("governance.violations", "resolution")} == {"quarantined"}


def test_of_a_group_that_breaks_a_dependency_only_a_sure_majority_stays(sail_zone: Zone) -> None:
    zone = sail_zone
    rule = {"determines": "zip -> city", "on_violation": "quarantine"}
    dataset = declared("cities", CITIES.columns, rules={"zip_city": rule})
    zone.run(dataset, cities((1, "a"), (1, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e")))
    assert [row for row, _ in zone.rows("trusted.cities", "_rid", "zip")] == [rid(0), rid(1), rid(5)]
    assert zone.quality("after", "zip_city", "violating_tuples") == 0


def test_every_tuple_of_a_violated_order_is_quarantined(sail_zone: Zone) -> None:
    zone = sail_zone
    deny = "t.zip < s.zip and t.n > s.n"
    dataset = declared("cities", CITIES.columns, rules={"grows": {"deny": deny, "on_violation": "quarantine"}})
    rows = [{"zip": z, "city": None, "n": n} for z, n in [(1, 1), (2, 5), (3, 4), (4, 9)]]
    zone.run(dataset, rows)
    assert [row for row, _ in zone.rows("trusted.cities", "_rid", "n")] == [rid(0), rid(3)]


def test_a_row_that_a_repair_puts_right_is_not_quarantined(sail_zone: Zone) -> None:
    zone = sail_zone
    dataset = declared(
        "cities",
        {"zip": "int", "city": {"type": "string", "values": ["a", "b"], "on_violation": "quarantine"}},
        rules={"zip_city": {"determines": "zip -> city", "on_violation": "repair"}},
    )
    outcome = zone.run(dataset, [{"zip": z, "city": c} for z, c in [(1, "a"), (1, "a"), (1, "?"), (2, "!")]])
    assert zone.rows("trusted.cities", "_rid", "city") == [(rid(0), "a"), (rid(1), "a"), (rid(2), "a")]
    assert (outcome.facts.cells_repaired, outcome.facts.rows_quarantined) == (1, 1)
    assert sorted(zone.rows("governance.violations", "rule", "rid", "resolution"))[:2] == [
        ("city_values", rid(2), "repaired"),
        ("city_values", rid(3), "quarantined"),
    ]


def test_a_repair_that_would_break_another_rule_is_left_to_people(sail_zone: Zone) -> None:
    zone = sail_zone
    dataset = declared(
        "cities",
        {"zip": "int", "city": "string"},
        rules={
            "zip_city": {"determines": "zip -> city", "on_violation": "repair"},
            "once": {"unique": ["zip", "city"]},
        },
    )
    outcome = zone.run(dataset, [{"zip": 1, "city": c} for c in ("a", "a", "b")])
    assert zone.quality("before", "once", "violating_tuples") == 2
    assert zone.quality("after", "once", "violating_tuples") == 2
    assert outcome.facts.cells_repaired == 0
    ((row, new, reason, evidence),) = zone.rows("governance.proposals", "rid", "new", "reason", "evidence")
    assert (row, new, reason) == (rid(2), "a", "breaks")
    assert evidence == "it would break once in more rows than before"


def test_a_rule_that_must_hold_stops_the_step_and_keeps_the_old_table(zone: Zone) -> None:
    strict = declared("cities", {"zip": "int"}, rules={"known": {"required": "zip", "on_violation": "fail"}})
    first = zone.run(strict, [{"zip": 1}])
    zone.put(strict, [{"zip": 1}, {"zip": None}, {"zip": None}])
    with pytest.raises(QualityError) as caught:
        zone.trust(strict)
    assert "known by 2 rows" in caught.value.fact
    assert str(rid(1)) in caught.value.cause
    assert "governance.violations" in caught.value.remedy
    assert zone.lake.table("trusted.cities").version() == first.version
    assert zone.rows("governance.violations", "rid", "resolution") == [(rid(1), "reported"), (rid(2), "reported")]
    assert zone.quality("before", "known", "violating_tuples") == 2


def test_a_rerun_gives_the_same_table_and_forgets_what_is_over(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(CITIES, cities((1, "a"), (1, "a"), (1, "b")))
    once = zone.rows("trusted.cities", "_rid", "city")
    zone.trust(CITIES)
    assert zone.rows("trusted.cities", "_rid", "city") == once
    assert repaired(zone.ctx(CITIES).ledgers).num_rows == 1
    zone.run(CITIES, cities((1, "a"), (1, "a")))
    for ledger in ("violations", "repairs", "proposals", "quarantine"):
        found = zone.ctx(CITIES).ledgers.read(ledger)
        assert found.num_rows == 0


def test_an_empty_table_is_clean_and_its_shares_are_not_applicable(sail_zone: Zone) -> None:
    zone = sail_zone
    dataset = declared("cities", CITIES.columns, key=["zip"], rules=CITIES.rules)
    assert zone.run(dataset, []).rows == 0
    assert zone.quality("after", "cities", "completeness") is None
    assert zone.quality("after", "zip_city", "g3") is None
    assert zone.quality("after", "cities", "uniqueness") is None


def test_a_check_gives_the_figures_and_writes_nothing(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.put(CITIES, cities((1, "a"), (1, "a"), (1, "b"), (2, None)))
    found = check(CITIES, zone.ctx(CITIES))
    assert found.value("rule", "zip_city", "violating_tuples") == 3
    assert found.value("rule", "zip_city", "pair_share") == pytest.approx(2 / 3)
    assert found.value("table", "cities", "consistency") == 0.25
    assert found.value("column", "city", "completeness") == 0.75
    assert [table.name for table in zone.lake.tables()] == ["formatted.cities"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"deny": "t.n < 0"}, "does not say how to repair"),
        ({"references": {"city": "towns.city"}}, "does not say how to repair"),
        ({"deny": "t.zip = s.zip and t.city != s.city and t.n != s.n"}, "cannot be repaired"),
        ({"deny": "t.n < s.n and t.zip > s.zip and t.n >= s.zip"}, "cannot be repaired by its longest chain"),
        ({"deny": "t.zip = s.zip and lower(t.city) != lower(s.city)"}, "cannot be repaired"),
        ({"determines": "zip -> city", "set": {"city": None}}, "which tuple is repaired"),
        ({"deny": "t.n < 0", "set": {"n": "t.nn"}}, "no column nn"),
        ({"deny": "t.n < 0", "set": {"n": "'x'"}}, "cannot be compared"),
        ({"deny": "t.n < 0", "set": {"n": "s.n"}}, "not a value of the tuple t"),
        ({"deny": "t.n < 0", "set": {"n": "0"}, "on_violation": "report"}, "repairs nothing"),
        ({"deny": "t.n < 0", "set": {"n": "0"}, "repair_method": "majority"}, "cannot be repaired by majority"),
        ({"determines": "zip -> city", "repair_method": "set"}, "which tuple is repaired"),
        ({"determines": "zip -> city", "repair_method": "majority", "on_violation": "fail"}, "repairs nothing"),
    ],
)
def test_a_repair_that_is_not_defined_is_refused_before_anything_runs(rule: dict[str, object], said: str) -> None:
    dataset = declared("cities", CITIES.columns, rules={"r": {"on_violation": "repair"} | rule})
    with pytest.raises(RuleError) as caught:
        inputs_of(dataset)
    assert said in caught.value.fact
    assert caught.value.remedy


def test_a_rule_between_relations_quarantines_the_rows_of_its_own_dataset(zone: Zone) -> None:
    planes = declared("planes", {"tail": "string", "seats": "int"})
    zone.put(planes, [{"tail": "N1", "seats": 2}, {"tail": "N2", "seats": 200}], "trusted")
    where = {"over": "flights t, planes p", "where": "t.tail = p.tail and p.seats <= 8"}
    rules = {"airliner": {"deny": where, "on_violation": "quarantine"}}
    flights = declared("flights", {"tail": "string"}, rules=rules)
    zone.put(flights, [{"tail": "N1"}, {"tail": "N2"}, {"tail": "N1"}, {"tail": None}])
    datasets = {"flights": flights, "planes": planes}
    versions = {name: zone.lake.table(name).version() for name in inputs_of(flights, datasets)}
    assert list(versions) == ["formatted.flights", "trusted.planes"]
    outcome = trust(flights, zone.context("trusted.flights", versions, zone.engine), datasets)
    assert outcome.facts.rows_quarantined == 2
    assert zone.rows("trusted.flights", "_rid") == [(rid(1),), (rid(3),)]


def test_a_row_left_dangling_by_a_quarantine_is_seen_after_it(sail_zone: Zone) -> None:
    columns = {"id": {"type": "int", "range": [0, 9], "on_violation": "quarantine"}, "boss": "int"}
    staff = declared("staff", columns, rules={"boss_known": {"references": {"boss": "staff.id"}}})
    sail_zone.run(staff, [{"id": 99, "boss": 99}, {"id": 1, "boss": 99}, {"id": 2, "boss": 1}])
    assert sail_zone.quality("before", "boss_known", "violating_tuples") == 0
    assert sail_zone.quality("after", "boss_known", "violating_tuples") == 1


def test_validity_is_the_share_of_values_that_parsed(sail_zone: Zone) -> None:
    dataset = declared("cities", {"zip": "int", "n": {"type": "int", "range": [0, 9], "on_violation": "quarantine"}})
    sail_zone.put(dataset, [{"zip": 1, "n": 1}, {"zip": None, "n": 1}, {"zip": None, "n": 99}])
    ctx = sail_zone.ctx(dataset)
    cells = ", ".join(f"('r', 'cities', {rid(row)}L, 1L, {row}L, 'zip', 'x', 'int', 'not a number')" for row in (1, 2))
    names = "run_id, dataset, rid, batch, record, column_name, raw, type, reason"
    rejects = sail_zone.engine.session.sql(f"SELECT * FROM VALUES {cells} AS v({names})")
    ctx.ledgers.replace("rejects", "cities", rejects, sail_zone.engine, ctx.commit())
    sail_zone.trust(dataset)
    assert sail_zone.quality("before", "zip", "validity") == pytest.approx(1 / 3)
    assert sail_zone.quality("after", "zip", "validity") == pytest.approx(1 / 2)
    assert sail_zone.quality("after", "n", "validity") == 1
