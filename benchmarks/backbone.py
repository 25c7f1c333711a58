"""The backbone, end to end, against a pandas notebook, hand-written DuckDB SQL and the same project on Apache Spark."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.data import make_project, make_sources
from benchmarks.measure import Measurement, measure
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
ENGINEERING = ("--exclude", "zone:analysis")
CLEAN_AND_INTEGRATE = ("--select", "zone:trusted zone:exploitation", "--full-refresh")


@dataclass(frozen=True)
class Result:
    """One measured job: what was run, at how many years of flights, and what it cost; no memory for a part of a run."""

    job: str
    tool: str
    scale: int
    seconds: float
    peak_mb: float | None


class Backbone:
    """Measures every job in one run, in a folder of its own."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say
        self.results: list[Result] = []

    def whole_job(self) -> None:
        """From raw files to chosen models, at the real size: `make run` and the notebook."""
        sources = make_sources(self._folder, 1)
        project = make_project(self._folder, sources)
        self._vertebra("raw files to chosen models", 1, project)
        self._vertebra("nothing to do", 1, project)
        self._peer("raw files to chosen models", "pandas, scikit-learn, LightGBM", 1, "pandas_notebook.py", sources)

    def engineering(self, scale: int) -> None:
        """Collect to exploitation: Vertebra, pandas, and DuckDB for the part from formatted on and for one view."""
        sources = make_sources(self._folder, scale)
        project = make_project(self._folder, sources)
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        self._vertebra("collect to exploitation", scale, project, *ENGINEERING)
        self._same_sql("departures", scale, project, out)
        self._peer("formatted to exploitation", "DuckDB SQL", scale, "duckdb_engineering.py", project / "lake", out)
        self._vertebra("formatted to exploitation", scale, project, *CLEAN_AND_INTEGRATE)
        shutil.rmtree(project)
        self._peer("collect to exploitation", "pandas", scale, "pandas_engineering.py", sources, out)

    def apache_spark(self, scale: int) -> None:
        """The same project on Apache Spark, local[2]; the server's start is not counted, its memory is."""
        sys.path.insert(0, str(ROOT / "tests"))
        from spark_server import SparkServer, unavailable

        reason = unavailable()
        if reason:
            self._say(f"skipped Apache Spark: {reason}")
            return
        sources = make_sources(self._folder, scale)
        project = make_project(self._folder, sources)
        logs = self._folder / "spark"
        logs.mkdir(exist_ok=True)
        with SparkServer(logs, memory="8g", settings={}) as address:
            extra = ("--engine", address, *ENGINEERING)
            before = {process.pid for process in psutil.Process().children(recursive=True)}
            cost = measure(self._command(project, extra), ROOT, also=before)
            self._note("collect to exploitation", "Vertebra on Apache Spark", scale, cost)
        shutil.rmtree(project)

    def _same_sql(self, view: str, scale: int, project: Path, out: Path) -> None:
        """One SQL view on DuckDB beside the step of Vertebra's run, both without the start of a process."""
        step = f"exploitation.{view}"
        rows = Ledgers(Lake(project / "lake")).read("runs", ["run_id", "step", "seconds"]).to_pylist()
        last = max((row for row in rows if row["step"] == step), key=lambda row: row["run_id"])
        self._record(Result(step, "Vertebra", scale, round(last["seconds"], 2), None))
        command = [sys.executable, str(PEERS / "duckdb_views.py"), str(project), view, str(out)]
        cost = measure(command, ROOT)
        found = re.search(r"^seconds (\S+)$", cost.output, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"{' '.join(command)} printed no seconds:\n{cost.output}")
        self._record(Result(step, "DuckDB, the same SQL", scale, round(float(found[1]), 2), None))

    def _vertebra(self, job: str, scale: int, project: Path, *extra: str) -> None:
        self._note(job, "Vertebra", scale, measure(self._command(project, extra), ROOT))

    def _command(self, project: Path, extra: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "vertebra", "run", "--project", str(project), *extra]

    def _peer(self, job: str, tool: str, scale: int, script: str, *arguments: Path) -> None:
        command = [sys.executable, str(PEERS / script), *map(str, arguments)]
        cost = measure(command, ROOT, os.environ | {"PYTHONHASHSEED": "0"})
        self._note(job, tool, scale, cost)
        for line in cost.output.splitlines():
            if re.search(r"AUC|departures", line):
                self._say(f"    {line}")

    def _note(self, job: str, tool: str, scale: int, cost: Measurement) -> None:
        self._record(Result(job, tool, scale, round(cost.seconds, 2), round(cost.peak_mb)))

    def _record(self, result: Result) -> None:
        self.results.append(result)
        memory = "" if result.peak_mb is None else f", {result.peak_mb:,.0f} MB"
        self._say(f"{result.job}, {result.tool}, {result.scale}×: {result.seconds:.1f} s{memory}")


def as_markdown(results: Sequence[Result]) -> str:
    """The results as a table; a ratio is a tool's seconds over Vertebra's for the same job and scale."""
    ours = {(r.job, r.scale): r for r in results if r.tool == "Vertebra"}
    lines = [
        "| job | flights | tool | seconds | ratio to Vertebra | peak memory, MB | ratio |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for result in sorted(results, key=lambda r: (r.scale, r.job, r.tool != "Vertebra", r.tool)):
        base = ours.get((result.job, result.scale))
        time = f"{result.seconds / base.seconds:.2f}" if base else ""
        memory = f"{result.peak_mb / base.peak_mb:.2f}" if base and base.peak_mb and result.peak_mb else ""
        peak = "" if result.peak_mb is None else f"{result.peak_mb:,.0f}"
        lines.append(
            f"| {result.job} | {336_776 * result.scale:,} | {result.tool} | {result.seconds:.1f} | {time} "
            f"| {peak} | {memory} |"
        )
    return "\n".join(lines)


def growth(results: Sequence[Result]) -> str:
    """How the cost of collect to exploitation grows, per tool: seconds per million flights at each scale."""
    lines = ["| tool | " + "flights | seconds per million | MB per million |", "|---|--:|--:|--:|"]
    for result in sorted(results, key=lambda r: (r.tool, r.scale)):
        if result.job == "collect to exploitation" and result.peak_mb is not None:
            millions = 0.336776 * result.scale
            lines.append(
                f"| {result.tool} | {336_776 * result.scale:,} | {result.seconds / millions:.1f} "
                f"| {result.peak_mb / millions:,.0f} |"
            )
    return "\n".join(lines)


def as_records(results: Sequence[Result]) -> list[dict[str, object]]:
    """The results for the JSON file."""
    return [asdict(result) for result in results]
