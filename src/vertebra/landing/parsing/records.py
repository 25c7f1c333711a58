"""What a format reader gives: column names, and the records as text, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from vertebra.errors import CollectError
from vertebra.landing.payload import PayloadPart

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from vertebra.declare.parse import ParseOptions

    Options = TypeVar("Options", bound=ParseOptions)


@dataclass(frozen=True)
class Records:
    """The records of a payload.

    Attributes:
        columns: names, unique.
        batches: Arrow record batches whose columns are all text, in the order of ``columns``; read once, as a stream.
            Their own column names do not matter.
        notes: what was found out about the text, for the receipt; complete when the batches are read.
        ragged: whether the batches have one column more: the text of a record with too few or too many cells, which
            has NULL in the others.
    """

    columns: tuple[str, ...]
    batches: Iterator[pa.RecordBatch]
    notes: dict[str, Any] = field(default_factory=dict)
    ragged: bool = False


@dataclass(frozen=True)
class ReadContext:
    """How to read a payload.

    Attributes:
        options: ``parse:`` of the dataset.
        scratch: an empty folder for intermediate files.
        digest: sha256 of the payload.
        empty: whether a payload without records is right, though it says nothing of its columns.
        ragged: whether records with too few or too many cells are to be expected.
    """

    options: ParseOptions
    scratch: Path
    digest: str
    empty: bool = False
    ragged: bool = False

    def declared(self, kind: type[Options]) -> Options:
        """The options, as those of the format that reads.

        Raises:
            TypeError: they are those of another format.
        """
        if not isinstance(self.options, kind):
            raise TypeError(f"{self.options.format} is read with {type(self.options).__name__}, not {kind.__name__}")
        return self.options


class RaggedRecordError(Exception):
    """There is a record with too few or too many cells: the payload is to be read again, with ``ragged``."""


def refuse_other_columns(first: PayloadPart, columns: Sequence[str], other: PayloadPart, others: Sequence[str]) -> None:
    """Members of one archive are read as one table only when they have the same columns.

    Raises:
        CollectError: they differ.
    """
    if tuple(columns) != tuple(others):
        raise CollectError(
            f"{first.name} and {other.name} do not have the same columns",
            cause=f"{_listed(columns)} against {_listed(others)}",
            remedy=f'write which one to read: collect: {{member: "{first.name.rpartition(":")[2]}"}}',
        )


def refuse_page(part: PayloadPart) -> None:
    """An HTML page is what portals send instead of data when they are down, moved or suspicious.

    Raises:
        CollectError: the text is an HTML page.
    """
    with part.open() as stream:
        head = stream.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise CollectError(
            f"{part.name} is an HTML page, not data",
            cause="the source answers with a page when it is down, has moved, or asks for a login",
            remedy="open the address in a browser and correct the declaration",
        )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:8]) + (f" … ({len(columns)} columns)" if len(columns) > 8 else "")
