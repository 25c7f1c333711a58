"""A wrong analysis is refused where it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from analysis_world import late_jobs
from vertebra.analysis.leakage import refuse_leakage
from vertebra.declare.analysis import Analysis, AsOf, Candidate
from vertebra.declare.analysis_file import location_of, read_analysis
from vertebra.errors import LeakageError

ANALYSIS = """\
from vertebra import Analysis, AsOf, Candidate
analysis = Analysis(
    description="Late jobs.", view="jobs", task="classification", label="delay > 15", metric="roc_auc",
    key=("id",),
    time="started", folds={"by": "id"}, test={"from": "2026-01-01"},
    features={
        "size": "size",
        "before":
            AsOf(history="jobs", value="delay", known_at="done", window="3 hours", aggregate="mean"),
    },
    unavailable=("delay", "done"),
    candidates={"plain": Candidate(build=dict)},
)
"""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metric": "rmse"}, "'rmse' is not a metric of a classification; use roc_auc"),
        ({"features": {"size": "size"}, "categorical": ("place",)}, "categorical names place"),
        ({"zone": "New York"}, "is not a time zone"),
        ({"candidates": {"baseline": Candidate(build=dict)}}, "part of every analysis"),
        ({"features": {"_size": "size"}}, "is not a feature's name"),
        ({"folds": {"by": "id", "count": 1}}, "greater than or equal to 2"),
        ({"folds": 5}, "a classification needs folds="),
        ({"test_from": "2024-04-15"}, "test_from is now from of test; declare one"),
        ({"group": "day"}, "group is now by of folds; declare one"),
        ({"folds": {}}, "a classification needs folds="),
        ({"test": None}, "a classification needs test"),
        ({"test": {"from": "2024-04-15", "last": "20 %"}}, "declare one of from, last and group"),
        ({"test": {"last": "20"}}, "neither a share nor a span"),
        ({"test": {"from": "2024-04-15", "per": "place"}}, "per is for last"),
        ({"folds": {"by": "day", "gap": "1 day"}}, "gap is for rolling and blocked"),
        ({"task": "classify"}, "is not a task; did you mean"),
        ({"text": ("place",)}, "both in categorical and in text"),
        ({"outliers": {"columns": ("place",)}}, "not a feature that is a number"),
        ({"candidates": {}}, "at least 1 item"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        late_jobs(**changes)


@pytest.mark.parametrize("window", ["3", "hours", "0 hours", "3 fortnights", "-1 day", "1.5 hours"])
def test_a_window_is_a_whole_number_of_a_unit(window: str) -> None:
    with pytest.raises(ValidationError, match="is not a window"):
        AsOf(history="jobs", known_at="done", window=window, aggregate="mean")


def test_a_grid_is_every_combination_of_its_values() -> None:
    grid = Candidate(build=dict, grid={"a": (1, 2), "b": ("x",)})
    assert grid.combinations == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert Candidate(build=dict).combinations == [{}]


@pytest.mark.parametrize(
    ("replaced", "by", "line"),
    [
        ('"size": "size"', '"size": "delay + 1"', 7),
        ('time="started"', 'time="delay"', 5),
        ('key=("id",)', 'key=("id", "delay")', 4),
        ('"mean"', '"mean", by=("delay",)', 9),
    ],
    ids=["feature", "time", "key", "by"],
)
def test_leakage_is_reported_at_the_line_that_leaks(tmp_path: Path, replaced: str, by: str, line: int) -> None:
    file = tmp_path / "late_jobs.py"
    file.write_text(ANALYSIS)
    refuse_leakage(read_analysis(file, file.parent))
    file.write_text(ANALYSIS.replace(replaced, by))
    with pytest.raises(LeakageError) as refused:
        refuse_leakage(read_analysis(file, file.parent))
    assert refused.value.where.startswith(f"{file}:{line}:")


def test_an_analysis_made_in_python_is_named(tmp_path: Path) -> None:
    assert location_of(late_jobs().model_copy(update={"file": None}), "time") == late_jobs().name
    gone = tmp_path / "gone.py"
    assert location_of(late_jobs().model_copy(update={"file": gone}), "time") == str(gone)


def test_arguments_of_earlier_releases_mean_what_folds_and_test_mean_now() -> None:
    now = late_jobs()
    given = {name: getattr(now, name) for name in now.model_fields_set - {"folds", "test"}}
    assert Analysis(**given, group="day", folds=5, test_from="2024-04-15") == now
