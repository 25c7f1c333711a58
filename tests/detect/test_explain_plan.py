"""What is told of a plan is what detection does."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vertebra.declare.rules import NamedRule
from vertebra.denial import Inclusion, parse
from vertebra.engine import Engine
from vertebra.errors import RuleError
from vertebra.trusted.detect import RulePlan, detect, explain
from vertebra.trusted.detect.explain import _COUNTING, _COUNTING_COST, _SEARCH, _SEARCH_COST
from vertebra.trusted.detect.plan import RULES_PER_PASS, Counting, Search

COLUMNS = {"a": "int", "b": "int", "c": "int", "u": "string"}
TEXTS = {
    "positive": "t.a < 0",
    "known": "t.u is null",
    "key": "t.a = s.a and t.b = s.b",
    "dependency": "t.a = s.a and t.b != s.b",
    "other_dependency": "t.a = s.a and t.u != s.u",
    "conditional": "t.a = s.a and t.c != s.c and t.u = 'p' and s.u = 'p'",
    "turned_key": "t.b = s.b and t.a = s.a and t.c < s.c",
    "overlap": "t.a = s.a and t.b < s.b and t.c > s.b",
    "global": "t.b < s.b and t.c > s.c",
    "never": "t.a < s.a and t.a > s.a",
}


def rules(texts: dict[str, str]) -> list[NamedRule]:
    return [NamedRule(name, "deny", parse(text, "r", COLUMNS)) for name, text in texts.items()]


def told(texts: dict[str, str]) -> dict[str, RulePlan]:
    return {plan.rule: plan for plan in explain("r", {"r"}, rules(texts))}


def test_every_kind_of_plan_has_words_and_a_cost() -> None:
    for search in Search:
        assert _SEARCH[search]
        assert _SEARCH_COST[search]
    assert set(_COUNTING) == set(_COUNTING_COST) == set(Counting)


def test_rules_with_the_same_keys_share_a_pass_and_all_about_one_tuple_a_scan() -> None:
    plans = told(TEXTS)
    assert list(plans) == list(TEXTS)
    assert plans["positive"].shares == (("the scan", ("known",)),)
    assert plans["dependency"].shares == (("the pass over groups", ("other_dependency", "conditional", "overlap")),)
    assert plans["key"].shares == (("the pass over groups", ("turned_key",)),)
    assert plans["global"].shares == ()


def test_costs_and_bounds_are_those_of_the_class() -> None:
    plans = told(TEXTS)
    costs = {name: plan.cost for name, plan in plans.items()}
    assert costs == {
        "positive": "n", "known": "n", "key": "n", "dependency": "n + v", "other_dependency": "n + v",
        "conditional": "n + v", "turned_key": "n + v log v", "overlap": "n log n + v log² v",
        "global": "n log n + v log² v", "never": "0",
    }  # fmt: skip
    assert {name for name, plan in plans.items() if plan.bound} == {"global"}
    assert all(plan.exact for plan in plans.values())
    assert "keep the groups that violate the rule" in plans["dependency"].steps[0]
    assert "keep the groups that may violate the rule" in plans["overlap"].steps[0]


def test_too_many_rules_of_one_key_take_several_passes() -> None:
    many = {f"r{i}": f"t.a = s.a and t.b + {i} != s.b + {i}" for i in range(RULES_PER_PASS + 1)}
    plans = told(many)
    assert len(plans["r0"].shares[0][1]) == RULES_PER_PASS - 1
    assert plans[f"r{RULES_PER_PASS}"].shares == ()


def test_a_rule_about_a_relation_that_is_not_there_is_refused() -> None:
    reference = NamedRule("ref", "references", Inclusion("r", ("a",), "q", ("a",)))
    with pytest.raises(RuleError, match="rule ref is about q, which is missing"):
        explain("r", {"r"}, [reference])
    assert explain("r", {"r", "q"}, [reference])[0].constraint_class == "reference"


def test_a_shared_job_counts_for_each_of_its_rules_and_an_idle_rule_takes_no_time(sail: Engine, tmp_path: Path) -> None:
    data = pa.table({"_rid": [1, 2, 3], "a": [1, 1, 2], "b": [1, 2, 3], "c": [1, 1, 1], "u": ["p", "q", "p"]})
    data = data.cast(pa.schema([("_rid", pa.int64()), *[(c, pa.int32()) for c in "abc"], ("u", pa.string())]))
    pq.write_table(data, tmp_path / "r.parquet")
    frame = sail.read_parquet([tmp_path / "r.parquet"], data.schema)
    found = detect("r", {"r": frame}, rules(TEXTS), sail, tmp_path)
    assert list(found.seconds) == list(TEXTS)
    assert found.seconds["never"] == 0
    assert all(seconds > 0 for name, seconds in found.seconds.items() if name != "never")
