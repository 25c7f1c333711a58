"""Casting text to dates and timestamps.

Text is ISO 8601 or follows a declared pattern. A timestamp is an instant: by the offset in the text, else by the
declared zone, else in UTC. When clocks are turned back, a local time occurs twice: the order in the file or the
declaration says which instant it is, and what stays ambiguous is refused. When they are turned forward, a local time
that does not exist is refused. The time 24:00 is the midnight that ends a day (ISO 8601).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vertebra.declare.time_numbers import NUMBERS
from vertebra.declare.time_pattern import MONTHS, YEAR, TimeField, TimePattern, time_pattern
from vertebra.formatted.intermediates import Intermediates, Stage
from vertebra.formatted.time_numbers import read_number
from vertebra.formatted.zone_rules import in_known_year

if TYPE_CHECKING:
    from pyspark.sql import Column

    from vertebra.declare.dataset import Column as Declaration

_DAY: Final = f"{YEAR}-[0-9]{{2}}-[0-9]{{2}}"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_OFFSET: Final = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
ISO_DATE: Final = rf"\A{_DAY}(?:[T ]00:00(?::00(?:\.0{{1,9}})?)?)?\z"
ISO_TIMESTAMP: Final = rf"\A{_DAY}(?:[T ]{_CLOCK}(?: ?{_OFFSET})?)?\z"
_ENDS_IN_OFFSET: Final = r"(?:Z|:[0-9]{2}(?:\.[0-9]+)? ?[+-][0-9]{2}(?::?[0-9]{2})?)\z"

_END_OF_DAY: Final = r"\A.{11}24:00(?::00(?:\.0*)?)?(?: ?(?:Z|[+-].*))?\z"

_FIRST_DAY: Final = "date'1899-12-30'"
"""Day 0 of Excel."""

_CENTURY: Final = 2000
_MICROSECONDS: Final = len("2013-01-31T23:59:00.123456")
_FINER: Final = r"\.[0-9]{6}[0-9]*[1-9]"
_NEARER_NEXT: Final = r"\.[0-9]{6}[5-9]"

Reasons = list[tuple["Column", str]]


def read_timestamp(
    content: Column,
    declaration: Declaration,
    kind: str,
    intermediates: Intermediates,
    others: Sequence[Column] | None = None,
) -> tuple[Column, Reasons]:
    """Cast dates or timestamps.

    Args:
        content: the trimmed text of a cell.
        kind: ``date`` or ``timestamp``.
        intermediates: gets the intermediate columns.
        others: the raw text of the other columns of the key; None if the column is not part of it.

    Returns:
        The value, NULL where the text is refused, and the reasons: pairs of condition and words; the last applies to
        all other texts.
    """
    from pyspark.sql import functions as F

    if declaration.format in NUMBERS:
        return _of_number(content, declaration, kind, intermediates, others)
    pattern = time_pattern(declaration.time_format) if declaration.time_format else None
    if pattern:
        shaped, looks = content.rlike(pattern.regex), f"is not written {pattern.text}"
        iso = intermediates.keep(Stage.ISO, _iso_text(content, pattern, declaration.year_from or _CENTURY))
    elif kind == "date":
        shaped, looks = content.rlike(ISO_DATE), "is not a date such as 2013-01-31; declare its format"
        iso = F.substring(content, 1, 10)
    else:
        shaped = content.rlike(ISO_TIMESTAMP)
        looks = "is not a timestamp such as 2013-01-31T23:59:00Z; declare its format"
        iso = intermediates.keep(Stage.ISO, _with_seconds(content))
    if kind == "date":
        value = F.when(shaped, F.substring(iso, 1, 10).try_cast("date"))
        if pattern is None or not pattern.fields.keys() & set("HhmsS") or declaration.round:
            if pattern and "H" in pattern.fields:
                value = F.when(_is_end_of_day(iso), F.date_add(value, 1)).otherwise(value)
            return value, [(shaped, "is not a valid date"), (F.lit(True), looks)]
        midnight = ~iso.rlike("T.*[1-9].*[.]|[.][0-9]*[1-9]")
        return F.when(midnight, value), [
            (shaped & ~midnight, "has a time of day; declare timestamp, or round: true to cut it off"),
            (shaped, "is not a valid date"),
            (F.lit(True), looks),
        ]
    finer = F.when(F.length(iso) > _MICROSECONDS, iso.rlike(_FINER)).otherwise(False)
    read = iso.try_cast("timestamp")
    if pattern is None or "H" in pattern.fields:
        start = F.concat(F.substring(iso, 1, 11), F.lit("00"), F.substring(iso, 14, 30)).try_cast("timestamp")
        read = F.when(_is_end_of_day(iso), start + F.expr("interval 1 day")).otherwise(read)
    if declaration.round:
        up = F.when(F.length(iso) > _MICROSECONDS, iso.rlike(_NEARER_NEXT)).otherwise(False)
        read = F.when(up, F.timestamp_micros(F.unix_micros(read) + 1)).otherwise(read)
        finer = F.lit(False)
    stamp = intermediates.keep(Stage.STAMP, F.when(shaped & ~finer, read))
    reasons = [
        (shaped & finer, "is finer than a microsecond; declare round: true to round it"),
        (stamp.isNotNull(), "is outside of the years 1 to 9999 in UTC"),
        (shaped, "is not a valid date and time"),
        (F.lit(True), looks),
    ]
    return _instant(declaration, intermediates, stamp, _has_offset(content, pattern), reasons, others)


def _of_number(
    content: Column,
    declaration: Declaration,
    kind: str,
    intermediates: Intermediates,
    others: Sequence[Column] | None,
) -> tuple[Column, Reasons]:
    """The date or timestamp of a number."""
    from pyspark.sql import functions as F

    form = str(declaration.format)
    shaped, read, finer, looks = read_number(content, form, rounds=declaration.round)
    if kind == "date":
        midnight = F.lit(True) if declaration.round else content.rlike(r"\A[0-9]+(?:\.0*)?\z")
        return F.when(
            shaped & midnight, F.date_add(F.expr(_FIRST_DAY), F.substring_index(content, ".", 1).try_cast("int"))
        ), [
            (shaped, "has a time of day; declare timestamp, or round: true to cut it off"),
            (F.lit(True), looks),
        ]
    stamp = intermediates.keep(Stage.STAMP, F.when(shaped & ~finer, read))
    reasons = [
        (shaped & finer, "is finer than a microsecond; declare round: true to round it"),
        (shaped, "is outside of the years 1 to 9999 in UTC"),
        (F.lit(True), looks),
    ]
    return _instant(declaration, intermediates, stamp, F.lit(False), reasons, others)


def _instant(
    declaration: Declaration,
    intermediates: Intermediates,
    stamp: Column,
    has_offset: Column,
    reasons: Reasons,
    others: Sequence[Column] | None,
) -> tuple[Column, Reasons]:
    """The instant of a time, which is local unless its text has an offset, and why it is refused."""
    from pyspark.sql import functions as F

    if declaration.zone is None or declaration.zone == "UTC":
        return _in_range(stamp), reasons
    zone = declaration.zone
    earlier = in_known_year(stamp, zone, intermediates)
    local, known = stamp.isNotNull() & ~has_offset, earlier.stamp
    first = intermediates.keep(Stage.INSTANT, F.to_utc_timestamp(known, zone))
    later = intermediates.keep(Stage.INSTANT, _with_offset_of(known, zone, "interval 1 day"))
    exists = F.from_utc_timestamp(first, zone) == known
    repeated = local & exists & (later > first) & (F.from_utc_timestamp(later, zone) == known)
    near = local & (later != _with_offset_of(known, zone, "interval -1 day"))
    instants = (earlier.later(first), earlier.later(later))
    chosen, ambiguous, words = _chosen(declaration, intermediates, stamp, near, repeated, instants, others)
    value = F.when(has_offset, _in_range(stamp)).when(exists & ~ambiguous, _in_range(chosen))
    return value, [
        (ambiguous, f"occurs twice in {zone}, when the clocks are turned back, {words}"),
        (local & known.isNull(), f"is later than the known changes of clocks in {zone}; write it with an offset"),
        (local & ~exists, f"does not exist in {zone}: the clocks were turned forward"),
        *reasons,
    ]


def _is_end_of_day(iso: Column) -> Column:
    """Whether the time of day of an ISO text is 24:00, the midnight that ends the day."""
    from pyspark.sql import functions as F

    return F.when(F.substring(iso, 12, 2) == "24", iso.rlike(_END_OF_DAY)).otherwise(False)


def _with_offset_of(stamp: Column, zone: str, other: str) -> Column:
    """The instant of a local time by the offset that the zone has some time later or earlier."""
    from pyspark.sql import functions as F

    return F.to_utc_timestamp(stamp + F.expr(other), zone) - F.expr(other)


def _chosen(
    declaration: Declaration,
    intermediates: Intermediates,
    stamp: Column,
    near: Column,
    repeated: Column,
    instants: tuple[Column, Column],
    others: Sequence[Column] | None,
) -> tuple[Column, Column, str]:
    """The instant of a local time, whether it stays ambiguous, and why.

    Args:
        near: whether the time is within a day of a change of clocks.
        repeated: whether the time occurs twice.
        instants: the first and the second time.
    """
    from pyspark.sql import functions as F

    first, later = instants
    no = F.lit(False)
    match declaration.repeated:
        case "first":
            return first, no, ""
        case "second":
            return F.when(repeated, later).otherwise(first), no, ""
        case "reject":
            return first, repeated, "and is rejected as declared"
    if others is None:
        return first, repeated, "and is not part of a key; declare repeated: first, or second"
    second = intermediates.tell_apart(stamp, near, repeated, others)
    why = "and the file does not tell which hour it is; declare repeated: first, or second"
    return F.when(repeated & second, later).otherwise(first), repeated & second.isNull(), why


def _in_range(instant: Column) -> Column:
    """Whether an instant is in the years that readers of Delta tables accept; an offset may move it outside."""
    from pyspark.sql import functions as F

    first, last = (F.expr(f"timestamp'{t}Z'") for t in ("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"))
    return F.when(instant.between(first, last), instant)


def _has_offset(content: Column, pattern: TimePattern | None) -> Column:
    from pyspark.sql import functions as F

    if pattern is None:
        return content.rlike(_ENDS_IN_OFFSET)
    offset = pattern.fields.get("X")
    return _part(content, pattern, offset) != "" if offset else F.lit(False)


def _with_seconds(content: Column) -> Column:
    """ISO text with seconds, which engines require before an offset: ``2013-01-31 23:59Z``."""
    from pyspark.sql import functions as F

    bare = F.substring(content, 17, 1).isin("Z", " ", "+", "-")
    filled = F.concat(F.substring(content, 1, 16), F.lit(":00"), F.substring(content, 17, 10))
    return F.when(bare, filled).otherwise(content)


def _iso_text(content: Column, pattern: TimePattern, first_year: int) -> Column:
    """The ISO 8601 form of a text that matches a pattern.

    Args:
        first_year: the first of the hundred years that a year of two digits means.
    """
    from pyspark.sql import functions as F

    def part(letter: str, otherwise: str) -> Column:
        found = pattern.fields.get(letter)
        if found is None:
            return F.lit(otherwise)
        text = _part(content, pattern, found)
        # a missing part inside [ ]
        return text if found.start else F.when(text == "", F.lit(otherwise)).otherwise(text)

    def two(text: Column) -> Column:
        return F.lpad(text, 2, "0")

    year = part("y", "")
    if pattern.fields["y"].count == 2:
        number = F.pmod(year.try_cast("int") - first_year % 100, F.lit(100)) + first_year
        year = F.lpad(number.cast("string"), 4, "0") if first_year != _CENTURY else F.concat(F.lit("20"), year)
    month = part("M", "1")
    if "M" in pattern.fields and pattern.fields["M"].count > 2:
        names = "".join(name[:3] for name in MONTHS)
        place = F.instr(F.lit(names), F.lower(F.substring(month, 1, 3)))
        month = F.when(place > 0, F.floor((place + 2) / 3).cast("int").cast("string")).otherwise(month)
    day = F.concat_ws("-", year, two(month), two(part("d", "1")))
    if not pattern.fields.keys() & set("HhmsX"):
        return day
    clock = F.concat_ws(":", two(_hour(pattern, part)), two(part("m", "0")), two(part("s", "0")))
    return F.concat(day, F.lit("T"), clock, F.lit("."), part("S", "0"), part("X", "Z"))


def _part(content: Column, pattern: TimePattern, found: TimeField) -> Column:
    """A part's text; empty where it is in brackets and missing."""
    from pyspark.sql import functions as F

    if found.start and found.width:
        return F.substring(content, found.start, found.width)
    return F.regexp_extract(content, pattern.regex, found.group)


def _hour(pattern: TimePattern, part: Callable[[str, str], Column]) -> Column:
    """The hour of 24, as text."""
    from pyspark.sql import functions as F

    if "h" not in pattern.fields:
        return part("H", "0")
    afternoon = F.lower(part("a", "am")) == "pm"
    twelfth = part("h", "12").try_cast("int") % 12
    return F.when(afternoon, twelfth + 12).otherwise(twelfth).cast("string")
