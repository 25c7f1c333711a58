"""Cuts records out of XML: their elements and the blanks before them; all other bytes stay as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.errors import CollectError
from vertebra.landing.parsing.encoding import decoded
from vertebra.landing.parsing.xml_reader import Frame, XmlReading, xml_encoding
from vertebra.landing.parsing.xml_records import XmlOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.landing.parsing.records import ReadContext
    from vertebra.landing.payload import PayloadPart

_TAG: Final = re.compile(rb"<[^>\"']*(?:\"[^\"]*\"[^>\"']*|'[^']*'[^>\"']*)*>")
_MARK: Final = b"\xef\xbb\xbf"
_BLANKS: Final = b" \t\r\n"


def cut_xml(part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
    """Copy XML without some records. The text of the part is held in memory.

    An element around records is removed with the last of them if the key that is forgotten has values of that element
    (``^.@id``), and so is one without records that has the key: no other record shows it.
    """
    options = context.declared(XmlOptions)
    encoding = xml_encoding(part, options, context)
    if encoding.fallbacks:
        raise CollectError(
            f"records cannot be cut out of {part.name}",
            cause="its lines are in different encodings",
            remedy="take the whole batch back",
        )
    with part.open() as stream:
        text = b"".join(decoded(stream, encoding))
    mark = _MARK if text.startswith(_MARK) else b""
    text = text.removeprefix(_MARK)
    spans = _Spans(part, options, (*context.paths, *context.key), text, frozenset(dropped), context.key)
    spans.feed(iter([text]), encoding)
    left = mark + b"".join(_without(text, spans.cut))
    sink.write(left if encoding.is_utf8 else left.decode().encode(encoding.codec))


class _Spans(XmlReading):
    """Finds where the elements are that are cut out.

    Attributes:
        cut: begin and end of each, in the order in which they end.
    """

    def __init__(
        self,
        part: PayloadPart,
        options: XmlOptions,
        paths: Sequence[str],
        text: bytes,
        dropped: frozenset[int],
        key: Mapping[str, str | None],
    ) -> None:
        super().__init__(part, options, tuple(dict.fromkeys(paths)), lambda _: None)
        self.cut: list[tuple[int, int]] = []
        self._document = text
        self._dropped = dropped
        self._key = key
        self._start_of_record = 0
        self._left: dict[int, int] = {}
        """For each open frame, by where it begins, the number of its records that stay."""

    def begin_record(self, start: int) -> None:
        """Remember where it begins."""
        self._start_of_record = start

    def end_record(self, end: int) -> None:
        """Cut it out if it is dropped."""
        if self.records - 1 in self._dropped:
            self.cut.append((self._start_of_record, self._after(self._start_of_record, end)))
            return
        for frame in self.frames:
            self._left[frame.start] = self._left.get(frame.start, 0) + 1

    def end_frame(self, frame: Frame, end: int) -> None:
        """Cut it out if only this key shows it."""
        depth = len(self.frames) + 1
        mine = [one for one in self.parents if one.path in self._key and one.depth == depth]
        if not frame.on_path or not mine or depth == 1 or self._left.get(frame.start):
            return
        if frame.records or self._has_key(frame, depth):
            self.cut.append((frame.start, self._after(frame.start, end)))

    def _has_key(self, frame: Frame, depth: int) -> bool:
        """Whether an element without records, and those around it, have the whole key."""
        around = [*self.frames, frame]
        known = {one.path: around[one.depth - 1].values.get(one.path) for one in self.parents if one.depth <= depth}
        return all(
            text is not None and (known.get(path) or "").strip() == text.strip() for path, text in self._key.items()
        )

    def _after(self, start: int, end: int) -> int:
        """Where an element ends, of which the start tag and the end tag begin here."""
        first = _TAG.match(self._document, start)
        last = first if first is not None and first.group().endswith(b"/>") else _TAG.match(self._document, end)
        if last is None:
            raise self._refused("has a tag that is not found again")
        return last.end()


def _without(text: bytes, cut: Sequence[tuple[int, int]]) -> list[bytes]:
    """The pieces of a text that are left, without the blanks before what is cut out."""
    pieces, at = [], 0
    for begin, end in sorted(cut):
        if begin < at:
            continue  # within an element that is cut out
        pieces.append(text[at:begin].rstrip(_BLANKS))
        at = end
    return [*pieces, text[at:]]
