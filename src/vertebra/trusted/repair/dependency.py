"""The functional dependency that a rule states, for repair methods that compare the tuples of a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint, classify

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
    """

    determinant: tuple[str, ...]
    column: str
    conditions: tuple[str, ...]


def dependency_of(rule: NamedRule, dataset: Dataset) -> Dependency | None:
    """The functional dependency of a rule on a column of its dataset; None for any other rule."""
    if not isinstance(rule.constraint, DenialConstraint):
        return None
    shape = classify(rule.constraint)
    by_identifier = {f"`{name.replace('`', '``')}`": name for name in dataset.columns}
    if shape.dependency is None or shape.dependency[1] not in by_identifier:
        return None
    determinant, dependent = shape.dependency
    return Dependency(determinant, by_identifier[dependent], shape.conditions[0])
