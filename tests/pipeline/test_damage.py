"""Damaged files of a lake are found, named and repaired from what is sound; what cannot be repaired is named."""

from __future__ import annotations

import json
import random
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from effort import cases, examples
from pipeline.crashes import MORE, flip_bit, overwrite
from pipeline.lake_files import kinds_of_files
from pipeline.tiny import contents, make, open_tiny
from vertebra.cli.app import app
from vertebra.errors import LakeError
from vertebra.lake.log import checkpoints, entries, flushed

LEDGERS = {
    "batches": "dataset, batch, sha256", "schemas": "dataset, batch, column_name, type",
    "rejects": "dataset, rid, column_name, raw", "repairs": "dataset, rid, old, new",
    "quarantine": "dataset, rid, rules", "violations": "dataset, rid, rule, role, resolution",
    "drift": "dataset, kind, column_name, first_batch, last_batch",
}  # fmt: skip


def ledgers_of(folder: Path) -> dict[str, list[Any]]:
    """What the ledgers say now, but for the runs and versions it is of."""
    with open_tiny(folder) as project:
        known = project.tables()
        return {
            name: project.sql(f"select distinct {columns} from governance.{name} order by all").rows()
            for name, columns in LEDGERS.items()
            if f"governance.{name}" in known
        }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran twice, on one file and then on two; copy it, do not change it."""
    folder = make(tmp_path_factory.mktemp("tiny") / "project")
    (folder / "views" / "prices.sql").write_text("select _rid, city, price * 100 as cents from trusted.sales")
    with open_tiny(folder) as project:
        assert project.run().ok
        (folder / "data" / "sales-2.csv").write_text(textwrap.dedent(MORE))
        assert project.run().ok
    return folder


@pytest.fixture(scope="module")
def expected(whole: Path) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The tables and ledgers of the project."""
    return contents(whole), ledgers_of(whole)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "project"))


def damaged(folder: Path) -> set[tuple[str, str]]:
    with open_tiny(folder) as project:
        return {(one.kind, one.file.name) for one in project.verify().damage}


def current_file(folder: Path, table: str) -> Path:
    with open_tiny(folder) as project:
        return project.lake.table(table).files()[0]


def newest_entry(folder: Path, table: str) -> Path:
    return list(entries(folder / "lake" / table.replace(".", "/") / "_delta_log").values())[-1]


def repaired(folder: Path) -> None:
    """Repair, and run what the repair left to the next run."""
    with open_tiny(folder) as project:
        assert project.repair().ok
    with open_tiny(folder) as project:
        assert project.run().ok
        assert project.run().idle
        assert project.verify().ok


def test_a_sound_lake_has_no_damage_and_every_file_has_a_hash(folder: Path) -> None:
    with open_tiny(folder) as project:
        found = project.verify()
    assert (found.damage, found.unhashed) == ((), 0)
    assert found.files > 60
    shown = CliRunner().invoke(app, ["debug", "--verify", "--project", str(folder)])
    assert shown.exit_code == 0
    assert "none is damaged" in shown.stderr


@pytest.mark.parametrize(
    "table",
    cases(
        ["formatted.sales", "trusted.sales", "exploitation.prices", "governance.batches", "governance.lineage",
         "governance.violations", "governance.rejects", "governance.quality"],
        fast=["trusted.sales", "governance.batches", "governance.violations"],
    ),
)  # fmt: skip
def test_a_log_entry_that_a_power_cut_left_empty_is_named_and_repaired(folder: Path, expected: Any, table: str) -> None:
    entry = newest_entry(folder, table)
    overwrite(entry, b"")
    with open_tiny(folder) as project:
        with pytest.raises(LakeError, match=rf"the log of {table} is damaged: {entry.name} is empty") as told:
            project.lake.table(table).version()
        assert "vertebra debug --repair" in told.value.remedy
    assert damaged(folder) == {("log", entry.name)}
    repaired(folder)
    assert (contents(folder), ledgers_of(folder)) == expected


@pytest.mark.parametrize("how", cases(["cut", "zeros", "first", "middle gone"], fast=["cut", "middle gone"]))
def test_entries_damaged_in_other_ways_are_repaired_too(folder: Path, expected: Any, how: str) -> None:
    found = entries(folder / "lake" / "trusted" / "sales" / "_delta_log")
    entry = found[0] if how in ("first", "middle gone") else list(found.values())[-1]
    data = entry.read_bytes()
    if how == "middle gone":
        entry.unlink()
    else:
        overwrite(entry, b"" if how == "first" else data[: len(data) // 2] if how == "cut" else bytes(len(data)))
    with open_tiny(folder) as project, pytest.raises(LakeError, match=r"the log of trusted\.sales is damaged"):
        project.lake.table("trusted.sales").version()
    repaired(folder)
    assert (contents(folder), ledgers_of(folder)) == expected


def test_rows_of_a_ledger_that_follow_a_damaged_entry_are_kept(folder: Path) -> None:
    (folder / "data" / "sales-3.csv").write_text("id,shop,city,price,day\n30,S2,Lleida,1.0,2026-01-06\n")
    with open_tiny(folder) as project:
        assert project.run().ok
    said = ledgers_of(folder)["batches"]
    log = folder / "lake" / "governance" / "batches" / "_delta_log"
    assert len(entries(log)) > 2
    overwrite(entries(log)[1], b"")
    repaired(folder)
    assert ledgers_of(folder)["batches"] == said


def test_a_damaged_checkpoint_is_set_aside(folder: Path, expected: Any) -> None:
    with open_tiny(folder) as project:
        project.lake.table("trusted.sales").delta().create_checkpoint()
    log = folder / "lake" / "trusted" / "sales" / "_delta_log"
    ((file,),) = checkpoints(log).values()
    overwrite(file, b"")
    with open_tiny(folder) as project, pytest.raises(LakeError, match=r"checkpoint\.parquet is empty"):
        project.lake.table("trusted.sales").version()
    repaired(folder)
    assert contents(folder) == expected[0]


DAMAGED = [
    "formatted.sales", "trusted.sales", "exploitation.by_city", "governance.runs", "governance.batches",
    "governance.schemas", "governance.rejects", "governance.violations", "governance.quality",
]  # fmt: skip
HOW = ["flipped", "empty", "gone"]


@pytest.mark.parametrize(
    ("table", "how"),
    # fast: every other table, and each way
    cases([(table, how) for table in DAMAGED for how in HOW], fast=list(zip(DAMAGED, HOW * 3, strict=True))[1::2]),
)
def test_a_damaged_data_file_is_found_and_its_rows_are_made_again(
    folder: Path, expected: Any, table: str, how: str
) -> None:
    file = current_file(folder, table)
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 4
    if how == "gone":
        file.unlink()
    else:
        overwrite(file, bytes(data) if how == "flipped" else b"")
    assert damaged(folder) == {("data", file.name)}
    repaired(folder)
    assert (contents(folder), ledgers_of(folder)) == expected


def test_a_file_of_the_wrong_size_is_not_read(folder: Path) -> None:
    file = current_file(folder, "trusted.sales")
    size = file.stat().st_size
    overwrite(file, b"")
    with open_tiny(folder) as project, pytest.raises(LakeError, match=f"has 0 bytes where {size:,} were written"):
        project.table("trusted.sales").arrow()
    shown = CliRunner().invoke(app, ["debug", "--project", str(folder)])
    assert shown.exit_code == 1
    assert "⏎" not in shown.stdout
    assert "vertebra debug --repair" in shown.stderr


def test_damaged_records_stop_the_step_that_reads_them_and_are_parsed_again(folder: Path, expected: Any) -> None:
    batch = folder / "lake" / "landing" / "tills" / "sales" / "00000001"
    overwrite(batch / "records.parquet", (batch.with_name("00000002") / "records.parquet").read_bytes())
    assert damaged(folder) == {("records", "records.parquet")}
    with open_tiny(folder) as project:
        report = project.run("formatted.sales", full_refresh=True)
        assert "does not have the bytes that were written" in report.results[0].error
    repaired(folder)
    assert contents(folder) == expected[0]


def test_a_payload_and_a_receipt_cannot_be_repaired_and_the_next_step_is_named(folder: Path) -> None:
    batch = folder / "lake" / "landing" / "tills" / "sales" / "00000001"
    before = (batch / "payload.csv").read_bytes()
    overwrite(batch / "payload.csv", before.replace(b"Girona", b"Lleida"))
    receipt = batch.with_name("00000002") / "receipt.json"
    text = receipt.read_text()
    overwrite(receipt, text.replace("sales-2", "sales-9").encode())
    assert damaged(folder) == {("payload", "payload.csv"), ("receipt", "receipt.json")}
    with open_tiny(folder) as project, pytest.raises(LakeError, match=r"receipt\.json is damaged"):
        project.plan()
    shown = CliRunner().invoke(app, ["debug", "--repair", "--project", str(folder), "--format", "json"])
    assert shown.exit_code == 1
    told = json.loads(shown.stdout)
    assert {(one["kind"], one["repaired"]) for one in told} == {("payload", "NO"), ("receipt", "NO")}
    assert all("restore it from a backup, then repair again" in one["action"] for one in told)
    overwrite(batch / "payload.csv", before)
    overwrite(receipt, text.encode())
    assert damaged(folder) == set()


def test_payload_and_records_that_are_both_damaged_are_named(folder: Path) -> None:
    batch = folder / "lake" / "landing" / "tills" / "sales" / "00000001"
    overwrite(batch / "payload.csv", b"")
    overwrite(batch / "records.parquet", b"")
    with open_tiny(folder) as project:
        report = project.repair()
    assert not report.ok
    assert [one.damage.kind for one in report.repairs] == ["payload", "records"]


def test_files_without_a_hash_are_read_and_counted(folder: Path) -> None:
    file = current_file(folder, "exploitation.by_city")
    entry = newest_entry(folder, "exploitation.by_city")
    plain = file.rename(file.with_name("part-0.parquet"))
    overwrite(entry, entry.read_bytes().replace(file.name.encode(), plain.name.encode()))
    # earlier releases had no hashes of logs either
    entry.with_name(".sha256").unlink()
    with open_tiny(folder) as project:
        found = project.verify()
        assert (found.ok, found.unhashed) == (True, 1)
    overwrite(plain, b"PAR1" + plain.read_bytes()[4:-20] + bytes(16) + b"PAR1")
    assert damaged(folder) == {("data", "part-0.parquet")}


FLIPS = examples(22, 200)


def test_flipped_bits_in_files_of_every_kind_are_found(folder: Path) -> None:
    chance = random.Random(11)
    with open_tiny(folder) as project:
        for name in ("trusted.sales", "governance.runs"):
            table = project.lake.table(name)
            with flushed(table.path):
                table.delta().create_checkpoint()
        kinds = kinds_of_files(project)
        assert len(kinds) == 11, kinds.keys()
        for flip in range(FLIPS):
            kind = list(kinds)[flip % len(kinds)]
            file = chance.choice(kinds[kind])
            data = flip_bit(file, chance)
            assert file in {one.file for one in project.verify().damage}, (kind, file)
            overwrite(file, data)
        assert project.verify().ok


@pytest.mark.parametrize(
    "table",
    cases(
        ["formatted.sales", "trusted.sales", "governance.runs", "governance.batches"],
        fast=["trusted.sales", "governance.batches"],
    ),
)
@pytest.mark.parametrize("how", ["other statistics", "newest gone"])
def test_log_entries_that_are_still_json_are_found_and_repaired(
    folder: Path, expected: Any, table: str, how: str
) -> None:
    entry = newest_entry(folder, table)
    if how == "newest gone":
        entry.unlink()
    else:
        overwrite(entry, entry.read_bytes().replace(b'numRecords\\":', b'numRecords\\":1', 1))
    assert damaged(folder) == {("log", entry.name)}
    repaired(folder)
    assert (contents(folder), ledgers_of(folder)) == expected


@pytest.mark.parametrize("which", ["old entry", "hint", "hashes"])
def test_files_of_a_log_that_the_newest_version_does_not_need_are_set_aside(
    folder: Path, expected: Any, which: str
) -> None:
    with open_tiny(folder) as project:
        table = project.lake.table("trusted.sales")
        with flushed(table.path):
            table.delta().create_checkpoint()
        version = table.version()
    log = table.path / "_delta_log"
    file = log / {"old entry": "0" * 20 + ".json", "hint": "_last_checkpoint", "hashes": ".sha256"}[which]
    data = file.read_bytes()
    if which == "hashes":
        first = data.decode()[0]
        overwrite(file, ("1" if first == "0" else "0").encode() + data[1:])
    else:
        overwrite(file, data.replace(b"1", b"2", 1))
    assert damaged(folder) == {("log", file.name)}
    with open_tiny(folder) as project:
        assert project.repair().ok
        assert project.verify().ok
        assert project.lake.table("trusted.sales").version() == version
        assert project.run().idle
    assert contents(folder) == expected[0]


def test_a_log_entry_that_a_killed_process_left_without_a_hash_gets_one(folder: Path) -> None:
    hashes = folder / "lake" / "trusted" / "sales" / "_delta_log" / ".sha256"
    lines = hashes.read_text().splitlines()
    hashes.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:20])
    assert damaged(folder) == set()
    with open_tiny(folder) as project:
        assert project.run(full_refresh=True, select="trusted.sales").ok
        assert project.verify().ok
    assert {line.split()[1] for line in lines} < {
        line.split()[1] for line in hashes.read_text().splitlines() if "  " in line
    }
