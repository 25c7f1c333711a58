"""Collect a dataset of a Socrata portal: its count, its pages sorted by row id, and its count again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import Field, field_validator

from vertebra.declare.web_source import PortalSource
from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.port import Collector, Item, Payload, Request, Unchanged
from vertebra.landing.web.credentials import with_query
from vertebra.landing.web.errors import RefusedAnswerError, SourceChangedError
from vertebra.landing.web.pages import (
    Page,
    PageArchive,
    check_total,
    csv_page,
    integer_at,
    json_page,
    numbered_files,
    parse_json,
    refused_page,
)
from vertebra.landing.web.read import client_for, read_until_stable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vertebra.landing.web.client import Client
    from vertebra.landing.web.download import Download

_UPDATED: Final = "rowsUpdatedAt"
_KEPT: Final = ("X-SODA2-Fields", "X-SODA2-Types")


class Socrata(PortalSource):
    """A dataset of a Socrata portal.

    Attributes:
        portal: address of the portal, ``https://analisi.transparenciacatalunya.cat``.
        id: the dataset's four-by-four id, ``abcd-1234``.
        select: SoQL of the columns; all unless declared.
        where: SoQL condition on the records.
        page: most records in one request.
    """

    payload_formats = ("json", "csv")

    id: str
    select: str | None = Field(default=None, min_length=1)
    where: str | None = Field(default=None, min_length=1)
    page: int = Field(default=10_000, ge=1, le=50_000)

    @field_validator("id")
    @classmethod
    def _four_by_four(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]{4}-[a-z0-9]{4}", value):
            raise ValueError(f"{value!r} is not the id of a dataset; it is the abcd-1234 of its address")
        return value


class SocrataCollector(Collector):
    """``from: socrata``: the payload is a zip archive of the pages as received.

    Nothing is read while the time of change in the portal's metadata is that of the last batch.
    """

    name = "socrata"
    declaration = Socrata
    example = """\
source: gencat
collect:
  from: socrata
  portal: https://analisi.transparenciacatalunya.cat
  id: abcd-1234
  where: any >= '2020'
  auth: {header: X-App-Token, value: "${SOCRATA_TOKEN}"}
parse: {format: csv}                  # or json, the default
load: snapshot
columns: {any: int, municipi: string}
"""

    def collect(self, request: Request) -> Iterator[Item]:
        """Give the dataset as one payload.

        Raises:
            CollectError: the portal does not answer, or its answer is refused.
        """
        source = request.declared(Socrata)
        with client_for(source, source.portal, request) as client:
            yield _Reader(source, request, client, numbered_files(request.staging, "page")).item()


@dataclass(frozen=True)
class _Reader:
    source: Socrata
    request: Request
    client: Client
    next_file: Callable[[], Path]

    def item(self) -> Item:
        url = self._url()
        self.request.progress(f"reading {url}")
        self.client.start_deadline()
        last = self.request.last_receipt_from(url)
        updated = self._updated()
        if updated is not None and last is not None and last.headers.get(_UPDATED) == updated:
            return Unchanged(url)
        return read_until_stable(url, self.request, lambda: self._read(url))

    def _url(self) -> str:
        """The address in receipts, with the selection and the condition."""
        chosen = [(f"${name}", text) for name in ("select", "where") if (text := getattr(self.source, name))]
        form = self.request.dataset.parse.format
        return with_query(f"{self.source.portal}/resource/{self.source.id}.{form}", tuple(chosen))

    def _read(self, url: str) -> Payload:
        before, total = self._updated(), self._total()
        form = self.request.dataset.parse.format
        headers: dict[str, str] = {}
        with PageArchive(self.next_file().with_suffix(".zip"), f".{form}") as pages:
            while pages.records < total or not pages.count:
                page = self._page(url, pages.records)
                if not page.records and pages.count:
                    break
                headers = {name: page.answer.headers[name] for name in _KEPT if name in page.answer.headers}
                pages.add(page, lambda page: pages.continues_with(page, lambda offset: self._page(url, offset), total))
                if not total:
                    break
        after = (self._updated(), self._total())
        if after != (before, total):
            raise SourceChangedError(
                f"{url} changed while it was read: it had {counted(total, 'record')} and has {after[1]:,}"
            )
        check_total(url, pages.records, total, "report it to the portal")
        if before is not None:
            headers[_UPDATED] = before
        name = f"{self.request.dataset.name}.zip"
        return Payload(
            pages.file,
            url,
            headers=headers,
            file_name=name,
            expected_records=total,
            content_hash=pages.content_hash,
        )

    def _page(self, url: str, offset: int) -> Page:
        params = (("$order", ":id"), ("$limit", str(self.source.page)), ("$offset", str(offset)))
        answer = self._fetch(url, params)
        return csv_page(answer) if self.request.dataset.parse.format == "csv" else json_page(answer, None)

    def _total(self) -> int:
        """The number of records according to the portal."""
        params = [("$select", "count(*) as records")]
        if self.source.where is not None:
            params.append(("$where", self.source.where))
        answer = self._fetch(f"{self.source.portal}/resource/{self.source.id}.json", tuple(params))
        body = parse_json(answer)
        row = body[0] if isinstance(body, list) and len(body) == 1 else None
        if not isinstance(row, dict):
            raise refused_page(answer, "has no count", "a list with one row was expected")
        total = integer_at(answer, row, "records")
        answer.file.unlink()
        return total

    def _updated(self) -> str | None:
        """When rows last changed; None if the portal does not report it."""
        try:
            answer = self._fetch(f"{self.source.portal}/api/views/{self.source.id}.json", ())
        except RefusedAnswerError as error:
            if error.status in (401, 403, 404):
                return None
            raise
        body = parse_json(answer)
        answer.file.unlink()
        found = body.get(_UPDATED) if isinstance(body, dict) else None
        return found if isinstance(found, str) else None

    def _fetch(self, url: str, params: tuple[tuple[str, str], ...]) -> Download:
        answer = self.client.fetch(url, self.next_file(), params, allow_gzip=True)
        if answer is None:
            raise CollectError(f"{url} answers that nothing changed, although no condition was sent")
        return answer


COLLECTOR: Final = SocrataCollector()
