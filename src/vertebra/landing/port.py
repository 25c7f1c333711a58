"""The port to data sources: what Vertebra asks of a data collector, whatever it collects from.

A collector fetches; landing decides. A collector knows how a source answers and gives payloads one by one, each as a
file with where it came from. Whether a payload is new, complete and parsable, and how it becomes a batch, is the same
for all sources and is done in :mod:`vertebra.landing.collect`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from vertebra.lake.batches import newest_cursor
from vertebra.landing.web.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.source import Source
    from vertebra.errors import CollectError
    from vertebra.governance.context import Progress
    from vertebra.lake.batches import Receipt

    Declared = TypeVar("Declared", bound=Source)


@dataclass(frozen=True)
class Transfer:
    """Bytes that came so far of one answer; for progress bars.

    Attributes:
        url: what is transferred, without credentials.
        done: bytes that came.
        total: bytes of the whole, where the source says so.
    """

    url: str
    done: int
    total: int | None = None


def ignore_transfer(transfer: Transfer) -> None:
    """Watch no transfer."""


@dataclass(frozen=True)
class Window:
    """The periods that a collection is limited to, for filling in what is past.

    Attributes:
        first: name of the first period, e.g. ``2013-01``.
        last: name of the last one.
        again: whether periods that are landed are asked for again.
    """

    first: str
    last: str
    again: bool = False


@dataclass(frozen=True)
class Request:
    """What a collector is given.

    Attributes:
        dataset: the declaration.
        project_root: folder that relative paths start from.
        landed: receipts of the batches landed so far, oldest first.
        staging: an empty folder of the landing zone for what is downloaded; removed after the collection. A payload
            that lies there is moved into its batch, any other is copied.
        now: the collection's start, UTC.
        schemes: URL schemes the project allows.
        progress: told what goes on.
        transferred: told of bytes as they come.
        window: the periods to collect; all that are due without one.
        network: how the web is asked.
        resume_after: address after which the last collection left the source alone, without secrets.
        redact: takes secrets out of a text: receipts and notes have addresses without them.
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
    redact: Callable[[str], str] = str

    def declared(self, kind: type[Declared]) -> Declared:
        """``collect:`` of the dataset, as the kind of source that the collector is for."""
        collect = self.dataset.collect
        if not isinstance(collect, kind):
            raise TypeError(f"{self.dataset.name} is collected from {collect.kind}, not {kind.__name__.lower()}")
        return collect

    @property
    def last(self) -> Receipt | None:
        """Receipt of the newest batch."""
        return self.landed[-1] if self.landed else None

    @property
    def cursor(self) -> str | None:
        """The newest cursor a batch was landed with: where an incremental source goes on."""
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
        file: where the bytes are.
        url: where they came from, without credentials; stable from one collection to the next.
        period: the period they cover, for periodic sources, e.g. ``2013-01``.
        headers: what the source said of them and is worth keeping, e.g. ``ETag``; no secrets.
        cursor: where an incremental source goes on after this payload; committed with the batch.
        part: which part of the source they are, where it is asked for several, e.g. ``station=JFK``.
        name: file name whose ending says the form; the end of ``url`` unless given.
        records: number of records the source said they have; a payload with another number is refused.
        content: hash of what matters in them, where the same data comes in other bytes each time; two payloads are the
            same when their hashes are.
    """

    file: Path
    url: str
    period: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None
    part: str | None = None
    name: str | None = None
    records: int | None = None
    content: str | None = None


@dataclass(frozen=True)
class Unchanged:
    """A source said, without sending its bytes, that they are those of the last batch from the URL."""

    url: str


@dataclass(frozen=True)
class Refused:
    """A source answered something that is no data, or nothing; the collector goes on with what else there is.

    Attributes:
        url: what was asked for, without credentials.
        error: what is wrong with the answer.
        file: the answer, in the staging folder; None when there is nothing to look at.
        period, part: what was asked for, as of a payload.
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
    """A source answered wrongly so often that it is asked nothing more; the next collection goes on from there.

    Attributes:
        url: what was asked last, without credentials.
        not_asked: number of addresses that were not asked.
    """

    url: str
    not_asked: int


Item = Payload | Unchanged | Refused | NotPublished | CircuitOpen
"""What a collector gives."""


class Collector(ABC):
    """Collects from one kind of source. A subclass is one file, with an instance of it in ``COLLECTOR``.

    Attributes:
        name: the name in ``from:``, e.g. ``http``; that of its module, or of the entry point of another distribution.
        version: rises when the same source comes to give other payloads.
        declaration: the model of ``collect:``.
        example: a dataset, in YAML, for the documentation.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    declaration: ClassVar[type[Source]]
    example: ClassVar[str]

    @abstractmethod
    def collect(self, request: Request) -> Iterator[Item]:
        """Give payloads one by one, oldest first; each is landed before the next is asked for.

        Raises:
            CollectError: the source cannot be read. Payloads given before stay landed.
        """

    def shown_cursor(self, cursor: str) -> str | None:
        """The value of a cursor as people read it, without what else the collector keeps in it."""
        return cursor

    @property
    def label(self) -> str:
        """Name and version, for receipts: ``files/1``."""
        return f"{self.name}/{self.version}"
