"""Collect files from a folder, or from any store that fsspec reads."""

from __future__ import annotations

import glob
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from vertebra.declare.source import Source
from vertebra.errors import CollectError
from vertebra.lake.effective_batches import MODIFIED
from vertebra.landing.local_files import local_matches, part_of
from vertebra.landing.port import Collector, Item, Listed, Payload, Refused, Request, Transfer, Unchanged
from vertebra.landing.store import Store, StoredFile, schemes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_FILE: Final = "file://"


class Files(Source):
    """Files of a folder or a bucket.

    Attributes:
        path: a path in the project, an absolute path, or a URL that fsspec reads; with wildcards.
        deleted: what becomes of the rows of a file that is no longer there: ``keep`` them, or ``retract`` its batches.
            A folder without any matching file retracts nothing: it may not be mounted.
    """

    identified_by_url = True

    path: str = Field(min_length=1)
    deleted: Literal["keep", "retract"] = "keep"


class FilesCollector(Collector):
    """``from: files``: a path in the project, an absolute path or an fsspec URL; a file, a folder or wildcards.

    Files are collected in the order of their last change, then of their paths. A local file is compared with landed
    ones by content; a file of a remote store is not downloaded if the store's ETag, version, time and size have not
    changed.
    """

    name = "files"
    declaration = Files
    example = """\
source: devices
collect: {from: files, path: "drop/*.csv"}       # or s3://bucket/drop/*.csv, with schemes: [file, s3] in vertebra.yaml
parse: {format: csv}
columns: {id: int, value: double}
"""

    def collect(self, request: Request) -> Iterator[Item]:
        """Give one payload for each file.

        Raises:
            CollectError: nothing is there, the scheme is not allowed, or the store cannot be read.
        """
        path = request.declared(Files).path
        schemes = schemes_of(path)
        missing = [scheme for scheme in schemes if scheme not in request.schemes]
        if missing:
            allowed = sorted(request.schemes)
            raise CollectError(
                f"the project does not allow {missing[0]}:// as a source",
                cause=f"it allows {', '.join(allowed)}",
                remedy="if you trust the source, write `schemes: "
                f"[{', '.join([*allowed, *dict.fromkeys(missing)])}]` in vertebra.yaml",
                where=f"dataset {request.dataset.name}",
            )
        if schemes == ["file"]:
            yield from _local(request, path[len(_FILE) :] if path.lower().startswith(_FILE) else path)
        else:
            yield from _remote(request, path)


def _local(request: Request, path: str) -> Iterator[Item]:
    root = request.project_root.resolve()
    files = [(file, _modified(file)) for file in local_matches(root, path)]
    files.sort(key=lambda found: (found[1], found[0]))
    if not files:
        _nothing(request, str(root / path), wildcards=glob.has_magic(path))
    yield from _listed(request, [_url(file, root) for file, _ in files])
    several = not (root / path).is_file()
    for file, modified in files:
        url = _url(file, root)
        part = part_of(url, request, several=several)
        if several and _leads_out(file, root):
            yield Refused(url, _link(url, file), part=part)
            continue
        yield Payload(file, url, headers=_headers(modified), part=part, may_be_empty=len(files) > 1)


def _url(file: Path, root: Path) -> str:
    return f"file:{file.relative_to(root).as_posix() if file.is_relative_to(root) else file}"


def _modified(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _headers(modified: datetime | None) -> dict[str, str]:
    return {MODIFIED: modified.isoformat()} if modified else {}


def _listed(request: Request, urls: Sequence[str]) -> Iterator[Listed]:
    if urls and request.declared(Files).deleted == "retract":
        yield Listed(frozenset(map(request.redact, urls)))


def _leads_out(file: Path, root: Path) -> bool:
    """Whether a file is a link out of its folder: not everyone may be allowed to read its target."""
    if not file.is_symlink():
        return False
    target = file.resolve()
    return not (target.is_relative_to(file.parent.resolve()) or target.is_relative_to(root))


def _link(url: str, file: Path) -> CollectError:
    return CollectError(
        f"{url} is a link out of its folder, to {file.resolve()}",
        cause="anyone who can write to the folder could make Vertebra collect any file",
        remedy="put the file itself into the folder, or write its own path in collect.path",
    )


def _remote(request: Request, url: str) -> Iterator[Item]:
    store = Store(url)
    files, several = store.files()
    if not files:
        _nothing(request, store.url, wildcards=store.has_wildcards)
    yield from _listed(request, [file.url for file in files])
    for number, file in enumerate(files):
        last, part = request.last_receipt_from(file.url), part_of(file.url, request, several=several)
        if last and last.part == part and file.version_token and last.headers.get("mark") == file.version_token:
            yield Unchanged(file.url)
            continue
        target = request.staging / f"file-{number}"
        request.progress(f"reading {file.url}")
        try:
            stayed = store.copy(file, target, partial(_watched, request, file))
        except CollectError as error:
            yield Refused(file.url, error, part=part)
            continue
        if not stayed:
            yield Refused(file.url, _changed(file.url), target, part=part)
            continue
        headers = {"mark": file.version_token} if file.version_token else {}
        about = headers | _headers(file.modified)
        yield Payload(target, file.url, headers=about, part=part, may_be_empty=len(files) > 1)


def _watched(request: Request, file: StoredFile, done: int) -> None:
    request.transferred(Transfer(file.url, done, file.size))


def _changed(shown: str) -> CollectError:
    return CollectError(
        f"{shown} changed while it was read",
        cause="something is still writing the file",
        remedy="collect again when it is complete",
    )


def _nothing(request: Request, what: str, *, wildcards: bool) -> None:
    """Report that no file matches: an error, unless there are wildcards and files were collected before."""
    if wildcards and request.landed:
        request.progress(f"no file matches {what} now")
        return
    raise CollectError(
        f"there is no file {what}",
        cause="no file matches the wildcards" if wildcards else "the path does not exist",
        remedy=f"correct collect.path of {request.dataset.name}, or put the file there",
        where=f"dataset {request.dataset.name}",
    )


COLLECTOR: Final = FilesCollector()
