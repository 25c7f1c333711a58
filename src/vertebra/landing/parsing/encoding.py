"""The encoding of a text: as declared, or detected from its bytes without losing any of them."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.errors import CollectError
from vertebra.landing.payload import BUFFER, PayloadPart

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE: Final = 64 << 10
_PIECE: Final = 4 << 10
_ALL: Final = bytes(range(256))

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)
"""Byte order marks. UTF-32 comes first, because its mark begins with that of UTF-16."""

_SINGLE_BYTE: Final = ("windows-1252", "iso-8859-1", "cp850")
"""Western encodings, the most common first; it wins unless another one fits better."""

_BEYOND_ASCII: Final = re.compile(rb"[\x00-\x7f]?[\x80-\xff]+[\x00-\x7f]?")
_FRAGMENTS: Final = 20_000
_USUAL_SIGNS: Final = frozenset(" °ºª€£§©®·«»¿¡“”‘’„–—…²³½¼¾±µ´×•™")
_INSIDE_WORDS: Final = frozenset("·’")
_MOSTLY: Final = 0.5
_READABLE: Final = 0.2
"""Lowest acceptable mean score of characters beyond ASCII, from -3 for control characters to 1 for letters in words."""


@dataclass(frozen=True)
class Encoding:
    """An encoding of a text.

    Attributes:
        name: its name in receipts and messages: ``utf-16-le``.
        codec: Python's codec, which removes the byte order mark if there is one.
        declared: whether it is declared; otherwise it was detected.
        mark: whether the text begins with a byte order mark.
    """

    name: str
    codec: str
    declared: bool
    mark: bool = False

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes are valid UTF-8 without conversion."""
        return self.codec in ("utf-8", "utf-8-sig", "ascii")

    @property
    def is_wider_ascii(self) -> bool:
        """Whether each byte is one character, and the first 128 are those of ASCII."""
        plain = bytes(range(128))
        try:
            return plain.decode(self.codec) == plain.decode() and len(_ALL.decode(self.codec, "replace")) == len(_ALL)
        except UnicodeDecodeError:
            return False


def encoding_of(part: PayloadPart, declared: str | None) -> Encoding:
    """The encoding of a part: the declared one, or that of its byte order mark, or the one that fits its bytes.

    Without a mark, bytes with zeros at every other place are UTF-16, and bytes that are valid UTF-8 are UTF-8. Other
    bytes are in the one of windows-1252, ISO 8859-1 and CP850 in which letters beyond ASCII make words, such as small
    letters after small letters. All bytes are examined.

    Raises:
        CollectError: the declared encoding does not exist, or no encoding fits: the text is damaged UTF-8, or is not in
            a Western language, whose encodings this method cannot distinguish.
    """
    with part.open() as stream:
        head = stream.read(_SAMPLE)
    marked = next(((name, codec) for mark, name, codec in _MARKS if head.startswith(mark)), None)
    if declared is not None:
        codec = _codec(declared, part)
        return Encoding(declared, codec, True, marked is not None and marked[0].startswith(codec.removesuffix("-sig")))
    if marked is not None:
        return Encoding(*marked, False, True)
    wide = _utf16(head)
    if wide is not None:
        return Encoding(wide, wide, False)
    broken = _not_utf8(part)
    return Encoding("utf-8", "utf-8", False) if broken is None else _single_byte(part, broken)


def decoded(stream: BinaryIO, encoding: Encoding) -> Iterator[bytes]:
    """A stream's text in UTF-8, block by block.

    Raises:
        UnicodeDecodeError: bytes do not decode. UTF-8 is not checked here.
    """
    if encoding.is_utf8 or encoding.is_wider_ascii:
        while raw := stream.read(BUFFER):
            yield raw if encoding.is_utf8 or raw.isascii() else _widened(raw, encoding.codec)
        return
    decoder = codecs.getincrementaldecoder(encoding.codec)("strict")
    while raw := stream.read(BUFFER):
        yield decoder.decode(raw).encode()
    yield decoder.decode(b"", True).encode()


def _widened(raw: bytes, codec: str) -> bytes:
    """Converts single-byte text to UTF-8. Pieces of ASCII, most of a table, need no conversion."""
    pieces = (raw[at : at + _PIECE] for at in range(0, len(raw), _PIECE))
    return b"".join(piece if piece.isascii() else piece.decode(codec).encode() for piece in pieces)


def undecodable(part: PayloadPart, encoding: Encoding) -> CollectError:
    """The error for a part that does not decode, with the byte and its line."""
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


def _codec(declared: str, part: PayloadPart) -> str:
    try:
        return codecs.lookup(declared).name
    except LookupError as error:
        raise CollectError(
            f"{part.name} cannot be read: there is no encoding {declared!r}",
            cause="parse.encoding is not one that Python knows",
            remedy="declare utf-8, utf-16, windows-1252, iso-8859-1 or cp850, or leave it out to have it detected",
        ) from error


def _utf16(head: bytes) -> str | None:
    """The byte order of UTF-16 without a mark: the zeros of ASCII characters are all on the same side."""
    head = head[: len(head) // 2 * 2]
    zeros = {"utf-16-be": head[::2].count(0), "utf-16-le": head[1::2].count(0)}
    for name, other in (("utf-16-le", "utf-16-be"), ("utf-16-be", "utf-16-le")):
        if zeros[other] or not _ends_lines(head, name, zeros[name]):
            continue
        try:
            text = codecs.getincrementaldecoder(name)("strict").decode(head)
        except UnicodeDecodeError:
            continue
        if all(char in "\t\r\n" or unicodedata.category(char) not in ("Cc", "Cn") for char in set(text)):
            return name
    return None


def _ends_lines(head: bytes, name: str, zeros: int) -> bool:
    """Whether zero bytes are next to line ends; in a text without line ends, whether it has many zero bytes."""
    ends = head.count(b"\n")
    if not ends:
        return zeros * 3 > len(head) > 0
    if not zeros:
        return False
    side = 0 if name == "utf-16-le" else 1
    wide = "\n".encode(name)
    aligned = sum(head[at : at + 2] == wide for at in range(0, len(head), 2) if head[at + side] == 0x0A)
    return aligned * 2 > ends


def _not_utf8(part: PayloadPart) -> UnicodeDecodeError | None:
    """The error of decoding a part as UTF-8; None if it is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        with part.open() as stream:
            while block := stream.read(BUFFER):
                if not block.isascii() or decoder.getstate()[0]:
                    decoder.decode(block)
        decoder.decode(b"", True)
    except UnicodeDecodeError as error:
        return error
    return None


def _single_byte(part: PayloadPart, broken: UnicodeDecodeError) -> Encoding:
    fragments = _fragments(part)
    whole, single = _utf8_share(fragments)
    if whole >= single:
        raise undecodable(part, Encoding("utf-8", "utf-8", False)) from broken
    scores = {name: score for name in _SINGLE_BYTE if (score := _reads(fragments, name)) is not None}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] < _READABLE or _is_foreign(fragments, best):
        raise CollectError(
            f"the encoding of {part.name} cannot be detected",
            cause="they are not UTF-8, and make no words in windows-1252, ISO 8859-1 or CP850",
            remedy="declare it, for example parse: {encoding: windows-1251}; if it is not text, correct parse.format",
        ) from broken
    return Encoding(best, codecs.lookup(best).name, False)


def _fragments(part: PayloadPart) -> list[bytes]:
    """The sequences of bytes beyond ASCII, each with the byte before and after it."""
    found: list[bytes] = []
    with part.open() as stream:
        while (block := stream.read(BUFFER)) and len(found) < _FRAGMENTS:
            if not block.isascii():
                found += _BEYOND_ASCII.findall(block)
    return found[:_FRAGMENTS]


def _utf8_share(fragments: list[bytes]) -> tuple[int, int]:
    """The number of characters beyond ASCII in valid UTF-8, and of bytes that are not part of one."""
    texts = [fragment.decode("utf-8", "surrogateescape") for fragment in fragments]
    single = sum("\udc80" <= char <= "\udcff" for text in texts for char in text)
    return sum(char > "\x7f" for text in texts for char in text) - single, single


def _reads(fragments: list[bytes], name: str) -> float | None:
    """How well an encoding fits: the mean score of characters beyond ASCII; None if bytes do not decode."""
    score, seen = 0.0, 0
    for fragment in fragments:
        try:
            text = fragment.decode(name)
        except UnicodeDecodeError:
            return None
        for at, char in enumerate(text):
            if char > "\x7f":
                before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
                score += _fits(char, before, after)
                seen += 1
    return score / seen


def _fits(char: str, before: str, after: str) -> float:
    if char.isalpha() and char not in "ªº":
        if before.isalpha() and char.isupper() and (before.islower() or after.islower()):
            return -1.0  # a capital inside a word suggests a small letter in another encoding
        return 1.0 if before.isalpha() or after.isalpha() else 0.6 if char.islower() else 0.3
    if char in _USUAL_SIGNS:
        in_word = before.isalpha() and after.isalpha() and char not in _INSIDE_WORDS
        return -1.0 if in_word else 0.5
    return -3.0 if unicodedata.category(char) == "Cc" else -1.0


def _is_foreign(fragments: list[bytes], name: str) -> bool:
    """Whether most letters beyond ASCII are next to each other, which is unlike any Western language."""
    inside = [fragment.strip(bytes(range(128))) for fragment in fragments]
    letters = sum(char.isalpha() for piece in inside for char in piece.decode(name))
    paired = sum(len(piece) for piece in inside if len(piece) > 2)
    return letters > 8 and paired > _MOSTLY * sum(len(piece) for piece in inside)
