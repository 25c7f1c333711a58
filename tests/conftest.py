"""What every test may ask for: an engine, a lake, its ledgers and a step's context."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from effort import EFFORT, VARIABLE, examples
from spark_server import shared, unavailable
from vertebra.engine import ConnectEngine, Engine, SailEngine
from vertebra.engine.connect import _import_client
from vertebra.governance.context import StepContext
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake

pytest_plugins = ["flights_project", "forked"]

# What lands must not depend on chance: in CI every run draws the same examples. Elsewhere each run draws new ones.
# How long one takes depends on what else the machine does, so it is no failure.
settings.register_profile(
    EFFORT,
    max_examples=examples(fast=25, thorough=100),
    derandomize=bool(os.environ.get("CI")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(EFFORT)

# A worker is a Python without a main file, which PySpark takes for a run of its own doctests; see this function.
_import_client()

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Show the effort of the run; ``-q`` hides the header that pytest itself writes."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:  # a worker of pytest-xdist has none
        terminal.write_line(f"effort: {EFFORT} (set {VARIABLE}=fast or thorough)")


@pytest.fixture(scope="session", autouse=True)
def rare_garbage_collections() -> Iterator[None]:
    """Modules and tests stay until the end, so Python need not look through them again and again for garbage."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    yield
    gc.unfreeze()  # some modules complain about what is left at the end


@pytest.fixture(scope="session", autouse=True)
def without_waiting_for_the_disk() -> Iterator[None]:
    """No test survives a power cut, so none needs to wait until files are on the disk; processes of their own do."""
    fsync = os.fsync
    os.fsync = lambda _: None
    yield
    os.fsync = fsync


@pytest.fixture(scope="session")
def sail() -> Iterator[Engine]:
    engine = SailEngine(memory="6g")
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def spark_address(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """A Spark Connect server of Apache Spark, one for all processes of a test run."""
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    alone = worker_id == "master"
    base = tmp_path_factory.getbasetemp()
    return shared((base if alone else base.parent) / "spark-server", os.getpid() if alone else os.getppid())


@pytest.fixture(scope="session")
def apache_spark(spark_address: str) -> Iterator[Engine]:
    engine = ConnectEngine(spark_address)
    yield engine
    engine.stop()


@pytest.fixture(params=["sail", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn: what a zone does must be equal on both."""
    chosen: Engine = request.getfixturevalue("sail" if request.param == "sail" else "apache_spark")
    return chosen


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def ledgers(lake: Lake) -> Ledgers:
    return Ledgers(lake)


@pytest.fixture
def context(lake: Lake, ledgers: Ledgers, tmp_path: Path) -> Callable[..., StepContext]:
    """Make the context of a step: ``context("formatted.flights", {"…": 0}, engine)``."""
    made = 0

    def make(
        step: str,
        inputs: Mapping[str, int] | None = None,
        engine: Engine | None = None,
        run_id: str | None = None,
        fingerprint: str = "test",
        definition: str = "",
    ) -> StepContext:
        nonlocal made
        made += 1
        scratch = tmp_path / "scratch" / str(made)
        scratch.mkdir(parents=True)
        return StepContext(
            run_id=run_id or f"run-{made}",
            step=step,
            fingerprint=fingerprint,
            inputs=dict(inputs or {}),
            now=NOW,
            lake=lake,
            engine=engine or SailEngine(memory="6g"),
            ledgers=ledgers,
            scratch=scratch,
            definition=definition,
        )

    return make
