"""A small world: three workshops, sixty days, jobs that end late more often when they are big or the day is bad."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vertebra.analysis.run import analyse, inputs_of
from vertebra.declare.analysis import Analysis, AsOf, Candidate
from vertebra.engine import Engine
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit

START = datetime(2024, 3, 1, tzinfo=UTC)
DAYS, JOBS = 60, 14
COMMIT = Commit("run-0", "exploitation.jobs", "test")


def logistic(c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c)


def tree(depth: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=depth)


def jobs(seed: int = 0, worse_from: int | None = None) -> pa.Table:
    """The view ``jobs``: one row per job. From day ``worse_from`` on, outcomes are turned round."""
    random = np.random.default_rng(seed)
    rows = []
    for day in range(DAYS):
        mood = random.normal(0, 6)
        for number in range(JOBS):
            size = random.gamma(2, 4)
            delay = size + mood + random.normal(0, 5)
            if worse_from is not None and day >= worse_from:
                delay = 16 - delay
            planned = START + timedelta(days=day, hours=6, minutes=int(number * 45 + random.integers(0, 30)))
            rows.append(
                {
                    "id": day * JOBS + number,
                    "place": ["north", "south", None, "west"][int(random.integers(0, 4))],
                    "planned": planned,
                    "day": planned.date(),
                    "size": None if random.random() < 0.1 else size,
                    "delay": None if random.random() < 0.03 else delay,
                    "done": planned + timedelta(minutes=float(max(delay, -5)) * 2),
                }
            )
    return pa.Table.from_pylist(rows)


def late_jobs(**changes: Any) -> Analysis:
    """Classification: is a job more than 8 minutes late?"""
    declared: dict[str, Any] = {
        "name": "late_jobs",
        "description": "Jobs more than 8 minutes late.",
        "task": "classification",
        "view": "jobs",
        "key": ("id",),
        "time": "planned",
        "label": "delay > 8",
        "unavailable": ("delay", "done"),
        "features": {
            "place": "place",
            "size": "size",
            "hour": "hour(planned)",
            "lately": AsOf(history="jobs", value="delay", known_at="done", window="6 hours", aggregate="mean"),
            "busy": AsOf(history="jobs", by=("place",), known_at="planned", window="2 hours", aggregate="count"),
        },
        "folds": {"by": "day", "count": 5},
        "test": {"from": date(2024, 4, 15)},
        "candidates": {
            "logistic": Candidate(build=logistic, grid={"c": (0.01, 1.0)}),
            "tree": Candidate(build=tree, grid={"depth": (2, 4)}, encode="ordinal"),
        },
        "metric": "roc_auc",
    }
    declared |= changes
    categorical = ("place",) if "place" in declared["features"] else ()
    return Analysis(**({"categorical": categorical} | declared))


@dataclass
class World:
    """A lake with the view in it, and a place for MLflow."""

    root: Path
    engine: Engine
    steps: int = 0

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    @property
    def ledgers(self) -> Ledgers:
        return Ledgers(self.lake)

    @property
    def tracking(self) -> str:
        return f"sqlite:///{self.root / 'mlflow.db'}"

    def put(self, name: str, rows: pa.Table) -> None:
        self.lake.table(name).write_arrow(rows, COMMIT)

    def context(self, analysis: Analysis) -> StepContext:
        self.steps += 1
        scratch = self.root / "scratch" / str(self.steps)
        scratch.mkdir(parents=True)
        return StepContext(
            run_id=f"run-{self.steps}",
            step=f"analysis.{analysis.name}",
            fingerprint="test",
            inputs={name: self.lake.table(name).version() for name in inputs_of(analysis)},
            now=datetime(2026, 1, 15, tzinfo=UTC),
            lake=self.lake,
            engine=self.engine,
            ledgers=self.ledgers,
            scratch=scratch,
        )

    def analyse(self, analysis: Analysis, plots: Path | None = None) -> StepOutcome:
        return analyse(analysis, self.tracking, "workshop", self.context(analysis), plots=plots)

    def models(self, **wanted: Any) -> list[dict[str, Any]]:
        rows = self.ledgers.read("models").to_pylist()
        return [row for row in rows if all(row[key] == value for key, value in wanted.items())]
