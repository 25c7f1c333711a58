"""Every notation is read back as what it was written from, and no text breaks the reader."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.denial import DenialConstraint, classify, format_constraint, parse, parse_between, to_holoclean
from vertebra.errors import RuleError

COLUMNS = {"a": "int", "b": "int", "x": "double", "u": "string", "v": "string", "d": "date", "ok": "boolean",
           "Flight No": "int", "and": "int", "end": "int", "case": "int", "tick`ed": "int"}  # fmt: skip
OTHERS = {"flights": COLUMNS, "planes": {"a": "int", "u": "string"}}

NUMBERS = ["a", "b", "x", "`Flight No`", "`and`", "and", "end", "case", "`tick``ed`"]
TEXTS = ["u", "v"]
OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "<>", "=="]
literals = st.text(st.sampled_from('aZ ∧≠≤&=(),:`"é¬'), max_size=5).map(lambda text: f"'{text}'") | st.just("'it\\'s'")
numbers = st.sampled_from(["0", "3", "-1", "2.5", "1e3"])


def number(variable: str) -> st.SearchStrategy[str]:
    column = st.sampled_from(NUMBERS).map(lambda name: f"{variable}.{name}")
    return (
        column | st.builds("{0}({1})".format, st.just("abs"), column) | st.builds("({} + {})".format, column, numbers)
    )


def alone(variable: str) -> st.SearchStrategy[str]:
    text = st.sampled_from(TEXTS).map(lambda name: f"{variable}.{name}")
    return st.one_of(
        st.builds("{} {} {}".format, number(variable), st.sampled_from(OPERATORS), numbers),
        st.builds("{} {} {}".format, text, st.sampled_from(["=", "!=", "like", "not like"]), literals),
        st.builds("{} in ({}, {})".format, text, literals, literals),
        st.builds("{} not between {} and {}".format, number(variable), numbers, numbers),
        st.builds("{} is {}null".format, text, st.sampled_from(["", "not "])),
        st.builds("not ({} > {} or {} = {})".format, number(variable), numbers, text, literals),
        st.builds("not {}.ok".format, st.just(variable)),
    )


def across(one: str, two: str) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {} {}".format, number(one), st.sampled_from(OPERATORS), number(two)),
        st.builds("{} between {} and {}".format, number(one), number(two), number(two)),
        st.builds("not ({}.u = {}.v)".format, st.just(one), st.just(two)),
    )


joined = st.sampled_from([" and ", "\n  AND ", " ∧ "])
one_tuple = st.lists(alone("t"), min_size=1, max_size=4)
two_tuples = st.builds(
    lambda first, rest: [*first, *rest],
    st.lists(across("t", "s") | across("s", "t"), min_size=1, max_size=3),
    st.lists(alone("t") | alone("s"), max_size=2),
)
rules = st.builds(lambda sign, parts: sign.join(parts), joined, one_tuple | two_tuples)


def rule(text: str) -> DenialConstraint:
    return parse(text, "flights", COLUMNS, OTHERS)


@settings(max_examples=examples(fast=40, thorough=150), deadline=None)
@given(rules)
@example("t.u = 'it\\'s' and t.u = '&&'")
def test_what_is_printed_is_read_back_as_the_same_rule(text: str) -> None:
    constraint = rule(text)
    assert rule(format_constraint(constraint, "logic")) == constraint
    assert rule(format_constraint(constraint, "vertebra")) == constraint


bare = st.sampled_from(["u", "a", "`Flight No`", "`tick``ed`", "lower(v)", "a % 3", "t.d", "cast(d as string)"])
clauses = st.builds(
    lambda by, order, where: f"{'by ' if by else ''}{', '.join(by)} order by {', '.join(order)}{where}".strip(),
    st.lists(bare, max_size=2),
    st.lists(st.builds("{}{}".format, bare, st.sampled_from(["", " desc", " asc"])), min_size=1, max_size=2),
    st.just("") | st.builds(" where {}".format, st.builds("u != {} and b is not null".format, literals)),
)


@settings(max_examples=examples(fast=40, thorough=150), deadline=None)
@given(clauses, two_tuples, joined, st.sampled_from(["", "flights t, "]))
def test_a_rule_about_consecutive_tuples_is_read_back(written: str, parts: list[str], sign: str, named: str) -> None:
    text = f"{named}next(t) s {written}: {sign.join(parts)}"
    constraint = rule(text)
    assert constraint.succession is not None
    assert rule(format_constraint(constraint, "logic")) == constraint
    assert rule(format_constraint(constraint, "vertebra")) == constraint
    assert parse_between(f"flights t, next(t) s {written}", sign.join(parts), OTHERS) == constraint
    with pytest.raises(RuleError, match="HoloClean"):
        to_holoclean(constraint)


@settings(max_examples=examples(fast=30, thorough=100), deadline=None)
@given(rules)
def test_holocleans_notation_is_read_back_with_the_same_meaning(text: str) -> None:
    constraint = rule(text)
    try:
        foreign = to_holoclean(constraint)
    except RuleError:
        return
    again = rule(foreign)
    assert to_holoclean(again) == foreign
    assert classify(again) == classify(constraint)


@settings(max_examples=examples(fast=20, thorough=60), deadline=None)
@given(st.builds(lambda parts: " and ".join(parts), st.lists(st.sampled_from(
    ["t.u = p.u", "t.a < p.a", "t.a = 3", "p.u like 'x%'", "abs(t.a) != p.a"]), min_size=1, max_size=4)))  # fmt: skip
def test_a_rule_between_relations_is_read_back(where: str) -> None:
    if "t." not in where or "p." not in where:
        return
    constraint = parse_between("flights t, planes p", where, OTHERS)
    assert rule(format_constraint(constraint, "logic")) == constraint
    assert rule(format_constraint(constraint, "vertebra")) == constraint


def refusal(text: str) -> RuleError | None:
    try:
        rule(text)
    except RuleError as error:
        return error
    return None


PIECES = st.sampled_from(
    ["t", "s", ".", "a", "u", "nope", "=", "!=", "<", ">=", "<=>", "and", "or", "not", "in", "between", "like", "is",
     "null", "(", ")", "[", "]", "'", '"', "`", ",", ":", ";", "&", "&&", "|", "||", "¬", "∃", "∈", "∧", "≠", "t1",
     "EQ(", "IQ(", "flights", "planes", "t.a", "s.a", "t.u", "1", "1e", "0x", "'x'", "select", "from", "case", "when",
     "end", "cast(", "as int", "interval", "date", "/", "%", "-", "--", "/*", "*/", "*", "\n", "\\", "$", "{", "}", "@",
     "next(t)", "next(", " by ", "order by", "where", "desc", "count(", "over", "explode(", "null", "->", "::", "?", "\x00", "🜁", "é", "t.`", "distinct", "array(", "lambda"]
)  # fmt: skip


@settings(max_examples=examples(fast=150, thorough=1500), deadline=None)
@given(st.lists(PIECES, max_size=14), st.sampled_from(["", " "]))
@example([";", "t.a"], "")
def test_no_text_raises_anything_but_a_rule_error(pieces: list[str], between: str) -> None:
    refused = refusal(between.join(pieces))
    assert refused is None or (refused.remedy and "^" in refused.fact)


@settings(max_examples=examples(fast=50, thorough=300), deadline=None)
@given(rules, st.integers(0, 200), st.integers(0, 4), st.text(max_size=3))
@example("not t.ok ∧ t.u in ('::::', '::::') ∧ t.u is null", 39, 4, "")
@example("t.and between abs(s.a) and s.a", 22, 4, "")
@example("t.and between abs(s.a) and s.a", 22, 0, "0")
def test_no_damaged_rule_raises_anything_but_a_rule_error(text: str, place: int, cut: int, put: str) -> None:
    damaged = text[:place] + put + text[place + cut :]
    refused = refusal(damaged)
    assert refused is None or (refused.remedy and "^" in refused.fact)


@pytest.mark.parametrize("text", ["(" * 5000 + "t.a", "t.a = " * 3000, "not " * 3000 + "t.ok", "t.a = 1 and " * 1500,
                                  "t.a in (" + "1," * 9000 + "1)", "t.a" + " + 1" * 1500 + " > 3", "-" * 3000 + "t.a > 3"],
    ids=["parentheses", "equalities", "negations", "conjunction", "list", "sum", "signs"])  # fmt: skip
def test_a_monstrous_rule_is_read_or_refused(text: str) -> None:
    refused = refusal(text)
    assert refused is None or len(refused.fact) < 500
