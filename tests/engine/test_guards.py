"""Where the embedded engine misleads silently: the facts, so that we notice when they change, and our guards."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vertebra
from vertebra.engine import Engine

SOURCE = Path(vertebra.__file__).parent

FORBIDDEN = {
    r"partitionOverwriteMode|\.partitionBy\([^)]*\)\s*\.(?:parquet|save)": "Sail replaces the whole table",
    r"txnAppId|txnVersion": "Sail ignores them and appends twice; the lake commits with application transactions",
    r"readChangeFeed": "Sail returns the plain snapshot",
    r"replaceWhere": "Sail does not refuse rows outside the predicate",
    r"format\(\s*['\"]delta['\"]\s*\)": "the lake commits and reads Delta, on both engines alike",
    r"\.(?:cache|persist)\(\)": "a no-op on Sail: materialise instead",
    r"(?i)following\s+and\s+unbounded\s+following|unboundedFollowing": "quadratic on Apache Spark: turn the order round",
    r"percentile_approx|approxQuantile|input_file_name|map_zip_with": "not on Sail",
    r"(?<!\.)\bweekday\(": "Sail gives -1 for Sunday",
    r"\.toPandas\(\)": "data-sized results stay in the engine",
}
"""What zone code never uses, and why."""

NAMES_THEM = "engine/plan_translation.py"
"""It refuses them in users' frames."""
ZONES = ("landing", "formatted", "trusted", "exploitation", "analysis", "governance", "lake", "engine", "pipeline")


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_zone_code_never_uses_what_an_engine_does_differently(pattern: str) -> None:
    files = [file for zone in ZONES for file in (SOURCE / zone).rglob("*.py")]
    assert len(files) > 20
    found = [str(file.relative_to(SOURCE)) for file in files if re.search(pattern, _code(file))]
    found = [file for file in found if file != NAMES_THEM]
    assert found == [], FORBIDDEN[pattern]


def _code(file: Path) -> str:
    """A file without its comments and docstrings, which may name what the code avoids."""
    text = re.sub(r'"""[\s\S]*?"""', "", file.read_text("utf-8"))
    return re.sub(r"#.*", "", text)


def test_the_embedded_engine_reads_a_missing_path_as_no_rows(sail: Engine, tmp_path: Path) -> None:
    """The reason why the port checks every path itself."""
    frame = sail.session.read.schema("a bigint").parquet((tmp_path / "nowhere" / "x.parquet").as_uri())
    assert frame.count() == 0


def test_the_embedded_engine_wraps_around_where_sums_overflow(sail: Engine) -> None:
    """The reason why counts of pairs are summed as decimals."""
    values = "FROM VALUES (9223372036854775807L), (1L) AS t(v)"
    assert sail.session.sql(f"SELECT sum(v) AS s {values}").collect()[0].s < 0
    assert sail.session.sql(f"SELECT sum(cast(v AS decimal(38, 0))) AS s {values}").collect()[0].s == 2**63


@pytest.mark.spark
def test_apache_spark_fails_where_sums_overflow(apache_spark: Engine) -> None:
    overflowing = apache_spark.session.sql("SELECT sum(v) AS s FROM VALUES (9223372036854775807L), (1L) AS t(v)")
    with pytest.raises(Exception, match=r"(?i)overflow"):
        overflowing.collect()


def test_the_embedded_engine_replaces_a_whole_table_for_one_partition(sail: Engine, tmp_path: Path) -> None:
    """The reason why a part of a table is replaced by the lake's commit."""
    path = (tmp_path / "parted").as_uri()
    sail.session.sql("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'").write.partitionBy("b").parquet(path)
    again = sail.session.sql("SELECT 3 AS a, 'x' AS b").write.option("partitionOverwriteMode", "dynamic")
    again.partitionBy("b").mode("overwrite").parquet(path)
    assert [row.a for row in sail.session.read.parquet(path).collect()] == [3], "2 was in another partition"


def test_the_embedded_engine_repeats_a_transaction(sail: Engine, tmp_path: Path) -> None:
    """The reason why application transactions are the lake's."""
    path = (tmp_path / "delta").as_uri()
    for _ in range(2):
        append = sail.session.sql("SELECT 1 AS a").write.format("delta").mode("append")
        append.option("txnAppId", "step").option("txnVersion", 1).save(path)
    assert sail.session.read.format("delta").load(path).count() == 2


def test_the_embedded_engine_gives_the_snapshot_for_the_changes(sail: Engine, tmp_path: Path) -> None:
    """The reason why violations are compared by time travel."""
    path = (tmp_path / "delta").as_uri()
    for value in (1, 2):
        sail.session.sql(f"SELECT {value} AS a").write.format("delta").mode("append").save(path)
    changes = sail.session.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1).load(path)
    assert sorted(row.a for row in changes.collect()) == [1, 2]
    assert changes.columns == ["a"]


def test_the_embedded_engine_takes_rows_that_a_replacement_leaves_out(sail: Engine, tmp_path: Path) -> None:
    """The reason why nothing is replaced by a predicate."""
    path = (tmp_path / "delta").as_uri()
    sail.session.sql("SELECT 1 AS a, 'x' AS b").write.format("delta").save(path)
    other = sail.session.sql("SELECT 2 AS a, 'z' AS b").write.format("delta").mode("overwrite")
    other.option("replaceWhere", "b = 'x'").save(path)
    assert [row.b for row in sail.session.read.format("delta").load(path).collect()] == ["z"]


def test_the_embedded_engine_puts_partition_columns_last(sail: Engine, tmp_path: Path) -> None:
    """The reason why columns are selected by name, and tables have no partitions of Delta's."""
    path = (tmp_path / "delta").as_uri()
    sail.session.sql("SELECT 'x' AS b, 1 AS a").write.format("delta").partitionBy("b").save(path)
    assert sail.session.read.format("delta").load(path).columns == ["a", "b"]


def test_the_embedded_engine_takes_any_option(sail: Engine, tmp_path: Path) -> None:
    """The reason why readers are given no options that change what is read."""
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [1]}), file)
    assert sail.session.read.option("no_such_option", "true").parquet(file.as_uri()).count() == 1


def test_the_embedded_engine_compares_with_decimal_literals_as_decimals(sail: Engine) -> None:
    """The reason why rules write such literals as floating-point numbers, as Spark reads them beside one."""
    values = "FROM VALUES (double('NaN')), (0.30000000000000004D) AS t(d)"
    with pytest.raises(Exception, match="Overflowing on NaN"):
        sail.session.sql(f"SELECT d = 0.3 {values}").collect()
    assert [row.e for row in sail.session.sql(f"SELECT d = 0.3D AS e {values}").collect()] == [False, False]


def test_caching_does_nothing_on_the_embedded_engine(sail: Engine) -> None:
    """The reason why intermediate results are written to the step's scratch folder."""
    frame = sail.session.sql("SELECT rand() AS r").cache()
    assert frame.collect() != frame.collect()


def test_the_embedded_engine_counts_sunday_as_the_day_before_monday(sail: Engine) -> None:
    """The reason why views take `pmod(dayofweek(d) + 5, 7)`: Monday is 0 and Sunday 6 on both engines."""
    (row,) = sail.session.sql(
        "SELECT weekday(d) AS wrong, pmod(dayofweek(d) + 5, 7) AS right FROM VALUES (date'2013-01-06') AS t(d)"
    ).collect()
    assert (row.wrong, row.right) == (-1, 6)
