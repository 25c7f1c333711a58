"""Avro files, Excel workbooks and zip archives: read as payloads of the landing zone are, every value as text."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from vertebra.declare.document import display_path
from vertebra.declare.parse import FORMATS
from vertebra.durable import sha256_of
from vertebra.errors import CollectError
from vertebra.external_data.duckdb_values import copied
from vertebra.external_data.parquet_files import parquet_part
from vertebra.external_data.source import SourceLayout, SourcePart
from vertebra.lake.batches import RECORD_COLUMN
from vertebra.quoting import duckdb_identifier, duckdb_text, duckdb_texts

if TYPE_CHECKING:
    import duckdb

ENDINGS: Final = (".avro", ".xlsx", ".xlsm", ".zip")

_FORMATS: Final = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".psv": "csv", ".json": "json", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet", ".avro": "avro", ".xlsx": "xlsx", ".xlsm": "xlsx",
}  # fmt: skip


class PayloadFiles:
    """Files that a format of the landing zone reads. All values are text; those listed in ``null`` are NULL.

    Raises:
        CollectError: a file cannot be read, or the members of an archive are of several kinds.
    """

    texts = True

    def __init__(self, files: Sequence[Path], reading: SourceLayout) -> None:
        self._files = files
        self._null = ["", *reading.null]
        self._folder = TemporaryDirectory(prefix="vertebra-")
        found = [self._written(file, number, reading) for number, file in enumerate(files)]
        self._records = [records for records, _ in found]
        self.columns = found[0][1]

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:
        """Read some columns; see :class:`~vertebra.external_data.source.ExternalTable`."""
        parts = []
        null = duckdb_texts(self._null)
        for number, (file, records) in enumerate(zip(self._files, self._records, strict=True)):
            raw = folder / f"raw-{number}.parquet"
            present = [name for name in columns if name in self.columns]
            chosen = ", ".join(
                f"CASE WHEN {name} NOT IN ({null}) THEN {name} END AS {name}"
                for name in map(duckdb_identifier, present)
            )
            source = f"read_parquet({duckdb_text(records)})"
            listed = f"{chosen}, " if chosen else ""
            copied(connection, f"SELECT {listed}{RECORD_COLUMN} FROM {source} ORDER BY {RECORD_COLUMN}", raw, file)
            named = {name: duckdb_identifier(name) for name in columns}
            parts.append(parquet_part(connection, raw, display_path(file), named))
        return parts

    def _written(self, file: Path, number: int, reading: SourceLayout) -> tuple[Path, tuple[str, ...]]:
        """The records of a file as Parquet, and their columns."""
        from vertebra.landing.parsing.records import ReadContext
        from vertebra.landing.records import write_parsed

        name = _format_of(file)
        options = {"format": name}
        if name == "csv":
            options |= {"ragged": "refuse"} | ({"delimiter": reading.delimiter} if reading.delimiter else {})
        folder = Path(self._folder.name)
        target = folder / f"records-{number}.parquet"
        declared = FORMATS[name].declaration.model_validate(options)
        context = ReadContext(declared, folder / f"scratch-{number}", sha256_of(file))
        summary = write_parsed(file, display_path(file), "*", context, target)
        return target, summary.columns


def _format_of(file: Path) -> str:
    """The format of a file, or of the members of a zip archive."""
    ending = Path(file.stem if file.suffix.lower() == ".gz" else file.name).suffix.lower()
    if ending in _FORMATS:
        return _FORMATS[ending]
    if file.suffix.lower() != ".zip":
        raise CollectError(
            f"{display_path(file)} is packed in a way that is not supported",
            cause="Avro files and workbooks may be followed by .gz",
            remedy="unpack it",
        )
    try:
        with zipfile.ZipFile(file) as archive:
            names = [PurePosixPath(entry.filename) for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise CollectError(
            f"{display_path(file)} is a damaged or cut-off zip archive", cause=str(error), remedy="give a whole file"
        ) from None
    members = [name for name in names if not name.name.startswith(".") and "__MACOSX" not in name.parts]
    formats = {_FORMATS.get(name.suffix.lower(), name.suffix or name.name) for name in members}
    if len(formats) == 1 and formats <= set(_FORMATS.values()):
        return formats.pop()
    raise CollectError(
        f"{display_path(file)} has members of several kinds, or of one that is not supported",
        cause=f"its members are {', '.join(map(str, members[:8])) or 'none'}",
        remedy="unpack the archive, and name the files to check",
    )
