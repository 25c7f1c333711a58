"""Whatever goes wrong, there is a whole batch or none, and what was landed stays."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from landing.readings import declared, records
from vertebra.errors import CollectError, LakeError
from vertebra.lake.batches import batches
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.port import Collector, Payload


@pytest.fixture
def home(lake):
    return lake.landing / "station" / "readings"


def whole(lake):
    return batches(lake.landing, "station", "readings")


class TestARefusedPayload:
    def test_it_is_kept_aside_with_the_reason(self, project, collected, home):
        (project / "r.csv").write_text("a,b\n1\n")
        with pytest.raises(PayloadsRefusedError) as told:
            collected(declared("r.csv"))
        (refusal,) = told.value.outcome.refused
        assert refusal.folder.parent == home / ".refused"
        assert (refusal.folder / "payload.csv").read_text() == "a,b\n1\n"
        reason = json.loads((refusal.folder / "reason.json").read_text())
        assert reason["fact"].startswith("r.csv: 1 of 1 record does not have 2 cells")
        assert (reason["url"], reason["run_id"]) == ("file:r.csv", "run-1")
        assert str(home / ".refused") in told.value.remedy

    def test_earlier_batches_stay_and_other_payloads_are_landed(self, project, collected, lake, ledgers):
        (project / "1.csv").write_text("a\n1\n")
        collected(declared("*.csv"))
        (project / "2.csv").write_text('a\n"2\n')
        (project / "3.csv").write_text("a\n3\n")
        with pytest.raises(PayloadsRefusedError) as told:
            collected(declared("*.csv"))
        outcome = told.value.outcome
        assert ([b.number for b in outcome.new], outcome.unchanged, len(outcome.refused)) == ([2], 1, 1)
        assert [records(batch) for batch in whole(lake)] == [[{"a": "1"}], [{"a": "3"}]]
        assert ledgers.read("batches").num_rows == 2

    def test_the_same_bytes_are_kept_once(self, project, collected, home):
        (project / "r.csv").write_text("")
        for _ in range(3):
            with pytest.raises(CollectError, match="is empty"):
                collected(declared("r.csv"))
        (project / "r.csv").write_text("a,b\n1\n")
        with pytest.raises(CollectError, match="line 2"):
            collected(declared("r.csv"))
        assert len(list((home / ".refused").iterdir())) == 2

    def test_it_is_landed_once_the_declaration_fits(self, project, collected):
        (project / "r.csv").write_text('a\n"2\n')
        with pytest.raises(CollectError):
            collected(declared("r.csv"))
        assert records(collected(declared("r.csv", quote="")).new[0]) == [{"a": '"2'}]


class TestADiskThatFails:
    @pytest.mark.parametrize(
        ("place", "small"),
        [
            ("vertebra.landing.records._Writer.finish", True),
            ("vertebra.landing.batch_writer.copy_small", True),
            ("vertebra.landing.batch_writer.flush", True),
            ("vertebra.landing.batch_writer.check_content", True),
            ("vertebra.landing.records._Writer.finish", False),
            ("vertebra.landing.batch_writer.move_or_copy", False),
            ("vertebra.landing.batch_writer.replace_file", False),
        ],
    )
    def test_no_batch_appears_and_the_next_collection_lands_it(
        self, project, collected, lake, home, monkeypatch, place, small
    ):
        (project / "r.csv").write_text("a\n1\n")
        full = OSError(errno.ENOSPC, "No space left on device", "records.parquet")

        def fail(*_: object, **__: object) -> None:
            raise full

        with monkeypatch.context() as patch:
            if not small:
                patch.setattr("vertebra.landing.batch_writer.SMALL", 0)
            patch.setattr(place, fail)
            with pytest.raises(CollectError, match="batch 1 of readings could not be written") as told:
                collected(declared("r.csv"))
        assert "No space left on device" in told.value.cause
        assert not isinstance(told.value, PayloadsRefusedError)
        assert whole(lake) == []
        assert [path.name for path in home.iterdir()] == []
        assert len(collected(declared("r.csv")).new) == 1


class TestAFileThatCannotBeRead:
    def test_while_it_is_written_is_left_for_the_next_collection_and_keeps_no_other_back(
        self, project, collected, lake, monkeypatch
    ):
        file = project / "1.csv"
        file.write_text("a\n1\n")
        (project / "2.csv").write_text("a\n7\n")

        class WhileAnotherWrites:
            """Hashes, and has a line written to the file meanwhile."""

            def __init__(self, data: bytes = b"") -> None:
                self.digest = hashlib.sha256(data)

            def update(self, block: bytes) -> None:
                self.digest.update(block)
                if file.stat().st_size < 6:
                    with file.open("a") as stream:
                        stream.write("2\n")

            def hexdigest(self) -> str:
                return self.digest.hexdigest()

        monkeypatch.setattr("vertebra.landing.payload_files.hashlib", SimpleNamespace(sha256=WhileAnotherWrites))
        with pytest.raises(PayloadsRefusedError, match=r"1\.csv changed while it was read") as told:
            collected(declared("*.csv"))
        monkeypatch.undo()
        assert [batch.receipt.url for batch in told.value.outcome.new] == ["file:2.csv"]
        assert [records(batch) for batch in collected(declared("*.csv")).new] == [[{"a": "1"}, {"a": "2"}]]
        assert file.exists()

    def test_as_it_vanished_is_told_and_keeps_no_other_back(self, collected, tmp_path):
        (tmp_path / "there.csv").write_text("a\n1\n")

        class Vanishing(Collector):
            name = "vanishing"

            def collect(self, request):
                for name in ("gone.csv", "there.csv"):
                    yield Payload(tmp_path / name, f"file:{name}")

        with pytest.raises(PayloadsRefusedError, match="cannot be read") as told:
            collected(declared("x"), collector=Vanishing())
        assert [batch.receipt.url for batch in told.value.outcome.new] == ["file:there.csv"]


COLLECTION = textwrap.dedent(
    """
    import sys, time
    from datetime import UTC, datetime
    from pathlib import Path
    import vertebra.landing.batch_writer as batch_writer
    import vertebra.landing.records as records
    from vertebra.declare.dataset import Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.landing.collect import collect
    from vertebra.landing.context import CollectionContext

    root, place, declaration = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

    def stop(*_, **__):
        print("reached", flush=True)
        time.sleep(60)

    match place:
        case "payload":
            batch_writer.copy_small = stop
        case "large payload":
            batch_writer.SMALL = 0
            batch_writer.move_or_copy = stop
        case "records":
            records._Writer.finish = stop
        case "receipt":
            batch_writer.check_content = stop
        case "large receipt":
            batch_writer.SMALL = 0
            batch_writer.replace_file = stop
        case "second rename":
            renamed, rename = [], Path.rename
            Path.rename = lambda self, to: stop() if renamed else (renamed.append(to), rename(self, to))[1]
        case "rename":
            Path.rename = stop
        case "after":
            batch_writer.flush = lambda *paths: [stop() for path in paths if path.is_dir() and path.name[0] != "."]
        case "reparse":
            replace = Path.replace
            Path.replace = lambda self, to: stop() if self.name == "receipt.json" else replace(self, to)
        case "within reparse":
            replaced, replace = [], Path.replace
            # the second of the two files of a batch, whichever that is
            def replacing(self, to):
                if Path(to).parent.name.startswith("."):
                    return replace(self, to)  # in the folder of a batch that is being made
                return stop() if replaced else (replaced.append(to), replace(self, to))[1]

            Path.replace = replacing
        case "second reparse":
            reparse = batch_writer.BatchWriter.reparse
            batch_writer.BatchWriter.reparse = lambda self, batch: reparse(self, batch) if batch.number == 1 else stop()
    lake = Lake(root / "lake")
    dataset = Dataset.model_validate_json(declaration)
    collect(dataset, CollectionContext(root / "project", lake, Ledgers(lake), "run-dead", datetime.now(UTC)))
    """
)


def kill_in_collection(tmp_path, place: str, dataset) -> None:
    """Run a collection in a process of its own and kill it when it gets to a place."""
    declaration = dataset.model_dump_json(by_alias=True)
    process = subprocess.Popen(
        [sys.executable, "-c", COLLECTION, str(tmp_path), place, declaration], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "reached\n"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


class TestKilled:
    @pytest.mark.parametrize("place", ["payload", "large payload", "records", "receipt", "large receipt", "rename"])
    def test_before_the_rename_nothing_counts(self, tmp_path, project, lake, home, collected, ledgers, place):
        (project / "r.csv").write_text("a\n1\n")
        kill_in_collection(tmp_path, place, declared("r.csv"))
        assert whole(lake) == []
        assert [path.name for path in home.iterdir() if not path.name.startswith(".incoming-")] == []
        (batch,) = collected(declared("r.csv")).new
        assert (batch.number, records(batch)) == (1, [{"a": "1"}])
        assert [path.name for path in home.iterdir()] == ["00000001"]
        assert ledgers.read("batches").num_rows == 1

    def test_between_the_renames_of_small_batches_the_first_count_and_the_others_are_landed_next_time(
        self, tmp_path, project, lake, home, collected, ledgers
    ):
        for number in range(3):
            (project / f"{number}.csv").write_text(f"a\n{number}\n")
            os.utime(project / f"{number}.csv", (number, number))
        kill_in_collection(tmp_path, "second rename", declared("*.csv"))
        assert [batch.number for batch in whole(lake)] == [1]
        assert [records(batch) for batch in collected(declared("*.csv")).new] == [[{"a": str(n)}] for n in range(3)]
        assert sorted(path.name for path in home.iterdir()) == ["00000001", "00000002", "00000003"]
        assert ledgers.read("batches").num_rows == 3

    def test_after_the_rename_the_batch_counts_and_is_recorded_next_time(
        self, tmp_path, project, lake, home, collected, ledgers
    ):
        (project / "r.csv").write_text("a\n1\n")
        kill_in_collection(tmp_path, "after", declared("r.csv"))
        assert [batch.number for batch in whole(lake)] == [1]
        assert ledgers.read("batches").num_rows == 0
        assert [batch.number for batch in collected(declared("r.csv")).new] == [1]
        assert collected(declared("r.csv")).new == ()
        assert ledgers.read("batches").num_rows == 1
        assert [path.name for path in home.iterdir()] == ["00000001"]

    def test_between_records_and_receipt_of_a_reparse_it_is_parsed_again(self, tmp_path, project, lake, collected):
        (project / "r.csv").write_text("a;b\n1;2\n")
        collected(declared("r.csv"))
        kill_in_collection(tmp_path, "reparse", declared("r.csv", delimiter=";"))
        assert collected(declared("r.csv", delimiter=";")).reparsed == 1
        (batch,) = whole(lake)
        assert (batch.receipt.columns, records(batch)) == (("a", "b"), [{"a": "1", "b": "2"}])

    def test_between_the_two_files_of_a_reparse_no_receipt_describes_records_that_are_not_there(
        self, tmp_path, project, lake, collected
    ):
        (project / "r.csv").write_text("a;b\n1;2\n")
        collected(declared("r.csv", delimiter=","))
        kill_in_collection(tmp_path, "within reparse", declared("r.csv", delimiter=";"))
        (batch,) = whole(lake)
        assert batch.receipt.parse["delimiter"] == ",", "the batch is parsed again, whatever its records are now"
        assert collected(declared("r.csv", delimiter=";")).reparsed == 1
        (batch,) = whole(lake)
        assert (batch.receipt.columns, records(batch)) == (("a", "b"), [{"a": "1", "b": "2"}])

    def test_between_two_reparses_the_columns_of_the_first_are_recorded_next_time(
        self, tmp_path, project, lake, home, collected, ledgers
    ):
        for name in ("1.csv", "2.csv"):
            (project / name).write_text(f"a;{name[0]}\n1;2\n")
        collected(declared("*.csv", delimiter=","))
        kill_in_collection(tmp_path, "second reparse", declared("*.csv", delimiter=";"))
        assert [batch.receipt.columns for batch in whole(lake)] == [("a", "1"), ("a;2",)]
        assert collected(declared("*.csv", delimiter=";"), "run-next").reparsed == 1
        assert columns_of_run(ledgers, "run-next") == [(1, "a"), (1, "1"), (2, "a"), (2, "2")]
        assert not list(home.glob(".incoming*"))


def columns_of_run(ledgers, run_id: str) -> list[tuple[int, str]]:
    rows = ledgers.read("schemas").to_pylist()
    return [(row["batch"], row["column_name"]) for row in rows if row["run_id"] == run_id]


def test_the_columns_of_batches_parsed_again_are_recorded_though_a_later_one_cannot_be(project, collected, ledgers):
    (project / "1.csv").write_text("a;b\n1;2\n")
    (project / "2.csv").write_text("a;b\n1\n")
    collected(declared("*.csv", ragged="refuse", delimiter=","))
    outcome = collected(declared("*.csv", ragged="refuse", delimiter=";"), "run-next")
    assert "batch 2 stays as it was parsed" in outcome.warnings[0].fact
    assert columns_of_run(ledgers, "run-next") == [(1, "a"), (1, "b")]


class TestALedgerThatCannotBeWritten:
    def test_lacks_the_batch_until_the_next_collection_though_nothing_is_new(
        self, project, collected, lake, ledgers, monkeypatch
    ):
        (project / "r.csv").write_text("a\n1\n")

        def fail(*_: object, **__: object) -> None:
            raise LakeError("the ledger cannot be written")

        with monkeypatch.context() as patch:
            patch.setattr("vertebra.governance.ledgers.Ledgers.append", fail)
            with pytest.raises(LakeError):
                collected(declared("r.csv"))
        assert len(whole(lake)) == 1
        assert [batch.number for batch in collected(declared("r.csv")).new] == [1]
        assert ledgers.read("batches").num_rows == 1

    def test_is_not_read_when_nothing_is_new(self, project, collected, monkeypatch):
        (project / "r.csv").write_text("a\n1\n")
        collected(declared("r.csv"))
        monkeypatch.setattr("vertebra.governance.ledgers.Ledgers.table", None)
        assert collected(declared("r.csv")).unchanged == 1
