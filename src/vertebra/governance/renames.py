"""Guesses which columns were renamed, by names and values. A guess is only a suggestion."""

from __future__ import annotations

import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from vertebra.declare.yaml_flow import plain_or_quoted
from vertebra.formatting import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.lake.batches import Batch

_ALIKE: Final = 0.75
_SHARED: Final = 0.5
_LEAST_VALUES: Final = 3
_RECORDS: Final = 20_000


def look_alike(
    dataset: Dataset, missing: Iterable[str], extra: Sequence[str], batch: Batch, before: Batch | None
) -> dict[str, str]:
    """The undeclared column that each missing column probably became.

    Names are compared first, without case, accents, spaces and punctuation; they must be equal or nearly equal. Then
    values are compared: a column matches if it shares most of its values with the missing column of the batch before.
    No column matches twice.

    Args:
        missing: declared columns that the batch does not have.
        extra: columns of the batch that are not declared.
        before: the batch before it, None for the first.
    """
    free, found = list(extra), {}
    for name in (wanted := list(missing)):
        other = like_named(dataset.columns[name].sources(name), free)
        if other is not None:
            found[name] = other
            free.remove(other)
    for name in wanted:
        if name in found or before is None or not free:
            continue
        had = next((one for one in dataset.columns[name].sources(name) if one in before.receipt.columns), None)
        other = _like_valued(before, had, batch, free) if had is not None else None
        if other is not None:
            found[name] = other
            free.remove(other)
    return found


def renamed_advice(dataset: Dataset, missing: Sequence[str], others: Sequence[str]) -> str:
    """What to declare if columns of a payload are the missing ones under other names; empty where none is alike.

    Args:
        missing: declared columns that the payload does not have.
        others: its columns that are not declared.
    """
    received = [name for name in missing if dataset.columns[name].is_received]
    alike = {name: found for name in received if (found := like_named(dataset.columns[name].sources(name), others))}
    if not alike:
        return ""
    lines = [source_line(dataset, name, found) for name, found in alike.items()]
    meant = shortened([repr(found) for found in alike.values()])
    return f"if {meant} {'is' if len(alike) == 1 else 'are'} meant, write in {dataset.declared_in}: {'; '.join(lines)}"


def source_line(dataset: Dataset, name: str, other: str) -> str:
    """A declared column with one more source, as YAML."""
    column = dataset.columns[name]
    known = ", ".join(map(plain_or_quoted, (*column.sources(name), other)))
    return f"{name}: {{type: {column.type}, source: [{known}]}}"


def like_named(sources: Sequence[str], candidates: Sequence[str]) -> str | None:
    """The candidate that equals one of the names, or nearly so, without case, accents, spaces and punctuation."""
    folded = {_folded(candidate): candidate for candidate in reversed(candidates)}
    for source in sources:
        if _folded(source) in folded:
            return folded[_folded(source)]
    near = get_close_matches(_folded(sources[0]), list(folded), n=1, cutoff=_ALIKE)
    return folded[near[0]] if near else None


def _like_valued(before: Batch, column: str, batch: Batch, candidates: Sequence[str]) -> str | None:
    values = _values(before, [column])[column]
    if len(values) < _LEAST_VALUES:
        return None
    others = _values(batch, candidates)
    shared = {name: len(values & found) / len(values | found) for name, found in others.items() if found}
    best = max(shared, key=lambda name: shared[name], default=None)
    return best if best is not None and shared[best] >= _SHARED else None


def _values(batch: Batch, columns: Sequence[str]) -> dict[str, set[str]]:
    """The distinct texts of columns in the first records of a batch."""
    import pyarrow.parquet as pq

    if not batch.records.is_file():
        return {name: set() for name in columns}
    with pq.ParquetFile(batch.records) as file:
        records = next(file.iter_batches(_RECORDS, columns=list(columns)), None)
    if records is None:
        return {name: set() for name in columns}
    return {name: set(records.column(name).unique().to_pylist()) - {None, ""} for name in columns}


def _folded(name: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", name).casefold() if char.isalnum())
