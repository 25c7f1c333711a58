"""Where the fields of fixed-width text are: as declared, or as the line of dashes below the header shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, field_validator

from vertebra.declare.parse import TextOptions

_RANGE: Final = re.compile(r"(\d+)-(\d*)")
_RULER: Final = re.compile(r"[ \t+|]*(?:-+|=+)(?:[ \t+|]+(?:-+|=+))+[ \t+|]*")
_RUN: Final = re.compile(r"-+|=+")
_END_OF_FILE: Final = "\x1a"
"""What programs of DOS write after the last line."""

_SEARCHED: Final = 200
"""Lines in which the ruler is looked for."""

FieldPlace = Annotated[str, Field(pattern=r"^\d+-\d*$")] | Annotated[int, Field(ge=1, strict=True)]
"""The first and the last position of a field, ``1-6`` or ``31-``; or its width, after the field before it."""


class FixedWidthOptions(TextOptions):
    """Where the fields of a line are.

    Attributes:
        fields: for each column, its first and last position, counted from 1: ``{id: 1-6, note: 31-}``; or its width,
            after the column before it: ``{id: 6, name: 24}``. Unless declared, a line of dashes below the header
            shows where the columns are, and the header names them.
        positions: whether positions count ``characters`` or ``bytes``; they differ for texts beyond ASCII.
        tabs: number of characters between tab stops, if lines have tabs.
        skip: number of lines before the header, or before the first record.
        comment: what lines begin with that are no records.
        ragged: what becomes of lines with text outside of the fields, or with tabs: they are kept in full and marked,
            with NULL in every column (``keep``); or the batch is refused (``refuse``).
    """

    fields: dict[str, FieldPlace] | None = Field(default=None, min_length=1)
    positions: Literal["characters", "bytes"] = "characters"
    tabs: int | None = Field(default=None, ge=1, le=64)
    skip: int = Field(default=0, ge=0)
    comment: str | None = Field(default=None, min_length=1)
    ragged: Literal["keep", "refuse"] = "keep"
    blank_is_null: ClassVar[bool] = True

    @field_validator("fields")
    @classmethod
    def _places(cls, value: dict[str, str | int] | None) -> dict[str, str | int] | None:
        if value is not None:
            declared_spans(value)
        return value


@dataclass(frozen=True)
class Span:
    """The place of a field in a line.

    Attributes:
        start: number of characters before it.
        stop: position after its last character; None if it goes to the end of the line.
    """

    start: int
    stop: int | None

    def __str__(self) -> str:
        return f"{self.start + 1}-{'' if self.stop is None else self.stop}"

    @classmethod
    def parse(cls, text: str) -> Span:
        """Read ``1-6`` or ``31-``.

        Raises:
            ValueError: it is no range.
        """
        found = _RANGE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not a range of positions; write 1-6, or 31- for the rest of the line")
        first, last = int(found[1]), int(found[2]) if found[2] else None
        if first < 1 or (last is not None and last < first):
            raise ValueError(f"the positions {text} are not in order; they count from 1: write 1-6")
        return cls(first - 1, last)


@dataclass(frozen=True)
class Layout:
    """Where the records and fields of a text are.

    Attributes:
        names: of the columns, as they are in the header or declared.
        spans: the place of each column.
        before: number of lines before the records.
        ruler: the line of dashes; None if the fields are declared.
        header: the lines of the header.
    """

    names: tuple[str, ...]
    spans: tuple[Span, ...]
    before: int
    ruler: str | None = None
    header: tuple[str, ...] = ()

    @property
    def gaps(self) -> tuple[Span, ...]:
        """The places outside of all fields."""
        found, at = [], 0
        for span in sorted(self.spans, key=lambda one: one.start):
            if span.start > at:
                found.append(Span(at, span.start))
            if span.stop is None:
                return tuple(found)
            at = max(at, span.stop)
        return (*found, Span(at, None))

    @property
    def outside(self) -> str:
        """The characters that may be outside of fields: blanks, and what stands between columns below a ruler."""
        return " |+" if self.ruler is not None and re.search(r"[|+]", self.ruler) else " "

    def is_record(self, line: str, comment: str | None) -> bool:
        """Whether a line after the header is a record.

        Args:
            line: without its line end.
        """
        if not line.strip() or line == _END_OF_FILE or line == self.ruler:
            return False
        return comment is None or not line.startswith(comment)


def declared_spans(fields: Mapping[str, str | int]) -> tuple[Span, ...]:
    """The places of declared fields.

    Raises:
        ValueError: a range is not in order, or a width comes after a field without an end.
    """
    spans: list[Span] = []
    for name, place in fields.items():
        if isinstance(place, str):
            spans.append(Span.parse(place))
            continue
        before = spans[-1].stop if spans else 0
        if before is None:
            raise ValueError(
                f"the field {name} has a width, and the one before it goes to the end of the line; "
                "write its positions, such as 1-6"
            )
        spans.append(Span(before, before + place))
    return tuple(spans)


def ruled_layout(lines: Iterator[str], skip: int, comment: str | None) -> Layout | None:
    """The layout that a ruler shows.

    The header is above the ruler, after the last blank line; or between two equal rulers, of which the first begins
    the table.

    Args:
        lines: the text from its beginning, without line ends.
        skip: number of lines to ignore.

    Returns:
        None if there is no ruler with at least two columns.
    """
    header: list[str] = []
    opening: str | None = None
    for number, line in enumerate(lines, 1):
        if number > skip + _SEARCHED:
            return None
        if number <= skip or (comment is not None and line.startswith(comment)):
            continue
        if line == opening or (opening is None and header and _RULER.fullmatch(line)):
            return _ruled(line, header, number)
        if opening is None and _RULER.fullmatch(line):
            opening = line
        elif line.strip():
            header.append(line)
        else:
            header = []
    return None


def _ruled(ruler: str, header: Sequence[str], before: int) -> Layout:
    spans = tuple(Span(run.start(), run.end()) for run in _RUN.finditer(ruler))
    cells = ((line[span.start : span.stop].strip() for line in header) for span in spans)
    names = tuple(" ".join(cell for cell in column if cell) for column in cells)
    return Layout(names, spans, before, ruler, tuple(header))
