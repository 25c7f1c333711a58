"""Simulated power cuts: what was not flushed to the disk is lost, and the next run ends where it would have.

At one of its flushes, chosen by chance, a run writes the disk as it would be found after a power cut, and ends
(:data:`pipeline.crashes.CUT`).
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from effort import examples
from forked import Forks
from pipeline.crashes import State, completed, cut_power, make_shop, moments_of, run_or_repair, said
from pipeline.test_damage import ledgers_of
from pipeline.tiny import contents, open_tiny

CUTS = examples(3, 8)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once, and has received newer files since; copy it, do not change it."""
    return make_shop(tmp_path_factory.mktemp("shop") / "project")


@pytest.fixture(scope="module")
def whole(before: Path, tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> tuple[Path, State, int]:
    """The project after a run that nothing disturbed, what it contains, and the number of the run's flushes."""
    scratch = tmp_path_factory.mktemp("whole")
    moments = moments_of(before, scratch, forks)
    return scratch / "counted", completed(scratch / "counted"), moments.flushes


@pytest.mark.parametrize("mode", ["strict", "mixed"])
def test_a_run_after_a_power_cut_ends_as_if_there_was_none(
    mode: str, before: Path, whole: tuple[Path, State, int], tmp_path: Path, forks: Forks
) -> None:
    undisturbed, expected, flushes = whole
    told = ledgers_of(undisturbed)
    chance = random.Random(mode)
    repaired = 0
    for number in range(CUTS):
        at = chance.randrange(1 + number * flushes // CUTS, 1 + (number + 1) * flushes // CUTS)
        folder = Path(shutil.copytree(before, tmp_path / f"{number}"))
        after = Path(shutil.copytree(before, tmp_path / f"{number}-after", ignore=shutil.ignore_patterns("lake")))
        if not cut_power(folder, after, at, mode, number, forks):
            continue  # the run had fewer flushes than the one before
        damaged = run_or_repair(after)
        repaired += damaged
        with open_tiny(after) as project:
            assert project.verify().ok
        if damaged:
            assert (contents(after), ledgers_of(after)) == (expected[0], told), (mode, at)
        else:
            assert (contents(after), said(after)) == expected, (mode, at)
    assert repaired < CUTS
