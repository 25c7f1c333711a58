"""Collect the records of a JSON API, page by page."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pydantic import Field, model_validator

from vertebra.declare.declaration import Declaration
from vertebra.declare.web_source import UrlTemplateSource, refuse_secret_parameters
from vertebra.errors import CollectError
from vertebra.lake.batches import CURSOR_FIELD
from vertebra.landing.formats.json import JsonOptions
from vertebra.landing.port import Collector, Item, Payload, Request, Unchanged, Warned
from vertebra.landing.watermark import cursor_column, declared_kind, kind_of, number_of
from vertebra.landing.web.credentials import with_query
from vertebra.landing.web.errors import SourceChangedError
from vertebra.landing.web.pages import (
    MAX_PAGE_BYTES,
    PageArchive,
    content_hash_of,
    drop_keys,
    json_page,
    numbered_files,
    parse_json,
    value_at,
)
from vertebra.landing.web.paging import PageReader, Paging
from vertebra.landing.web.read import client_for, collect_targets, read_until_stable
from vertebra.landing.web.since import Since as SinceWatermark
from vertebra.landing.web.targets import Target, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.source import WithColumns
    from vertebra.landing.web.client import Client
    from vertebra.landing.web.download import Download


class Since(Declaration):
    """Asks a JSON API only for records that changed since the last collection.

    Attributes:
        param: query parameter for the newest value landed.
        field: path to the value in a record: a number, a time in ISO 8601, or texts of one length that rise with time.
        start: value for the first collection: a number, a time in ISO 8601 (also ``2000`` or ``2000-01``), or a text.
    """

    param: str = Field(min_length=1)
    field: str = Field(min_length=1)
    start: str

    def refusal(self, dataset: WithColumns) -> str | None:
        """Why the declared column of the field cannot be compared with ``start``; None if it can be."""
        column = cursor_column(dataset, self.field)
        kind = declared_kind(column)
        assert column is not None or kind is None
        if column is None or kind is None or kind == kind_of(self.start):
            return None
        if kind == "time" and number_of(self.start) is not None:
            return None  # a year, or seconds since 1970
        what = "a number" if kind == "number" else "a time in ISO 8601"
        return (
            f"collect.since.start {self.start!r} is not {what}, and {self.field} is a {column.type}; write start: "
            + ("'0'" if kind == "number" else "'2000-01-01T00:00:00Z'")
        )


class Rest(UrlTemplateSource):
    """A JSON API. ``parse: {records: …}`` is the path to the records in its answer.

    Attributes:
        page: how the API gives its records page by page; all in one answer unless declared.
        since: asks for what changed since the last collection; needs ``load: upsert``.
        volatile: keys of the answer, or of its records, that differ on each request although the data is the same, e.g.
            ``generationtime_ms``.
    """

    payload_formats = ("json",)

    page: Paging | None = None
    since: Since | None = None
    volatile: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _no_secrets(self) -> Rest:
        refuse_secret_parameters(self.url, self.params)
        taken = [one for one in (self.page and self.page.param, self.page and self.page.size_param) if one]
        taken += [self.since.param] if self.since else []
        double = next((name for name in taken if name in self.params or taken.count(name) > 1), None)
        if double:
            raise ValueError(f"the query parameter {double} is set twice; remove it from params")
        if self.since is not None and (self.periods or self.over):
            raise ValueError(
                "since continues from the newest value landed, but periods and over start again; remove one of them"
            )
        return self

    def doubled_by_append(self) -> str | None:
        """An API returns the records with the value of ``since`` again."""
        return "since" if self.since is not None else super().doubled_by_append()

    def refusal(self, dataset: WithColumns) -> str | None:
        """Why the columns do not fit ``since``."""
        return self.since.refusal(dataset) if self.since is not None else super().refusal(dataset)


class RestCollector(Collector):
    """``from: rest``: the payload is a zip archive of the pages as received, or the answer if there are no pages."""

    name = "rest"
    declaration = Rest
    example = """\
source: station_network
collect:
  from: rest
  url: https://api.example.org/v1/stations/{station}/readings
  params: {from: "{period:%Y-%m-%d}", to: "{last:%Y-%m-%d}"}
  over: {station: [airport, harbour]}
  periods: {unit: month, from: 2024-01}
  page: {by: offset, param: offset, size_param: limit, size: 1000, total: meta.total}
  auth: {bearer: "${STATION_TOKEN}"}
parse: {records: data.items}
columns: {id: bigint, at: timestamp, value: double}
"""

    def collect(self, request: Request) -> Iterator[Item]:
        """Give one payload for each period and combination of values that is due.

        Raises:
            CollectError: the host cannot be reached.
        """
        source = request.declared(Rest)
        with client_for(source, source.url, request) as client:
            reader = _Reader(source, request, client, numbered_files(request.staging, "page.json"))
            yield from collect_targets(targets(source, request), request, reader.one)

    def check_cursor(self, value: str, dataset: Dataset, cursor: str | None) -> None:
        """Check that a value can be compared with the watermark so far."""
        source = dataset.collect
        if not isinstance(source, Rest) or source.since is None:
            super().check_cursor(value, dataset, cursor)
            return
        kept = cursor or source.since.start
        declared = declared_kind(cursor_column(dataset, source.since.field))
        kinds = {kind_of(kept)} if declared is None else {declared, kind_of(kept)}
        if kind_of(value) not in kinds and number_of(value) is None:
            raise CollectError(
                f"{value!r} cannot be compared with the watermark {kept}",
                cause="both have to be numbers, times in ISO 8601, or texts of one length",
                remedy=f"vertebra collect {dataset.name} --reset-cursor {source.since.start}",
            )


@dataclass(frozen=True)
class _Reader:
    source: Rest
    request: Request
    client: Client
    next_file: Callable[[], Path]
    warned: list[Warned] = field(default_factory=list)

    @property
    def _records_path(self) -> str | None:
        options = self.request.dataset.parse
        return options.records if isinstance(options, JsonOptions) else None

    @property
    def _volatile(self) -> frozenset[str]:
        return frozenset(self.source.volatile)

    def one(self, target: Target) -> Iterator[Item]:
        self.request.progress(f"reading {target.url}")
        if self.source.page is None and self.source.since is None:
            yield self._whole(target)
            return
        payload = read_until_stable(target.url, self.request, self._compared(target))
        yield Unchanged(target.url) if self.source.since is not None and not payload.expected_records else payload
        yield from self.warned

    def _whole(self, target: Target) -> Item:
        self.client.start_deadline()
        answer = self.client.fetch(target.url, self.next_file(), validators=target.validators, allow_gzip=True)
        if answer is None:
            return Unchanged(target.url)
        content = None
        if answer.file.stat().st_size <= MAX_PAGE_BYTES:
            content = self._content(answer)
        name = f"{self.request.dataset.name}.json"
        return Payload(
            answer.file,
            target.url,
            target.period,
            answer.headers,
            part=target.part,
            file_name=name,
            content_hash=content,
        )

    def _content(self, answer: Download) -> str:
        """Hash of the records without volatile keys; of the whole answer if no path to records is declared."""
        path = self._records_path
        if path is not None:
            return json_page(answer, path, self._volatile).content_hash
        body = parse_json(answer)
        return content_hash_of(drop_keys(self._volatile, body if isinstance(body, list) else [body]))

    def _compared(self, target: Target) -> Callable[[], Payload]:
        """A function that reads a target and, where one read may miss records, raises until two reads give the same
        records.

        If a record changes while pages are read, the records after it move up and the first one of the next page is
        skipped. Neither the total nor the cursor reveals this. A read of a single page needs no comparison.
        """
        paging, before = self.source.page, ""
        counted = paging is not None and paging.by in ("offset", "number") and paging.total is None

        def read() -> Payload:
            nonlocal before
            payload, pages = self._paged(target)
            if pages < 2 or not (counted or self.source.since) or payload.content_hash == before:
                return payload
            what = "gives other records each time" if before else f"has {pages} pages, which may differ in state"
            before = str(payload.content_hash)
            raise SourceChangedError(
                f"{target.url} {what}",
                remedy="collect again when the source is quiet; declare page.total: PATH of the number of records, or "
                "volatile: [KEY] for what differs on each call",
                # missing records come with the next collection, which starts from the same cursor
                payload=replace(payload, cursor=self._asked()) if self.source.since else None,
            )

        return read

    def _paged(self, target: Target) -> tuple[Payload, int]:
        """The payload of one read, and its number of pages."""
        self.client.start_deadline()
        url, since = target.url, self._since()
        if since is not None and self.source.since is not None:
            url = with_query(url, ((self.source.since.param, since.before),))
        reader = PageReader(self.client, self.source.page, self._records_path, self._volatile, self.next_file)
        with PageArchive(self.next_file().with_suffix(".zip"), ".json") as pages:
            for page in reader.pages(url):
                if since is not None:
                    for record in page.records:
                        since.add(value_at(record, since.name))
                pages.add(page, lambda page: reader.is_next(url, page, pages))
        cursor, headers = None, {}
        self.warned.clear()
        if since is not None:
            cursor = since.newest()
            self.warned.extend(since.warnings())
            if since.missing:
                headers = {CURSOR_FIELD: since.name}
        name = f"{self.request.dataset.name}.zip"
        payload = Payload(
            pages.file,
            target.url,
            target.period,
            headers,
            cursor=cursor,
            part=target.part,
            file_name=name,
            expected_records=pages.records,
            content_hash=pages.content_hash,
        )
        return payload, pages.count

    def _since(self) -> SinceWatermark | None:
        since, request = self.source.since, self.request
        if since is None:
            return None
        column = cursor_column(request.dataset, since.field)
        return SinceWatermark(request.dataset.name, since.field, column, self._asked() or since.start, request.now)

    def _asked(self) -> str | None:
        """The watermark so far, as it was landed or set by a person."""
        return self.request.reset if self.request.reset is not None else self.request.cursor


COLLECTOR: Final = RestCollector()
