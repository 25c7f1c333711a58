"""Collect the records of a JSON API, page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.collect import Paging, Rest
from vertebra.errors import CollectError
from vertebra.landing.port import Item, Payload, Request, Unchanged
from vertebra.landing.web.credentials import with_query
from vertebra.landing.web.errors import ReadMovedError, RefusedAnswerError
from vertebra.landing.web.pages import (
    LARGEST,
    Page,
    Pages,
    at,
    content_of,
    json_page,
    number_at,
    numbered,
    parsed,
    refused,
    without,
)
from vertebra.landing.web.read import ABSENT, client_for, each, held_still
from vertebra.landing.web.targets import Target, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vertebra.landing.web.client import Client, Download

_NEXT: Final = re.compile(r"<([^>]*)>\s*;[^,]*\brel\s*=\s*\"?next\b", re.IGNORECASE)


class RestCollector:
    """``from: rest``: the payload is a zip archive of the pages as received, or the answer where there are no pages."""

    @property
    def version(self) -> str:
        """Kind and version, for receipts."""
        return "rest/1"

    def collect(self, request: Request) -> Iterator[Item]:
        """Give one payload for each period and combination of values that is due.

        Raises:
            CollectError: the host is not there.
        """
        source = request.declared(Rest)
        with client_for(source, source.url, request) as client:
            reader = _Reader(source, request, client, numbered(request.staging, "page.json"))
            yield from each(targets(source, request), request, reader.one)


@dataclass(frozen=True)
class _Reader:
    source: Rest
    request: Request
    client: Client
    next_file: Callable[[], Path]

    @property
    def _volatile(self) -> frozenset[str]:
        return frozenset(self.source.volatile)

    def one(self, target: Target) -> Iterator[Item]:
        self.request.progress(f"reading {target.url}")
        if self.source.page is None and self.source.since is None:
            yield self._whole(target)
            return
        payload = held_still(target.url, self.request, self._compared(target))
        yield Unchanged(target.url) if self.source.since is not None and not payload.records else payload

    def _whole(self, target: Target) -> Item:
        self.client.begin()
        answer = self.client.fetch(target.url, self.next_file(), landed=target.conditions, packed=True)
        if answer is None:
            return Unchanged(target.url)
        content = None
        if answer.file.stat().st_size <= LARGEST:
            content = self._content(answer)
        name = f"{self.request.dataset.name}.json"
        return Payload(
            answer.file, target.url, target.period, answer.headers, part=target.part, name=name, content=content
        )

    def _content(self, answer: Download) -> str:
        """Hash of the records, without volatile keys; of the whole answer where they are the whole answer."""
        path = self.request.dataset.parse.records
        if path is not None:
            return json_page(answer, path, self._volatile).content
        body = parsed(answer)
        return content_of(without(self._volatile, body if isinstance(body, list) else [body]))

    def _compared(self, target: Target) -> Callable[[], Payload]:
        """A read that counts when the one before it gave the same records, where a single one may have lost some.

        When a record changes while pages are read, those after it move up, and the first of the next page is passed
        over: neither the total nor the cursor tells. A read of one page sees one state.
        """
        paging, before = self.source.page, ""
        counted = paging is not None and paging.by in ("offset", "number") and paging.total is None

        def read() -> Payload:
            nonlocal before
            payload, pages = self._paged(target)
            if pages < 2 or not (counted or self.source.since) or payload.content == before:
                return payload
            what = "gives other records each time" if before else f"has {pages} pages, which may not be of one state"
            before = str(payload.content)
            raise ReadMovedError(
                f"{target.url} {what}",
                remedy="collect again when the source is quiet; declare page.total: PATH of the number of records, or "
                "volatile: [KEY] for what differs on each call",
                # what is lacking comes with the next collection, which asks from the same cursor
                payload=replace(payload, cursor=self.request.cursor) if self.source.since else None,
            )

        return read

    def _paged(self, target: Target) -> tuple[Payload, int]:
        """What a read gives, and its number of pages."""
        self.client.begin()
        url, newest = target.url, self.request.cursor
        if self.source.since is not None:
            newest = newest or self.source.since.start
            url = with_query(url, ((self.source.since.param, newest),))
        with Pages(self.next_file().with_suffix(".zip"), ".json") as pages:
            for page in self._pages(url):
                newest = self._newest(page, newest)
                pages.add(page, lambda page: self._goes_on(url, page, pages))
        cursor = newest if self.source.since is not None else None
        name = f"{self.request.dataset.name}.zip"
        payload = Payload(
            pages.file,
            target.url,
            target.period,
            cursor=cursor,
            part=target.part,
            name=name,
            records=pages.records,
            content=pages.content,
        )
        return payload, pages.count

    def _goes_on(self, url: str, page: Page, pages: Pages) -> bool:
        """Whether a page whose records came before is the next one: records without a key may well repeat.

        In a chain each page has a cursor or an address of its own; whether it is whole, the total tells.
        """
        paging = self.source.page
        if paging is None or paging.total is None:
            return False
        if paging.by in ("cursor", "link"):
            return True
        total = number_at(page.answer, page.body, paging.total)
        try:
            if paging.by == "number":
                return paging.size is not None and self._ends(url, paging, paging.first + -(-total // paging.size))
            return pages.go_on_at(page, lambda place: self._page(url, ((str(paging.param), str(place)),)), total)
        except RefusedAnswerError:
            return False

    def _ends(self, url: str, paging: Paging, number: int) -> bool:
        """Whether nothing is on the page after the last one: a source that does not heed the number has something."""
        try:
            after = self._page(url, ((str(paging.param), str(number)),))
        except RefusedAnswerError as error:
            return error.status in ABSENT
        after.answer.file.unlink()
        return not after.records

    def _newest(self, page: Page, newest: str | None) -> str | None:
        since = self.source.since
        if since is None:
            return None
        for record in page.records:
            value = at(record, since.field)
            if not isinstance(value, str):
                raise refused(
                    page.answer, f"has a record without {since.field}", "collect.since goes on from its value"
                )
            newest = value if newest is None else max(newest, value, key=_order)
        return newest

    def _pages(self, url: str) -> Iterator[Page]:
        paging = self.source.page
        if paging is None:
            yield self._page(url, ())
        elif paging.by in ("offset", "number"):
            yield from self._counted(url, paging)
        else:
            yield from self._chained(url, paging)

    def _counted(self, url: str, paging: Paging) -> Iterator[Page]:
        """Pages by offset or number, until an empty page or the total."""
        taken, number, size, total = 0, paging.first, paging.size, None
        short: Page | None = None
        while True:
            place = taken if paging.by == "offset" else number
            try:
                page = self._page(url, ((str(paging.param), str(place)),))
            except RefusedAnswerError as error:
                # Some APIs answer "not found" for the page after the last one.
                if error.status in ABSENT and taken and total is None:
                    return
                raise (_lacking(error) if taken else error) from None
            total = self._total(page, paging, total)
            if not page.records and taken:
                break
            if short is not None and paging.by == "number":
                raise refused(page.answer, "goes on after a page that is not full", "pages of one size were expected")
            yield page
            taken, number = taken + len(page.records), number + 1
            size = size or len(page.records)
            if not page.records or (total is not None and taken >= total):
                break
            short = page if len(page.records) < size else None
        self._check_total(url, taken, total)

    def _chained(self, url: str, paging: Paging) -> Iterator[Page]:
        """Pages that each say how to ask for the next one."""
        asked, params, taken, total = url, _size(paging), 0, None
        seen: set[str] = set()
        while True:
            try:
                page = self._page(asked, params, sized=False)
            except RefusedAnswerError as error:
                raise (_lacking(error) if taken else error) from None
            total = self._total(page, paging, total)
            yield page
            taken += len(page.records)
            following = _following(page, paging)
            if following is None:
                break
            if following in seen:
                raise refused(page.answer, "leads back to a page that was read", "its paging goes in a circle")
            seen.add(following)
            if paging.by == "link":
                asked, params = self.client.credentials.follow(asked, following), ()
            else:
                params = (*_size(paging), (str(paging.param), following))
        self._check_total(url, taken, total)

    def _page(self, url: str, params: tuple[tuple[str, str], ...], *, sized: bool = True) -> Page:
        paging = self.source.page
        if sized and paging is not None:
            params = (*_size(paging), *params)
        answer = self.client.fetch(url, self.next_file(), params, packed=True)
        if answer is None:
            raise CollectError(f"{url} answers that nothing changed, which was not asked")
        return json_page(answer, self.request.dataset.parse.records, self._volatile)

    def _total(self, page: Page, paging: Paging, before: int | None) -> int | None:
        if paging.total is None:
            return None
        total = number_at(page.answer, page.body, paging.total)
        if before is not None and total != before:
            raise ReadMovedError(f"{page.answer.url} had {before:,} records and now has {total:,}")
        return total

    def _check_total(self, url: str, taken: int, total: int | None) -> None:
        if total is not None and taken != total:
            raise RefusedAnswerError(
                f"{url} gives {taken:,} records and says that it has {total:,}",
                url=url,
                cause="pages are missing, or come twice",
                remedy="collect again; if it stays so, correct collect.page",
            )


def _lacking(error: RefusedAnswerError) -> RefusedAnswerError:
    """The refusal of a page after the first. Without its status: the period is there, and only a part of it is not."""
    return RefusedAnswerError(
        error.fact, url=error.url, file=error.file, cause=f"{error.cause}; the pages before it came",
        remedy="collect again; if it stays so, correct collect.page",
    )  # fmt: skip


def _size(paging: Paging) -> tuple[tuple[str, str], ...]:
    return ((paging.size_param, str(paging.size)),) if paging.size_param is not None else ()


def _following(page: Page, paging: Paging) -> str | None:
    """The next page's cursor or address; None on the last page."""
    if paging.next is not None:
        found: Any = at(page.body, paging.next)
        if found is None or found is False or found == "":
            return None
        if not isinstance(found, str):
            raise refused(page.answer, f"has no text at {paging.next}", "collect.page.next is the path to it")
        return found
    link = _NEXT.search(page.answer.links)
    return link[1] if link else None


def _order(value: str) -> tuple[int, str]:
    """Whole numbers sort by value, other texts as they are."""
    return (len(value), value) if value.isdigit() else (0, value)
