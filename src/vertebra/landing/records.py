"""Writes a payload's records as text to ``records.parquet``, in row groups so that memory is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.errors import CollectError
from vertebra.lake.batches import RAGGED_COLUMN, RAGGED_REASON_COLUMN, RECORD_COLUMN, RECORDS_PER_BATCH
from vertebra.landing.parsing.column_origins import Provenance, declared_origins
from vertebra.landing.parsing.format import format_named
from vertebra.landing.parsing.json_paths import declared_paths
from vertebra.landing.parsing.records import RaggedRecordError, ReadContext, Records
from vertebra.landing.parsing.value_kinds import KindCounter, is_repetitive
from vertebra.landing.payload import SizeLimits, is_damage, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.landing.payload import PayloadPart

_DISTINCT: Final = pa.dictionary(pa.int32(), pa.string())
_GROUP_ROWS: Final = 1 << 17
_GROUP_BYTES: Final = 16 << 20

SMALL: Final = 1 << 20
"""Bytes of a payload that is parsed and written without threads, and made durable together with others."""


@dataclass(frozen=True)
class RecordsSummary:
    """Facts about a ``records.parquet`` that was written.

    Attributes:
        records: their number.
        columns: names, unique.
        text: facts about the payload's text, as a receipt has them.
        profiles: for each column, number of cells by kind of value, as in a receipt.
    """

    records: int
    columns: tuple[str, ...]
    text: Mapping[str, Any]
    profiles: Mapping[str, Mapping[str, Any]]


def write_records(
    payload: Path,
    name: str,
    digest: str,
    dataset: Dataset,
    target: Path,
    scratch: Path,
    limits: SizeLimits | None = None,
    gaps: Sequence[int] = (),
    guessed: tuple[str, ...] = (),
    provenance: Provenance | None = None,
    *,
    empty: bool = False,
) -> RecordsSummary:
    """Parse a payload into ``records.parquet``: ``_record`` (BIGINT, from 0) and every cell as text.

    If there are records whose cells cannot be assigned to columns, such as one with too few cells, ``_ragged`` (STRING)
    has their text and ``_ragged_reason`` (STRING) the reason, NULL for the number of cells; both are NULL in others.

    Args:
        payload: the raw bytes.
        name: name of the payload in messages.
        digest: sha256 of the payload.
        target: file to write.
        scratch: a folder for intermediate files, made when it is needed.
        gaps: ordinals, rising, that no record gets, because the records that had them were forgotten.
        guessed: encodings that were guessed when the payload was parsed before; they are kept unless one is declared.
        provenance: where the payload came from, for columns whose values are not in the records.
        empty: whether to accept a payload without records, as ``collect: {empty: accept}`` does.

    Raises:
        CollectError: the payload cannot be parsed as declared; ignore what was written.
        OSError: the file cannot be written.
    """
    context = ReadContext(dataset.parse, scratch, digest, empty or dataset.collect.empty == "accept")
    context = replace(context, paths=declared_paths(dataset), guessed=guessed)
    context = replace(context, origins=declared_origins(dataset), provenance=provenance or Provenance(name))
    return write_parsed(payload, name, dataset.collect.member, context, target, limits, gaps)


def write_parsed(
    payload: Path,
    name: str,
    member: str,
    context: ReadContext,
    target: Path,
    limits: SizeLimits | None = None,
    gaps: Sequence[int] = (),
) -> RecordsSummary:
    """Parse a payload as a context says; see :func:`write_records`.

    Args:
        member: pattern for the members of a zip archive to read.
        context: how to read it; whether it is small is found out here.
    """
    try:
        streams = parts(payload, name, member, limits)
        small = payload.stat().st_size < SMALL and all(part.plain is not None for part in streams)
        context = replace(context, small=small)
        try:
            return _parse_and_write(streams, name, context, target, gaps, small=small)
        except RaggedRecordError:
            # such records are rare, and payloads without them are read faster
            return _parse_and_write(streams, name, replace(context, ragged=True), target, gaps, small=small)
    except CollectError:
        raise
    except Exception as error:
        if not is_damage(error):
            raise
        raise CollectError(
            f"{name} is damaged or cut off",
            cause=str(error) or type(error).__name__,
            remedy="collect it again; if it happens again, ask the source",
        ) from error


def _parse_and_write(
    streams: Sequence[PayloadPart], name: str, context: ReadContext, target: Path, gaps: Sequence[int], *, small: bool
) -> RecordsSummary:
    records = format_named(context.options.format).read(streams, context)
    if context.origins:
        from vertebra.landing.parsing.origin_texts import with_origins

        records = with_origins(records, streams, name, context)
    with _Writer(target, records, gaps, small=small) as writer:
        for batch in records.batches:
            writer.add(batch)
        writer.finish()
    text = {name: fact for name, fact in records.notes.items() if fact}
    return RecordsSummary(writer.records, records.columns, text, writer.profiles())


class _Writer:
    """Gathers batches into row groups, numbers the records and profiles the columns.

    Other threads profile and write a group while the next one is parsed; for a small payload, starting them would take
    longer than the work.

    Args:
        gaps: ordinals, rising, that no record gets.
    """

    def __init__(self, target: Path, records: Records, gaps: Sequence[int] = (), *, small: bool = False) -> None:
        self.records = 0
        # before the k-th gap there are gaps[k] - k records
        self._gaps = np.array(gaps, dtype=np.int64) - np.arange(len(gaps))
        self._names = [*records.columns, *([RAGGED_COLUMN, RAGGED_REASON_COLUMN] if records.ragged else [])]
        self._types: list[pa.DataType] = []
        self._columns = records.columns
        self._counters = [KindCounter() for _ in records.columns]
        self._target = target
        self._file: pq.ParquetWriter | None = None
        # one thread for the group, and two that help it
        self._threads: Executor = _AtOnce() if small else ThreadPoolExecutor(3, "records")
        self._writing: Future[None] | None = None
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write_group()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        if self._file is not None:
            self._file.close()

    def finish(self) -> None:
        if self._rows:
            self._write_group()
        self._wait()
        if self._file is None:
            self._file = self._open([pa.array([], pa.string()) for _ in self._names])

    def _open(self, first: list[pa.Array]) -> pq.ParquetWriter:
        """Open the file. Columns whose texts repeat are dictionary-encoded."""
        self._types = [_DISTINCT if is_repetitive(column) else pa.string() for column in first]
        types = dict(zip(self._names, self._types, strict=True))
        return pq.ParquetWriter(
            self._target,
            pa.schema([pa.field(RECORD_COLUMN, pa.int64(), nullable=False), *types.items()]),
            compression="zstd",
            # Arrow would try a dictionary again in each group, without benefit for columns whose texts rarely repeat
            use_dictionary=[name for name, kind in types.items() if kind is _DISTINCT],
            write_statistics=[RECORD_COLUMN],
            store_schema=False,
        )

    def _write_group(self) -> None:
        if self.records + self._rows > RECORDS_PER_BATCH:
            raise CollectError(
                f"the payload has more than {RECORDS_PER_BATCH:,} records",
                cause="a row id keeps ten digits for the record",
                remedy="collect it in several files",
            )
        self._wait()
        self._writing = self._threads.submit(self._write, self._held, self.records, self._rows)
        self.records += self._rows
        self._held, self._rows, self._bytes = [], 0, 0

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, batches: list[pa.RecordBatch], first: int, rows: int) -> None:
        held = pa.Table.from_batches(batches)
        batches.clear()
        columns = [column.combine_chunks().cast(pa.string()) for column in held.columns]
        del held
        if self._file is None:
            self._file = self._open(columns)
        columns = list(self._threads.map(_encoded, columns, self._types))
        counting = self._threads.submit(self._count, columns)
        places = np.arange(first, first + rows, dtype=np.int64)
        ordinals = pa.array(places + np.searchsorted(self._gaps, places, side="right"))
        self._file.write_table(pa.table([ordinals, *columns], schema=self._file.schema), row_group_size=rows)
        counting.result()

    def _count(self, columns: list[pa.Array]) -> None:
        for counter, column in zip(self._counters, columns, strict=False):
            counter.add(column)

    def profiles(self) -> dict[str, dict[str, Any]]:
        """For each column, the number of cells by kind of value."""
        return {
            name: counter.profile().to_receipt() for name, counter in zip(self._columns, self._counters, strict=True)
        }


class _AtOnce(Executor):
    """Does what it is given at once, in the same thread."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(call(*arguments, **named))
        except BaseException as error:
            done.set_exception(error)
        return done


def _encoded(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column.dictionary_encode() if kind is _DISTINCT else column
