"""Stores of published files: a folder of this machine, or an object store. Both replace a file in one step."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from vertebra.durable import move_file
from vertebra.errors import PublishError
from vertebra.publish.local_path import local_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from vertebra.publish.port import Publishing

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)

_ONE_STEP: Final = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory")
"""Schemes of stores where an upload becomes visible as a whole when it is complete, in place of what was there."""


class PublishedFile(ABC):
    """A file at a target.

    Attributes:
        location: its path or URL without credentials.
    """

    location: str

    @abstractmethod
    def exists(self) -> bool:
        """Whether it is there."""

    @abstractmethod
    def open(self) -> BufferedReader:
        """Open it for reading."""

    @abstractmethod
    def replace(self, staged: Path) -> None:
        """Put a file of this machine in its place, in one step for readers. The staged file may be moved."""

    @abstractmethod
    def beside(self, name: str) -> PublishedFile:
        """Another file in the same folder."""

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn any error of the system or of a store's driver into one that names the file."""
        try:
            yield
        except Exception as error:
            raise _unwritable(self.location, error) from error


def published_file(path: str, publishing: Publishing) -> PublishedFile:
    """The file at a path or URL.

    Raises:
        PublishError: the project does not allow the scheme, the store cannot replace a file in one step, or its driver
            is not installed.
    """
    if path.lower().startswith("file://"):
        path = path[len("file://") :]
    found = _SCHEME.match(path)
    if found is None and "::" not in path:
        return _LocalFile(local_path(path, publishing))
    scheme = found[1].lower() if found else ""
    _check_scheme(path, scheme, publishing)
    return _StoredFile.of(path)


def _check_scheme(path: str, scheme: str, publishing: Publishing) -> None:
    if "::" in path or scheme not in _ONE_STEP:
        raise PublishError(
            f"{without_credentials(path)} cannot be published to",
            cause="a reader could see half a file there: the store does not replace a file in one step",
            remedy="publish to a folder of this machine, or to a bucket: s3://, gs:// or abfs://",
        )
    if scheme not in publishing.schemes:
        allowed = sorted(publishing.schemes)
        raise PublishError(
            f"the project does not allow {scheme}:// as a target",
            cause=f"it allows {', '.join(allowed)}",
            remedy=f"write `schemes: [{', '.join([*allowed, scheme])}]` in vertebra.yaml",
        )


class _LocalFile(PublishedFile):
    def __init__(self, path: Path) -> None:
        self._path = path
        self.location = str(path)

    def exists(self) -> bool:
        with self._errors():
            return self._path.exists()

    def open(self) -> BufferedReader:
        with self._errors():
            return self._path.open("rb")

    def replace(self, staged: Path) -> None:
        with self._errors():
            move_file(staged, self._path)

    def beside(self, name: str) -> PublishedFile:
        return _LocalFile(self._path.with_name(name))


class _StoredFile(PublishedFile):
    def __init__(self, files: Any, path: str, location: str) -> None:
        self._files = files
        self._path = path
        self.location = location

    @classmethod
    def of(cls, url: str) -> _StoredFile:
        import fsspec

        try:
            files, path = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise PublishError(
                f"{without_credentials(url)} cannot be published to",
                cause=str(error),
                remedy="install what fsspec needs for it",
            ) from error
        return cls(files, path, without_credentials(url))

    def exists(self) -> bool:
        with self._errors():
            self._files.invalidate_cache()
            return bool(self._files.exists(self._path))

    def open(self) -> BufferedReader:
        with self._errors():
            return cast("BufferedReader", self._files.open(self._path, "rb"))

    def replace(self, staged: Path) -> None:
        with self._errors():
            self._files.put_file(str(staged), self._path)
            self._files.invalidate_cache()
            size, stored = staged.stat().st_size, self._files.info(self._path)["size"]
            if stored != size:
                raise OSError(f"the store has {stored:,} of {size:,} bytes")

    def beside(self, name: str) -> PublishedFile:
        folder, slash, _ = self._path.rpartition("/")
        shown = self.location.rpartition("/")[0]
        return _StoredFile(self._files, f"{folder}{slash}{name}", f"{shown}/{name}")


def _unwritable(location: str, error: Exception) -> PublishError:
    said = str(error).strip().splitlines()
    return PublishError(
        f"{location} cannot be written",
        cause=f"{type(error).__name__}: {said[0]}" if said else type(error).__name__,
        remedy="check the path, the space there and the permissions or credentials, then vertebra run again",
    )


def without_credentials(url: str) -> str:
    """A URL without user and password, for messages."""
    return re.sub(r"://[^/?#]*@", "://", url)
