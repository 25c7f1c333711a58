"""A store of files that fsspec reads, such as a bucket: lists its files and copies them.

Drivers raise the errors of their libraries. This module turns them into a :class:`CollectError` that names the address
without credentials. Errors of writing the copy are passed on unchanged.
"""

from __future__ import annotations

import glob
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from vertebra.durable import complete_file
from vertebra.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_CHUNK: Final = 8 << 20
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_DRIVER: Final = re.compile(r"([a-z][a-z0-9+.-]*)", re.IGNORECASE)
"""A link of a chain that is not an address: ``simplecache``."""

_VERSION_FIELDS: Final = (
    "ETag", "etag", "VersionId", "version_id", "generation", "md5Hash", "content_md5", "Content-MD5", "Digest",
    "content_hash", "sha", "sha256", "crc32c", "CRC", "LastModified", "last_modified", "Last-Modified", "updated",
    "mtime", "modified", "modify", "modificationTime", "modification_time", "last_write_time", "server_modified",
)  # fmt: skip
"""Names that drivers have for a hash, a version or the time of the last change of a file."""
_UNKNOWN: Final = datetime.min.replace(tzinfo=UTC)
_MODIFIED_FIELDS: Final = (
    "LastModified", "last_modified", "updated", "mtime", "modified", "modificationTime", "modification_time",
    "last_write_time", "server_modified",
)  # fmt: skip


@dataclass(frozen=True)
class StoredFile:
    """A file of a store.

    Attributes:
        name: its name in the store.
        url: its address without credentials, the same in each collection.
        version_token: hash, version and time of change from the store, which change with the content; empty if the
            store has none.
        size: its bytes; None if the store does not say.
        modified: when it changed last, UTC; None if the store does not say.
    """

    name: str
    url: str
    version_token: str
    size: int | None
    modified: datetime | None = None


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
            # in a long-running process fsspec returns the same store again, with a cache of earlier listings
            self._files.invalidate_cache()
        except Exception as error:
            raise self._unreadable(self.url, error) from error
        # fsspec would treat the question mark before the query of a web address as a wildcard
        self.has_wildcards = glob.has_magic(without_credentials(self._path) if _is_web(url) else self._path)

    def files(self) -> tuple[list[StoredFile], bool]:
        """The files that the URL names, sorted by time of change and name, and whether it may name several.

        Raises:
            CollectError: the store cannot be read.
        """
        try:
            found, several = self._found()
            described = [self._described(info) for info in found]
            return sorted(described, key=lambda file: (file.modified or _UNKNOWN, file.name)), several
        except Exception as error:
            raise self._unreadable(self.url, error) from error

    def copy(self, file: StoredFile, target: Path, transferred: Callable[[int], None]) -> bool:
        """Copy a file to the disk.

        Returns:
            Whether the file stayed the same while it was copied.

        Raises:
            CollectError: the store cannot be read, or gives fewer bytes than it states.
        """
        before = self._current_token(file)
        try:
            source = self._files.open(file.name, "rb")
        except Exception as error:
            raise self._unreadable(file.url, error) from error
        with source, complete_file(target) as sink:
            while chunk := self._read(source, file):
                sink.write(chunk)
                transferred(sink.size)
        if self._current_token(file) != before:
            return False
        if file.size is not None and sink.size < file.size:
            raise CollectError(
                f"{file.url} is cut off after {sink.size:,} of {file.size:,} bytes",
                cause="the store sent fewer bytes than it states",
                remedy="collect again",
            )
        return True

    def _found(self) -> tuple[list[Mapping[str, Any]], bool]:
        if self.has_wildcards:
            matches = [info for info in self._files.glob(self._path, detail=True).values() if info["type"] == "file"]
            if not matches:
                self._check_reachable()
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

    def _check_reachable(self) -> None:
        """Raise the error of a store that cannot be reached: for wildcards fsspec reports an empty folder instead."""
        folder = self._path[: re.search(r"[*?\[]", self._path).start()].rpartition("/")[0]  # type: ignore[union-attr]
        try:
            self._files.ls(folder, detail=False)
        except FileNotFoundError as error:
            if error.__cause__ is not None:
                raise error.__cause__ from None

    def _described(self, info: Mapping[str, Any]) -> StoredFile:
        name = str(info["name"])
        url = without_credentials(str(self._files.unstrip_protocol(name)))
        return StoredFile(name, url, _token_in(info) or self._token_of(name), info.get("size"), _modified_in(info))

    def _current_token(self, file: StoredFile) -> str:
        try:
            self._files.invalidate_cache()
            return self._token_of(file.name)
        except Exception as error:
            raise self._unreadable(file.url, error) from error

    def _token_of(self, name: str) -> str:
        """The version token of one file, which a listing may not have."""
        token = _token_in(self._files.info(name))
        if token:
            return token
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
    """The schemes of a path or URL; fsspec chains several, as in ``zip://*.csv::s3://bucket/a.zip``."""
    if "://" not in path:
        return ["file"]
    return [_scheme(link) for link in path.split("::")]


def without_credentials(url: str) -> str:
    """A URL that is safe to show: without user and password, and without the query of a web address."""
    kept = re.split(r"[?#]", url, maxsplit=1)[0] if _is_web(url) else url
    return re.sub(r"://[^/?#]*@", "://", kept)


def _scheme(link: str) -> str:
    match = _SCHEME.match(link) or _DRIVER.fullmatch(link)
    return match.group(1).lower() if match else "file"


def _is_web(url: str) -> bool:
    return any(scheme in ("http", "https") for scheme in schemes_of(url))


def _token_in(info: Mapping[str, Any]) -> str:
    found = {name: str(info[name]) for name in _VERSION_FIELDS if info.get(name)}
    return json.dumps(found | {"size": info.get("size")}, sort_keys=True) if found else ""


def _modified_in(info: Mapping[str, Any]) -> datetime | None:
    """The time of the last change, of which drivers have texts, seconds and times."""
    for name in _MODIFIED_FIELDS:
        value = info.get(name)
        try:
            if isinstance(value, int | float):
                return datetime.fromtimestamp(value, UTC)
            if isinstance(value, str):
                value = datetime.fromisoformat(value)
        except (ValueError, OSError, OverflowError):
            continue
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return None


def _last(name: str) -> str:
    return str(name).rstrip("/").rpartition("/")[2]
