"""Answers that come page by page: each page as received, together one payload."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vertebra.landing.parsing.format import format_named
from vertebra.landing.web.content import check_answer, error_in
from vertebra.landing.web.credentials import without_query
from vertebra.landing.web.errors import RefusedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from vertebra.landing.web.download import Download

LARGEST: Final = 64 << 20
"""Most bytes of a page: it is held in memory to be checked."""

MOST: Final = 1_000_000
"""Most pages of a read: a source that never ends is refused."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        answer: as received.
        body: the parsed JSON, numbers as text; None for CSV.
        records: the records on it, in order; for CSV the lines.
        volatile: keys of records that change on each call and mean nothing.
    """

    answer: Download
    body: Any
    records: list[Any]
    volatile: frozenset[str] = frozenset()

    @property
    def lasting(self) -> list[Any]:
        """The records without their volatile keys: equal where the source says the same."""
        return without(self.volatile, self.records)

    @property
    def content(self) -> str:
        """Hash of the lasting records; the order of keys does not matter."""
        return content_of(self.lasting)


def json_page(answer: Download, path: str | None, volatile: frozenset[str] = frozenset()) -> Page:
    """Read a page of JSON.

    Args:
        path: keys, joined by dots, to the array of records; None when the page is the array.
        volatile: keys of records that change on each call and mean nothing.

    Raises:
        RefusedAnswerError: it is no such page.
    """
    body = parsed(answer)
    records = at(body, path)
    message = error_in(body)
    if message is not None:
        raise refused(answer, "is an error message, not data", message)
    if not isinstance(records, list):
        where = f"at {path}" if path else "at its root"
        raise refused(answer, f"has no array of records {where}", f"it has {_keys(body)}")
    return Page(answer, body, records, volatile)


def csv_page(answer: Download) -> Page:
    """Read a page of CSV with a header; only the number of its records matters."""
    _refuse_large(answer)
    check_answer(answer, format_named("csv"))
    try:
        text = answer.file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(answer, "is not UTF-8", str(error)) from None
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    return Page(answer, None, rows[1:])


def parsed(answer: Download) -> Any:
    """The JSON of an answer, numbers as text.

    Raises:
        RefusedAnswerError: it is no JSON.
    """
    _refuse_large(answer)
    check_answer(answer, format_named("json"))
    try:
        return json.loads(answer.file.read_bytes().removeprefix(b"\xef\xbb\xbf"), parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise refused(answer, "is not JSON, or is cut off", str(error)) from None


def at(body: Any, path: str | None) -> Any:
    """What lies at a path of keys joined by dots; None where nothing does."""
    for key in path.split(".") if path else ():
        body = body.get(key) if isinstance(body, dict) else None
    return body


def number_at(answer: Download, body: Any, path: str) -> int:
    """A number at a path.

    Raises:
        RefusedAnswerError: there is none.
    """
    found = at(body, path)
    if not isinstance(found, str) or not found.isdigit():
        raise refused(answer, f"has no number at {path}", f"it has {_keys(body)}")
    return int(found)


def content_of(values: Iterable[Any]) -> str:
    """A hash of JSON values that does not depend on the order of keys."""
    hasher = hashlib.sha256()
    for value in values:
        hasher.update(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())
        hasher.update(b"\n")
    return hasher.hexdigest()


def without(volatile: frozenset[str], records: list[Any]) -> list[Any]:
    """Records without the keys that change on each call."""
    if not volatile:
        return records
    return [
        {key: value for key, value in record.items() if key not in volatile} if isinstance(record, dict) else record
        for record in records
    ]


class Pages:
    """Pages in a zip archive, each a member, in order. The same pages make the same bytes.

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
        self._content = hashlib.sha256()
        self._seen: dict[str, int] = {}
        self._last: list[Any] = []

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    @property
    def content(self) -> str:
        """Hash of all records, whatever the pages they came on."""
        return self._content.hexdigest()

    def add(self, page: Page, goes_on: Callable[[Page], bool] | None = None) -> None:
        """Add a page and remove its file.

        Args:
            goes_on: whether a page whose records came before is the next one all the same; never unless given.

        Raises:
            RefusedAnswerError: the same records came on an earlier page, and it is not the next one.
        """
        lasting = page.lasting
        content = content_of(lasting)
        if lasting and content in self._seen and (goes_on is None or not goes_on(page)):
            raise refused(
                page.answer,
                f"repeats page {self._seen[content]} on page {self.count + 1}",
                "the source does not go on where the page before ended",
            )
        if self.count >= MOST:
            raise refused(page.answer, f"goes on after {MOST:,} pages", "its paging never ends")
        self.count += 1
        self._seen[content] = self.count
        self.records += len(page.records)
        self._last = lasting[-1:]
        for record in lasting:
            self._content.update(content_of([record]).encode())
        member = zipfile.ZipInfo(f"{self.count:07d}{self._suffix}", _EPOCH)
        member.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(member, page.answer.file.read_bytes())
        page.answer.file.unlink()

    def go_on_at(self, page: Page, at: Callable[[int], Page], total: int) -> bool:
        """Whether a page by offset is the next one, though its records came before.

        Then asked for from one record earlier on, the source gives that one first, and after the last record none.

        Args:
            at: asks for the page that begins at a record.
            total: number of all records, as the source says.
        """
        earlier, after = at(self.records - 1), at(total)
        for asked in (earlier, after):
            asked.answer.file.unlink()
        expected = [*self._last, *page.lasting]
        whole = len(page.records) <= len(earlier.records) <= len(expected)
        return whole and earlier.lasting == expected[: len(earlier.records)] and not after.records


def refused(answer: Download, what: str, cause: str) -> RefusedAnswerError:
    """The refusal of a page."""
    return RefusedAnswerError(
        f"the answer of {without_query(answer.url)} {what}",
        url=answer.url,
        file=answer.file if answer.file.exists() else None,
        cause=cause,
        remedy="look at the answer kept aside; correct collect or parse, or collect again later",
    )


def numbered(folder: Path, name: str) -> Callable[[], Path]:
    """Gives the names of files that do not exist yet, one after the other."""
    numbers: Iterator[int] = iter(range(MOST * 10))
    return lambda: folder / f"{next(numbers):07d}-{name}"


def _refuse_large(answer: Download) -> None:
    size = answer.file.stat().st_size
    if size > LARGEST:
        raise refused(
            answer,
            f"is a page of {size >> 20} MB",
            f"a page of more than {LARGEST >> 20} MB is not held in memory; ask for fewer records",
        )


def _keys(body: Any) -> str:
    if isinstance(body, dict):
        return "the keys " + ", ".join(map(str, list(body)[:10])) if body else "no keys"
    return "an array" if isinstance(body, list) else "neither keys nor an array"
