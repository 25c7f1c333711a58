"""Whether two sets of Parquet files have the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.duckdb_connection import connect_duckdb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def same_rows(one: Sequence[Path], other: Sequence[Path]) -> bool:
    """Whether files of one schema have the same rows, each as often, in any order.

    Rows are compared by two hashes over all of them; -0.0 equals 0.0. Files with other numbers of rows are not read.
    Files that cannot be read, because they are damaged, have other rows.

    Example:
        >>> import tempfile, pyarrow as pa, pyarrow.parquet as pq
        >>> from pathlib import Path
        >>> from vertebra.lake.same_rows import same_rows
        >>> files = [Path(tempfile.mkdtemp()) / name for name in ("a", "b")]
        >>> pq.write_table(pa.table({"x": [1, 2, None]}), files[0])
        >>> pq.write_table(pa.table({"x": [None, 2, 1]}), files[1])
        >>> same_rows(files[:1], files[1:])
        True
    """
    import duckdb

    try:
        if sum(map(_rows, one)) != sum(map(_rows, other)):
            return False
        return _hashes(one) == _hashes(other)
    except (duckdb.Error, pa.ArrowException, OSError):
        return False


def _rows(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)


def _hashes(files: Sequence[Path]) -> tuple[int, ...]:
    """Hashes of all rows that do not depend on their order."""
    with connect_duckdb() as connection:
        found = connection.execute(
            "select sum(hash(row)::hugeint), bit_xor(hash(row)) from read_parquet(?, union_by_name := true) as row",
            [[str(file) for file in files]],
        ).fetchone()
    return tuple(found or ())
