"""Columns of a payload whose names differ only in case: a declared source is the one that is written the same way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.tiny import open_tiny


def _csv(file: Path) -> None:
    file.write_text("id,V,v\n1,upper,lower\n")


def _json(file: Path) -> None:
    file.write_text(json.dumps([{"id": 1, "V": "upper", "v": "lower"}]))


def _parquet(file: Path) -> None:
    columns = [pa.array([1]), pa.array(["upper"]), pa.array(["lower"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["id", "V", "v"]), file)


def _avro(file: Path) -> None:
    fields = [{"name": "id", "type": "int"}, {"name": "V", "type": "string"}, {"name": "v", "type": "string"}]
    with file.open("wb") as out:
        fastavro.writer(out, {"type": "record", "name": "r", "fields": fields}, [{"id": 1, "V": "upper", "v": "lower"}])


@pytest.mark.parametrize(
    ("kind", "write"),
    [("csv", _csv), ("json", _json), ("parquet", _parquet), ("avro", _avro)],
    ids=["csv", "json", "parquet", "avro"],
)
def test_a_source_is_the_column_of_that_case(tmp_path: Path, kind: str, write: Callable[[Path], None]) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: cases\n")
    (tmp_path / "datasets" / "d.yaml").write_text(
        f"source: s\ncollect: {{from: files, path: data/d.{kind}}}\nparse: {{format: {kind}}}\n"
        "columns: {id: int, v: string, first: {type: string, source: [v, V]}, upper: {type: string, source: V}}\n"
    )
    write(tmp_path / "data" / f"d.{kind}")
    with open_tiny(tmp_path) as project:
        report = project.run()
        assert report.ok, [result.error for result in report.results]
        (row,) = project.table("trusted.d").arrow().to_pylist()
    del row["_rid"]
    assert row == {"id": 1, "v": "lower", "first": "lower", "upper": "upper"}
