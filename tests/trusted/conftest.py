"""The trusted step on a small lake; see ``zones.py``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trusted.zones import Zone
from vertebra.engine import Engine
from vertebra.governance.context import StepContext
from vertebra.lake.catalog import Lake


@pytest.fixture
def zone(lake: Lake, engine: Engine, context: Callable[..., StepContext]) -> Zone:
    """On each engine in turn."""
    return Zone(lake, engine, context)


@pytest.fixture
def sail_zone(lake: Lake, sail: Engine, context: Callable[..., StepContext]) -> Zone:
    """On the embedded engine only, where the engine makes no difference."""
    return Zone(lake, sail, context)
