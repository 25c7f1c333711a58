"""Opening a payload: plain, gzip, or members of a zip archive, with a limit on how far it may expand."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from vertebra.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFER: Final = 1 << 20
_TAR_HEADER: Final = 512


@dataclass(frozen=True)
class SizeLimits:
    """How far a compressed payload may expand.

    Attributes:
        ratio: most bytes after expansion per byte before, checked after ``free`` bytes. Tables of text compress 3 to 60
            times; deflate reaches 1,032 times, and archive bombs come close to that.
        free: bytes after expansion to which the ratio does not apply.
        size: most bytes after expansion.

    The limits hold for the payload as a whole: the members of an archive count together.
    """

    ratio: int = 250
    free: int = 64 << 20
    size: int = 64 << 30


@dataclass(frozen=True)
class PayloadPart:
    """One stream of a payload.

    Attributes:
        name: what to call it in messages: the payload's name, or ``archive.zip:member.csv``.
        open: opens it at its beginning; may be called several times.
        plain: the file on disk with exactly these bytes; None if there is none.
    """

    name: str
    open: Callable[[], BinaryIO]
    plain: Path | None = None


def parts(payload: Path, name: str, member: str = "*", limits: SizeLimits | None = None) -> tuple[PayloadPart, ...]:
    """The parts of a payload: itself, its gzip content, or members of a zip archive by name.

    Args:
        payload: the raw bytes. Zip and gzip are recognized by the bytes, not by the name.
        name: name of the payload in messages.
        member: pattern for the members of a zip archive to read; matches the whole name or its last part.
        limits: how far compressed bytes may expand.

    Raises:
        CollectError: the archive is damaged, encrypted or hostile, or no member matches.
    """
    bound = limits or SizeLimits()
    with payload.open("rb") as stream:
        head = stream.read(_TAR_HEADER)
    magic = head[:4]
    if magic[:2] == b"\x1f\x8b":
        part = _gzip(payload, name, bound)
        with part.open() as unpacked:
            _refuse_tar(_beginning(unpacked), name)
        return (part,)
    _refuse_tar(head, name)
    if magic in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(payload, name, member, bound)
    return (PayloadPart(name, lambda: payload.open("rb", BUFFER), payload),)


def _beginning(stream: BinaryIO) -> bytes:
    """The first bytes of a stream; none if they are damaged, which is reported when they are read."""
    try:
        return stream.read(_TAR_HEADER)
    except (OSError, EOFError, zlib.error):
        return b""


def _refuse_tar(head: bytes, name: str) -> None:
    if head[257:262] == b"ustar":
        raise CollectError(
            f"{name} is a tar archive",
            cause="zip is the only archive whose members are read; gzip may hold one file",
            remedy="ask the source for zip, or unpack it into a folder and collect that with from: files",
        )


def is_damage(error: BaseException) -> bool:
    """Whether an error while reading means that compressed bytes are damaged or cut off."""
    return isinstance(error, zipfile.BadZipFile | gzip.BadGzipFile | zlib.error | EOFError)


def _gzip(payload: Path, name: str, limits: SizeLimits) -> PayloadPart:
    packed = payload.stat().st_size

    def open_part() -> BinaryIO:
        return limit_expansion(cast("BinaryIO", gzip.open(payload, "rb")), Expansion(name, packed, limits))

    return PayloadPart(name, open_part)


def _zip(payload: Path, name: str, member: str, limits: SizeLimits) -> tuple[PayloadPart, ...]:
    try:
        # opened once for all members, because opening reads the whole directory of the archive
        archive = zipfile.ZipFile(payload)
        entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CollectError(
            f"{name} is a damaged or cut-off zip archive",
            cause=str(error),
            remedy="collect it again; if it happens again, ask the source",
        ) from error
    packed = payload.stat().st_size
    _refuse_hostile(entries, name, packed)
    if any(entry.filename == "[Content_Types].xml" for entry in entries):
        # a document of Excel or Word is an archive too
        archive.close()
        return (PayloadPart(name, lambda: payload.open("rb", BUFFER), payload),)
    files = [entry for entry in entries if not entry.is_dir() and not _is_clutter(entry.filename)]
    chosen = sorted((e for e in files if _matches(e.filename, member)), key=lambda e: e.filename)
    if not chosen:
        listed = ", ".join(entry.filename for entry in files[:10]) or "no files"
        raise CollectError(
            f"{name} has no member {member!r}",
            cause=f"it has {listed}{' …' if len(files) > 10 else ''}",
            remedy="correct collect.member",
        )
    expansion = Expansion(name, sum(entry.compress_size for entry in chosen), limits)
    found = tuple(_member(archive, number, entry, expansion) for number, entry in enumerate(chosen))
    for part in found:
        _refuse_nested(part)
    return found


def _refuse_nested(part: PayloadPart) -> None:
    """Refuse an archive within an archive; an Excel workbook is no archive."""
    try:
        with part.open() as stream:
            head = _beginning(stream)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        return  # damage is reported when the part is read
    is_zip = head.startswith(b"PK\x03\x04") and not begins_office_document(head)
    if is_zip or head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        raise CollectError(
            f"{part.name} is an archive within an archive",
            cause="members of a zip archive are read as they are, and are not unpacked again",
            remedy="unpack the outer archive into a folder and collect the inner ones with from: files; or, if the "
            "archive has other members, name them in collect.member",
        )


def begins_office_document(head: bytes) -> bool:
    """Whether a zip archive is an Office document, by the name of its first member."""
    names = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"word/", b"ppt/")
    return head[30 : 30 + int.from_bytes(head[26:28], "little")].startswith(names)


def _member(archive: zipfile.ZipFile, number: int, entry: zipfile.ZipInfo, expansion: Expansion) -> PayloadPart:
    name = f"{expansion.name}:{entry.filename}"
    if entry.flag_bits & 0x1:
        raise CollectError(
            f"{name} is encrypted",
            cause="an archive with a password cannot be read",
            remedy="collect an archive without a password",
        )

    def open_part() -> BinaryIO:
        try:
            stream = archive.open(entry)
        except NotImplementedError as error:
            raise CollectError(
                f"{name} cannot be unpacked", cause=str(error), remedy="collect it packed with deflate"
            ) from error
        return limit_expansion(cast("BinaryIO", stream), expansion, number)

    return PayloadPart(name, open_part)


def _refuse_hostile(entries: list[zipfile.ZipInfo], name: str, packed: int) -> None:
    """Refuse archives whose members overlap or have paths outside the archive.

    Members are never extracted by name here, but such an archive is an attack.
    """
    if sum(entry.compress_size for entry in entries) > packed:
        raise CollectError(
            f"{name} is an archive bomb: its members overlap",
            cause="the packed members add up to more bytes than the archive has",
            remedy="ask the source for a clean archive",
        )
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
            raise CollectError(
                f"{name} has a member that leads out of the archive: {entry.filename!r}",
                cause="such names are made to overwrite other files",
                remedy="ask the source for a clean archive",
            )


def _is_clutter(filename: str) -> bool:
    path = PurePosixPath(filename)
    return path.name.startswith(".") or "__MACOSX" in path.parts


def _matches(filename: str, pattern: str) -> bool:
    return fnmatchcase(filename, pattern) or fnmatchcase(PurePosixPath(filename).name, pattern)


@dataclass
class Expansion:
    """Counts the bytes after expansion of a payload. Bytes that are read again are not counted again.

    Attributes:
        name: name of the payload in messages.
        packed: its bytes before expansion.
        limits: how far they may expand.
    """

    name: str
    packed: int
    limits: SizeLimits
    _total: int = field(default=0, init=False)
    _farthest: dict[int, int] = field(default_factory=dict, init=False)

    def reached(self, stream: int, out: int) -> None:
        """Count the bytes of one stream, whatever sizes the archive states.

        Args:
            stream: number of the stream.
            out: bytes from the beginning of the stream.

        Raises:
            CollectError: the payload has expanded beyond its limits.
        """
        before = self._farthest.get(stream, 0)
        if out <= before:
            return
        self._farthest[stream] = out
        self._total += out - before
        limits = self.limits
        if self._total > limits.size or (self._total > limits.free and self._total > limits.ratio * self.packed):
            raise CollectError(
                f"{self.name} expands to more than {self._total >> 20:,} MB from {self.packed:,} bytes",
                cause=f"the limits, against archive bombs, are {limits.ratio} times and {limits.size >> 20:,} MB",
                remedy="look at the payload kept aside; if it is genuine, unpack it and collect the plain file",
            )


def limit_expansion(inner: BinaryIO, expansion: Expansion, number: int = 0) -> BinaryIO:
    """A stream of expanded bytes that fails at the limit.

    Args:
        inner: the expanded bytes.
        expansion: counts the bytes of the payload.
        number: number of the stream in the payload.
    """
    return io.BufferedReader(cast("io.RawIOBase", _LimitedStream(inner, expansion, number)), BUFFER)


class _LimitedStream(io.RawIOBase):
    """Counts the bytes that a decompressor gives."""

    def __init__(self, inner: BinaryIO, expansion: Expansion, number: int) -> None:
        self._inner = inner
        self._expansion = expansion
        self._number = number
        self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._inner.read(len(buffer))
        self._out += len(data)
        self._expansion.reached(self._number, self._out)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
