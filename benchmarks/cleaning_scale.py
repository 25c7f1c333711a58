"""Repairing eight dependencies against detecting their violations: ``python -m benchmarks.cleaning_scale``.

A table of hospitals is made with about one wrong or empty cell in a hundred. Two projects read the same file: one
reports the violations, one repairs them and fills empty cells. Each runs in a process of its own; what is compared is
the trusted step, which detects violations before and after the repair and writes the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measure import measure
from benchmarks.record import record

ROOT = Path(__file__).resolve().parents[1]
MOST = 5.0
"""Repair takes no more than this many times the seconds of detection."""

_DEPENDENCIES = (
    "ccn -> name", "ccn -> city", "ccn -> state", "ccn -> zip", "ccn -> county", "zip -> city", "zip -> state",
    "measure -> title",
)  # fmt: skip
_COLUMNS = ("ccn", "name", "city", "state", "zip", "county", "measure", "title", "score")
_WRONG = """
CREATE MACRO wrong(name, value, row) AS CASE
    WHEN hash(row::VARCHAR || name) % 100 > 0 THEN value
    WHEN hash(row::VARCHAR || name || 'kind') % 3 = 0 THEN 'x' || value
    WHEN hash(row::VARCHAR || name || 'kind') % 3 = 1 THEN NULL
    ELSE regexp_replace(value, '[0-9]+$', (hash(row) % 1000)::VARCHAR) END
"""


@dataclass(frozen=True)
class Outcome:
    """Seconds of the trusted step and megabytes of the whole run, and how many cells were repaired."""

    rows: int
    detect: float
    repair: float
    detect_mb: float
    repair_mb: float
    cells: int

    @property
    def ratio(self) -> float:
        """Of the repair to the detection."""
        return self.repair / self.detect


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cleaning_scale", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000], help="sizes of the table")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_run(arguments.child)))
        return
    found = [_measured(rows) for rows in arguments.rows]
    record(
        "cleaning_scale",
        "Repair of dependencies, against detection",
        "python -m benchmarks.cleaning_scale",
        as_markdown(found),
        [asdict(one) for one in found],
    )


def as_markdown(found: list[Outcome]) -> str:
    """The page: one row for each size."""
    lines = [
        f"Eight dependencies, one cell in a hundred wrong or empty. The goal is at most {MOST:.0f} times.\n",
        "| rows | detection s | repair s | times | repaired cells | detection MB | repair MB |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {one.rows:,} | {one.detect:.1f} | {one.repair:.1f} | {one.ratio:.1f} | {one.cells:,} "
        f"| {one.detect_mb:,.0f} | {one.repair_mb:,.0f} |"
        for one in found
    ]
    return "\n".join(lines)


def _measured(rows: int) -> Outcome:
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "visits.parquet"
        _make(rows, data)
        results = {}
        for how in ("report", "repair"):
            folder = Path(temporary) / how
            _project(folder, data, how)
            command = [sys.executable, "-m", "benchmarks.cleaning_scale", "--child", str(folder)]
            done = measure(command, ROOT)
            results[how] = (json.loads(done.output.splitlines()[-1]), done.peak_mb)
    (detect, detect_mb), (repair, repair_mb) = results["report"], results["repair"]
    return Outcome(rows, detect["seconds"], repair["seconds"], detect_mb, repair_mb, repair["cells"])


def _make(rows: int, file: Path) -> None:
    import duckdb

    hospitals, zips = rows // 20, max(20, rows // 500)
    cities, counties = max(10, rows // 1000), max(10, rows // 2000)
    with duckdb.connect() as connection:
        connection.sql(_WRONG)
        connection.sql(
            f"""
            COPY (
                WITH visits AS (
                    SELECT range AS id, hash(range) % {hospitals} AS ccn, hash(range + 99) % 200 AS measure
                    FROM range({rows})
                ), places AS (SELECT *, hash(ccn + 7) % {zips} AS zip FROM visits)
                SELECT 'C' || ccn AS ccn, wrong('name', 'name ' || ccn, id) AS name,
                    wrong('city', 'city' || zip % {cities}, id) AS city, wrong('state', 'st' || zip % 50, id) AS state,
                    wrong('zip', '1' || zip, id) AS zip, wrong('county', 'county' || zip % {counties}, id) AS county,
                    'M' || measure AS measure, wrong('title', 'measure no ' || measure, id) AS title,
                    (hash(id + 5) % 100)::VARCHAR AS score
                FROM places ORDER BY id
            ) TO '{file}' (FORMAT parquet)
            """
        )


def _project(folder: Path, data: Path, how: str) -> None:
    import yaml

    (folder / "datasets").mkdir(parents=True)
    (folder / "drop").mkdir()
    os.link(data, folder / "drop" / data.name)
    fills = {"fill": True} if how == "repair" else {}
    rules = {
        f"rule{number}": {"determines": written, "on_violation": how, **fills}
        for number, written in enumerate(_DEPENDENCIES)
    }
    dataset = {
        "source": "hospitals",
        "collect": {"from": "files", "path": "drop/*.parquet"},
        "parse": {"format": "parquet"},
        "load": "snapshot",
        "columns": dict.fromkeys(_COLUMNS, "string"),
        "rules": rules,
    }
    (folder / "datasets" / "visits.yaml").write_text(yaml.safe_dump(dataset, sort_keys=False), "utf-8")
    (folder / "vertebra.yaml").write_text("name: hospitals\n", "utf-8")


def _run(folder: Path) -> dict[str, float]:
    import vertebra

    with vertebra.open(folder) as project:
        report = project.run()
        if not report.ok:
            raise RuntimeError([step.error for step in report.results])
        [trusted] = [step for step in report.results if step.step == "trusted.visits"]
        repairs = "governance.repairs"
        cells = project.table(repairs).arrow().num_rows if repairs in project.tables() else 0
    return {"seconds": trusted.seconds, "cells": cells}


if __name__ == "__main__":
    main()
