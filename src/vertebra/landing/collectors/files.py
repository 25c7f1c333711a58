"""Collect files from a folder, or from any store that fsspec reads."""

from __future__ import annotations

import glob
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.collect import Files
from vertebra.errors import CollectError
from vertebra.landing.port import Payload, Refused, Request, Unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 8 << 20
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


class FilesCollector:
    """``from: files``: a path in the project, an absolute path or an fsspec URL; a file, a folder or wildcards.

    Files come in the order of their paths. What a file was when it was landed is compared by content; for a remote
    store the store's own mark of a file (ETag, version, time and size) first spares the transfer.
    """

    @property
    def version(self) -> str:
        """Kind and version, for receipts."""
        return "files/1"

    def collect(self, request: Request) -> Iterator[Payload | Unchanged | Refused]:
        """Give one payload for each file.

        Raises:
            CollectError: nothing is there, the scheme is not allowed, or the store cannot be read.
        """
        path = request.declared(Files).path
        scheme = _scheme(path)
        if scheme not in request.schemes:
            raise CollectError(
                f"the project does not allow {scheme}:// as a source",
                cause=f"allowed are {', '.join(sorted(request.schemes))}",
                remedy=f"if you trust the source, write `schemes: [file, {scheme}]` in vertebra.yaml",
                where=f"dataset {request.dataset.name}",
            )
        if scheme == "file":
            yield from _local(request, path[len("file://") :] if _SCHEME.match(path) else path)
        else:
            yield from _remote(request, path)


def local_matches(root: Path, pattern: str) -> list[Path]:
    """The files that a path relative to ``root`` names: itself, a folder's files, or what its wildcards match."""
    exact = root / pattern
    if exact.is_file():
        return [exact]
    if exact.is_dir():
        return sorted(file for file in exact.iterdir() if file.is_file() and not file.name.startswith("."))
    # Not Path.glob: it takes no absolute pattern and finds hidden files.
    matches = (root / match for match in glob.iglob(pattern, root_dir=root, recursive=True))  # noqa: PTH207
    return sorted(file for file in matches if file.is_file())


def _local(request: Request, path: str) -> Iterator[Payload]:
    root = request.project_root.resolve()
    files = local_matches(root, path)
    if not files:
        _nothing(request, str(root / path), wildcards=glob.has_magic(path))
    several = not (root / path).is_file()
    for file in files:
        inside = file.is_relative_to(root)
        url = f"file:{file.relative_to(root).as_posix() if inside else file}"
        yield Payload(file, url, part=part_of(url, request, several=several))


def part_of(url: str, request: Request, *, several: bool) -> str | None:
    """A file as a part of its source: a snapshot of several files is the newest batch of each."""
    return url if several and request.dataset.load == "snapshot" else None


def _remote(request: Request, url: str) -> Iterator[Payload | Unchanged | Refused]:
    import fsspec

    where = f"dataset {request.dataset.name}"
    try:
        store, path = fsspec.core.url_to_fs(url)
        # a process that goes on collecting meets the same store, which remembers what it listed before
        store.invalidate_cache()
        names = _listing(store, path)
    except (OSError, ValueError, ImportError) as error:
        raise _unreadable(url, error, where) from error
    if not names:
        _nothing(request, without_credentials(url), wildcards=glob.has_magic(path))
    for name in names:
        shown = without_credentials(str(store.unstrip_protocol(name)))
        mark = _mark(store, name)
        last, part = request.last_from(shown), part_of(shown, request, several=names != [path])
        if last and last.part == part and mark and last.headers.get("mark") == mark:
            yield Unchanged(shown)
            continue
        # The last part of the path only: it names the payload's format and cannot lead out of the folder.
        target = request.staging / Path(shown).name
        request.progress(f"reading {shown}")
        try:
            with store.open(name, "rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
        except FileNotFoundError as error:
            raise _unreadable(shown, error, where) from error
        store.invalidate_cache()
        if _mark(store, name) != mark:
            yield Refused(shown, _changed(shown, where), target)
            continue
        yield Payload(target, shown, headers={"mark": mark} if mark else {}, part=part)


def _listing(store: Any, path: str) -> list[str]:
    if glob.has_magic(path):
        return sorted(name for name, info in store.glob(path, detail=True).items() if info["type"] == "file")
    if store.isdir(path):
        return sorted(info["name"] for info in store.ls(path, detail=True) if info["type"] == "file")
    return [path] if store.exists(path) else []


def _mark(store: Any, name: str) -> str:
    """What the store says identifies the file's content now; empty when it says nothing usable."""
    try:
        return str(store.ukey(name))
    except (NotImplementedError, OSError, KeyError, TypeError):
        return ""


def _changed(shown: str, where: str) -> CollectError:
    return CollectError(
        f"{shown} changed while it was read",
        cause="something is still writing the file",
        remedy="collect again when it is written",
        where=where,
    )


def _nothing(request: Request, what: str, *, wildcards: bool) -> None:
    """Nothing matches: an error, unless wildcards wait for files and some came before."""
    if wildcards and request.landed:
        request.progress(f"no file matches {what} now")
        return
    raise CollectError(
        f"there is no file {what}",
        cause="no file matches the wildcards" if wildcards else "the path does not exist",
        remedy=f"correct collect.path of {request.dataset.name}, or put the file there",
        where=f"dataset {request.dataset.name}",
    )


def _unreadable(url: str, error: Exception, where: str) -> CollectError:
    if isinstance(error, ImportError):
        remedy = f"install what fsspec needs for it: {error}"
    else:
        remedy = "check the address and the credentials in the environment, then collect again"
    return CollectError(
        f"{without_credentials(url)} cannot be read",
        cause=f"{type(error).__name__}: {error}".replace(url, without_credentials(url)),
        remedy=remedy,
        where=where,
    )


def _scheme(path: str) -> str:
    match = _SCHEME.match(path)
    return match.group(1).lower() if match else "file"


def without_credentials(url: str) -> str:
    """A URL that can be shown and kept: no user, no password, no query string (which may carry a token)."""
    return re.sub(r"://[^/?#]*@", "://", re.split(r"[?#]", url, maxsplit=1)[0])
