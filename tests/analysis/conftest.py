"""Worlds to analyse: each a lake with the view ``jobs``, shared by the tests of a file."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from analysis_world import World
from vertebra.engine import Engine


@pytest.fixture(scope="module")
def make_world(tmp_path_factory: pytest.TempPathFactory, sail: Engine) -> Callable[[pa.Table], World]:
    def make(rows: pa.Table) -> World:
        world = World(tmp_path_factory.mktemp("world"), sail)
        world.put("exploitation.jobs", rows)
        return world

    return make
