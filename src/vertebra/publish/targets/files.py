"""``to: files``: one Parquet or CSV file, in a folder of this machine or in a bucket."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from vertebra.declare.publication import Publication
from vertebra.durable import sha256_of
from vertebra.errors import PublishError
from vertebra.formatting import shortened
from vertebra.publish.port import PublishTarget, Receipt

if TYPE_CHECKING:
    from vertebra.publish.port import PublishedTable, Publishing

_FILE: Final = re.compile(r"\.(parquet|csv)(\.gz)?$", re.IGNORECASE)


class FilesPublication(Publication):
    """A table as one Parquet or CSV file.

    Attributes:
        path: a path in the project, an absolute path, or a URL of a bucket that fsspec writes to. A path that ends in
            ``.parquet``, ``.csv`` or ``.csv.gz`` is the file; any other is a folder, and the file in it is
            ``<name>.<format>``.
        format: ``parquet`` or ``csv``; needed when ``path`` is a folder.
    """

    to: Literal["files"]
    path: str = Field(min_length=1)
    format: Literal["parquet", "csv"] | None = None

    @model_validator(mode="after")
    def _one_format(self) -> FilesPublication:
        found = _FILE.search(self.path)
        if found is None and self.format is None:
            raise ValueError(f"path {self.path} is a folder; write format: parquet or format: csv")
        if found is not None and (self.format or found[1].lower()) != found[1].lower():
            raise ValueError(f"path ends in {found[0]}, and format is {self.format}; remove format")
        if found is not None and found[1].lower() == "parquet" and found[2]:
            raise ValueError("a Parquet file is compressed inside; write a path that ends in .parquet")
        return self

    @property
    def file(self) -> str:
        """The path or URL of the file."""
        return self.path if _FILE.search(self.path) else f"{self.path.rstrip('/')}/{self.name}.{self.format}"


def send(publication: FilesPublication, table: PublishedTable, publishing: Publishing) -> Receipt:
    """Write the table to a file in the scratch folder, then put it in place in one step.

    Raises:
        PublishError: another file is in the way, the store cannot be written, or CSV cannot hold a column.
    """
    from vertebra.publish.file_owner import check_parquet_owner, claim_csv
    from vertebra.publish.file_store import published_file

    file = published_file(publication.file, publishing)
    name = publication.file.rpartition("/")[2]
    staged = publishing.scratch / name
    if name.lower().endswith(".parquet"):
        check_parquet_owner(file, publishing, publication.replace)
        rows = _write_parquet(table, staged, publishing)
    else:
        rows = _write_csv(table, staged)
        claim_csv(file, name, staged, publishing, publication.replace)
    receipt = Receipt(file.location, rows, staged.stat().st_size, sha256_of(staged))
    file.replace(staged)
    return receipt


def _write_parquet(table: PublishedTable, staged: Path, publishing: Publishing) -> int:
    import pyarrow.parquet as pq

    from vertebra.engine.float_bounds import bounded_columns
    from vertebra.publish.mark import KEY

    schema, rows = table.schema, 0
    with pq.ParquetWriter(staged, schema, compression="zstd", write_statistics=bounded_columns(schema)) as writer:
        for batch in table.reader():
            writer.write_batch(batch)
            rows += batch.num_rows
        writer.add_key_value_metadata({KEY: publishing.mark.to_json()})
    return rows


def _write_csv(table: PublishedTable, staged: Path) -> int:
    import pyarrow as pa
    from pyarrow import csv

    unfit = [field.name for field in table.schema if pa.types.is_nested(field.type) or pa.types.is_binary(field.type)]
    if unfit:
        raise PublishError(
            f"CSV cannot hold the columns {shortened(unfit)} of {table.name}",
            cause="their values are lists, structs or bytes",
            remedy="publish to a .parquet file, or name the other columns under `columns:`",
        )
    rows = 0
    compression = "gzip" if staged.suffix.lower() == ".gz" else None
    with (
        pa.output_stream(str(staged), compression=compression) as stream,
        csv.CSVWriter(stream, table.schema) as writer,
    ):
        for batch in table.reader():
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


TARGET: Final = PublishTarget("files", FilesPublication, send)
