"""Runs repairs over a set: a table method alone, or a whole project."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cleaning.score import Band, Cell, Score, calibration, same, score
from benchmarks.cleaning.sets import CleaningSet, Columns, write_project
from vertebra.declare.dataset import Dataset
from vertebra.trusted.repair.table_port import TableRepairMethod, TableToRepair

if TYPE_CHECKING:
    from vertebra import Workspace
    from vertebra.engine import Engine

LEAST = 0.8
"""The confidence from which proposals of a method count as repairs."""


@dataclass(frozen=True)
class Measured:
    """What one way to repair made of a set.

    Attributes:
        score: of the repairs.
        bands: of all proposals, with those of low confidence.
        by_column: the score of each column with wrong or changed cells.
    """

    table: str
    way: str
    seconds: float
    score: Score
    bands: list[Band]
    by_column: Mapping[str, Score]

    def record(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "set": self.table, "way": self.way, "seconds": round(self.seconds, 2), **vars(self.score),
            "precision": self.score.precision, "recall": self.score.recall, "f1": self.score.f1,
            "damage": self.score.damage, "bands": [vars(band) for band in self.bands],
        }  # fmt: skip


def table_methods() -> dict[str, TableRepairMethod]:
    """The repair methods for whole tables, by name."""
    package = import_module("vertebra.trusted.repair.table_methods")
    modules = [import_module(f"{package.__name__}.{one.name}") for one in iter_modules(package.__path__)]
    return {module.METHOD.name: module.METHOD for module in modules if hasattr(module, "METHOD")}


def run_method(method: TableRepairMethod, given: CleaningSet, engine: Engine, folder: Path) -> Measured:
    """What a method proposes for the dirty table, all columns text."""
    table = pa.table({name: pa.array(column, pa.string()) for name, column in given.dirty.items()})
    table = table.append_column("_rid", pa.array(range(given.rows), pa.int64()))
    file = folder / f"{given.name}.parquet"
    pq.write_table(table, file)
    scratch = folder / f"{given.name}-{method.name}"
    scratch.mkdir()
    started = time.perf_counter()
    frame = engine.read_parquet([file], table.schema)
    proposed = method.propose(
        TableToRepair(_dataset(given.name, given.dirty), frame, table.schema, (), None, engine, scratch)
    )
    rows = [] if proposed is None else proposed.toArrow().to_pylist()
    seconds = time.perf_counter() - started
    proposals = {(row["rid"], row["column_name"]): (row["new"], row["confidence"]) for row in rows}
    if len(proposals) < len(rows):
        raise AssertionError(f"{method.name} proposes several values for one cell")
    return measured(given, method.name, seconds, proposals)


def run_project(
    given: CleaningSet, folder: Path, *, repair: object = None, labels: int = 0, show: bool = False
) -> Measured:
    """What ``vertebra run`` repairs in a project of the set with its published rules.

    Args:
        folder: where to put the project.
        repair: as in :func:`~benchmarks.cleaning.sets.write_project`.
        labels: how many questions are answered, from the clean table, before a second run.
        show: print the questions and answers.
    """
    import vertebra

    named = "" if repair is None else f", repair: {repair}" if isinstance(repair, str) else ", all methods"
    place = Path(tempfile.mkdtemp(dir=folder))
    write_project(given, place, repair=repair)
    started = time.perf_counter()
    with vertebra.open(place) as project:
        report = project.run()
        seconds = time.perf_counter() - started
        if labels:
            answered = answer(project, given, labels, show=show)
            named += f", {answered} labels"
            started = time.perf_counter()
            report = project.run()
            seconds = time.perf_counter() - started
        failed = [result.step for result in report.results if result.state == "failed"]
        if failed:
            raise RuntimeError(f"{failed[0]} failed")
        cells = project.sql("select rid, column_name, new, confidence from governance.repairs").arrow().to_pylist()
    proposals = {(row["rid"] % 10**10, row["column_name"]): (row["new"], row["confidence"]) for row in cells}
    return measured(given, f"vertebra run, published rules{named}", seconds, proposals, least=0.0)


def answer(project: Workspace, given: CleaningSet, labels: int, *, show: bool = False) -> int:
    """Answer questions about cells as a person would who knows the clean table; how many there were."""
    for number in range(labels):
        question = project.repairs.next_question(given.name)
        if question is None:
            return number
        right = given.clean[question.column_name][question.rid % 10**10]
        value = question.value if same(question.value, right) else right
        project.repairs.label(question, value)
        if show:
            proposed = ", ".join(f"{one.value!r} {one.method} {one.confidence:.2f}" for one in question.suggestions)
            said = "right" if value == question.value else f"-> {value!r}"
            print(
                f"    {question.column_name}: {question.value!r} {said} [{question.reason}] {proposed}", file=sys.stderr
            )
    return labels


def measured(
    given: CleaningSet,
    way: str,
    seconds: float,
    proposals: Mapping[Cell, tuple[str | None, float]],
    least: float = LEAST,
) -> Measured:
    """Score proposals against the clean table."""
    repairs = {cell: new for cell, (new, confidence) in proposals.items() if confidence >= least}
    by_column = {}
    for name in given.dirty:
        own = {cell: new for cell, new in repairs.items() if cell[1] == name}
        found = score({name: given.dirty[name]}, {name: given.clean[name]}, own)
        if found.wrong or found.changed:
            by_column[name] = found
    bands = calibration(
        (confidence, same(new, given.clean[name][row])) for (row, name), (new, confidence) in proposals.items()
    )
    return Measured(given.name, way, seconds, score(given.dirty, given.clean, repairs), bands, by_column)


def _dataset(name: str, columns: Columns) -> Dataset:
    about = {"source": "published", "collect": {"from": "files", "path": "x"}, "parse": {"format": "csv"}}
    return Dataset.model_validate(about | {"name": name, "columns": dict.fromkeys(columns, "string")})
