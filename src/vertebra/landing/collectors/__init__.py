"""Data collectors, one file per kind of source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.landing.collectors.files import FilesCollector
from vertebra.landing.collectors.package import PackageCollector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.landing.port import Collector

COLLECTORS: Final[Mapping[str, Collector]] = {
    "files": FilesCollector(),
    "package": PackageCollector(),
}
"""The collector of each kind that a dataset can declare with ``from:``."""

__all__ = ["COLLECTORS", "FilesCollector", "PackageCollector"]
