"""Opening a payload: plain, gzip, or the members of a zip archive; never more bytes than a bound."""

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
        ratio: most bytes out per byte in, looked at once ``free`` bytes are out. Text tables compress 3 to 60 times;
            deflate can do 1,032 times, and a bomb comes close to that.
        free: bytes that may come out whatever the ratio.
        size: most bytes out.

    They hold for a payload as a whole: members of an archive count together.
    """

    ratio: int = 250
    free: int = 64 << 20
    size: int = 64 << 30


@dataclass(frozen=True)
class PayloadPart:
    """One stream of a payload.

    Attributes:
        name: what to call it in messages: the payload's name, or ``archive.zip:member.csv``.
        open: opens it from its beginning, as often as asked.
        plain: the file on disk that has exactly these bytes, when there is one.
    """

    name: str
    open: Callable[[], BinaryIO]
    plain: Path | None = None


def parts(payload: Path, name: str, member: str = "*", limits: SizeLimits | None = None) -> tuple[PayloadPart, ...]:
    """What a payload consists of: itself, its gzip content, or members of a zip archive by name.

    Args:
        payload: the raw bytes. Whether they are zip or gzip is read off the bytes, not the name.
        name: what to call the payload in messages.
        member: pattern of the members of a zip archive to read, on the whole name or its last part.
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
    """The first bytes of a stream; none where they are damaged, which reading will tell."""
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


def damaged(error: BaseException) -> bool:
    """Whether an error that came up while reading says that compressed bytes are damaged or cut off."""
    return isinstance(error, zipfile.BadZipFile | gzip.BadGzipFile | zlib.error | EOFError)


def _gzip(payload: Path, name: str, limits: SizeLimits) -> PayloadPart:
    packed = payload.stat().st_size

    def open_part() -> BinaryIO:
        return bounded(cast("BinaryIO", gzip.open(payload, "rb")), Expansion(name, packed, limits))

    return PayloadPart(name, open_part)


def _zip(payload: Path, name: str, member: str, limits: SizeLimits) -> tuple[PayloadPart, ...]:
    try:
        # all members share it: each opening reads the whole directory of the archive
        archive = zipfile.ZipFile(payload)
        entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CollectError(
            f"{name} is a damaged or cut-off zip archive",
            cause=str(error),
            remedy="collect it again; if it stays so, ask the source",
        ) from error
    packed = payload.stat().st_size
    _refuse_hostile(entries, name, packed)
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
    return tuple(_member(archive, number, entry, expansion) for number, entry in enumerate(chosen))


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
        return bounded(cast("BinaryIO", stream), expansion, number)

    return PayloadPart(name, open_part)


def _refuse_hostile(entries: list[zipfile.ZipInfo], name: str, packed: int) -> None:
    """Refuse members that overlap or lead out of the archive.

    Nothing is ever extracted by its name here, but who packs such an archive means no good.
    """
    if sum(entry.compress_size for entry in entries) > packed:
        raise CollectError(
            f"{name} is made to expand without bound: its members overlap",
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
    """How many bytes have come out of a payload. What is read a second time is not counted again.

    Attributes:
        name: what to call the payload in messages.
        packed: its bytes before expansion.
        limits: how far they may expand.
    """

    name: str
    packed: int
    limits: SizeLimits
    _total: int = field(default=0, init=False)
    _farthest: dict[int, int] = field(default_factory=dict, init=False)

    def reached(self, stream: int, out: int) -> None:
        """Count what came out of one of its streams, whatever the archive says of its sizes.

        Args:
            stream: number of the stream.
            out: bytes from its beginning.

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
                cause=f"at most {limits.ratio} times and {limits.size >> 20:,} MB are unpacked, against archive bombs",
                remedy="look at the payload kept aside; if it is genuine, unpack it and collect the plain file",
            )


def bounded(inner: BinaryIO, expansion: Expansion, number: int = 0) -> BinaryIO:
    """A stream of expanded bytes that ends with an error at the bound.

    Args:
        inner: gives the expanded bytes.
        expansion: the payload's.
        number: of the stream among those of the payload.
    """
    return io.BufferedReader(cast("io.RawIOBase", _Bounded(inner, expansion, number)), BUFFER)


class _Bounded(io.RawIOBase):
    """Counts what comes out of a decompressor."""

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
