"""NaN in Parquet files: their statistics leave it out, and what reads them must not."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.engine import Engine

NAN = float("nan")


def test_not_a_number_is_read_beside_a_single_number(engine: Engine, tmp_path: Path) -> None:
    data = pa.table({"x": pa.array([1.5, NAN, 1.5])})
    pq.write_table(data, tmp_path / "x.parquet")
    frame = engine.read_parquet([tmp_path / "x.parquet"], data.schema)
    assert frame.where("isnan(x)").count() == 1
    copied = engine.materialise(frame, tmp_path / "copy")
    assert copied.where("isnan(x)").count() == 1
    assert sorted(map(str, copied.toArrow().column("x").to_pylist())) == ["1.5", "1.5", "nan"]


def test_not_a_number_is_greater_than_any_number_in_a_file(engine: Engine, tmp_path: Path) -> None:
    data = pa.table({"x": pa.array([1.5, NAN, 2.5])})
    pq.write_table(data, tmp_path / "x.parquet")
    frame = engine.read_parquet([tmp_path / "x.parquet"], data.schema)
    assert frame.where("x > double(5)").count() == 1
