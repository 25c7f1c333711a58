"""The flights project, run from raw files to chosen models, once for all tests that look at it.

A run takes minutes of processor time and depends on nothing but the project, the code, and the versions of Python and
of what is installed. So its lake is kept in ``.cache/flights`` under a hash of those, and the tests of each file get a
copy of their own: committed files as hard links, which nothing ever writes to again, and all others copied.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import distributions
from pathlib import Path

import pytest
from filelock import FileLock

import vertebra
from spark_server import SparkServer, unavailable
from vertebra.pipeline.progress import RunReport
from vertebra.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "projects" / "flights"
PRODUCED = shutil.ignore_patterns("lake", "mlflow.db*", "mlruns", "mlartifacts", "plots")
CACHE = ROOT / ".cache" / "flights"
KEPT = 4
"""Entries of the cache; those used longest ago make room for a new one."""

Run = Callable[[Path], RunReport]
"""Runs the project in a folder."""


def copy_project(folder: Path) -> Path:
    shutil.copytree(PROJECT, folder, ignore=PRODUCED)
    return folder


@pytest.fixture(scope="module")
def flights_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, RunReport]]:
    """The project after its first run on the embedded engine, and the report of that run."""
    folder = tmp_path_factory.mktemp("sail") / "flights"
    report = after_run("sail", _on_sail, folder)
    with vertebra.open(folder) as project:
        yield project, report


@pytest.fixture(scope="module")
def flights(flights_run: tuple[Workspace, RunReport]) -> Workspace:
    return flights_run[0]


@pytest.fixture(scope="module")
def flights_on_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The data management backbone of the project, run on Apache Spark as it comes."""
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("spark") / "flights"
    after_run("spark", _on_spark, folder)
    with vertebra.open(folder) as project:
        yield project


def _on_sail(folder: Path) -> RunReport:
    with vertebra.open(folder) as project:
        return project.run()


def _on_spark(folder: Path) -> RunReport:
    server = folder.with_name(f"{folder.name}-server")
    server.mkdir()
    with SparkServer(server, settings={}) as address, vertebra.open(folder, engine=address) as project:
        return project.run(exclude="zone:analysis")


def after_run(engine: str, run: Run, folder: Path) -> RunReport:
    """Put the project as a run left it into a new folder; gives the report of that run."""
    CACHE.mkdir(parents=True, exist_ok=True)
    entry = CACHE / f"{engine}-{_hash()}"
    with FileLock(f"{entry}.lock"):
        if not entry.is_dir():
            _fill(entry, run)
    # under a lock of all, so that no other run of the tests removes the entry meanwhile
    with FileLock(CACHE / "lock"):
        entry.touch()
        report: RunReport = pickle.loads((entry / "report.pickle").read_bytes())
        shutil.copytree(entry / "flights", folder, copy_function=_link_or_copy)
        _move_models(folder, (entry / "made_in").read_text("utf-8"))
        _make_room()
    return report


def _fill(entry: Path, run: Run) -> None:
    unfinished = entry.with_name(f"{entry.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    project = copy_project(unfinished / "flights")
    report = run(project)
    assert report.state == "ok", [(r.step, r.error) for r in report.results if r.error]
    (unfinished / "report.pickle").write_bytes(pickle.dumps(report))
    (unfinished / "made_in").write_text(str(project), "utf-8")
    for file in project.rglob("*.parquet"):
        file.chmod(0o444)
    unfinished.rename(entry)


def _hash() -> str:
    """Of all that makes the lake: the project, the code, and what is installed."""
    made_of = hashlib.sha256(sys.version.encode())
    for installed in sorted(f"{one.name}=={one.version}" for one in distributions()):
        made_of.update(installed.encode())
    for root in (PROJECT, ROOT / "src" / "vertebra"):
        produced = {root / "lake", root / "mlartifacts", root / "mlruns", root / "plots"}
        for file in sorted(root.rglob("*")):
            skipped = "__pycache__" in file.parts or file.name.startswith("mlflow.db") or produced & {*file.parents}
            if file.is_file() and not skipped:
                made_of.update(f"{file.relative_to(root)}:".encode() + hashlib.sha256(file.read_bytes()).digest())
    for file in (Path(__file__), ROOT / "requirements-spark.lock"):
        made_of.update(file.read_bytes())
    return made_of.hexdigest()[:24]


def _link_or_copy(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        try:
            os.link(source, target)
            return
        except OSError:  # another file system, or another owner
            pass
    shutil.copyfile(source, target)


def _move_models(folder: Path, made_in: str) -> None:
    """Have MLflow's database point into the folder: its addresses of artifacts are absolute."""
    file = folder / "mlflow.db"
    if not file.exists():
        return
    with closing(sqlite3.connect(file)) as database, database:
        for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
            for _, column, kind, *_ in database.execute(f"pragma table_info('{table}')").fetchall():
                if "CHAR" in kind or "TEXT" in kind:
                    moved = f'update "{table}" set "{column}" = replace("{column}", ?, ?) where instr("{column}", ?)'
                    database.execute(moved, (made_in, str(folder), made_in))


def _make_room() -> None:
    entries = sorted((one for one in CACHE.iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime)
    for old in entries[: -KEPT or None]:
        shutil.rmtree(old, ignore_errors=True)
        Path(f"{old}.lock").unlink(missing_ok=True)
