"""Sources that give their records page by page: each page as received, all pages in one payload."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vertebra.formatting import counted
from vertebra.landing.parsing.format import format_named
from vertebra.landing.web.content import check_answer, error_in
from vertebra.landing.web.credentials import without_query
from vertebra.landing.web.errors import RefusedAnswerError, SourceChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from vertebra.landing.web.download import Download

MAX_PAGE_BYTES: Final = 64 << 20
"""Largest page in bytes: a page is held in memory to be checked."""

MAX_PAGES: Final = 1_000_000
"""Most pages of one read: a source whose paging never ends is refused."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        answer: as received.
        body: the JSON, numbers as text; None for CSV.
        records: its records in order; for CSV the rows.
        volatile: keys of records that differ on each request although the data is the same.
    """

    answer: Download
    body: Any
    records: list[Any]
    volatile: frozenset[str] = frozenset()

    @property
    def stable_records(self) -> list[Any]:
        """The records without their volatile keys; equal if the data is the same."""
        return drop_keys(self.volatile, self.records)

    @property
    def content_hash(self) -> str:
        """Hash of the stable records; the order of keys does not matter."""
        return content_hash_of(self.stable_records)


def json_page(answer: Download, path: str | None, volatile: frozenset[str] = frozenset()) -> Page:
    """Read a page of JSON.

    Args:
        path: keys, joined by dots, to the array of records; None if the page is the array.
        volatile: keys of records that differ on each request although the data is the same.

    Raises:
        RefusedAnswerError: the answer is not JSON, is an error message, or has no array at the path.
    """
    body = parse_json(answer)
    records = value_at(body, path)
    message = error_in(body)
    if message is not None:
        raise refused_page(answer, "is an error message, not data", message)
    if not isinstance(records, list):
        where = f"at {path}" if path else "at its root"
        raise refused_page(answer, f"has no array of records {where}", f"it has {_keys(body)}")
    return Page(answer, body, records, volatile)


def csv_page(answer: Download) -> Page:
    """Read a page of CSV with a header. Its rows are only counted and compared; parsing comes later."""
    _refuse_large(answer)
    check_answer(answer, format_named("csv"))
    try:
        text = answer.file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused_page(answer, "is not UTF-8", str(error)) from None
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    return Page(answer, None, rows[1:])


def parse_json(answer: Download) -> Any:
    """The JSON of an answer, numbers as text.

    Raises:
        RefusedAnswerError: it is not JSON.
    """
    _refuse_large(answer)
    check_answer(answer, format_named("json"))
    try:
        return json.loads(answer.file.read_bytes().removeprefix(b"\xef\xbb\xbf"), parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise refused_page(answer, "is not JSON, or is cut off", str(error)) from None


def value_at(body: Any, path: str | None) -> Any:
    """The value at a path of keys joined by dots; None if there is none."""
    for key in path.split(".") if path else ():
        body = body.get(key) if isinstance(body, dict) else None
    return body


def integer_at(answer: Download, body: Any, path: str) -> int:
    """The whole number at a path of keys joined by dots.

    Raises:
        RefusedAnswerError: there is none.
    """
    found = value_at(body, path)
    if not isinstance(found, str) or not found.isdigit():
        raise refused_page(answer, f"has no number at {path}", f"it has {_keys(body)}")
    return int(found)


def content_hash_of(values: Iterable[Any]) -> str:
    """A hash of JSON values that does not depend on the order of keys."""
    hasher = hashlib.sha256()
    for value in values:
        hasher.update(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())
        hasher.update(b"\n")
    return hasher.hexdigest()


def drop_keys(keys: frozenset[str], records: list[Any]) -> list[Any]:
    """Records without some of their keys."""
    if not keys:
        return records
    return [
        {key: value for key, value in record.items() if key not in keys} if isinstance(record, dict) else record
        for record in records
    ]


class PageArchive:
    """A zip archive of pages, one member per page, in order. The same pages give the same bytes.

    Args:
        file: the archive; replaced.
        suffix: ending of the members' names.
    """

    def __init__(self, file: Path, suffix: str) -> None:
        self.file = file
        self.records = 0
        self.count = 0
        self._suffix = suffix
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._hasher = hashlib.sha256()
        self._seen: dict[str, int] = {}
        self._last: list[Any] = []

    def __enter__(self) -> PageArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    @property
    def content_hash(self) -> str:
        """Hash of all records, however they are spread over pages."""
        return self._hasher.hexdigest()

    def add(self, page: Page, is_next: Callable[[Page], bool] | None = None) -> None:
        """Add a page and remove its file.

        Args:
            is_next: called for a page that repeats the records of an earlier one; returns whether it is valid
                nevertheless. If None, repeated pages are refused.

        Raises:
            RefusedAnswerError: the page repeats an earlier one.
        """
        stable_records = page.stable_records
        content = content_hash_of(stable_records)
        if stable_records and content in self._seen and (is_next is None or not is_next(page)):
            raise refused_page(
                page.answer,
                f"repeats page {self._seen[content]} on page {self.count + 1}",
                "the source does not continue where the page before ended",
            )
        if self.count >= MAX_PAGES:
            raise refused_page(page.answer, f"continues after {MAX_PAGES:,} pages", "its paging never ends")
        self.count += 1
        self._seen[content] = self.count
        self.records += len(page.records)
        self._last = stable_records[-1:]
        for record in stable_records:
            self._hasher.update(content_hash_of([record]).encode())
        member = zipfile.ZipInfo(f"{self.count:07d}{self._suffix}", _EPOCH)
        member.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(member, page.answer.file.read_bytes())
        page.answer.file.unlink()

    def continues_with(self, page: Page, page_at: Callable[[int], Page], total: int) -> bool:
        """Whether a page requested by offset is valid although it repeats the records of an earlier page.

        It is valid if the source applies the offset: the page that begins one record earlier has that record in front,
        and there are no records after the last one.

        Args:
            page_at: requests the page that begins at a record.
            total: number of all records, according to the source.
        """
        earlier, after = page_at(self.records - 1), page_at(total)
        for asked in (earlier, after):
            asked.answer.file.unlink()
        expected = [*self._last, *page.stable_records]
        whole = len(page.records) <= len(earlier.records) <= len(expected)
        return whole and earlier.stable_records == expected[: len(earlier.records)] and not after.records


def refused_page(answer: Download, what: str, cause: str) -> RefusedAnswerError:
    """The error for a page that does not have the requested data."""
    return RefusedAnswerError(
        f"the answer of {without_query(answer.url)} {what}",
        url=answer.url,
        file=answer.file if answer.file.exists() else None,
        cause=cause,
        remedy="look at the answer kept aside; correct collect or parse, or collect again later",
    )


def check_total(url: str, records: int, total: int | None, remedy: str) -> None:
    """Check that pages have as many records as the source reports.

    Raises:
        RefusedAnswerError: they have more or fewer.
    """
    if total is not None and records != total:
        raise RefusedAnswerError(
            f"{url} returned {counted(records, 'record')} and reports {total:,}",
            url=url,
            cause="pages are missing, or come twice",
            remedy=f"collect again; if it happens again, {remedy}",
        )


def check_same_total(url: str, before: int | None, now: int) -> None:
    """Check that the number of records that a source reports did not change between two pages.

    Raises:
        SourceChangedError: it changed.
    """
    if before is not None and now != before:
        raise SourceChangedError(f"{url} had {counted(before, 'record')} and now has {now:,}")


def numbered_files(folder: Path, name: str) -> Callable[[], Path]:
    """A function that returns the path of another new file on each call."""
    numbers: Iterator[int] = iter(range(MAX_PAGES * 10))
    return lambda: folder / f"{next(numbers):07d}-{name}"


def _refuse_large(answer: Download) -> None:
    size = answer.file.stat().st_size
    if size > MAX_PAGE_BYTES:
        raise refused_page(
            answer,
            f"is a page of {size >> 20} MB",
            f"a page of more than {MAX_PAGE_BYTES >> 20} MB is not held in memory; ask for fewer records",
        )


def _keys(body: Any) -> str:
    if isinstance(body, dict):
        return "the keys " + ", ".join(map(str, list(body)[:10])) if body else "no keys"
    return "an array" if isinstance(body, list) else "neither keys nor an array"
