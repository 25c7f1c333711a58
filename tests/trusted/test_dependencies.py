"""Dependencies are repaired together: with the right cell, until nothing follows, and never at the cost of other rules."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vertebra
from trusted.test_clean_properties import FEW, cleaned
from trusted.test_decisions import deciding
from trusted.zones import Zone, declared, rid
from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.errors import QualityError
from vertebra.trusted.clean import trust
from vertebra.trusted.decide import accept, override, reject_proposal
from vertebra.trusted.inputs import inputs_of


def table(rules: dict[str, Any], columns: str, **more: Any) -> Dataset:
    return declared("d", dict.fromkeys(columns.split(), "string") | more, rules=rules)


def rows(columns: str, *lines: str) -> list[dict[str, Any]]:
    """Rows from words; a dash is an empty cell."""
    names = columns.split()
    return [
        {name: None if word == "-" else word for name, word in zip(names, line.split(), strict=True)} for line in lines
    ]


def repair(*dependencies: str, **more: Any) -> dict[str, Any]:
    return {
        f"r{number}": {"determines": written, "on_violation": "repair"} | more
        for number, written in enumerate(dependencies)
    }


def cells(zone: Zone) -> list[tuple[Any, ...]]:
    if not zone.lake.table("governance.repairs").exists():
        return []
    return zone.rows("governance.repairs", "rid", "column_name", "old", "new")


FACILITY = "ccn name city state zip"
ALPHA, BETA = "Alpha Boston MA 02101", "Beta Miami FL 33101"
OF_CCN = repair("ccn -> name", "ccn -> city", "ccn -> state", "ccn -> zip")


def test_a_wrong_determinant_is_replaced_and_its_row_keeps_its_values(zone: Zone) -> None:
    lines = [f"A {ALPHA}"] * 3 + [f"B {BETA}"] * 3 + [f"A {BETA}"]
    zone.run(table(OF_CCN, FACILITY), rows(FACILITY, *lines))
    assert cells(zone) == [(rid(6), "ccn", "A", "B")]
    ((confidence, evidence),) = zone.rows("governance.repairs", "confidence", "evidence")
    assert confidence > 0.9
    assert evidence == "4 attributes agree with this group, 0 with the old one"
    assert all(zone.quality("after", rule, "violating_tuples") == 0 for rule in OF_CCN)


def test_what_a_person_sets_in_a_row_of_the_wrong_group_says_nothing_about_that_group(sail_zone: Zone) -> None:
    lines = [f"A {ALPHA}"] * 3 + [f"B {BETA}"] * 3 + ["A Beta Miam FL 33101"]
    dataset = table(OF_CCN, FACILITY)
    sail_zone.run(dataset, rows(FACILITY, *lines))
    override(deciding(sail_zone, dataset=dataset), rid(6), "city", "Miami")
    sail_zone.trust(dataset)
    assert cells(sail_zone) == [(rid(6), "ccn", "A", "B"), (rid(6), "city", "Miam", "Miami")]


def test_of_a_row_that_mostly_agrees_with_its_group_only_the_other_cell_changes(sail_zone: Zone) -> None:
    lines = [f"A {ALPHA}"] * 3 + [f"B {BETA}"] * 3 + ["A Alpha Miami MA 02101"]
    sail_zone.run(table(OF_CCN, FACILITY), rows(FACILITY, *lines))
    assert cells(sail_zone) == [(rid(6), "city", "Miami", "Boston")]


def test_a_row_that_fits_no_group_is_left_to_people(sail_zone: Zone) -> None:
    lines = [f"A {ALPHA}"] * 3 + ["A Gamma Reno NV 89501"]
    sail_zone.run(table(OF_CCN, FACILITY), rows(FACILITY, *lines))
    assert cells(sail_zone) == []
    assert sail_zone.quality("after", "r0", "unresolved") == 4


def test_two_cells_of_which_either_may_be_wrong_are_a_tie(zone: Zone) -> None:
    lines = ["Z1 A"] * 3 + ["Z2 B"] * 3 + ["Z1 B"]
    outcome = zone.run(table(repair("zip -> city", "city -> zip"), "zip city"), rows("zip city", *lines))
    assert cells(zone) == []
    assert zone.rows("governance.proposals", "rid", "column_name", "new", "reason") == [
        (rid(6), "city", "A", "tie"),
        (rid(6), "zip", "Z2", "tie"),
    ]
    assert outcome.facts.cells_proposed == 2
    assert zone.rows("governance.proposals", "confidence") == [(0.5,), (0.5,)]
    assert [zone.quality("after", rule, "violating_tuples") for rule in ("r0", "r1")] == [4, 4]


def test_of_two_values_in_a_tie_the_slip_of_a_known_one_is_wrong(zone: Zone) -> None:
    lines = ["Z1 Boston"] * 3 + [
        "Z2 Boston",
        "Z2 Bostxn",
        "Z3 Miami",
        "Z3 Boston",
        "Z4 Vicc",
        "Z4 Vic",
        "Z5 Bostons",
        "Z5 Boston",
    ]
    zone.run(table(repair("zip -> city"), "zip city"), rows("zip city", *lines))
    assert cells(zone) == [(rid(4), "city", "Bostxn", "Boston")]


def test_what_speaks_for_the_present_value_counts_even_if_any_confidence_will_do(sail_zone: Zone) -> None:
    lines = ["a1 b1 w"] + ["a1 b2 x"] * 2 + ["a2 b1 w"] * 5
    sail_zone.run(table(repair("a -> c", "b -> c", confidence=0), "a b c"), rows("a b c", *lines))
    assert cells(sail_zone) == []
    assert [reason for (reason,) in sail_zone.rows("governance.proposals", "reason")] == ["unsure"]


def test_repairs_that_follow_from_repairs_are_made(zone: Zone) -> None:
    lines = ["a1 b1 c1"] * 3 + ["a1 b2 c1"] + ["a1 b2 c2"] + ["a2 b2 c2"] * 2
    zone.run(table(repair("a -> b", "b -> c"), "a b c"), rows("a b c", *lines))
    # one change makes the last but two consistent, and not two: its other attributes are those of a2
    assert cells(zone) == [(rid(3), "b", "b2", "b1"), (rid(4), "a", "a1", "a2")]
    assert [zone.quality("after", rule, "violating_tuples") for rule in ("r0", "r1")] == [0, 0]


def test_rows_that_will_be_removed_and_forbidden_values_do_not_vote(zone: Zone) -> None:
    rules = repair("zip -> city") | {
        "paid": {"deny": "t.amount <= 0", "on_violation": "quarantine"},
        "named": {"deny": "t.city = 'n/a'"},
    }
    lines = [("Z", "Test", -1)] * 3 + [("Z", "Boston", 1)] * 2 + [("Y", "n/a", 1)] * 2 + [("Y", "Reus", 1)]
    found = [dict(zip(("zip", "city", "amount"), line, strict=True)) for line in lines]
    outcome = zone.run(table(rules, "zip city", amount="int"), found)
    assert zone.rows("trusted.d", "_rid", "city") == [
        *[(rid(number), "Boston") for number in (3, 4)],
        *[(rid(number), "Reus") for number in (5, 6, 7)],
    ]
    # rows that are gone have no repaired cells
    assert (outcome.facts.cells_repaired, outcome.facts.rows_quarantined) == (2, 3)
    assert zone.quality("after", "named", "violating_tuples") == 0


def test_a_value_that_another_table_contradicts_does_not_vote(sail_zone: Zone) -> None:
    zone = sail_zone
    official = declared("official", {"code": "int", "name": "string"})
    zone.put(official, [{"code": 1, "name": "el Poble Sec"}], "trusted")
    where = "t.code = s.code and t.name != s.name"
    rules = repair("code -> name") | {"official_name": {"deny": {"over": "d t, official s", "where": where}}}
    dataset = declared("d", {"code": "int", "name": "string"}, rules=rules)
    zone.put(dataset, [{"code": 1, "name": name} for name in ("el Poble Sec", "el Poble-sec", "el Poble-sec")])
    datasets = {"d": dataset, "official": official}
    versions = {name: zone.lake.table(name).version() for name in inputs_of(dataset, datasets)}
    trust(dataset, zone.context("trusted.d", versions, zone.engine), datasets)
    assert {name for _, name in zone.rows("trusted.d", "_rid", "name")} == {"el Poble Sec"}


def test_a_value_that_a_person_set_outweighs_all_others(sail_zone: Zone) -> None:
    zone = sail_zone
    dataset = table(repair("zip -> city"), "zip city")
    zone.run(dataset, rows("zip city", "Z Boston", "Z Bostn", "Z Bostn"))
    override(deciding(zone, dataset=dataset), rid(0), "city", "Boston")
    zone.trust(dataset)
    assert {city for _, city in zone.rows("trusted.d", "_rid", "city")} == {"Boston"}


def test_empty_cells_are_filled_where_the_rule_says_so(zone: Zone) -> None:
    lines = ["A x", "A x", "A -", "B -", "- y"]
    zone.run(table(repair("k -> v", fill=True), "k v"), rows("k v", *lines))
    assert cells(zone) == [(rid(2), "v", None, "x")]
    zone.run(table(repair("k -> v"), "k v"), rows("k v", *lines))
    assert cells(zone) == []


def test_a_repair_cannot_break_a_rule_that_must_hold(zone: Zone) -> None:
    rules = repair("a -> b") | {"never": {"deny": "t.n = 3 and t.b = 'x'", "on_violation": "fail"}}
    found = [{"a": "p", "b": b, "n": n} for n, b in enumerate("xxxy")]
    outcome = zone.run(table(rules, "a b", n="int"), found)
    assert outcome.facts.cells_repaired == 0
    assert zone.quality("after", "never", "violating_tuples") == 0


def test_a_rule_that_must_hold_is_checked_after_cleaning(sail_zone: Zone) -> None:
    zone = sail_zone
    columns = {"id": {"type": "int", "range": [0, 9], "on_violation": "quarantine"}, "boss": "int"}
    known = {"references": {"boss": "staff.id"}, "on_violation": "fail"}
    staff = declared("staff", columns, rules={"boss_known": known})
    with pytest.raises(QualityError, match=r"trusted\.staff would violate") as told:
        zone.run(staff, [{"id": 99, "boss": 99}, {"id": 1, "boss": 99}])
    assert str(rid(1)) in told.value.cause
    assert not zone.lake.table("trusted.staff").exists()
    assert (rid(1), "boss_known", "introduced") in zone.rows("governance.violations", "rid", "rule", "resolution")


def test_a_rule_that_only_cleaning_breaks_is_called_broken(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: p\n")
    (tmp_path / "datasets" / "staff.yaml").write_text(
        "source: s\ncollect: {from: files, path: staff.csv}\nparse: {format: csv}\nload: snapshot\n"
        "columns: {id: {type: int, range: [0, 9], on_violation: quarantine}, boss: int}\n"
        "rules: {boss_known: {references: {boss: staff.id}}}\n"
    )
    (tmp_path / "staff.csv").write_text("id,boss\n99,99\n1,99\n2,1\n")
    with vertebra.open(tmp_path) as project:
        report = project.run()
        (facts,) = [one.facts for one in report.results if one.step == "trusted.staff"]
        assert facts.rules_broken == 2
        broken = {rule.rule: rule.outcome for one in project.quality() for rule in one.broken}
    assert broken == {"id_range": "1 row quarantined", "boss_known": "1 broken by cleaning"}


RULES = repair("x -> y", "y -> x", "x -> a", "[y, a] -> b", confidence=0) | {
    "once": {"unique": ["x", "y", "a", "b"]},
    "low": {"deny": "t.a = 'p' and t.b = 'p'"},
    "order": {"deny": "t.x = s.x and t.b < s.b and t.y > s.y"},
}
SMALL = table(RULES, "x y a b")
LETTERS = st.sampled_from([None, "p", "q", "r"])
TABLES = st.lists(st.fixed_dictionaries(dict.fromkeys("xyab", LETTERS)), max_size=14)


def violating_pairs(found: list[dict[str, Any]]) -> Counter[str]:
    """The violations of each rule, from its definition."""

    def unequal(one: Any, other: Any) -> bool:
        return None not in (one, other) and one != other

    counts = Counter(low=sum(row["a"] == row["b"] == "p" for row in found))
    for one, other in combinations(found, 2):
        same = {name for name in "xyab" if one[name] is not None and one[name] == other[name]}
        for number, (left, right) in enumerate((("x", "y"), ("y", "x"), ("x", "a"), ("ya", "b"))):
            counts[f"r{number}"] += set(left) <= same and unequal(one[right], other[right])
        counts["once"] += len(same) == 4
        for t, s in ((one, other), (other, one)):
            full = None not in (t["b"], s["b"], t["y"], s["y"])
            counts["order"] += "x" in same and full and t["b"] < s["b"] and t["y"] > s["y"]
    return counts


@FEW
@given(found=TABLES)
def test_repair_raises_the_violations_of_no_rule(found: list[dict[str, Any]], sail: Engine, tmp_path: Path) -> None:
    zone = cleaned(tmp_path / "zone", sail, SMALL, found)
    after = [dict(zip("xyab", row[1:], strict=True)) for row in zone.rows("trusted.d", "_rid", *"xyab")]
    assert len(after) == len(found)
    was, now = violating_pairs(found), violating_pairs(after)
    assert {rule: (count, was[rule]) for rule, count in now.items() if count > was[rule]} == {}


AVERAGES = "code average state note"


def averages(*, alaska: int) -> list[dict[str, Any]]:
    """Averages of measures in eight hospitals; those of the first ``alaska`` measures differ in the last one."""
    lines = []
    for hospital in range(8):
        for measure in range(8):
            own = hospital == 7 and measure < alaska
            lines.append(f"m{measure} {'ak' if own else 'al'}{measure} {'AK' if hospital == 7 else 'AL'} -")
    lines[3] = "m3 al7 AL -"
    return rows(AVERAGES, *lines)


def test_a_dependency_that_fails_for_one_state_is_left_to_people_there(zone: Zone) -> None:
    rules = repair("code -> average")
    outcome = zone.run(table(rules, AVERAGES), averages(alaska=8))
    assert cells(zone) == [(rid(3), "average", "al7", "al3")]
    left = zone.rows("governance.proposals", "rid", "column_name", "old", "new", "reason", "evidence")
    because = "8 of 8 rows with state AK differ from their groups"
    assert left == [(rid(56 + m), "average", f"ak{m}", f"al{m}", "exception", because) for m in range(8)]
    assert outcome.facts.cells_proposed == 8


def test_exceptions_stay_exceptions_when_a_person_keeps_some(sail_zone: Zone) -> None:
    zone, declared_table = sail_zone, table(repair("code -> average"), AVERAGES)
    zone.run(declared_table, averages(alaska=8))
    for kept in (56, 57):
        reject_proposal(deciding(zone, dataset=declared_table), rid(kept), "average")
    zone.trust(declared_table)
    assert cells(zone) == [(rid(3), "average", "al7", "al3")]
    assert zone.rows("governance.proposals", "rid") == [(rid(58 + m),) for m in range(6)]


def test_what_a_person_sets_in_an_exception_does_not_outvote_its_group(zone: Zone) -> None:
    dataset = table(repair("code -> average"), AVERAGES)
    found = averages(alaska=8)
    found[57]["average"] = "ax1"
    zone.run(dataset, found)
    override(deciding(zone, dataset=dataset), rid(57), "average", "ak1")
    zone.trust(dataset)
    assert cells(zone) == [(rid(3), "average", "al7", "al3"), (rid(57), "average", "ax1", "ak1")]


def test_what_a_person_sets_in_an_accepted_violation_does_not_outvote_its_group(sail_zone: Zone) -> None:
    dataset = table(repair("zip -> city"), "zip city")
    sail_zone.run(dataset, rows("zip city", *["Z Boston"] * 3, "Z Bostn", "Z Cambridg"))
    who = deciding(sail_zone, dataset=dataset)
    accept(who, "r0", rid(4))
    override(who, rid(4), "city", "Cambridge")
    sail_zone.trust(dataset)
    assert cells(sail_zone) == [(rid(3), "city", "Bostn", "Boston"), (rid(4), "city", "Cambridg", "Cambridge")]


def test_a_state_that_differs_only_here_and_there_has_errors(sail_zone: Zone) -> None:
    rules = repair("code -> average")
    sail_zone.run(table(rules, AVERAGES), averages(alaska=5))
    assert len(cells(sail_zone)) == 6


def test_filling_a_group_that_stays_broken_is_no_reason_to_take_its_repairs_back(sail_zone: Zone) -> None:
    rules = repair("zip -> city", fill=True, confidence=0.95)
    lines = ["Z1 Reus"] * 12 + ["Z1 Rus"] + ["Z2 Vic"] * 3 + ["Z2 Reus", *["Z2 -"] * 20]
    sail_zone.run(table(rules, "zip city"), rows("zip city", *lines))
    assert cells(sail_zone) == [(rid(12), "city", "Rus", "Reus")]
    left = {(row, reason) for row, reason in sail_zone.rows("governance.proposals", "rid", "reason")}
    assert left == {(rid(16), "unsure")} | {(rid(row), "breaks") for row in range(17, 37)}


def seasons(*odd: str) -> list[dict[str, Any]]:
    """Twelve teams with a manager for each of six seasons, five players each; then odd lines."""
    lines = [f"t{t} {2010 + y} m{t}_{y}" for t in range(12) for y in range(6) for _ in range(5)]
    return rows("team season manager", *lines, *odd)


def test_a_column_of_a_composite_determinant_is_wrong_where_another_value_of_it_agrees(zone: Zone) -> None:
    rules = repair("[team, season] -> manager")
    odd = ["t3 2011 m3_4", "t3 2012 m7_5", "t4 2011 mx"]
    zone.run(table(rules, "team season manager"), seasons(*odd))
    assert cells(zone) == [
        (rid(360), "season", "2011", "2014"),
        (rid(361), "manager", "m7_5", "m3_2"),
        (rid(362), "manager", "mx", "m4_1"),
    ]
    ((evidence,),) = [(text,) for row, text in zone.rows("governance.repairs", "rid", "evidence") if row == rid(360)]
    assert evidence == "with it, 1 attributes agree with a group of the same team"


def test_where_two_columns_may_be_wrong_neither_is_replaced(sail_zone: Zone) -> None:
    rules = repair("[team, season] -> manager")
    lines = [
        f"t{t} {2010 + y} {'mA' if (t, y) in [(0, 3), (1, 0)] else f'm{t}_{y}'}" for t in range(6) for y in range(6)
    ]
    every = [line for line in lines for _ in range(4)]
    sail_zone.run(table(rules, "team season manager"), rows("team season manager", *every, "t0 2010 mA"))
    assert [cell for cell in cells(sail_zone) if cell[1] != "manager"] == []


def test_where_another_group_explains_a_tuple_in_full_the_determinant_may_be_wrong(sail_zone: Zone) -> None:
    rules = repair("zip -> city", "zip -> state", confidence=0.9)
    lines = [line for line in ("Z1 Reus CT", "Z2 Vic CT", "Z3 Elx VC") for _ in range(6)]
    sail_zone.run(table(rules, "zip city state"), rows("zip city state", *lines, "Z1 Vic CT", "Z1 Elx CT"))
    assert cells(sail_zone) == [(rid(19), "city", "Elx", "Reus")]
    assert sail_zone.rows("governance.proposals", "rid", "column_name", "new", "reason") == [
        (rid(18), "city", "Reus", "unsure")
    ]
