"""Two years of flights, month by month from a server, killed twice on the way: ``python -m benchmarks.backfill``.

The 24 months come as BTS publishes them, a zip archive each, 673,552 records. The collection is killed (SIGKILL) after
the seventh and the fifteenth month and started again; the steps below run; then every table is compared, row by row,
with those of a project that has the same records in one file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

import vertebra

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from portals.stand_in import standing_in  # noqa: E402
from portals.two_years import monthly_project, months, portal, whole_project  # noqa: E402

TABLES = ("formatted.flights", "trusted.flights", "exploitation.by_month")
FILLING = ("collect", "flights", "--from", "2013-01", "--to", "2014-12")


def main() -> None:
    content = months()
    with tempfile.TemporaryDirectory() as temporary, standing_in(portal(content)) as server:
        folder = monthly_project(Path(temporary) / "monthly", server.url)
        for month in (7, 15):
            seconds = killed_after(folder, month)
            print(f"killed after month {month}: {seconds:.1f} s, {len(landed(folder))} months landed")
        print(f"resumed and ended: {timed(folder, *FILLING):.1f} s, {len(landed(folder))} months landed")
        assert len(landed(folder)) == 24, landed(folder)
        assert len({one.path for one in server.asked}) == 24
        print(f"requests: {len(server.asked)} for 24 months")
        print(f"steps below: {timed(folder, 'run', '--exclude', 'zone:landing'):.1f} s")
        whole = whole_project(Path(temporary) / "whole", content)
        print(f"the same records at once: {timed(whole, 'run'):.1f} s")
        different = {table: differing(folder, whole, table) for table in TABLES}
        print(f"rows that differ: {different}")
        assert not any(different.values())


def command(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "vertebra", *arguments], cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip


def landed(folder: Path) -> list[str]:
    return sorted(receipt.parent.name for receipt in folder.glob("lake/landing/bts/flights/0*/receipt.json"))


def killed_after(folder: Path, month: int) -> float:
    """Collect until so many months are landed, and kill."""
    began = time.perf_counter()
    process = command(folder, *FILLING)
    while len(landed(folder)) < month:
        assert process.poll() is None, "the collection ended before"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return time.perf_counter() - began


def timed(folder: Path, *arguments: str) -> float:
    began = time.perf_counter()
    assert command(folder, *arguments).wait() == 0
    return time.perf_counter() - began


def differing(one: Path, other: Path, table: str) -> int:
    """Rows that only one of two tables has, row ids aside."""
    with vertebra.open(one) as first, vertebra.open(other) as second, duckdb.connect() as database:
        left, right = (project.table(table).arrow() for project in (first, second))
        names = [name for name in left.column_names if not name.startswith("_")]
        database.register("l", left.select(names))
        database.register("r", right.select(names))
        query = "select count(*) from ((from l except all from r) union all (from r except all from l))"
        [(count,)] = database.execute(query).fetchall()
    return int(count)


if __name__ == "__main__":
    main()
