"""`python -m benchmarks.denial`: every class of rule, measured in one run; writes `benchmarks/results/denial.*`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.denial.bench import Bench
from benchmarks.denial.report import as_markdown
from benchmarks.record import RESULTS, record


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.denial", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000, 30_000_000],
                        help="rows of the made table (default: 1, 10 and 30 million)")  # fmt: skip
    parser.add_argument("--peer-rows", type=int, nargs="*", default=[100_000, 1_000_000],
                        help="rows at which the self-joins run too (default: 100,000 and 1,000,000)")  # fmt: skip
    parser.add_argument("--years", type=int, default=30, help="years of flights for the flights project; 0 for none")
    parser.add_argument("--limit", type=float, default=300, help="seconds a cell may take (default: 300)")
    parser.add_argument("--peer-limit", type=float, default=300, help="seconds a self-join may take (default: 300)")
    parser.add_argument("--no-spark", action="store_true", help="no self-join on Apache Spark")
    parser.add_argument("--only", nargs="*", help="names of the cases to run (default: all)")
    parser.add_argument("--folder", type=Path, help="where to put the data; kept (default: a temporary folder)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of denial.json and denial.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, arguments.limit, arguments.only, _say)
        for rows in sorted({*arguments.rows, *arguments.peer_rows}):
            bench.classes(rows)
        for rows in arguments.peer_rows:
            bench.peers(rows, arguments.peer_limit, spark=not arguments.no_spark)
        bench.hard(sorted(arguments.rows)[:2])
        if arguments.years:
            bench.flights(arguments.years)
    record(
        "denial",
        "Denial constraints, measured",
        "python -m benchmarks.denial",
        as_markdown(bench.cells),
        [cell.record() for cell in bench.cells],
        arguments.results,
        limit_seconds=bench.limit,
        peer_limit_seconds=arguments.peer_limit,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
