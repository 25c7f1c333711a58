"""Cleaning by rules about consecutive tuples: the tuple in the named role is removed or changed, and neighbours change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trusted.test_clean_properties import FEW, Scratch, cleaned
from trusted.test_incremental import clean, grow, state
from trusted.zones import Zone, declared, rid
from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.errors import QualityError, RuleError

READINGS = {"device": "string", "at": "int", "counter": "int"}
JUMP = "next(t) s by device order by at where counter is not null: s.counter > t.counter + 50"
FALL = "next(t) s by device order by at where counter is not null: s.counter < t.counter"


def meters(**rules: dict[str, Any]) -> Dataset:
    return declared("meters", READINGS, rules=rules)


def readings(*counters: int | None, device: str = "A", first: int = 1) -> list[dict[str, Any]]:
    return [{"device": device, "at": at, "counter": counter} for at, counter in enumerate(counters, first)]


SPIKE = [*readings(1, 2, 300, 3, 4), *readings(7, 8, device="B")]


def test_quarantine_removes_the_row_in_the_named_role(zone: Zone) -> None:
    outcome = zone.run(
        meters(jump={"deny": JUMP, "on_violation": "quarantine", "role": "s"}, fall={"deny": FALL}), SPIKE
    )
    assert zone.rows("trusted.meters", "_rid") == [(rid(n),) for n in (0, 1, 3, 4, 5, 6)]
    assert zone.rows("governance.quarantine", "rid", "rules") == [(rid(2), ["jump"])]
    # without the spike its neighbours follow each other, and nothing falls
    assert zone.rows("governance.violations", "rule", "rid", "role", "partner", "resolution") == [
        ("fall", rid(2), "t", rid(3), "quarantined"),
        ("fall", rid(3), "s", rid(2), "quarantined"),
        ("jump", rid(1), "t", rid(2), "quarantined"),
        ("jump", rid(2), "s", rid(1), "quarantined"),
    ]
    assert zone.quality("after", "fall", "violating_tuples") == 0
    assert zone.quality("before", "fall", "violating_pairs") == 1
    assert outcome.facts.rows_quarantined == 1


def test_without_a_role_both_are_removed(sail_zone: Zone) -> None:
    sail_zone.run(meters(jump={"deny": JUMP, "on_violation": "quarantine"}), SPIKE)
    assert sail_zone.rows("governance.quarantine", "rid") == [(rid(1),), (rid(2),)]


def test_set_changes_the_row_in_the_named_role(zone: Zone) -> None:
    dataset = meters(jump={"deny": JUMP, "on_violation": "repair", "set": {"s.counter": None}}, fall={"deny": FALL})
    zone.run(dataset, SPIKE)
    assert [row[1] for row in zone.rows("trusted.meters", "_rid", "counter")] == [1, 2, None, 3, 4, 7, 8]
    assert zone.rows("governance.repairs", "rule", "rid", "column_name", "old", "new") == [
        ("jump", rid(2), "counter", "300", None)
    ]
    assert {row[0] for row in zone.rows("governance.violations", "resolution")} == {"repaired"}


def test_a_new_value_is_computed_from_the_row_in_the_role(sail_zone: Zone) -> None:
    rule = {"deny": JUMP, "on_violation": "repair", "role": "s", "set": {"counter": "s.counter - 298"}}
    sail_zone.run(meters(jump=rule), SPIKE)
    assert [row[1] for row in sail_zone.rows("trusted.meters", "_rid", "counter")] == [1, 2, 2, 3, 4, 7, 8]


def test_rules_remove_rows_one_after_the_other(zone: Zone) -> None:
    counter = {"rises": {"column": "counter", "by": "device", "order": "at", "at_most": 50}}
    beyond = {"deny": "t.counter > 1000", "on_violation": "quarantine"}
    dataset = meters(count={**counter, "on_violation": "quarantine", "role": "s"}, beyond=beyond)
    zone.run(dataset, [*readings(1, 2, 300, 3, 4, 2, 5), *readings(7, 2000, 8, device="B")])
    # the spike leaves because it jumps, so the 3 after it stays; the 2 after the 4 falls; 2000 is beyond, 8 stays
    assert zone.rows("governance.quarantine", "rid", "rules") == [
        (rid(2), ["count_jumps"]), (rid(5), ["count"]), (rid(8), ["beyond"])
    ]  # fmt: skip
    assert zone.quality("after", "count", "violating_tuples") == 0
    assert {row[0] for row in zone.rows("governance.violations", "resolution")} == {"quarantined"}


def test_what_still_jumps_after_a_removal_is_reported(sail_zone: Zone) -> None:
    dataset = meters(jump={"deny": JUMP, "on_violation": "quarantine", "role": "s"})
    outcome = sail_zone.run(dataset, readings(1, 2, 300, 301, 302))
    assert sail_zone.rows("trusted.meters", "counter") == [(1,), (2,), (301,), (302,)]
    assert sail_zone.quality("after", "jump", "violating_pairs") == 1
    assert sail_zone.rows("governance.violations", "rid", "role", "resolution") == [
        (rid(1), "t", "reported"), (rid(2), "s", "quarantined"), (rid(3), "s", "introduced")
    ]  # fmt: skip
    assert outcome.facts.rules_broken == 1


def test_a_rule_that_must_hold_is_checked_after_a_removal(sail_zone: Zone) -> None:
    dataset = meters(
        odd={"deny": "t.counter = 100", "on_violation": "quarantine"}, jump={"deny": JUMP, "on_violation": "fail"}
    )
    with pytest.raises(QualityError, match=r"trusted.meters would violate .* jump by 2 rows"):
        sail_zone.run(dataset, readings(60, 100, 140))


def test_new_rows_change_what_follows(zone: Zone) -> None:
    dataset = meters(jump={"deny": JUMP, "on_violation": "quarantine", "role": "s"}, fall={"deny": FALL})
    zone.put(dataset, [*readings(1, 2), *readings(60, first=5)])
    clean(zone, dataset)
    assert zone.rows("governance.quarantine", "rid") == [(rid(2),)]
    grow(zone, dataset, readings(30, 40, first=3), batch=2)
    clean(zone, dataset)
    assert not zone.rows("governance.violations", "rid")
    assert [row[1] for row in zone.rows("trusted.meters", "at", "counter")] == [1, 2, 30, 40, 60]
    added = state(zone, dataset)
    clean(zone, dataset, full_refresh=True)
    assert state(zone, dataset) == added


@pytest.mark.parametrize(
    ("more", "fact", "remedy"),
    [
        ({"on_violation": "quarantine", "role": "u"}, "names the role u, which it does not have", "write t or s"),
        ({"on_violation": "repair", "set": {"u.counter": None}}, "names the role u", "write t or s"),
        ({"on_violation": "repair", "set": {"counter": None}}, "does not say which tuple", "set: {s.counter: null}"),
        ({"on_violation": "repair", "set": {"s.conter": None}}, "has no column conter", "counter"),
        ({"on_violation": "repair", "set": {"t.counter": None, "s.at": None}}, "names s in `set` beside t", "t.at"),
        ({"role": "s"}, "removes and changes nothing", "on_violation: quarantine"),
        ({"on_violation": "repair"}, "cannot be repaired by majority", "set: {s.counter: null}"),
        ({"on_violation": "repair", "repair_method": "longest_chain"}, "its longest chain", "report"),
    ],
)
def test_a_role_that_cannot_be_cleaned_is_refused(
    sail_zone: Zone, more: dict[str, Any], fact: str, remedy: str
) -> None:
    with pytest.raises(RuleError) as refused:
        sail_zone.run(meters(jump={"deny": JUMP, **more}), SPIKE)
    assert fact in refused.value.fact
    assert remedy in refused.value.remedy


RULES = meters(
    jump={"deny": JUMP.replace("50", "3"), "on_violation": "repair", "set": {"s.counter": None}},
    fall={"deny": FALL, "on_violation": "quarantine", "role": "t"},
    still={"deny": "next(t) s by device order by at: s.counter = t.counter"},
    odd={"deny": "t.counter = 7", "on_violation": "repair", "set": {"counter": "2"}},
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "device": st.sampled_from([None, "A", "B"]),
            "at": st.sampled_from([None, 1, 2, 3, 4]),
            "counter": st.sampled_from([None, 1, 2, 3, 7, 9]),
        }
    ),
    max_size=12,
)


@FEW
@given(rows=ROWS)
def test_no_repair_raises_the_violations_of_another_rule(
    rows: list[dict[str, Any]], sail: Engine, tmp_path: Path
) -> None:
    only = RULES.model_copy(update={"rules": {name: rule for name, rule in RULES.rules.items() if name != "fall"}})
    zone = cleaned(tmp_path / "zone", sail, only, rows)
    for rule in only.rules:
        for measure in ("violating_tuples", "violating_pairs"):
            before, after = (zone.quality(stage, rule, measure) or 0 for stage in ("before", "after"))
            assert after <= before, rule


@FEW
@given(first=ROWS, second=ROWS)
def test_grown_tables_are_cleaned_as_whole_ones(
    first: list[dict[str, Any]], second: list[dict[str, Any]], sail: Engine, tmp_path: Path
) -> None:
    zone: Scratch = cleaned(tmp_path / "zone", sail, RULES, first)
    clean(zone, RULES)
    grow(zone, RULES, second, batch=2)
    clean(zone, RULES)
    added = state(zone, RULES)
    clean(zone, RULES, full_refresh=True)
    assert state(zone, RULES) == added
