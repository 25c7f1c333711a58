"""What people decide about rows and cells is respected by the next run, and changes the step's fingerprint."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from trusted.zones import BATCH, Zone, declared, rid
from vertebra.declare.dataset import Dataset
from vertebra.errors import DecisionError, QualityError
from vertebra.governance.ledgers import Ledgers
from vertebra.trusted.decide import Deciding, accept, override, release, undo, withdraw
from vertebra.trusted.decisions import decisions_digest, quarantined, repaired, standing
from vertebra.trusted.why import cleaning_of

AT = datetime(2026, 1, 20, 9, tzinfo=UTC)

DATASET = declared(
    "cities",
    {"zip": "int", "city": "string", "n": {"type": "int", "range": [0, 10], "on_violation": "quarantine"}},
    rules={"zip_city": {"determines": "zip -> city", "on_violation": "repair"}},
)
ROWS = [
    {"zip": 1, "city": "a", "n": 1},
    {"zip": 1, "city": "a", "n": 1},
    {"zip": 1, "city": "b", "n": 1},
    {"zip": 2, "city": "c", "n": 11},
]
CLEAN = [(rid(0), "a", 1), (rid(1), "a", 1), (rid(2), "a", 1)]


def table(zone: Zone) -> list[tuple[object, ...]]:
    return zone.rows("trusted.cities", "_rid", "city", "n")


def deciding(zone: Zone, by: str = "ana", at: datetime = AT, dataset: Dataset = DATASET) -> Deciding:
    return Deciding(zone.lake, dataset, by, at)


def digest(zone: Zone) -> str:
    return decisions_digest(Ledgers(zone.lake), "cities")


def test_every_decision_is_respected_and_can_be_withdrawn(zone: Zone) -> None:
    zone.run(DATASET, ROWS)
    assert table(zone) == CLEAN

    release(deciding(zone), rid(3), "counted again")
    undo(deciding(zone), rid(2), "city", "it is b")
    override(deciding(zone), rid(0), "n", "7")
    outcome = zone.trust(DATASET)
    assert table(zone) == [(rid(0), "a", 7), (rid(1), "a", 1), (rid(2), "b", 1), (rid(3), "c", 11)]
    assert outcome.facts.rows_quarantined == 0
    ((rule, old, new, method, confidence),) = zone.rows(
        "governance.repairs", "rule", "old", "new", "method", "confidence"
    )
    assert (rule, old, new, method, confidence) == ("decision", "1", "7", "decision", 1.0)
    assert ("n_range", rid(3), "accepted") in zone.rows("governance.violations", "rule", "rid", "resolution")
    assert ("zip_city", rid(2), "reported") in zone.rows("governance.violations", "rule", "rid", "resolution")

    later = AT + timedelta(hours=1)
    withdraw(deciding(zone, "ana", later), rid(3))
    withdraw(deciding(zone, "ana", later), rid(2), column="city")
    withdraw(deciding(zone, "ana", later), rid(0), column="n")
    zone.trust(DATASET)
    assert table(zone) == CLEAN


def test_an_accepted_violation_is_neither_repaired_nor_quarantined_nor_failed_on(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    accept(deciding(zone), "zip_city", rid(2))
    accept(deciding(zone), "n_range", rid(3))
    zone.trust(DATASET)
    assert table(zone) == [(rid(0), "a", 1), (rid(1), "a", 1), (rid(2), "b", 1), (rid(3), "c", 11)]
    assert zone.quality("after", "n_range", "accepted") == 1
    assert zone.quality("after", "n_range", "unresolved") == 0

    strict = declared("cities", DATASET.columns, rules={"few": {"deny": "t.n > 5", "on_violation": "fail"}})
    with pytest.raises(QualityError, match="few by 1 row"):
        zone.trust(strict)
    accept(deciding(zone, dataset=strict), "few", rid(3))
    assert zone.trust(strict).rows == 4


def test_an_override_comes_before_the_rules_and_may_be_null(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    override(deciding(zone), rid(2), "city", None)
    override(deciding(zone), rid(3), "n", "10")
    zone.trust(DATASET)
    assert table(zone) == [(rid(0), "a", 1), (rid(1), "a", 1), (rid(2), None, 1), (rid(3), "c", 10)]


def test_of_two_decisions_about_a_cell_the_latest_is_in_force(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    override(deciding(zone, "ana", AT + timedelta(minutes=2)), rid(2), "city", "z")
    zone.trust(DATASET)
    assert (rid(2), "z", 1) in table(zone)
    after = undo(deciding(zone, "ben", AT), rid(2), "city")  # the clock was set back
    assert after.decided_at == AT + timedelta(minutes=2, microseconds=1)
    zone.trust(DATASET)
    assert (rid(2), "b", 1) in table(zone)


def test_the_digest_follows_the_decisions_in_force_and_nothing_else(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    assert digest(zone) == ""
    release(deciding(zone), rid(3))
    released = digest(zone)
    assert released
    release(deciding(zone, "ben", AT + timedelta(minutes=1)), rid(3), "said twice")
    assert digest(zone) == released
    override(deciding(zone), rid(0), "city", None)
    emptied = digest(zone)
    override(deciding(zone, "ana", AT + timedelta(minutes=1)), rid(0), "city", "")
    assert len({released, emptied, digest(zone)}) == 3
    assert decisions_digest(Ledgers(zone.lake), "others") == ""
    withdraw(deciding(zone, "ana", AT + timedelta(minutes=2)), rid(3))
    withdraw(deciding(zone, "ana", AT + timedelta(minutes=2)), rid(0), column="city")
    assert digest(zone) == ""


def test_a_decision_about_what_is_not_there_is_refused(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    who = deciding(zone)
    refused = {
        "not in quarantine": lambda: release(who, rid(0)),
        "was not repaired": lambda: undo(who, rid(0), "city"),
        "does not violate": lambda: accept(who, "n_range", rid(0)),
        "has no rule n_rang": lambda: accept(who, "n_rang", rid(0)),
        "has no column": lambda: override(who, rid(0), "town", "x"),
        "has no row": lambda: override(who, rid(9), "city", "x"),
        "is not a value": lambda: override(who, rid(0), "n", "many"),
        "there is no decision": lambda: withdraw(who, rid(0)),
    }
    for said, decide in refused.items():
        with pytest.raises(DecisionError, match=said) as caught:
            decide()
        assert caught.value.cause
        assert any(word in caught.value.remedy for word in ("vertebra", "give a", "did you mean"))
    assert not zone.lake.table("governance.decisions").exists()


def test_a_violation_of_a_rule_about_the_whole_table_is_not_accepted_for_a_row(sail_zone: Zone) -> None:
    dataset = declared("cities", {"zip": "int"}, rules={"enough": {"rows": {"min": 9}}})
    with pytest.raises(DecisionError, match=r"about the whole table of cities(.|\n)*change the bounds"):
        accept(deciding(sail_zone, dataset=dataset), "enough", rid(0))


def test_a_cell_is_explained_by_its_violations_repairs_and_decisions(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    ledgers = Ledgers(zone.lake)
    cell = cleaning_of(ledgers, "cities", rid(2), "city")
    assert [(found.rule, found.resolution) for found in cell.violations] == [("zip_city", "repaired")]
    assert cell.violations[0].partner in (rid(0), rid(1))
    assert [(made.column_name, made.old, made.new, made.support) for made in cell.repairs] == [("city", "b", "a", 2)]
    assert cell.quarantined is None
    assert cleaning_of(ledgers, "cities", rid(2), "zip").repairs == ()

    undo(deciding(zone), rid(2), "city", "it is b")
    assert [taken.comment for taken in cleaning_of(ledgers, "cities", rid(2), "city").decisions] == ["it is b"]
    removed = cleaning_of(ledgers, "cities", rid(3)).quarantined
    assert removed is not None
    assert removed.rules == ("n_range",)
    assert '"n":11' in removed.row


def test_listings_are_by_dataset_and_empty_before_the_first_run(sail_zone: Zone) -> None:
    zone = sail_zone
    ledgers = Ledgers(zone.lake)
    assert quarantined(ledgers).num_rows == repaired(ledgers).num_rows == 0
    zone.run(DATASET, ROWS)
    other = declared("other", DATASET.columns, rules=DATASET.rules)
    zone.run(other, ROWS)
    assert quarantined(ledgers).num_rows == 2
    assert quarantined(ledgers, "other").column("rid").to_pylist() == [rid(3)]
    assert repaired(ledgers, "cities").column("rid").to_pylist() == [rid(2)]


KEYED = declared(
    "cities",
    {"id": "int", **DATASET.columns},
    key=["id"],
    rules={"zip_city": {"determines": "zip -> city", "on_violation": "repair"}},
)
KEYED_ROWS = [row | {"id": number} for number, row in enumerate(ROWS)]


def next_batch(zone: Zone, dataset: Dataset, rows: list[dict[str, object]]) -> list[tuple[object, ...]]:
    """The rows come again in another batch, so each has another row id."""
    numbered = [row | {"_rid": 2 * BATCH + number} for number, row in enumerate(rows)]
    zone.put(dataset, numbered, numbered=False)
    zone.trust(dataset)
    return zone.rows("trusted.cities", "id", "city", "n")


def lapsed(zone: Zone, dataset: Dataset = KEYED) -> list[str | None]:
    return [one.lapsed for one in standing(zone.lake, dataset)]


def test_decisions_follow_the_key_into_the_next_batch(zone: Zone) -> None:
    zone.run(KEYED, KEYED_ROWS)
    who = deciding(zone, dataset=KEYED)
    release(who, rid(3))
    undo(who, rid(2), "city")
    override(who, rid(0), "n", "7")
    moved = [{"id": 9, "zip": 9, "city": "z", "n": 1}, *reversed(KEYED_ROWS)]
    wanted = [(0, "a", 7), (1, "a", 1), (2, "b", 1), (3, "c", 11), (9, "z", 1)]
    assert next_batch(zone, KEYED, moved) == wanted
    assert [one.rid for one in standing(zone.lake, KEYED)] == [2 * BATCH + 1, 2 * BATCH + 2, 2 * BATCH + 4]
    # withdrawn by the row id of today
    withdraw(deciding(zone, at=AT + timedelta(hours=1), dataset=KEYED), 2 * BATCH + 2, column="city")
    zone.trust(KEYED)
    assert (2, "a", 1) in zone.rows("trusted.cities", "id", "city", "n")


def test_a_decision_about_other_values_no_longer_applies(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(KEYED, KEYED_ROWS)
    who = deciding(zone, dataset=KEYED)
    release(who, rid(3))
    undo(who, rid(2), "city")
    override(who, rid(0), "n", "7")
    changed = [{**KEYED_ROWS[0], "n": 2}, KEYED_ROWS[1], {**KEYED_ROWS[2], "city": "d"}]
    assert next_batch(zone, KEYED, changed) == [(0, "a", 2), (1, "a", 1), (2, "a", 1)]
    assert lapsed(zone) == ["no row has the key id = 3", "city was 'b', and is 'd' now", "n was '1', and is '2' now"]
    assert zone.trust(KEYED).facts.decisions_lapsed == 3
    # the values come back, and with them the decisions
    assert (2, "b", 1) in next_batch(zone, KEYED, KEYED_ROWS)
    assert lapsed(zone) == [None, None, None]


def test_a_release_ends_when_a_column_of_another_quarantining_rule_changes(sail_zone: Zone) -> None:
    zone = sail_zone
    rules = {**KEYED.rules, "named": {"deny": "t.city = 'x'", "on_violation": "quarantine"}}
    dataset = declared("cities", KEYED.columns, key=["id"], rules=rules)
    zone.run(dataset, KEYED_ROWS)
    release(deciding(zone, dataset=dataset), rid(3))
    assert (3, "c", 11) in next_batch(zone, dataset, KEYED_ROWS)
    assert not [
        row for row in next_batch(zone, dataset, [*KEYED_ROWS[:3], {**KEYED_ROWS[3], "city": "x"}]) if row[0] == 3
    ]
    assert lapsed(zone, dataset) == ["city was 'c', and is 'x' now"]


def test_without_its_rule_a_decision_is_about_all_values_of_the_row(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(KEYED, KEYED_ROWS)
    ruleless = declared("cities", {"id": "int", "zip": "int", "city": "string", "n": "int"}, key=["id"])
    release(deciding(zone, dataset=ruleless), rid(3))
    next_batch(zone, KEYED, [*KEYED_ROWS[:3], {**KEYED_ROWS[3], "zip": 5}])
    assert lapsed(zone) == ["zip was '2', and is '5' now"]


def test_a_row_whose_key_does_not_tell_it_apart_is_known_by_its_row_id_alone(sail_zone: Zone) -> None:
    zone = sail_zone
    twice = [{**row, "id": 5} for row in KEYED_ROWS[:3]] + [{**KEYED_ROWS[3], "id": None}]
    zone.run(KEYED, twice)
    for row in (rid(0), rid(1)):
        override(deciding(zone, dataset=KEYED), row, "n", str(7 + row % 10))
    release(deciding(zone, dataset=KEYED), rid(3))
    zone.trust(KEYED)
    assert {(5, "a", 7), (5, "a", 8), (None, "c", 11)} <= {
        tuple(row.values()) for row in zone.lake.table("trusted.cities").columns(["id", "city", "n"]).to_pylist()
    }
    zone.put(KEYED, [row | {"_rid": 2 * BATCH + n} for n, row in enumerate(twice)], numbered=False)
    assert {one.lapsed for one in standing(zone.lake, KEYED, zone.lake.table("formatted.cities").version())} == {
        "its row is gone, and no key was recorded to find it by"
    }


def test_a_decision_whose_key_comes_twice_or_is_declared_otherwise_no_longer_applies(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(KEYED, KEYED_ROWS)
    undo(deciding(zone, dataset=KEYED), rid(2), "city")
    other = KEYED.model_copy(update={"key": ("zip", "id")})
    next_batch(zone, KEYED, [*KEYED_ROWS, KEYED_ROWS[2]])
    assert lapsed(zone) == ["2 rows have the key id = 2"]
    assert lapsed(zone, other) == ["its row had the key id = 2, and the key is zip, id now"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", "Łódź 'x'"),
        ("double", 0.1),
        ("boolean", True),
        ("date", date(1582, 10, 4)),
        ("timestamp", datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=UTC)),
        ("decimal(10,2)", Decimal("-1.50")),
        ("bigint", -(2**63)),
    ],
)
def test_keys_of_every_type_are_found_again(sail_zone: Zone, kind: str, value: object) -> None:
    zone = sail_zone
    dataset = declared("cities", {"k": kind, "n": "int"}, key=["k"])
    zone.run(dataset, [{"k": value, "n": 1}, {"k": None, "n": 2}])
    override(deciding(zone, dataset=dataset), rid(0), "n", "7")
    zone.put(dataset, [{"k": value, "n": 1, "_rid": 3 * BATCH}], numbered=False)
    zone.trust(dataset)
    assert zone.rows("trusted.cities", "_rid", "n") == [(3 * BATCH, 7)]
