"""Collect from a CKAN portal: the records of a resource, or the resources of a package by their names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, field_validator, model_validator

from vertebra.declare.period import Period
from vertebra.declare.placeholders import file_name_pattern, is_time_placeholder, placeholder_names
from vertebra.declare.web_source import PortalSource
from vertebra.declare.yaml_flow import plain_or_quoted
from vertebra.errors import CollectError
from vertebra.formatting import shortened
from vertebra.landing.parsing.format import format_named
from vertebra.landing.port import Collector, Item, Payload, Request, Unchanged, Warned
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
from vertebra.landing.web.read import NOT_FOUND, client_for, collect_targets, read_until_stable, refused_target
from vertebra.landing.web.targets import Target, file_name

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from vertebra.landing.web.client import Client
    from vertebra.landing.web.download import Download

_MODIFIED: Final = "last_modified"
_TOTAL: Final = "total"
_REPORT: Final = "report it to the portal"


class Ckan(PortalSource):
    """A CKAN portal: the records of one resource in its datastore, or resources of a package selected by name.

    Attributes:
        portal: address of the portal, before ``/api/3/action``.
        resource: id of a resource whose records are read from the datastore.
        package: name of a package of which several resources are collected.
        files: names of the package's resources whose files are downloaded, with wildcards: ``*_{period:%Y}_*.csv``; the
            period is read from the name.
        resources: names of the package's resources whose records are read from the datastore, written like ``files``.
        skip: names of resources, with wildcards, that are not collected although they match, such as one that the
            portal lists and does not have.
        page: most records in one request; the portal may give fewer.
    """

    resource: str | None = Field(default=None, min_length=1)
    package: str | None = Field(default=None, min_length=1)
    files: str | None = Field(default=None, min_length=1)
    resources: str | None = Field(default=None, min_length=1)
    skip: tuple[str, ...] = ()
    page: int = Field(default=32_000, ge=1, le=100_000)

    @field_validator("files", "resources")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            others = sorted(name for name in placeholder_names(value) if not is_time_placeholder(name))
            if others:
                raise ValueError(f"a file name has no {{{others[0]}}}; only {{period:…}} is read from names")
            file_name_pattern(value)
        return value

    @field_validator("skip")
    @classmethod
    def _skipped(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if placeholder_names(one):
                raise ValueError(f"{one!r} has a placeholder; write the name of a resource, with * for any text")
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Ckan:
        if (self.resource is None) == (self.package is None):
            raise ValueError(
                "it needs resource or package; write resource: ID for records, or package: NAME and files: PATTERN"
            )
        named = [one for one in (self.files, self.resources) if one is not None]
        if len(named) != (0 if self.package is None else 1):
            raise ValueError(
                "package goes with files or with resources; write package: NAME and files: '*.csv' to download them, "
                "or package: NAME and resources: '*.csv' to read their records from the datastore"
            )
        if self.skip and self.package is None:
            raise ValueError("skip names resources of a package; remove it, or write package: NAME")
        return self

    @property
    def selected(self) -> str:
        """The pattern of the names of the package's resources."""
        return self.files or self.resources or ""

    @classmethod
    def parse_defaults(cls, written: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """JSON with the path to the records for the datastore; none for files."""
        is_read = written.get("resource") is not None or written.get("resources") is not None
        return {"format": "json", "records": "result.records"} if is_read else None

    def allowed_formats(self) -> tuple[str, ...] | None:
        """JSON for the datastore; files have any format."""
        return None if self.files is not None else ("json",)

    def doubled_by_append(self) -> str | None:
        """A corrected file or resource is collected again."""
        return "files" if self.files is not None else "resources" if self.resources is not None else None


class CkanCollector(Collector):
    """``from: ckan``: a resource is one batch, a zip archive of its pages or its file."""

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
        """Give the resource, or the package's resources sorted by period and name.

        Raises:
            CollectError: the portal does not answer, or has no such package or resource.
        """
        source = request.declared(Ckan)
        with client_for(source, source.portal, request) as client:
            if source.resource is not None:
                url = _datastore_url(source, source.resource)
                target = Target(url, url, None, None, is_newest=False, landed=request.last_receipt_from(url))
                pages = numbered_files(request.staging, "page.json")
                yield _Datastore(source.resource, target, source, request, client, pages).item()
            else:
                yield from _Package(source, request, client, numbered_files(request.staging, "download")).items()


def _datastore_url(source: Ckan, resource: str) -> str:
    return f"{source.portal}/api/3/action/datastore_search?resource_id={resource}"


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
    target: Target
    source: Ckan
    request: Request
    client: Client
    next_file: Callable[[], Path]

    def item(self) -> Item:
        url, last = self.target.url, self.target.landed
        self.request.progress(f"reading {url}")
        self.client.start_deadline()
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
            self.target.period,
            headers,
            part=self.target.part,
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
class _Resource:
    """A resource of a package.

    Attributes:
        period: read from its name; None if the pattern has none.
        name: as the portal lists it.
        listed: what the portal lists of it.
    """

    period: str | None
    name: str
    listed: Mapping[str, Any]


@dataclass(frozen=True)
class _Package:
    """Collects the resources of a package whose names match."""

    source: Ckan
    request: Request
    client: Client
    next_file: Callable[[], Path]

    def items(self) -> Iterator[Item]:
        self.client.start_deadline()
        package = str(self.source.package)
        _, body = _action(self.client, self.source, "package_show", self.next_file(), ("id", package))
        listed = value_at(body, "result.resources")
        found = self._matching(listed if isinstance(listed, list) else [])
        skipped: set[str] = set()
        for written in self.source.skip:
            left_out = {one.name for one in found if file_name_pattern(written).fullmatch(one.name)}
            if not left_out:
                yield self._unused(written, found)
            skipped |= left_out
        chosen = [one for one in found if one.name not in skipped]
        if not chosen:
            names = ", ".join(str(one.get("name")) for one in (listed or [])[:8]) or "no files"
            raise CollectError(
                f"the package {package} has no file named {self.source.selected}",
                cause=f"it has {names}" if not found else f"collect.skip leaves out all that match: {_names(found)}",
                remedy=f"correct collect.{'skip' if found else 'files' if self.source.files else 'resources'}",
            )
        self._refuse_doubles(chosen)
        by_url = {}
        targets = []
        for resource in sorted(chosen, key=lambda one: (one.period or "", one.name)):
            target = self._target(resource)
            targets.append(target)
            by_url[target.url] = resource

        def one(target: Target) -> Iterator[Item]:
            resource = by_url[target.url]
            try:
                yield self._file(target, resource) if self.source.files is not None else self._records(target, resource)
            except RefusedAnswerError as error:
                # the portal lists the resource, so a missing one is an error, not one that is still to come
                yield refused_target(target, self._explained(error, resource))

        yield from collect_targets(targets, self.request, one)

    def _matching(self, listed: Sequence[Mapping[str, Any]]) -> list[_Resource]:
        """The resources whose names match."""
        pattern = file_name_pattern(self.source.selected)
        named = [(str(one.get("name", "")), one) for one in listed if isinstance(one, dict)]
        return [_Resource(_period(match), name, one) for name, one in named if (match := pattern.fullmatch(name))]

    def _unused(self, written: str, found: Sequence[_Resource]) -> Warned:
        """The warning about a name to skip that no resource has."""
        return Warned(
            f"collect.skip of {self.request.dataset.name} names {written}, and no resource has this name",
            f"the package {self.source.package} has {_names(found) or 'none that match'}",
            "correct collect.skip, or remove the name",
        )

    def _target(self, resource: _Resource) -> Target:
        part = None if resource.period is not None else resource.name
        last = self.request.last_receipt_of(resource.period, part)
        is_file = self.source.files is not None
        url = (
            str(resource.listed.get("url", "")) if is_file else _datastore_url(self.source, str(resource.listed["id"]))
        )
        return Target(url, self.request.redact(url), resource.period, part, is_newest=False, landed=last)

    def _records(self, target: Target, resource: _Resource) -> Item:
        if resource.listed.get("datastore_active") is False:
            raise RefusedAnswerError(
                f"the resource {resource.name} is not in the datastore of the portal",
                url=target.url,
                cause="its datastore_active is false, so that only its file can be downloaded",
                remedy=f"collect files: {self.source.selected!r} in place of resources, or leave it out: "
                f"collect: {{skip: [{plain_or_quoted(resource.name)}]}}",
            )
        pages = numbered_files(self.request.staging, f"{resource.listed['id']}.json")
        return _Datastore(str(resource.listed["id"]), target, self.source, self.request, self.client, pages).item()

    def _file(self, target: Target, resource: _Resource) -> Item:
        modified = resource.listed.get(_MODIFIED)
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

    def _explained(self, error: RefusedAnswerError, resource: _Resource) -> RefusedAnswerError:
        """The error of a resource that the portal lists and does not have, with what to declare."""
        if error.status not in NOT_FOUND:
            return error
        return RefusedAnswerError(
            f"the package {self.source.package} lists {resource.name}, and the portal does not have it: {error.fact}",
            url=error.url,
            file=error.file,
            status=error.status,
            cause=error.cause,
            remedy="ask the portal for it; to collect the others without it, write "
            f"collect: {{skip: [{plain_or_quoted(resource.name)}]}}",
        )

    def _refuse_doubles(self, found: Sequence[_Resource]) -> None:
        periods = [one.period for one in found if one.period is not None]
        double = next((one for one in periods if periods.count(one) > 1), None)
        if double is not None:
            key = "files" if self.source.files is not None else "resources"
            raise CollectError(
                f"the package {self.source.package} has several {key} of {double}",
                cause=f"{', '.join(one.name for one in found if one.period == double)} match {self.source.selected}",
                remedy=f"make collect.{key} more specific, so that one matches for each period, or name the others in "
                "collect.skip",
            )


def _names(found: Sequence[_Resource]) -> str:
    return shortened([one.name for one in found])


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
