"""A SQL view of the flights project on DuckDB: the same SQL, over the same table versions, written as one Parquet file.

sqlglot translates the text from SparkSQL. Where its translation has another meaning, `_keep_meaning` corrects it. The
result is compared with the table that Vertebra wrote, row by row; a difference is an error. Of a local time that occurs
twice, when clocks are set back, Spark takes the earlier instant and DuckDB the later. This is corrected in the result
that is compared, and not in the query that is timed, which would take longer.

It prints the seconds of the query with writing, without the start of the process.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import duckdb
import sqlglot
from deltalake import DeltaTable
from sqlglot import exp


def main(project: Path, view: str, out: Path) -> None:
    """Run one view; the tables that it reads are in the lake of the project."""
    out.mkdir(parents=True, exist_ok=True)
    tree = sqlglot.parse_one((project / "views" / f"{view}.sql").read_text("utf-8"), read="spark")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    own = {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table) if table.db}
    for name in (*sorted(own), f"exploitation.{view}"):
        zone, _, table = name.partition(".")
        files = DeltaTable(str(project / "lake" / zone / table)).file_uris()
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {zone}")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files}, hive_partitioning = false)")
    exact = tree.copy()
    _keep_meaning(tree)
    _keep_meaning(exact, earlier=True)
    target = out / f"{view}.parquet"
    copy = f"TO '{target}' (FORMAT parquet, COMPRESSION snappy)"
    sql = tree.sql(dialect="duckdb")
    started = time.perf_counter()
    connection.execute(f"COPY ({sql}) {copy}")
    print(f"seconds {time.perf_counter() - started:.3f}", flush=True)
    connection.execute(f"COPY ({exact.sql(dialect='duckdb')}) {copy}")
    _require_equal(connection, f"exploitation.{view}", f"read_parquet('{target}')")


def _keep_meaning(tree: exp.Expression, *, earlier: bool = False) -> None:
    """Replace calls that sqlglot's translation would give another meaning than Spark.

    Args:
        earlier: take the earlier instant of a local time that occurs twice.
    """
    for call in list(tree.find_all(exp.Anonymous)):
        if call.name.lower() == "pmod":
            number, divisor = call.expressions
            rest = exp.paren(exp.Mod(this=exp.paren(number), expression=divisor.copy()))
            above = exp.paren(exp.Add(this=rest, expression=divisor.copy()))
            call.replace(exp.Mod(this=above, expression=divisor.copy()))
    for call in list(tree.find_all(exp.TimestampFromParts)):  # its seventh argument is the time zone
        parts = [call.args[name] for name in ("year", "month", "day", "hour", "min", "sec")]
        zone, local = call.args["nano"], _call("make_timestamp", *parts)
        instant = _call("timezone", zone, local)
        if earlier:
            hour = _call("to_hours", exp.Literal.number(1))
            before = _call("timezone", zone, exp.paren(exp.Sub(this=local.copy(), expression=hour)))
            instant = _call("least", instant, exp.Add(this=before, expression=hour.copy()))
        call.replace(instant)
    for call in list(tree.find_all(exp.StrToUnix)):
        call.replace(_call("epoch", call.this))
    for call in list(tree.find_all(exp.DayOfWeek)):  # Sunday is 1 on Spark, and 0 on DuckDB
        sunday = _call("dayofweek", call.this)
        call.replace(exp.paren(exp.Add(this=sunday, expression=exp.Literal.number(1))))


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _require_equal(connection: duckdb.DuckDBPyConnection, ours: str, theirs: str) -> None:
    """Refuse a result with other rows than Vertebra's. Types may differ in width, e.g. BIGINT for INT."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {ours}").fetchall()
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind, *_ in described)
    for one, other in ((ours, theirs), (theirs, ours)):
        [(rows,)] = connection.execute(
            f"SELECT count(*) FROM (SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other})"
        ).fetchall()
        if rows:
            raise RuntimeError(f"{rows:,} rows of {one} are not in {other}")
    print("equal to Vertebra's table")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
