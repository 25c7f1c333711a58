"""What a message about a rule proposes to write is a rule, whatever the columns are named."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.denial import parse
from vertebra.denial.refusal import Refusal
from vertebra.errors import RuleError
from vertebra.quoting import rule_column, spark_identifier

RESERVED = [
    "select", "not", "and", "or", "from", "order", "case", "end", "null", "true", "in", "is", "like", "between", "interval", "date",
    "exists", "cast", "all", "any", "div", "table", "timestamp", "when", "group", "join", "on", "using", "values", "with", "window",
]  # fmt: skip
names = st.sampled_from([*RESERVED, "amount", "Flight No", " amount ", "a.b", "año", "x`y", "1st", "_a", "it's", '"q"']) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6
)  # fmt: skip


def refused(rule: str, columns: dict[str, str]) -> Refusal:
    with pytest.raises(RuleError) as error:
        parse(rule, "r", columns)
    assert isinstance(error.value, Refusal), error.value
    return error.value


def corrected(rule: str, columns: dict[str, str]) -> str:
    """The rule with what its message proposes."""
    found = refused(rule, columns)
    assert found.instead, (found.reason, found.remedy)
    assert found.instead in found.remedy
    return rule[: found.start] + found.instead + rule[found.end :]


@pytest.mark.parametrize("word", RESERVED)
def test_a_reserved_word_after_a_dot_is_a_column(word: str) -> None:
    columns = {word: "int", "other": "int"}
    found = parse(f"t.{word} > 3 and abs(t.{word} - t.other) < 2", "r", columns)
    assert found.predicates[0].left.sql == f"`{word}`"
    assert parse(str(found), "r", columns) == found
    assert parse(f"t.`{word}` > 3", "r", columns).predicates[0].left.sql == f"`{word}`"


@settings(deadline=None, max_examples=examples(fast=60, thorough=400))
@given(names, st.sampled_from(["int", "string"]))
def test_a_proposed_column_can_be_written(name: str, kind: str) -> None:
    name = unicodedata.normalize("NFC", name)  # as names of columns are
    columns = {name: kind}
    value = "3" if kind == "int" else "'x'"
    typo = name + "x"
    assume(typo.lower() != name.lower() and name.lower() not in ("t", "q"))
    mistaken = [
        f"t.{spark_identifier(typo)} = {value}",
        f"t.a = {value} and s.{spark_identifier(name)} = {value}".replace("t.a", f"t.{spark_identifier(typo)}"),
        f"t.{spark_identifier(name)}.c = {value}",
    ]
    if re.fullmatch(r"[a-z]+", name) and name not in RESERVED:
        mistaken.append(f"{name} = {value}")
    for rule in mistaken:
        if len(name) < 2 and typo in rule:
            continue  # too short to be similar
        parse(corrected(rule, columns), "r", columns)
    compared = refused(f"t.{spark_identifier(name)} = {'5.5' if kind == 'string' else repr('5')}", columns)
    written = compared.remedy.removeprefix("write ")
    parse(f"t.{spark_identifier(name)} = {written}", "r", columns)


@settings(deadline=None, max_examples=examples(fast=20, thorough=100))
@given(names, names)
def test_proposed_rules_are_rules(one: str, two: str) -> None:
    assume(one.lower() != two.lower())
    columns = {one: "int", two: "int"}
    a, b = rule_column("t", one), rule_column("s", two)
    for rule in (f"{a} - {b} > 5", f"abs({a} - {b}) >= 5", f"{a} > 1 and {a} - {b} < 5 "):
        parse(corrected(rule, columns), "r", columns)
    either = f"{a} > 1 or {a} is null and {rule_column('t', two)} < 3"
    sides = re.fullmatch(r"write two rules: `deny: (.*)` and `deny: (.*)`", refused(either, columns).remedy, re.DOTALL)
    assert sides is not None
    for side in sides.groups():
        parse(side, "r", columns)


def test_the_columns_of_a_table_are_shown_with_their_blanks() -> None:
    found = refused("t.amount > 3", {"select": "int", " amount ": "int"})
    assert (found.cause, found.remedy) == ("its columns are select, ` amount `", "did you mean t.` amount `?")
