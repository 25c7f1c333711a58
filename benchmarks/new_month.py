"""What one new month of flights costs, against a run of all months: ``python -m benchmarks.new_month``.

Two lakes of the flights project, whose flights come as a file per month. One gets every month at once; the other gets
all but the last, and then the last. Both are run to the exploitation zone; at one year the first is run in full too, to
the chosen models. Processor time is that of all processes.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import yaml

from benchmarks.data import make_project, make_sources
from benchmarks.measure import measure
from benchmarks.record import record

MOST = 0.25
"""Of the wall-clock time of the full run of all months."""

_STEPS = """
select step, seconds from governance.runs
where run_id = (select max(run_id) from governance.runs) and state = 'ok' and step <> 'run' order by seconds desc
"""


_TABLES = """
select count(*) as n, sum(hash(columns(* exclude (_rid)))) from exploitation.departures
"""
"""Rows of a table, and the sum of the hashes of each column's values, which no order of the rows changes."""


@dataclass(frozen=True)
class Cost:
    """Wall-clock and processor seconds of a run, and wall-clock seconds of each step that ran."""

    wall: float
    cpu: float
    steps: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.new_month", description=__doc__)
    parser.add_argument("--years", type=int, nargs="+", default=[1, 10], help="years of flights (default: 1 and 10)")
    parser.add_argument("--folder", type=Path, help="where to put the data; kept (default: a temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        measured = {years: both(*prepared(folder, years)) for years in arguments.years}
        full = full_run(prepared(folder, 1)) if 1 in arguments.years else None
    pages = [f"## {years * 336_776:,} flights\n\n{report(*costs)}" for years, costs in measured.items()]
    results = [
        {"flights": years * 336_776, "all_months": asdict(whole), "new_month": asdict(new)}
        for years, (whole, new) in measured.items()
    ]
    if full is not None:
        new = measured[1][1]
        pages.append(
            f"## Against the full run of 336,776 flights, models included\n\nFull run {full.wall:.1f} s, one new month to"
            f" the exploitation zone {new.wall:.1f} s: {new.wall / full.wall:.0%}."
        )
        results.append({"flights": 336_776, "full_run": asdict(full)})
    record("new_month", "One new month, measured", "python -m benchmarks.new_month", "\n\n".join(pages), results)
    if full is not None and measured[1][1].wall > MOST * full.wall:
        sys.exit(f"a new month takes more than {MOST:.0%} of the full run")


def prepared(folder: Path, years: int) -> tuple[Path, list[Path]]:
    """The project, and the files of its months, oldest first."""
    sources = make_sources(folder, years)
    months = folder / f"months-{years}"
    if not months.is_dir():
        making = folder / "making-months"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        with duckdb.connect() as database:
            database.execute(f"CREATE TABLE flights AS FROM read_csv('{sources / 'flights.csv'}', all_varchar = true)")
            for year in range(2013, 2013 + years):
                for month in range(1, 13):
                    database.execute(
                        f"COPY (SELECT * FROM flights WHERE year = '{year}' AND month = '{month}') "
                        f"TO '{making / f'{year}-{month:02d}.csv'}' (HEADER)"
                    )
        making.rename(months)
    project = make_project(folder, sources)
    (project / "drop").mkdir()
    declared = project / "datasets" / "flights.yaml"
    about = yaml.safe_load(declared.read_text("utf-8"))
    about["collect"] = {"from": "files", "path": "drop/*.csv"}
    declared.write_text(yaml.safe_dump(about, sort_keys=False), "utf-8")
    return project, sorted(months.iterdir())


def both(project: Path, monthly: list[Path]) -> tuple[Cost, Cost]:
    """The cost of all months at once, and of the last one after the others."""
    for file in monthly:
        shutil.copy(file, project / "drop")
    whole = run(project)
    rows = count(project)
    shutil.rmtree(project / "lake")
    (project / "drop" / monthly[-1].name).unlink()
    run(project)
    shutil.copy(monthly[-1], project / "drop")
    new = run(project)
    assert count(project) == rows, "the two lakes differ"
    return whole, new


def full_run(made: tuple[Path, list[Path]]) -> Cost:
    """The cost of a full run of all months, from nothing to the chosen models."""
    project, monthly = made
    for file in monthly:
        shutil.copy(file, project / "drop")
    return run(project, "--full-refresh")


def run(project: Path, *how: str) -> Cost:
    """Run, by default to the exploitation zone."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "vertebra", "run", "--project", str(project)]
    wall = measure([*command, *(how or ("--exclude", "zone:analysis"))], project).seconds
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, {row["step"]: row["seconds"] for row in asked(project, _STEPS)})


def count(project: Path) -> list[dict[str, int]]:
    """What both lakes have in common when they are equal."""
    return asked(project, _TABLES)


def asked(project: Path, query: str) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "vertebra", "sql", query, "--format", "json", "--project", str(project)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def report(whole: Cost, new: Cost) -> str:
    """The two runs side by side, the steps of the second by their cost."""
    lines = ["| | all months | one new month | share |", "|---|--:|--:|--:|"]
    lines += [
        f"| wall clock, s | {whole.wall:.1f} | {new.wall:.1f} | {new.wall / whole.wall:.0%} |",
        f"| processor, s | {whole.cpu:.1f} | {new.cpu:.1f} | {new.cpu / whole.cpu:.0%} |",
    ]
    for step, seconds in new.steps.items():
        before = whole.steps.get(step)
        share = f"{seconds / before:.0%}" if before else ""
        lines.append(f"| {step}, s | {before or 0:.2f} | {seconds:.2f} | {share} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
