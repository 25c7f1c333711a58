"""A table has the types that its files have, or it is not committed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.engine import Engine
from vertebra.engine.written_schema import check_written, sql_type, stored_type
from vertebra.errors import LakeError, QueryError
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit

COMMIT = Commit(run_id="r", step="exploitation.mixed", fingerprint="f")
VALUES = (
    "cast(1 as tinyint)", "cast(2 as smallint)", "3", "4L", "cast(1.5 as float)", "2.5D", "2.5", "cast(7 as decimal(38, 10))",
    "cast(1 as decimal(12, 4))", "date'2020-02-29'", "timestamp'2020-02-29 01:02:03Z'", "timestamp_ntz'2020-02-29 01:02:03'",
    "'x'", "true", "x'00'", "cast(null as int)", "null",
)  # fmt: skip
PARTS = ("{}", "array({})", "map('k', {})", "named_struct('p', {})", "array(named_struct('p', {}))")
MEETINGS = (
    "select {} as v union all select {}",
    "select {} as v union select {}",
    "select case when id = 0 then {} else {} end as v from range(2)",
    "select if(id = 0, {}, {}) as v from range(2)",
    "select coalesce({}, {}) as v",
    "select array({}, {}) as v",
    "select max(v) as v from (select {} as v union all select {})",
)


@settings(
    max_examples=examples(fast=12, thorough=40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(MEETINGS), st.sampled_from(PARTS), st.sampled_from(VALUES), st.sampled_from(VALUES))
def test_a_table_is_stored_with_the_types_of_its_files_or_not_at_all(
    lake: Lake, engine: Engine, meeting: str, part: str, one: str, other: str
) -> None:
    table = lake.table(f"exploitation.mixed_{uuid4().hex[:8]}")
    sql = meeting.format(part.format(one), part.format(other))
    try:
        engine.attempt(lambda: table.write(engine, engine.session.sql(sql), COMMIT))
    except (QueryError, LakeError):
        assert not table.exists()
        return
    kinds = [field.type for field in table.schema()]
    for file in table.files():
        assert [stored_type(field.type) for field in pq.read_schema(file)] == [stored_type(kind) for kind in kinds]
    read = table.arrow().to_table()
    assert [field.type for field in table.frame(engine).toArrow().schema] == [field.type for field in read.schema]
    assert read.num_rows == table.rows() == table.frame(engine).count()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select 1D as v union all select 1.0", "v is double in its plan, decimal(30, 15) in its file"),
        ("select array(1D) as v union all select array(1.0)", "v is array<double> in its plan, array<decimal(30, 15)>"),
        ("select 1 as v union all select 2L", "v is int in its plan, bigint in its file"),
        (
            "select cast(1 as decimal(10, 2)) as v union all select cast(1 as decimal(12, 4))",
            "v is decimal(10, 2) in its plan, decimal(12, 4) in its file",
        ),
    ],
)
def test_a_type_that_is_not_the_planned_one_is_refused(lake: Lake, sail: Engine, sql: str, said: str) -> None:
    table = lake.table("exploitation.mixed")
    with pytest.raises(QueryError) as refused:
        table.write(sail, sail.session.sql(sql), COMMIT)
    assert said in refused.value.fact
    assert "cast(… as " in refused.value.remedy
    assert not table.exists()


def test_of_many_columns_a_few_are_named(tmp_path: Path) -> None:
    file = tmp_path / "part.parquet"
    names = [f"c{number}" for number in range(2000)]
    pq.write_table(pa.table({name: [1] for name in names}), file)
    with pytest.raises(QueryError) as refused:
        check_written([file], pa.schema([(name, pa.string()) for name in names]))
    assert refused.value.fact.endswith("and 1,995 more")
    with pytest.raises(QueryError, match="other columns than it planned: a, c0, c1, c10, c100 and 1,996 more"):
        check_written([file], pa.schema([("a", pa.int64())]))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.duration("us"), "duration[us]"),
        (pa.time64("ns"), "time64[ns]"),
        (pa.decimal256(50, 2), "decimal(50, 2)"),
        (pa.list_(pa.null()), "array<void>"),
        (pa.map_(pa.string(), pa.timestamp("us")), "map<string, timestamp_ntz>"),
    ],
)
def test_a_type_that_delta_does_not_have_is_refused_before_anything_is_written(
    lake: Lake, kind: pa.DataType, name: str
) -> None:
    table = lake.table("exploitation.mixed")
    with pytest.raises(LakeError, match="cannot store the columns v") as refused:
        table.write_arrow(pa.table({"v": pa.array([None], kind)}), COMMIT)
    assert name in refused.value.fact
    assert not table.path.exists()


def test_a_table_may_come_to_have_timestamps_without_time_zone(lake: Lake) -> None:
    table = lake.table("exploitation.mixed")
    moment = pa.array([datetime(2020, 2, 29)], pa.timestamp("us"))
    table.write_arrow(pa.table({"v": [1]}), COMMIT)
    table.write_arrow(pa.table({"v": moment}), COMMIT)
    assert table.schema().field("v").type == pa.timestamp("us")
    newest = table.newest_data()
    assert newest is not None
    assert newest.step == COMMIT.step
    table.write_arrow(
        pa.table({"v": moment, "w": pa.array([[moment[0].as_py()]], pa.list_(pa.timestamp("us")))}), COMMIT
    )
    assert table.arrow().to_table().to_pylist() == [{"v": datetime(2020, 2, 29), "w": [datetime(2020, 2, 29)]}]


def test_parts_that_may_be_null_are_the_same_type(lake: Lake, engine: Engine) -> None:
    table = lake.table("exploitation.mixed")
    table.write(engine, engine.session.sql("select array(1, 2) as a, named_struct('p', 1) as s"), COMMIT)
    table.write(
        engine,
        engine.session.sql("select array(1, null) as a, null::struct<p: int> as s"),
        COMMIT,
        mode="append",
        evolution="same",
    )
    assert sorted(row["a"] == [1, None] for row in table.arrow().to_table().to_pylist()) == [False, True]


def test_types_are_named_as_in_sql() -> None:
    kind = pa.struct([("at", pa.timestamp("us", "UTC")), ("tags", pa.map_(pa.string(), pa.list_(pa.decimal128(5, 2))))])
    assert sql_type(kind) == "struct<at: timestamp, tags: map<string, array<decimal(5, 2)>>>"
