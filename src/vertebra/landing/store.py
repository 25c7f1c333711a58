"""A store of files that fsspec reads, such as a bucket: what lies there, what it says of it, and copying it from there.

Drivers raise whatever their libraries raise. Here all of it is a :class:`CollectError` that names the address without
credentials; what goes wrong in writing the copy is not theirs, and stays what it is.
"""

from __future__ import annotations

import glob
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_CHUNK: Final = 8 << 20
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_DRIVER: Final = re.compile(r"([a-z][a-z0-9+.-]*)", re.IGNORECASE)
"""A link of a chain that is no address: ``simplecache``."""

_TELLING: Final = (
    "ETag", "etag", "VersionId", "version_id", "generation", "md5Hash", "content_md5", "Content-MD5", "Digest",
    "content_hash", "sha", "sha256", "crc32c", "CRC", "LastModified", "last_modified", "Last-Modified", "updated",
    "mtime", "modified", "modify", "modificationTime", "modification_time", "last_write_time", "server_modified",
)  # fmt: skip
"""What drivers call a hash, a version or the time of the last change of a file."""


@dataclass(frozen=True)
class StoredFile:
    """A file of a store.

    Attributes:
        name: what the store calls it.
        url: its address without credentials, the same in every collection.
        mark: what the store said of its content when it was listed; empty when that tells nothing.
        size: its bytes, where the store says so.
    """

    name: str
    url: str
    mark: str
    size: int | None


class Store:
    """The store of a URL.

    Args:
        url: an fsspec URL of a file, a folder or wildcards.

    Raises:
        CollectError: the driver is not installed, or refuses the URL.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = without_credentials(url)
        self._secret = url
        try:
            self._files, self._path = fsspec.core.url_to_fs(url)
            # a process that goes on collecting meets the same store, which remembers what it listed before
            self._files.invalidate_cache()
        except Exception as error:
            raise self._unreadable(self.url, error) from error
        # a web address may have a query, and fsspec would take its question mark for a wildcard
        self.has_wildcards = glob.has_magic(without_credentials(self._path) if _is_web(url) else self._path)

    def files(self) -> tuple[list[StoredFile], bool]:
        """The files that the URL names, by name, and whether it named them as several.

        Raises:
            CollectError: the store cannot be read.
        """
        try:
            found, several = self._found()
            return [self._described(info) for info in sorted(found, key=lambda info: str(info["name"]))], several
        except Exception as error:
            raise self._unreadable(self.url, error) from error

    def copy(self, file: StoredFile, target: Path, transferred: Callable[[int], None]) -> bool:
        """Copy a file to the disk, and say whether it stayed as it was meanwhile.

        Raises:
            CollectError: the store does not give it, or not the whole.
        """
        before = self._mark_now(file)
        try:
            source = self._files.open(file.name, "rb")
        except Exception as error:
            raise self._unreadable(file.url, error) from error
        with source, target.open("wb") as sink:
            done = 0
            while chunk := self._read(source, file):
                sink.write(chunk)
                done += len(chunk)
                transferred(done)
        if self._mark_now(file) != before:
            return False
        if file.size is not None and done < file.size:
            raise CollectError(
                f"{file.url} is cut off after {done:,} of {file.size:,} bytes",
                cause="the store said how many there are, and gave fewer",
                remedy="collect again",
            )
        return True

    def _found(self) -> tuple[list[Mapping[str, Any]], bool]:
        if self.has_wildcards:
            matches = [info for info in self._files.glob(self._path, detail=True).values() if info["type"] == "file"]
            if not matches:
                self._refuse_silence()
            return matches, True
        try:
            info = self._files.info(self._path)
        except FileNotFoundError as error:
            if error.__cause__ is not None:
                raise error.__cause__ from None
            return [], False
        if info["type"] == "file":
            return [info], False
        inside = self._files.ls(self._path, detail=True)
        return [one for one in inside if one["type"] == "file" and not _last(one["name"]).startswith(".")], True

    def _refuse_silence(self) -> None:
        """Raise what is wrong with the store: looking for wildcards takes a host that is down for an empty folder."""
        folder = self._path[: re.search(r"[*?\[]", self._path).start()].rpartition("/")[0]  # type: ignore[union-attr]
        try:
            self._files.ls(folder, detail=False)
        except FileNotFoundError as error:
            if error.__cause__ is not None:
                raise error.__cause__ from None

    def _described(self, info: Mapping[str, Any]) -> StoredFile:
        name = str(info["name"])
        url = without_credentials(str(self._files.unstrip_protocol(name)))
        return StoredFile(name, url, _mark(info) or self._asked(name), info.get("size"))

    def _mark_now(self, file: StoredFile) -> str:
        try:
            self._files.invalidate_cache()
            return self._asked(file.name)
        except Exception as error:
            raise self._unreadable(file.url, error) from error

    def _asked(self, name: str) -> str:
        """The mark of one file; a listing may tell less, or the same otherwise."""
        mark = _mark(self._files.info(name))
        if mark:
            return mark
        try:
            return str(self._files.modified(name))
        except NotImplementedError:
            return ""

    def _read(self, source: Any, file: StoredFile) -> bytes:
        try:
            return bytes(source.read(_CHUNK))
        except Exception as error:
            raise self._unreadable(file.url, error) from error

    def _unreadable(self, shown: str, error: Exception) -> CollectError:
        if isinstance(error, ImportError):
            remedy = f"install what fsspec needs for it: {error}"
        else:
            remedy = "check the address and the credentials in the environment, then collect again"
        said = str(error).replace(self._secret, self.url).strip().splitlines()
        cause = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
        return CollectError(f"{shown} cannot be read", cause=cause, remedy=remedy)


def schemes_of(path: str) -> list[str]:
    """The schemes of a path or URL; fsspec chains several: ``zip://*.csv::s3://bucket/a.zip``."""
    if "://" not in path:
        return ["file"]
    return [_scheme(link) for link in path.split("::")]


def without_credentials(url: str) -> str:
    """A URL that can be shown and kept: no user, no password; of the web no query, which may carry a token."""
    kept = re.split(r"[?#]", url, maxsplit=1)[0] if _is_web(url) else url
    return re.sub(r"://[^/?#]*@", "://", kept)


def _scheme(link: str) -> str:
    match = _SCHEME.match(link) or _DRIVER.fullmatch(link)
    return match.group(1).lower() if match else "file"


def _is_web(url: str) -> bool:
    return any(scheme in ("http", "https") for scheme in schemes_of(url))


def _mark(info: Mapping[str, Any]) -> str:
    told = {name: str(info[name]) for name in _TELLING if info.get(name)}
    return json.dumps(told | {"size": info.get("size")}, sort_keys=True) if told else ""


def _last(name: str) -> str:
    return str(name).rstrip("/").rpartition("/")[2]
