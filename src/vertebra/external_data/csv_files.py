"""CSV files: every cell as text, every record in order."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.blanks import BLANKS
from vertebra.declare.document import display_path
from vertebra.errors import CollectError
from vertebra.external_data.duckdb_values import copied, not_utf8, refused, trimmed
from vertebra.external_data.parquet_files import parquet_part
from vertebra.external_data.source import SourceLayout, SourcePart
from vertebra.formatting import shortened
from vertebra.quoting import duckdb_identifier, duckdb_text
from vertebra.unicode_form import nfc

if TYPE_CHECKING:
    import duckdb

_DELIMITERS: Final = ",;\t|"
_HEADER: Final = 1 << 20


class CsvFiles:
    """CSV files with a header each. All cells are text; empty cells without quotes and those in ``null`` are NULL."""

    texts = True

    def __init__(self, files: Sequence[Path], reading: SourceLayout) -> None:
        self._files = files
        self._reading = reading
        self._heads = [_header(file, reading.delimiter) for file in files]
        self.columns = tuple(name for name in dict.fromkeys(self._heads[0][0]) if name)

    def parts(self, columns: Sequence[str], folder: Path, connection: duckdb.DuckDBPyConnection) -> list[SourcePart]:
        """Read some columns; see :class:`~vertebra.external_data.source.ExternalTable`."""
        found = []
        for number, (file, (names, delimiter)) in enumerate(zip(self._files, self._heads, strict=True)):
            chosen = ", ".join(
                f"{self._cell(f'c{_position(file, names, name)}')} AS {duckdb_identifier(name)}" for name in columns
            )
            raw = folder / f"raw-{number}.parquet"
            fields = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(names)))
            reader = (
                f"read_csv({duckdb_text(file)}, auto_detect=false, header=true, skip=0, columns={{{fields}}},"
                f" delim={duckdb_text(delimiter)}, quote='\"', escape='\"', comment='', strict_mode=true,"
                f" null_padding=false, ignore_errors=false,"
                f" nullstr=[''], allow_quoted_nulls=false)"
            )
            copied(connection, f"SELECT {chosen} FROM {reader}", raw, file)
            found.append(
                parquet_part(connection, raw, display_path(file), {name: duckdb_identifier(name) for name in columns})
            )
        return found

    def _cell(self, column: str) -> str:
        """SQL: the text of a cell, NULL where it means NULL; the same as a run reads."""
        null = list(self._reading.null)
        if self._reading.trim:
            column, null = trimmed(column), [marker.strip(BLANKS) for marker in ("", *null)]
        return f"CASE WHEN {column} NOT IN ({', '.join(map(duckdb_text, null))}) THEN {column} END" if null else column


def _header(file: Path, delimiter: str | None) -> tuple[list[str], str]:
    """The column names of a CSV file, and its delimiter."""
    import pyarrow as pa

    try:
        with pa.input_stream(str(file), compression="detect") as stream:
            start = stream.read(_HEADER)
        text = start.decode("utf-8-sig") if len(start) < _HEADER else start.decode("utf-8-sig", "ignore")
    except UnicodeDecodeError as error:
        raise not_utf8(file, f"byte {error.start} is {error.object[error.start]:#04x}") from None
    except (OSError, pa.ArrowException) as error:
        raise refused(error, file) from None
    candidates = {
        letter: next(iter(csv.reader(io.StringIO(text, newline=""), delimiter=letter)), [])
        for letter in (delimiter or _DELIMITERS)
    }
    found, names = max(candidates.items(), key=lambda one: len(one[1]))
    if not names:
        raise CollectError(
            f"{display_path(file)} begins with an empty line" if text else f"{display_path(file)} is empty",
            cause="the first line of a CSV file names its columns", remedy="remove the line, or give another file",
        )  # fmt: skip
    return [nfc(name) for name in names], found


def _position(file: Path, names: Sequence[str], name: str) -> int:
    if name not in names:
        raise CollectError(
            f"{display_path(file)} has no column {name}", cause=f"its columns are {shortened(names)}",
            remedy="give files with the same columns",
        )  # fmt: skip
    if Counter(names)[name] > 1:
        raise CollectError(f"two columns of {display_path(file)} are named {name}", remedy="rename one of them")
    return names.index(name)
