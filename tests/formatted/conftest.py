"""Batches of the landing zone as the formatted zone meets them, written here without collecting."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.formatted.format import format_dataset
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import batch_folder
from vertebra.lake.catalog import Lake

Land = Callable[..., int]


@pytest.fixture
def declared() -> Callable[..., Dataset]:
    """Declare a dataset: ``declared({"a": "int"}, load="snapshot")``."""

    def declare(columns: Mapping[str, Any], null: Sequence[str] = ("NA",), **more: Any) -> Dataset:
        about = {
            "name": "cells",
            "source": "test",
            "collect": {"from": "files", "path": "cells.csv"},
            "parse": {"format": "csv", "null": list(null)},
            "columns": columns,
        }
        return Dataset.model_validate(about | more)

    return declare


@pytest.fixture
def land(lake: Lake) -> Land:
    """Land a batch of text columns; returns its number: ``land(1, {"a": ["1", "NA"]}, period="2013-01")``."""

    def write(
        number: int, columns: Mapping[str, Sequence[str | None]], dataset: str = "cells", **place: str | None
    ) -> int:
        records = len(next(iter(columns.values()), ()))
        table = pa.table(
            {"_record": pa.array(range(records), pa.int64())}
            | {name: pa.array(texts, pa.string()) for name, texts in columns.items()}
        )
        land_table(lake.landing, place.pop("source", None) or "test", dataset, number, table, **place)
        return number

    return write


@pytest.fixture
def formatted(
    lake: Lake, ledgers: Ledgers, context: Callable[..., StepContext], engine: Engine
) -> Callable[..., StepOutcome]:
    """Run the step on each engine in turn: ``formatted(dataset, full_refresh=True)``."""

    def run(dataset: Dataset, **options: Any) -> StepOutcome:
        return format_dataset(dataset, context(f"formatted.{dataset.name}", engine=engine), **options)

    return run


@pytest.fixture
def rows(lake: Lake) -> Callable[..., list[dict[str, Any]]]:
    """The rows of the formatted table, by row id."""

    def read(dataset: str = "cells", version: int | None = None) -> list[dict[str, Any]]:
        return lake.table(f"formatted.{dataset}").arrow(version).to_table().sort_by("_rid").to_pylist()

    return read


@pytest.fixture
def rejected(ledgers: Ledgers) -> Callable[[], list[dict[str, Any]]]:
    """The ledger of rejects, by row id and column."""

    def read() -> list[dict[str, Any]]:
        return ledgers.read("rejects").sort_by([("rid", "ascending"), ("column_name", "ascending")]).to_pylist()

    return read


def land_table(
    landing: Path, source: str, dataset: str, number: int, table: pa.Table, ragged: int = 0, **place: str | None
) -> None:
    folder = batch_folder(landing, source, dataset, number)
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "records.parquet")
    receipt = {
        "number": number,
        "collected_at": "2026-01-15T12:00:00+00:00",
        "url": f"file:///cells-{number}.csv",
        "sha256": f"{number:064x}",
        "bytes": 1,
        "payload": "payload.csv",
        "records": table.num_rows,
        "columns": [name for name in table.column_names if not name.startswith("_") or name == "_record_"],
        "text": {"ragged": ragged},
        "parse": {},
        "collector": "test",
        **place,
    }
    (folder / "receipt.json").write_text(json.dumps(receipt))
