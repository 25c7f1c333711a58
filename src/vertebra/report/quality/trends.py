"""The data of the trend plots, and short definitions of the quality dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vertebra.report.quality.plots import RunBar
from vertebra.workspace.quality import RUNS, QualityRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.workspace.quality import TableQuality

MEANING: Final[Mapping[str, str]] = {
    "completeness": "rows without NULL",
    "validity": "received values that parsed",
    "consistency": "rows that meet every rule",
    "uniqueness": "rows left when each key is kept once",
    "timeliness": "1 / (1 + age · update rate)",
}
"""Dimension of a table → short definition."""


def overall_runs(facts: Sequence[TableQuality]) -> list[RunBar]:
    """The violations of several tables by run; a table that a run skipped counts with its last assessment."""
    by_run: dict[str, dict[str, QualityRun]] = {}
    for one in facts:
        for point in one.runs:
            by_run.setdefault(point.run_id, {})[one.dataset] = point
    standing: dict[str, QualityRun] = {}
    bars = []
    for _, assessed in sorted(by_run.items()):
        kept = sum(point.violations for name, point in standing.items() if name not in assessed)
        standing |= assessed
        points = assessed.values()
        bars.append(
            RunBar(
                max(point.at for point in points),
                kept=kept + sum(point.persisting or 0 for point in points),
                new=sum(point.new or 0 for point in points),
                unknown=sum(point.violations for point in points if point.new is None),
                gone=sum(point.gone or 0 for point in points),
            )
        )
    return bars[-RUNS:]
