"""A project folder to collect from, and short ways to declare, collect and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from landing.readings import declared, records
from portals.stand_in import App, Clock, StandIn, standing_in
from vertebra.declare.dataset import Dataset
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.landing.collect import collect
from vertebra.landing.context import CollectionContext
from vertebra.landing.outcome import CollectOutcome
from vertebra.landing.port import Collector
from vertebra.landing.web.network import HostThrottle, Network

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def collected(project: Path, lake: Lake, ledgers: Ledgers) -> Callable[..., CollectOutcome]:
    """Collect a declared dataset now: ``collected(declared("a.csv"))``."""

    def run(
        dataset: Dataset, run_id: str = "run-1", collector: Collector | None = None, **options: Any
    ) -> CollectOutcome:
        return collect(dataset, CollectionContext(project, lake, ledgers, run_id, NOW, **options), collector)

    return run


@pytest.fixture
def landed(project: Path, collected: Callable[..., CollectOutcome]) -> Callable[..., list[dict[str, Any]]]:
    """The records that bytes become: ``landed(b"a,b\\n1,2\\n")``."""

    def run(content: bytes, name: str = "data.csv", member: str = "*", **parse: Any) -> list[dict[str, Any]]:
        (project / name).write_bytes(content)
        (batch,) = collected(declared(name, member=member, **parse)).new
        return records(batch)

    return run


@pytest.fixture
def portal() -> Iterator[Callable[[App], StandIn]]:
    """Run a stand-in of a portal: ``portal(FileServer({...}))``."""
    with ExitStack() as running:
        yield lambda app: running.enter_context(standing_in(app))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def network(clock: Clock) -> Network:
    """The web asked without waiting: time passes as it is slept."""
    return Network(clock=clock, random_fraction=lambda: 0.5, throttle=HostThrottle())


@pytest.fixture
def gathered(collected: Callable[..., CollectOutcome], network: Network) -> Callable[..., CollectOutcome]:
    """Collect a declared dataset from the web now."""

    def run(dataset: Dataset, run_id: str = "run-1", **options: Any) -> CollectOutcome:
        return collected(dataset, run_id, **({"network": network} | options))

    return run
