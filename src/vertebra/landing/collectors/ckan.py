"""Collect from a CKAN portal: the records of a resource, or the files of a package by their names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, field_validator, model_validator

from vertebra.declare.period import Period
from vertebra.declare.placeholders import file_name_pattern, is_time_placeholder, placeholder_names
from vertebra.declare.web_source import PortalSource
from vertebra.errors import CollectError
from vertebra.landing.parsing.format import format_named
from vertebra.landing.port import Collector, Item, Payload, Request, Unchanged
from vertebra.landing.web.content import check_answer
from vertebra.landing.web.errors import RefusedAnswerError, SourceChangedError
from vertebra.landing.web.pages import (
    Page,
    PageArchive,
    check_same_total,
    check_total,
    integer_at,
    json_page,
    numbered_files,
    parse_json,
    refused_page,
    value_at,
)
from vertebra.landing.web.read import client_for, collect_targets, read_until_stable, refused_target
from vertebra.landing.web.targets import Target, file_name

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from vertebra.landing.web.client import Client
    from vertebra.landing.web.download import Download

_MODIFIED: Final = "last_modified"
_TOTAL: Final = "total"
_REPORT: Final = "report it to the portal"


class Ckan(PortalSource):
    """A CKAN portal: the records of one resource in its datastore, or files of a package selected by name.

    Attributes:
        portal: address of the portal, before ``/api/3/action``.
        resource: id of a resource whose records are read from the datastore.
        package: name of a package whose files are downloaded.
        files: names of the package's resources, with wildcards: ``*_{period:%Y}_*.csv``; the period is read from the
            name.
        page: most records in one request; the portal may give fewer.
    """

    resource: str | None = Field(default=None, min_length=1)
    package: str | None = Field(default=None, min_length=1)
    files: str | None = Field(default=None, min_length=1)
    page: int = Field(default=32_000, ge=1, le=100_000)

    @field_validator("files")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            others = sorted(name for name in placeholder_names(value) if not is_time_placeholder(name))
            if others:
                raise ValueError(f"a file name has no {{{others[0]}}}; only {{period:…}} is read from names")
            file_name_pattern(value)
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Ckan:
        if (self.resource is None) == (self.package is None):
            raise ValueError(
                "it needs resource or package; write resource: ID for records, or package: NAME and files: PATTERN"
            )
        if (self.package is None) != (self.files is None):
            raise ValueError("package and files go together; write package: NAME and files: '*.csv'")
        return self

    @classmethod
    def parse_defaults(cls, written: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """JSON with the path to the records for a resource; none for files."""
        return {"format": "json", "records": "result.records"} if written.get("resource") is not None else None

    def allowed_formats(self) -> tuple[str, ...] | None:
        """JSON for a resource; files have any format."""
        return ("json",) if self.resource is not None else None

    def doubled_by_append(self) -> str | None:
        """A corrected file is collected again."""
        return "files" if self.files is not None else None


class CkanCollector(Collector):
    """``from: ckan``: a resource is one batch, a zip archive of its pages; each file of a package is one batch."""

    name = "ckan"
    declaration = Ckan
    example = """\
source: bcn
collect:
  from: ckan
  portal: https://opendata-ajuntament.barcelona.cat/data
  resource: 0e3b6840-7dff-4731-a556-44fac28a7873
  auth: {header: Authorization, value: "${BCN_TOKEN}"}
  every: "@weekly"
load: snapshot
columns:
  codi_districte: {type: int, source: [Codi_Districte, CODI_DISTRICTE]}
  nom_districte: {type: string, source: Nom_Districte}
"""

    def collect(self, request: Request) -> Iterator[Item]:
        """Give the resource, or the package's files sorted by period and name.

        Raises:
            CollectError: the portal does not answer, or has no such package or file.
        """
        source = request.declared(Ckan)
        with client_for(source, source.portal, request) as client:
            if source.resource is not None:
                reader = _Datastore(
                    source.resource, source, request, client, numbered_files(request.staging, "page.json")
                )
                yield reader.item()
            else:
                yield from _Files(source, request, client, numbered_files(request.staging, "download")).items()


def _action(
    client: Client, source: Ckan, name: str, target: Path, *params: tuple[str, str]
) -> tuple[Download, dict[str, Any]]:
    """Call an action of the portal. An error with status 200 is refused."""
    answer = client.fetch(f"{source.portal}/api/3/action/{name}", target, params, allow_gzip=True)
    if answer is None:
        raise CollectError(f"{source.portal} answers that nothing changed, although no condition was sent")
    body = parse_json(answer)
    if not isinstance(body, dict) or body.get("success") is not True or not isinstance(body.get("result"), dict):
        raise refused_page(answer, "is not that of a CKAN action", "it has no success and result")
    return answer, body


@dataclass(frozen=True)
class _Datastore:
    """Reads pages by offset, sorted by ``_id``, up to the total. Portals silently limit the size of pages."""

    resource: str
    source: Ckan
    request: Request
    client: Client
    next_file: Callable[[], Path]

    def item(self) -> Item:
        url = f"{self.source.portal}/api/3/action/datastore_search?resource_id={self.resource}"
        self.request.progress(f"reading {url}")
        self.client.start_deadline()
        last = self.request.last_receipt_from(url)
        modified = self._modified()
        if last is not None and modified is not None and last.headers.get(_MODIFIED) == modified:
            answer, body = self._search(0, 0)
            total = integer_at(answer, body, "result.total")
            if last.headers.get(_TOTAL) == str(total):
                return Unchanged(url)
        return read_until_stable(url, self.request, lambda: self._read(url))

    def _read(self, url: str) -> Payload:
        modified, total, newest = self._modified(), None, -1
        with PageArchive(self.next_file().with_suffix(".zip"), ".json") as pages:
            while total is None or pages.records < total:
                answer, body = self._search(pages.records, self.source.page)
                now = integer_at(answer, body, "result.total")
                check_same_total(url, total, now)
                total = now
                page = json_page(answer, "result.records")
                if not page.records:
                    check_total(url, pages.records, total, _REPORT)
                newest = _rising(page, newest)
                pages.add(page)
        check_total(url, pages.records, total, _REPORT)
        if self._modified() != modified:
            raise SourceChangedError(f"{url} changed while it was read")
        headers = {_TOTAL: str(total)} | ({_MODIFIED: modified} if modified is not None else {})
        name = f"{self.request.dataset.name}.zip"
        return Payload(
            pages.file,
            url,
            headers=headers,
            file_name=name,
            expected_records=total,
            content_hash=pages.content_hash,
        )

    def _search(self, offset: int, limit: int) -> tuple[Download, dict[str, Any]]:
        params = {"resource_id": self.resource, "limit": str(limit), "offset": str(offset), "sort": "_id asc"}
        return _action(self.client, self.source, "datastore_search", self.next_file(), *params.items())

    def _modified(self) -> str | None:
        """When the resource last changed; None if the portal does not report it."""
        try:
            _, body = _action(self.client, self.source, "resource_show", self.next_file(), ("id", self.resource))
        except RefusedAnswerError as error:
            if error.status in (401, 403, 404):
                return None
            raise
        found = value_at(body, f"result.{_MODIFIED}")
        return found if isinstance(found, str) else None


def _rising(page: Page, newest: int) -> int:
    """The largest row id of a page, if rows have ids. Ids rise from row to row and from page to page."""
    for record in page.records:
        found = record.get("_id") if isinstance(record, dict) else None
        if not isinstance(found, str) or not found.isdigit():
            return newest
        if int(found) <= newest:
            raise refused_page(page.answer, f"gives row {found} again, or out of order", "its pages overlap")
        newest = int(found)
    return newest


@dataclass(frozen=True)
class _Files:
    """Downloads the resources of a package whose names match."""

    source: Ckan
    request: Request
    client: Client
    next_file: Callable[[], Path]

    def items(self) -> Iterator[Item]:
        self.client.start_deadline()
        package = str(self.source.package)
        _, body = _action(self.client, self.source, "package_show", self.next_file(), ("id", package))
        pattern = file_name_pattern(str(self.source.files))
        listed = value_at(body, "result.resources")
        found = []
        for resource in listed if isinstance(listed, list) else []:
            match = pattern.fullmatch(str(resource.get("name", "")))
            if match is not None:
                found.append((_period(match), str(resource["name"]), resource))
        if not found:
            names = ", ".join(str(one.get("name")) for one in (listed or [])[:8]) or "no files"
            raise CollectError(
                f"the package {package} has no file named {self.source.files}",
                cause=f"it has {names}",
                remedy="correct collect.files",
            )
        self._refuse_doubles(found)
        targets, modified = [], {}
        for period, name, resource in sorted(found, key=lambda one: (one[0] or "", one[1])):
            part = None if period is not None else name
            url = str(resource.get("url", ""))
            last = self.request.last_receipt_of(period, part)
            targets.append(Target(url, self.request.redact(url), period, part, is_newest=False, landed=last))
            modified[url] = resource.get(_MODIFIED)

        def one(target: Target) -> Iterator[Item]:
            try:
                yield self._file(target, modified[target.url])
            except RefusedAnswerError as error:
                # the portal lists the file, so a missing one is an error, not a file that is still to come
                yield refused_target(target, error)

        yield from collect_targets(targets, self.request, one)

    def _file(self, target: Target, modified: Any) -> Item:
        if modified and target.validators.get(_MODIFIED) == modified:
            return Unchanged(target.url)
        self.request.progress(f"reading {target.url}")
        # an address from the portal is followed like a redirect: without the credentials on other hosts
        address = self.client.credentials.follow(self.source.portal, target.url)
        self.client.start_deadline()
        answer = self.client.fetch(address, self.next_file(), validators=target.validators)
        if answer is None:
            return Unchanged(target.url)
        check_answer(answer, format_named(self.request.dataset.parse.format))
        headers = answer.headers | ({_MODIFIED: str(modified)} if modified else {})
        name = file_name(address, self.request.dataset)
        return Payload(answer.file, target.url, target.period, headers, part=target.part, file_name=name)

    def _refuse_doubles(self, found: list[tuple[str | None, str, dict[str, Any]]]) -> None:
        periods = [period for period, _, _ in found if period is not None]
        double = next((one for one in periods if periods.count(one) > 1), None)
        if double is not None:
            names = ", ".join(name for period, name, _ in found if period == double)
            raise CollectError(
                f"the package {self.source.package} has several files of {double}",
                cause=f"{names} match {self.source.files}",
                remedy="make collect.files more specific, so that one file matches for each period",
            )


def _period(match: re.Match[str]) -> str | None:
    """The period in a file's name; None if there is none."""
    given = {key: int(value) for key, value in match.groupdict().items() if value is not None}
    year = given.get("Y", given.get("G"))
    if year is None:
        return None
    if "V" in given:
        return str(Period(datetime.fromisocalendar(year, given["V"], 1), "week"))
    if "q" in given:
        return str(Period(datetime(year, given["q"] * 3 - 2, 1), "quarter"))
    start = datetime(year, given.get("m", 1), given.get("d", 1), given.get("H", 0))
    return str(
        Period(start, "hour" if "H" in given else "day" if "d" in given else "month" if "m" in given else "year")
    )


COLLECTOR: Final = CkanCollector()
