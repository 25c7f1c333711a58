"""Figures about champions in use, from the ledger ``monitoring``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from vertebra.governance.ledgers import Ledgers


@dataclass(frozen=True)
class MonitoredFigure:
    """One figure of one run: a row of the ledger ``monitoring``.

    Attributes:
        model_version: the champion that it is about.
        subject: ``feature``, ``prediction`` or ``performance``.
        name: of the feature, or of the metric.
        measure: ``psi``, ``ks``, or the metric.
        value: the figure.
        reference: of a metric: on the test set after training.
        rows: how many rows it is about.
        threshold: the declared one that it has passed.
        state: ``ok``, ``warn``, ``fail``, or ``few`` (rows, for a threshold).
        recorded_at: UTC.
    """

    run_id: str
    analysis: str
    model_name: str
    model_version: str
    subject: str
    name: str
    measure: str
    value: float
    reference: float | None
    rows: int
    threshold: float | None
    state: str
    recorded_at: datetime


def monitored_figures(ledgers: Ledgers, analysis: str, history: bool = False) -> list[MonitoredFigure]:
    """The figures about the champions of an analysis, those of the last run or of all."""
    rows = [row for row in ledgers.rows("monitoring") if row["analysis"] == analysis]
    last = max((row["run_id"] for row in rows), default="")
    return [MonitoredFigure(**row) for row in rows if history or row["run_id"] == last]
