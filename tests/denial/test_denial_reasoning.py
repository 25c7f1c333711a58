"""What is known of a rule without reading data: its class, its other notations, whether it can be violated at all."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
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


FIVE_ORDERED = "t.b < s.b and t.c > s.c and t.d > s.d and t.e > s.e and t.f > s.f"
FOUR_UNEQUAL = "t.a != s.a and t.b != s.b and t.c != s.c and t.d != s.d"
THREE_CROSSED = "t.a != s.b and t.b != s.c and t.c != s.d"


@pytest.mark.parametrize(
    ("text", "found", "left_out"),
    [
        (f"{FIVE_ORDERED} and t.a < s.a", "6 order predicates between two tuples; the maximum is 5", "`a` < `a`"),
        (f"t.a <= s.a and {FIVE_ORDERED}", "6 order predicates between two tuples; the maximum is 5", "`a` <= `a`"),
        (
            f"t.g = s.g and {FOUR_UNEQUAL} and t.e != s.e and t.f != s.f",
            "6 `!=` between two tuples; the maximum is 4", "`e` != `e` and `f` != `f`",
        ),
        (
            f"{THREE_CROSSED} and t.d != s.e",
            "4 `!=` between two tuples; the maximum is 3 if a tuple can satisfy the predicates with itself, else 4",
            "`d` != `e`",
        ),
    ],
)  # fmt: skip
def test_a_class_without_an_exact_plan_says_which_predicates_are_too_many(text: str, found: str, left_out: str) -> None:
    told = f"{found}: remove {left_out} to get the nearest rule that can be checked, which forbids more"
    assert classify(rule(text)).unsupported == told


@pytest.mark.parametrize("text", [FIVE_ORDERED, f"{FOUR_UNEQUAL} and t.e < s.e", FOUR_UNEQUAL, THREE_CROSSED])
def test_as_many_predicates_as_plans_take_are_supported(text: str) -> None:
    assert classify(rule(text)).unsupported is None


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
        "t.a in (1, 2) and t.a > 2",
        "t.a = 1 and t.a != 1",
        "t.a between 5 and 3",
        "t.a between 1 and 3 and t.a not between 0 and 9",
        "t.zip is null and t.zip in ('a', 'b')",
        "t.a is null and t.a = s.a",
        "t.a is null and t.a is not null",
        "t.a in (1.0, 2) and t.a in (3, 4)",
    ],
)
def test_a_rule_that_nothing_can_violate_is_found(text: str) -> None:
    assert never_violated(rule(text))


@pytest.mark.parametrize(
    "text",
    [
        "t.a in (1, 2) and t.a = 1.0",
        "t.zip = 'a' and t.zip in ('b')",
        "t.a is null and s.a = 3",
        "t.a = 0.1 and t.a = 0.10000000000000000001",
        "t.a > 3 and t.a < 5",
        "t.a >= 5 and t.a <= 5",
        "t.a < s.b and t.b < s.a",
        "t.a > 5 and s.a < 3",
    ],
)
def test_a_rule_that_something_can_violate_is_left_alone(text: str) -> None:
    assert never_violated(rule(text)) is None


def test_a_rule_with_more_predicates_is_subsumed() -> None:
    assert subsumes(rule("t.a = s.a and t.b != s.b"), rule("t.a = s.a and t.c = s.c and t.b < s.b"))
    assert subsumes(rule("t.a = s.a and t.b < s.b"), rule("t.a = s.a and t.b > s.b and t.c = 1"))
    assert not subsumes(rule("t.a = s.a and t.b < s.b"), rule("t.a = s.a and t.b != s.b"))
    assert subsumes(rule("t.a > 5"), rule("t.a > 5 and t.b is null"))


@pytest.mark.parametrize(
    ("general", "special"),
    [
        ("t.a > 5", "t.a > 6 and t.b = 1"),
        ("t.a > 5", "t.a between 6 and 9"),
        ("t.a >= 5", "t.a in (5, 7)"),
        ("t.a not between 0 and 9", "t.a not between -1 and 10"),
        ("t.a not between 0 and 9", "t.a < -3"),
        ("t.a not in (1, 2)", "t.a not in (1, 2, 3)"),
        ("t.a not in (1, 2)", "t.a > 2"),
        ("t.zip in ('a', 'b')", "t.zip = 'a'"),
        ("t.a is not null", "t.a > 0"),
        ("t.a is not null and t.b = s.b", "t.a = s.a and t.b = s.b"),
        ("t.a > 2", "3 < t.a and t.b = 1"),
        ("t.a between 1 and 9", "t.a > 2 and t.a < 8"),
        ("t.a != 3", "not (t.a = 3)"),
        ("t.a = s.a and t.b != s.b", "t.a = 1 and s.a = 1 and t.b != s.b"),
    ],
)
def test_conditions_imply_others(general: str, special: str) -> None:
    assert subsumes(rule(general), rule(special))
    assert not subsumes(rule(special), rule(general)) or general == "t.a != 3"


numbers = st.integers(-1, 4).map(str) | st.sampled_from(["0.5", "2.0"])
pieces = st.one_of(
    st.builds("t.a {} {}".format, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), numbers),
    st.builds("{} {} t.a".format, numbers, st.sampled_from(["=", "!=", "<", "<=", ">", ">="])),
    st.builds("t.a {}between {} and {}".format, st.sampled_from(["", "not "]), numbers, numbers),
    st.builds("t.a {}in ({}, {})".format, st.sampled_from(["", "not "]), numbers, numbers),
    st.builds("not t.a {} {}".format, st.sampled_from(["=", "<", ">="]), numbers),
    st.sampled_from(["t.a is null", "t.a is not null"]),
)
conjunctions = st.lists(pieces, min_size=1, max_size=3).map(" and ".join)
DOMAIN = [None, -2, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 9]


def true_of(constraint: DenialConstraint) -> set[float | None]:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table r (a)")
        connection.executemany("insert into r values (?)", [(value,) for value in DOMAIN])
        where = " and ".join(predicate.sql for predicate in constraint.predicates)
        return {value for (value,) in connection.execute(f"select a from r where {where}")}


@settings(max_examples=examples(fast=100, thorough=400), deadline=None)
@given(conjunctions, conjunctions)
def test_what_is_said_of_conditions_is_true_of_every_value(first: str, second: str) -> None:
    one, two = rule(first), rule(second)
    if never_violated(one):
        assert true_of(one) == set()
    if subsumes(one, two):
        assert true_of(two) <= true_of(one)
    if {f.kind for f in review([("one", one), ("two", two)])} & {"clashing"}:
        assert {None, *true_of(one), *true_of(two)} >= set(DOMAIN)


def test_texts_that_differ_may_be_one_value() -> None:
    assert not subsumes(rule("t.zip != 'a'"), rule("t.zip = 'b'"))
    assert never_violated(rule("t.zip = 'a' and t.zip = 'b'")) is None


def findings(**rules: str) -> set[tuple[str, str, str | None]]:
    return {(f.rule, f.kind, f.other) for f in review([(name, rule(text)) for name, text in rules.items()])}


def test_a_dependency_that_follows_from_others_is_implied_where_nulls_cannot_break_it() -> None:
    a_b, b_c = "t.a = s.a and t.b != s.b", "t.b = s.b and t.c != s.c"
    a_c = "t.a = s.a and t.c != s.c"
    assert findings(a_b=a_b, b_c=b_c, a_c=a_c) == set(), "b may be NULL"
    assert findings(a_b=a_b, b_c=b_c, a_c=a_c, b="t.b is null") == {("a_c", "implied", "a_b, b, b_c")}
    key = "t.b = s.b and t.d = s.d"
    a_d = "t.a = s.a and t.d != s.d"
    assert findings(a_b=a_b, a_d=a_d, key=key, a_c=a_c, b="t.b is null", d="t.d is null") == {
        ("a_c", "implied", "a_b, a_d, b, d, key")
    }
    assert findings(a_b=a_b, b_c=b_c, a_c=a_c + " and t.d = 1 and s.d = 1", b="t.b is null") == set(), "conditions"


def test_more_clashes() -> None:
    clash = {("two", "clashing", "one")}
    assert findings(one="t.a not between 0 and 9", two="t.a not between 20 and 30") == clash
    assert findings(one="t.a not in (1, 2)", two="t.a in (1, 2, 3)") == clash
    assert findings(one="t.a is null", two="t.a is not null") == clash
    assert findings(one="t.a not between 0 and 9", two="t.a not between 9 and 30") == set()
    assert findings(one="t.a = t.a", two="t.b not between 9 and 3") == {
        ("one", "trivial", None), ("two", "trivial", None),
    }  # fmt: skip


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
    with pytest.raises(RuleError, match="not one of the six comparisons"):
        to_holoclean(rule("t.a is null"))
    with pytest.raises(RuleError, match="is an expression"):
        to_holoclean(rule("abs(t.a) = 1"))
