"""What people decide about rows and cells is respected by the next run, and changes the step's fingerprint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trusted.zones import Zone, declared, rid
from vertebra.errors import DecisionError, QualityError
from vertebra.governance.ledgers import Ledgers
from vertebra.trusted.decisions import (
    accept,
    decisions_digest,
    override,
    quarantined,
    release,
    repaired,
    undo,
    withdraw,
)
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


def digest(zone: Zone) -> str:
    return decisions_digest(Ledgers(zone.lake), "cities")


def test_every_decision_is_respected_and_can_be_withdrawn(zone: Zone) -> None:
    zone.run(DATASET, ROWS)
    assert table(zone) == CLEAN

    release(zone.lake, "cities", rid(3), "counted again", by="ana", at=AT)
    undo(zone.lake, "cities", rid(2), "city", "it is b", by="ana", at=AT)
    override(zone.lake, "cities", rid(0), "n", "7", by="ana", at=AT)
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
    withdraw(zone.lake, "cities", rid(3), by="ana", at=later)
    withdraw(zone.lake, "cities", rid(2), column="city", by="ana", at=later)
    withdraw(zone.lake, "cities", rid(0), column="n", by="ana", at=later)
    zone.trust(DATASET)
    assert table(zone) == CLEAN


def test_an_accepted_violation_is_neither_repaired_nor_quarantined_nor_failed_on(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    accept(zone.lake, "cities", "zip_city", rid(2), by="ana", at=AT)
    accept(zone.lake, "cities", "n_range", rid(3), by="ana", at=AT)
    zone.trust(DATASET)
    assert table(zone) == [(rid(0), "a", 1), (rid(1), "a", 1), (rid(2), "b", 1), (rid(3), "c", 11)]
    assert zone.quality("after", "n_range", "accepted") == 1
    assert zone.quality("after", "n_range", "unresolved") == 0

    strict = declared("cities", DATASET.columns, rules={"few": {"deny": "t.n > 5", "on_violation": "fail"}})
    with pytest.raises(QualityError, match="few by 1 row"):
        zone.trust(strict)
    accept(zone.lake, "cities", "few", rid(3), by="ana", at=AT)
    assert zone.trust(strict).rows == 4


def test_an_override_comes_before_the_rules_and_may_be_null(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    override(zone.lake, "cities", rid(2), "city", None, by="ana", at=AT)
    override(zone.lake, "cities", rid(3), "n", "10", by="ana", at=AT)
    zone.trust(DATASET)
    assert table(zone) == [(rid(0), "a", 1), (rid(1), "a", 1), (rid(2), None, 1), (rid(3), "c", 10)]


def test_of_two_decisions_about_a_cell_the_latest_is_in_force(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    override(zone.lake, "cities", rid(2), "city", "z", by="ana", at=AT + timedelta(minutes=2))
    zone.trust(DATASET)
    assert (rid(2), "z", 1) in table(zone)
    after = undo(zone.lake, "cities", rid(2), "city", by="ben", at=AT)  # the clock was set back
    assert after.decided_at == AT + timedelta(minutes=2, microseconds=1)
    zone.trust(DATASET)
    assert (rid(2), "b", 1) in table(zone)


def test_the_digest_follows_the_decisions_in_force_and_nothing_else(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    assert digest(zone) == ""
    release(zone.lake, "cities", rid(3), by="ana", at=AT)
    released = digest(zone)
    assert released
    release(zone.lake, "cities", rid(3), "said twice", by="ben", at=AT + timedelta(minutes=1))
    assert digest(zone) == released
    override(zone.lake, "cities", rid(0), "city", None, by="ana", at=AT)
    emptied = digest(zone)
    override(zone.lake, "cities", rid(0), "city", "", by="ana", at=AT + timedelta(minutes=1))
    assert len({released, emptied, digest(zone)}) == 3
    assert decisions_digest(Ledgers(zone.lake), "others") == ""
    withdraw(zone.lake, "cities", rid(3), by="ana", at=AT + timedelta(minutes=2))
    withdraw(zone.lake, "cities", rid(0), column="city", by="ana", at=AT + timedelta(minutes=2))
    assert digest(zone) == ""


def test_a_decision_about_what_is_not_there_is_refused(sail_zone: Zone) -> None:
    zone = sail_zone
    zone.run(DATASET, ROWS)
    lake, who = zone.lake, {"by": "ana", "at": AT}
    refused = {
        "not in quarantine": lambda: release(lake, "cities", rid(0), **who),
        "was not repaired": lambda: undo(lake, "cities", rid(0), "city", **who),
        "does not violate": lambda: accept(lake, "cities", "n_range", rid(0), **who),
        "has no column": lambda: override(lake, "cities", rid(0), "town", "x", **who),
        "has no row": lambda: override(lake, "cities", rid(9), "city", "x", **who),
        "is not a value": lambda: override(lake, "cities", rid(0), "n", "many", **who),
        "there is no decision": lambda: withdraw(lake, "cities", rid(0), **who),
    }
    for said, decide in refused.items():
        with pytest.raises(DecisionError, match=said) as caught:
            decide()
        assert caught.value.cause
        assert "vertebra" in caught.value.remedy or "give a" in caught.value.remedy
    assert not zone.lake.table("governance.decisions").exists()


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

    undo(zone.lake, "cities", rid(2), "city", "it is b", by="ana", at=AT)
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
