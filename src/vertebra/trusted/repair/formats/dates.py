"""Dates without a time of day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.formats.column_sample import ColumnSample, Rewriting, group, matches

if TYPE_CHECKING:
    from pyspark.sql import Column

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES: Final = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATES: Final = 0.9
_USUAL: Final = 0.6
_MOST_MONTHS: Final = 12


@dataclass(frozen=True)
class _Form:
    """A way to write dates.

    Attributes:
        order: of the groups of the pattern: ``ymd``, ``dmy``, ``mdy``.
        separator: between the parts; of forms with the month's name they are only read.
        named: the month is a name.
    """

    pattern: str
    order: str
    separator: str
    named: bool = False


def _forms() -> list[_Form]:
    found = []
    for separator in ("-", "/", "."):
        mark = "\\." if separator == "." else separator
        found.append(_Form(rf"(\d{{4}}){mark}(\d{{1,2}}){mark}(\d{{1,2}})", "ymd", separator))
        # the order of day and month is decided by the values of the column
        found.append(_Form(rf"(\d{{1,2}}){mark}(\d{{1,2}}){mark}(\d{{4}})", "dmy", separator))
    found.append(_Form(r"((?:19|20)\d{2})(0[1-9]|1[0-2])([0-3]\d)", "ymd", ""))
    found.append(_Form(rf"(?i)(\d{{1,2}})[ -]{_NAMES}[ -.,]*(\d{{4}})", "dmy", " ", named=True))
    found.append(_Form(rf"(?i){_NAMES}\.? (\d{{1,2}}),? (\d{{4}})", "mdy", " ", named=True))
    return found


def dates(sample: ColumnSample, value: Column) -> list[Rewriting]:
    """Rewritings of dates to the form that most dates of the column have.

    Where a date such as 03/04/2020 can have two meanings, other values of the same form decide: one with a number above
    12 in one of the two places. If they do not, or contradict each other, such dates are left. Years of two digits are
    left.
    """
    counted = Counter[int]()
    forms = _forms()
    for number, form in enumerate(forms):
        counted[number] = sum(count for _, count in sample.matching(form.pattern))
    usual, most = counted.most_common(1)[0]
    if not sample.total or sum(counted.values()) < _DATES * sample.total or most < _USUAL * sample.total:
        return []
    forms = [_with_order(form, sample) or form for form in forms]
    goal = forms[usual]
    if goal.named or (goal.order == "dmy" and _with_order(goal, sample) is None):
        return []
    padded = not any(len(part) == 1 for found, _ in sample.matching(goal.pattern) for part in found.groups())
    rewritings = []
    for form in forms:
        if form is goal or (
            form.separator and form.order == "dmy" and not form.named and _with_order(form, sample) is None
        ):
            continue
        rewritings.append(_rewriting(value, form, goal, padded=padded))
    return rewritings


def _with_order(form: _Form, sample: ColumnSample) -> _Form | None:
    """The form with the order of day and month that its values show; None if they show none."""
    if form.order == "ymd" or form.named:
        return form
    first = second = 0
    for found, _ in sample.matching(form.pattern):
        first, second = max(first, int(found[1])), max(second, int(found[2]))
    if (first > _MOST_MONTHS) == (second > _MOST_MONTHS):
        return None
    return _Form(form.pattern, "dmy" if first > _MOST_MONTHS else "mdy", form.separator)


def _rewriting(value: Column, form: _Form, goal: _Form, *, padded: bool) -> Rewriting:
    from pyspark.sql import functions as F

    parts = {part: group(value, form.pattern, number) for number, part in enumerate(form.order, 1)}
    month = parts["m"]
    if form.named:
        lower = F.lower(month)
        number = F.lit("")
        for place, name in enumerate(_MONTHS, 1):
            number = F.when(lower == name, F.lit(str(place))).otherwise(number)
        parts["m"] = number
    two = {part: F.lpad(parts[part], 2, "0") for part in "md"} | {"y": parts["y"]}
    exists = (
        F.expr("1 = 1") & F.concat(two["y"], F.lit("-"), two["m"], F.lit("-"), two["d"]).try_cast("date").isNotNull()
    )
    shown = two if padded else two | {part: F.regexp_replace(two[part], "^0", "") for part in "md"}
    new = F.concat_ws(goal.separator, *(shown[part] for part in goal.order))
    return Rewriting(matches(value, form.pattern) & exists, new, 0.92, "the usual way to write dates in the column")
