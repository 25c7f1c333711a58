"""The pages of a JSON API in their order: by offset, by number, or each leading to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field, model_validator

from vertebra.declare.declaration import Declaration
from vertebra.errors import CollectError
from vertebra.landing.web.errors import RefusedAnswerError
from vertebra.landing.web.pages import (
    Page,
    PageArchive,
    check_same_total,
    check_total,
    integer_at,
    json_page,
    refused_page,
    value_at,
)
from vertebra.landing.web.read import NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vertebra.landing.web.client import Client

_NEXT: Final = re.compile(r"<([^>]*)>\s*;[^,]*\brel\s*=\s*\"?next\b", re.IGNORECASE)


class Paging(Declaration):
    """How a JSON API gives its records page by page.

    Attributes:
        by: ``offset`` (number of records to skip), ``number`` (of the page), ``cursor`` (a text in the answer that asks
            for the next page), ``link`` (the ``Link`` header, or the address at ``next``, is the next page).
        param: query parameter for the offset, the number or the cursor.
        size_param: query parameter for ``size``.
        size: number of records on a page.
        first: number of the first page.
        next: path to the next cursor or address in the answer, keys joined by dots: ``meta.next``.
        total: path to the total number of records in the answer; the read is checked against it.
    """

    by: Literal["offset", "number", "cursor", "link"]
    param: str | None = Field(default=None, min_length=1)
    size_param: str | None = Field(default=None, min_length=1)
    size: int | None = Field(default=None, ge=1)
    first: int = Field(default=1, ge=0)
    next: str | None = Field(default=None, min_length=1)
    total: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Paging:
        if self.by != "link" and self.param is None:
            raise ValueError(f"pages by {self.by} need param; write the query parameter that takes the {self.by}")
        if self.by == "cursor" and self.next is None:
            raise ValueError("pages by cursor need next; write the path to the next cursor, e.g. next: meta.next")
        if self.by in ("offset", "number") and self.next is not None:
            raise ValueError(f"pages by {self.by} have no next; remove it, or write by: cursor or by: link")
        if self.size_param is not None and self.size is None:
            raise ValueError("size_param needs size; write the number of records on a page")
        return self


@dataclass(frozen=True)
class PageReader:
    """Reads the pages of an API.

    Attributes:
        client: sends the requests.
        paging: how the API gives its records page by page; None if one answer has all.
        records: path to the records of a page.
        volatile: keys that differ on each request although the data is the same.
        next_file: gives a new file for an answer.
    """

    client: Client
    paging: Paging | None
    records: str | None
    volatile: frozenset[str]
    next_file: Callable[[], Path]

    def pages(self, url: str) -> Iterator[Page]:
        """Read page by page, until the API has no more.

        Raises:
            CollectError: a page is missing or refused, or the pages do not have the records that the API counts.
        """
        paging = self.paging
        if paging is None:
            yield self._page(url, ())
        elif paging.by in ("offset", "number"):
            yield from self._counted(url, paging)
        else:
            yield from self._chained(url, paging)

    def is_next(self, url: str, page: Page, pages: PageArchive) -> bool:
        """Whether a page that repeats the records of an earlier one is valid: records without a key may repeat.

        With cursors or links, each page has its own cursor or address; the total shows whether all pages arrived.
        """
        paging = self.paging
        if paging is None or paging.total is None:
            return False
        if paging.by in ("cursor", "link"):
            return True
        total = integer_at(page.answer, page.body, paging.total)
        try:
            if paging.by == "number":
                return paging.size is not None and self._ends(url, paging, paging.first + -(-total // paging.size))
            return pages.continues_with(page, lambda place: self._page(url, ((str(paging.param), str(place)),)), total)
        except RefusedAnswerError:
            return False

    def _ends(self, url: str, paging: Paging, number: int) -> bool:
        """Whether the page after the last one is empty; it is not if the source ignores the page number."""
        try:
            after = self._page(url, ((str(paging.param), str(number)),))
        except RefusedAnswerError as error:
            return error.status in NOT_FOUND
        after.answer.file.unlink()
        return not after.records

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
                if error.status in NOT_FOUND and taken and total is None:
                    return
                raise (_missing_page(error) if taken else error) from None
            total = self._total(page, paging, total)
            if not page.records and taken:
                break
            if short is not None and paging.by == "number":
                raise refused_page(
                    page.answer, "continues after a page that is not full", "pages of the same size were expected"
                )
            yield page
            taken, number = taken + len(page.records), number + 1
            size = size or len(page.records)
            if not page.records or (total is not None and taken >= total):
                break
            short = page if len(page.records) < size else None
        check_total(url, taken, total, "correct collect.page")

    def _chained(self, url: str, paging: Paging) -> Iterator[Page]:
        """Pages that each contain the cursor or the address of the next one."""
        asked, params, taken, total = url, _size(paging), 0, None
        seen: set[str] = set()
        while True:
            try:
                page = self._page(asked, params, sized=False)
            except RefusedAnswerError as error:
                raise (_missing_page(error) if taken else error) from None
            total = self._total(page, paging, total)
            yield page
            taken += len(page.records)
            following = _following(page, paging)
            if following is None:
                break
            if following in seen:
                raise refused_page(page.answer, "leads back to a page that was read", "its paging goes in a circle")
            seen.add(following)
            if paging.by == "link":
                asked, params = self.client.credentials.follow(asked, following), ()
            else:
                params = (*_size(paging), (str(paging.param), following))
        check_total(url, taken, total, "correct collect.page")

    def _page(self, url: str, params: tuple[tuple[str, str], ...], *, sized: bool = True) -> Page:
        paging = self.paging
        if sized and paging is not None:
            params = (*_size(paging), *params)
        answer = self.client.fetch(url, self.next_file(), params, allow_gzip=True)
        if answer is None:
            raise CollectError(f"{url} answers that nothing changed, although no condition was sent")
        return json_page(answer, self.records, self.volatile)

    def _total(self, page: Page, paging: Paging, before: int | None) -> int | None:
        if paging.total is None:
            return None
        total = integer_at(page.answer, page.body, paging.total)
        check_same_total(page.answer.url, before, total)
        return total


def _missing_page(error: RefusedAnswerError) -> RefusedAnswerError:
    """The error for a page after the first. It has no status, because the period exists and only a page is missing."""
    return RefusedAnswerError(
        error.fact, url=error.url, file=error.file, cause=f"{error.cause}; the pages before it arrived",
        remedy="collect again; if it happens again, correct collect.page",
    )  # fmt: skip


def _size(paging: Paging) -> tuple[tuple[str, str], ...]:
    return ((paging.size_param, str(paging.size)),) if paging.size_param is not None else ()


def _following(page: Page, paging: Paging) -> str | None:
    """The next page's cursor or address; None on the last page."""
    if paging.next is not None:
        found: Any = value_at(page.body, paging.next)
        if found is None or found is False or found == "":
            return None
        if not isinstance(found, str):
            raise refused_page(page.answer, f"has no text at {paging.next}", "collect.page.next is the path to it")
        return found
    link = _NEXT.search(page.answer.links)
    return link[1] if link else None
