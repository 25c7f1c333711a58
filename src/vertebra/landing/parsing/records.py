"""Input and output of a format: how to read a payload, and its records as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from vertebra.errors import CollectError
from vertebra.landing.parsing.column_origins import ColumnOrigin, Provenance
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
        batches: Arrow record batches whose columns are all text, in the order of ``columns``; an iterator that is
            consumed once. The column names of the batches are ignored.
        notes: facts about the text, for the receipt; complete once all batches are read.
        ragged: whether the batches have two additional columns: the text of a record whose cells cannot be assigned to
            columns, which has NULL in the others, and the reason, NULL for too few or too many cells.
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
        folder: a folder for intermediate files, which need not exist.
        digest: sha256 of the payload.
        empty: whether to accept a payload without records, although its columns are then unknown.
        ragged: whether to expect records whose cells cannot be assigned to columns.
        paths: paths to nested values of JSON that become columns of their own, where records have them.
        guessed: encodings that were guessed when the payload was parsed before; they are kept.
        key: columns of the payload, by their names in the records, that tell whom the records to cut out are about, and
            the text of each; None where it is not known.
        origins: columns whose values are not in the records.
        provenance: where the payload came from.
        small: whether the payload is so small that starting threads takes longer than reading it.
    """

    options: ParseOptions
    folder: Path
    digest: str
    empty: bool = False
    ragged: bool = False
    small: bool = False
    paths: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    key: Mapping[str, str | None] = field(default_factory=dict)
    origins: tuple[ColumnOrigin, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def scratch(self) -> Path:
        """The folder for intermediate files."""
        self.folder.mkdir(exist_ok=True)
        return self.folder

    def declared(self, kind: type[Options]) -> Options:
        """The options, typed as the declaration of the format.

        Raises:
            TypeError: the options are those of another format.
        """
        if not isinstance(self.options, kind):
            raise TypeError(f"{self.options.format} is read with {type(self.options).__name__}, not {kind.__name__}")
        return self.options


class RaggedRecordError(Exception):
    """The cells of a record cannot be assigned to columns: the payload has to be read again with ``ragged``."""


def refuse_other_columns(first: PayloadPart, columns: Sequence[str], other: PayloadPart, others: Sequence[str]) -> None:
    """Check that members of an archive have the same columns, because they are read as one table.

    Raises:
        CollectError: their columns differ.
    """
    if tuple(columns) != tuple(others):
        raise CollectError(
            f"{first.name} and {other.name} do not have the same columns",
            cause=f"{_listed(columns)} against {_listed(others)}",
            remedy=f'declare which one to read: collect: {{member: "{first.name.rpartition(":")[2]}"}}',
        )


def refuse_page(part: PayloadPart) -> None:
    """Refuse HTML pages, which portals send instead of data if they are down or have moved.

    Raises:
        CollectError: the text is an HTML page.
    """
    with part.open() as stream:
        head = stream.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise CollectError(
            f"{part.name} is an HTML page, not data",
            cause="sources answer with a page if they are down, have moved, or ask for a login",
            remedy="open the address in a browser and correct the declaration",
        )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:8]) + (f" … ({len(columns)} columns)" if len(columns) > 8 else "")
