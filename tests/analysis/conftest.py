"""Worlds to analyse: each a lake with the view ``jobs``, shared by the tests of a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from analysis_world import World
from vertebra.analysis.track import client_of
from vertebra.engine import Engine


@pytest.fixture(scope="session")
def empty_tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without runs: making its tables takes seconds, copying them none."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    client_of(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture(scope="module")
def make_world(
    tmp_path_factory: pytest.TempPathFactory, sail: Engine, empty_tracking: Path
) -> Callable[[pa.Table], World]:
    def make(rows: pa.Table) -> World:
        world = World(tmp_path_factory.mktemp("world"), sail)
        world.put("exploitation.jobs", rows)
        shutil.copy(empty_tracking, world.root / "mlflow.db")
        return world

    return make
