"""What can be said of rules before any data is read: trivial, subsumed and clashing ones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from vertebra.denial.ast import CONVERSE, DenialConstraint, Operator, Predicate
from vertebra.denial.classify import MEANING, Shape, classify

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Finding:
    """Something odd about a rule.

    Attributes:
        rule: its name.
        kind: ``trivial``: nothing can violate it; ``subsumed``: whatever violates it violates ``other`` too;
            ``clashing``: together with ``other`` it forbids every value.
    """

    rule: str
    kind: Literal["trivial", "subsumed", "clashing"]
    reason: str
    other: str | None = None


def review(rules: Sequence[tuple[str, DenialConstraint]]) -> tuple[Finding, ...]:
    """Review named rules, each alone and in pairs."""
    findings = []
    trivial = {name: reason for name, rule in rules if (reason := never_violated(rule))}
    findings += [Finding(name, "trivial", reason) for name, reason in trivial.items()]
    kept = [(name, rule) for name, rule in rules if name not in trivial]
    for place, (name, rule) in enumerate(kept):
        for position, (other, general) in enumerate(kept):
            if position == place or not subsumes(general, rule):
                continue
            if subsumes(rule, general) and position > place:
                continue
            findings.append(Finding(name, "subsumed", f"whatever violates {name} violates {other} too", other))
            break
    for place, (name, rule) in enumerate(kept):
        for other, second in kept[:place]:
            if _forbid_everything(rule, second):
                findings.append(
                    Finding(name, "clashing", f"{name} and {other} together forbid every value that is not NULL", other)
                )
    return tuple(findings)


def never_violated(constraint: DenialConstraint) -> str | None:
    """Why no tuples can violate a constraint, when its predicates exclude each other; None when they may not."""
    shape = classify(constraint)
    if shape.impossible:
        return "its predicates between the two tuples exclude each other"
    for values in _ranges(constraint).values():
        low, high, strict = _bounds(values)
        if low is not None and high is not None and (low > high or (low == high and strict)):
            return "its predicates leave no value: " + " and ".join(p.text for p, _, _ in values)
    nulls = {p.left.sql.removesuffix(" is null") for p in constraint.predicates if p.left.sql.endswith(" is null")}
    for predicate in constraint.predicates:
        for operand in predicate.operands if predicate.operator else ():
            if operand.variable is not None and operand.sql in nulls:
                return f"{operand.text} is null, and `{predicate.text}` is not true of NULL"
    for predicate in constraint.predicates:
        strict = predicate.operator in {"!=", "<", ">"}
        if strict and predicate.right is not None and predicate.left.text == predicate.right.text:
            return f"`{predicate.text}` is never true"
    return None


def subsumes(general: DenialConstraint, special: DenialConstraint) -> bool:
    """Whether whatever violates ``special`` violates ``general``: its predicates imply those of ``general``."""
    a, b = classify(general), classify(special)
    if set(general.relations) != set(special.relations) or a.single != b.single or a.one_relation != b.one_relation:
        return False
    if a.single or not a.one_relation:
        return _implies(b, a, swapped=False)
    return _implies(b, a, swapped=False) or _implies(b, a, swapped=True)


def _implies(special: Shape, general: Shape, *, swapped: bool) -> bool:
    known = {(p.first, p.second): MEANING[p.operator] for p in special.across}
    own = special.conditions[::-1] if swapped else special.conditions
    for predicate in general.across:
        if swapped:
            predicate = predicate.swapped
        outcomes = known.get((predicate.first, predicate.second))
        if outcomes is None or not outcomes <= MEANING[predicate.operator]:
            return False
    return all(set(asked) <= set(given) for asked, given in zip(general.conditions, own, strict=True))


def _ranges(
    constraint: DenialConstraint,
) -> dict[tuple[str | None, str], list[tuple[Predicate, Operator, Decimal]]]:
    """The comparisons of one expression with a number, by variable and expression."""
    found: dict[tuple[str | None, str], list[tuple[Predicate, Operator, Decimal]]] = {}
    for predicate in constraint.predicates:
        left, operator, right = predicate.left, predicate.operator, predicate.right
        if operator is None or right is None or operator == "!=":
            continue
        if left.variable is None:
            left, operator, right = right, CONVERSE[operator], left
        number = _number(right.sql) if right.variable is None else None
        if left.variable is not None and number is not None:
            found.setdefault((left.variable, left.sql), []).append((predicate, operator, number))
    return found


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


def _bounds(
    values: Sequence[tuple[Predicate, Operator, Decimal]],
) -> tuple[Decimal | None, Decimal | None, bool]:
    """Greatest lower bound, least upper bound, and whether one that equals the other is strict."""
    lows = [(number, operator == ">") for _, operator, number in values if operator in {">", ">=", "="}]
    highs = [(number, operator == "<") for _, operator, number in values if operator in {"<", "<=", "="}]
    low = max(lows, default=None)
    high = min(highs, key=lambda bound: (bound[0], not bound[1]), default=None)
    strict = bool(low and high and (low[1] or high[1]))
    return (low[0] if low else None), (high[0] if high else None), strict


def _forbid_everything(a: DenialConstraint, b: DenialConstraint) -> bool:
    """``deny t.x > 5`` and ``deny t.x <= 7`` leave no x."""
    if len(a.predicates) != 1 or len(b.predicates) != 1 or set(a.relations) != set(b.relations):
        return False
    first, second = _ranges(a), _ranges(b)
    if not first or not second:
        return False
    (left, (one,)), (right, (two,)) = next(iter(first.items())), next(iter(second.items()))
    if left[1] != right[1]:
        return False
    for below, above in ((one, two), (two, one)):
        if below[1] in {"<", "<="} and above[1] in {">", ">="}:
            touching = below[2] == above[2] and (below[1] == "<=" or above[1] == ">=")
            return below[2] > above[2] or touching
    return False
