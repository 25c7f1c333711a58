"""Finds trivial, subsumed, implied and conflicting rules without reading data.

Sound, but not complete: each finding holds for every table. A rule is *subsumed* by another one if all its violations
violate the other one too. A rule is *implied* by several ones by Armstrong's axioms for functional dependencies. In a
table with NULLs, transitivity holds only if the columns in between are required.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vertebra.denial.ast import DenialConstraint
from vertebra.denial.classify import MEANING, Shape, classify
from vertebra.denial.conditions import (
    Condition,
    Interval,
    IsNull,
    NotNull,
    OneOf,
    Outside,
    complement,
    condition,
    disjoint,
    implies,
)


@dataclass(frozen=True)
class Finding:
    """A trivial, redundant or conflicting rule.

    Attributes:
        rule: the name of the rule.
        kind: ``trivial``: nothing can violate it, or every tuple does; ``subsumed``: all its violations violate
            ``other`` too; ``implied``: it holds if the ``other`` rules hold; ``clashing``: together with ``other`` it
            forbids every value.
        reason: the finding as a sentence.
        other: names of the other rules, separated by commas.
    """

    rule: str
    kind: Literal["trivial", "subsumed", "implied", "clashing"]
    reason: str
    other: str | None = None


def review(rules: Sequence[tuple[str, DenialConstraint]]) -> tuple[Finding, ...]:
    """Review named rules: each alone, in pairs, and all functional dependencies together."""
    findings = []
    trivial = {name: reason for name, rule in rules if (reason := never_violated(rule) or always_violated(rule))}
    findings += [Finding(name, "trivial", reason) for name, reason in trivial.items()]
    kept = [(name, rule) for name, rule in rules if name not in trivial]
    subsumed = _subsumed(kept)
    findings += subsumed
    redundant = {finding.rule for finding in subsumed}
    findings += _implied([(name, rule) for name, rule in kept if name not in redundant])
    for place, (name, rule) in enumerate(kept):
        for other, second in kept[:place]:
            if _forbid_everything(rule, second):
                reason = f"{name} and {other} together forbid every value that is not NULL"
                findings.append(Finding(name, "clashing", reason, other))
    return tuple(findings)


def never_violated(constraint: DenialConstraint) -> str | None:
    """Why no tuples can violate a constraint; None if that cannot be shown."""
    shape = classify(constraint)
    if shape.impossible:
        return "its predicates between the two tuples contradict each other"
    for side, own in enumerate(shape.conditions):
        conditions = [found for sql in own if (found := condition(sql))]
        for place, one in enumerate(conditions):
            for other in conditions[:place]:
                if one.expression == other.expression and disjoint(one.values, other.values):
                    return f"no value of {one.expression.replace('`', '')} satisfies its predicates"
            if isinstance(one.values, Interval) and one.values.empty:
                return f"no value of {one.expression.replace('`', '')} is in the interval"
            if isinstance(one.values, IsNull) and one.expression in _compared(constraint, shape, side):
                return f"{one.expression.replace('`', '')} is null, and a comparison with NULL is not true"
    for predicate in constraint.predicates:
        strict = predicate.operator in {"!=", "<", ">"}
        if strict and predicate.right is not None and predicate.left.text == predicate.right.text:
            return f"`{predicate.text}` is never true"
    return None


def always_violated(constraint: DenialConstraint) -> str | None:
    """Why every tuple without NULLs violates a constraint; None if that cannot be shown."""
    if len(constraint.variables) != 1:
        return None
    reasons = []
    for predicate in constraint.predicates:
        found = condition(predicate.sql)
        if predicate.right is not None and predicate.left.text == predicate.right.text and predicate.operator in (
            "=", "<=", ">=",
        ):  # fmt: skip
            reasons.append(f"`{predicate.text}` is true for every value")
        elif found and isinstance(found.values, Outside) and found.values.interval.empty:
            reasons.append(f"`{predicate.text}` is true for every value: the range is empty")
        else:
            return None
    return "; ".join(reasons)


def subsumes(general: DenialConstraint, special: DenialConstraint) -> bool:
    """Whether all violations of ``special`` violate ``general``: its predicates imply those of ``general``."""
    a, b = classify(general), classify(special)
    if set(general.relations) != set(special.relations) or a.single != b.single or a.one_relation != b.one_relation:
        return False
    if not a.one_relation:
        return general.relations == special.relations and _implies(b, a, swapped=False)
    if a.succession is not None:
        # whether a tuple follows another depends on all tuples, so only an equal succession is known to imply it
        same = b.succession is not None and a.succession.identity == b.succession.identity
        return same and _implies(b, a, swapped=False)
    return _implies(b, a, swapped=False) or (not a.single and _implies(b, a, swapped=True))


def _subsumed(rules: Sequence[tuple[str, DenialConstraint]]) -> list[Finding]:
    findings = []
    for place, (name, rule) in enumerate(rules):
        for position, (other, general) in enumerate(rules):
            if position == place or not subsumes(general, rule):
                continue
            if position > place and subsumes(rule, general):
                continue  # the rules subsume each other: report only the later one
            findings.append(Finding(name, "subsumed", f"all violations of {name} violate {other} too", other))
            break
    return findings


def _implies(special: Shape, general: Shape, *, swapped: bool) -> bool:
    known = _of_succession(special) | {(p.first, p.second): MEANING[p.operator] for p in special.join_predicates}
    own = special.conditions[::-1] if swapped else special.conditions
    for predicate in general.join_predicates:
        if swapped:
            predicate = predicate.swapped
        outcomes = known.get((predicate.first, predicate.second))
        if outcomes is None and _same_constant(special, predicate.first, predicate.second):
            outcomes = MEANING["="]
        if outcomes is None or not outcomes <= MEANING[predicate.operator]:
            return False
    compared = [_operands(special, 1 - side if swapped else side) for side in range(len(own))]
    return all(
        _holds(asked, given, present)
        for every, given, present in zip(general.conditions, own, compared, strict=True)
        for asked in every
    )


def _of_succession(shape: Shape) -> dict[tuple[str, str], frozenset[str]]:
    """The outcomes of comparisons that hold between all consecutive tuples."""
    if shape.succession is None:
        return {}
    known = {(one.sql, one.sql): MEANING["="] for one in shape.succession.by}
    if len(shape.succession.order) == 1:
        (key,) = shape.succession.order
        known[key.operand.sql, key.operand.sql] = MEANING[">" if key.descending else "<"]
    return known


def _holds(asked: str, given: Sequence[str], present: frozenset[str]) -> bool:
    """Whether a condition follows from given conditions, and from expressions that are not NULL."""
    if asked in given:
        return True
    wanted = condition(asked)
    if wanted is None:
        return False
    if isinstance(wanted.values, NotNull) and wanted.expression in present:
        return True
    about = [found for sql in given if (found := condition(sql)) and found.expression == wanted.expression]
    together = Interval()
    for one in about:
        if isinstance(one.values, Interval):
            together = together.intersection(one.values)
    return any(implies(one.values, wanted.values) for one in about) or (
        together != Interval() and implies(together, wanted.values)
    )


def _same_constant(shape: Shape, first: str, second: str) -> bool:
    """Whether conditions require both expressions to equal the same constant."""
    found = []
    for own, expression in zip(shape.conditions, (first, second), strict=True):
        wanted = condition(f"({expression} is null)")
        values = [c.values for sql in own if (c := condition(sql)) and wanted and c.expression == wanted.expression]
        found.append({one.literals for one in values if isinstance(one, OneOf) and len(one.literals) == 1})
    return bool(found[0] & found[1])


def _operands(shape: Shape, side: int) -> frozenset[str]:
    """The expressions of one tuple that are compared with the other tuple; none of them is NULL in a violation."""
    texts = (predicate.second if side else predicate.first for predicate in shape.join_predicates)
    return frozenset(found.expression for text in texts if (found := condition(f"({text} is null)")))


def _compared(constraint: DenialConstraint, shape: Shape, side: int) -> frozenset[str]:
    """The expressions of one tuple that are compared, with the other tuple or with each other."""
    alone = (
        operand.sql
        for predicate in constraint.predicates
        if predicate.operator
        for operand in predicate.operands
        if operand.variable == constraint.variables[side]
    )
    found = (condition(f"({sql} is null)") for sql in alone)
    return _operands(shape, side) | {one.expression for one in found if one}


# -- functional dependencies -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Dependency:
    """``left`` determines ``right``; for a key, which determines every column, ``right`` is None."""

    name: str
    left: frozenset[str]
    right: str | None


def _implied(rules: Sequence[tuple[str, DenialConstraint]]) -> list[Finding]:
    by_relation: dict[str, list[_Dependency]] = {}
    required: dict[str, dict[str, str]] = {}
    for name, rule in rules:
        shape = classify(rule)
        relation = rule.relations[0]
        if shape.single:
            only = condition(shape.conditions[0][0]) if len(shape.conditions[0]) == 1 else None
            if only and isinstance(only.values, IsNull):
                required.setdefault(relation, {})[only.expression] = name
        elif not any(shape.conditions) and shape.dependency:
            determinant, right = shape.dependency
            by_relation.setdefault(relation, []).append(_Dependency(name, frozenset(determinant), right))
        elif not any(shape.conditions) and shape.key:
            by_relation.setdefault(relation, []).append(_Dependency(name, frozenset(shape.key), None))
    findings = []
    for relation, dependencies in by_relation.items():
        left = list(dependencies)
        for one in dependencies:
            if one.right is None:
                continue
            others = [other for other in left if other is not one]
            used = _derived(one, others, required.get(relation, {}))
            if used:
                left.remove(one)
                listed = ", ".join(used)
                reason = f"it follows from {listed} by transitivity"
                findings.append(Finding(one.name, "implied", reason, listed))
    return findings


def _derived(target: _Dependency, others: Sequence[_Dependency], required: Mapping[str, str]) -> tuple[str, ...]:
    """The rules from which a dependency follows; empty if it does not follow.

    A dependency ignores tuples whose right-hand side is NULL, so a derived column can be used only if it is required.
    """
    sources: dict[str, tuple[str, ...]] = dict.fromkeys(target.left, ())
    grown = True
    while grown:
        grown = False
        for other in others:
            usable = all(one in sources and (one in target.left or one in required) for one in other.left)
            goal = target.right if other.right is None else other.right
            if not usable or goal is None or goal in sources:
                continue
            derived = [one for one in other.left if one not in target.left]
            through = [name for one in sorted(other.left) for name in sources[one]]
            sources[goal] = tuple(dict.fromkeys([*through, *(required[one] for one in sorted(derived)), other.name]))
            grown = True
    return sources.get(target.right or "", ())


def _forbid_everything(a: DenialConstraint, b: DenialConstraint) -> bool:
    """Whether two rules forbid every value together, as ``deny t.x > 5`` and ``deny t.x <= 7`` do."""
    if len(a.predicates) != 1 or len(b.predicates) != 1 or a.relations != b.relations or len(a.relations) != 1:
        return False
    first, second = (_only(rule) for rule in (a, b))
    if first is None or second is None or first.expression != second.expression:
        return False
    rest = complement(first.values)
    return rest is not None and implies(rest, second.values)


def _only(rule: DenialConstraint) -> Condition | None:
    return condition(rule.predicates[0].sql)
