"""Discovering rules of any data, without a project: ``vertebra discover --data``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vertebra.declare.dataset import Column, Dataset
from vertebra.engine import running
from vertebra.external_data.open import opened
from vertebra.external_data.source import SourceLayout
from vertebra.external_data.staging import StagedTable, checked_types, stage

if TYPE_CHECKING:
    from vertebra.engine.port import Engine
    from vertebra.trusted.discover import Kind, Proposal


def discover_data(
    data: Any,
    name: str,
    *,
    limit: int = 20,
    sample: int = 4_000,
    kinds: Collection[Kind] = (),
    types: Mapping[str, str] | None = None,
    null: Sequence[str] = (),
    delimiter: str | None = None,
    engine: str | Engine = "sail",
    tell: Callable[[str], None] = lambda _: None,
) -> list[Proposal]:
    """Propose rules for data.

    Args:
        data: a path of CSV, JSON lines or Parquet files, with wildcards or not; a Delta table's folder; a pyarrow
            Table, a pandas or Polars frame.
        name: what the rules call it.
        limit: how many rules at most.
        sample: rows that candidates are sought in.
        kinds: what to look for; empty looks for everything.
        types: types of columns, in place of what their cells look like.
        null: texts of CSV files that mean NULL, besides the empty cell.
        delimiter: of CSV files; else found in the header.
        engine: ``sail``, ``sc://host:port``, or an engine that is running.
        tell: hears what is being done.

    Raises:
        CollectError: the data cannot be read.
    """
    from vertebra.trusted.discover import KINDS, Subject, discover

    reading = SourceLayout(checked_types(dict(types or {})), tuple(null), False, delimiter)
    given = opened(data, reading)

    def discovered() -> list[Proposal]:
        with tempfile.TemporaryDirectory(prefix="vertebra-discover-", ignore_cleanup_errors=True) as folder:
            place, scratch = Path(folder) / "data", Path(folder) / "scratch"
            place.mkdir()
            scratch.mkdir()
            staged = stage(name, given, given.columns, reading, place, tell)
            dataset = _dataset(staged)
            subject = Subject(dataset, {name: dataset}, {name: staged.frame(chosen)}, chosen, scratch)
            return discover(subject, limit, sample, kinds or KINDS, progress=tell)

    with running(engine) as chosen:
        return chosen.attempt(discovered, tell)


def _dataset(staged: StagedTable) -> Dataset:
    """The declaration that data without a project have: their columns; names may be any text."""
    columns = {name: Column(type=kind or "string") for name, kind in staged.types.items()}
    return Dataset.model_construct(name=staged.name, columns=columns, key=(), rules={})
