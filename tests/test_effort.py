"""The two profiles of the tests: what each draws, and that no third one passes for one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import effort
from effort import VARIABLE, cases, effort_of, examples, moments, spread

HERE = Path(__file__).parent


@pytest.mark.parametrize(("value", "expected"), [(None, "fast"), ("", "fast"), ("fast", "fast"), ("thorough", "thorough")])  # fmt: skip
def test_fast_is_the_default(value: str | None, expected: str) -> None:
    assert effort_of({} if value is None else {VARIABLE: value}) == expected


def test_an_effort_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="VERTEBRA_TESTS=through: there is no such effort; write fast or thorough"):
        effort_of({VARIABLE: "through"})


@pytest.mark.parametrize(("profile", "drawn", "tried"), [("fast", 2, [1, 3]), ("thorough", 9, [1, 2, 3])])
def test_a_profile_says_how_much_is_tried(
    monkeypatch: pytest.MonkeyPatch, profile: str, drawn: int, tried: list[int]
) -> None:
    monkeypatch.setattr(effort, "EFFORT", profile)
    assert examples(fast=2, thorough=9) == drawn
    assert cases([1, 2, 3], fast=[3, 1]) == tried
    assert spread({"a": 1, "b": 2, "c": 3, "d": 4}, fast=2) == (
        {"a": 1, "c": 3} if profile == "fast" else {"a": 1, "b": 2, "c": 3, "d": 4}
    )
    assert moments(100, fast=2, thorough=4) == ([26, 76] if profile == "fast" else [13, 38, 63, 88])
    assert moments(1, fast=1, thorough=1) == [1]


def test_a_fast_profile_that_tries_nothing_by_chance_or_more_than_the_thorough_one_is_an_error() -> None:
    for fast, thorough in ((1, 9), (10, 9)):
        with pytest.raises(ValueError, match="at least 2 examples"):
            examples(fast, thorough)
    for chosen in ([], [4]):
        with pytest.raises(ValueError, match="not among the cases"):
            cases([1, 2, 3], fast=chosen)
    for fast in (0, 3):
        with pytest.raises(ValueError, match="there are 2 cases"):
            spread({"a": 1, "b": 2}, fast)
    for fast, thorough, calls in ((0, 1, 9), (2, 1, 9), (1, 10, 9)):
        with pytest.raises(ValueError, match=f"makes {calls} calls"):
            moments(calls, fast, thorough)


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [("", 0, "effort: fast"), ("thorough", 0, "effort: thorough"), ("quick", 4, "VERTEBRA_TESTS=quick")],
)
def test_a_test_run_shows_its_profile(asked: str, code: int, told: str) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", str(HERE / "wording")]
    environment = os.environ | {VARIABLE: asked}
    done = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert told in done.stdout + done.stderr
