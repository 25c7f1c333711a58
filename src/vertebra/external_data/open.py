"""Opening data: finding out what kind of files or table it is."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any, Final

from vertebra.declare.document import display_path
from vertebra.errors import CollectError
from vertebra.external_data.csv_files import CsvFiles
from vertebra.external_data.frames import Frame, arrow_of
from vertebra.external_data.json_files import JsonFiles
from vertebra.external_data.parquet_files import DeltaFolder, ParquetFiles
from vertebra.external_data.payload_files import ENDINGS, PayloadFiles
from vertebra.external_data.source import ExternalTable, SourceLayout

_CSV: Final = (".csv", ".tsv", ".txt", ".psv")
_JSON: Final = (".jsonl", ".ndjson", ".json")
_PARQUET: Final = (".parquet", ".pq", ".parq")
_PACKED: Final = (".gz", ".zst")


def open_data(data: Any, reading: SourceLayout) -> ExternalTable:
    """Open data: a path, with wildcards or not, a folder, a pyarrow Table, a pandas or Polars DataFrame.

    Raises:
        CollectError: there is no data, or its kind is not supported.
    """
    if isinstance(data, str | Path):
        return _opened_path(str(data), reading)
    return Frame(arrow_of(data))


def _opened_path(text: str, reading: SourceLayout) -> ExternalTable:
    path = Path(text).expanduser()
    if path.is_dir() and (path / "_delta_log").is_dir():
        return DeltaFolder(path)
    files = _files_in(path) if path.is_dir() else [path] if path.is_file() else _matching(text)
    if not files:
        raise CollectError(
            f"there is no file {text}" if not glob.has_magic(text) else f"no file matches {text}",
            cause=f"there is nothing at {path.absolute()}" if not glob.has_magic(text) else "",
            remedy="give a CSV, JSON lines, Parquet, Avro or Excel file, a zip archive of them, a pattern in quotes "
            "('2013/*.csv'), or a Delta folder",
        )
    kinds = {_kind(file) for file in files}
    if len(kinds) > 1:
        raise CollectError(f"{text} has files of several kinds: {', '.join(sorted(kinds))}", remedy="name one kind")
    match kinds.pop():
        case "csv":
            return CsvFiles(files, reading)
        case "json":
            return JsonFiles(files)
        case "payload":
            return PayloadFiles(files, reading)
        case _:
            return ParquetFiles(files)


def _files_in(folder: Path) -> list[Path]:
    """The data files in a folder, as Spark and others write them."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(part[0] in "._" for part in file.relative_to(folder).parts)
    )


def _matching(pattern: str) -> list[Path]:
    found = glob.glob(str(Path(pattern).expanduser()), recursive=True)  # noqa: PTH207 - the pattern may be absolute
    return sorted(Path(one) for one in found if Path(one).is_file())


def _kind(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    last = suffixes[-1] if suffixes else ""
    for kind, known in (("csv", _CSV), ("json", _JSON), ("parquet", _PARQUET), ("payload", ENDINGS)):
        if last in known:
            return kind
    with file.open("rb") as opened_file:
        if opened_file.read(4) == b"PAR1":
            return "parquet"
    raise CollectError(
        f"{display_path(file)} is of a kind that is not supported",
        cause=f"file names end with one of {' '.join((*_CSV, *_JSON, *_PARQUET, *ENDINGS))}, "
        "and may be followed by .gz or .zst",
        remedy="rename it, or convert it",
    )
