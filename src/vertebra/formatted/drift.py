"""Drift: a batch whose columns are not the declared ones."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from vertebra.errors import DriftError

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.lake.batches import Batch

_YAML_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True)
class Match:
    """How the columns of a batch meet the declared ones.

    Attributes:
        batch: the batch.
        sources: the batch's column of each declared column, None where it has none.
        extra: the batch's columns that are not declared.
    """

    batch: Batch
    sources: Mapping[str, str | None]
    extra: tuple[str, ...]


def match_columns(dataset: Dataset, batch: Batch) -> Match:
    """Find the declared columns in a batch.

    Names must be equal; a column with several sources takes the first that the batch has.

    Raises:
        DriftError: columns are missing, or there are undeclared ones, and the dataset's drift policy forbids it. The
            message suggests what to declare.
    """
    present = batch.receipt.columns
    if not present and not batch.receipt.records:
        # no rows, no columns: an empty JSON array is no drift
        return Match(batch, dict.fromkeys(dataset.columns), ())
    sources = {
        name: next((source for source in column.sources(name) if source in present), None)
        for name, column in dataset.columns.items()
    }
    used = set(sources.values())
    extra = tuple(column for column in present if column not in used)
    missing = [name for name, source in sources.items() if source is None]
    if missing and dataset.drift.missing == "fail":
        raise _missing(dataset, batch, missing, extra)
    if extra and dataset.drift.extra == "fail":
        raise _extra(dataset, batch, missing, extra)
    return Match(batch, sources, extra)


def _missing(dataset: Dataset, batch: Batch, missing: list[str], extra: tuple[str, ...]) -> DriftError:
    lines = []
    renamed = {name: found for name in missing if (found := _lookalike(dataset.columns[name].sources(name), extra))}
    for name, found in renamed.items():
        column = dataset.columns[name]
        known = ", ".join(_yaml(source) for source in (*column.sources(name), found))
        lines.append(f"{name}: {{type: {column.type}, source: [{known}]}}")
    if renamed:
        remedy = f"if {_listed(list(renamed.values()))} is meant, write in datasets/{dataset.name}.yaml: "
        remedy += "; ".join(lines)
    else:
        remedy = f"correct `columns` in datasets/{dataset.name}.yaml"
    return DriftError(
        f"batch {batch.number} has no column {_listed(missing)}",
        cause=f"the policy is `drift: {{missing: fail}}`; the batch has {_listed(batch.receipt.columns)}",
        remedy=f'{remedy}, or take it as NULL: drift: {{missing: "null"}}',
        where=f"{dataset.source}.{dataset.name}",
    )


def _extra(dataset: Dataset, batch: Batch, missing: list[str], extra: tuple[str, ...]) -> DriftError:
    new = "; ".join(
        f"{_yaml(_name(column))}: " + ("string" if _name(column) == column else f"{{source: {_yaml(column)}}}")
        for column in extra
    )
    absent = f"; it lacks {_listed(missing)}" if missing else ""
    return DriftError(
        f"batch {batch.number} has undeclared columns: {_listed(extra)}",
        cause=f"the policy is `drift: {{extra: fail}}`{absent}",
        remedy=f"write in datasets/{dataset.name}.yaml under columns: {new}, "
        "or leave them out: drift: {extra: ignore}",
        where=f"{dataset.source}.{dataset.name}",
    )


def _lookalike(sources: tuple[str, ...], candidates: tuple[str, ...]) -> str | None:
    """The candidate that is one of the names but for case, accents, spaces and punctuation, or nearly so."""
    folded = {_folded(candidate): candidate for candidate in reversed(candidates)}
    for source in sources:
        if _folded(source) in folded:
            return folded[_folded(source)]
    near = get_close_matches(_folded(sources[0]), list(folded), n=1, cutoff=0.75)
    return folded[near[0]] if near else None


def _folded(name: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", name).casefold() if char.isalnum())


def _name(column: str) -> str:
    """A valid column name made from a payload's."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", column).casefold() if not unicodedata.combining(c))
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in plain).split()
    name = "_".join(words)
    return name if name[:1].isalpha() else f"c_{name}".rstrip("_")


def _yaml(text: str) -> str:
    """Text as it is written in a YAML list, quoted where YAML would read it as something else."""
    plain = text.isascii() and text.replace("_", "").isalnum() and text[0].isalpha()
    return text if plain and text.lower() not in _YAML_WORDS else json.dumps(text, ensure_ascii=False)


def _listed(names: list[str] | tuple[str, ...], limit: int = 12) -> str:
    shown = ", ".join(repr(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
