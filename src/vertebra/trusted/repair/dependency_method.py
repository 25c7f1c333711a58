"""Repair methods for functional dependencies. The rules that name them are repaired together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.declare.table_methods import table_repair_of
from vertebra.denial import DenialConstraint, classify
from vertebra.errors import RuleError
from vertebra.trusted.repair.dependency import Dependency, RuleToRepair, dependency_of
from vertebra.trusted.repair.port import RepairMethod

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule


class DependencyMethod(RepairMethod):
    """A method for dependencies; see :mod:`vertebra.trusted.repair.dependencies`.

    Args:
        name: of the method.
        relocates: whether a wrong determinant may be replaced, besides wrong dependents.
    """

    fills = True

    def __init__(self, name: str, *, relocates: bool) -> None:
        self.name = name
        self.relocates = relocates

    def columns(self, rule: NamedRule, dataset: Dataset) -> tuple[str, ...]:
        """The dependent column, and the determinant where it may be replaced."""
        found = _dependency(rule, dataset)
        return (found.column, *found.reads) if self.relocates and len(found.determinant) == 1 else (found.column,)

    def to_repair(self, rule: NamedRule, dataset: Dataset) -> RuleToRepair:
        """What is repaired together with the other dependencies."""
        whole = table_repair_of(dataset)
        fills, least = rule.fill, rule.confidence
        if whole is not None:
            fills, least = fills or whole.fill, max(least, whole.precision)
        return RuleToRepair(rule, _dependency(rule, dataset), self.relocates, fills, least, self.name)

    def propose(self, rule: NamedRule, dataset: Dataset, relation: DataFrame, violations: DataFrame) -> DataFrame:  # noqa: ARG002
        """Not called: no rule is repaired alone."""
        raise AssertionError(f"{self.name} repairs the dependencies of {dataset.name} together")


def _dependency(rule: NamedRule, dataset: Dataset) -> Dependency:
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint) or classify(constraint).single:
        if rule.repair_method is not None:
            raise RuleError(
                f"rule {rule.name} of {dataset.name} cannot be repaired by majority",
                cause="it is about one tuple, or a reference, and a majority needs tuples that should be equal",
                remedy="replace `repair_method` by e.g. `set: {column: null}`, or write `on_violation: quarantine`",
            )
        raise RuleError(
            f"rule {rule.name} of {dataset.name} does not say how to repair",
            cause="a rule about one tuple, or a reference, says that a row is wrong and not what is right",
            remedy="write the rule under `rules:` with e.g. `set: {column: null}`, or `on_violation: quarantine`",
        )
    dependency = dependency_of(rule, dataset)
    if dependency is None:
        instead = (
            "name the wrong tuple and its new value, as in `set: {s.counter: null}`, or "
            if (constraint.succession is not None)
            else "remove `repair_method`, or "
            if len(classify(constraint).ordered) > 1
            else ""
        )
        raise RuleError(
            f"rule {rule.name} of {dataset.name} cannot be repaired by majority\n    {constraint.text}",
            cause=_reason(constraint),
            remedy=f"{instead}write `on_violation: report` or `quarantine`",
        )
    if rule.set:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} has `set`, which is for rules about one tuple",
            cause="a functional dependency is repaired with the value that most tuples of a group hold",
            remedy="remove `set`",
        )
    return dependency


def _reason(constraint: DenialConstraint) -> str:
    shape = classify(constraint)
    if shape.dependency is not None:
        return f"{shape.dependency[1]} is computed, and a repair changes the cells of a column"
    if shape.succession is not None:
        return "it is about consecutive tuples, and does not say which of them is wrong"
    if "≠×" in shape.name:
        return "it has several `!=`, so it does not say which of their columns is wrong; write one rule for each"
    return (
        f"it is of the class {shape.name}; a majority is defined for functional dependencies, t.x = s.x and t.a != s.a;"
        " rules about one tuple and references are repaired with `set`"
    )
