"""Counts the cells of a column by the kind of value that their text looks like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from vertebra.lake.column_profile import WORDS, ColumnProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY: Final = r"\d{4}-\d{1,2}-\d{1,2}"
_PATTERNS: Final = {
    "blank": r"^\s*$",
    "int": r"^\s*[+-]?(0|[1-9]\d*)\s*$",
    "decimal": r"^\s*[+-]?(\d+[.,]\d*|[.,]\d+|\d+([.,]\d+)?[eE][+-]?\d+)\s*$",
    "digits": r"^\s*[+-]?0\d+\s*$",
    "date": rf"^\s*({_DAY}|\d{{4}}/\d{{1,2}}/\d{{1,2}}|\d{{1,2}}([/.-])\d{{1,2}}[/.-]\d{{4}})\s*$",
    "timestamp": rf"^\s*{_DAY}[T ]\d{{1,2}}:\d{{2}}(:\d{{2}}([.,]\d+)?)?\s*(Z|[+-]\d{{2}}(:?\d{{2}})?)?\s*$",
    "bool": r"^\s*(?i:true|false|yes|no|[tfyn])\s*$",
}
"""Any other value is treated as text."""


_LIKE_NUMBER: Final = r"^\s*[+-]?[.,]?\d"
_LIKE_NUMBERS: Final = ("int", "decimal", "digits", "date", "timestamp")
_LONGEST_BOOL: Final = 8
_SAMPLE: Final = 4096


class KindCounter:
    """Counts the cells of one column by kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._many_words = False
        self._expected: str | None = None
        self._castable = True

    def add(self, cells: pa.StringArray | pa.DictionaryArray) -> None:
        """Count some cells.

        Args:
            cells: their texts; dictionary-encoded if they repeat, so that each text is examined once.
        """
        self._count("null", cells.null_count)
        if self._expected is None:
            self._expected = _kind_of_first(cells)
        if isinstance(cells, pa.DictionaryArray):
            texts, numbers = cells.dictionary, _numbers(cells)
        else:
            texts = cells.drop_null() if cells.null_count else cells
            if self._expected in ("int", "decimal") and self._castable:
                texts = self._cast(texts)
            numbers = np.ones(len(texts), np.int64)
        if self._expected is not None:
            # most cells of a column are of one kind
            texts, numbers = self._count_kind(self._expected, texts, numbers)
        if len(texts):
            like = _matches(texts, _LIKE_NUMBER)
            if like.any():
                self._numbers_and_times(texts.filter(pa.array(like)), numbers[like])
            if not like.all():
                self._words_and_blanks(texts.filter(pa.array(~like)), numbers[~like])
        most = max(_LIKE_NUMBERS, key=lambda kind: self._kinds.get(kind, 0))
        self._expected = most if self._kinds.get(most, 0) > self._kinds.get("text", 0) else None

    def profile(self) -> ColumnProfile:
        """The counts."""
        return ColumnProfile(dict(self._kinds), {} if self._many_words else dict(sorted(self._words.items())))

    def _cast(self, texts: pa.Array) -> pa.Array:
        """Count texts that can be read as numbers, which is faster than patterns. Returns the others."""
        given = texts
        empty = compute.equal(texts, "")
        if empty.true_count:
            texts = texts.filter(compute.invert(empty))
        try:
            others = _but_integers(texts) if self._expected == "int" else _but_decimals(texts)
        except pa.ArrowInvalid:
            # a failed attempt is slow, so it is the last one
            self._castable = False
            return given
        self._count(str(self._expected), len(texts) - len(others))
        self._count("blank", len(given) - len(texts))
        return others

    def _numbers_and_times(self, texts: pa.Array, numbers: NDArray[np.int64]) -> None:
        for kind in _LIKE_NUMBERS:
            texts, numbers = self._count_kind(kind, texts, numbers)
        self._keep_words(texts, numbers)

    def _words_and_blanks(self, texts: pa.Array, numbers: NDArray[np.int64]) -> None:
        short = compute.less_equal(compute.binary_length(texts), _LONGEST_BOOL).to_numpy(zero_copy_only=False)
        others, others_numbers = self._count_kind("blank", texts.filter(pa.array(~short)), numbers[~short])
        self._keep_words(others, others_numbers)
        texts, numbers = texts.filter(pa.array(short)), numbers[short]
        for kind in ("blank", "bool"):
            texts, numbers = self._count_kind(kind, texts, numbers)
        self._keep_words(texts, numbers)

    def _count_kind(self, kind: str, texts: pa.Array, numbers: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.int64]]:
        """Count the texts of one kind. Returns the others."""
        if not len(texts):
            return texts, numbers
        is_kind = _matches(texts, _PATTERNS[kind])
        if not is_kind.any():
            return texts, numbers
        self._count(kind, int(numbers[is_kind].sum()))
        return texts.filter(pa.array(~is_kind)), numbers[~is_kind]

    def _count(self, kind: str, number: int) -> None:
        if number:
            self._kinds[kind] = self._kinds.get(kind, 0) + int(number)

    def _keep_words(self, texts: pa.Array, numbers: NDArray[np.int64]) -> None:
        """Count the rest as text, and remember the words if they are few."""
        self._count("text", int(numbers.sum()))
        if self._many_words:
            return
        # a text may occur several times if the column is not dictionary-encoded
        for text, number in zip(texts[:_SAMPLE].to_pylist(), numbers, strict=False):
            self._words[text] = self._words.get(text, 0) + int(number)
        if len(self._words) > WORDS or len(texts) > _SAMPLE:
            self._many_words, self._words = True, {}


def _kind_of_first(cells: pa.Array) -> str | None:
    """The kind of the first cell, if it looks like a number or a time: most cells of a column are of one kind."""
    first = cells[0].as_py() if len(cells) else None
    return next((kind for kind in _LIKE_NUMBERS if first and re.match(_PATTERNS[kind], first)), None)


def is_repetitive(cells: pa.StringArray) -> bool:
    """Whether a column has few distinct texts, judging by its first cells."""
    sample = cells[:_SAMPLE]
    return bool(compute.count_distinct(sample).as_py() * 2 < len(sample))


def _but_integers(texts: pa.Array) -> pa.Array:
    compute.cast(texts, pa.int64())
    # texts with leading zeros or 0x are not counted as integers
    zero = compute.or_(compute.starts_with(texts, "0"), compute.starts_with(texts, "-0"))
    return texts.filter(zero) if zero.true_count else texts[:0]


def _but_decimals(texts: pa.Array) -> pa.Array:
    numbers = compute.cast(texts, pa.float64())
    plain = compute.and_(compute.match_substring(texts, "."), compute.is_finite(numbers))
    return texts[:0] if plain.true_count == len(texts) else texts.filter(compute.invert(plain))


def _numbers(distinct: pa.DictionaryArray) -> NDArray[np.int64]:
    """Number of cells with each text."""
    indices = distinct.indices.drop_null() if distinct.null_count else distinct.indices
    return np.bincount(indices.to_numpy(zero_copy_only=False), minlength=len(distinct.dictionary))


def _matches(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    matched: NDArray[np.bool_] = compute.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return matched
