"""Numbers and codes with a letter or a mark in place of digits, such as ``1xx%``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.formats.column_sample import ColumnSample, Rewriting

if TYPE_CHECKING:
    from pyspark.sql import Column

_USUAL: Final = 0.5
"""The share of the column that has the form."""
_TIMES: Final = 5
"""How many times as often as the masked value the right one occurs, at least."""
_MOST_MASKED: Final = 0.1
_MASKED: Final = 200
"""Different masked values that are looked at, the most frequent ones."""
_AS_GOOD_AS_NOT: Final = 0.5
_SURE: Final = 0.97
_ONE_PLACE: Final = 0.8
"""Factor where all masked values of a column are masked at their beginning, or all at their end: so people write
classes (``4xx``) and what is not to be read (``xxxx-1234``)."""
_MASK: Final = re.compile(r"[A-Za-z#?*]")


@dataclass(frozen=True)
class _Masked:
    text: str
    count: int
    mask: str

    @property
    def place(self) -> str:
        """Where the masked digits are among all digits: ``start``, ``end``, or ``within``."""
        digits = re.sub(rf"[^0-9{re.escape(self.mask)}]", "", self.text)
        if re.fullmatch(rf"{re.escape(self.mask)}+[0-9]+", digits):
            return "start"
        return "end" if re.fullmatch(rf"[0-9]+{re.escape(self.mask)}+", digits) else "within"


def masked_digits(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of values with a letter or mark in place of digits to the value of the column that fits.

    Each value of the column that has digits in these places is as likely as it is frequent. Values that the column does
    not have, or only once, are possible, too. In a column with values of other forms nothing is recognised.
    """
    forms = Counter[str]()
    for text, count in sample.texts.items():
        forms[_form(text)] += count
    if not forms:
        return []
    form, most = forms.most_common(1)[0]
    if "9" not in form or most < _USUAL * sample.total:
        return []
    masked = list(_masked(sample.texts, form))[:_MASKED]
    if not masked or sum(one.count for one in masked) > _MOST_MASKED * most:
        return []
    usual = {text: count for text, count in sample.texts.items() if _form(text) == form}
    one_place = len({one.place for one in masked}) == 1 and masked[0].place != "within"
    rewritings = []
    for new, confidence, olds in _grouped(masked, usual, _SURE * (_ONE_PLACE if one_place else 1)):
        rewritings.append(_rewriting(value, olds, new, confidence, usual[new]))
    return rewritings


def _form(text: str) -> str:
    """A text with each number as one 9."""
    return re.sub(r"[0-9]+", "9", text)


def _masked(texts: Mapping[str, int], form: str) -> Iterator[_Masked]:
    """The values that have the form with digits for one of their letters or marks."""
    for text, count in sorted(texts.items(), key=lambda item: (-item[1], item[0])):
        if _form(text) == form or _is_number(text):
            continue
        fitting = [mask for mask in sorted(set(_MASK.findall(text))) if _form(text.replace(mask, "0")) == form]
        if len(fitting) == 1:
            yield _Masked(text, count, fitting[0])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _grouped(
    masked: Sequence[_Masked], usual: Mapping[str, int], sure: float
) -> Iterator[tuple[str, float, Sequence[str]]]:
    """The right value, its confidence, and the masked values that it is the right one for."""
    found: dict[tuple[str, float], list[str]] = {}
    for one in masked:
        pattern = re.compile("[0-9]".join(map(re.escape, one.text.split(one.mask))))
        fits = {text: count for text, count in usual.items() if pattern.fullmatch(text)}
        if not fits:
            continue
        new, count = max(fits.items(), key=lambda item: (item[1], item[0]))
        unseen = 1 + sum(1 for number in fits.values() if number == 1)
        confidence = round(sure * count / (sum(fits.values()) + unseen), 2)
        if confidence >= _AS_GOOD_AS_NOT and count >= _TIMES * one.count:
            found.setdefault((new, confidence), []).append(one.text)
    for (new, confidence), olds in found.items():
        yield new, confidence, olds


def _rewriting(value: Column, olds: Sequence[str], new: str, confidence: float, count: int) -> Rewriting:
    from pyspark.sql import functions as F

    reason = f"fits a value that occurs {count} times in a sample, with digits for a letter or mark"
    return Rewriting(value.isin(list(olds)), F.lit(new), confidence, reason)
