"""Classifies a constraint by the predicates between its tuples; the class determines the detection plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.denial.ast import CONVERSE, SYMBOL, DenialConstraint, Operator, Succession

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MEANING: Final[dict[Operator, frozenset[str]]] = {
    "=": frozenset("="),
    "!=": frozenset("<>"),
    "<": frozenset("<"),
    "<=": frozenset("<="),
    ">": frozenset(">"),
    ">=": frozenset(">="),
}
"""The outcomes of a comparison (less, equal, greater) for which an operator is true."""
_OPERATOR: Final = {outcomes: operator for operator, outcomes in MEANING.items()}

MAX_ORDER_PREDICATES: Final = 5
"""Maximum number of order predicates: detection with k of them takes O(n log^(k-1) n) time."""

MAX_INEQUALITIES: Final = 4
"""Maximum number of ``!=``: detection with k of them counts 2^k groupings and looks for k! candidates.

``t ≠ s`` counts as one of them if a tuple can satisfy the other predicates with itself.
"""


@dataclass(frozen=True)
class JoinPredicate:
    """A predicate between the two tuples: ``first operator second``, each operand as SQL over its own relation."""

    first: str
    operator: Operator
    second: str

    @property
    def same(self) -> bool:
        """Whether both operands are the same expression."""
        return self.first == self.second

    @property
    def strict(self) -> bool:
        """Whether it compares the same expression by ``<`` or ``>``, which no tuple satisfies with itself."""
        return self.same and self.operator in {"<", ">"}

    @property
    def swapped(self) -> JoinPredicate:
        """The predicate with the two tuples exchanged."""
        return JoinPredicate(self.second, CONVERSE[self.operator], self.first)


@dataclass(frozen=True)
class Shape:
    """The predicates of a denial constraint by kind.

    ``first`` and ``second`` are the tuples of the constraint's first and second variable.

    Attributes:
        equal: the ``=`` predicates between the tuples.
        unequal: the ``!=`` predicates between the tuples.
        ordered: the ``<``, ``<=``, ``>`` and ``>=`` predicates between the tuples; strict ones over the same
            expression come first.
        conditions: for each variable, the conditions on its tuple alone, as SQL.
        one_relation: whether both variables range over the same relation; the two tuples must then be different.
        impossible: whether the predicates contradict each other, so that nothing can violate the rule.
        succession: for a rule about consecutive tuples, which tuples can be the second one.
    """

    equal: tuple[JoinPredicate, ...]
    unequal: tuple[JoinPredicate, ...]
    ordered: tuple[JoinPredicate, ...]
    conditions: tuple[tuple[str, ...], ...]
    one_relation: bool
    impossible: bool = False
    succession: Succession | None = None

    @property
    def single(self) -> bool:
        """Whether the constraint has one tuple variable."""
        return len(self.conditions) == 1

    @property
    def join_predicates(self) -> tuple[JoinPredicate, ...]:
        """All predicates between the two tuples."""
        return (*self.equal, *self.unequal, *self.ordered)

    @property
    def symmetric(self) -> bool:
        """Whether ``(s, t)`` violates the rule whenever ``(t, s)`` does."""
        return (
            not self.single
            and self.one_relation
            and self.succession is None
            and set(self.conditions[0]) == set(self.conditions[1])
            and set(self.join_predicates) == {predicate.swapped for predicate in self.join_predicates}
        )

    @property
    def self_excluded(self) -> bool:
        """Whether no tuple can satisfy the predicates with itself; ``t ≠ s`` then needs no check."""
        if not self.one_relation or self.succession is not None:
            return True
        return any(p.same for p in self.unequal) or any(p.strict for p in self.ordered)

    @property
    def key(self) -> tuple[str, ...] | None:
        """The expressions that must be unique, if the rule is a key, possibly under a condition; else None."""
        plain = self.symmetric and not self.unequal and not self.ordered and all(p.same for p in self.equal)
        return tuple(p.first for p in self.equal) if plain and self.equal else None

    @property
    def dependency(self) -> tuple[tuple[str, ...], str] | None:
        """Left-hand and right-hand side, if the rule is a functional dependency, possibly conditional; else None."""
        plain = self.symmetric and not self.ordered and all(p.same for p in (*self.equal, *self.unequal))
        if not plain or len(self.unequal) != 1:
            return None
        return tuple(p.first for p in self.equal), self.unequal[0].first

    @property
    def name(self) -> str:
        """The class of the constraint, e.g. ``{=, ≠}``."""
        if self.single:
            return "one tuple"
        signs = ["next"] if self.succession is not None else []
        signs += ["="] if self.equal else []
        signs += [SYMBOL[p.operator] for p in self.ordered]
        if self.unequal:
            signs.append("≠" if len(self.unequal) == 1 else f"≠×{len(self.unequal)}")
        return f"{{{', '.join(signs)}}}" + ("" if self.one_relation else " between two relations")

    @property
    def unsupported(self) -> str | None:
        """Why no exact plan exists for this shape; None if one exists."""
        if len(self.ordered) > MAX_ORDER_PREDICATES:
            fact = f"{len(self.ordered)} order predicates between two tuples; the maximum is {MAX_ORDER_PREDICATES}"
            return f"{fact}: {_without(self.ordered[MAX_ORDER_PREDICATES:])}"
        # where tuples are tied in their order, several follow one, and t ≠ s is checked
        room = MAX_INEQUALITIES - (not self.self_excluded or self.succession is not None)
        if len(self.unequal) > room:
            fact = f"{len(self.unequal)} `!=` between two tuples; the maximum is {room}"
            if room < MAX_INEQUALITIES and self.succession is None:
                fact += f" if a tuple can satisfy the predicates with itself, else {MAX_INEQUALITIES}"
            return f"{fact}: {_without(self.unequal[room:])}"
        return None


def classify(constraint: DenialConstraint) -> Shape:
    """Sort the predicates of a constraint by kind.

    Predicates over the same two operands are merged: ``<=`` and ``>=`` become ``=``, ``<=`` and ``!=`` become ``<``.
    """
    first = constraint.variables[0]
    conditions: dict[str, list[str]] = {variable: [] for variable in constraint.variables}
    outcomes: dict[tuple[str, str], frozenset[str]] = {}
    one_relation = len(set(constraint.relations)) == 1
    for predicate in constraint.predicates:
        if len(predicate.variables) == 1:
            conditions[predicate.variables[0]].append(predicate.sql)
            continue
        assert predicate.operator is not None
        assert predicate.right is not None
        joined = JoinPredicate(predicate.left.sql, predicate.operator, predicate.right.sql)
        if predicate.left.variable != first:
            joined = joined.swapped
        operands = (joined.first, joined.second)
        outcomes[operands] = outcomes.get(operands, frozenset("<=>")) & MEANING[joined.operator]
    merged = [JoinPredicate(a, _OPERATOR[kept], b) for (a, b), kept in outcomes.items() if kept]
    return Shape(
        equal=_with(merged, ("=",)),
        unequal=_with(merged, ("!=",)),
        ordered=tuple(sorted(_with(merged, ("<", "<=", ">", ">=")), key=lambda p: not p.strict)),
        conditions=tuple(tuple(dict.fromkeys(own)) for own in conditions.values()),
        one_relation=one_relation,
        impossible=any(not kept for kept in outcomes.values()),
        succession=constraint.succession,
    )


def _with(predicates: Iterable[JoinPredicate], operators: tuple[Operator, ...]) -> tuple[JoinPredicate, ...]:
    return tuple(p for p in predicates if p.operator in operators)


def _without(predicates: Sequence[JoinPredicate]) -> str:
    left_out = " and ".join(f"{p.first} {p.operator} {p.second}" for p in predicates)
    return f"remove {left_out} to get the nearest rule that can be checked, which forbids more"
