"""Redaction: finds secrets in texts and files, in every form in which they are written or sent, and replaces them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

_SHORTEST: Final = 4
"""A shorter value is no secret, and replacing it would garble the text around it."""

_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
"""Characters that are sent as they are everywhere (RFC 3986, 2.3)."""

_WIDEST: Final = 9
"""Most characters that a byte of a secret is written with: ``%2525252F``."""

_BLOCK: Final = 1 << 20


class Redaction:
    """Replaces secrets by ``${NAME}``.

    Secrets are found verbatim, percent-encoded in part or in full, up to four times over, and escaped as in forms, JSON
    and HTML.

    Args:
        secrets: value by name.
        unnamed: more secrets, which are replaced by ``${secret_1}`` and so on.
    """

    def __init__(self, secrets: Mapping[str, str], unnamed: Iterable[str] = ()) -> None:
        every = dict(secrets) | {f"secret_{number}": value for number, value in enumerate(unnamed, 1)}
        named = sorted(every.items(), key=lambda item: -len(item[1]))
        long = [(name, value) for name, value in named if len(value) >= _SHORTEST]
        self._references = [f"${{{name}}}" for name, _ in long]
        self._longest = max((_WIDEST * len(_bytes(value)) for _, value in long), default=0)
        forms = "|".join(f"({''.join(map(_forms, value))})" for _, value in long) or "(?!)"
        self._in_text = re.compile(forms)
        self._in_bytes = re.compile(_bytes(forms))

    def __call__(self, text: str) -> str:
        """A text without the secrets."""
        return self._in_text.sub(lambda found: self._references[(found.lastindex or 0) - 1], text)

    def finds(self, text: str) -> bool:
        """Whether a secret is in a text."""
        return self._in_text.search(text) is not None

    def blocks(self, stream: BinaryIO) -> Iterator[bytes]:
        """The bytes of a file without the secrets, including secrets that cross the border of two blocks."""
        text = b""
        while block := stream.read(_BLOCK):
            text += block
            # a match that ends before this place cannot continue in the next block
            safe = max(0, len(text) - self._longest)
            clean, end = self._cleaned(text, safe)
            yield clean
            text = text[end:]
        yield self._cleaned(text, len(text))[0]

    def _cleaned(self, text: bytes, safe: int) -> tuple[bytes, int]:
        """The start of ``text`` without the secrets that begin before ``safe``, and the end of the processed part."""
        clean: list[bytes] = []
        at = 0
        for found in self._in_bytes.finditer(text):
            if found.start() >= safe:
                break
            clean += text[at : found.start()], self._references[(found.lastindex or 0) - 1].encode()
            at = found.end()
        end = max(at, safe)
        return b"".join([*clean, text[at:end]]), end


def _forms(letter: str) -> str:
    """A pattern of the forms in which a character of a secret may be written."""
    if _UNRESERVED.fullmatch(letter):
        return re.escape(letter)
    place = ord(letter)
    escaped = {letter, f"\\{letter}", json.dumps(letter)[1:-1], f"\\u{place:04x}"}
    escaped |= {html.escape(letter), f"&#{place};", f"&#x{place:x};"}
    percent = "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in _bytes(letter))
    plus = [r"\+"] if letter == " " else []
    return f"(?i:{'|'.join([*map(re.escape, sorted(escaped, key=len, reverse=True)), percent, *plus])})"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


NO_SECRETS: Final = Redaction({})
