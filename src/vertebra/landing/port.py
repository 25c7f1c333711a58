"""The port to data sources: the input and output of every collector.

A collector fetches; landing decides. A collector knows its source and gives payloads one by one, each as a file with
its origin. :mod:`vertebra.landing.collect` checks whether a payload is new, complete and parsable, and makes it a
batch, in the same way for all sources.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from vertebra.errors import CollectError
from vertebra.lake.batches import newest_cursor
from vertebra.landing.web.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.source import Source
    from vertebra.governance.context import Progress
    from vertebra.lake.batches import Receipt

    Declared = TypeVar("Declared", bound=Source)


@dataclass(frozen=True)
class Transfer:
    """The bytes of a download so far; for progress bars.

    Attributes:
        url: what is downloaded, without credentials.
        done: bytes that have arrived.
        total: bytes of the whole; None if the source does not say.
    """

    url: str
    done: int
    total: int | None = None


def ignore_transfer(transfer: Transfer) -> None:
    """Ignore the progress of downloads."""


@dataclass(frozen=True)
class Window:
    """The periods that a collection is limited to, for backfills.

    Attributes:
        first: name of the first period, e.g. ``2013-01``.
        last: name of the last one.
        again: whether periods that are landed are collected again.
    """

    first: str
    last: str
    again: bool = False


@dataclass(frozen=True)
class Request:
    """The request to collect a dataset.

    Attributes:
        dataset: the declaration.
        project_root: folder that relative paths start from.
        landed: receipts of the batches landed so far, oldest first.
        staging: an empty folder of the landing zone for downloads; removed after the collection. A payload in it is
            moved into its batch, any other is copied.
        now: the start of the collection, UTC.
        schemes: URL schemes that the project allows.
        progress: called with messages for people.
        transferred: called with the bytes received so far.
        window: the periods to collect; all that are due if None.
        network: clock, random numbers and rate limits for requests to the web.
        resume_after: redacted address after which the last collection stopped, because the source failed again and
            again; None if it did not.
        read_reset: reads the value that a person set the cursor to, if no batch with a cursor was landed since.
        redact: removes secrets from a text; receipts and messages have addresses without them.
    """

    dataset: Dataset
    project_root: Path
    landed: Sequence[Receipt]
    staging: Path
    now: datetime
    schemes: Collection[str]
    progress: Progress
    transferred: Callable[[Transfer], None] = ignore_transfer
    window: Window | None = None
    network: Network = field(default_factory=Network)
    resume_after: str | None = None
    read_reset: Callable[[], str | None] = lambda: None
    redact: Callable[[str], str] = str

    def declared(self, kind: type[Declared]) -> Declared:
        """``collect:`` of the dataset, as the declaration of the collector.

        Raises:
            TypeError: the dataset has another kind of source.
        """
        collect = self.dataset.collect
        if not isinstance(collect, kind):
            raise TypeError(f"{self.dataset.name} is collected from {collect.kind}, not {kind.__name__.lower()}")
        return collect

    @property
    def reset(self) -> str | None:
        """The value that a person set the cursor to; None if the collection continues from :attr:`cursor`."""
        return self.read_reset()

    @property
    def cursor(self) -> str | None:
        """The cursor of the newest batch that has one: where an incremental collection continues, unless ``reset``."""
        return newest_cursor(self.landed)

    def last_receipt_from(self, url: str) -> Receipt | None:
        """Receipt of the newest batch that came from a URL."""
        shown = self.redact(url)
        return next((receipt for receipt in reversed(self.landed) if receipt.url == shown), None)

    def last_receipt_of(self, period: str | None, part: str | None) -> Receipt | None:
        """Receipt of the newest batch of a period and a part of the source."""
        wanted = (period, part)
        return next((one for one in reversed(self.landed) if (one.period, one.part) == wanted), None)


@dataclass(frozen=True)
class Payload:
    """Raw bytes as a source gave them, in a local file.

    Attributes:
        file: the file with the bytes.
        url: where they come from, without credentials; the same in each collection.
        period: the period they cover, for periodic sources, e.g. ``2013-01``.
        headers: metadata from the source that a receipt keeps, e.g. ``ETag``; no secrets.
        cursor: where an incremental collection continues after this payload; committed with the batch.
        part: the part of the source that they belong to, if several are requested, e.g. ``station=JFK``.
        file_name: file name whose ending tells the format; the end of ``url`` if None.
        expected_records: number of records according to the source; a payload with another number is refused.
        content_hash: hash of the data, for sources that give the same data in other bytes each time. A payload whose
            hash is landed is unchanged.
        may_be_empty: whether no records are no sign of a fault, as in one of several files.
    """

    file: Path
    url: str
    period: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None
    part: str | None = None
    file_name: str | None = None
    expected_records: int | None = None
    content_hash: str | None = None
    may_be_empty: bool = False


@dataclass(frozen=True)
class Unchanged:
    """The source reports, without sending the bytes, that they equal those of the last batch from the URL."""

    url: str


@dataclass(frozen=True)
class Refused:
    """An answer of the source is not data, or there was no answer; the collector continues with the rest.

    Attributes:
        url: the requested address, without credentials.
        error: what is wrong with the answer.
        file: the answer, in the staging folder; None if there is no answer to keep.
        period, part: as in a payload.
    """

    url: str
    error: CollectError
    file: Path | None = None
    period: str | None = None
    part: str | None = None


@dataclass(frozen=True)
class NotPublished:
    """A period is due and its source has not published it yet.

    Attributes:
        period: its name.
        url: where it is expected.
    """

    period: str
    url: str


@dataclass(frozen=True)
class CircuitOpen:
    """The circuit breaker opened: the source failed so often that no more requests are sent.

    The next collection continues with the addresses that are left.

    Attributes:
        url: the last requested address, without credentials.
        not_asked: number of addresses that were not requested.
    """

    url: str
    not_asked: int


@dataclass(frozen=True)
class Listed:
    """The source listed all that it has: batches of other addresses are gone there, and are retracted.

    Attributes:
        urls: the addresses, without credentials.
    """

    urls: frozenset[str]


@dataclass(frozen=True)
class Warned:
    """What a person should know about the source, although it was collected. Shown by the run and by ``ls sources``.

    Attributes:
        fact: what was found.
        cause: why it matters.
        remedy: what to do, or the next command.
    """

    fact: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.fact}: {self.cause}; next: {self.remedy}"


Item = Payload | Unchanged | Refused | NotPublished | CircuitOpen | Listed | Warned
"""An item that a collector gives."""


class Collector(ABC):
    """Collects from one kind of source. A subclass is one file, with an instance of it in ``COLLECTOR``.

    Attributes:
        name: the name in ``from:``, e.g. ``http``; that of its module, or of the entry point of another distribution.
        version: raise it when a change gives other payloads for the same source.
        declaration: the model of ``collect:``.
        example: a dataset, in YAML, for the documentation.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    declaration: ClassVar[type[Source]]
    example: ClassVar[str]

    @abstractmethod
    def collect(self, request: Request) -> Iterator[Item]:
        """Yield payloads one by one, oldest first; each is landed before the next is requested.

        Raises:
            CollectError: the source cannot be read. Payloads yielded earlier stay landed.
        """

    def shown_cursor(self, cursor: str) -> str | None:
        """The value of a cursor for display, without other state that the collector keeps in it."""
        return cursor

    def check_cursor(self, value: str, dataset: Dataset, cursor: str | None) -> None:  # noqa: ARG002
        """Check that the cursor of a dataset can be set to a value, before :attr:`Request.reset` gives it to
        :meth:`collect`.

        Args:
            cursor: the cursor so far; None if no batch has one.

        Raises:
            CollectError: the collector has no cursors, or the value cannot be one.
        """
        raise CollectError(
            f"the cursor of {dataset.name} cannot be set",
            cause=f"collections from {self.name} do not continue from a value: each asks for everything",
            remedy=f"vertebra collect {dataset.name}",
        )

    @property
    def label(self) -> str:
        """Name and version, for receipts: ``files/1``."""
        return f"{self.name}/{self.version}"
