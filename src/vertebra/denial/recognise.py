"""Recognises the notation of a rule by its beginning, and rewrites it as predicates joined by ``and``.

t.zip = s.zip and t.state != s.state                        Vertebra's notation; ∧ ≠ ≤ ≥ ¬ are accepted too
flights t, planes p: t.tailnum = p.tailnum and p.seats < 9  the same, with the relations named
next(t) s by zip order by day: s.state != t.state           consecutive tuples; the relation may be named before
¬∃ t,s ∈ flights, t≠s: t.zip = s.zip ∧ t.state ≠ s.state    logic, as rules are printed
t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)               HoloClean's notation
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from vertebra.denial.ast import Operator
from vertebra.denial.refusal import refuse
from vertebra.denial.translation import Translation

Notation = Literal["vertebra", "logic", "holoclean"]

HOLOCLEAN: Final[dict[str, Operator]] = {"EQ": "=", "IQ": "!=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
"""HoloClean's predicates and their operators."""

SYMBOLS: Final = {"∧": "and", "∨": "or", "¬": "not", "≠": "!=", "≤": "<=", "≥": ">="}
"""Logical symbols and their Spark SQL equivalents."""

QUOTED: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`]|``)*`"
_SIGN: Final = re.compile(rf"{QUOTED}|([{''.join(SYMBOLS)}])", re.DOTALL)
_SPACE: Final = re.compile(rf"{QUOTED}|(\s)", re.DOTALL)

_HOLOCLEAN: Final = re.compile(r"\s*\w+\s*&(?!&)")
_LOGIC: Final = re.compile(r"\s*(?:¬\s*∃|∄)")
_NAME: Final = r"(\w+|`[^`]+`)"
_RANGE: Final = re.compile(rf"\s*{_NAME}\s+(?:as\s+)?(\w+)\s*", re.IGNORECASE)
_OVER: Final = re.compile(rf"\s*{_NAME}\s+(?:as\s+)?\w+\s*(?:,\s*{_NAME}\s+(?:as\s+)?\w+\s*)?:(?!:)", re.IGNORECASE)
_SAME_RELATION: Final = re.compile(rf"\s*(\w+)\s*(?:,\s*(\w+)\s*)?∈\s*{_NAME}\s*")
_TWO_RELATIONS: Final = re.compile(rf"\s*(\w+)\s*∈\s*{_NAME}\s*,\s*(\w+)\s*∈\s*{_NAME}\s*")
_DIFFERENT: Final = re.compile(r",\s*(\w+)\s*≠\s*(\w+)\s*")
_COLON: Final = re.compile(rf"{QUOTED}|(:)", re.DOTALL)
_NEXT: Final = re.compile(
    rf"\s*(?:{_NAME}\s+(?:as\s+)?(\w+)\s*,\s*)?next\s*\(\s*(\w+)\s*\)\s*(?:\bas\s+)?\b(?!(?:by|order|where)\b)(\w+)\b",
    re.IGNORECASE,
)
_LOGIC_NEXT: Final = re.compile(
    rf"\s*(\w+)\s*,\s*(\w+)\s*∈\s*{_NAME}\s*,\s*(\w+)\s*=\s*next\s*\(\s*(\w+)\s*\)", re.IGNORECASE
)
_NEXT_EXAMPLE: Final = "next(t) s by device order by read_at: s.counter < t.counter"
_TUPLE: Final = re.compile(r"\s*(\w+)\s*")
_PREDICATE: Final = re.compile(r"(\s*)(EQ|IQ|LTE|LT|GTE|GT)\s*\((.*)\)\s*", re.DOTALL)
_REFERENCE: Final = re.compile(r"(\w+)\.(\w[\w ]*)")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class TupleRange:
    """A tuple variable and the relation it ranges over; ``place`` is the position of the relation's name."""

    variable: str
    relation: str
    place: tuple[int, int]


@dataclass(frozen=True)
class Recognised:
    """The parts of a rule's text.

    Attributes:
        notation: the notation of the text.
        ranges: the tuple variables and their relations; empty if the text does not name relations.
        body: the predicates in Vertebra's notation.
        clauses: the clauses after ``next(t)``, if the rule is about consecutive tuples.
        variables: its two tuple variables, if the rule is about consecutive tuples.
    """

    notation: Notation
    ranges: tuple[TupleRange, ...]
    body: Translation
    clauses: Translation | None = None
    variables: tuple[str, ...] = ()


def recognise(text: str) -> Recognised:
    """Recognise the notation of a rule, and rewrite its predicates in Vertebra's notation.

    Raises:
        RuleError: the text starts in one notation and continues in another.
    """
    if _HOLOCLEAN.match(text):
        return Recognised("holoclean", (), _from_holoclean(text))
    found = _LOGIC.match(text)
    if found:
        following = _LOGIC_NEXT.match(text, found.end())
        if following:
            return _logic_consecutive(text, following)
        ranges, start = _logic_ranges(text, found.end())
        return Recognised("logic", ranges, _plain(text, start))
    following = _NEXT.match(text)
    if following:
        colon = _colon(text, following.end())
        if colon < 0:
            refuse(
                text, len(text) - 1, len(text), "the predicates are missing",
                cause="they follow the clauses of next(…), after a colon",
                remedy=f"write e.g. {_NEXT_EXAMPLE}",
            )  # fmt: skip
        return replace(_consecutive(text, following, colon), body=_plain(text, colon + 1))
    found = _OVER.match(text)
    if found:
        return Recognised("vertebra", over_ranges(text[: found.end() - 1]), _plain(text, found.end()))
    return Recognised("vertebra", (), _plain(text, 0))


def over_next(text: str) -> Recognised | None:
    """The parts of ``meters t, next(t) s by device order by read_at``, without predicates; None for other texts.

    Raises:
        RuleError: the tuple variables do not fit each other.
    """
    following = _NEXT.match(text)
    return _consecutive(text, following, len(text)) if following else None


def _consecutive(text: str, found: re.Match[str], end: int) -> Recognised:
    """The parts of a rule about consecutive tuples, whose clauses begin after ``found`` and end at ``end``."""
    relation, named, first, second = found.groups()
    if (named is not None and named != first) or first == second:
        refuse(
            text, found.start(3), found.end(4), "next(…) names one tuple variable, and is followed by another one",
            cause=f"the first tuple is {named or first}", remedy=f"write e.g. {_NEXT_EXAMPLE}",
        )  # fmt: skip
    ranges: tuple[TupleRange, ...] = ()
    if relation is not None:
        ranges = tuple(TupleRange(one, relation.strip("`"), found.span(1)) for one in (first, second))
    clauses = _plain(text, found.end(), end)
    return Recognised("vertebra", ranges, Translation(text), clauses, (first, second))


def _logic_consecutive(text: str, found: re.Match[str]) -> Recognised:
    first, second, relation, following, before = found.groups()
    colon = _colon(text, found.end())
    if colon < 0 or (following, before) != (second, first) or first == second:
        refuse(
            text, found.start(4), found.end(5), "the consecutive tuples or the predicates are not valid",
            remedy="write e.g. ¬∃ t,s ∈ meters, s = next(t) by device order by read_at: s.counter < t.counter",
        )  # fmt: skip
    ranges = tuple(TupleRange(one, relation.strip("`"), found.span(3)) for one in (first, second))
    clauses = _plain(text, found.end(), colon)
    return Recognised("logic", ranges, _plain(text, colon + 1), clauses, (first, second))


def _colon(text: str, start: int) -> int:
    """The position of the first colon from ``start`` on that is not in quotes; -1 if there is none."""
    return next((found.start(1) for found in _COLON.finditer(text, start) if found[1]), -1)


def over_ranges(text: str) -> tuple[TupleRange, ...]:
    """Parse relations and tuple variables, e.g. ``flights t, planes p``.

    Raises:
        RuleError: the text does not name one or two relations with different tuple variables.
    """
    ranges: list[TupleRange] = []
    start = 0
    for piece in text.split(","):
        found = _RANGE.fullmatch(piece)
        if not found or len(ranges) == 2 or any(found[2] == known.variable for known in ranges):
            refuse(
                text, 0, len(text), "`over` does not name two relations with different tuple variables",
                remedy="write e.g. flights t, planes p",
            )  # fmt: skip
        ranges.append(TupleRange(found[2], found[1].strip("`"), (start + found.start(1), start + found.end(1))))
        start += len(piece) + 1
    return tuple(ranges)


def _plain(text: str, start: int, end: int | None = None) -> Translation:
    """The text from ``start`` to ``end``, with logical symbols replaced by SQL operators and line breaks by spaces."""
    body = Translation(text)
    at, end = start, len(text) if end is None else end
    for found in _SIGN.finditer(text, start, end):
        if found[1]:
            word = SYMBOLS[found[1]]
            _keep_flat(body, text, at, found.start())
            body.put(f" {word} " if word.isalpha() else word, found.start(), found.end())
            at = found.end()
    _keep_flat(body, text, at, end)
    return body


def _keep_flat(body: Translation, text: str, start: int, end: int) -> None:
    at = start
    for found in _SPACE.finditer(text, start, end):
        if found[1] and found[1] != " ":
            body.keep(at, found.start())
            body.put(" ", found.start(), found.end())
            at = found.end()
    body.keep(at, end)


# -- ¬∃ … ------------------------------------------------------------------------------------------------------------


def _logic_ranges(text: str, start: int) -> tuple[tuple[TupleRange, ...], int]:
    """The variables and relations of ``¬∃ …:``, and the position where the predicates start."""
    colon = text.find(":", start)
    end = len(text) if colon < 0 else colon
    each, together = _TWO_RELATIONS.match(text, start, end), _SAME_RELATION.match(text, start, end)
    if each:
        ranges = [TupleRange(each[v], each[r].strip("`"), each.span(r)) for v, r in ((1, 2), (3, 4))]
    elif together:
        names = [name for name in (together[1], together[2]) if name]
        ranges = [TupleRange(name, together[3].strip("`"), together.span(3)) for name in names]
    else:
        ranges = []
    place = (each or together).end() if ranges else start  # type: ignore[union-attr]
    different = _DIFFERENT.match(text, place, end)
    variables = [one.variable for one in ranges]
    if different and sorted(different.groups()) == sorted(variables):
        place = different.end()
    if not ranges or place != end or colon < 0 or len(set(variables)) < len(variables):
        refuse(
            text, start, max(end, start + 1), "the tuple variables and their relations are missing or not valid",
            remedy="write e.g. ¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.distance ≠ s.distance",
        )  # fmt: skip
    return tuple(ranges), colon + 1


# -- HoloClean -------------------------------------------------------------------------------------------------------


def _from_holoclean(text: str) -> Translation:
    parts = list(_split(text, "&"))
    variables: list[str] = []
    while len(variables) < len(parts) and (found := _TUPLE.fullmatch(text, *parts[len(variables)])):
        variables.append(found[1])
    predicates = parts[len(variables) :]
    if not predicates:
        refuse(
            text, 0, len(text), "this is not HoloClean's notation",
            cause="HoloClean's notation is tuple variables, then predicates, joined by &",
            remedy="write e.g. t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)",
        )  # fmt: skip
    body = Translation(text)
    for start, end in predicates:
        if body.text:
            body.put(" and ", start - 1, start)
        _predicate(body, text, start, end, variables)
    return body


def _predicate(body: Translation, text: str, start: int, end: int, variables: list[str]) -> None:
    found = _PREDICATE.fullmatch(text, start, end)
    sides = list(_split(text, ",", *found.span(3))) if found else []
    if not found or len(sides) != 2:
        refuse(
            text, start, max(end, start + 1), f"{text[start:end].strip()!r} is not a predicate of HoloClean's notation",
            remedy=f"write one of {', '.join(f'{code}(a,b)' for code in HOLOCLEAN)}",
        )  # fmt: skip
    _operand(body, text, *sides[0], variables)
    body.put(f" {HOLOCLEAN[found[2]]} ", *found.span(2))
    _operand(body, text, *sides[1], variables)


def _operand(body: Translation, text: str, start: int, end: int, variables: list[str]) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    written = text[start:end]
    found = _REFERENCE.fullmatch(written)
    if found and found[1] in variables:
        body.keep(start, start + len(found[1]) + 1)
        if re.fullmatch(r"[A-Za-z]\w*", found[2]):
            body.keep(end - len(found[2]), end)
        else:
            body.put(f"`{found[2]}`", end - len(found[2]), end)
    elif _NUMBER.fullmatch(written):
        body.keep(start, end)
    else:
        bare = written[1:-1] if len(written) > 1 and written[0] == written[-1] and written[0] in "\"'" else written
        escaped = bare.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        body.put(f"'{escaped}'", start, max(end, start + 1))


def _split(text: str, separator: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Start and end of the parts between separators; separators in quotes are ignored."""
    at, quote = start, ""
    end = len(text) if end is None else end
    for place in range(start, end):
        letter = text[place]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            # An apostrophe inside a word, as in O'Hare, does not open a string.
            inside = place > start and text[place - 1].isalnum()
            quote = "" if inside else letter
        elif letter == separator:
            yield at, place
            at = place + 1
    yield at, end
