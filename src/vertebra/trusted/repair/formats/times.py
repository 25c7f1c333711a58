"""Times of day."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.formats.column_sample import ColumnSample, Rewriting, group, matches

if TYPE_CHECKING:
    from pyspark.sql import Column

_TWELVE: Final = r"(\d{1,2}):(\d{2})(:\d{2})?(\s*)([AaPp]\.?\s?(?:[Mm]\.?)?)"
_FULL: Final = r"([01]?\d|2[0-3]):([0-5]\d)(:[0-5]\d)?"
_COMPACT: Final = r"([01]\d|2[0-3])([0-5]\d)"
_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_BESIDE: Final = (
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?|\d{1,4}[/-]\d{1,2}[/-]\d{2,4},?"
    rf"|(?:{_MONTHS})[a-z]*\.?\s*\d{{1,2}}(?:,?\s*\d{{4}})?,?|\([^)]*\)|-)"
)
"""What may stand beside a time: a weekday, a date, a remark in parentheses."""
_TIMES: Final = 0.7
_USUAL: Final = 0.4
_AHEAD: Final = 1.3


@dataclass(frozen=True)
class _Style:
    """How times are written: with half days as ``a.m.``, or with 24 hours; hours with two digits; seconds."""

    half: str
    blank: str
    padded: bool
    seconds: bool


def times(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of times of day to the way in which most times of the column are written.

    A date or a remark beside a time is left out, as the column's usual values have none; the confidence is lower then.
    A time without half day is taken for one of 24 hours, and is sure only after 12:59.
    """
    any_time = rf"(?i)(?:{_BESIDE}\s*)*(?:{_TWELVE}|{_FULL}|{_COMPACT})\s*(?:{_BESIDE}\s*)*"
    if sample.share(any_time) < _TIMES or sample.share(_COMPACT) > 1 - _USUAL:
        return []
    style = _usual_style(sample)
    if style is None:
        return []
    return _rewritings(value, style)


def _usual_style(sample: ColumnSample) -> _Style | None:
    styles = Counter[tuple[str, str, bool]]()
    padded = Counter[bool]()
    for found, count in sample.matching(_TWELVE):
        styles[
            re.sub(r"[aApP]", lambda one: "A" if one[0].isupper() else "a", found[5], count=1), found[4], bool(found[3])
        ] += count
        if (len(found[1]) == 2 and found[1][0] == "0") or len(found[1]) == 1:
            padded[len(found[1]) == 2] += count
    for found, count in sample.matching(_FULL):
        styles["", "", bool(found[3])] += count
        if len(found[1]) == 1 or found[1][0] == "0":
            padded[len(found[1]) == 2] += count
    if not styles:
        return None
    ((half, blank, seconds), most), *others = styles.most_common(2)
    if most < _USUAL * sample.total or (others and most < _AHEAD * others[0][1]):
        return None
    return _Style(half, blank, padded[True] > padded[False], seconds)


def _rewritings(value: Column, style: _Style) -> list[Rewriting]:
    from pyspark.sql import functions as F

    twelve = rf"(?i)((?:{_BESIDE}\s*)*){_TWELVE}\s*((?:{_BESIDE}\s*)*)"
    full = rf"(?i)((?:{_BESIDE}\s*)*){_FULL}\s*((?:{_BESIDE}\s*)*)"
    reason = "the usual way to write times in the column"
    hour = _whole_number(group(value, twelve, 2))
    after = F.lower(F.substring(group(value, twelve, 6), 1, 1)) == "p"
    day_hour = F.pmod(hour, F.lit(12)) + F.when(after, 12).otherwise(0)
    is_twelve = matches(value, twelve) & hour.between(1, 12) & (_whole_number(group(value, twelve, 3)) < 60)
    alone = (group(value, twelve, 1) == "") & (group(value, twelve, 7) == "")
    halved = _written(day_hour, group(value, twelve, 3), group(value, twelve, 4), style)
    remarked = value.contains("(")
    full_hour = _whole_number(group(value, full, 2))
    is_full = matches(value, full)
    full_alone = (group(value, full, 1) == "") & (group(value, full, 5) == "")
    written = _written(full_hour, group(value, full, 3), group(value, full, 4), style)
    sure = (full_hour > 12) if style.half else F.lit(1) == F.lit(1)
    compact = _written(_whole_number(group(value, _COMPACT, 1)), group(value, _COMPACT, 2), F.lit(""), style)
    return [
        Rewriting(is_twelve & alone, halved, 0.95, reason),
        Rewriting(is_twelve & ~remarked, halved, 0.91, f"{reason}; others have no date"),
        Rewriting(is_twelve, halved, 0.85, f"{reason}; others have no remark"),
        Rewriting(is_full & full_alone & sure, written, 0.93, reason),
        Rewriting(is_full & full_alone, written, 0.6, f"{reason}, if it is a time of 24 hours"),
        Rewriting(is_full & sure & ~remarked, written, 0.9, f"{reason}; others have no date"),
        Rewriting(is_full & sure, written, 0.83, f"{reason}; others have no remark"),
        Rewriting(matches(value, _COMPACT), compact, 0.85, reason),
    ]


def _written(hour: Column, minute: Column, second: Column, style: _Style) -> Column:
    from pyspark.sql import functions as F

    shown = F.pmod(hour + 11, F.lit(12)) + 1 if style.half else hour
    text = shown.cast("int").cast("string")
    if style.padded:
        text = F.lpad(text, 2, "0")
    parts = [text, F.lit(":"), minute]
    # seconds are kept, so that no time becomes equal to another one
    zero = F.lit(":00" if style.seconds else "")
    parts.append(F.when((second == "") | (second == ":00"), zero).otherwise(second))
    if style.half:
        morning = style.half
        evening = re.sub("[aA]", lambda one: "P" if one[0] == "A" else "p", morning, count=1)
        parts += [F.lit(style.blank), F.when(hour < 12, F.lit(morning)).otherwise(F.lit(evening))]
    return F.concat(*parts)


def _whole_number(text: Column) -> Column:
    from pyspark.sql import functions as F

    return F.when(text != "", text).cast("int")
