"""The encoding of a text, and the text in UTF-8 without loss."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.parsing.code_pages import Reading, readings, words_of
from vertebra.landing.payload import BUFFER, PayloadPart

_PIECE: Final = 4 << 10
_ALL: Final = bytes(range(256))
_SHOWN: Final = 10
_LINE_ENDS: Final = (b"\n", b"\r")


@dataclass(frozen=True)
class Encoding:
    """An encoding of a text.

    Attributes:
        name: its name in receipts and messages: ``utf-16-le``.
        codec: Python's codec, which removes the byte order mark if there is one.
        declared: whether it is declared; otherwise it was detected.
        mark: whether the text begins with a byte order mark.
        reading: how the text was read if the encoding was guessed from its words; None if it is certain.
        fallbacks: codecs for lines that do not decode, in the order in which they are tried.
        lines: for each fallback that was needed, the lines that it decodes.
    """

    name: str
    codec: str
    declared: bool
    mark: bool = False
    reading: Reading | None = None
    fallbacks: tuple[str, ...] = ()
    lines: Mapping[str, OtherLines] = field(default_factory=dict)

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes are valid UTF-8 without conversion."""
        return self.codec in ("utf-8", "utf-8-sig", "ascii") and not self.fallbacks

    @property
    def is_wider_ascii(self) -> bool:
        """Whether each byte is one character, and the first 128 are those of ASCII."""
        plain = bytes(range(128))
        try:
            return plain.decode(self.codec) == plain.decode() and len(_ALL.decode(self.codec, "replace")) == len(_ALL)
        except UnicodeDecodeError:
            return False


@dataclass
class OtherLines:
    """Lines of a text that are in another encoding than most.

    Attributes:
        number: how many they are.
        first: the numbers of the first of them, from 1.
    """

    number: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count a line."""
        self.number += 1
        if len(self.first) < _SHOWN:
            self.first.append(line)

    def __str__(self) -> str:
        more = " …" if self.number > len(self.first) else ""
        return f"{'line' if self.number == 1 else 'lines'} {', '.join(f'{line:,}' for line in self.first)}{more}"


def codec_named(declared: str, part: PayloadPart) -> str:
    """Python's codec of a declared encoding.

    Raises:
        CollectError: there is none.
    """
    try:
        return codecs.lookup(declared).name
    except LookupError as error:
        raise CollectError(
            f"{part.name} cannot be read: there is no encoding {declared!r}",
            cause="parse.encoding is not one that Python knows",
            remedy="declare utf-8, utf-16, windows-1252, iso-8859-1 or cp850, or leave it out to have it detected",
        ) from error


def encoding_notes(encodings: list[Encoding]) -> dict[str, Any]:
    """Facts about the encodings of the parts of a payload, for the receipt."""
    guesses = [encoding.reading for encoding in encodings if encoding.reading is not None]
    other: dict[str, dict[str, Any]] = {}
    for encoding in encodings:
        for codec, lines in encoding.lines.items():
            known = other.setdefault(codec, {"lines": 0, "first": lines.first})
            known["lines"] += lines.number
    return {
        "encoding": ", ".join(dict.fromkeys(encoding.name for encoding in encodings)),
        "byte_order_mark": any(encoding.mark for encoding in encodings),
        "confidence": min(round(min(guess.confidence for guess in guesses), 3), 0.999) if guesses else None,
        "other_lines": other,
    }


def decoded(stream: BinaryIO, encoding: Encoding) -> Iterator[bytes]:
    """A stream's text in UTF-8, block by block.

    Raises:
        UnicodeDecodeError: bytes do not decode. UTF-8 is not checked here.
    """
    if encoding.fallbacks:
        yield from decoded_lines(stream, (encoding.codec, *encoding.fallbacks))
        return
    if encoding.is_utf8 or encoding.is_wider_ascii:
        while raw := stream.read(BUFFER):
            yield raw if encoding.is_utf8 or raw.isascii() else _widened(raw, encoding.codec)
        return
    decoder = codecs.getincrementaldecoder(encoding.codec)("strict")
    while raw := stream.read(BUFFER):
        yield decoder.decode(raw).encode()
    yield decoder.decode(b"", True).encode()


def decoded_lines(
    stream: BinaryIO, tried: tuple[str, ...], found: dict[str, OtherLines] | None = None
) -> Iterator[bytes]:
    """A stream's text in UTF-8, in which each line is in the first codec that decodes it.

    Args:
        tried: the codecs; a line end is one byte in all of them.
        found: receives the lines that the first codec does not decode, by the codec that does.

    Raises:
        UnicodeDecodeError: a line decodes in none of them.
    """
    left, line = b"", 1
    while raw := stream.read(_PIECE * 16):
        text = left + raw
        end = max(text.rfind(mark) for mark in _LINE_ENDS) + 1
        left = text[end:]
        if end:
            yield _by_line(text[:end], tried, line, found)
            line += _line_ends(text[:end]) if found is not None else 0
    yield _by_line(left, tried, line, found)


def _by_line(text: bytes, tried: tuple[str, ...], line: int, found: dict[str, OtherLines] | None) -> bytes:
    if text.isascii():
        return text
    done: list[bytes] = []
    at = 0
    while at < len(text):
        try:
            done.append(text[at:].decode(tried[0]).encode())
            break
        except UnicodeDecodeError as error:
            bad = at + error.start
        start = max(at, *(text.rfind(mark, at, bad) + 1 for mark in _LINE_ENDS))
        ends = [end + 1 for mark in _LINE_ENDS if (end := text.find(mark, bad)) >= 0]
        end = min(ends, default=len(text))
        done.append(text[at:start].decode(tried[0]).encode())
        codec, content = _first(text[start:end], tried[1:])
        done.append(content)
        if found is not None:
            found.setdefault(codec, OtherLines()).add(line + _line_ends(text[:start]))
        at = end
    return b"".join(done)


def _first(text: bytes, tried: tuple[str, ...]) -> tuple[str, bytes]:
    """The first codec that decodes a line, and the line in UTF-8."""
    for codec in tried[:-1]:
        try:
            return codec, text.decode(codec).encode()
        except UnicodeDecodeError:
            continue
    return tried[-1], text.decode(tried[-1]).encode()


def _line_ends(text: bytes) -> int:
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


def _widened(raw: bytes, codec: str) -> bytes:
    """Converts single-byte text to UTF-8. Pieces of ASCII, most of a table, need no conversion."""
    pieces = (raw[at : at + _PIECE] for at in range(0, len(raw), _PIECE))
    return b"".join(piece if piece.isascii() else piece.decode(codec).encode() for piece in pieces)


def undecodable(part: PayloadPart, encoding: Encoding) -> CollectError:
    """The error for a part that does not decode, with the byte and its line, and what to do about such lines."""
    if encoding.codec in ("utf-8", "utf-8-sig"):
        return _damaged_utf8(part, encoding)
    place = ""
    byte = "a byte"
    line = 1
    try:
        decoder = codecs.getincrementaldecoder(encoding.codec)("strict")
        with part.open() as raw:
            while block := raw.read(BUFFER):
                line += decoder.decode(block).count("\n")
            decoder.decode(b"", True)
    except UnicodeDecodeError as error:
        good = error.object[: error.start].decode(encoding.codec, "replace")
        byte, place = f"byte 0x{error.object[error.start]:02X}", f" in line {line + good.count(chr(10)):,}"
    how = "declared" if encoding.declared else "detected from its other bytes"
    return CollectError(
        f"{part.name} is not {encoding.name}: {byte}{place} does not decode",
        cause=f"the file has another encoding than the one {how}, or is damaged",
        remedy="declare the file's encoding, for example parse: {encoding: windows-1252}, or collect it again",
    )


def _damaged_utf8(part: PayloadPart, encoding: Encoding) -> CollectError:
    """The error for a text of which some lines are not UTF-8: these lines, and the encodings that they may be in."""
    found: dict[str, OtherLines] = {}
    with part.open() as raw:
        lines = 0
        # no byte is undefined in ISO 8859-1, so the lines are found whatever they are in
        for block in decoded_lines(raw, ("utf-8", "iso-8859-1"), found):
            lines += _line_ends(block)
    bad = found.get("iso-8859-1", OtherLines())
    byte, sample = _sample(part, bad.first)
    likely = readings(words_of(sample))[:3]
    how = "declared" if encoding.declared else "the encoding of the others"
    shown = ", ".join(f"{one.code_pages[0]} ({', '.join(one.words[:2])})" for one in likely)
    other = likely[0].code_pages[0] if likely else "windows-1252"
    return CollectError(
        f"{part.name} is not utf-8: byte 0x{byte:02X} in line {bad.first[0] if bad.first else 1:,} does not decode",
        cause=f"{bad.number:,} of {counted(max(lines, bad.number), 'line')} "
        f"{'is' if bad.number == 1 else 'are'} not UTF-8, which is {how}: {bad}"
        + (f"; read as {shown}" if shown else ""),
        remedy=f"have only these lines read in another encoding: parse: {{encoding: [utf-8, {other}]}}; or correct "
        "them at the source and collect it again",
    )


def _sample(part: PayloadPart, numbers: list[int]) -> tuple[int, list[bytes]]:
    """The first byte that is not UTF-8, and the lines with some of the given numbers."""
    wanted = set(numbers)
    sample: list[bytes] = []
    byte = 0
    with part.open() as raw:
        for number, line in enumerate(raw, 1):
            if number > max(wanted, default=0):
                break
            if number not in wanted:
                continue
            sample.append(line)
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = byte or error.object[error.start]
    return byte, sample
