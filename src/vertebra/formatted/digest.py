"""Whether a declaration formats the same text to the same table as another."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Column, Dataset
    from vertebra.lake.batches import Batch

FORMATTING: Final = 1
"""Rises when the same declaration comes to format the same text differently, so that tables are formatted again."""

_OF_FORMATTING: Final = (
    "type", "convert", "format", "zone", "null", "decimal", "thousands", "true_values", "false_values",
)  # fmt: skip


def formatting_digest(dataset: Dataset, landed: Sequence[Batch]) -> str:
    """A hash of all that decides how these batches become a table: the declaration, and how their records were parsed.

    Records are parsed again from the bytes when a parse declaration changes; their batches keep their numbers.
    """
    parsed = sorted({json.dumps(batch.receipt.parse, sort_keys=True) for batch in landed})
    return hashlib.sha256("\n".join([declaration_digest(dataset), *parsed]).encode()).hexdigest()


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
