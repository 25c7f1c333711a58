"""Writing files so that they are complete and survive a power cut: the only module that writes files for the lake.

A file is *complete* when it has every byte that it was given: ``write()`` may write less than it is asked to, on a disk
that fills up for example. A file is *durable* when its bytes, and the entry of its folder that names it, are on the
disk: both are flushed, because the operating system keeps them in memory for up to half a minute.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_CHUNK: Final = 4 << 20
_FLUSHING: Final = 8
"""Files that are flushed at a time: the journal of a file system takes several at once in the time of one."""


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class CompleteFile:
    """A new file under way, which takes all bytes of a write or raises.

    Attributes:
        size: number of bytes received so far.
    """

    def __init__(self, file: Path, handle: int) -> None:
        self.size = 0
        self._file = file
        self._handle = handle

    def write(self, block: bytes | memoryview) -> int:
        """Append bytes. Returns their number.

        Raises:
            OSError: the disk does not take them all.
        """
        rest = memoryview(block).cast("B")
        self.size += len(rest)
        while rest:
            try:
                written = os.write(self._handle, rest)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(self._file)) from error
            if not written:
                raise _incomplete(self._file, os.fstat(self._handle).st_size, self.size)
            rest = rest[written:]
        return len(block)


class GrowingFile:
    """A new file that grows block by block; what was appended is never half a block.

    Args:
        file: must not exist; its folder is created. The name is durable at once.
    """

    def __init__(self, file: Path) -> None:
        make_folder(file.parent)
        self._file = file
        self._handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        _flush(file.parent)

    def append(self, block: bytes, *, flush: bool = True) -> None:
        """Append a block.

        Args:
            flush: wait until it is on the disk, and all before it.

        Raises:
            OSError: the disk does not take it; the file is as it was.
        """
        size = os.fstat(self._handle).st_size
        try:
            CompleteFile(self._file, self._handle).write(block)
        except OSError:
            os.ftruncate(self._handle, size)
            raise
        check_size(self._file, size + len(block))
        if flush:
            os.fsync(self._handle)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


@contextmanager
def complete_file(file: Path, mode: int = 0o666) -> Iterator[CompleteFile]:
    """Write a file; it is complete when the block ends, and not flushed to disk yet.

    Args:
        mode: permissions of a new file, reduced by the process's mask.

    Raises:
        OSError: the disk does not take all bytes.
    """
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        sink = CompleteFile(file, handle)
        yield sink
        check_size(file, sink.size)
    finally:
        os.close(handle)


def check_size(file: Path, size: int) -> None:
    """Check that a file has as many bytes as were written to it.

    Raises:
        OSError: it has not.
    """
    found = file.stat().st_size
    if found != size:
        raise _incomplete(file, found, size)


def check_content(file: Path, sha256: str) -> None:
    """Check that a file has the bytes that were written to it.

    Raises:
        OSError: it has others.
    """
    if sha256_of(file) != sha256:
        raise OSError(errno.EIO, "The disk returns other bytes than were written", str(file))


def flush(*paths: Path) -> None:
    """Wait until files, and the entries of folders, are on the disk."""
    if len(paths) < 2:
        for path in paths:
            _flush(path)
        return
    with ThreadPoolExecutor(min(_FLUSHING, len(paths)), "flush") as threads:
        for _ in threads.map(_flush, paths):
            pass


def flush_files(files: Iterable[Path], root: Path) -> None:
    """Make files durable that another library wrote: their bytes first, then all folders from theirs up to ``root``.

    Args:
        root: a folder that contains the files and is durable itself, in the folder that it is in.
    """
    listed = list(files)
    flush(*listed)
    folders = {folder for file in listed for folder in file.parents if folder.is_relative_to(root)}
    flush(*sorted(folders))


def make_folder(folder: Path) -> None:
    """Create a folder and those above it that do not exist, all of them durable."""
    made = []
    while not folder.is_dir():
        made.append(folder)
        folder = folder.parent
    for new in reversed(made):
        new.mkdir(exist_ok=True)
    if made:
        flush(*(new.parent for new in made))


def replace_file(file: Path, content: bytes | str, mode: int | None = None) -> None:
    """Write a file and make it durable; readers see the earlier content or the new, also after a power cut.

    Args:
        mode: permissions of the file; by default those of the earlier one, or those of any new file.

    Raises:
        OSError: the disk does not take it; the earlier content stays.
    """
    data = content.encode() if isinstance(content, str) else content
    if mode is None and file.exists():
        mode = file.stat().st_mode
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with complete_file(new) as sink:
            sink.write(data)
        if mode is not None:
            new.chmod(mode)
        _flush(new)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    _flush(file.parent)


def append_lines(file: Path, text: str) -> None:
    """Append whole lines to a file and make them durable; a part of a line that a crash left at its end is removed.

    Raises:
        OSError: the disk does not take them all.
    """
    whole = file.read_bytes().rfind(b"\n") + 1
    handle = os.open(file, os.O_WRONLY | os.O_APPEND)
    try:
        os.ftruncate(handle, whole)
        CompleteFile(file, handle).write(text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def move_file(source: Path, target: Path) -> None:
    """Move a file in place of another in one step and make it durable; the folders may be on different disks.

    Raises:
        OSError: the disk does not take it; the target stays as it was.
    """
    make_folder(target.parent)
    _flush(source)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_between_disks(source, target)
    _flush(target.parent)


def _move_between_disks(source: Path, target: Path) -> None:
    """Move a file by a copy next to the target, which a crash may leave behind."""
    prefix = f".{target.name}.vertebra-"
    for left in target.parent.glob(f"{prefix}*"):
        left.unlink(missing_ok=True)
    copy = target.with_name(f"{prefix}{os.getpid()}")
    try:
        with source.open("rb") as stream, complete_file(copy) as sink:
            shutil.copyfileobj(stream, sink, _CHUNK)
        _flush(copy)
        check_content(copy, sha256_of(source))
        copy.replace(target)
    finally:
        copy.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _incomplete(file: Path, found: int, size: int) -> OSError:
    return OSError(errno.EIO, f"The disk took {found:,} of {size:,} bytes", str(file))
