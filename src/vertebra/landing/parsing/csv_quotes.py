"""Quotes that are not where they belong in a CSV text: text after a closing quote, as in ``1,"Woods" Jr``.

Where such a record's cells begin and end is open to interpretation, and the CSV parser drops the quotes without a
word. A vectorized check of all quotes shows that a text has none of them; only texts that fail it are examined record
by record, because a quote inside a cell that is not quoted, as in ``5" pipe``, is text.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from vertebra.landing.parsing.csv_faults import CsvSource, Misquoted
from vertebra.landing.parsing.csv_text import by_records, csv_text, record_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vertebra.landing.parsing.csv_dialect import CsvOptions

_BOM: Final = b"\xef\xbb\xbf"
_NEWLINE: Final = ord("\n")


class QuoteCheck:
    """Checks, block by block, that each quote of a text opens a cell, closes one, or is one of a doubled quote.

    Example:
        >>> check = QuoteCheck(CsvOptions(format="csv"), ",")
        >>> check.passes(b'1,"a ""b"" c"'), check.passes(b'1,"a" b')
        (True, False)
    """

    def __init__(self, parse: CsvOptions, delimiter: str) -> None:
        self._quote = ord(parse.quote)
        self._borders = np.zeros(256, bool)
        self._borders[[ord(delimiter), ord("\n"), ord("\r"), self._quote]] = True
        escape = parse.escape.encode() if parse.escape else b""
        self._escaped = re.compile(re.escape(escape) + b".", re.DOTALL) if escape else None
        self._escape = escape
        self._inside = False
        self._last = _NEWLINE
        self._at_start = True

    def passes(self, block: bytes) -> bool:
        """Whether the quotes of the next block are where they belong."""
        if self._at_start and block:
            block, self._at_start = block.removeprefix(_BOM), False
        if not block:
            return True
        if self._escaped is not None and self._escape in block:
            block = self._escaped.sub(b"xx", block)
            if block.endswith(self._escape):
                return False  # the escaped character is in the next block: left to the exact examination
        # the text continues after a quote that closed a cell at the end of the last block
        if self._last == self._quote and not self._inside and not self._borders[block[0]]:
            return False
        text = np.frombuffer(block, np.uint8)
        places = np.flatnonzero(text == self._quote)
        opening, closing = places[self._inside :: 2], places[not self._inside :: 2]
        before = text[opening - 1]
        if len(opening) and opening[0] == 0:
            before[0] = self._last
        after = text[closing[closing < len(text) - 1] + 1]
        self._inside ^= bool(len(places) % 2)
        self._last = block[-1]
        return bool(self._borders[before].all() and self._borders[after].all())


def quotes_in_place(source: CsvSource) -> bool:
    """Whether each quote of a part opens a cell, closes one, or is one of a doubled quote."""
    check = QuoteCheck(source.parse, source.delimiter)
    with source.part.open() as raw:
        return all(check.passes(block) for block in csv_text(raw, source.encoding, source.parse, source.delimiter))


def replace_misquoted(
    blocks: Iterator[bytes], parse: CsvOptions, delimiter: str, replacement: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    """The text with another one in place of each record that has text after a closing quote.

    Args:
        replacement: gives the other text, with a line end, for a record with its line end.
    """
    run, record = _patterns(parse, delimiter)
    yield from by_records(blocks, partial(_replaced, run, record, replacement))


def first_misquoted(source: CsvSource) -> Misquoted | None:
    """The first record of a part that has text after a closing quote; None if there is none."""
    found: list[bytes] = []

    def remember(record: bytes) -> bytes:
        found.append(record)
        return record

    run, record = _patterns(source.parse, source.delimiter)
    before = b""
    line, blank = 1, True
    with source.part.open() as raw:
        blocks = csv_text(raw, source.encoding, source.parse, source.delimiter, blank=True)
        for text in by_records(blocks, partial(_replaced, run, record, remember, stop=True)):
            before = text[: text.rindex(found[0])] if found else text
            line += _lines(before)
            blank = blank and not before.removeprefix(_BOM).strip(b"\r\n")
            if found:
                return Misquoted(line, found[0].removeprefix(_BOM).rstrip(b"\r\n").decode("utf-8", "replace"), blank)
    return None


def _patterns(parse: CsvOptions, delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Up to a thousand records with all quotes where they belong, and any record."""
    strict = record_pattern(parse, delimiter, strict=True) if parse.escape else _strict(parse.quote, delimiter)
    run = re.compile(b"(?:" + strict + b"){0,1000}+", re.DOTALL)
    return run, re.compile(record_pattern(parse, delimiter), re.DOTALL)


def _strict(quote: str, delimiter: str) -> bytes:
    """The same as ``record_pattern(…, strict=True)`` without an escape, in fewer steps: by quotes, not by cells."""
    mark = re.escape(quote.encode())
    border = rb"\r\n" + re.escape(delimiter.encode())
    start = b"(?:(?<![^" + border + rb"])|(?<=\xef\xbb\xbf))"
    text = b"(?<=[^" + border + rb"])(?<!\xef\xbb\xbf)"
    cell = start + mark + b"(?:[^" + mark + b"]++|" + mark + mark + b")*+" + mark + b"(?=[" + border + b"])"
    return b"(?:[^" + mark + rb"\r\n]++|" + cell + b"|" + text + mark + rb")*+(?:\r\n|\n|\r(?=[^\n]))"


def _replaced(
    run: re.Pattern[bytes],
    record: re.Pattern[bytes],
    replacement: Callable[[bytes], bytes],
    text: bytes,
    *,
    whole: bool,
    stop: bool = False,
) -> tuple[bytes, int]:
    """The records of a text, and where the last whole one ends.

    Args:
        whole: whether no more text follows; the rest is then the last record.
        stop: end with the first record that was replaced.
    """
    kept, at = [], 0
    if whole:
        text += b"\n"
    while at < len(text):
        good = run.match(text, at)
        if good is not None and good.end() > at:
            kept.append(good.group())
            at = good.end()
            continue
        found = record.match(text, at)
        if found is None:
            break
        kept.append(replacement(found.group()))
        at = found.end()
        if stop:
            return b"".join(kept), at
    if whole:
        # an open quote, which the parser reports, or nothing
        kept.append(text[at:])
        return b"".join(kept)[:-1], len(text) - 1
    return b"".join(kept), at


def _lines(text: bytes) -> int:
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
