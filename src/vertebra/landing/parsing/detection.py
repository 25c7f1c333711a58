"""Which encoding a text is in: declared, certain from its bytes, or guessed from its words and refused if in doubt."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from vertebra.errors import CollectError
from vertebra.landing.parsing.code_pages import READABLE, Reading, codec_of, readings, words_of
from vertebra.landing.parsing.encoding import Encoding, OtherLines, codec_named, decoded, decoded_lines, undecodable
from vertebra.landing.payload import BUFFER, PayloadPart

_SAMPLE: Final = 64 << 10

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)
"""Byte order marks. UTF-32 comes first, because its mark begins with that of UTF-16."""

CERTAIN: Final = 0.95
"""Least confidence in a guessed encoding."""

_POSSIBLE: Final = 0.01
_SHOWN: Final = 3
_BEYOND_ASCII: Final = re.compile(rb"[\x80-\xff]+")
_FRAGMENTS: Final = 20_000
_BLOCKS: Final = 64


def encoding_of(part: PayloadPart, declared: str | Sequence[str] | None, guessed: Sequence[str] = ()) -> Encoding:
    """The encoding of a part: the declared one, or that of its byte order mark, or the one that fits its bytes.

    Without a mark, bytes with zeros at every other place are UTF-16, and bytes that are valid UTF-8 are UTF-8; all of
    them are examined. Other texts are in the code page in which their words are probable in some language; see
    :mod:`vertebra.landing.parsing.code_pages`.

    Args:
        declared: an encoding; or several, of which each line is in the first one that decodes it.
        guessed: encodings that were guessed before for this payload, and are kept.

    Raises:
        CollectError: the declared encoding does not exist, the text is UTF-8 with lines in another encoding, or several
            code pages fit that read the text in different ways.
    """
    with part.open() as stream:
        head = stream.read(_SAMPLE)
    marked = next(((name, codec) for mark, name, codec in _MARKS if head.startswith(mark)), None)
    if isinstance(declared, str):
        codec = codec_named(declared, part)
        return Encoding(declared, codec, True, marked is not None and marked[0].startswith(codec.removesuffix("-sig")))
    if declared and len(declared) == 1:
        return encoding_of(part, declared[0])
    if declared:
        return _of_lines(part, tuple(declared), marked is not None and marked[0] == "utf-8")
    if marked is not None:
        return Encoding(*marked, False, True)
    wide = _utf16(head)
    if wide is not None:
        return Encoding(wide, wide, False)
    broken = _not_utf8(part)
    return Encoding("utf-8", "utf-8", False) if broken is None else _code_page(part, broken, guessed)


def read_text(part: PayloadPart, declared: str | Sequence[str] | None, guessed: Sequence[str] = ()) -> str:
    """The whole text of a part, for formats that read small payloads; see :func:`encoding_of`.

    Raises:
        CollectError: as :func:`encoding_of`, or the text does not decode.
    """
    encoding = encoding_of(part, declared, guessed)
    try:
        with part.open() as stream:
            return b"".join(decoded(stream, encoding)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise undecodable(part, encoding) from error


def _of_lines(part: PayloadPart, names: tuple[str, ...], mark: bool) -> Encoding:
    """The encodings of a text whose lines are in different ones."""
    tried = tuple(codec_named(name, part) for name in names)
    for name, codec in zip(names, tried, strict=True):
        if "\n".encode(codec) != b"\n":
            raise CollectError(
                f"{part.name} cannot be read line by line in {name}",
                cause="a line end of this encoding is not a line end of the others",
                remedy="list encodings that are ASCII for the first 128 characters, such as [utf-8, windows-1252]",
            )
    found: dict[str, OtherLines] = {}
    try:
        with part.open() as raw:
            for _ in decoded_lines(raw, tried, found):
                pass
    except UnicodeDecodeError as error:
        raise CollectError(
            f"{part.name} has a line that is in none of {', '.join(names)}",
            cause=f"byte 0x{error.object[error.start]:02X} does not decode in the line "
            f"{error.object[:80].decode('ascii', 'backslashreplace').strip()!r}",
            remedy="add the encoding of this line to parse.encoding, or correct it at the source",
        ) from error
    named = dict(zip(tried, names, strict=True))
    lines = {named[codec]: other for codec, other in found.items()}
    return Encoding(names[0], tried[0], True, mark, fallbacks=tried[1:], lines=lines)


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


def _code_page(part: PayloadPart, broken: UnicodeDecodeError, guessed: Sequence[str]) -> Encoding:
    """The code page of a text that is not UTF-8."""
    blocks = _beyond_ascii(part)
    whole, single = _utf8_share(blocks)
    if whole >= single and not guessed:
        raise undecodable(part, Encoding("utf-8", "utf-8", False)) from broken
    words = words_of(blocks)
    known = [name for name in guessed if not name.startswith("utf-")]
    found = readings(words, known)
    if known and (found or len(known) == 1):
        name = next((name for name in known if name in found[0].code_pages), known[0]) if found else known[0]
        return Encoding(name, codec_of(name), False)
    if not found or found[0].unusual > READABLE:
        raise CollectError(
            f"the encoding of {part.name} cannot be detected",
            cause="it is not UTF-8, and its words are unusual in every code page" + _shown(found),
            remedy="declare it, for example parse: {encoding: windows-1251}; if it is not text, correct parse.format",
        ) from broken
    if found[0].confidence < CERTAIN:
        raise CollectError(
            f"the encoding of {part.name} is not certain",
            cause="it is not UTF-8, and several code pages fit that read it in different ways" + _shown(found),
            remedy="declare the one that reads right, for example "
            f"parse: {{encoding: {found[0].code_pages[0]}}}, or ask the source for UTF-8",
        ) from broken
    name = found[0].code_pages[0]
    return Encoding(name, codec_of(name), False, reading=found[0])


def _shown(found: Sequence[Reading]) -> str:
    """How the first candidates read the words in which they differ."""
    likely = [one for one in found if one.confidence >= _POSSIBLE][:_SHOWN] or list(found[:1])
    places = [at for at, words in enumerate(zip(*(one.words for one in likely), strict=False)) if len(set(words)) > 1]
    if not likely:
        return ""
    places = places[:_SHOWN] or [*range(min(_SHOWN, len(likely[0].words)))]
    read = (
        f"{one.code_pages[0]} reads {', '.join(one.words[at] for at in places if at < len(one.words))} "
        f"({one.confidence:.0%})"
        for one in likely
    )
    return ": " + "; ".join(read)


def _beyond_ascii(part: PayloadPart) -> list[bytes]:
    """The blocks of a part that have bytes beyond ASCII; enough for a guess."""
    found: list[bytes] = []
    with part.open() as stream:
        while (block := stream.read(BUFFER)) and len(found) < _BLOCKS:
            if not block.isascii():
                found.append(block)
    return found


def _utf8_share(blocks: Sequence[bytes]) -> tuple[int, int]:
    """The number of characters beyond ASCII in valid UTF-8, and of bytes that are not part of one."""
    fragments = [fragment for block in blocks for fragment in _BEYOND_ASCII.findall(block)][:_FRAGMENTS]
    texts = [fragment.decode("utf-8", "surrogateescape") for fragment in fragments]
    single = sum("\udc80" <= char <= "\udcff" for text in texts for char in text)
    return sum(char > "\x7f" for text in texts for char in text) - single, single
