"""The language of denial constraints, by example: what is read, and how what is not is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from vertebra.denial import parse, parse_between
from vertebra.errors import RuleError

FLIGHTS = {
    "origin": "string", "dest": "string", "carrier": "string", "tailnum": "string", "distance": "int",
    "dep_time": "int", "dep_delay": "int", "air_time": "int", "day": "date", "time_hour": "timestamp",
    "cancelled": "boolean", "speed": "double",
}  # fmt: skip
PLANES = {"tailnum": "string", "seats": "int"}


def sql(text: str) -> list[Any]:
    """The predicates as the engine gets them: a condition, or the two operands around an operator."""
    predicates = parse(text, "flights", FLIGHTS).predicates
    return [
        p.sql if p.right is None or len(p.variables) == 1 else (p.left.sql, p.operator, p.right.sql) for p in predicates
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t.dep_time > 2400", ["(`dep_time` > 2400)"]),
        ("t.origin = s.origin and t.distance != s.distance", [("`origin`", "=", "`origin`"), ("`distance`", "!=", "`distance`")]),
        ("a.origin == b.dest AND a.distance <> b.distance", [("`origin`", "=", "`dest`"), ("`distance`", "!=", "`distance`")]),
        ("abs(t.dep_delay) > 2000", ["(abs(cast(`dep_delay` as bigint)) > 2000)"]),
        ("to_date(t.time_hour) = to_date(s.time_hour)", [("to_date(`time_hour`)", "=", "to_date(`time_hour`)")]),
        ("t.dest in ('EWR', 'JFK') and t.origin is not null", ["(`dest` in ('EWR', 'JFK'))", "(`origin` is not null)"]),
        ("t.distance between 1 and 9 and t.dest like 'A%'", ["(`distance` between 1 and 9)", "(`dest` like 'A%')"]),
        ("t.tailnum not rlike '^N\\\\d'", ["(NOT `tailnum` RLIKE '^N[0-9]')"]),
        ("not (t.origin = 'a' or t.dest = 'b')", ["(not (`origin` = 'a' or `dest` = 'b'))"]),
        ("not t.origin = s.origin", [("`origin`", "!=", "`origin`")]),
        ("not (t.distance <= s.distance)", [("`distance`", ">", "`distance`")]),
        ("(t.origin = s.origin and (t.dest = s.dest))", [("`origin`", "=", "`origin`"), ("`dest`", "=", "`dest`")]),
        ("t.day between s.day and date_add(s.day, 3)", [("`day`", ">=", "`day`"), ("`day`", "<=", "date_add(`day`, 3)")]),
        ("t.`origin` = s.ORIGIN", [("`origin`", "=", "`origin`")]),
        ("t.day > '2013-01-01'", ["(`day` > '2013-01-01')"]),
        ("t.cancelled", ["(`cancelled`)"]),
        ("(t.origin) = (s.origin)", [("`origin`", "=", "`origin`")]),
        # signs of logic, what is printed, HoloClean's notation, the relation named
        ("t.origin = s.origin ∧ t.distance ≠ s.distance", [("`origin`", "=", "`origin`"), ("`distance`", "!=", "`distance`")]),
        ("¬∃ t,s ∈ flights, t≠s: t.origin = s.dest ∧ t.distance ≥ 5", [("`origin`", "=", "`dest`"), "(`distance` >= 5)"]),
        ("¬∃ t ∈ flights: t.dest = '∧ ≠' ∧ ¬t.cancelled", ["(`dest` = '∧ ≠')", "(not `cancelled`)"]),
        ("t1&t2&EQ(t1.origin,t2.origin)&IQ(t1.distance,t2.distance)", [("`origin`", "=", "`origin`"), ("`distance`", "!=", "`distance`")]),
        ("t1 & EQ(t1.dest, \"O'Hare, IL\") & LT(t1.distance, 5)", ["(`dest` = 'O\\'Hare, IL')", "(`distance` < 5)"]),
        ("flights t: t.distance <= 0", ["(`distance` <= 0)"]),
        ("case when t.distance > 1 and t.speed < 3 then 1 end = 1", ["(CASE WHEN `distance` > 1 AND CASE WHEN ISNAN(`speed`) THEN CAST('NaN' AS DOUBLE) ELSE `speed` + CAST(0 AS DOUBLE) END < TRY_CAST(3 AS DOUBLE) THEN 1 END = 1)"]),
        ("t.carrier = 'a and b' and t.dest = 'it\\'s'", ["(`carrier` = 'a and b')", "(`dest` = 'it\\'s')"]),
        # what could fail on one row gives NULL instead, so that one row cannot fail the run
        ("cast(t.tailnum as int) = 1", ["(CASE WHEN `tailnum` RLIKE '^[\\\\x00-\\\\x20]*[+-]?[0-9]+[\\\\x00-\\\\x20]*$' THEN TRY_CAST(`tailnum` AS INT) WHEN `tailnum` IS NULL THEN NULL ELSE NULL END = 1)"]),
        ("t.distance / t.air_time > 10", ["(`distance` / nullif(`air_time`, 0) > 10)"]),
        ("t.distance / (t.air_time - 1) % 4 = 0", ["(cast(`distance` as bigint) / nullif((cast(`air_time` as bigint) - 1), 0) % 4 = 0)"]),
        ("t.distance % abs(t.air_time) = 0", ["(cast(`distance` as bigint) % nullif(abs(cast(`air_time` as bigint)), 0) = 0)"]),
    ],
)  # fmt: skip
def test_reads(text: str, expected: list[Any]) -> None:
    assert sql(text) == expected


REFUSED = {
    "a typo": (
        "t.orign = s.origin",
        """
flights has no column orign
    t.orign = s.origin
      ^^^^^
""",
        "did you mean t.origin?",
    ),
    "a disjunction": (
        "t.origin = 'EWR' and (t.dest = 'a' or t.dest = 'b')",
        """
a rule cannot contain `or`
    t.origin = 'EWR' and (t.dest = 'a' or t.dest = 'b')
                                       ^^
""",
        "write two rules: `deny: t.dest = 'a'` and `deny: t.dest = 'b'`",
    ),
    "both tuples in one operand": (
        "t.origin = s.origin and t.distance - s.distance > 5",
        """
one operand uses both t and s
    t.origin = s.origin and t.distance - s.distance > 5
                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
""",
        "write `t.distance > s.distance + 5`",
    ),
    "a difference without a sign": (
        "abs(t.distance - s.distance) > 5",
        """
one operand uses both t and s
    abs(t.distance - s.distance) > 5
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
""",
        "write `t.distance > s.distance + 5`",
    ),
    "an aggregate": (
        "t.distance > avg(t.distance)",
        """
a rule cannot contain an aggregate
    t.distance > avg(t.distance)
                 ^^^^^^^^^^^^^^
""",
        "a rule is about one tuple or two; compute the aggregate in a view and check the view",
    ),
    "no tuple variable": (
        "distance > 3",
        """
the rule has no tuple variable
    distance > 3
    ^^^^^^^^
""",
        "write t.distance",
    ),
    "an unqualified column": (
        "t.origin = dest",
        """
dest has no tuple variable
    t.origin = dest
               ^^^^
""",
        "write t.dest",
    ),
    "a text without quotes": (
        "t.origin = EWR",
        """
EWR is neither a column nor a value
    t.origin = EWR
               ^^^
""",
        "write 'EWR' for a string, t.… for a column",
    ),
    "a third tuple": (
        "t.origin = s.origin and u.dest = 'a'",
        """
u is a third tuple variable
    t.origin = s.origin and u.dest = 'a'
                            ^
""",
        "write the predicate with t or s",
    ),
    "a clock": (
        "t.day < current_date()",
        """
current_date is not deterministic
    t.day < current_date()
            ^^^^^^^^^^^^
""",
        "compare with a column or a constant, so that the same data always gives the same violations",
    ),
    "a pattern's backslash": (
        "t.tailnum rlike '^N\\d'",
        """
\\d in a string means 'd'
    t.tailnum rlike '^N\\d'
                       ^^
""",
        "write \\\\d",
    ),
    "types that do not compare": (
        "t.origin = 3",
        """
these values cannot be compared
    t.origin = 3
    ^^^^^^^^^^^^
""",
        "write '3'",
    ),
    "a sign of logic before the place": (
        "¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.distnce ≠ s.distance",
        """
flights has no column distnce
    ¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.distnce ≠ s.distance
                                                   ^^^^^^^
""",
        "did you mean t.distance?",
    ),
    "HoloClean's notation": (
        "t1&t2&EQ(t1.origin,t2.origin)&IQ(t1.distnce,t2.distance)",
        """
flights has no column distnce
    t1&t2&EQ(t1.origin,t2.origin)&IQ(t1.distnce,t2.distance)
                                        ^^^^^^^
""",
        "did you mean t1.distance?",
    ),
    "types in HoloClean's notation": (
        't1&EQ(t1.distance,"far")',
        """
these values cannot be compared
    t1&EQ(t1.distance,"far")
          ^^^^^^^^^^^^^^^^^
""",
        "compare with a number, or declare another type for the column",
    ),
    "a chain": (
        "1 < t.distance < 3",
        """
a predicate has two comparisons
    1 < t.distance < 3
    ^^^^^^^^^^^^^^^^^^
""",
        "write `between`, or two predicates joined by `and`",
    ),
}


@pytest.mark.parametrize(("text", "fact", "remedy"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_a_caret_and_the_nearest_valid_form(text: str, fact: str, remedy: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse(text, "flights", FLIGHTS)
    assert refused.value.fact == fact.strip("\n")
    assert refused.value.remedy == remedy


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the rule is empty"),
        ("t.origin =", "not an expression"),
        ("t.origin = 'x' and", "a predicate is missing"),
        ("and t.origin = 'x'", "a predicate is missing"),
        ("t.origin = 'x", "cannot be parsed"),
        ("(t.origin = 'x'", "not closed"),
        ("t.origin = 'x')", "no opening bracket"),
        ("t.origin = s.origin && t.dest = s.dest", "&& is not an operator"),
        ("t.origin = s.origin ∧ t.dest = s.dest ∨ t.day = s.day", "cannot contain `or`"),
        ("t.origin = 'a\nb'", "contains a line break"),
        ("-- nothing", "the rule is empty"),
        ("¬∃ t ∈ flight: t.distance > 1", "relation flight does not exist"),
        ("¬∃ t,s: t.distance > 1", "missing or not valid"),
        ("¬∃ t,s ∈ flights, t≠s: t.distance > 1", "no predicate uses s"),
        ("flights t, plane p: t.tailnum = p.tailnum", "relation plane does not exist"),
        ("t1&t2&NEAR(t1.origin,t2.origin)", "not a predicate of HoloClean"),
        ("t1&t2&EQ(t1.orign,t2.origin)", "no column orign"),
        ("t1&t2", "not HoloClean's notation"),
        ("t.distance > 1 -- never", "cannot contain comments"),
        ("t.distance in (select 1)", "cannot contain a subquery"),
        ("exists(select 1) and t.distance > 1", "cannot contain a subquery"),
        ("row_number() over (order by t.distance) > 1", "cannot contain a window"),
        ("t.distance > rand()", "not deterministic"),
        ("uuid() = t.origin", "not deterministic"),
        ("count(*) > 1 and t.distance > 1", "cannot contain an aggregate"),
        ("explode(t.origin) = 'x'", "returns several rows"),
        ("t.origin <=> s.origin", "NULL-safe comparison"),
        ("t.origin is distinct from s.origin", "NULL-safe comparison"),
        ("t.origin like s.dest", "uses both t and s"),
        ("not (t.origin = s.origin and t.dest = s.dest)", "is a disjunction"),
        ("t.day not between s.day and s.day", "is a disjunction"),
        ("t.distance between 1 5", "`between` without `and`"),
        ("t.distance between s.distance 5", "`between` without `and`"),
        ("not (t.distance between 1 5) and t.dep_time > 3", "`between` without `and`"),
        ("case when t.distance between 1 5 then true end and t.dep_time > 3", "`between` without `and`"),
        ("t.origin = s.origin or t.dest = s.dest", "cannot contain `or`"),
        ("1 = 2 and t.distance > 1", "uses no column"),
        ("t.distance > :limit", "cannot contain parameters"),
        ("t.distance > 1; drop table flights", "a rule cannot contain ;"),
        ("t.a.b = 1", "not a column of a tuple"),
        ("t._rid > 1", "no column _rid"),
        ("t.tailnum rlike '^(?!N)'", "uses look-ahead"),
        ("t.day = t.distance", "cannot be compared"),
        ("t.distance in (1, 'x')", "cannot be compared"),
        ("t.cancelled = 1", "cannot be compared"),
        ("t.origin = 'O''Hare'", "two strings follow each other"),
        ('t.origin = "O""Hare"', "two strings follow each other"),
        ("t.origin::int = 3", "cannot contain ::"),
        ("t.distance > 1;", "a rule cannot contain ;"),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason.replace("(", "\\(")) as refused:
        parse(text, "flights", FLIGHTS)
    assert "^" in refused.value.fact
    assert refused.value.remedy


def test_a_long_rule_is_shown_around_the_place() -> None:
    text = " and ".join(["t.origin = s.origin"] * 20 + ["t.orign = s.dest"])
    with pytest.raises(RuleError) as refused:
        parse(text, "flights", FLIGHTS)
    _, shown, caret = refused.value.fact.splitlines()
    assert shown.startswith("    … ")
    assert shown[caret.index("^") :].startswith("orign")


def test_a_rule_of_several_lines_keeps_its_places() -> None:
    with pytest.raises(RuleError) as refused:
        parse("t.origin = s.origin\n  and t.dst = s.dest", "flights", FLIGHTS)
    _, shown, caret = refused.value.fact.splitlines()
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "dst"


def test_between_relations_each_variable_has_the_columns_of_its_own() -> None:
    relations = {"flights": FLIGHTS, "planes": PLANES}
    where = "t.tailnum = p.tailnum and p.seats <= 8 and t.carrier in ('AA','MQ')"
    constraint = parse_between("flights t, planes p", where, relations)
    assert constraint.variables == ("t", "p")
    assert constraint.relations == ("flights", "planes")
    assert str(constraint) == (
        "¬∃ t ∈ flights, p ∈ planes: t.tailnum = p.tailnum ∧ p.seats ≤ 8 ∧ t.carrier in ('AA','MQ')"
    )
    with pytest.raises(RuleError, match="flights has no column seats"):
        parse_between("flights t, planes p", "t.seats = p.seats", relations)
    with pytest.raises(RuleError, match="relation plane does not exist\n"):
        parse_between("flights t, plane p", "t.tailnum = p.tailnum", relations)
    with pytest.raises(RuleError, match="does not name two relations"):
        parse_between("flights", "t.tailnum = p.tailnum", relations)


def test_reading_the_language_costs_nothing_until_a_rule_is_read() -> None:
    code = "import sys, vertebra.denial, vertebra.declare.rules; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
