"""NaN and infinity of Parquet are rejected with their text, or NULL or text where that is declared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.tiny import open_tiny


def test_nan_and_infinity_are_rejected_or_null_or_text_as_declared(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: numbers\n")
    values = [1.5, float("nan"), float("inf"), float("-inf")]
    pq.write_table(pa.table({"v": values, "w": values}), tmp_path / "d.parquet")
    (tmp_path / "datasets" / "d.yaml").write_text(
        "source: s\ncollect: {from: files, path: d.parquet}\nparse: {format: parquet, 'null': [nan]}\n"
        "columns: {v: double, w: string}\n"
    )
    with open_tiny(tmp_path) as project:
        assert project.run().ok
        table = project.sql("select v, w from trusted.d order by _rid").arrow().to_pylist()
        rejected = project.sql("select raw, reason from governance.rejects order by rid").arrow().to_pylist()
    assert [row["v"] for row in table] == [1.5, None, None, None]
    assert [row["w"] for row in table] == ["1.5", None, "inf", "-inf"]
    assert [row["raw"] for row in rejected] == ["inf", "-inf"]
    assert all("is not a number; list it under null" in row["reason"] for row in rejected)
