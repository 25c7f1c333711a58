"""What is odd about the rules of a project, and where they are written: said before any data are read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.declare.document import Document, read_document
from vertebra.declare.rules import rules_of
from vertebra.denial import DenialConstraint, Finding, review

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.declare.document import Loc
    from vertebra.declare.project import Project

_SUGAR: Final = ("required", "unique", "range", "values", "matches", "references")


@dataclass(frozen=True)
class RuleWarning:
    """A finding, with the file, line and column of the rule."""

    dataset: str
    finding: Finding
    where: str

    def __str__(self) -> str:
        return f"warning: {self.where}: rule {self.finding.rule} is {self.finding.kind}: {self.finding.reason}"


def rule_warnings(project: Project, names: Collection[str] | None = None) -> tuple[RuleWarning, ...]:
    """Review the rules of datasets, each with those of its own dataset.

    Args:
        names: the datasets; None means all.
    """
    return tuple(
        warning
        for name, dataset in project.datasets.items()
        if names is None or name in names
        for warning in _of_dataset(project, dataset)
    )


def _of_dataset(project: Project, dataset: Dataset) -> Iterator[RuleWarning]:
    rules = [
        (rule.name, rule.constraint)
        for rule in rules_of(dataset, project.datasets)
        if isinstance(rule.constraint, DenialConstraint)
    ]
    findings = review(rules)
    if not findings:
        return
    document = _document(project, dataset.name)
    for finding in findings:
        where = document.where(_place(dataset, finding.rule), key=True) if document else f"datasets/{dataset.name}"
        yield RuleWarning(dataset.name, finding, where)


def _document(project: Project, name: str) -> Document | None:
    files = sorted((project.root / "datasets").rglob(f"{name}.y*ml"))
    return read_document(files[0]) if files else None


def _place(dataset: Dataset, rule: str) -> Loc:
    """Where a rule is written; a rule that stands for several has a name for each."""
    for name in dataset.rules:
        if rule == name or rule.startswith(f"{name}_"):
            return ("rules", name)
    for column in dataset.columns:
        for sugar in _SUGAR:
            if rule.startswith(f"{column}_{sugar}"):
                return ("columns", column, sugar)
    return ("key",)
