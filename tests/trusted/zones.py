"""A lake with one formatted table, and the trusted step run on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.trusted.clean import trust
from vertebra.trusted.inputs import inputs_of

BATCH = 10**10
TYPES = {
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "decimal(10,2)": pa.decimal128(10, 2),
}


def declared(name: str, columns: Mapping[str, Any], **more: Any) -> Dataset:
    """A dataset as it would be declared; only what the trusted zone reads matters."""
    about: dict[str, Any] = {"source": "test", "collect": {"from": "files", "path": "x"}, "parse": {"format": "csv"}}
    return Dataset.model_validate(about | {"name": name, "columns": dict(columns)} | more)


def rid(record: int) -> int:
    return BATCH + record


@dataclass
class Zone:
    """The zones around the trusted step, on one engine."""

    lake: Lake
    engine: Engine
    context: Callable[..., StepContext]

    def put(self, dataset: Dataset, rows: list[dict[str, Any]], zone: str = "formatted", numbered: bool = True) -> int:
        """Write a table of a dataset; ``_rid`` numbers the rows, unless they have it."""
        fields = [(name, TYPES[column.type]) for name, column in dataset.columns.items()]
        schema = pa.schema([*fields, ("_rid", pa.int64())])
        listed = [row | {"_rid": rid(number)} for number, row in enumerate(rows)] if numbered else rows
        data = pa.Table.from_pylist(listed, schema=schema)
        return self.lake.table(f"{zone}.{dataset.name}").write_arrow(data, Commit("run-0", "setup", ""))

    def ctx(self, dataset: Dataset, *more: str) -> StepContext:
        names = (*inputs_of(dataset), *more)
        versions = {name: self.lake.table(name).version() for name in names}
        return self.context(f"trusted.{dataset.name}", versions, self.engine)

    def trust(self, dataset: Dataset) -> StepOutcome:
        return trust(dataset, self.ctx(dataset))

    def run(self, dataset: Dataset, rows: list[dict[str, Any]]) -> StepOutcome:
        self.put(dataset, rows)
        return self.trust(dataset)

    def rows(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of a table or ledger, as sorted tuples of some columns."""
        data = self.lake.table(name).arrow().to_table(columns=list(columns))
        return sorted(tuple(row.values()) for row in data.to_pylist())

    def quality(self, stage: str, subject: str, measure: str, table: str | None = None) -> float | None:
        """A figure of the latest run."""
        found = self.lake.table("governance.quality").arrow().to_table().to_pylist()
        last = max(row["run_id"] for row in found)
        (value,) = [
            row["value"]
            for row in found
            if (row["run_id"], row["stage"], row["subject"], row["measure"]) == (last, stage, subject, measure)
        ]
        return value
