"""Tables of which only the newest version is read stay small, and the log of a table begins at its oldest kept version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import vertebra.lake.tidy
from vertebra.errors import LakeError
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.lake.gc import collect_garbage
from vertebra.lake.log_retention import log_entries, trim_log
from vertebra.lake.table import LakeTable
from vertebra.lake.tidy import tidy

NAME = "governance.quality"
LATEST = 8


@pytest.fixture(autouse=True)
def few_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep fewer versions than a lake does, so that a test needs fewer commits to go beyond them."""
    assert vertebra.lake.tidy.LATEST > LATEST
    monkeypatch.setattr(vertebra.lake.tidy, "LATEST", LATEST)


def append(table: LakeTable, value: int) -> None:
    table.write_arrow(pa.table({"a": [value], "b": [value / 2]}), Commit(f"r{value}", "run", ""), mode="append")


def values(table: LakeTable, version: int | None = None) -> list[int]:
    return sorted(table.arrow(version).to_table().column("a").to_pylist())


def files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def test_commits_without_end_leave_a_bounded_number_of_files(lake: Lake) -> None:
    table = lake.table(NAME)
    most = tidied = 0
    for value in range(7 * LATEST):
        append(table, value)
        tidied += tidy(table, merge=True)
        most = max(most, files(table.path))
    assert tidied >= 3
    assert most <= 6 * LATEST
    assert values(table) == list(range(7 * LATEST))
    assert table.newest_data().run_id == f"r{7 * LATEST - 1}"  # type: ignore[union-attr]


def test_a_reader_of_a_recent_version_is_not_disturbed(lake: Lake) -> None:
    table = lake.table(NAME)
    read: list[tuple[int, list[int]]] = []
    for value in range(3 * LATEST):
        append(table, value)
        read.append((table.version(), values(table)))
        tidy(table, merge=True)
        version, found = read[max(0, len(read) - LATEST // 2)]
        assert values(table, version) == found


def test_parts_that_are_replaced_leave_a_bounded_number_of_files(lake: Lake) -> None:
    table = lake.table(NAME)
    for value in range(5 * LATEST):
        for part in ("x", "y"):
            staged = table.stage_arrow(pa.table({"a": [value]}), part)
            table.commit(staged, Commit(f"r{value}", "run", ""), "overwrite", "widen")
        tidy(table, merge=False)
    assert files(table.path) <= 5 * LATEST
    assert values(table) == [5 * LATEST - 1] * 2


def test_a_version_before_the_log_is_refused(lake: Lake) -> None:
    table = lake.table("trusted.things")
    for value in range(40):
        append(table, value)
    trim_log(table, 30)
    assert values(table, 30) == list(range(31))
    assert values(table) == list(range(40))
    with pytest.raises(LakeError, match=r"trusted\.things has no version 29"):
        table.delta(29)
    assert [entry.version for entry in table.history()] == list(range(39, 29, -1))
    append(table, 40)
    assert values(table) == list(range(41))


def test_trimming_that_was_interrupted_is_completed(lake: Lake) -> None:
    table = lake.table("trusted.things")
    for value in range(60):
        append(table, value)
    table.delta(50).create_checkpoint()
    for version in range(20):
        (table.path / "_delta_log" / f"{version:020d}.json").unlink()
    assert values(table) == list(range(60))
    trim_log(table, 50)
    assert log_entries(table) == 10
    assert values(table, 50) == list(range(51))


def test_garbage_collection_trims_the_log_of_what_it_freed(lake: Lake) -> None:
    table = lake.table("trusted.things")
    for value in range(60):
        table.write_arrow(pa.table({"a": [value]}), Commit(f"r{value}", "trusted.things", ""))
    later = datetime.now(UTC) + timedelta(hours=1)
    collect_garbage(lake, {table.name: {40: "model m, test set"}}, later)
    assert min(entry.version for entry in table.history()) == 40
    assert values(table, 40) == [40]
    assert values(table) == [59]
    collect_garbage(lake, {table.name: {40: "model m, test set", 10: "run r10 of trusted.things"}}, later)
    assert values(table, 40) == [40]
    (garbage,) = collect_garbage(lake, {table.name: {10: "model n, test set"}}, later)
    assert garbage.lost == {10: "model n, test set"}


def test_the_last_run_is_known_after_merging(tmp_path: Path) -> None:
    ledgers = Ledgers(Lake(tmp_path))
    for number in range(2 * LATEST + 3):
        run_id = f"20260101T000000-{number:04x}"
        ledgers.append("runs", [{"run_id": run_id, "step": "run", "why": "w" * 500}], Commit(run_id, "run", ""))
        ledgers.tidy()
        assert ledgers.last_run() == run_id
    assert ledgers.table("runs").greatest("run_id") is not None
    assert len(ledgers.table("runs").files()) < LATEST
