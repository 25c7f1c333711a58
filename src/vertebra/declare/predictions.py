"""The predictions of an analysis: what its step declares, and the rows that it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.declare.analysis import Analysis


@dataclass(frozen=True)
class Predictions:
    """The table ``analysis.<name>_predictions`` of an analysis, which a step of its own writes."""

    analysis: Analysis

    @property
    def name(self) -> str:
        """The name of the table, without its zone."""
        return f"{self.analysis.name}_predictions"

    @property
    def table(self) -> str:
        """The qualified table."""
        return f"analysis.{self.name}"

    @property
    def description(self) -> str:
        """That of the analysis."""
        return f"Predictions: {self.analysis.description}"

    @property
    def files(self) -> tuple[Path, ...]:
        """The user's code that predictions depend on."""
        return (self.analysis.file, *self.analysis.imports) if self.analysis.file else ()
