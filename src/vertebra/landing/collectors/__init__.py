"""Data collectors, one file per kind of source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.landing.collectors.ckan import CkanCollector
from vertebra.landing.collectors.dlt import DltCollector
from vertebra.landing.collectors.files import FilesCollector
from vertebra.landing.collectors.http import HttpCollector
from vertebra.landing.collectors.package import PackageCollector
from vertebra.landing.collectors.rest import RestCollector
from vertebra.landing.collectors.socrata import SocrataCollector
from vertebra.landing.collectors.sql import SqlCollector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.landing.port import Collector

COLLECTORS: Final[Mapping[str, Collector]] = {
    "ckan": CkanCollector(),
    "dlt": DltCollector(),
    "files": FilesCollector(),
    "http": HttpCollector(),
    "package": PackageCollector(),
    "rest": RestCollector(),
    "socrata": SocrataCollector(),
    "sql": SqlCollector(),
}
"""The collector of each kind that a dataset can declare with ``from:``."""

__all__ = [
    "COLLECTORS",
    "CkanCollector",
    "DltCollector",
    "FilesCollector",
    "HttpCollector",
    "PackageCollector",
    "RestCollector",
    "SocrataCollector",
    "SqlCollector",
]
