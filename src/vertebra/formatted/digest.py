"""Digests of the parts of a declaration that affect how text becomes a table."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.column_format import FORMATTING_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Column, Dataset
    from vertebra.lake.batches import Batch

VERSION: Final = 5
"""The version of the formatted step. Raise it when the same records and declaration come to give another table, other
rejects or other drift: all formatted tables are then written again. See "Raise a version" in ``CONTRIBUTING.md``."""


def formatting_digest(dataset: Dataset, landed: Sequence[Batch]) -> str:
    """A hash of everything that affects the table of these batches: the declaration, and how they were parsed.

    Records are parsed again from the bytes when a parse declaration changes; their batches keep their numbers.
    """
    parsed = sorted({json.dumps(batch.receipt.parse, sort_keys=True) for batch in landed})
    return hashlib.sha256("\n".join([declaration_digest(dataset), *parsed]).encode()).hexdigest()


def declaration_digest(dataset: Dataset) -> str:
    """A hash of only those parts of a dataset's declaration that affect formatting.

    A change of rules, descriptions, documented units or tags does not format the table again.
    """
    what: dict[str, Any] = {
        "formatting": VERSION,
        "source": dataset.source,
        "null": sorted(dataset.parse.null),
        "trim": dataset.parse.trim,
        "load": dataset.load,
        "key": dataset.key if dataset.load == "upsert" else (),
        "version": dataset.version,
        "drift": dataset.drift.model_dump(),
        # a list, because the table has the columns in this order
        "columns": [[name, _column(name, column)] for name, column in dataset.columns.items()],
    }
    if not dataset.deleted.kept:
        what["deleted"] = dataset.deleted.model_dump()
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _column(name: str, column: Column) -> dict[str, Any]:
    declared = column.model_dump(mode="json", include=set(FORMATTING_FIELDS - {"source"}))
    if column.unit_from is not None:
        declared["unit"] = column.unit
    return declared | {"sources": column.sources(name) if column.is_received else column.cells(name)}
