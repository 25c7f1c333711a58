"""Links two tables with GoldenMatch without a configuration: `python goldenmatch_matching.py LEFT RIGHT OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

import goldenmatch as gm
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


def main(left: Path, right: Path, out: Path) -> None:
    tables = [pl.read_parquet(file) for file in (left, right)]
    names = [one for one in tables[0].columns if one in tables[1].columns]
    target, reference = (table.select(names) for table in tables)
    found = gm.match_df(target, reference, exclude_columns=["id"], confidence_required=False, allow_red_config=True)
    matched = found.matched
    table = matched.to_arrow() if isinstance(matched, pl.DataFrame) else matched
    ours, theirs = (
        next(one for one in table.column_names if side in one and one.endswith("id") and "row" not in one)
        for side in ("target", "ref")
    )
    pairs = table.select([ours, theirs]).rename_columns(["l", "r"])
    pq.write_table(pairs.cast(pa.schema([("l", pa.string()), ("r", pa.string())])), out)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
