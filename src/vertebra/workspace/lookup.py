"""Resolves names in a project: datasets, tables of datasets, analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.errors import DeclarationError, DeclarationErrors
from vertebra.suggestions import did_you_mean_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vertebra.declare.analysis import Analysis
    from vertebra.declare.project import Project


def dataset_name(project: Project, name: str) -> str:
    """The name of a declared dataset; ``trusted.flights`` means ``flights``.

    Raises:
        DeclarationError: there is no such dataset, or its declaration is broken.
    """
    bare = name.rpartition(".")[2]
    _raise_if_broken(project, "dataset", bare)
    if bare not in project.datasets:
        raise DeclarationError(
            f"there is no dataset {bare}", remedy=did_you_mean_table(bare, project.datasets, "vertebra ls datasets")
        )
    return bare


def dataset_names(project: Project, names: Iterable[str]) -> list[str]:
    """The names of declared datasets; all of the project when none is named.

    Raises:
        DeclarationError: there is no such dataset.
    """
    return [dataset_name(project, name) for name in names] or list(project.datasets)


def analysis_named(project: Project, name: str) -> Analysis:
    """A declared analysis; ``analysis.late_arrival`` means ``late_arrival``.

    Raises:
        DeclarationError: there is no such analysis, or its declaration is broken.
    """
    bare = name.removeprefix("analysis.")
    _raise_if_broken(project, "analysis", bare)
    if bare not in project.analyses:
        raise DeclarationError(
            f"there is no analysis {bare}",
            remedy=did_you_mean_table(bare, project.analyses, "vertebra ls -s zone:analysis"),
        )
    return project.analyses[bare]


def _raise_if_broken(project: Project, kind: str, name: str) -> None:
    for one in project.broken:
        if (one.kind, one.name) == (kind, name):
            cause = "" if one.errors else "a declaration cannot be used while one that it reads is broken"
            raise DeclarationErrors(one.errors or [DeclarationError(one.why, cause=cause, remedy="vertebra check")])


def selections(select: str | Sequence[str]) -> list[str]:
    """Selections of steps as a list: one text, or several."""
    listed = [select] if isinstance(select, str) else list(select)
    return [text for text in listed if text]
