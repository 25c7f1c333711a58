"""The shape of a rule: which predicates join its tuples, and so which plan finds its violations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.denial.ast import CONVERSE, SYMBOL, DenialConstraint, Operator

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
"""Which of the three outcomes of a comparison an operator is true of."""
_OPERATOR: Final = {outcomes: operator for operator, outcomes in MEANING.items()}

MOST_ORDERED: Final = 5
"""How many order predicates a plan takes: with k of them it costs n log^(k-1) n."""

MOST_UNEQUAL: Final = 4
"""How many ``!=`` a plan takes, one more for ``t ≠ s`` where a tuple may meet the rest of a rule with itself: with k of
them it counts 2^k groupings and looks for k! candidates."""


@dataclass(frozen=True)
class Across:
    """A predicate between the two tuples: ``first operator second``, each as SQL over its own relation."""

    first: str
    operator: Operator
    second: str

    @property
    def same(self) -> bool:
        """Whether both tuples are asked for the same expression."""
        return self.first == self.second

    @property
    def strict(self) -> bool:
        """``<`` or ``>`` of the same expression: no tuple satisfies it with itself."""
        return self.same and self.operator in {"<", ">"}

    @property
    def swapped(self) -> Across:
        """The predicate with the tuples in the other order."""
        return Across(self.second, CONVERSE[self.operator], self.first)


@dataclass(frozen=True)
class Shape:
    """A denial constraint sorted by what its predicates do.

    ``first`` and ``second`` are the tuples of the constraint's first and second variable.

    Attributes:
        equal: the equality keys.
        unequal: the ``!=`` between the tuples.
        ordered: the ``< <= > >=`` between the tuples; a strict one that reads the same in both first.
        conditions: for each variable, what is asked of its tuple alone, as SQL.
        one_relation: both variables range over the same relation, so the two tuples have to differ.
        impossible: the predicates exclude each other, so nothing can violate the rule.
    """

    equal: tuple[Across, ...]
    unequal: tuple[Across, ...]
    ordered: tuple[Across, ...]
    conditions: tuple[tuple[str, ...], ...]
    one_relation: bool
    impossible: bool = False

    @property
    def single(self) -> bool:
        """About one tuple."""
        return len(self.conditions) == 1

    @property
    def across(self) -> tuple[Across, ...]:
        """All predicates between the two tuples."""
        return (*self.equal, *self.unequal, *self.ordered)

    @property
    def symmetric(self) -> bool:
        """If ``(t, s)`` violates the rule then so does ``(s, t)``."""
        return (
            not self.single
            and self.one_relation
            and set(self.conditions[0]) == set(self.conditions[1])
            and set(self.across) == {predicate.swapped for predicate in self.across}
        )

    @property
    def self_excluded(self) -> bool:
        """No tuple satisfies the predicates with itself, so ``t ≠ s`` needs no check."""
        if not self.one_relation:
            return True
        return any(p.same for p in self.unequal) or any(p.strict for p in self.ordered)

    @property
    def key(self) -> tuple[str, ...] | None:
        """The expressions that must be unique, when the rule is a key (maybe under a condition)."""
        plain = self.symmetric and not self.unequal and not self.ordered and all(p.same for p in self.equal)
        return tuple(p.first for p in self.equal) if plain and self.equal else None

    @property
    def dependency(self) -> tuple[tuple[str, ...], str] | None:
        """Left-hand side and right-hand side, when the rule is a functional dependency (maybe under a condition)."""
        plain = self.symmetric and not self.ordered and all(p.same for p in (*self.equal, *self.unequal))
        if not plain or len(self.unequal) != 1:
            return None
        return tuple(p.first for p in self.equal), self.unequal[0].first

    @property
    def name(self) -> str:
        """The class of the compile table, e.g. ``{=, ≠}``."""
        if self.single:
            return "one tuple"
        signs = ["="] if self.equal else []
        signs += [SYMBOL[p.operator] for p in self.ordered]
        if self.unequal:
            signs.append("≠" if len(self.unequal) == 1 else f"≠×{len(self.unequal)}")
        return f"{{{', '.join(signs)}}}" + ("" if self.one_relation else " between two relations")

    @property
    def unsupported(self) -> str | None:
        """Why no exact plan exists for this shape; None when one does."""
        if len(self.ordered) > MOST_ORDERED:
            found = f"{len(self.ordered)} order predicates between two tuples; plans take {MOST_ORDERED}"
            return f"{found}: {_without(self.ordered[MOST_ORDERED:])}"
        room = MOST_UNEQUAL - (not self.self_excluded)
        if len(self.unequal) > room:
            found = f"{len(self.unequal)} `!=` between two tuples; plans take {room}"
            if room < MOST_UNEQUAL:
                found += f" where a tuple may meet the predicates with itself, {MOST_UNEQUAL} otherwise"
            return f"{found}: {_without(self.unequal[room:])}"
        return None


def classify(constraint: DenialConstraint) -> Shape:
    """Sort the predicates of a constraint.

    Predicates over the same two operands become one: ``<=`` and ``>=`` is ``=``, ``<=`` and ``!=`` is ``<``.
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
        across = Across(predicate.left.sql, predicate.operator, predicate.right.sql)
        if predicate.left.variable != first:
            across = across.swapped
        operands = (across.first, across.second)
        outcomes[operands] = outcomes.get(operands, frozenset("<=>")) & MEANING[across.operator]
    merged = [Across(a, _OPERATOR[kept], b) for (a, b), kept in outcomes.items() if kept]
    return Shape(
        equal=_with(merged, ("=",)),
        unequal=_with(merged, ("!=",)),
        ordered=tuple(sorted(_with(merged, ("<", "<=", ">", ">=")), key=lambda p: not p.strict)),
        conditions=tuple(tuple(dict.fromkeys(own)) for own in conditions.values()),
        one_relation=one_relation,
        impossible=any(not kept for kept in outcomes.values()),
    )


def _with(predicates: Iterable[Across], operators: tuple[Operator, ...]) -> tuple[Across, ...]:
    return tuple(p for p in predicates if p.operator in operators)


def _without(predicates: Sequence[Across]) -> str:
    left_out = " and ".join(f"{p.first} {p.operator} {p.second}" for p in predicates)
    return f"the nearest rule that can be checked leaves out {left_out}, and denies more"
