"""Garbage collection frees what nothing points to, and nothing else."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.engine import Engine
from vertebra.engine.float_bounds import bounds_floats
from vertebra.errors import LakeError
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.lake.gc import collect_garbage

TABLE = "trusted.things"


def write(lake: Lake, value: int, mode: str = "overwrite") -> int:
    commit = Commit(run_id=f"r{value}", step=TABLE, fingerprint="f")
    return lake.table(TABLE).write_arrow(pa.table({"a": [value]}), commit, mode=mode)  # type: ignore[arg-type]


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def read(lake: Lake, version: int | None = None) -> list[int]:
    return sorted(lake.table(TABLE).arrow(version).to_table().column("a").to_pylist())


def test_a_pinned_version_stays_and_the_others_go(lake: Lake) -> None:
    for value in range(4):
        write(lake, value)
    (garbage,) = collect_garbage(lake, {TABLE: {1: "model flights.late_arrival 2"}}, later())
    assert garbage.kept == {1: "model flights.late_arrival 2", 3: "the newest data"}
    assert len(garbage.freed) == 2
    assert garbage.bytes > 0
    assert read(lake, 1) == [1]
    assert read(lake) == [3]
    with pytest.raises(LakeError, match="files of version 0 are gone"):
        read(lake, 0)


def test_a_kept_version_can_be_restored_and_a_freed_one_is_refused(lake: Lake) -> None:
    for value in range(5):
        write(lake, value)
    table = lake.table(TABLE)
    collect_garbage(lake, {TABLE: {1: "a model"}}, later())
    before = table.version()
    with pytest.raises(LakeError, match="files of version 2 are gone") as refused:
        table.restore(2)
    assert "--history" in refused.value.remedy
    assert table.version() == before
    table.restore(1)
    assert read(lake) == [1]
    collect_garbage(lake, {}, later())
    assert read(lake) == [1], "what was restored has the files of the version that was pinned"


def test_young_versions_stay(lake: Lake) -> None:
    write(lake, 0)
    write(lake, 1)
    collect_garbage(lake, {}, datetime.now(UTC) - timedelta(days=1))
    assert read(lake, 0) == [0]


def test_the_version_that_was_the_newest_within_the_retention_stays(lake: Lake) -> None:
    for value in range(3):
        write(lake, value)
    log = lake.table(TABLE).path / "_delta_log"
    old = datetime.now(UTC) - timedelta(days=60)
    for number in (0, 1):
        entry = log / f"{number:020d}.json"
        changed = [json.loads(line) for line in entry.read_text().splitlines()]
        for action in changed:
            if "commitInfo" in action:
                action["commitInfo"]["timestamp"] = int(old.timestamp() * 1000) + number
        entry.write_text("\n".join(map(json.dumps, changed)))
        os.utime(entry, (old.timestamp() + number, old.timestamp() + number))
    (garbage,) = collect_garbage(lake, {}, datetime.now(UTC) - timedelta(days=30))
    assert sorted(garbage.kept) == [1, 2]
    assert read(lake, 1) == [1]


def test_nothing_is_freed_when_the_log_has_lost_a_pinned_version(lake: Lake) -> None:
    for value in range(3):
        write(lake, value)
    table = lake.table(TABLE)
    table.delta().create_checkpoint()
    for number in (0, 1):
        (table.path / "_delta_log" / f"{number:020d}.json").unlink()
    (garbage,) = collect_garbage(lake, {TABLE: {1: "model m, test set"}}, later())
    assert (garbage.freed, garbage.lost) == ((), {1: "model m, test set"})
    assert len(list(table.path.rglob("part-*.parquet"))) == 3
    (garbage,) = collect_garbage(lake, {TABLE: {9: "a table that was made anew since"}}, later())
    assert len(garbage.freed) == 2


def test_the_log_of_an_older_table_is_kept_from_now_on(lake: Lake) -> None:
    write(lake, 0)
    table = lake.table(TABLE)
    table.delta().alter.set_table_properties({"delta.enableExpiredLogCleanup": "true"})
    data = table.data_version()
    collect_garbage(lake, {}, later())
    assert table.delta().metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
    assert table.data_version() == data == 0
    version = table.version()
    collect_garbage(lake, {}, later())
    assert table.version() == version


def test_files_of_a_dead_writer_go(lake: Lake) -> None:
    write(lake, 0)
    lake.table(TABLE).stage_arrow(pa.table({"a": [99]}))
    (garbage,) = collect_garbage(lake, {}, datetime.now(UTC) - timedelta(days=1))
    assert len(garbage.freed) == 1
    assert not garbage.freed[0].parent.exists()
    assert read(lake) == [0]


def test_what_a_killed_spark_writer_left_goes(lake: Lake) -> None:
    write(lake, 0)
    left = lake.table(TABLE).path / "20260101T000000.000000-dead" / "_temporary" / "0" / "task"
    left.mkdir(parents=True)
    (left / "part-00000.snappy.parquet").write_bytes(b"half")
    (left / ".part-00000.snappy.parquet.crc").write_bytes(b"sum")
    (garbage,) = collect_garbage(lake, {}, datetime.now(UTC) - timedelta(days=1))
    assert len(garbage.freed) == 2
    assert not left.parents[2].exists()
    assert read(lake) == [0]


def test_files_of_one_part_of_a_table_go_and_those_of_other_parts_stay(lake: Lake) -> None:
    table = lake.table(TABLE)
    for number, part in enumerate(["a", "b", "a"]):
        commit = Commit(f"r{number}", TABLE, "f")
        table.write_arrow(pa.table({"a": [number]}), commit, evolution="widen", part=part)
    (garbage,) = collect_garbage(lake, {}, later())
    assert [file.relative_to(table.path).parts[0] for file in garbage.freed] == ["a"]
    assert read(lake) == [1, 2]


def test_collecting_again_frees_nothing_and_makes_no_version(lake: Lake) -> None:
    for value in range(3):
        write(lake, value)
    table = lake.table(TABLE)
    collect_garbage(lake, {}, later())
    version, data = table.version(), table.data_version()
    (garbage,) = collect_garbage(lake, {}, later())
    assert (garbage.freed, garbage.bytes) == ((), 0)
    assert (table.version(), table.data_version()) == (version, data)
    assert data == 2, "vacuuming changes no rows"
    assert write(lake, 3) == version + 1
    assert read(lake) == [3]


def test_a_lake_may_be_in_a_folder_of_any_name(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "my lake é 100%")
    for value in range(3):
        write(lake, value)
    (garbage,) = collect_garbage(lake, {TABLE: {0: "model m"}}, later())
    assert len(garbage.freed) == 1
    assert not garbage.freed[0].exists()
    assert (read(lake, 0), read(lake)) == ([0], [2])


def test_a_dry_run_frees_nothing(lake: Lake) -> None:
    write(lake, 0)
    write(lake, 1)
    (garbage,) = collect_garbage(lake, {}, later(), dry_run=True)
    assert len(garbage.freed) == 1
    assert read(lake, 0) == [0]


def test_many_small_files_become_few_and_the_data_version_stays(lake: Lake) -> None:
    for value in range(20):
        write(lake, value, mode="append")
    table = lake.table(TABLE)
    before = table.data_version()
    (garbage,) = collect_garbage(lake, {}, later())
    assert garbage.compacted
    assert len(table.files()) == 1
    assert table.version() > before
    assert table.data_version() == before
    assert read(lake) == read(lake, before) == list(range(20))


@settings(
    max_examples=examples(fast=5, thorough=15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    writes=st.lists(st.sampled_from(["append", "overwrite"]), min_size=1, max_size=6),
    pinned=st.sets(st.integers(0, 5), max_size=3),
)
def test_whatever_is_written_every_kept_version_reads_as_before(
    tmp_path_factory: pytest.TempPathFactory, writes: list[str], pinned: set[int]
) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    expected = {write(lake, value, mode): read(lake) for value, mode in enumerate(writes)}
    pins = dict.fromkeys(pinned, "a model")
    (garbage,) = collect_garbage(lake, {TABLE: pins}, later())
    assert pinned & set(expected) <= set(garbage.kept)
    for version in garbage.kept:
        assert read(lake, version) == expected[version]


def test_compacted_files_have_no_bounds_that_leave_not_a_number_out(lake: Lake, sail: Engine) -> None:
    table = lake.table(TABLE)
    for number in range(20):
        row = pa.table({"a": [number], "x": [float("nan") if number == 7 else 1.5]})
        table.write_arrow(row, Commit(f"r{number}", TABLE, "f"), mode="append")
    (garbage,) = collect_garbage(lake, {}, later())
    assert garbage.compacted
    assert not any(bounds_floats(file) for file in table.files())
    assert table.frame(sail).where("isnan(x)").count() == 1
