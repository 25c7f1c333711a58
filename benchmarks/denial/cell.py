"""One cell of the table, in a process of its own: a case, a tool, a number of rows. Prints a line of JSON.

The clock starts when the engine is up and the table is open, so a cell's seconds are those of the work itself.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow.parquet as pq

from benchmarks.denial.workload import CLASSES, COLUMNS, HARD, Case

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine import Engine

MEMORY = "6g"

Work = TypeVar("Work")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.denial.cell", description=__doc__)
    parser.add_argument("tool", choices=sorted(TOOLS))
    parser.add_argument("case", help="name of a case, or `flights`")
    parser.add_argument("table", type=Path, help="the made table, or the folder of the flights project's tables")
    parser.add_argument("--server", help="sc:// address, for the self-join on Apache Spark")
    arguments = parser.parse_args()
    if arguments.case == "flights":
        print(json.dumps(flights(arguments.table)))
        return
    case = next(case for case in (*CLASSES, *HARD) if case.name == arguments.case)
    print(json.dumps(TOOLS[arguments.tool](case, arguments.table, arguments.server)))


def vertebra(case: Case, file: Path, _: str | None) -> dict[str, object]:
    """Detection: violating tuples with partners, written as Parquet, and all counts."""
    from vertebra.declare.rules import NamedRule
    from vertebra.denial import parse, parse_between
    from vertebra.trusted.detect import detect

    engine, table = _opened(file)
    both = {"r": COLUMNS, "o": COLUMNS}
    read = [parse_between("r t, o p", text, both) if case.between else parse(text, "r", COLUMNS) for text in case.deny]
    rules = [NamedRule(f"r{i}", "deny", constraint) for i, constraint in enumerate(read)]
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        seconds, found = _timed(lambda: detect("r", {"r": table, "o": table}, rules, engine, Path(scratch)))
    tuples = sum(count.violating_tuples for count in found.counts)
    pairs = sum(count.violating_pairs or 0 for count in found.counts)
    return {"seconds": seconds, "tuples": tuples, "pairs": pairs}


def sort(case: Case, file: Path, _: str | None) -> dict[str, object]:
    """A sort of the case's columns: numbering the sorted rows makes the engine sort them all, and writes nothing."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    _engine, table = _opened(file)
    numbered = table.select(F.row_number().over(Window.orderBy(*case.columns)).alias("n"), *case.columns)
    last = [F.max(column).alias(column) for column in ("n", *case.columns)]
    seconds, _rows = _timed(lambda: numbered.agg(*last).collect())
    return {"seconds": seconds}


def group(case: Case, file: Path, _: str | None) -> dict[str, object]:
    """A group-by of the case's keys, and a scan of its columns."""
    from pyspark.sql import functions as F

    _engine, table = _opened(file)
    keys, rest = case.columns[: case.keys], case.columns
    groups = table.groupBy(*keys).agg(F.count("*").alias("n")).agg(F.max("n").alias("n"), F.count("n").alias("groups"))
    # hashed, for the greatest value of a column is in the statistics of the file
    scan = table.agg(*[F.max(F.xxhash64(column)).alias(column) for column in rest])
    seconds, _rows = _timed(lambda: (groups.collect(), scan.collect()))
    return {"seconds": seconds}


def duckdb_join(case: Case, file: Path, _: str | None) -> dict[str, object]:
    """The self-join in DuckDB, which has a join for two inequalities; it only counts the pairs."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}B'; SET temp_directory = '{file.parent / 'spill'}'")
        connection.execute(f"CREATE VIEW r AS SELECT * FROM '{file}'")
        asked = f"SELECT count(*) FROM r t, r s WHERE {case.predicate} AND t._rid <> s._rid"
        seconds, rows = _timed(lambda: connection.execute(asked).fetchall())
    return {"seconds": seconds, "ordered_pairs": rows[0][0]}


def spark_join(case: Case, file: Path, server: str | None) -> dict[str, object]:
    """The self-join on Apache Spark; it only counts the pairs."""
    from vertebra.engine import ConnectEngine

    engine = ConnectEngine(server or "")
    table = engine.read_parquet([file], pq.read_schema(file))
    table.limit(1).collect()
    table.createOrReplaceTempView("r")
    asked = f"SELECT count(*) AS n FROM r t, r s WHERE {case.predicate} AND t._rid <> s._rid"
    seconds, rows = _timed(lambda: engine.session.sql(asked).collect())
    return {"seconds": seconds, "ordered_pairs": rows[0]["n"]}


def flights(folder: Path) -> dict[str, object]:
    """All rules of all tables of the flights project."""
    from benchmarks.data import PROJECT
    from vertebra.declare.load import load_project
    from vertebra.declare.rules import rules_of
    from vertebra.engine import SailEngine
    from vertebra.trusted.detect import detect

    datasets = load_project(PROJECT).datasets
    engine = SailEngine(memory=MEMORY)
    frames = {file.stem: engine.read_parquet([file], pq.read_schema(file)) for file in folder.glob("*.parquet")}
    frames["airlines"].limit(1).collect()
    tables: dict[str, float] = {}
    checked = 0
    for name, dataset in datasets.items():
        rules = rules_of(dataset, datasets)
        checked += len(rules)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            work = partial(detect, name, frames, rules, engine, Path(scratch))
            tables[name], _ = _timed(work)
    return {"seconds": sum(tables.values()), "tables": tables, "rules": checked}


def _opened(file: Path) -> tuple[Engine, DataFrame]:
    from vertebra.engine import SailEngine

    engine = SailEngine(memory=MEMORY)
    table = engine.read_parquet([file], pq.read_schema(file))
    table.limit(1).collect()
    return engine, table


def _timed(work: Callable[[], Work]) -> tuple[float, Work]:
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done


TOOLS = {"vertebra": vertebra, "sort": sort, "group": group, "duckdb": duckdb_join, "spark": spark_join}

if __name__ == "__main__":
    main()
