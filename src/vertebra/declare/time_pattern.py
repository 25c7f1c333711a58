"""Spark date and time patterns, compiled to a regular expression.

Engines agree on regular expressions but not on patterns, so Vertebra parses dates and times with the expression that is
compiled here. The letters are those of Spark: y M d H h a m s S X x Z, quoted text, and ``[…]`` for optional parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

YEAR: Final = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
"""Years 0001 to 9999: the calendar of Python, Spark and Delta readers has no year 0."""

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

_SHORT_MONTHS = "|".join(name[:3] for name in MONTHS)
_OFFSET = "[+-](?:0[0-9]|1[0-8])"
# letter and how often it is repeated -> expression and width in characters (None: it varies)
_PIECES: Final[dict[tuple[str, int], tuple[str, int | None]]] = {
    ("y", 4): (YEAR, 4),
    ("y", 2): ("[0-9]{2}", 2),
    ("M", 1): ("[0-9]{1,2}", None),
    ("M", 2): ("[0-9]{2}", 2),
    ("M", 3): (f"(?i:{_SHORT_MONTHS})", 3),
    ("M", 4): (f"(?i:{'|'.join(MONTHS)})", None),
    ("d", 1): ("[0-9]{1,2}", None),
    ("d", 2): ("[0-9]{2}", 2),
    ("H", 1): ("[0-9]{1,2}", None),
    ("H", 2): ("[0-9]{2}", 2),
    ("h", 1): ("(?:1[0-2]|0?[1-9])", None),
    ("h", 2): ("(?:1[0-2]|0[1-9])", 2),
    ("a", 1): ("(?i:am|pm)", 2),
    ("m", 1): ("[0-9]{1,2}", None),
    ("m", 2): ("[0-9]{2}", 2),
    ("s", 1): ("[0-9]{1,2}", None),
    ("s", 2): ("[0-9]{2}", 2),
    ("X", 1): (f"(?:Z|{_OFFSET}(?:[0-5][0-9])?)", None),
    ("X", 2): (f"(?:Z|{_OFFSET}[0-5][0-9])", None),
    ("X", 3): (f"(?:Z|{_OFFSET}:[0-5][0-9])", None),
    ("x", 1): (f"{_OFFSET}(?:[0-5][0-9])?", None),
    ("x", 2): (f"{_OFFSET}[0-5][0-9]", 5),
    ("x", 3): (f"{_OFFSET}:[0-5][0-9]", 6),
    ("Z", 1): (f"{_OFFSET}[0-5][0-9]", 5),
} | {("S", n): (f"[0-9]{{{n}}}", n) for n in range(1, 10)}
_SAME_AS = {("y", 1): ("y", 4), ("Z", 2): ("Z", 1), ("Z", 3): ("Z", 1)}
_OFFSETS = "XxZ"


@dataclass(frozen=True)
class TimeField:
    """The position of a part of a date or time in the text.

    Attributes:
        letter: the pattern letter, one of ``y M d H h a m s S X``; any kind of offset is ``X``.
        count: how often the letter is repeated.
        group: its group in the expression.
        start: its first character, counted from 1, if this is always the same.
        width: its number of characters, if this is always the same.
    """

    letter: str
    count: int
    group: int
    start: int | None
    width: int | None


@dataclass(frozen=True)
class TimePattern:
    """A compiled pattern.

    Attributes:
        text: the pattern as declared.
        regex: matches a whole text written in the pattern; equal in Java and Rust.
        fields: by letter.
    """

    text: str
    regex: str
    fields: dict[str, TimeField]


@dataclass
class _Compiler:
    regex: str = ""
    place: int | None = 1
    depth: int = 0
    fields: dict[str, TimeField] = field(default_factory=dict)

    def literal(self, text: str) -> None:
        self.regex += escape(text)
        self._advance(len(text))

    def letters(self, letter: str, count: int) -> None:
        key = _SAME_AS.get((letter, count), (letter, count))
        if key not in _PIECES:
            raise ValueError(f"{letter * count!r} is not read; use y M d H h a m s S X x Z, quote other text: 'at'")
        name = "X" if letter in _OFFSETS else letter
        if name in self.fields:
            raise ValueError(f"{letter!r} occurs twice")
        expression, width = _PIECES[key]
        self.regex += f"({expression})"
        fixed = width if self.place is not None and not self.depth else None
        start = self.place if fixed else None
        self.fields[name] = TimeField(name, key[1], len(self.fields) + 1, start, fixed)
        self._advance(width)

    def bracket(self, char: str) -> None:
        self.depth += 1 if char == "[" else -1
        if self.depth < 0:
            raise ValueError("a ] has no [")
        self.regex += "(?:" if char == "[" else ")?"
        self.place = None

    def _advance(self, width: int | None) -> None:
        self.place = None if self.place is None or width is None else self.place + width


def escape(text: str) -> str:
    """Text as a regular expression for both Java and Rust (Rust refuses some escapes of ``re.escape``)."""
    return "".join(f"\\{char}" if char in r"\.+*?()|[]{}^$" else char for char in text)


def time_pattern(text: str) -> TimePattern:
    """Compile a Spark date and time pattern such as ``dd/MM/yyyy HH:mm``.

    Raises:
        ValueError: a letter or a combination of letters cannot be read.
    """
    compiler = _Compiler()
    at = 0
    while at < len(text):
        char = text[at]
        if char == "'":
            at = _quoted(text, at, compiler)
            continue
        if char in "[]":
            compiler.bracket(char)
            at += 1
            continue
        if not (char.isascii() and char.isalpha()):
            compiler.literal(char)
            at += 1
            continue
        end = at
        while end < len(text) and text[end] == char:
            end += 1
        compiler.letters(char, end - at)
        at = end
    if compiler.depth:
        raise ValueError("a [ has no ]")
    _check(compiler.fields)
    return TimePattern(text, rf"\A{compiler.regex}\z", compiler.fields)


def _quoted(text: str, at: int, compiler: _Compiler) -> int:
    """Read quoted text, in which '' is a quote; return the position after it."""
    if text.startswith("''", at):
        compiler.literal("'")
        return at + 2
    read, at = "", at + 1
    while at < len(text):
        if text.startswith("''", at):
            read, at = read + "'", at + 2
        elif text[at] == "'":
            compiler.literal(read)
            return at + 1
        else:
            read, at = read + text[at], at + 1
    raise ValueError("a quote is not closed")


def _check(fields: dict[str, TimeField]) -> None:
    if "y" not in fields:
        raise ValueError("it has no year (yyyy)")
    if "d" in fields and "M" not in fields:
        raise ValueError("it has a day but no month (MM)")
    if ("h" in fields) != ("a" in fields):
        raise ValueError("a clock of 12 hours needs both h and a (am or pm); H counts to 23")
    if "h" in fields and "H" in fields:
        raise ValueError("it has both h and H")
