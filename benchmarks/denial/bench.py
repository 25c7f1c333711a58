"""Runs the cells of the table, each in a process of its own, and keeps what they cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.data import make_sources
from benchmarks.denial.tables import make_tables
from benchmarks.denial.workload import CLASSES, HARD, Case, make_table, record
from benchmarks.measure import measure

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cell:
    """One measured cell.

    Attributes:
        seconds: of the work, without the start of the engine; None when it took longer than the limit.
        peak_mb: of the process and, for Apache Spark, of its server.
        found: what the tool says it found.
    """

    case: str
    tool: str
    rows: int
    seconds: float | None
    peak_mb: float | None
    found: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, object] = field(default_factory=dict)

    def record(self) -> dict[str, object]:
        """For the JSON file."""
        return {
            **self.about, "case": self.case, "tool": self.tool, "rows": self.rows, "seconds": self.seconds,
            "peak_mb": self.peak_mb, **self.found,
        }  # fmt: skip


class Bench:
    """Measures in one run, in a folder of its own.

    Args:
        limit: seconds a cell may take.
        only: names of the cases to run; None for all.
    """

    def __init__(self, folder: Path, limit: float, only: Collection[str] | None, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.limit = limit
        self.cells: list[Cell] = []
        self._only = only
        self._say = say

    def classes(self, rows: int) -> None:
        """Every class: detection, a sort of the same columns, and for dependencies a group-by and a scan."""
        self._against_engine(CLASSES, rows)

    def hard(self, sizes: Sequence[int]) -> None:
        """Skewed keys and rules that every tuple violates."""
        for rows in sizes:
            self._against_engine(HARD, rows)

    def peers(self, rows: int, limit: float, *, spark: bool) -> None:
        """The self-joins that detection does without, each for so many seconds at most."""
        file = make_table(self.folder, rows)
        joined = [case for case in self._chosen(CLASSES) if case.joined]
        for case in joined:
            self._cell(case.name, "duckdb", rows, file, limit=limit)
        if spark:
            self._spark(joined, rows, file, limit)

    def flights(self, years: int) -> None:
        """All rules of the flights project, over all its tables."""
        if self._only and "flights" not in self._only:
            return
        tables = make_tables(self.folder, make_sources(self.folder, years), years)
        self._cell("flights", "vertebra", 336_776 * years, tables)

    def _against_engine(self, cases: Iterable[Case], rows: int) -> None:
        file = make_table(self.folder, rows)
        for case in self._chosen(cases):
            self._cell(case.name, "sort", rows, file)
            if case.keys:
                self._cell(case.name, "group", rows, file)
            self._cell(case.name, "vertebra", rows, file, about=record(case))

    def _spark(self, cases: Sequence[Case], rows: int, file: Path, limit: float) -> None:
        """A server for each cell, as one whose query ran out of time goes on with it."""
        sys.path.insert(0, str(ROOT / "tests"))
        from spark_server import SparkServer, unavailable

        reason = unavailable()
        if reason:
            self._say(f"skipped Apache Spark: {reason}")
            return
        for number, case in enumerate(cases):
            logs = self.folder / f"spark-{rows}-{number}"
            logs.mkdir(exist_ok=True)
            with SparkServer(logs, memory="8g", settings={}) as address:
                servers = {process.pid for process in psutil.Process().children(recursive=True)}
                self._cell(case.name, "spark", rows, file, "--server", address, also=servers, limit=limit)

    def _chosen(self, cases: Iterable[Case]) -> list[Case]:
        return [case for case in cases if not self._only or case.name in self._only]

    def _cell(
        self, case: str, tool: str, rows: int, table: Path, *extra: str, also: Iterable[int] = (),
        about: Mapping[str, object] | None = None, limit: float | None = None,
    ) -> None:  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.denial.cell", tool, case, str(table), *extra]
        try:
            cost = measure(command, ROOT, also=also, limit=limit or self.limit)
        except subprocess.TimeoutExpired:
            cell = Cell(case, tool, rows, None, None, {}, about or {})
        else:
            found = json.loads(cost.output.splitlines()[-1])
            cell = Cell(case, tool, rows, round(found.pop("seconds"), 3), round(cost.peak_mb), found, about or {})
        self.cells.append(cell)
        took = (
            f"{cell.seconds:.2f} s, {cell.peak_mb:,.0f} MB"
            if cell.seconds is not None
            else f"> {limit or self.limit:.0f} s"
        )
        self._say(f"{case}, {tool}, {rows:,} rows: {took}")
