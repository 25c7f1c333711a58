"""A wrong analysis is refused where it is written."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from analysis_world import late_jobs
from vertebra.declare.analysis import AsOf, Candidate


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metric": "rmse"}, "'rmse' is not a metric of a classification; use roc_auc"),
        ({"features": {"size": "size"}, "categorical": ("place",)}, "categorical names place"),
        ({"zone": "New York"}, "is not a time zone"),
        ({"candidates": {"baseline": Candidate(build=dict)}}, "part of every analysis"),
        ({"features": {"_size": "size"}}, "is not a feature's name"),
        ({"folds": 1}, "greater than or equal to 2"),
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
