"""The functional dependency that a rule states, and the dependencies of a table by their determinant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint, classify
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule


@dataclass(frozen=True)
class Dependency:
    """A functional dependency, determinant → column, that may have conditions.

    Attributes:
        determinant: SQL expressions over the relation; tuples equal on them form a group.
        column: the dependent column; the tuples of a group should be equal on it.
        conditions: SQL; the dependency applies to the tuples that meet them.
        reads: the columns that the determinant and the conditions read.
    """

    determinant: tuple[str, ...]
    column: str
    conditions: tuple[str, ...]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleToRepair:
    """A dependency to repair.

    Attributes:
        rule: it and its least confidence.
        dependency: what it states.
        relocates: whether a wrong determinant may be replaced.
        fills: whether empty dependents get the value of their group.
        least: the least confidence of a repair that is made.
        method: the name of the method, for the ledger.
        implied: whether it only follows from others: it says whether a tuple stands in the right group, and repairs
            nothing.
    """

    rule: NamedRule
    dependency: Dependency
    relocates: bool
    fills: bool
    least: float
    method: str
    implied: bool = False


@dataclass(frozen=True)
class Determinant:
    """The dependencies of a table with the same determinant and conditions.

    Attributes:
        number: identifies it in the table.
        rules: one for each dependent column: those declared, in the order of their names, then those that they imply.
        column: the determinant, where it is one column of the table; else None.
        parts: the columns of the determinant, where it is several columns of the table; else none.
    """

    number: int
    rules: tuple[RuleToRepair, ...]
    column: str | None
    parts: tuple[str, ...] = ()

    @property
    def expressions(self) -> tuple[str, ...]:
        """SQL; tuples equal on all of them form a group."""
        return self.rules[0].dependency.determinant

    @property
    def conditions(self) -> tuple[str, ...]:
        """SQL; other tuples are in no group."""
        return self.rules[0].dependency.conditions

    @property
    def keys(self) -> list[str]:
        """Names for the expressions. A dependency on nothing has one group, with a constant key."""
        return [f"k{i}" for i in range(max(1, len(self.expressions)))]

    @property
    def reads(self) -> frozenset[str]:
        """The columns that decide about the group of a tuple."""
        return frozenset(self.rules[0].dependency.reads)

    @property
    def columns(self) -> list[str]:
        """The dependent columns, one for each rule."""
        return [one.dependency.column for one in self.rules]

    @property
    def declared(self) -> tuple[RuleToRepair, ...]:
        """The rules that are declared."""
        return tuple(one for one in self.rules if not one.implied)


def dependency_of(rule: NamedRule, dataset: Dataset) -> Dependency | None:
    """The functional dependency of a rule on a column of its dataset; None for any other rule."""
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint):
        return None
    shape = classify(constraint)
    by_identifier = {spark_identifier(name): name for name in dataset.columns}
    if shape.dependency is None or shape.dependency[1] not in by_identifier:
        return None
    determinant, dependent = shape.dependency
    column = by_identifier[dependent]
    dependents = {shape.unequal[0].first}
    reads = {
        name
        for predicate in constraint.predicates
        for operand in predicate.operands
        if operand.variable and operand.sql not in dependents
        for name in operand.columns
    }
    return Dependency(determinant, column, shape.conditions[0], tuple(sorted(reads)))


def by_determinant(rules: Iterable[RuleToRepair], dataset: Dataset) -> list[Determinant]:
    """The dependencies of a table by determinant and conditions; of two rules for one dependent, the first counts."""
    by_identifier = {spark_identifier(name): name for name in dataset.columns}
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[str, RuleToRepair]] = {}
    for one in sorted(rules, key=lambda one: one.rule.name):
        what = one.dependency
        same = found.setdefault((what.determinant, tuple(sorted(what.conditions))), {})
        same.setdefault(what.column, one)
    made = [
        Determinant(number, tuple(same.values()), *_columns([by_identifier.get(key) for key in keys]))
        for number, ((keys, _), same) in enumerate(found.items())
    ]
    return [replace(one, rules=(*one.rules, *_implied(one, made))) for one in made]


def _columns(names: Sequence[str | None]) -> tuple[str | None, tuple[str, ...]]:
    """The column of a determinant, or its columns; neither if one of them is computed."""
    if len(names) == 1:
        return names[0], ()
    plain = tuple(name for name in names if name is not None)
    return None, plain if len(plain) == len(names) else ()


def _implied(one: Determinant, others: Sequence[Determinant]) -> list[RuleToRepair]:
    """The dependencies of a determinant on what its dependents determine: of a -> b and b -> c, a -> c."""
    by_column = {other.column: other for other in others if other.column is not None and not other.conditions}
    known = dict(zip(one.columns, one.rules, strict=True))
    open_ = list(known)
    while open_:
        through = open_.pop(0)
        for rule in by_column[through].rules if through in by_column else ():
            column = rule.dependency.column
            if column not in known and column not in one.reads:
                first = one.rules[0]
                known[column] = replace(
                    first,
                    dependency=replace(first.dependency, column=column),
                    relocates=rule.relocates,
                    fills=False,
                    implied=True,
                )
                open_.append(column)
    return [rule for rule in known.values() if rule.implied]
