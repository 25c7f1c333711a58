"""Writes Parquet files into a table's folder, where no reader sees them until a commit adds them to the log."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.durable import flush, make_folder
from vertebra.engine.float_bounds import bounded_columns
from vertebra.lake.data_file import name_by_content
from vertebra.lake.stored_types import stored_schema

if TYPE_CHECKING:
    import pyarrow.dataset as pads
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine

_GROUP_ROWS: Final = 1 << 17


@dataclass(frozen=True)
class StagedFiles:
    """Files that were written into a table's folder and are not committed yet.

    Attributes:
        parts: the parts of the table that they replace; none for the whole table.
    """

    files: tuple[Path, ...]
    schema: pa.Schema
    rows: int
    parts: tuple[str, ...] = ()

    def flush(self) -> None:
        """Flush the files and their folders before anything refers to them; parent folders are durable already."""
        folders = {folder for file in self.files for folder in (file.parent, file.parent.parent)}
        flush(*self.files, *sorted(folders))

    def remove(self) -> None:
        """Remove the files, if they are not to be committed."""
        for file in self.files:
            file.unlink(missing_ok=True)


def stage_frame(name: str, path: Path, engine: Engine, frame: DataFrame, part: str | None) -> StagedFiles:
    """Write the files of a frame into the folder of a table.

    Args:
        name: the table's name, for messages.
        path: the table's folder.
        part: the folder within it that the files replace; None for the whole table.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    schema = stored_schema(to_arrow_schema(frame.schema, timezone="UTC"), name)
    files = name_by_content(engine.write_parquet(frame, _new_folder(path, part)))
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    return StagedFiles(tuple(files), schema, rows, (part,) if part else ())


def stage_arrow(name: str, path: Path, data: pa.Table | pa.RecordBatchReader, part: str | None) -> StagedFiles:
    """Write Arrow data into the folder of a table; see :func:`stage_frame`."""
    schema = stored_schema(data.schema, name)
    folder = _new_folder(path, part)
    folder.mkdir(parents=True)
    file = folder / "part-0.parquet"
    reader = data.to_reader() if isinstance(data, pa.Table) else data
    rows = 0
    with pq.ParquetWriter(file, schema, compression="zstd", write_statistics=bounded_columns(schema)) as writer:
        for batch in reader:
            rows += batch.num_rows
            writer.write_batch(batch if batch.schema == schema else batch.cast(schema))
    return StagedFiles(tuple(name_by_content([file])), schema, rows, (part,) if part else ())


def _new_folder(path: Path, part: str | None) -> Path:
    """A folder for one write; the names of a table's folders sort in the order of the writes."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}"
    above = path / part if part else path
    make_folder(above)
    return above / stamp


def merged_batches(data: pads.Dataset) -> pa.RecordBatchReader:
    """The rows of many small files in batches that make good row groups."""

    def batches() -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        for batch in data.to_batches():
            held.append(batch)
            if sum(one.num_rows for one in held) >= _GROUP_ROWS:
                yield from pa.Table.from_batches(held).combine_chunks().to_batches()
                held = []
        if held:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()

    return pa.RecordBatchReader.from_batches(data.schema, batches())
