"""Candidates for patterns: the common format of the texts of a column, as a regular expression.

A text is a sequence of runs of capitals, lower-case letters, digits and other characters. Texts with the same runs have
the same format; a format that is a prefix of another makes the other runs optional; codes that mix letters and digits
in any order are one class of characters with a length.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.slips import distance
from vertebra.trusted.discover.subject import SubjectColumn

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample

Run = tuple[str, str]
"""The class of a run of characters, and its text."""

_LEAST_TEXTS: Final = 20
_LEAST_SHARE: Final = 0.98
_LONGEST: Final = 40
MOST_WRONG: Final = 0.2
"""The greatest share of texts that miss a pattern because of slips."""
_TIMES: Final = 20
"""The form of a slip is this many times rarer than that of the text that was meant."""
_MOST_SHAPES: Final = 50
_CLASSES: Final = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}


def patterns(sample: Sample, columns: Mapping[str, SubjectColumn]) -> list[CandidateRule]:
    """Patterns that nearly all texts of a column match, for columns with enough texts that are codes, not prose."""
    found = []
    for column in columns.values():
        if column.value_type != "text" or column.distinct < _LEAST_TEXTS:
            continue
        values = zip(sample.values[column.name], sample.uniform, strict=True)
        texts = [str(value) for value, even in values if even and value is not None]
        pattern = pattern_of(without_slips(texts))
        if pattern is None:
            continue
        missed = sum(1 for text in texts if not re.fullmatch(pattern, text)) / len(texts)
        if missed > MOST_WRONG:
            continue
        found.append(
            CandidateRule(
                "pattern", named(column.name, "form"), {"matches": {column.name: pattern}}, (column.name,),
                promise=0.55 if missed == 0 else 0.65, hint=Counter(texts).most_common(1)[0][0],
            )
        )  # fmt: skip
    return found


def without_slips(texts: Sequence[str]) -> list[str]:
    """Texts without those of a rare form that is a frequent one with a few letters of another class: ``3x233``.

    A run that is longer or shorter is none, and neither is a form with something before or after a frequent one: these
    are numbers of any length, and optional parts.

    Examples:
        >>> without_slips(["08001", "08x01", "0800"] + ["17003"] * 40)[:3]
        ['08001', '0800', '17003']
    """
    shapes = Counter("".join(map(_class, text)) for text in texts)
    ranked = sorted(shapes, key=lambda shape: (-shapes[shape], shape))
    frequent = [shape for shape in ranked[:_MOST_SHAPES] if shapes[shape] >= _TIMES]
    wrong = {shape for shape in ranked if _is_slip(shape, shapes, frequent)}
    return [text for text in texts if "".join(map(_class, text)) not in wrong] if wrong else list(texts)


def _is_slip(shape: str, shapes: Mapping[str, int], frequent: Sequence[str]) -> bool:
    form = [kind for kind, _ in groupby(shape)]
    for other in frequent:
        if shapes[other] < _TIMES * shapes[shape]:
            return False
        most = max(1, len(other) // 5)
        if shape.startswith(other) or shape.endswith(other) or form == [kind for kind, _ in groupby(other)]:
            continue
        if distance(shape, other, most) <= most:
            return True
    return False


def pattern_of(texts: Sequence[str]) -> str | None:
    """The pattern of texts; None if fewer than 98 % have the same format, or if the format is that of prose."""
    if len(texts) < _LEAST_TEXTS or any(len(text) > _LONGEST for text in texts):
        return None
    forms: dict[tuple[str, ...], list[list[Run]]] = {}
    for text in texts:
        runs = _runs(text)
        forms.setdefault(_form(runs), []).append(runs)
    ranked = sorted(forms, key=lambda form: (-len(forms[form]), form))
    for start in range(min(3, len(ranked))):
        longest = ranked[start]
        family = [form for form in ranked if form and longest[: len(form)] == form]
        members = [runs for form in family for runs in forms[form]]
        if len(members) >= _LEAST_SHARE * len(texts) and len(longest) <= 9 and not _prose(longest):
            kept = [form for form in family if len(forms[form]) > 0.002 * len(texts)]
            return _written(longest, min(len(form) for form in kept), members)
    return _one_class(texts)


def _runs(text: str) -> list[Run]:
    return [(kind, "".join(run)) for kind, run in groupby(text, _class)]


def _class(letter: str) -> str:
    if "A" <= letter <= "Z":
        return "A"
    if "a" <= letter <= "z":
        return "a"
    return "9" if "0" <= letter <= "9" else letter


def _form(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(kind for kind, _ in runs)


def _prose(form: Sequence[str]) -> bool:
    return " " in form or form == ("A", "a") or form == ("a",) or form == ("A",) or not set(form) & set(_CLASSES)


def _written(form: Sequence[str], least: int, members: Sequence[Sequence[Run]]) -> str:
    parts = []
    for place, kind in enumerate(form):
        texts = [runs[place][1] for runs in members if len(runs) > place]
        parts.append(_part(kind, texts))
    tail = ""
    for part in reversed(parts[least:]):
        tail = f"({part}{tail})?"
    return "".join(parts[:least]) + tail


def _part(kind: str, texts: Sequence[str]) -> str:
    if kind not in _CLASSES:
        lengths = {len(text) for text in texts}
        return _literal(kind) + _times(min(lengths), max(lengths))
    if kind != "9" and len(set(texts)) == 1:
        return _literal(texts[0])
    lengths = {len(text) for text in texts}
    return _CLASSES[kind] + _times(min(lengths), max(lengths))


def _literal(text: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def _times(least: int, most: int) -> str:
    if least == most:
        return "" if most == 1 else f"{{{most}}}"
    return f"{{{least},{most}}}"


def _one_class(texts: Sequence[str]) -> str | None:
    """Codes of one length that mix classes: ``[A-Z0-9]{2}``; None for others."""
    ((length, share),) = Counter(len(text) for text in texts).most_common(1)
    if share < _LEAST_SHARE * len(texts):
        return None
    codes = [text for text in texts if len(text) == length]
    kinds = {_class(letter) for text in codes for letter in text}
    if not kinds <= set(_CLASSES) or kinds == {"a"} or kinds == {"A", "a"}:
        return None
    return "[" + "".join(_CLASSES[kind][1:-1] for kind in sorted(kinds, key="Aa9".index)) + "]" + _times(length, length)
