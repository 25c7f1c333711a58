"""Recognizes payloads that are of another kind than declared, so that the error names the kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError
from vertebra.landing.payload import begins_office_document

if TYPE_CHECKING:
    from vertebra.landing.payload import PayloadPart

_HEAD: Final = 4096
_XML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml\b|<!--|<[A-Za-z][\w:.\-]*(?:\s[^<>]*)?>\s*<)")
_CONVERT: Final = "convert it to CSV, JSON or Parquet, or ask the source for one of them"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: with its article, for messages.
        remedy: what to do about a payload of this kind.
    """

    name: str
    remedy: str


_WORKBOOK: Final = Kind("an Excel workbook", "declare parse: {format: xlsx}")
_MAGIC: Final = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Kind("an old Excel workbook (.xls), or a workbook with a password", "save it as .xlsx without a password"),
    ),
    (b"PAR1", Kind("a Parquet file", "declare parse: {format: parquet}")),
    (b"Obj\x01", Kind("an Avro file", "declare parse: {format: avro}")),
    (b"SQLite format 3\x00", Kind("a SQLite database", "collect it with from: sql")),
    (b"%PDF-", Kind("a PDF document", "ask the source for the data as CSV, JSON or Parquet")),
    (b"ARROW1", Kind("an Arrow file", _CONVERT)),
    (b"ORC", Kind("an ORC file", _CONVERT)),
    (b"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", "ask the source for zip, or unpack it")),
    (b"Rar!\x1a\x07", Kind("a RAR archive", "ask the source for zip, or unpack it")),
    (b"\x28\xb5\x2f\xfd", Kind("compressed with Zstandard", "ask the source for gzip, or unpack it")),
    (b"BZh", Kind("compressed with bzip2", "ask the source for gzip, or unpack it")),
    (b"\xfd7zXZ\x00", Kind("compressed with xz", "ask the source for gzip, or unpack it")),
    (b"\x1f\x8b", Kind("compressed with gzip twice", "unpack it once before it is collected")),
)
_XML_TEXT: Final = Kind("XML", "declare where its records are, for example parse: {format: xml, records: /export/row}")
_NESTED: Final = Kind("an archive within an archive", "unpack the outer archive, and collect the inner one")


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file that is neither CSV nor JSON, by its first bytes; None if it may be text."""
    if head.startswith(b"PK\x03\x04"):
        return _WORKBOOK if begins_office_document(head) else _NESTED
    for magic, kind in _MAGIC:
        if head.startswith(magic) and not (len(magic) < 4 and head.isascii()):
            return kind
    return _XML_TEXT if _XML.match(head) else None


def refuse_other_kinds(part: PayloadPart, declared: str) -> None:
    """Refuse a part that is certainly not in the declared text format.

    Args:
        declared: name of the format.

    Raises:
        CollectError: the part is binary, or XML.
    """
    with part.open() as stream:
        kind = kind_of(stream.read(_HEAD))
    if kind is not None and not (kind is _XML_TEXT and declared == "xml"):
        raise CollectError(
            f"{part.name} is {kind.name}",
            cause=f"parse.format of the dataset is {declared}",
            remedy=kind.remedy,
        )
