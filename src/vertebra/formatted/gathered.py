"""The text of many small batches as few files: an engine plans and opens each file that it reads, which takes longer
than reading a small one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq

from vertebra.governance.cell_texts import cell_names, is_joined, joined_arrays
from vertebra.lake.batches import RECORD_COLUMN, RECORDS_PER_BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.formatted.drift import Match

SMALL: Final = 1 << 20
"""Bytes of the records of a batch that is gathered with others."""

_GROUP_BYTES: Final = 32 << 20
_FILE_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Gathered:
    """The text of small batches in one file.

    Attributes:
        file: ``_rid`` and the text of each declared column, named ``_0``, ``_1``, … in the order of the declaration.
        columns: number of declared columns.
    """

    file: Path
    columns: int

    @property
    def schema(self) -> pa.Schema:
        """Of the file."""
        return _schema(self.columns)


def gather(matches: Sequence[Match], dataset: Dataset, folder: Path) -> list[Match | Gathered]:
    """Write the text of small batches to files, each with that of many.

    Args:
        matches: batches, and the columns that each declared column is read from; all with the same declared columns.
        dataset: the declaration, with all of these columns.
        folder: receives the files.

    Returns:
        The files and the batches that are not small, in the order of the batches.
    """
    units: list[Match | Gathered] = []
    small: list[Match] = []
    size = 0
    for match in matches:
        freed = match.batch.receipt.freed_at is not None  # it has no records, and does not count
        records = 0 if freed else match.batch.records.stat().st_size
        if freed or records >= SMALL:
            units += [*_written(small, dataset, folder, len(units)), match]
            small, size = [], 0
            continue
        if size + records > _FILE_BYTES:
            units += _written(small, dataset, folder, len(units))
            small, size = [], 0
        small.append(match)
        size += records
    return [*units, *_written(small, dataset, folder, len(units))]


def _written(matches: Sequence[Match], dataset: Dataset, folder: Path, number: int) -> Sequence[Match | Gathered]:
    if len(matches) < 2:
        return matches
    folder.mkdir(parents=True, exist_ok=True)
    found = Gathered(folder / f"{number:05d}.parquet", len(matches[0].sources))
    with pq.ParquetWriter(found.file, found.schema) as writer:
        for table in _grouped(_text(match, dataset, found.schema) for match in matches):
            writer.write_table(table)
    return [found]


def _text(match: Match, dataset: Dataset, schema: pa.Schema) -> pa.Table:
    """The text of a batch, in the order of the declared columns."""
    wanted = list(dict.fromkeys(cell for source in match.sources.values() for cell in cell_names(source)))
    with pq.ParquetFile(match.batch.records) as file:
        # a name with a dot may be taken for a prefix, so that more is read than was asked for
        read = file.read(columns=[RECORD_COLUMN, *wanted], use_threads=False)
    rows = read.num_rows
    rid = compute.add(read.column(RECORD_COLUMN), match.batch.number * RECORDS_PER_BATCH)
    columns = []
    for name, source in match.sources.items():
        cells = [read.column(cell) for cell in cell_names(source)]
        if source is None:
            columns.append(pa.nulls(rows, pa.string()))
        elif is_joined(dataset.columns[name]):
            columns.append(joined_arrays(dataset, name, source, cells))
        else:
            columns.append(cells[0])
    return pa.table([rid, *columns], schema=schema)


def _grouped(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Tables joined to larger ones, each of which becomes a row group."""
    held: list[pa.Table] = []
    size = 0
    for table in tables:
        held.append(table)
        size += table.nbytes
        if size >= _GROUP_BYTES:
            yield pa.concat_tables(held).combine_chunks()
            held, size = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _schema(columns: int) -> pa.Schema:
    return pa.schema([("_rid", pa.int64()), *((f"_{place}", pa.string()) for place in range(columns))])
