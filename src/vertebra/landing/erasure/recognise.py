"""Recognises records of forgotten keys: by their texts, and without an engine."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from vertebra.governance.cell_texts import cell_names, is_joined, joined_text
from vertebra.governance.drift import sources_in
from vertebra.lake.batches import RAGGED_COLUMN, RAGGED_NOTES, RECORD_COLUMN
from vertebra.lake.erasure import joined_key, key_hash
from vertebra.landing.erasure.rewrite import options_of
from vertebra.landing.parsing.csv_dialect import CsvOptions, csv_options
from vertebra.landing.parsing.fixed_width_layout import FixedWidthOptions, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.parse import ParseOptions
    from vertebra.governance.forgotten import Tombstones
    from vertebra.lake.batches import Batch, Receipt


def forgotten_again(records: Path, receipt: Receipt, dataset: Dataset, known: Tombstones) -> dict[str, list[int]]:
    """The records with a forgotten key, by erasure; ordinals rise.

    A key is recognised in the ways in which it was written when it was forgotten, with or without spaces around it.

    Args:
        records: ``records.parquet`` of a new batch.
    """
    found: dict[str, list[int]] = {}
    taken: set[int] = set()
    for columns in dict.fromkeys(one.columns for one in known.keys):
        erasures = {digest: one.erasure for one in known.keys if one.columns == columns for digest in one.hashes}
        for ordinal, joined in key_texts(records, receipt, dataset, columns):
            erasure = erasures.get(key_hash(known.secret, joined))
            if erasure is not None and ordinal not in taken:
                taken.add(ordinal)
                found.setdefault(erasure, []).append(ordinal)
    return {erasure: sorted(ordinals) for erasure, ordinals in found.items()}


def key_texts(records: Path, receipt: Receipt, dataset: Dataset, columns: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The ordinal of each record and its texts in some columns, joined; nothing if the batch lacks one of them."""
    import pyarrow.parquet as pq

    sources = sources_in(dataset, receipt.columns, receipt.text.get("renamed"))
    wanted = [cell_names(sources.get(name)) for name in columns]
    if not all(wanted):
        return
    flat = [cell for cells in wanted for cell in cells]

    def joined(texts: Sequence[str | None]) -> str:
        """The key of a record, from the texts of all its cells."""
        left = iter(texts)
        own = [[next(left) for _ in cells] for cells in wanted]
        return joined_key(
            [
                joined_text(dataset, name, sources[name], mine) if is_joined(dataset.columns[name]) else mine[0]
                for name, mine in zip(columns, own, strict=True)
            ]
        )

    opened = pq.ParquetFile(records)
    ragged = RAGGED_COLUMN in opened.schema_arrow.names
    names = [RECORD_COLUMN, *dict.fromkeys(flat), *([RAGGED_COLUMN] if ragged else [])]
    for batch in opened.iter_batches(columns=names):
        cells = [batch.column(name).to_pylist() for name in flat]
        ordinals = batch.column(RECORD_COLUMN).to_pylist()
        yield from zip(ordinals, map(joined, zip(*cells, strict=True)), strict=True)
        if ragged:
            places = [receipt.columns.index(name) for name in flat]
            yield from ((at, joined(texts)) for at, texts in _ragged_texts(batch, receipt, dataset, places))


def ragged_matches(batch: Batch, dataset: Dataset, key: Mapping[str, str]) -> list[int]:
    """The records without a row, such as ragged ones, that have the texts of a key in the places of its columns."""
    text = batch.receipt.text
    if not any(map(text.get, RAGGED_NOTES)) or batch.receipt.freed_at is not None:
        return []
    texts = key_texts(batch.records, batch.receipt, dataset, list(key))
    wanted = joined_key(list(key.values()))
    return sorted({ordinal for ordinal, joined in texts if joined == wanted} - set(batch.receipt.forgotten_records))


def record_texts(records: Path, ordinals: Sequence[int]) -> list[str]:
    """The different texts in the cells of some records."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: dict[str, None] = {}
    wanted = pa.array(ordinals, pa.int64())
    for batch in pq.ParquetFile(records).iter_batches():
        mine = batch.filter(pc.is_in(batch.column(RECORD_COLUMN), value_set=wanted))
        for name in mine.schema.names:
            if name != RECORD_COLUMN and mine.num_rows:
                found |= dict.fromkeys(text for text in mine.column(name).to_pylist() if text)
    return list(found)


def _ragged_texts(
    batch: pa.RecordBatch, receipt: Receipt, dataset: Dataset, places: Sequence[int]
) -> Iterator[tuple[int, list[str]]]:
    """The texts of ragged records in the places of the columns; few records are ragged."""
    parse = options_of(receipt.parse, dataset)
    import pyarrow.compute as pc

    mine = batch.filter(pc.is_valid(batch.column(RAGGED_COLUMN)))
    texts = mine.column(RAGGED_COLUMN).to_pylist()
    for ordinal, text in zip(mine.column(RECORD_COLUMN).to_pylist(), texts, strict=True):
        cells = _cells(text, parse, receipt)
        if max(places) < len(cells):
            yield ordinal, [cells[place] for place in places]


def _cells(text: str, parse: ParseOptions, receipt: Receipt) -> list[str]:
    """The cells of a ragged record; none if it cannot be cut into cells."""
    if isinstance(parse, CsvOptions):
        options: dict[str, Any] = csv_options(parse, receipt.text.get("delimiter") or ",")
        try:
            return next(csv.reader(io.StringIO(text, newline=""), **options), [])
        except csv.Error:
            return []
    if isinstance(parse, FixedWidthOptions):
        spans = [Span.parse(place) for place in receipt.text.get("positions", ())]
        return [text[span.start : span.stop].strip(" ") for span in spans]
    return []
