"""Texts and numbers that stand for NULL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.formats.column_sample import ColumnSample, Rewriting

if TYPE_CHECKING:
    from pyspark.sql import Column

_CLEAR: Final = (
    "n/a", "#n/a", "<na>", "n.a.", "null", "(null)", "<null>", "nan", "?", "??", "-", "--", "---", "not available",
    "not applicable", "no data", "#null!", "#value!",
)  # fmt: skip
_WORDS: Final = ("na", "none", "unknown", "missing", "undefined", "nil", "tbd", "unk", ".", "contact airline")
"""They may also be values: a country, a category, a kind."""
_MEASURED: Final = 0.9
"""The share of values of one kind from which a column is taken to hold that kind only."""
_VALUE: Final = r"[+-]?\d[\d.,:/ -]*\S*(?:\s\S+)?"
"""A measured value: a number, date or time, perhaps with a unit."""
_SENTINEL: Final = re.compile(r"-?9{3,}(\.0+)?|-99(\.0+)?|-1(\.0+)?")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?")


def is_null_text(text: str) -> bool:
    """Whether a text may stand for NULL."""
    return text.strip().lower() in {*_CLEAR, *_WORDS}


def null_texts(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of texts that stand for NULL.

    In a column of measured values any such text does. Among other texts a word such as ``unknown`` may be a value, so
    that its confidence is low.
    """
    from pyspark.sql import functions as F

    if not sample.total:
        return []
    measured = sample.share(_VALUE) >= _MEASURED
    lower = F.lower(value)
    reason = "stands for NULL"
    return [
        Rewriting(lower.isin(list(_CLEAR)), F.lit(None).cast("string"), 0.95 if measured else 0.85, reason),
        Rewriting(lower.isin(list(_WORDS)), F.lit(None).cast("string"), 0.93 if measured else 0.5, reason),
    ]


def sentinels(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of numbers such as 9999 and -999 that stand for NULL.

    Such a number has to be repeated, and far from all other values of the column.
    """
    from pyspark.sql import functions as F

    numbers = {text: float(text) for text in sample.texts if _NUMBER.fullmatch(text)}
    if sum(sample.texts[text] for text in numbers) < _MEASURED * sample.total or len(numbers) < 10:
        return []
    found = [
        text for text in numbers if _SENTINEL.fullmatch(text) and sample.texts[text] >= 2 and _is_far(text, numbers)
    ]
    if not found:
        return []
    return [Rewriting(value.isin(sorted(found)), F.lit(None).cast("string"), 0.82, "a number that stands for NULL")]


def _is_far(text: str, numbers: Mapping[str, float]) -> bool:
    others = [number for other, number in numbers.items() if not _SENTINEL.fullmatch(other)]
    if not others:
        return False
    least, greatest = min(others), max(others)
    number = numbers[text]
    if number < 0:
        # -1 among natural numbers may be a value; it is one step away from them
        return least >= 0 and number < -1
    return number > 3 * greatest and number - greatest > 3 * (greatest - least)
