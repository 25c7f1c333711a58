"""What the step of the trusted zone depends on: its version and the tables that it reads.

The plan of a run needs no more than this of the step; a run with nothing to do does not load the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vertebra.declare.rules import NamedRule, rules_of
from vertebra.denial import Inclusion
from vertebra.trusted.repair.planned import planned_repair

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset

VERSION: Final = 7
"""The version of the trusted step. Raise it when the same table, declaration and decisions come to give another trusted
table or other rows in its ledgers, also through a change in ``denial``, ``declare/sugar`` or a repair method: all
trusted tables are then written again. See "Raise a version" in ``CONTRIBUTING.md``."""


def inputs_of(dataset: Dataset, datasets: Mapping[str, Dataset] | None = None) -> tuple[str, ...]:
    """The tables the step of a dataset reads: its formatted table, and the trusted tables its rules refer to.

    Args:
        datasets: all datasets of the project, for rules between relations.

    Raises:
        RuleError: a rule is not valid, or cannot be repaired as declared.
        DeclarationError: a rule is not declared correctly.
    """
    rules = rules_of(dataset, datasets)
    for rule in rules:
        planned_repair(rule, dataset)
    others = sorted({name for rule in rules for name in relations_of(rule)} - {dataset.name})
    return (f"formatted.{dataset.name}", *(f"trusted.{name}" for name in others))


def relations_of(rule: NamedRule) -> tuple[str, ...]:
    """The datasets that a rule is about."""
    constraint = rule.constraint
    if isinstance(constraint, Inclusion):
        return (constraint.relation, constraint.table)
    return constraint.relations
