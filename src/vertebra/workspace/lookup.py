"""Resolves names in a project: datasets, tables of datasets, analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.errors import DeclarationError
from vertebra.suggestions import did_you_mean_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vertebra.declare.analysis import Analysis
    from vertebra.declare.project import Project


def dataset_name(project: Project, name: str) -> str:
    """The name of a declared dataset; ``trusted.flights`` means ``flights``.

    Raises:
        DeclarationError: there is no such dataset.
    """
    bare = name.rpartition(".")[2]
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
        DeclarationError: there is no such analysis.
    """
    bare = name.removeprefix("analysis.")
    if bare not in project.analyses:
        raise DeclarationError(
            f"there is no analysis {bare}",
            remedy=did_you_mean_table(bare, project.analyses, "vertebra ls -s zone:analysis"),
        )
    return project.analyses[bare]


def selections(select: str | Sequence[str]) -> list[str]:
    """Selections of steps as a list: one text, or several."""
    listed = [select] if isinstance(select, str) else list(select)
    return [text for text in listed if text]
