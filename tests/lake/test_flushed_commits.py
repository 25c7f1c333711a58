"""When a commit returns, the data files, the log entry and the folders are on the disk, in this order."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from vertebra.governance.journal import Journal
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.lake.log import damaged_entries, entries
from vertebra.lake.log_hashes import HASHES
from vertebra.lake.log_retention import keep_log
from vertebra.lake.repair import mark_damaged
from vertebra.lake.table import LakeTable

ROWS = pa.table({"a": [1, 2, 3]})


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files and folders that are flushed to the disk, in order."""
    seen: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(Path(f"/proc/self/fd/{handle}").readlink()))
    return seen


def commit(number: int) -> Commit:
    return Commit(f"run-{number}", "step", "fingerprint")


def written(table: LakeTable) -> set[Path]:
    """Everything in a table's folder, and the folder."""
    return {table.path, *table.path.rglob("*")}


def test_everything_of_a_new_table_is_flushed_with_the_folders_above(lake: Lake, flushes: list[Path]) -> None:
    table = lake.table("trusted.orders")
    table.write_arrow(ROWS, commit(1))
    log = table.path / "_delta_log"
    assert written(table) - {log / HASHES} <= set(flushes)
    # the hashes are written under another name, and renamed
    assert flushes[-2].name.startswith(f".{HASHES}.")
    assert flushes[-1] == log
    assert {lake.root.parent, lake.root, lake.root / "trusted"} <= set(flushes)


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_later_commit_flushes_its_data_files_before_its_log_entry(lake: Lake, flushes: list[Path], mode: str) -> None:
    table = lake.table("trusted.orders")
    table.write_arrow(ROWS, commit(1))
    before = written(table)
    flushes.clear()
    table.write_arrow(ROWS, commit(2), mode=mode)  # type: ignore[arg-type]
    log = table.path / "_delta_log"
    new = written(table) - before
    assert new | {table.path, log, log / HASHES} == set(flushes)
    assert flushes[-1] == log / HASHES, "an entry is durable before its hash is"
    first_of_log = min(place for place, path in enumerate(flushes) if path.is_relative_to(log))
    assert all(path in flushes[:first_of_log] for path in new if not path.is_relative_to(log))


def test_a_new_column_a_restore_and_a_compaction_are_flushed(lake: Lake, flushes: list[Path]) -> None:
    table = lake.table("trusted.orders")
    table.write_arrow(ROWS, commit(1))
    for change in (
        lambda: table.write_arrow(pa.table({"a": [4], "b": ["x"]}), commit(2), mode="append", evolution="widen"),
        lambda: table.restore(0),
        lambda: table.write_arrow(ROWS, commit(3), mode="append"),
        table.compact,
        lambda: mark_damaged(table, "a test"),
        lambda: keep_log(table),
    ):
        before = written(table)
        flushes.clear()
        change()
        assert written(table) - before <= set(flushes)


def test_a_journal_names_staged_files_that_are_on_the_disk(lake: Lake, flushes: list[Path]) -> None:
    journal = Journal(lake, "20260101T000000-0000", {})
    journal.open()
    assert {lake.root, lake.root / ".journal"} <= set(flushes)
    ledgers = Ledgers(lake, journal)
    flushes.clear()
    ledgers.state("collections", "orders", [{"run_id": "r", "dataset": "orders"}], commit(1))
    (file,) = ledgers.files("collections", "orders")
    line = flushes.index(lake.root / ".journal" / "20260101T000000-0000.jsonl")
    assert {file, file.parent, file.parent.parent, file.parent.parent.parent} <= set(flushes[:line])


def test_a_compaction_keeps_rows_and_is_no_new_data(lake: Lake) -> None:
    table = lake.table("trusted.orders")
    for number in range(3):
        table.write_arrow(ROWS, commit(number), mode="append")
    newest = table.newest_data()
    assert table.compact() == 3
    assert (table.newest_data(), len(table.files()), table.rows()) == (newest, 1, 9)
    assert sorted(table.arrow().to_table().column("a").to_pylist()) == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_damage_of_a_log_is_told_apart(lake: Lake) -> None:
    table = lake.table("trusted.orders")
    for number in range(4):
        table.write_arrow(ROWS, commit(number), mode="append")
    log = table.path / "_delta_log"
    assert damaged_entries(log, every=True) == []
    files = entries(log)
    files[1].write_bytes(b"")
    files[2].write_bytes(files[2].read_bytes()[:50])
    files[3].unlink()
    assert [(one.version, one.fact) for one in damaged_entries(log, every=True)] == [
        (1, "is empty"),
        (2, "is not JSON"),
    ]
    files[0].write_text('{"commitInfo": {}}')
    assert damaged_entries(log, every=True)[0].fact == "does not describe the table"
    files[2].write_text('{"add": {}}')
    assert damaged_entries(log)[-1].fact == "does not say who committed it"
