"""A proposal as a sentence: the rule in words, and how well it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vertebra.formatting import counted, joined, percentage
from vertebra.trusted.discover.proposal import Kind, Verified


def sentence(found: Verified) -> str:
    """The rule in one sentence, with figures."""
    said, figures = _said(found)
    return f"{said}{figures}."


def statement(found: Verified) -> str:
    """The rule in words without figures, for its description."""
    return f"{_said(found)[0]}."


def _said(found: Verified) -> tuple[str, str]:
    said: Mapping[Kind, Callable[[Verified], tuple[str, str]]] = {
        "key": _key, "fd": _dependency, "conditional": _conditional, "order": _order, "comparison": _comparison,
        "reference": _reference, "range": _range, "values": _values, "pattern": _pattern, "required": _required,
    }  # fmt: skip
    return said[found.candidate.kind](found)


def _key(found: Verified) -> tuple[str, str]:
    said = f"No two rows have the same {joined(found.candidate.lhs)}"
    if found.exact:
        return said, f": true of all {found.rows:,} rows"
    groups = counted(found.violating_groups or 0, "group")
    return said, f": {counted(found.dirty, 'duplicate row')} in {groups}"


def _dependency(found: Verified) -> tuple[str, str]:
    candidate, groups = found.candidate, found.groups or 0
    said = f"Rows with the same {joined(candidate.lhs)} have the same {candidate.rhs}"
    if found.exact:
        return said, f": true of all {groups:,} groups ({found.applies:,} rows)"
    return said, _except_groups(found)


def _except_groups(found: Verified) -> str:
    differ = counted(found.dirty, "row differs", "rows differ")
    groups = f"{found.violating_groups or 0:,} of {counted(found.groups or 0, 'group')}"
    return f", except in {groups}: {differ} from the rest of their group, {percentage(found.pair_share)} of the pairs"


def _conditional(found: Verified) -> tuple[str, str]:
    condition, _, then = found.candidate.hint.partition("\x00")
    said = f"Where {condition}, {then}"
    if found.lhs_pairs is None:
        return said, f": {_kept(found)}"
    if found.exact:
        return said, f": true of all {found.groups or 0:,} groups ({found.applies:,} rows)"
    return said, _except_groups(found)


def _order(found: Verified) -> tuple[str, str]:
    candidate = found.candidate
    *group, first = candidate.lhs
    within = f"Among rows with the same {joined(group)}, where" if group else "Where"
    said = f"{within} {first} grows, {candidate.rhs} never {'falls' if candidate.hint == 'grows' else 'grows'}"
    if found.exact:
        return said, f": true of all {found.applies:,} rows"
    if found.least is not None:
        return said, f": {counted(found.least, 'row is', 'rows are')} out of order among {found.applies:,}"
    pairs = f"{counted(found.pairs, 'pair')} of rows, " if found.pairs is not None else ""
    return said, f", except in {pairs}{counted(found.tuples, 'row')} in all"


def _comparison(found: Verified) -> tuple[str, str]:
    (low,), high = found.candidate.lhs, found.candidate.rhs
    relation = {"equal": "equals", "less": "is less than"}.get(found.candidate.hint, "is at most")
    return f"{low} {relation} {high}", f": {_kept(found, 'with both values')}"


def _reference(found: Verified) -> tuple[str, str]:
    said = f"Every {joined(found.candidate.lhs)} is in {found.candidate.hint}"
    if found.exact:
        return said, f": true of all {found.groups or 0:,} values"
    absent = f"{found.violating_groups or 0:,} of {found.groups or 0:,} values"
    return said, f", except {absent}, in {counted(found.tuples, 'row')}"


def _range(found: Verified) -> tuple[str, str]:
    (column,) = found.candidate.lhs
    low, high = found.candidate.body["range"][column]
    said = f"{column} is from {low} to {high}"
    if low is None or high is None:
        said = f"{column} is at most {high}" if low is None else f"{column} is at least {low}"
    why = {"far": "; beyond lie values far from all others", "dense": "; each of these whole numbers occurs"}
    return said, f": {_kept(found, 'with a value')}{why.get(found.candidate.hint, '')}"


def _values(found: Verified) -> tuple[str, str]:
    (column,) = found.candidate.lhs
    values = found.candidate.body["values"][column]
    said, figures = f"{column} is one of {len(values)} values", f": {_kept(found, 'with a value')}"
    return said, f"{figures}; {found.candidate.hint} looks like a typo" if found.candidate.hint else figures


def _pattern(found: Verified) -> tuple[str, str]:
    (column,) = found.candidate.lhs
    return f"{column} looks like {found.candidate.hint}", f": {_kept(found, 'with a value')}"


def _required(found: Verified) -> tuple[str, str]:
    columns = found.candidate.lhs
    said = f"{joined(columns)} always {'has' if len(columns) == 1 else 'have'} a value"
    return said, f": {_kept(found)}"


def _kept(found: Verified, which: str = "") -> str:
    rows = f"{found.applies:,} rows{' ' + which if which else ''}"
    return f"true of all {rows}" if found.exact else f"true of all but {found.tuples:,} of {rows}"
