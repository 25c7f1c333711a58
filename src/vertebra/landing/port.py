"""The port to data sources: what Vertebra asks of a data collector, whatever it collects from.

A collector fetches; landing decides. A collector knows how a source answers and gives payloads one by one, each as a
file with where it came from. Whether a payload is new, complete and parsable, and how it becomes a batch, is the same
for all sources and is done in :mod:`vertebra.landing.collect`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.context import Progress
    from vertebra.lake.batches import Receipt


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
    """

    dataset: Dataset
    project_root: Path
    landed: Sequence[Receipt]
    staging: Path
    now: datetime
    schemes: Collection[str]
    progress: Progress

    @property
    def last(self) -> Receipt | None:
        """Receipt of the newest batch."""
        return self.landed[-1] if self.landed else None

    @property
    def cursor(self) -> str | None:
        """The newest cursor a batch was landed with: where an incremental source goes on."""
        cursors = (receipt.cursor for receipt in reversed(self.landed))
        return next((cursor for cursor in cursors if cursor is not None), None)

    def last_from(self, url: str) -> Receipt | None:
        """Receipt of the newest batch that came from a URL."""
        return next((receipt for receipt in reversed(self.landed) if receipt.url == url), None)


@dataclass(frozen=True)
class Payload:
    """Raw bytes as a source gave them, in a local file.

    Attributes:
        file: where the bytes are.
        url: where they came from, without credentials; stable from one collection to the next.
        period: the period they cover, for periodic sources, e.g. ``2013-01``.
        headers: what the source said of them and is worth keeping, e.g. ``ETag``; no secrets.
        cursor: where an incremental source goes on after this payload; committed with the batch.
    """

    file: Path
    url: str
    period: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None


@dataclass(frozen=True)
class Unchanged:
    """A source said, without sending its bytes, that they are those of the last batch from the URL."""

    url: str


class Collector(Protocol):
    """Collects from one kind of source."""

    @property
    def version(self) -> str:
        """Kind and version, for receipts: ``files/1``."""
        ...

    def collect(self, request: Request) -> Iterator[Payload | Unchanged]:
        """Give payloads one by one, oldest first; each is landed before the next is asked for.

        Raises:
            CollectError: the source cannot be read. Payloads given before stay landed.
        """
        ...
