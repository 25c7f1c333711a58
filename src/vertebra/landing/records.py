"""A payload's records as text: ``records.parquet``, written in row groups so that memory is bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.errors import CollectError
from vertebra.lake.batches import RECORD_COLUMN, RECORDS_PER_BATCH
from vertebra.landing.formats.avro import read_avro
from vertebra.landing.formats.csv import read_csv
from vertebra.landing.formats.json import read_json, read_json_lines
from vertebra.landing.formats.parquet import read_parquet
from vertebra.landing.formats.records import Reader, Reading
from vertebra.landing.payload import Limits, damaged, parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vertebra.declare.dataset import Dataset

FORMATS: Final[Mapping[str, Reader]] = {
    "avro": read_avro,
    "csv": read_csv,
    "json": read_json,
    "jsonl": read_json_lines,
    "parquet": read_parquet,
}

_PARSER: Final = 1
"""Raised when the same payload and declaration come to give other records, so that batches are parsed again."""

_GROUP_ROWS: Final = 1 << 17
_GROUP_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class Written:
    """What was written to ``records.parquet``."""

    records: int
    columns: tuple[str, ...]


def parse_declaration(dataset: Dataset) -> dict[str, Any]:
    """All of a declaration that a batch's records depend on, as a receipt records it.

    What means NULL is not part of it: the landing zone keeps every text as it is.
    """
    declared = dataset.parse.model_dump(mode="json", exclude={"null"})
    return {"parser": _PARSER, "member": dataset.collect.member, **declared}


def write_records(
    payload: Path, name: str, digest: str, dataset: Dataset, target: Path, scratch: Path, limits: Limits | None = None
) -> Written:
    """Parse a payload into ``records.parquet``: ``_record`` (BIGINT, from 0) and every cell as text.

    Args:
        payload: the raw bytes.
        name: what to call the payload in messages.
        digest: sha256 of the payload.
        target: file to write.
        scratch: an empty folder for intermediate files.

    Raises:
        CollectError: the payload cannot be parsed as declared; nothing that was written counts.
        OSError: the file cannot be written.
    """
    try:
        streams = parts(payload, name, dataset.collect.member, limits)
        records = FORMATS[dataset.parse.format](streams, Reading(dataset.parse, scratch, digest))
        with _Writer(target, records.columns) as writer:
            for batch in records.batches:
                writer.add(batch)
            writer.flush()
    except CollectError:
        raise
    except Exception as error:
        if not damaged(error):
            raise
        raise CollectError(
            f"{name} is damaged or cut off",
            cause=str(error) or type(error).__name__,
            remedy="collect it again; if it stays so, ask the source",
        ) from error
    return Written(writer.records, records.columns)


class _Writer:
    """Gathers batches into row groups and numbers the records."""

    def __init__(self, target: Path, columns: tuple[str, ...]) -> None:
        self.records = 0
        self._schema = pa.schema(
            [pa.field(RECORD_COLUMN, pa.int64(), nullable=False), *(pa.field(name, pa.string()) for name in columns)]
        )
        self._file = pq.ParquetWriter(
            target, self._schema, compression="zstd", write_statistics=[RECORD_COLUMN], store_schema=False
        )
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self.flush()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def flush(self) -> None:
        if not self._rows:
            return
        if self.records + self._rows > RECORDS_PER_BATCH:
            raise CollectError(
                f"the payload has more than {RECORDS_PER_BATCH:,} records",
                cause="a row id keeps ten digits for the record",
                remedy="collect it in several files",
            )
        held = pa.Table.from_batches(self._held)
        ordinals = pa.array(np.arange(self.records, self.records + self._rows, dtype=np.int64))
        columns = [ordinals, *(column.cast(pa.string()) for column in held.columns)]
        self._file.write_table(pa.table(columns, schema=self._schema), row_group_size=self._rows)
        self.records += self._rows
        self._held, self._rows, self._bytes = [], 0, 0
