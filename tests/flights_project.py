"""The flights project, run from raw files to chosen models, once for all tests that look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import vertebra
from spark_server import SparkServer, unavailable
from vertebra.pipeline.progress import RunReport
from vertebra.workspace.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[1] / "projects" / "flights"
PRODUCED = shutil.ignore_patterns("lake", "mlflow.db*", "mlruns", "mlartifacts", "plots")


def copy_project(folder: Path) -> Path:
    shutil.copytree(PROJECT, folder, ignore=PRODUCED)
    return folder


@pytest.fixture(scope="session")
def flights_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, RunReport]]:
    """The project after its first run on the embedded engine, and the report of that run."""
    folder = copy_project(tmp_path_factory.mktemp("sail") / "flights")
    with vertebra.open(folder) as project:
        report = project.run()
        assert report.state == "ok", [(r.step, r.error) for r in report.results if r.error]
        yield project, report


@pytest.fixture(scope="session")
def flights(flights_run: tuple[Workspace, RunReport]) -> Workspace:
    return flights_run[0]


@pytest.fixture(scope="session")
def flights_on_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The data management backbone of the project, run on Apache Spark as it comes."""
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    folder = copy_project(tmp_path_factory.mktemp("spark") / "flights")
    with (
        SparkServer(tmp_path_factory.mktemp("server"), settings={}) as address,
        vertebra.open(folder, engine=address) as project,
    ):
        report = project.run(exclude="zone:analysis")
        assert report.state == "ok", [(r.step, r.error) for r in report.results if r.error]
        yield project
