"""Discovering rules in any data, without a project: ``vertebra.discover`` and ``vertebra discover --data``."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vertebra.declare.dataset import Column, Dataset
from vertebra.engine import running
from vertebra.external_data.open import open_data
from vertebra.external_data.source import SourceLayout
from vertebra.external_data.staging import StagedTable, checked_types, stage
from vertebra.governance.context import Progress, silent
from vertebra.workspace.check_data import name_of

if TYPE_CHECKING:
    from vertebra.engine.port import Engine
    from vertebra.trusted.discover import Proposal


def discover_data(
    data: Any,
    name: str = "",
    *,
    limit: int = 20,
    sample: int = 4_000,
    kinds: Collection[str] = (),
    types: Mapping[str, str] | None = None,
    null: Sequence[str] = (),
    delimiter: str | None = None,
    engine: str | Engine = "sail",
    progress: Progress = silent,
    columns: Collection[str] = (),
) -> list[Proposal]:
    """Propose rules that data satisfy, exactly or with few exceptions.

    Args:
        data: a path of CSV, JSON lines, Parquet, Avro or Excel files or zip archives of them, with wildcards or not;
            a Delta table's folder; a pyarrow Table, a pandas or Polars DataFrame.
        name: the name of the table in the rules; by default that of the file.
        limit: how many rules at most.
        sample: how many rows are searched for candidates.
        kinds: the kinds of rules to look for; all by default.
        types: types of columns, instead of the detected ones.
        null: texts of CSV files that mean NULL, besides the empty cell without quotes.
        delimiter: of CSV files; by default detected.
        engine: ``sail``, ``sc://host:port``, or an engine that is running.
        progress: receives what is being done.
        columns: propose only rules about these columns; all by default.

    Raises:
        ProposalError: there is no such column, or more than 100.
        CollectError: the data cannot be read.

    Example:
        >>> found = vertebra.discover(folder / "data/orders.csv", kinds=["key"], null=["n/a"])
        >>> [(one.name, one.sentence) for one in found]
        [('order_id_key', 'No two rows have the same order_id: true of all 10 rows.')]
    """
    from vertebra.trusted.discover import KINDS, Subject, discover

    reading = SourceLayout(checked_types(dict(types or {})), tuple(null), False, delimiter)
    given = open_data(data, reading)
    table = name or name_of(data)

    def discovered() -> list[Proposal]:
        with tempfile.TemporaryDirectory(prefix="vertebra-discover-", ignore_cleanup_errors=True) as folder:
            place, scratch = Path(folder) / "data", Path(folder) / "scratch"
            place.mkdir()
            scratch.mkdir()
            staged = stage(table, given, given.columns, reading, place, progress)
            dataset = _dataset(staged)
            subject = Subject(dataset, {table: dataset}, {table: staged.frame(chosen)}, chosen, scratch)
            return discover(subject, limit, sample, kinds or KINDS, progress=progress, columns=columns)

    with running(engine) as chosen:
        return chosen.attempt(discovered, progress)


def _dataset(staged: StagedTable) -> Dataset:
    """A declaration for data without a project: it has their columns, whose names may be any text."""
    columns = {name: Column(type=kind or "string") for name, kind in staged.types.items()}
    return Dataset.model_construct(name=staged.name, columns=columns, key=(), rules={})
