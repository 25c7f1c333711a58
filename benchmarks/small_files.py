"""Many small files to a formatted table, against reading them with pandas: ``python -m benchmarks.small_files``.

Each runs in a process of its own, in turn, and the best of the tries counts. Vertebra lands each file as a batch of its
own, durable and with a receipt, formats all of them, and keeps one row per key; then it runs again with nothing new.
pandas reads the files with the times parsed, joins them and drops rows with equal keys.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measure import measure
from benchmarks.record import record

ROOT = Path(__file__).resolve().parents[1]
MOST = 4.0
"""Vertebra takes no more than this many times the processor time of pandas."""

FILES = 1000
"""For fewer files, starting the engine takes a large part of the time."""

_COLUMNS = "id,station,at,temperature,humidity,wind,pressure,note"
_DATASET = """\
source: stations
collect: {from: files, path: "data/*.csv"}
parse: {format: csv}
load: upsert
key: [id]
columns:
  {id: bigint, station: string, at: timestamp, temperature: double, humidity: double, wind: double, pressure: double,
  note: string}
"""


@dataclass(frozen=True)
class Outcome:
    """What was measured of a number of files; seconds of the processor, user and system, without starting Python.

    Attributes:
        land, form, again: collecting, formatting, and a run of both with nothing new.
        pandas: the same with pandas.
        wall, pandas_wall: seconds on the clock, of landing and formatting and of pandas.
    """

    files: int
    megabytes: float
    records: int
    land: float
    form: float
    again: float
    pandas: float
    wall: float
    pandas_wall: float

    @property
    def ratio(self) -> float:
        """Of landing and formatting to pandas."""
        return (self.land + self.form) / self.pandas


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small_files", description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[128, 1000], help="numbers of files")
    parser.add_argument("--records", type=int, default=2000, help="records of a file (default: 2000, 130 KB)")
    parser.add_argument("--tries", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        what, folder = arguments.child
        print(json.dumps(_vertebra(Path(folder)) if what == "vertebra" else _pandas(Path(folder))))
        return
    outcomes = []
    for files in arguments.files:
        with tempfile.TemporaryDirectory() as temporary:
            outcomes.append(_measured(files, arguments.records, Path(temporary), arguments.tries))
    results = [asdict(one) for one in outcomes]
    record("small_files", "Many small files, measured", "python -m benchmarks.small_files", _page(outcomes), results)
    if any(one.ratio > MOST for one in outcomes if one.files >= FILES):
        sys.exit(f"landing and formatting small files takes more than {MOST} times pandas")


def _page(outcomes: list[Outcome]) -> str:
    lines = ["Seconds of the processor, user and system:", ""]
    lines += [
        "| files | MB | records | land | format | pandas | ratio | run with nothing new | on the clock | pandas |"
    ]
    lines += [f"|{'--:|' * 10}"]
    lines += [
        f"| {one.files:,} | {one.megabytes:,.1f} | {one.records:,} | {one.land:.1f} | {one.form:.1f} | {one.pandas:.1f} "
        f"| {one.ratio:.1f} | {one.again:.2f} | {one.wall:.1f} | {one.pandas_wall:.1f} |"
        for one in outcomes
    ]
    return "\n".join(lines)


def _measured(files: int, records: int, folder: Path, tries: int) -> Outcome:
    (folder / "datasets").mkdir()
    (folder / "vertebra.yaml").write_text("name: small\n")
    (folder / "datasets" / "measurements.yaml").write_text(_DATASET)
    _write(folder / "data", files, records)
    size = sum(file.stat().st_size for file in (folder / "data").iterdir())
    ours, theirs = [], []
    for _ in range(tries):
        ours.append(_run("vertebra", folder))
        theirs.append(_run("pandas", folder))
    best = min(ours, key=lambda one: one["land"] + one["form"])
    return Outcome(
        files,
        size / 1e6,
        files * records,
        best["land"],
        best["form"],
        min(one["again"] for one in ours),
        min(one["pandas"] for one in theirs),
        min(one["wall"] for one in ours),
        min(one["wall"] for one in theirs),
    )


def _write(folder: Path, files: int, records: int) -> None:
    folder.mkdir()
    chance, number = random.Random(1), 0
    for file in range(files):
        lines = [_COLUMNS]
        for row in range(records):
            at = f"2024-{1 + file % 12:02d}-{1 + row % 28:02d}T{row % 24:02d}:{row % 60:02d}:00Z"
            figures = f"{chance.uniform(-10, 35):.2f},{chance.uniform(10, 100):.1f},{chance.uniform(0, 20):.2f}"
            lines.append(f"{number},S{chance.randint(1, 60)},{at},{figures},{chance.uniform(980, 1040):.1f},ok")
            number += 1
        (folder / f"part-{file:05d}.csv").write_text("\n".join(lines) + "\n")


def _run(what: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.small_files", "--child", what, str(folder)]
    found: dict[str, float] = json.loads(measure(command, ROOT, dict(os.environ)).output)
    return found


def _vertebra(folder: Path) -> dict[str, float]:
    import shutil

    import vertebra

    shutil.rmtree(folder / "lake", ignore_errors=True)
    took: dict[str, float] = {}
    clock = time.perf_counter()
    with vertebra.open(folder) as project:
        for name, select in (
            ("land", "landing.measurements"),
            ("form", "formatted.measurements"),
            ("again", "landing.measurements formatted.measurements"),
        ):
            before = _processor()
            report = project.run(select.split())
            assert report.ok, report
            took[name] = _processor() - before
            if name == "form":
                took["wall"] = time.perf_counter() - clock
    return took


def _pandas(folder: Path) -> dict[str, float]:
    import pandas as pd

    clock, before = time.perf_counter(), _processor()
    files = sorted((folder / "data").glob("*.csv"))
    table = pd.concat([pd.read_csv(file, parse_dates=["at"]) for file in files])
    table.drop_duplicates("id", keep="last")
    return {"pandas": _processor() - before, "wall": time.perf_counter() - clock}


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
