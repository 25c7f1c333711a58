"""Where and how a collection runs: the same for every dataset of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vertebra.declare.redaction import Redaction
from vertebra.governance.context import Progress, silent
from vertebra.landing.port import Transfer, Window, ignore_transfer
from vertebra.landing.web.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

DEFAULT_SCHEMES: Final = frozenset({"file"})
"""URL schemes that ``from: files`` may read unless the project allows more."""


@dataclass(frozen=True)
class CollectionContext:
    """Everything that a collection needs besides the dataset.

    Attributes:
        project_root: folder that relative paths start from.
        lake: where batches are landed; the caller holds its lease.
        ledgers: where batches and columns are recorded.
        run_id: the run that collects.
        now: the start of the run, UTC.
        schemes: URL schemes that the project allows.
        secrets: values of the environment variables that declarations refer to, by name. Records and messages show the
            references instead.
        progress: called with messages for people.
        transferred: called with the bytes received so far.
        window: the periods to collect; all that are due if None.
        network: clock, random numbers and rate limits for requests to the web.
    """

    project_root: Path
    lake: Lake
    ledgers: Ledgers
    run_id: str
    now: datetime
    schemes: Collection[str] = DEFAULT_SCHEMES
    secrets: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = silent
    transferred: Callable[[Transfer], None] = ignore_transfer
    window: Window | None = None
    network: Network = field(default_factory=Network)

    def redact(self, text: str) -> str:
        """Replace the secrets in a text by references."""
        return Redaction(self.secrets)(text)
