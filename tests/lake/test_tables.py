"""Tables: staged by an engine, committed by the lake, readable by anyone."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from vertebra.engine import Engine
from vertebra.errors import LakeError
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit

TABLE = "formatted.things"
LATER = "r9"


def commit(run: str = "r1", app_version: int | None = None, step: str = TABLE) -> Commit:
    return Commit(run_id=run, step=step, fingerprint="f" + run, inputs={"landing.things": 7}, app_version=app_version)


def rows(*values: int) -> pa.Table:
    return pa.table({"a": pa.array(values, pa.int64()), "b": [f"v{v}" for v in values]})


def values(lake: Lake, version: int | None = None) -> list[int]:
    return sorted(lake.table(TABLE).arrow(version).to_table().column("a").to_pylist())


def test_what_an_engine_computes_is_committed_with_its_origin(lake: Lake, engine: Engine) -> None:
    table = lake.table(TABLE)
    version = table.write(engine, engine.session.sql("SELECT id AS a FROM range(1000)"), commit())
    assert version == 0
    assert table.rows() == 1000
    latest = table.latest()
    assert latest is not None
    assert (latest.run_id, latest.step, latest.fingerprint) == ("r1", TABLE, "fr1")
    assert latest.inputs == {"landing.things": 7}


def test_both_engines_store_the_same_types(lake: Lake, engine: Engine) -> None:
    sql = """SELECT 1 AS i, 2L AS l, 1.5D AS d, cast(1.5 AS decimal(10,2)) AS m, 'x' AS s, true AS b,
             date'2013-01-01' AS day, timestamp'2013-01-01 05:00:00Z' AS at, array('p', 'q') AS tags"""
    table = lake.table(TABLE)
    table.write(engine, engine.session.sql(sql), commit())
    kinds = {field.name: str(field.type) for field in table.schema()}
    assert kinds == {
        "i": "int32", "l": "int64", "d": "double", "m": "decimal128(10, 2)", "s": "string", "b": "bool",
        "day": "date32[day]", "at": "timestamp[us, tz=UTC]", "tags": kinds["tags"],
    }  # fmt: skip
    assert kinds["tags"].startswith("list<")
    assert table.frame(engine).collect()[0].asDict()["tags"] == ["p", "q"]


def test_a_reader_that_is_not_ours_reads_the_table(lake: Lake, sail: Engine) -> None:
    table = lake.table(TABLE)
    table.write(sail, sail.session.sql("SELECT id AS a FROM range(10)"), commit())
    table.write(sail, sail.session.sql("SELECT id + 10 AS a FROM range(10)"), commit("r2"), mode="append")
    assert pl.read_delta(str(table.path)).get_column("a").sort().to_list() == list(range(20))
    assert pl.scan_delta(str(table.path)).filter(pl.col("a") >= 15).collect().height == 5
    assert sail.session.read.format("delta").load(str(table.path)).count() == 20


def test_an_overwrite_keeps_earlier_versions_readable(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1, 2), commit())
    table.write_arrow(rows(3), commit("r2"))
    assert values(lake) == [3]
    assert values(lake, 0) == [1, 2]
    assert [entry.run_id for entry in table.history()] == ["r2", "r1"]


def test_restore_brings_a_version_back_as_a_new_one(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1, 2), commit())
    table.write_arrow(rows(3), commit("r2"))
    assert table.restore(0) == 2
    assert values(lake) == [1, 2]


def test_what_was_added_since_a_version_is_told_when_nothing_else_happened(lake: Lake) -> None:
    table = lake.table(TABLE)
    first = table.write_arrow(rows(1, 2), commit())
    second = table.write_arrow(rows(3), commit("r2"), mode="append")
    third = table.write_arrow(rows(4, 5), commit("r3"), mode="append")
    added = table.added(first, third, LATER)
    assert added is not None
    assert sorted(pq.read_table(added).column("a").to_pylist()) == [3, 4, 5]
    assert table.added(third, third, LATER) == []
    assert table.added(third, second, LATER) is None, "rows were taken away"
    compacted = table.delta().optimize.compact()
    assert compacted["numFilesAdded"] == 1
    assert table.added(first, table.version(), LATER) is None, "rows were written anew"
    wider = rows(6).append_column("c", pa.array([1]))
    last = table.version()
    assert table.added(last, table.write_arrow(wider, commit("r5"), mode="append", evolution="widen"), LATER) is None
    assert table.added(99, last, LATER) is None


def test_what_was_added_to_a_table_made_anew_says_nothing_of_the_one_before(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit())
    assert table.added(0, 0, "r1") == []
    shutil.rmtree(table.path)
    table.write_arrow(rows(2), commit("r2"))
    table.write_arrow(rows(3), commit("r3"), mode="append")
    assert table.added(0, 1, "r1") is None
    assert table.added(0, 1, "r2") is not None


def test_the_age_of_a_version_does_not_depend_on_the_clock(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit())
    table.write_arrow(rows(2), commit("r3"))
    # the log is of a clock that was ahead
    for entry in (table.path / "_delta_log").glob("*.json"):
        entry.write_text(
            re.sub(r'"timestamp":(\d+)', lambda found: f'"timestamp":{int(found[1]) + 10**9}', entry.read_text())
        )
    assert [table.existed_in(version, "r2") for version in (0, 1, 2)] == [True, False, False]
    restored = table.restore(0)
    assert [table.existed_in(restored, run) for run in ("r2", "r3")] == [False, True]
    assert table.added(restored, table.write_arrow(rows(5), commit("r4"), mode="append"), "r3") is not None


def test_rows_that_complete_a_version_are_not_added_to_another(lake: Lake) -> None:
    table = lake.table(TABLE)
    first = table.write_arrow(rows(1), commit())
    staged = table.stage_arrow(rows(2))
    table.write_arrow(rows(2), commit("r2"), mode="append")
    with pytest.raises(LakeError, match="another writer committed version 1"):
        table.commit(staged, commit("r3"), mode="append", expected_version=first)
    assert values(lake) == [1, 2]


def test_a_repeated_append_adds_nothing(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit(app_version=1), mode="append")
    table.write_arrow(rows(1), commit("again", app_version=1), mode="append")
    assert values(lake) == [1]
    table.write_arrow(rows(2), commit("next", app_version=2), mode="append")
    assert values(lake) == [1, 2]
    assert table.transaction_version(TABLE) == 2


def test_staged_files_are_unseen_until_they_are_committed(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit())
    staged = table.stage_arrow(rows(2))
    assert values(lake) == [1]
    table.commit(staged, commit("r2"), mode="append")
    assert values(lake) == [1, 2]


def test_replacing_a_part_leaves_the_other_parts_alone(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1, 2), commit(), part="first")
    table.write_arrow(rows(3), commit("r2"), part="second")
    table.write_arrow(rows(9), commit("r3"), part="first")
    assert values(lake) == [3, 9]
    assert values(lake, 1) == [1, 2, 3]
    assert sorted(pl.read_delta(str(table.path)).get_column("a").to_list()) == [3, 9]


def test_a_part_whose_name_begins_like_another_is_another(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit(), part="air")
    table.write_arrow(rows(2), commit("r2"), part="airports")
    table.write_arrow(rows(3), commit("r3"), part="air")
    assert values(lake) == [2, 3]


def test_a_new_column_is_refused_unless_the_change_is_declared(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit())
    wider = rows(2).append_column("c", [["new"]])
    with pytest.raises(LakeError, match="does not take columns c"):
        table.write_arrow(wider, commit("r2"), mode="append", evolution="same")
    table.write_arrow(wider, commit("r3"), mode="append", evolution="widen")
    assert table.arrow().to_table().sort_by("a").column("c").to_pylist() == [None, "new"]
    assert values(lake) == [1, 2]


def test_a_retyped_column_is_refused_in_an_append(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit())
    with pytest.raises(LakeError, match="does not take columns a"):
        table.write_arrow(pa.table({"a": ["x"], "b": ["y"]}), commit("r2"), mode="append", evolution="widen")
    assert values(lake) == [1]


def test_a_replaced_schema_comes_with_an_overwrite(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit())
    table.write_arrow(pa.table({"z": [1.5]}), commit("r2"))
    assert table.schema().names == ["z"]
    assert pl.read_delta(str(table.path)).columns == ["z"]
    assert table.schema(0).names == ["a", "b"]


def test_an_empty_frame_makes_an_empty_table_with_columns(lake: Lake, engine: Engine) -> None:
    table = lake.table(TABLE)
    table.write(engine, engine.session.sql("SELECT id AS a, 'x' AS b FROM range(0)"), commit())
    assert table.rows() == 0
    assert table.schema().names == ["a", "b"]
    assert table.frame(engine).count() == 0


def test_files_carry_statistics_that_readers_can_skip_by(lake: Lake, engine: Engine) -> None:
    sql = """SELECT id AS a, if(id < 3, NULL, cast(id AS string)) AS s, repeat('z', 50) AS long,
             timestamp_micros(1357016400123456 + id) AS at, date_add(date'2013-01-01', cast(id AS int)) AS day,
             if(id = 5, double('NaN'), id / 2) AS d FROM range(10)"""
    table = lake.table(TABLE)
    table.write(engine, engine.session.sql(sql), commit())
    stats = _statistics(table.path)
    assert sum(s["numRecords"] for s in stats) == 10
    assert sum(s["nullCount"]["s"] for s in stats) == 3
    assert (min(s["minValues"]["a"] for s in stats), max(s["maxValues"]["a"] for s in stats)) == (0, 9)
    assert min(s["minValues"]["at"] for s in stats).startswith("2013-01-01T05:00:00.123")
    assert min(s["minValues"]["day"] for s in stats) == "2013-01-01"
    assert all("long" not in s["maxValues"] for s in stats), "a cut string is no upper bound"
    assert all("d" not in s["maxValues"] for s in stats), "NaN is greater than any bound"
    for row in table.arrow().to_table(columns=["a", "at"]).to_pylist():
        hit = pl.scan_delta(str(table.path)).filter(pl.col("at") == row["at"]).collect()
        assert row["a"] in hit.get_column("a").to_list()


def test_not_a_number_is_found_by_every_reader(lake: Lake, engine: Engine) -> None:
    table = lake.table(TABLE)
    table.write(
        engine, engine.session.sql("SELECT id AS a, if(id = 5, double('NaN'), 1.5D) AS d FROM range(10)"), commit()
    )
    table.write_arrow(table.arrow().to_table(), commit("r2"), mode="append")
    assert table.frame(engine).where("isnan(d)").count() == 2
    assert table.frame(engine).where("d > 2D").count() == 2
    assert pl.scan_delta(str(table.path)).filter(pl.col("d").is_nan()).collect().height == 2
    assert table.arrow().to_table(filter=pc.is_nan(pc.field("d"))).num_rows == 2


def test_statistics_are_complete_or_not_given(lake: Lake) -> None:
    far = pa.array([2**31 - 1, 0, None], pa.int32()).cast(pa.date32())
    old = pa.array([-60_000_000_000_000_000, 0, None], pa.timestamp("us", tz="UTC"))
    data = pa.table({"far": far, "old": old, "tags": [["a"], None, []], "n": [1, None, 3]})
    table = lake.table(TABLE)
    table.write_arrow(data, commit())
    (stats,) = _statistics(table.path)
    assert stats["nullCount"] == {"far": 1, "old": 1, "n": 1}
    assert set(stats["minValues"]) == {"old", "n"}, "no bounds for the year 5881580"
    assert stats["minValues"]["old"].startswith("0068-")
    assert table.arrow().to_table().num_rows == 3


def _statistics(path: Path) -> list[dict]:
    lines = (path / "_delta_log" / "00000000000000000000.json").read_text().splitlines()
    return [json.loads(json.loads(line)["add"]["stats"]) for line in lines if "add" in json.loads(line)]


def test_a_lost_race_commits_nothing_and_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1), commit())
    stale = table.delta()
    staged = table.stage_arrow(rows(2))
    table.write_arrow(rows(3), commit("winner"))
    monkeypatch.setattr(type(table), "delta", lambda self, version=None: stale)
    with pytest.raises(LakeError, match="another writer committed"):
        table.commit(staged, commit("loser"))
    monkeypatch.undo()
    assert values(lake) == [3]


@pytest.mark.parametrize(
    "name", ["flights", "trusted.Flights", "secret.flights", "trusted.../x", "trusted.a b", "x.y.z"]
)
def test_a_name_that_is_none_never_becomes_a_path(lake: Lake, name: str) -> None:
    with pytest.raises(LakeError, match="is not a table's name"):
        lake.table(name)


def test_a_table_or_version_that_is_not_there_is_a_clear_error(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"there is no table formatted\.things"):
        lake.table(TABLE).version()
    lake.table(TABLE).write_arrow(rows(1), commit())
    with pytest.raises(LakeError, match="has no version 7"):
        lake.table(TABLE).files(7)


def test_tables_are_listed_in_the_order_data_flows(lake: Lake) -> None:
    for name in ("exploitation.b", "formatted.z", "trusted.a", "formatted.c"):
        lake.table(name).write_arrow(rows(1), commit())
    assert [t.name for t in lake.tables()] == ["formatted.c", "formatted.z", "trusted.a", "exploitation.b"]


def test_versions_have_the_time_of_their_commit(lake: Lake) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    lake.table(TABLE).write_arrow(rows(1), commit())
    latest = lake.table(TABLE).latest()
    assert latest is not None
    assert before <= latest.at <= datetime.now(UTC)


def test_the_files_of_a_version_hold_its_rows(lake: Lake) -> None:
    table = lake.table(TABLE)
    table.write_arrow(rows(1, 2, 3), commit())
    assert sum(pq.read_metadata(file).num_rows for file in table.files()) == 3


def test_the_log_of_old_versions_is_not_cleaned_up(lake: Lake) -> None:
    table = lake.table("trusted.t")
    for number in range(3):
        table.write_arrow(pa.table({"n": [number]}), Commit("run", "step", "print"))
    assert table.delta().metadata().configuration == {"delta.enableExpiredLogCleanup": "false"}
