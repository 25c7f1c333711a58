"""A project: its settings and everything it declares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vertebra.declare.analysis import Analysis
from vertebra.declare.dataset import Dataset, Declared, Name
from vertebra.declare.reconciliation import EntityResolution, LookupTable
from vertebra.declare.view import View


class Settings(Declared):
    """``vertebra.yaml`` with the chosen profile applied and ``${ENV}`` references resolved."""

    name: Name
    description: str = ""
    lake: str = "lake"
    engine: str = "sail"
    memory: str | None = None
    tracking: str | None = None
    retention: str = "30 days"


@dataclass(frozen=True)
class Project:
    """A loaded project: validated, references resolved, no cycles.

    ``tracking`` is the MLflow URI; by default a SQLite file in the project.
    """

    root: Path
    profile: str | None
    settings: Settings
    datasets: dict[str, Dataset]
    reconciliations: dict[str, EntityResolution | LookupTable]
    views: dict[str, View]
    analyses: dict[str, Analysis]

    @property
    def lake(self) -> Path:
        """Absolute path of the lake."""
        return (self.root / self.settings.lake).resolve()
