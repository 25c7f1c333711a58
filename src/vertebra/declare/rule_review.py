"""Warnings about the rules of a project, with the places where they are declared; no data are read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.declare.document import read_document
from vertebra.declare.rules import rules_of
from vertebra.denial import DenialConstraint, Finding, review

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.declare.project import Project


@dataclass(frozen=True)
class RuleWarning:
    """A finding about a rule, and where the rule is declared: file, line and column."""

    dataset: str
    finding: Finding
    where: str

    def __str__(self) -> str:
        return f"warning: {self.where}: rule {self.finding.rule} is {self.finding.kind}: {self.finding.reason}"


def rule_warnings(project: Project, names: Collection[str] | None = None) -> tuple[RuleWarning, ...]:
    """Review the rules of datasets, each together with the other rules of its dataset.

    Args:
        names: the datasets; None means all.

    Returns:
        A warning for each rule that is redundant or contradicts another.
    """
    return tuple(
        warning
        for name, dataset in project.datasets.items()
        if names is None or name in names
        for warning in _of_dataset(project, dataset)
    )


def _of_dataset(project: Project, dataset: Dataset) -> Iterator[RuleWarning]:
    rules = {rule.name: rule for rule in rules_of(dataset, project.datasets)}
    findings = review(
        [(name, rule.constraint) for name, rule in rules.items() if isinstance(rule.constraint, DenialConstraint)]
    )
    at = dataset.declared_at
    document = read_document(at.file) if at and findings else None
    for finding in findings:
        loc = rules[finding.rule].origin.loc
        where = document.where(loc, key=True) if document else dataset.declared_in
        yield RuleWarning(dataset.name, finding, where)
