"""Whether a declaration formats the same text to the same table as another."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vertebra.declare.dataset import Column, Dataset

FORMATTING: Final = 1
"""Rises when the same declaration comes to format the same text differently, so that tables are formatted again."""

_OF_FORMATTING: Final = (
    "type", "convert", "format", "zone", "null", "decimal", "thousands", "true_values", "false_values",
)  # fmt: skip


def declaration_digest(dataset: Dataset) -> str:
    """A hash of all that a dataset's declaration says about formatting, and of nothing else.

    Rules, descriptions, documented units and tags may change without the table being formatted again.
    """
    what: dict[str, Any] = {
        "formatting": FORMATTING,
        "source": dataset.source,
        "null": sorted(dataset.parse.null),
        "load": dataset.load,
        "key": dataset.key if dataset.load == "upsert" else (),
        "drift": dataset.drift.model_dump(),
        # a list, as the order of the columns is theirs in the table
        "columns": [[name, _column(name, column)] for name, column in dataset.columns.items()],
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _column(name: str, column: Column) -> dict[str, Any]:
    said = column.model_dump(mode="json", include=set(_OF_FORMATTING))
    return said | {"sources": column.sources(name)}
