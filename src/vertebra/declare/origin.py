"""``from:`` of a column: a value that is not in the records, but in the name of their file, its preamble or request.

A pattern is written as the names of files are elsewhere: ``*`` is any text, ``?`` is one character, and everything else
stands for itself. The value is in a named group, ``(?<device>\\d+)``, whose content is a regular expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from pydantic import model_validator

from vertebra.declare.declaration import Declaration

Kind = Literal["file", "preamble", "period", "parameter"]

WHOLE: Final = "(?<value>.+)"
"""The pattern of a whole text."""

_GROUP: Final = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")
_CAPTURES: Final = re.compile(r"\((?!\?(?::|=|!|<=|<!))")
_LIKE_REGEX: Final = re.compile(r"\\.?|[()]|\[[^\]]*\]?[*+]?|\A\^|\$\Z")
_FORMS: Final = 'from: {file: "meter-(?<device>\\\\d+)_*.txt"}, {preamble: …}, {period: …}, {parameter: NAME}, or file'
_EXAMPLE: Final = r"meter-(?<device>\d+)_*.txt"


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern.

    Attributes:
        text: as it is declared.
        regex: has the named groups, and matches a whole text.
        groups: their names.
        folders: number of slashes outside of the groups.
    """

    text: str
    regex: re.Pattern[str]
    groups: tuple[str, ...]
    folders: int


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern with named groups.

    Raises:
        ValueError: it has no named group, a group is no regular expression, or what is outside of groups seems to be a
            regular expression.

    Examples:
        >>> compile_pattern(r"meter-(?<device>[0-9]+)_*.txt").regex.fullmatch("meter-660_2018-01.txt")["device"]
        '660'
    """
    made, at, folders = [], 0, 0
    groups: list[str] = []
    while (opening := _GROUP.search(text, at)) is not None:
        made.append(_glob(text, text[at : opening.start()]))
        folders += text[at : opening.start()].count("/")
        end = _closing(text, opening.end())
        inner = text[opening.end() : end]
        if _CAPTURES.search(re.sub(r"\\.|\[[^\]]*\]", "", inner)):
            raise ValueError(f"a group of {text!r} has a group in it; write (?: … ) for the inner one")
        name = opening[1]
        if name in groups:
            raise ValueError(f"{text!r} has two groups named {name}")
        groups.append(name)
        made.append(f"(?P<{name}>{inner})")
        at = end + 1
    if not groups:
        raise ValueError(f"{text!r} does not say where the value is; write it as a named group: {_EXAMPLE}")
    made.append(_glob(text, text[at:]))
    try:
        regex = re.compile("".join(made), re.ASCII | re.DOTALL)
    except re.error as error:
        raise ValueError(f"a group of {text!r} is no regular expression: {error}") from error
    return Pattern(text, regex, tuple(groups), folders + text[at:].count("/"))


def _closing(text: str, at: int) -> int:
    """The position of the parenthesis that closes a group."""
    depth, in_class = 1, False
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            at += text[at + 1 : at + 2] in ("]", "^")
        else:
            depth += {"(": 1, ")": -1}.get(char, 0)
            if not depth:
                return at
        at += 1
    raise ValueError(f"a group of {text!r} is not closed")


def _glob(whole: str, text: str) -> str:
    found = _LIKE_REGEX.search(text)
    if found is not None:
        raise ValueError(
            f"{found[0]!r} in {whole!r} is outside of a named group, where * is any text, ? is one character, and the "
            f"rest stands for itself; write {_EXAMPLE}"
        )
    return "".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in text)


class Origin(Declaration):
    """Where the value of a column comes from, if it is not in the records: exactly one of the keys.

    A pattern has the value in a named group: ``meter-(?<device>\\d+)_*.txt``. In the group is a regular expression;
    outside of it ``*`` is any text, ``?`` is one character, and the rest stands for itself. A pattern matches the whole
    text. A payload that does not match is refused.

    Attributes:
        file: a pattern for the name of the file; for a member of a zip archive its name, or that of the archive. With a
            ``/``, it is compared with as many folders. ``from: file`` takes the whole name.
        preamble: a pattern for a line before the records, which ``parse: skip`` or ``comment`` passes over.
        period: a pattern for the period of the batch, e.g. ``2013-01``. ``from: period`` takes all of it.
        parameter: the name of a parameter of the request, from ``over`` or the query of the address.
    """

    file: str | None = None
    preamble: str | None = None
    period: str | None = None
    parameter: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_a_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in ("file", "period"):
                raise ValueError(f"{value!r} is not where a value can come from; write {_FORMS}")
            return {value: WHOLE}
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a value comes from one place, not from {' and '.join(given) or 'none'}; write {_FORMS}")
        if self.kind != "parameter":
            compile_pattern(self.text)
        return self

    @property
    def kind(self) -> Kind:
        """Where the value is."""
        kinds: tuple[Kind, ...] = ("file", "preamble", "period", "parameter")
        return next(kind for kind in kinds if getattr(self, kind) is not None)

    @property
    def text(self) -> str:
        """The pattern, or the name of the parameter."""
        return str(getattr(self, self.kind))

    def group(self, column: str) -> str | None:
        """The group of the pattern that has the value of a column: the one with its name, or the only one.

        Raises:
            ValueError: there are several, and none has its name.
        """
        if self.kind == "parameter":
            return None
        groups = compile_pattern(self.text).groups
        if column in groups:
            return column
        if len(groups) > 1:
            raise ValueError(f"none of the groups {', '.join(groups)} of {self.text!r} has the name of the column")
        return groups[0]

    def records_name(self, column: str) -> str:
        """The name that the value has among the columns of the records: ``from file: meter-(?<device>\\d+)_*.txt``."""
        group = self.group(column)
        several = group is not None and len(compile_pattern(self.text).groups) > 1
        return f"from {self.kind}: {self.text}" + (f" ({group})" if several else "")

    def described(self) -> str:
        """Where the value is, in words."""
        match self.kind:
            case "file":
                return f"the file's name by {self.text}" if self.text != WHOLE else "the file's name"
            case "preamble":
                return f"a line before the records by {self.text}"
            case "period":
                return f"the period of the batch by {self.text}" if self.text != WHOLE else "the period of the batch"
        return f"the parameter {self.text} of the request"
