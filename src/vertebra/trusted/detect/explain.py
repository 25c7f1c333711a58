"""Explains in words how the rules of a table would be checked, from the plan that detection follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from vertebra.declare.rules import NamedRule
from vertebra.denial import Inclusion
from vertebra.trusted.detect.plan import Counting, KeySet, Plan, Planned, Search, planned

_SEARCH: Final = {
    Search.NOTHING: "nothing is read: the predicates contradict each other",
    Search.SCAN: "filter the rows in one scan",
    Search.CANDIDATES: "find a few candidates in each suspect group that are partners for all its rows",
    Search.SWEEP: "pass over the rows of a group in the order of the first order predicate, with the best value of the"
    " second so far",
    Search.DIVIDE: "divide and conquer by powers of two along each order predicate but the last, then one pass over the"
    " rows of each block",
    Search.CONSECUTIVE: "sort the rows, and compare each with the next one",
}
_COUNTING: Final = {
    Counting.TUPLES: "",
    Counting.GROUPS: "count pairs from the sizes of groups",
    Counting.VALUES: "count pairs from the sizes of groups and of the values in them",
    Counting.AGREEMENTS: "count pairs by inclusion and exclusion over the ≠, from the sizes of groups",
    Counting.PREFIXES: "count pairs by inclusion and exclusion over the ≠, from running counts of the ordered values",
    Counting.BLOCKS: "count pairs by divide and conquer over the violating rows",
    Counting.CONSECUTIVE: "",
}
_SEARCH_COST: Final = {
    Search.NOTHING: "0",
    Search.SCAN: "n",
    Search.CANDIDATES: "n",
    Search.SWEEP: "n log n",
    Search.DIVIDE: "n log{p} n",
    Search.CONSECUTIVE: "n log n",
}
_COUNTING_COST: Final = {
    Counting.TUPLES: "",
    Counting.GROUPS: "",
    Counting.VALUES: "v",
    Counting.AGREEMENTS: "{k}v",
    Counting.PREFIXES: "{k}v log v",
    Counting.BLOCKS: "{k}v log{p} v",
    Counting.CONSECUTIVE: "",
}
_POWERS: Final = ("", "", "²", "³", "⁴", "⁵")


@dataclass(frozen=True)
class RulePlan:
    """How one rule would be checked.

    Attributes:
        constraint_class: of the compile table, e.g. ``{=, ≠}``.
        steps: the steps, in order, in words.
        cost: the growth, with ``n`` the rows of the table and ``v`` those of groups that violate the rule.
        shares: the steps done once for several rules, each with the names of the others.
        exact: whether violating tuples and pairs are found exactly.
        bound: the bound of its memory, if it does not spill at the engine's memory limit; empty otherwise.
    """

    rule: str
    constraint_class: str
    steps: tuple[str, ...]
    cost: str
    shares: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exact: bool = True
    bound: str = ""


def explain(table: str, relations: Collection[str], rules: Sequence[NamedRule]) -> tuple[RulePlan, ...]:
    """Explain how :func:`~vertebra.trusted.detect.detection.detect` would check rules; no data is read.

    Args:
        table: the relation that is checked.
        relations: names of the available relations, or a mapping by these names, e.g. of frames.
        rules: the rules.

    Returns:
        One plan per rule, in their order.

    Raises:
        RuleError: a relation is missing, or a rule has no exact plan; ``detect`` raises it too, before it reads data.
    """
    plan = planned(table, relations, rules)
    sets = {rule.name: keys for keys in plan.key_sets for rule in keys.rules}
    return tuple(_explained(rule, plan, sets.get(rule.name)) for rule in rules)


def _explained(rule: NamedRule, plan: Plan, keys: KeySet | None) -> RulePlan:
    constraint = rule.constraint
    if isinstance(constraint, Inclusion):
        steps = (
            f"group the rows by {', '.join(constraint.columns)} and look the values up in {constraint.table}",
            "fetch the rows whose value is not found",
        )
        return RulePlan(rule.name, "reference", steps, "n")
    one = Planned(rule, constraint, plan.shapes[rule.name])
    if one.search is Search.CONSECUTIVE:
        return _consecutive(one, plan)
    if keys is None:
        others = tuple(other.name for other in plan.singles if other.name != rule.name)
        shares = (("the scan", others),) if one.search is Search.SCAN and others else ()
        return RulePlan(rule.name, one.shape.name, (_SEARCH[one.search],), _SEARCH_COST[one.search], shares)
    others = tuple(other.name for other in keys.rules if other.name != rule.name)
    shares = (("the pass over groups", others),) if others else ()
    return RulePlan(rule.name, one.shape.name, tuple(_steps(one, keys)), _cost(one), shares, bound=_bound(one))


def _consecutive(one: Planned, plan: Plan) -> RulePlan:
    succession = one.shape.succession
    assert succession is not None
    of_sort = next(rules for rules in plan.consecutive if any(rule.name == one.name for rule in rules))
    others = tuple(rule.name for rule in of_sort if rule.name != one.name)
    rows = f"the rows where {succession.among_text}" if succession.among else "the rows"
    steps = (
        f"sort {rows} {succession.text.partition(' where ')[0] if succession.among else succession.text}, and compare"
        " each with the next one; count pairs in the same pass",
        "where rows are tied in the order, number their values, and find and count pairs as those of a rule about any"
        " two tuples: the number of the second is that of the first plus one",
    )
    shares = (("the sort", others),) if others else ()
    bound = "" if succession.by else "without `by` the sort is one partition, on one core; it spills to disk"
    return RulePlan(one.name, one.shape.name, steps, _SEARCH_COST[one.search], shares, bound=bound)


def _steps(one: Planned, keys: KeySet) -> list[str]:
    by = ", ".join(p.first if p.same else f"{p.first} = {p.second}" for p in one.shape.equal)
    rows = "the rows" if keys.in_place else "the rows of both tuples"
    steps = [f"group {rows} by {by}, with the size of each group" if by else f"aggregate {rows}, with their number"]
    if one.bounded and (one.shape.unequal or one.shape.ordered):
        steps[0] += " and its least and greatest values"
    decides = "that violate the rule" if one.decided else "that may violate the rule"
    steps[0] += f"; keep the groups {decides}" if by else "; continue if they do not exclude a violation"
    if one.search in {Search.SWEEP, Search.DIVIDE}:
        rows = "the groups, or where groups are large the rows," if by else "the rows of slices of the first value"
        steps.append(f"pass over the rows in order, only to find {rows} that may violate the rule")
    if by:
        steps.append("fetch the rows of these groups by a semi-join")
    if one.search is Search.DIVIDE:
        steps.append("drop the rows that meet no other in two of the order predicates")
    steps.append(_SEARCH[one.search])
    steps.append(_COUNTING[one.counting])
    return steps


def _cost(one: Planned) -> str:
    power = 1 << len(one.shape.unequal)
    ordered = len(one.shape.ordered)
    counting = _COUNTING_COST[one.counting].format(k=f"{power} " if power > 1 else "", p=_POWERS[ordered])
    return _SEARCH_COST[one.search].format(p=_POWERS[max(ordered - 1, 0)]) + (f" + {counting}" if counting else "")


def _bound(one: Planned) -> str:
    """A note on windows without keys: they are one partition on one core and spill; slices leave them few rows."""
    passes = one.search in {Search.SWEEP, Search.DIVIDE} or one.counting is Counting.PREFIXES
    if not one.shape.equal and one.shape.ordered and passes:
        left = " over the rows that may violate it" if one.search is not Search.CANDIDATES else ""
        return f"without equality keys the sorted pass{left} is one partition, on one core; its sort spills to disk"
    return ""
