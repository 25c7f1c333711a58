"""The table that rules are sought for, with a profile of its columns."""

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

Sort = Literal["integer", "number", "time", "text", "boolean"]

_SORTS: Final[Mapping[str, Sort]] = {
    "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer", "float": "number",
    "double": "number", "decimal": "number", "date": "time", "timestamp": "time", "string": "text",
    "boolean": "boolean",
}  # fmt: skip

_SAYABLE: Final = re.compile(r"[^\s,.`\[\]>]([^,.`\[\]>\n]*[^\s,.`\[\]>])?")
"""Names that every form of a rule can hold; a column with another is left out."""


@dataclass(frozen=True)
class SubjectColumn:
    """One column of the table.

    Attributes:
        sort: what its values are; numbers and times have an order that means something.
        nulls: rows without a value.
        distinct: about how many different values it has.
        low, high: its least and greatest value; None for text, and without values.
        unit: the declared unit, if any.
    """

    name: str
    sort: Sort
    rows: int
    nulls: int
    distinct: int
    low: Any = None
    high: Any = None
    unit: str | None = None

    @property
    def ordered(self) -> bool:
        """Whether ``<`` between two values means something."""
        return self.sort in ("integer", "number", "time")

    @property
    def constant(self) -> bool:
        """Whether it says nothing: no value, or one only."""
        return self.distinct <= 1


@dataclass(frozen=True)
class Subject:
    """What discovery is about.

    Attributes:
        dataset: its declaration: types, units and the rules it has already.
        datasets: all datasets of the project by name, itself among them.
        frames: the table, under the dataset's name, and the other tables that may be referred to; each with ``_rid``.
        scratch: an existing folder for what detection writes.
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


def sort_of(spark_type: str) -> Sort | None:
    """The sort of a column by its Spark type; None for one that rules are not sought about."""
    return _SORTS.get(spark_type.partition("(")[0])


def profiled(subject: Subject) -> Subject:
    """Profile all columns in one scan of the table. Distinct values are estimated: they steer, and decide nothing."""
    from dataclasses import replace

    from pyspark.sql import functions as F

    frame = subject.frame
    sorts = {
        name: sort
        for name, kind in frame.dtypes
        if name in subject.dataset.columns and _SAYABLE.fullmatch(name) and (sort := sort_of(kind)) is not None
    }
    found = [F.count(F.lit(1)).alias("rows")]
    for place, (name, sort) in enumerate(sorts.items()):
        column = F.col(f"`{name}`")
        found += [F.count(column).alias(f"n{place}"), _estimated(column).alias(f"d{place}")]
        if sort in ("integer", "number", "time"):
            # NaN is not a bound, and engines order it differently
            value = F.when(~F.isnan(column), column) if dict(frame.dtypes)[name] in ("double", "float") else column
            found += [F.min(value).alias(f"l{place}"), F.max(value).alias(f"h{place}")]
    row = frame.agg(*found).collect()[0].asDict()
    rows = int(row["rows"])
    columns = {}
    for place, (name, sort) in enumerate(sorts.items()):
        low, high = row.get(f"l{place}"), row.get(f"h{place}")
        known = int(row[f"n{place}"])
        distinct = min(known, int(row[f"d{place}"]))
        if low is not None and low == high:
            distinct = 1
        columns[name] = SubjectColumn(
            name, sort, rows, rows - known, distinct, low, high, subject.dataset.columns[name].unit
        )
    return replace(subject, columns=columns, rows=rows)


def _estimated(column: SparkColumn) -> SparkColumn:
    """About how many distinct values; by a hash, for engines do not estimate every type."""
    from pyspark.sql import functions as F

    return F.approx_count_distinct(F.when(column.isNotNull(), F.xxhash64(column)))


def reference(variable: str, column: str) -> str:
    """A column as it stands in a rule: ``t.origin``, quoted where it is a word of the language."""
    plain = column.replace("_", "a").isalnum() and column.isascii() and column[0].isalpha() and column.islower()
    return f"{variable}.{column}" if plain and column not in _WORDS else f"{variable}.{spark_identifier(column)}"


_WORDS: Final = frozenset(
    (
        "all", "and", "any", "between", "case", "date", "end", "exists", "false", "from", "in", "interval", "is",
        "like", "not", "null", "or", "rlike", "select", "then", "timestamp", "true", "when", "where",
    )
)  # fmt: skip
