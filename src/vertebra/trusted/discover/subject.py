"""The table to discover rules for, with a profile of its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine

ValueType = Literal["integer", "number", "time", "text", "boolean"]

_VALUE_TYPES: Final[Mapping[str, ValueType]] = {
    "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer", "float": "number",
    "double": "number", "decimal": "number", "date": "time", "timestamp": "time", "string": "text",
    "boolean": "boolean",
}  # fmt: skip

_PLAIN_NAME: Final = re.compile(r"[^\s,.`\[\]>]([^,.`\[\]>\n]*[^\s,.`\[\]>])?")
"""Names that every form of a rule can contain; columns with other names are left out."""


@dataclass(frozen=True)
class SubjectColumn:
    """One column of the table.

    Attributes:
        value_type: the type of its values; numbers and times have a meaningful order.
        nulls: rows without a value.
        distinct: the approximate number of distinct values.
        low, high: its least and greatest value; None for text, and without values.
        unit: the declared unit, if any.
    """

    name: str
    value_type: ValueType
    rows: int
    nulls: int
    distinct: int
    low: Any = None
    high: Any = None
    unit: str | None = None

    @property
    def ordered(self) -> bool:
        """Whether ``<`` between two values is meaningful."""
        return self.value_type in ("integer", "number", "time")

    @property
    def constant(self) -> bool:
        """Whether it has at most one distinct value."""
        return self.distinct <= 1


@dataclass(frozen=True)
class Subject:
    """The table to discover rules for.

    Attributes:
        dataset: its declaration: types, units and the rules it has already.
        datasets: all datasets of the project by name, itself among them.
        frames: the table, under the dataset's name, and the tables that it may refer to; each with ``_rid``.
        scratch: an existing folder for the files of detection.
    """

    dataset: Dataset
    datasets: Mapping[str, Dataset]
    frames: Mapping[str, DataFrame]
    engine: Engine
    scratch: Path
    columns: Mapping[str, SubjectColumn] = field(default_factory=dict)
    rows: int = 0

    @property
    def frame(self) -> DataFrame:
        """The table itself."""
        return self.frames[self.dataset.name]


def value_type_of(spark_type: str) -> ValueType | None:
    """The value type of a column by its Spark type; None for types without rules."""
    return _VALUE_TYPES.get(spark_type.partition("(")[0])


def profiled(subject: Subject) -> Subject:
    """Profile all columns in one scan of the table. Distinct values are estimated; no result depends on them alone."""
    from dataclasses import replace

    from pyspark.sql import functions as F

    frame = subject.frame
    value_types = {
        name: value_type
        for name, kind in frame.dtypes
        if name in subject.dataset.columns
        and _PLAIN_NAME.fullmatch(name)
        and (value_type := value_type_of(kind)) is not None
    }
    found = [F.count(F.lit(1)).alias("rows")]
    for place, (name, value_type) in enumerate(value_types.items()):
        column = F.col(f"`{name}`")
        found += [F.count(column).alias(f"n{place}"), _estimated(column).alias(f"d{place}")]
        if value_type in ("integer", "number", "time"):
            # NaN is not a bound, and engines order it differently
            value = F.when(~F.isnan(column), column) if dict(frame.dtypes)[name] in ("double", "float") else column
            found += [F.min(value).alias(f"l{place}"), F.max(value).alias(f"h{place}")]
    row = frame.agg(*found).collect()[0].asDict()
    rows = int(row["rows"])
    columns = {}
    for place, (name, value_type) in enumerate(value_types.items()):
        low, high = row.get(f"l{place}"), row.get(f"h{place}")
        known = int(row[f"n{place}"])
        distinct = min(known, int(row[f"d{place}"]))
        if low is not None and low == high:
            distinct = 1
        columns[name] = SubjectColumn(
            name, value_type, rows, rows - known, distinct, low, high, subject.dataset.columns[name].unit
        )
    return replace(subject, columns=columns, rows=rows)


def _estimated(column: SparkColumn) -> SparkColumn:
    """The approximate number of distinct values, by a hash, because engines do not estimate every type."""
    from pyspark.sql import functions as F

    return F.approx_count_distinct(F.when(column.isNotNull(), F.xxhash64(column)))


def reference(variable: str, column: str) -> str:
    """A column as an operand of a rule: ``t.origin``, quoted if it is a keyword."""
    plain = column.replace("_", "a").isalnum() and column.isascii() and column[0].isalpha() and column.islower()
    return f"{variable}.{column}" if plain and column not in _WORDS else f"{variable}.{spark_identifier(column)}"


_WORDS: Final = frozenset(
    (
        "all", "and", "any", "between", "case", "date", "end", "exists", "false", "from", "in", "interval", "is",
        "like", "not", "null", "or", "rlike", "select", "then", "timestamp", "true", "when", "where",
    )
)  # fmt: skip
