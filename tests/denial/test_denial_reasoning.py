"""What is known of a rule without reading data: its class, its other notations, whether it can be violated at all."""

from __future__ import annotations

import pytest

from vertebra.denial import classify, from_holoclean, never_violated, parse, review, subsumes, to_holoclean
from vertebra.denial.ast import DenialConstraint
from vertebra.errors import RuleError

COLUMNS = dict.fromkeys("abcdefg", "int") | {"zip": "string", "state": "string"}


def rule(text: str) -> DenialConstraint:
    return parse(text, "r", COLUMNS)


@pytest.mark.parametrize(
    ("text", "name", "symmetric"),
    [
        ("t.a > 5 and t.b is null", "one tuple", False),
        ("t.a = s.a", "{=}", True),
        ("t.a = s.b", "{=}", False),
        ("t.a = s.b and t.b = s.a", "{=}", True),
        ("t.a = s.a and t.b = 1", "{=}", False),
        ("t.a = s.a and t.b = 1 and s.b = 1", "{=}", True),
        ("t.a = s.a and t.b != s.b", "{=, ≠}", True),
        ("t.a = s.a and t.b != s.b and t.c != s.c", "{=, ≠×2}", True),
        ("t.a = s.a and t.b < s.b", "{=, <}", False),
        ("t.a = s.a and s.b > t.b", "{=, <}", False),
        ("t.a = s.a and t.b < s.b and t.c > s.c", "{=, <, >}", False),
        ("t.a < s.b and s.a < t.b", "{<, >}", True),
        ("t.a <= s.a and t.a >= s.a", "{=}", True),
        ("t.a <= s.a and t.a != s.a", "{<}", False),
    ],
)
def test_a_rule_is_sorted_by_what_joins_its_tuples(text: str, name: str, symmetric: bool) -> None:
    shape = classify(rule(text))
    assert (shape.name, shape.symmetric) == (name, symmetric)


def test_keys_and_functional_dependencies_are_recognised() -> None:
    assert classify(rule("t.a = s.a and t.b = s.b")).key == ("`a`", "`b`")
    assert classify(rule("t.a = s.a and t.b != s.b")).dependency == (("`a`",), "`b`")
    assert classify(rule("t.a = s.a and t.b != s.c")).dependency is None
    assert classify(rule("t.a = s.b")).key is None


@pytest.mark.parametrize(
    "text",
    [
        "t.a < s.a and t.b < s.b and t.c > s.c and t.d > s.d and t.e > s.e and t.f > s.f",
        "t.a = s.a and t.b != s.b and t.c != s.c and t.d != s.d and t.e != s.e and t.f != s.f",
        "t.a != s.b and t.b != s.c and t.c != s.d and t.d != s.e",
    ],
)
def test_a_class_without_an_exact_plan_says_so(text: str) -> None:
    assert classify(rule(text)).unsupported


@pytest.mark.parametrize(
    "text",
    [
        "t.a = s.a and t.a != s.a",
        "t.a < s.a and s.a < t.a",
        "t.a > 5 and t.a < 3",
        "t.a > 5 and t.a <= 5",
        "3 > t.a and t.a = 4",
        "t.a is null and t.a > 3",
        "t.a != t.a",
    ],
)
def test_a_rule_that_nothing_can_violate_is_found(text: str) -> None:
    assert never_violated(rule(text))


@pytest.mark.parametrize(
    "text", ["t.a > 3 and t.a < 5", "t.a >= 5 and t.a <= 5", "t.a < s.b and t.b < s.a", "t.a > 5 and s.a < 3"]
)
def test_a_rule_that_something_can_violate_is_left_alone(text: str) -> None:
    assert never_violated(rule(text)) is None


def test_a_rule_with_more_predicates_is_subsumed() -> None:
    assert subsumes(rule("t.a = s.a and t.b != s.b"), rule("t.a = s.a and t.c = s.c and t.b < s.b"))
    assert subsumes(rule("t.a = s.a and t.b < s.b"), rule("t.a = s.a and t.b > s.b and t.c = 1"))
    assert not subsumes(rule("t.a = s.a and t.b < s.b"), rule("t.a = s.a and t.b != s.b"))
    assert subsumes(rule("t.a > 5"), rule("t.a > 5 and t.b is null"))


def test_a_review_names_trivial_subsumed_and_clashing_rules() -> None:
    rules = {
        "impossible": "t.a > 5 and t.a < 3",
        "key": "t.a = s.a",
        "weaker": "t.a = s.a and t.b != s.b",
        "same_as_key": "s.a = t.a",
        "not_high": "t.c > 5",
        "not_low": "t.c <= 7",
    }
    findings = review([(name, rule(text)) for name, text in rules.items()])
    assert {(f.rule, f.kind, f.other) for f in findings} == {
        ("impossible", "trivial", None),
        ("weaker", "subsumed", "key"),
        ("same_as_key", "subsumed", "key"),
        ("not_low", "clashing", "not_high"),
    }


def test_a_rule_prints_as_logic() -> None:
    assert str(rule("t.a = s.a and t.b <> s.b")) == "¬∃ t,s ∈ r, t≠s: t.a = s.a ∧ t.b ≠ s.b"
    assert str(rule("x.a >= 5 and x.zip is null")) == "¬∃ x ∈ r: x.a ≥ 5 ∧ x.zip is null"


def test_holocleans_notation_is_read_and_written() -> None:
    text = "t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)"
    assert str(from_holoclean(text, "r", COLUMNS)) == "¬∃ t1,t2 ∈ r, t1≠t2: t1.zip = t2.zip ∧ t1.state ≠ t2.state"
    assert to_holoclean(rule("t.zip = s.zip and t.state != s.state")) == text
    constant = 't1&EQ(t1.state,"A & B")&GTE(t1.a,5)'
    assert to_holoclean(from_holoclean(constant, "r", COLUMNS)) == constant
    with pytest.raises(RuleError, match="not a predicate of HoloClean's notation"):
        from_holoclean("t1&t2&NEAR(t1.zip,t2.zip)", "r", COLUMNS)
    with pytest.raises(RuleError, match="has no column zap"):
        from_holoclean("t1&t2&EQ(t1.zap,t2.zap)", "r", COLUMNS)
    with pytest.raises(RuleError, match="not one of its six comparisons"):
        to_holoclean(rule("t.a is null"))
    with pytest.raises(RuleError, match="is an expression"):
        to_holoclean(rule("abs(t.a) = 1"))
