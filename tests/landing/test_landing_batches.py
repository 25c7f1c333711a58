"""A batch: immutable, numbered, landed once, recorded."""

from __future__ import annotations

import hashlib
import json
import os
import stat

import numpy as np
import pyarrow.parquet as pq
import pytest

from landing.readings import declared, records
from vertebra.lake.batches import RECORD_COLUMN, Receipt, batches


def test_a_batch_keeps_the_bytes_as_received(project, collected):
    raw = b'\xef\xbb\xbfa,b\r\n1,"x\ny"\r\n'
    (project / "r.csv").write_bytes(raw)
    (batch,) = collected(declared("r.csv")).new
    assert batch.payload.read_bytes() == raw
    assert batch.receipt.sha256 == hashlib.sha256(raw).hexdigest()
    assert batch.receipt.bytes == len(raw)
    assert batch.receipt.url == "file:r.csv"
    assert batch.receipt.columns == ("a", "b")
    assert batch.receipt.records == 1
    assert batch.receipt.collector == "files/1"
    assert records(batch) == [{"a": "1", "b": "x\ny"}]


def test_files_of_a_batch_are_read_only(project, collected):
    (project / "r.csv").write_text("a\n1\n")
    (batch,) = collected(declared("r.csv")).new
    for file in batch.folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o444
    assert {file.name for file in batch.folder.iterdir()} == {"payload.csv", "records.parquet", "receipt.json"}


def test_an_unchanged_payload_makes_no_new_batch(project, collected, lake):
    (project / "r.csv").write_text("a\n1\n")
    assert len(collected(declared("r.csv")).new) == 1
    again = collected(declared("r.csv"))
    assert (again.new, again.unchanged) == ((), 1)
    (project / "r.csv").touch()
    assert collected(declared("r.csv")).new == ()
    assert len(batches(lake.landing, "station", "readings")) == 1


def test_a_changed_payload_makes_the_next_batch_and_leaves_the_first(project, collected, lake):
    (project / "r.csv").write_text("a\n1\n")
    collected(declared("r.csv"))
    (project / "r.csv").write_text("a\n2\n")
    (new,) = collected(declared("r.csv")).new
    assert new.number == 2
    assert [records(batch) for batch in batches(lake.landing, "station", "readings")] == [[{"a": "1"}], [{"a": "2"}]]


def test_appended_bytes_are_never_appended_twice(project, collected):
    for content in ("a\n1\n", "a\n2\n", "a\n1\n"):
        (project / "r.csv").write_text(content)
        outcome = collected(declared("r.csv"))
    assert (outcome.new, outcome.unchanged) == ((), 1)


def test_a_snapshot_that_goes_back_to_an_earlier_state_is_a_new_batch(project, collected):
    for content in ("a\n1\n", "a\n2\n", "a\n1\n"):
        (project / "r.csv").write_text(content)
        outcome = collected(declared("r.csv", load="snapshot"))
    assert [batch.number for batch in outcome.new] == [3]
    assert collected(declared("r.csv", load="snapshot")).new == ()


def test_every_new_file_is_a_batch_of_its_own_in_the_order_of_changes_and_paths(project, collected):
    for day in ("2013-01-02", "2013-01-01"):
        (project / f"{day}.csv").write_text(f"day\n{day}\n")
        os.utime(project / f"{day}.csv", (1, 1))
    (project / "2013-00-00.csv").write_text("day\n2013-01-01\n")
    os.utime(project / "2013-00-00.csv", (2, 2))
    first = collected(declared("2013-*.csv")).new
    (project / "2013-01-03.csv").write_text("day\n2013-01-03\n")
    second = collected(declared("2013-*.csv"))
    assert [b.receipt.url for b in first] == ["file:2013-01-01.csv", "file:2013-01-02.csv", "file:2013-00-00.csv"]
    assert [b.number for b in second.new] == [4]
    assert second.unchanged == 3


def test_record_ordinals_count_from_zero_over_all_row_groups(project, collected):
    (project / "r.csv").write_text("a\n" + "some text\n" * 1_000_000)
    (batch,) = collected(declared("r.csv")).new
    file = pq.ParquetFile(batch.records)
    ordinals = file.read([RECORD_COLUMN])[RECORD_COLUMN].to_numpy()
    assert file.num_row_groups > 1
    assert batch.receipt.records == len(ordinals) == 1_000_000
    assert (ordinals == np.arange(1_000_000)).all()


def test_a_receipt_reads_back_as_it_was_written(project, collected):
    (project / "r.csv").write_text("a\n1\n")
    (batch,) = collected(declared("r.csv")).new
    assert Receipt.from_json((batch.folder / "receipt.json").read_text()) == batch.receipt


def test_a_receipt_of_an_earlier_version_without_cursor_is_read():
    text = json.dumps(
        {
            "number": 1, "collected_at": "2026-01-01T00:00:00+00:00", "url": "file:a", "sha256": "0", "bytes": 1,
            "payload": "payload.csv", "records": 0, "columns": ["a"], "parse": {}, "collector": "files/1",
        }
    )  # fmt: skip
    assert Receipt.from_json(text).cursor is None


class TestLedger:
    def test_it_has_one_row_a_batch(self, project, collected, ledgers):
        (project / "r.csv").write_text("a\n1\n")
        collected(declared("r.csv"))
        collected(declared("r.csv"), run_id="run-2")
        (row,) = ledgers.read("batches").to_pylist()
        assert (row["run_id"], row["dataset"], row["batch"], row["records"]) == ("run-1", "readings", 1, 1)
        assert row["columns"] == ["a"]

    def test_a_batch_of_a_collection_that_died_is_added_next_time(self, project, collected, ledgers, monkeypatch):
        (project / "r.csv").write_text("a\n1\n")

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(ledgers, "append", die)
        with pytest.raises(KeyboardInterrupt):
            collected(declared("r.csv"))
        monkeypatch.undo()
        assert ledgers.read("batches").num_rows == 0
        collected(declared("r.csv"), run_id="run-2")
        collected(declared("r.csv"), run_id="run-3")
        assert [row["run_id"] for row in ledgers.read("batches").to_pylist()] == ["run-2"]


class TestAChangedParseDeclaration:
    def test_all_batches_are_parsed_again_from_their_payloads(self, project, collected, lake):
        (project / "r.csv").write_text("a;b\n1;2\n")
        (before,) = collected(declared("r.csv")).new
        outcome = collected(declared("r.csv", delimiter=";"))
        (after,) = batches(lake.landing, "station", "readings")
        assert (outcome.new, outcome.unchanged, outcome.reparsed) == ((), 1, 1)
        assert records(after) == [{"a": "1", "b": "2"}]
        assert after.receipt.columns == ("a", "b")
        assert (after.receipt.sha256, after.receipt.number) == (before.receipt.sha256, 1)
        assert collected(declared("r.csv", delimiter=";")).reparsed == 0

    def test_what_means_null_is_no_reason_to_parse_again(self, project, collected):
        (project / "r.csv").write_text("a\nNA\n")
        collected(declared("r.csv"))
        assert collected(declared("r.csv", null=["NA"])).reparsed == 0

    def test_one_that_does_not_fit_leaves_the_batch_as_it_was(self, project, collected, lake):
        (project / "r.csv").write_bytes("a,b\nñ,2\n".encode("cp1252"))
        collected(declared("r.csv", encoding="cp1252"))
        (warning,) = collected(declared("r.csv", encoding="utf-8")).warnings
        assert "batch 1 stays as it was parsed when it landed: r.csv is not utf-8" in warning.fact
        (batch,) = batches(lake.landing, "station", "readings")
        assert records(batch) == [{"a": "ñ", "b": "2"}]
        assert batch.receipt.parse["encoding"] == "cp1252"
        again = collected(declared("r.csv", encoding="utf-8"))
        assert (again.warnings, again.reparsed) == ((), 0)
        assert collected(declared("r.csv", encoding="latin-1")).reparsed == 1

    def test_a_source_that_changes_its_delimiter_leaves_earlier_batches_as_they_were(self, project, collected, lake):
        def semicolons(delimiter):
            made = declared("*.csv", delimiter=delimiter)
            columns = {"columns": {"a": "int", "b": "int"}}
            return type(made).model_validate(made.model_dump(by_alias=True) | columns)

        (project / "1.csv").write_text("a;b\n1;2\n")
        collected(semicolons(";"))
        (project / "2.csv").write_text("a,b\n3,4\n")
        outcome = collected(semicolons(","))
        assert "parsed as readings is declared now, it has no column 'a', 'b'" in outcome.warnings[0].fact
        assert [batch.number for batch in outcome.new] == [2]
        found = batches(lake.landing, "station", "readings")
        assert [records(batch) for batch in found] == [[{"a": "1", "b": "2"}], [{"a": "3", "b": "4"}]]
        assert collected(semicolons(",")).warnings == ()

    def test_another_format_leaves_earlier_batches_as_they_were(self, project, collected, lake):
        (project / "r.csv").write_text("a,b\n1,2\n")
        collected(declared("r.csv"))
        (project / "r.json").write_text('[{"a": 3, "b": 4}]')
        outcome = collected(declared("r.json", format="json"))
        assert (outcome.reparsed, [batch.number for batch in outcome.new]) == (0, [2])
        found = batches(lake.landing, "station", "readings")
        assert [batch.receipt.parse["format"] for batch in found] == ["csv", "json"]
        assert records(found[0]) == [{"a": "1", "b": "2"}]

    def test_one_that_does_not_fit_a_batch_keeps_no_other_from_being_landed_or_parsed_again(
        self, project, collected, lake, ledgers
    ):
        (project / "1.csv").write_bytes("v;w\nñ;1\n".encode("cp1252"))
        (project / "2.csv").write_bytes(b"v;w\nn;2\n")
        collected(declared("*.csv", encoding="cp1252"))
        (project / "3.csv").write_bytes("v;w\nñ;3\n".encode())
        outcome = collected(declared("*.csv", encoding="utf-8"))
        assert "batch 1 stays as it was parsed" in outcome.warnings[0].fact
        assert ([batch.number for batch in outcome.new], outcome.reparsed, outcome.refused) == ([3], 1, ())
        assert [records(batch)[0]["v"] for batch in batches(lake.landing, "station", "readings")] == ["ñ", "n", "ñ"]
        assert ledgers.read("batches").num_rows == 3
