"""The plan for checking the rules of a table: how the violations of each rule are found, and which work rules share.

:func:`~vertebra.trusted.detect.detection.detect` follows the plan, and
:func:`~vertebra.trusted.detect.explain.explain` shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from vertebra.declare.rules import NamedRule
from vertebra.denial import DenialConstraint, Inclusion, Shape, classify
from vertebra.errors import RuleError

RULES_PER_PASS: Final = 8
"""How many rules one pass over the groups serves: each adds a few aggregates to the state of every group."""


class Search(Enum):
    """How the violating tuples of a rule are found."""

    NOTHING = auto()
    SCAN = auto()
    CANDIDATES = auto()
    SWEEP = auto()
    DIVIDE = auto()
    CONSECUTIVE = auto()


class Counting(Enum):
    """How the violating pairs of a rule are counted."""

    TUPLES = auto()
    GROUPS = auto()
    VALUES = auto()
    AGREEMENTS = auto()
    PREFIXES = auto()
    BLOCKS = auto()
    CONSECUTIVE = auto()


@dataclass(frozen=True)
class Planned:
    """A denial constraint and the plan for it."""

    rule: NamedRule
    constraint: DenialConstraint
    shape: Shape

    @property
    def name(self) -> str:
        """The rule's."""
        return self.rule.name

    @property
    def search(self) -> Search:
        """How its violating tuples are found."""
        if self.shape.impossible:
            return Search.NOTHING
        if self.shape.single:
            return Search.SCAN
        if self.shape.succession is not None:
            return Search.CONSECUTIVE
        if len(self.shape.ordered) < 2:
            return Search.CANDIDATES
        differing = len(self.shape.unequal) + (not self.shape.self_excluded)
        return Search.SWEEP if len(self.shape.ordered) == 2 and differing < 2 else Search.DIVIDE

    @property
    def counting(self) -> Counting:
        """How its violating pairs are counted."""
        if self.shape.single or self.shape.impossible:
            return Counting.TUPLES
        if self.shape.succession is not None:
            return Counting.CONSECUTIVE
        if self.shape.key:
            return Counting.GROUPS
        if self.shape.dependency:
            return Counting.VALUES
        return (Counting.AGREEMENTS, Counting.PREFIXES, Counting.BLOCKS)[min(2, len(self.shape.ordered))]

    @property
    def bounded(self) -> bool:
        """Whether the least and greatest values of a group can exclude a violation of the rule."""
        return self.search is Search.CANDIDATES

    @property
    def decided(self) -> bool:
        """Whether the least and greatest values of a group, and its size, determine if it violates the rule."""
        if self.shape.succession is not None:
            return False
        attributes = len(self.shape.unequal) + len(self.shape.ordered)
        return attributes == 0 or (attributes == 1 and self.shape.self_excluded)


@dataclass(frozen=True)
class KeySet:
    """Rules that compare the same tuples by the same equality keys: one pass over the groups serves them all.

    Attributes:
        rules: at least one; all have the same keys in the same order, which may be none.
    """

    rules: tuple[Planned, ...]

    @property
    def in_place(self) -> bool:
        """Whether both tuples of a pair are of one relation with the same key columns: rows then enter groups once."""
        shape = self.rules[0].shape
        return shape.one_relation and all(predicate.same for predicate in shape.equal)


@dataclass(frozen=True)
class Plan:
    """The rules of a table, by how they are checked.

    Attributes:
        consecutive: the rules about consecutive tuples, by the sort that serves them.
    """

    singles: tuple[Planned, ...]
    references: tuple[tuple[NamedRule, Inclusion], ...]
    key_sets: tuple[KeySet, ...]
    shapes: dict[str, Shape]
    consecutive: tuple[tuple[Planned, ...], ...] = ()

    @property
    def pairs(self) -> tuple[Planned, ...]:
        """The rules about two tuples that can be violated."""
        return tuple(rule for rules in (*(keys.rules for keys in self.key_sets), *self.consecutive) for rule in rules)


def planned(table: str, relations: Collection[str], rules: Sequence[NamedRule]) -> Plan:
    """Plan the detection of rules.

    Args:
        table: the relation that is checked.
        relations: names of the relations that the rules may refer to.

    Raises:
        RuleError: a rule is not about the table, refers to a missing relation, or has no exact plan.
    """
    singles: list[Planned] = []
    references: list[tuple[NamedRule, Inclusion]] = []
    sets: dict[object, list[Planned]] = {}
    consecutive: dict[object, list[Planned]] = {}
    shapes: dict[str, Shape] = {}
    for rule in rules:
        constraint = rule.constraint
        if isinstance(constraint, Inclusion):
            _check_relations(rule, (constraint.relation, constraint.table), relations)
            references.append((rule, constraint))
            continue
        _check_relations(rule, constraint.relations, relations)
        shape = shapes[rule.name] = _in_order(classify(constraint))
        _check_support(rule, constraint, shape, table)
        one = Planned(rule, constraint, shape)
        if shape.single:
            singles.append(one)
        elif shape.impossible:
            continue
        elif constraint.succession is not None:
            consecutive.setdefault(constraint.succession.identity, []).append(one)
        else:
            sets.setdefault((constraint.relations, shape.equal), []).append(one)
    passes = tuple(
        KeySet(tuple(alike[start : start + RULES_PER_PASS]))
        for alike in sets.values()
        for start in range(0, len(alike), RULES_PER_PASS)
    )
    return Plan(tuple(singles), tuple(references), passes, shapes, tuple(map(tuple, consecutive.values())))


def _in_order(shape: Shape) -> Shape:
    """The same shape with its keys in an order that does not depend on how the rule is written."""
    return replace(shape, equal=tuple(sorted(shape.equal, key=lambda p: (p.first, p.second))))


def _check_relations(rule: NamedRule, wanted: Sequence[str], relations: Collection[str]) -> None:
    for relation in wanted:
        if relation not in relations:
            raise RuleError(
                f"rule {rule.name} is about {relation}, which is missing",
                cause="all relations of a rule are needed to check it",
                remedy=f"vertebra run --select formatted.{relation}",
            )  # fmt: skip


def _check_support(rule: NamedRule, constraint: DenialConstraint, shape: Shape, table: str) -> None:
    refusal = shape.unsupported
    if table not in constraint.relations:
        refusal = f"it is about {' and '.join(constraint.relations)}, not about {table}"
    if refusal:
        raise RuleError(
            f"rule {rule.name} cannot be checked exactly: {constraint}",
            cause=refusal, remedy="split the rule, or state it with fewer predicates between the two tuples",
        )  # fmt: skip
