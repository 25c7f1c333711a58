"""`python -m benchmarks.consecutive`: a rule about consecutive tuples against DuckDB's `lag` over the same file.

Detection writes the violating tuples with partners, and counts tuples, pairs and bounds of g3; `lag`, and a sort by the
same engine, only count.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.record import RESULTS, record

COLUMNS = {"device": "string", "read_at": "timestamp", "counter": "double"}
RULE = "next(t) s by device order by read_at: s.counter > t.counter + 50"
LAG = """
SELECT count(*) FROM (
    SELECT counter - lag(counter) OVER (PARTITION BY device ORDER BY read_at) AS step FROM '{file}'
) WHERE step > 50
"""


def make(file: Path, rows: int) -> None:
    """Hourly counters of devices, one in 5,000 of which falls and comes back; in random order."""
    devices = max(1, rows // 18_000)
    duckdb.sql(
        f"""
        COPY (
          SELECT row_number() OVER () AS _rid, 'd' || i % {devices} AS device,
            timestamptz '2016-01-01 00:00Z' + interval (i // {devices}) hour AS read_at,
            (i // {devices}) * 3.0 + hash(i) % 7 - CASE WHEN hash(i * 31) % 5000 = 0 THEN 80 ELSE 0 END AS counter
          FROM range({rows}) AS r(i) ORDER BY hash(i * 7)
        ) TO '{file}' (FORMAT parquet)
        """
    )


def measured(file: Path, times: int) -> dict[str, float]:
    """The median seconds of each, alternating."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    from vertebra.declare.rules import NamedRule
    from vertebra.denial import parse
    from vertebra.engine import SailEngine
    from vertebra.trusted.detect import detect

    engine = SailEngine(memory="6g")
    table = engine.read_parquet([file], pq.read_schema(file))
    rules = [NamedRule("jump", "deny", parse(RULE, "r", COLUMNS))]
    numbered = table.select(F.row_number().over(Window.orderBy("device", "read_at")).alias("n"), *COLUMNS)
    found: dict[str, int] = {}

    def vertebra() -> None:
        with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
            (count,) = detect("r", {"r": table}, rules, engine, Path(scratch)).counts
        found["vertebra"] = count.violating_pairs or 0

    def lag() -> None:
        found["lag"] = duckdb.sql(LAG.format(file=file)).fetchall()[0][0]

    def sort() -> None:
        numbered.agg(*[F.max(name) for name in ("n", *COLUMNS)]).collect()

    tools: dict[str, Callable[[], None]] = {"vertebra": vertebra, "lag": lag, "sort": sort}
    seconds: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(times + 1):
        for name, work in tools.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    assert found["vertebra"] == found["lag"], found
    return {name: round(statistics.median(taken[1:]), 3) for name, taken in seconds.items()} | {"pairs": found["lag"]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.consecutive", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[221_000, 1_000_000, 10_000_000])
    parser.add_argument("--times", type=int, default=5, help="repetitions, after one that does not count (default: 5)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of consecutive.json and consecutive.md")
    arguments = parser.parse_args()
    lines = [
        "| rows | violating pairs | seconds | DuckDB's lag | ratio | sort by the same engine | ratio |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in arguments.rows:
            file = Path(folder) / f"{rows}.parquet"
            make(file, rows)
            own = measured(file, arguments.times)
            results.append({"rows": rows, **own})
            lines.append(
                f"| {rows:,} | {own['pairs']:,} | {own['vertebra']:.2f} | {own['lag']:.2f} "
                f"| {own['vertebra'] / own['lag']:.1f} | {own['sort']:.2f} | {own['vertebra'] / own['sort']:.1f} |"
            )
    page = f"The rule is `{RULE}`.\n\n" + "\n".join(lines)
    record(
        "consecutive", "Rules about consecutive tuples, measured", "python -m benchmarks.consecutive", page, results,
        arguments.results,
    )  # fmt: skip


if __name__ == "__main__":
    main()
