"""Checks that an answer is data, not a page for people, an error message or empty."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.landing.web.credentials import without_query
from vertebra.landing.web.errors import RefusedAnswerError

if TYPE_CHECKING:
    from vertebra.landing.parsing.format import Format
    from vertebra.landing.web.download import Download

_HEAD: Final = 4096
_LARGEST_ERROR: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"
_WIDE: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_COMMENTS: Final = re.compile(rb"(?:\s*<!--.*?(?:-->|\Z))*\s*", re.DOTALL)
_PAGE: Final = re.compile(
    rb"<(!doctype\s+html|html|head|body|script|title|meta|link|style|div|p|h[1-6]|center|iframe)\b", re.IGNORECASE
)
_MARKUP: Final = re.compile(rb"<(\?xml|!doctype|[a-z][\w:.-]*[\s/>])", re.IGNORECASE)
_ARCHIVES: Final = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")
"""How zip and gzip files begin; their content is checked when it is parsed."""


def check_answer(answer: Download, wanted: Format, begins: str | None = None) -> None:
    """Refuse an answer that is not data.

    Args:
        wanted: the format of the dataset's payloads.
        begins: how the text of a correct answer begins.

    Raises:
        RefusedAnswerError: the answer is empty, a page, an error message, or does not begin as declared.
    """
    with answer.file.open("rb") as stream:
        head = stream.read(_HEAD)
    text = _text(head)
    signatures = (*_ARCHIVES, wanted.signature) if wanted.signature else _ARCHIVES
    is_binary = head.startswith(signatures)
    if not text:
        raise _refused(answer, "is empty", "it has no bytes" if not head else "it has only whitespace")
    sound = begins is not None and text.startswith(begins.lstrip().encode())
    if not is_binary and not sound:
        _refuse_messages(answer, text, wanted)
    if begins is not None and not is_binary and not sound:
        raise _refused(
            answer,
            "does not begin as declared",
            f"it begins with {_excerpt(text)}",
            "if the source has changed its form, correct collect.begins",
        )


def _refuse_messages(answer: Download, text: bytes, wanted: Format) -> None:
    markup = text[_comments(text) :]
    no_markup = wanted.content in ("text", "json")
    if _PAGE.match(markup) or (no_markup and text.startswith(b"<!--")):
        raise _refused(answer, "is a page for people, not data", _title(text), _LOOK)
    if no_markup and _MARKUP.match(markup):
        raise _refused(answer, f"is XML, not {wanted.name}", _excerpt(text), _LOOK)
    if wanted.signature:
        raise _refused(answer, f"is not {wanted.name}", f"it begins with {_excerpt(text)}", _LOOK)
    if wanted.content == "binary":
        return
    path = without_query(answer.url).lower()
    for ending, name in ((".zip", "a zip archive"), (".gz", "gzip")):
        if path.endswith(ending):
            raise _refused(answer, f"is not {name}", f"it begins with {_excerpt(text)}", _LOOK)
    if text[:1] == b"{" and answer.file.stat().st_size <= _LARGEST_ERROR:
        message = error_in(_json(answer.file), strict=wanted.content == "json")
        if message is not None:
            raise _refused(answer, "is an error message, not data", message, _LOOK)


def error_in(body: Any, *, strict: bool = True) -> str | None:
    """The message of a JSON body that is an error in the form of CKAN, Socrata, Open-Meteo, ArcGIS and others.

    Args:
        body: the parsed answer.
        strict: whether only known signs of an error count. If the format is not JSON, any message counts.

    Returns:
        None if the body is not an error.
    """
    if not isinstance(body, dict):
        return None
    error = body.get("error", body.get("errors"))
    failed = body.get("success") is False or body.get("ok") is False
    marked = failed or bool(error) or ("errorCode" in body and "message" in body)
    status = body.get("status")
    marked = marked or (isinstance(status, str) and status.lower() in ("error", "fail", "failed"))
    if not marked and (strict or not ("message" in body or "detail" in body)):
        return None
    for one in (error, body):
        if isinstance(one, str):
            return one[:300]
        if isinstance(one, list) and one:
            return json.dumps(one)[:300]
        if isinstance(one, dict):
            found = next(
                (one[key] for key in ("message", "reason", "detail", "msg") if isinstance(one.get(key), str)), ""
            )
            if found:
                return str(found)[:300]
    return json.dumps(body)[:300]


def error_message(file: Path) -> str:
    """The message of an error answer in one line; empty if nothing in it is readable."""
    try:
        head = file.read_bytes()[:_LARGEST_ERROR]
    except OSError:
        return ""
    text = _text(head)
    if text[:1] in (b"{", b"["):
        message = error_in(_json(file), strict=False)
        if message:
            return message
    if _PAGE.match(text, _comments(text)):
        return _title(text)
    return _excerpt(text) if text else ""


def _text(head: bytes) -> bytes:
    """The beginning of an answer in UTF-8, without byte order mark and leading white space."""
    wide = next((encoding for mark, encoding in _WIDE.items() if head.startswith(mark)), None)
    if wide is not None:
        head = head[2:].decode(wide, "replace").encode()
    return head.removeprefix(_BOM).lstrip()


def _comments(text: bytes) -> int:
    """Length of the comments at the beginning of markup."""
    found = _COMMENTS.match(text)
    return found.end() if found else 0


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes().removeprefix(_BOM))
    except ValueError:
        return None


def _title(text: bytes) -> str:
    lower = text.lower()
    start, end = lower.find(b"<title>"), lower.find(b"</title>")
    title = text[start + 7 : end].decode("utf-8", "replace").strip() if 0 <= start < end else ""
    return f"its title is {title[:120]!r}" if title else "it is HTML"


def _excerpt(text: bytes) -> str:
    line = text.splitlines()[0][:120].decode("utf-8", "replace") if text else ""
    return repr("".join(letter if letter.isprintable() else "·" for letter in line))


_LOOK: Final = "look at the answer kept aside, and open the address in a browser"


def _refused(answer: Download, what: str, cause: str, remedy: str = _LOOK) -> RefusedAnswerError:
    fact = f"the answer of {without_query(answer.url)} {what}"
    return RefusedAnswerError(fact, url=answer.url, file=answer.file, cause=cause, remedy=remedy)
