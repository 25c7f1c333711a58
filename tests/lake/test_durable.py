"""Files are complete and on the disk, or the write fails."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vertebra import durable
from vertebra.durable import (
    GrowingFile,
    check_content,
    check_size,
    complete_file,
    flush_files,
    make_folder,
    move_file,
    replace_file,
    sha256_of,
)


@pytest.fixture
def short_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``write()`` that takes seven bytes at a time, as POSIX allows."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:7])))


@pytest.fixture
def size_limit() -> Iterator[Callable[[int], None]]:
    """Limit the size of the files of this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files and folders that are flushed to disk, in order."""
    seen: list[Path] = []
    fsync = os.fsync

    def noting(handle: int) -> None:
        seen.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    return seen


@pytest.mark.usefixtures("short_writes")
def test_short_writes_are_continued(tmp_path: Path) -> None:
    data = os.urandom(1000)
    with complete_file(tmp_path / "a") as sink:
        sink.write(data)
        sink.write(memoryview(data))
    assert (tmp_path / "a").read_bytes() == data * 2
    replace_file(tmp_path / "a", data)
    assert (tmp_path / "a").read_bytes() == data


def test_a_write_that_takes_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(OSError, match="The disk took 0 of 3 bytes"), complete_file(tmp_path / "a") as sink:
        sink.write(b"abc")


def test_a_write_that_lies_about_what_it_took_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:2])) and len(data))
    with pytest.raises(OSError, match="The disk took 2 of 3 bytes"), complete_file(tmp_path / "a") as sink:
        sink.write(b"abc")


def test_a_file_that_does_not_fit_leaves_the_earlier_one(tmp_path: Path, size_limit: Callable[[int], None]) -> None:
    replace_file(tmp_path / "a", "before")
    size_limit(1000)
    with pytest.raises(OSError, match="File too large"):
        replace_file(tmp_path / "a", b"x" * 1001)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_what_is_appended_is_whole_and_flushed_with_the_name_of_the_file(
    tmp_path: Path, short_writes: None, flushed: list[Path]
) -> None:
    file = tmp_path / "new" / "journal"
    growing = GrowingFile(file)
    assert flushed == [tmp_path, file.parent]
    growing.append(b"the first line\n", flush=False)
    growing.append(b"the second line\n")
    growing.close()
    assert file.read_bytes() == b"the first line\nthe second line\n"
    assert flushed[2:] == [file]
    with pytest.raises(FileExistsError):
        GrowingFile(file)


def test_what_does_not_fit_is_not_appended(tmp_path: Path, size_limit: Callable[[int], None]) -> None:
    growing = GrowingFile(tmp_path / "journal")
    growing.append(b"x" * 80)
    size_limit(100)
    with pytest.raises(OSError, match="File too large"):
        growing.append(b"y" * 80)
    growing.append(b"z" * 20)
    growing.close()
    assert (tmp_path / "journal").read_bytes() == b"x" * 80 + b"z" * 20


def test_content_and_size_are_compared(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", "abc")
    digest = sha256_of(tmp_path / "a")
    check_size(tmp_path / "a", 3)
    check_content(tmp_path / "a", digest)
    replace_file(tmp_path / "a", "abd")
    with pytest.raises(OSError, match="other bytes than were written"):
        check_content(tmp_path / "a", digest)
    with pytest.raises(OSError, match="The disk took 3 of 4 bytes"):
        check_size(tmp_path / "a", 4)


def test_a_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", "1", 0o600)
    replace_file(tmp_path / "a", "2")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_the_file_is_on_the_disk_before_its_name_is(tmp_path: Path, flushed: list[Path]) -> None:
    replace_file(tmp_path / "a", "1")
    assert [path.parent for path in flushed[:1]] == [tmp_path]
    assert flushed[1:] == [tmp_path]


def test_new_folders_are_on_the_disk_in_those_above(tmp_path: Path, flushed: list[Path]) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    assert set(flushed) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}
    flushed.clear()
    make_folder(tmp_path / "a" / "b")
    assert flushed == []


def test_files_of_other_libraries_are_flushed_with_their_folders(tmp_path: Path, flushed: list[Path]) -> None:
    file = tmp_path / "lake" / "trusted" / "orders" / "1" / "part.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"1")
    flush_files([file], tmp_path / "lake")
    assert flushed[0] == file
    lake = tmp_path / "lake"
    assert set(flushed[1:]) == {lake, lake / "trusted", lake / "trusted" / "orders", file.parent}


def test_a_move_between_disks_is_a_copy_that_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def between(self: Path, target: Path) -> Path:
        if self.name == "staged":
            raise OSError(18, "Invalid cross-device link")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", between)
    (tmp_path / "staged").write_text("new")
    (tmp_path / "there").write_text("old")
    (tmp_path / ".there.vertebra-1").write_text("left by a process that was killed")
    move_file(tmp_path / "staged", tmp_path / "there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["staged", "there"]
    assert (tmp_path / "there").read_text() == "new"
    monkeypatch.setattr(durable, "sha256_of", lambda file: str(file))
    with pytest.raises(OSError, match="other bytes"):
        move_file(tmp_path / "staged", tmp_path / "there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["staged", "there"]
