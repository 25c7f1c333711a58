"""What a dataset declares becomes named denial constraints."""

from __future__ import annotations

from typing import Any

import pytest

from vertebra.declare.dataset import Dataset
from vertebra.declare.rules import rules_of
from vertebra.errors import DeclarationError, RuleError


def dataset(name: str = "flights", **declared: Any) -> Dataset:
    shared = {"source": "bts", "collect": {"from": "files", "path": "x.csv"}, "parse": {"format": "csv"}}
    return Dataset.model_validate({"name": name, **shared, **declared})


def shown(**declared: Any) -> dict[str, str]:
    return {rule.name: str(rule.constraint) for rule in rules_of(dataset(**declared))}


def test_a_key_is_unique_and_never_null() -> None:
    columns = {"carrier": {"required": True}, "flight": "int"}
    assert shown(columns=columns, key=["carrier", "flight"]) == {
        "flights_key": "¬∃ t,s ∈ flights, t≠s: t.carrier = s.carrier ∧ t.flight = s.flight",
        "flight_required": "¬∃ t ∈ flights: t.flight is null",
        "carrier_required": "¬∃ t ∈ flights: t.carrier is null",
    }


def test_rules_of_columns_are_named_after_them() -> None:
    columns = {
        "distance": {"type": "int", "range": [1, 5000]},
        "delay": {"type": "int", "range": [None, 100]},
        "day": {"type": "date", "range": ["2013-01-01", "2013-12-31"]},
        "origin": {"values": ["EWR", "O'Hare"]},
        "dest": {"matches": "[A-Z]{3}", "unique": True},
        "tailnum": {"references": "planes.tailnum", "on_violation": "quarantine"},
    }
    assert shown(columns=columns) == {
        "distance_range": "¬∃ t ∈ flights: t.distance not between 1 and 5000",
        "delay_range": "¬∃ t ∈ flights: t.delay > 100",
        "day_range": "¬∃ t ∈ flights: t.day not between date '2013-01-01' and date '2013-12-31'",
        "origin_values": "¬∃ t ∈ flights: t.origin not in ('EWR', 'O\\'Hare')",
        "dest_unique": "¬∃ t,s ∈ flights, t≠s: t.dest = s.dest",
        "dest_matches": "¬∃ t ∈ flights: t.dest not rlike '^(?:[A-Z]{3})$'",
        "tailnum_references_planes": "∀ t ∈ flights ∃ s ∈ planes: (t.tailnum) = (s.tailnum)",
    }
    (reference,) = [rule for rule in rules_of(dataset(columns=columns)) if rule.kind == "references"]
    assert reference.on_violation == "quarantine"


def test_a_dependency_on_several_columns_is_several_rules() -> None:
    columns = dict.fromkeys("abcd", "int")
    assert shown(columns=columns, rules={"route": {"determines": "a, b -> c, d"}}) == {
        "route_c": "¬∃ t,s ∈ flights, t≠s: t.a = s.a ∧ t.b = s.b ∧ t.c ≠ s.c",
        "route_d": "¬∃ t,s ∈ flights, t≠s: t.a = s.a ∧ t.b = s.b ∧ t.d ≠ s.d",
    }
    assert list(shown(columns=columns, rules={"route": {"determines": "[a, b] -> c"}})) == ["route"]


def test_a_rule_carries_what_cleaning_needs() -> None:
    declared = {
        "deny": "t.a > 5",
        "on_violation": "repair",
        "set": {"a": None},
        "confidence": 0.9,
        "description": " x\n y ",
    }
    (rule,) = rules_of(dataset(columns={"a": "int"}, rules={"high": declared}))
    assert (rule.kind, rule.on_violation, rule.set, rule.confidence, rule.description) == (
        "deny", "repair", {"a": None}, 0.9, "x y",
    )  # fmt: skip


def test_rules_between_relations_are_checked_against_both() -> None:
    flights = dataset(
        columns={"tailnum": "string"},
        rules={"small": {"deny": {"over": "flights t, planes p", "where": "t.tailnum = p.tailnum and p.seats < 9"}}},
    )
    planes = dataset("planes", columns={"tailnum": "string", "seats": "int"})
    (rule,) = rules_of(flights, {"flights": flights, "planes": planes})
    assert str(rule.constraint) == "¬∃ t ∈ flights, p ∈ planes: t.tailnum = p.tailnum ∧ p.seats < 9"


@pytest.mark.parametrize(
    ("declared", "error", "reason"),
    [
        ({"rules": {"bad": {"deny": "t.x > 1"}}}, RuleError, "rule bad of flights: flights has no column x"),
        ({"rules": {"bad": {"deny": "t.a != t.a"}}}, RuleError, "nothing can violate this rule"),
        ({"rules": {"bad": {"deny": "t.a >= t.a"}}}, RuleError, "every value violates this rule"),
        ({"rules": {"bad": {"range": {"b": [9, 1]}}}}, DeclarationError, "allows no value"),
        ({"rules": {"bad": {"deny": "planes p: p.seats > 1"}}}, RuleError, "relation planes does not exist"),
        ({"rules": {"bad": {"deny": " and ".join(f"t.a + {i} < s.b" for i in range(6))}}}, RuleError, "no exact plan"),
        ({"rules": {"bad": {"determines": "a, x -> b"}}}, RuleError, "flights has no column x"),
        ({"rules": {"bad": {"determines": "a = b"}}}, DeclarationError, "not a functional dependency"),
        ({"rules": {"bad": {"unique": ["a", "x"]}}}, RuleError, "flights has no column x"),
        ({"rules": {"bad": {"references": {"a": "planes"}}}}, DeclarationError, "does not say what a references"),
        ({"rules": {"bad": {"matches": {"c": "(?!x)"}}}}, DeclarationError, "look-ahead or look-behind"),
        ({"rules": {"a_range": {"deny": "t.a > 1"}}}, DeclarationError, "two rules named a_range"),
        ({"rules": {"bad": {"range": {"c": [1, 2]}}}}, RuleError, "cannot be compared"),
        ({"rules": {"bad": {"deny": "t.a > 1", "set": {"x": None}}}}, RuleError, "flights has no column x"),
        ({"key": ["x"]}, RuleError, "flights has no column x"),
    ],
)
def test_a_wrong_rule_is_named(declared: dict[str, Any], error: type[Exception], reason: str) -> None:
    columns = {"a": {"type": "int", "range": [0, 9]}, "b": "int", "c": "string"}
    with pytest.raises(error, match=reason):
        rules_of(dataset(columns=columns, **declared))


def test_a_rule_may_be_in_any_notation_and_name_its_relations() -> None:
    flights = dataset(
        columns={"tailnum": "string", "a": "int", "end": "int"},
        rules={
            "holoclean": {"deny": "t1&t2&EQ(t1.tailnum,t2.tailnum)&IQ(t1.a,t2.a)"},
            "logic": {"deny": "¬∃ t,s ∈ flights, t≠s: t.tailnum = s.tailnum ∧ t.end ≠ s.end"},
            "between": {"deny": "flights t, planes p: t.tailnum = p.tailnum and p.seats < 9"},
        },
    )
    planes = dataset("planes", columns={"tailnum": "string", "seats": "int"})
    assert [str(rule.constraint) for rule in rules_of(flights, {"flights": flights, "planes": planes})] == [
        "¬∃ t1,t2 ∈ flights, t1≠t2: t1.tailnum = t2.tailnum ∧ t1.a ≠ t2.a",
        "¬∃ t,s ∈ flights, t≠s: t.tailnum = s.tailnum ∧ t.end ≠ s.end",
        "¬∃ t ∈ flights, p ∈ planes: t.tailnum = p.tailnum ∧ p.seats < 9",
    ]
    wrong = dataset(columns={"a": "int"}, rules={"bad": {"deny": "planes p: p.seats > 1"}})
    with pytest.raises(DeclarationError, match="is not about flights"):
        rules_of(wrong, {"flights": wrong, "planes": planes})


def test_a_reference_to_nowhere_is_refused_when_all_datasets_are_known() -> None:
    flights = dataset(columns={"tailnum": {"references": "plane.tailnum"}, "dest": "string"})
    planes = dataset("planes", columns={"tailnum": "string"})
    with pytest.raises(DeclarationError, match="references plane, which is not a dataset") as refused:
        rules_of(flights, {"flights": flights, "planes": planes})
    assert refused.value.remedy == "did you mean planes?"
