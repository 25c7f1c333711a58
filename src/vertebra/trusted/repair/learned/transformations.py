"""Transformations that a pair of values shows: all ways to generalise from an old value to the new one.

A way is kept if it is about more than these two values. Words are not taken apart: what happens within a word is a slip
of one value, and says nothing about others. The idea of ways that are more and less general, of which the data choose,
is that of M. Mahdavi and Z. Abedjan, *Baran: Effective Error Correction via a Unified Context Representation and
Transfer Learning*, PVLDB 13(11), 2020; programs over parts of the old value are those of S. Gulwani, *Automating String
Processing in Spreadsheets Using Input-Output Examples*, POPL 2011.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, product
from typing import Final

from vertebra.trusted.repair.learned.transformation import ANY, LETTERS, Piece, Transformation, escaped

_TOKENS: Final = re.compile(rf"[0-9]+|{LETTERS}+|\s+|.", re.DOTALL)
_PART: Final = re.compile(f"[0-9]+|{LETTERS}+")
_MOST_TOKENS: Final = 30
_MOST_PROGRAMS: Final = 8
_WHOLE: Final = f"({ANY}+)"


def transformations(old: str | None, new: str | None) -> list[Transformation]:
    """All transformations that make one value the other, without repetition.

    Args:
        old: the value to change. NULL shows nothing.
        new: the right value. That a value should be NULL says nothing about others.

    Example:
        >>> {way.apply("16.0 oz") for way in transformations("12.0 oz", "12.0")}
        {'16.0'}
    """
    if not old or not new or old == new:
        return []
    found: dict[Transformation, None] = {}
    for way in (*_blanks(old, new), *_case(old, new), *_cut(old, new), *_added(old, new), *_replaced(old, new),
                *_regrouped(old, new), *_programs(old, new)):  # fmt: skip
        if way.apply(old) == new:
            found[way] = None
    return list(found)


def _blanks(old: str, new: str) -> Iterator[Transformation]:
    if " ".join(old.split()) == new:
        yield Transformation(_WHOLE, (Piece(group=1, operation="squeeze"),), "without superfluous blanks")


def _case(old: str, new: str) -> Iterator[Transformation]:
    lower, upper = "[^A-Z\u00c0-\u00de]*", "[^a-z\u00df-\u00ff]*"
    given = lower if old == old.lower() else upper if old == old.upper() else f"{ANY}*"
    for operation, name in (("lower", "in small letters"), ("upper", "in capital letters"), ("capital", "capitalised")):
        way = Transformation(f"({given})", (Piece(group=1, operation=operation),), name)
        if way.apply(old) == new:
            yield way


def _cut(old: str, new: str) -> Iterator[Transformation]:
    """What stands before the new value, after it, or both, is left out."""
    place = old.find(new)
    while place >= 0:
        start, end = old[:place], old[place + len(new) :]
        if _parts(start, new) and _parts(new, end):
            pattern = f"{escaped(start)}{_WHOLE}{escaped(end)}"
            shown = " and ".join(repr(part) for part in (start, end) if part)
            yield Transformation(pattern, (Piece(group=1),), f"without {shown}")
        place = old.find(new, place + 1)


def _added(old: str, new: str) -> Iterator[Transformation]:
    """Something is put before the old value, after it, or both."""
    place = new.find(old)
    if place < 0:
        return
    start, end = new[:place], new[place + len(old) :]
    if _parts(start, old) and _parts(old, end):
        pieces = tuple(one for one in (Piece(start), Piece(group=1), Piece(end)) if one.group or one.text)
        shown = " and ".join(repr(part) for part in (start, end) if part)
        yield Transformation(_WHOLE, pieces, f"with {shown}", loose=1, unless=(start, end))


def _replaced(old: str, new: str) -> Iterator[Transformation]:
    """A sign is replaced by another one, or by nothing, everywhere."""
    marks = sorted({char for char in old if not char.isalnum()})
    for mark, put in product(marks, ["", *sorted({char for char in new if not char.isalnum()})]):
        if mark != put and old.replace(mark, put) == new:
            pattern = f"({ANY}*{escaped(mark)}{ANY}*)"
            piece = Piece(group=1, operation="replace", sought=mark, put=put)
            reason = f"{put!r} for {mark!r}" if put else f"without {mark!r}"
            yield Transformation(pattern, (piece,), reason)


def _programs(old: str, new: str) -> Iterator[Transformation]:
    """The new value as parts of the old one, in any order, and texts between them."""
    tokens = _TOKENS.findall(old)
    if len(tokens) > _MOST_TOKENS:
        return
    choices = [_sources(token, tokens) for token in _TOKENS.findall(new)]
    for chosen in islice(product(*choices), _MOST_PROGRAMS):
        used = sorted({piece.group - 1 for piece in chosen if piece.group})
        left_out = any(_PART.fullmatch(token) for place, token in enumerate(tokens) if place not in used)
        if not used or (left_out and any(_PART.search(piece.text) for piece in chosen)):
            continue  # a part that another one takes the place of is a value of its own
        seen = set()
        for loose in range(4):
            pattern, groups = _pattern(tokens, used, loose)
            if pattern not in seen:
                seen.add(pattern)
                pieces = _joined([_renumbered(piece, groups) for piece in chosen])
                yield Transformation(pattern, pieces, _said(old, new), loose=loose)


def _sources(token: str, tokens: Sequence[str]) -> list[Piece]:
    """What a part of the new value may be: parts of the old one, by their position from 1, or else a text."""
    found = []
    for number, given in enumerate(tokens, 1):
        if not _PART.fullmatch(given):
            continue
        if given == token:
            found.append(Piece(group=number))
        elif token.isdigit() and given.isdigit() and int(token) == int(given):
            longer = len(token) > len(given)
            found.append(Piece(group=number, operation="pad" if longer else "unpad", width=len(token) if longer else 0))
        elif given.isalpha() and given.lower() == token.lower():
            for operation, written in (
                ("lower", given.lower()),
                ("upper", given.upper()),
                ("capital", given.capitalize()),
            ):
                if written == token:
                    found.append(Piece(group=number, operation=operation))
                    break
    return found[:2] or [Piece(token)]


def _pattern(tokens: Sequence[str], used: Sequence[int], loose: int) -> tuple[str, dict[int, int]]:
    """A pattern for values like the old one, and the group of each part that is used.

    Args:
        loose: from 1 on the numbers that are used may have any length, from 2 on those that are left out may be others
            of the same length, and at 3 also of another length, and words may be others, too.
    """
    parts: list[str] = []
    groups: dict[int, int] = {}
    for place, token in enumerate(tokens):
        number, word = token.isascii() and token.isdigit(), re.fullmatch(f"{LETTERS}+", token)
        length = f"{{{len(token)}}}"
        if place in used:
            groups[place] = len(groups) + 1
            parts.append(f"({LETTERS}+)" if word else f"([0-9]{'+' if loose else length})")
        elif number and loose > 1:
            parts.append(f"[0-9]{length if loose == 2 else '+'}")
        elif word and loose > 2:
            parts.append(f"{LETTERS}+")
        else:
            parts.append(escaped(token))
    return "".join(parts), groups


def _regrouped(old: str, new: str) -> Iterator[Transformation]:
    """The same letters and digits with other signs between them."""
    bare = [char for char in old if _PART.fullmatch(char)]
    if not bare or bare != [char for char in new if _PART.fullmatch(char)]:
        return
    cuts = _cuts(old) | _cuts(new)
    pattern = "".join(_run(text) if number else escaped(text) for number, text in _runs(old, cuts))
    pieces = [Piece(group=number) if number else Piece(text) for number, text in _runs(new, cuts)]
    yield Transformation(pattern, _joined(pieces), _said(old, new))


def _runs(text: str, cuts: Collection[int]) -> Iterator[tuple[int, str]]:
    """The runs of letters and digits of a text between cuts, numbered from 1, and its signs, numbered 0."""
    place, number, run = 0, 0, ""
    for char in text:
        if not _PART.fullmatch(char):
            yield 0, char
            continue
        run, place = run + char, place + 1
        if place in cuts:
            number += 1
            yield number, run
            run = ""


def _cuts(text: str) -> set[int]:
    """After how many letters and digits a text has another kind of character, or ends."""
    found, count = set(), 0
    for token in _TOKENS.findall(text):
        if _PART.fullmatch(token):
            count += len(token)
            found.add(count)
    return found


def _run(run: str) -> str:
    return f"([0-9]{{{len(run)}}})" if run.isdigit() else f"({LETTERS}{{{len(run)}}})"


def _renumbered(piece: Piece, groups: dict[int, int]) -> Piece:
    if not piece.group:
        return piece
    return Piece(group=groups[piece.group - 1], operation=piece.operation, width=piece.width)


def _joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Pieces with neighbouring texts made one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and not piece.group and not found[-1].group:
            found[-1] = Piece(found[-1].text + piece.text)
        else:
            found.append(piece)
    return tuple(found)


def _parts(before: str, after: str) -> bool:
    """Whether a value can be divided here: not within a word or a number."""
    if not before or not after:
        return True
    left, right = before[-1], after[0]
    return not (left.isalpha() and right.isalpha()) and not (left.isdigit() and right.isdigit())


def _said(old: str, new: str) -> str:
    return f"as {old!r} became {new!r}"
