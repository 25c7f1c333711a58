"""The sample that candidates come from: half of it uniform, half of it groups of equal values.

Two random rows seldom agree on a column with many values, so a uniform sample has no evidence about dependencies with
such a left-hand side. Focused sampling draws whole values instead: for each column with many values, a few values with
several rows each. Frequencies of values are computed from the uniform half. Rows are chosen by a hash of their id, so
the same table gives the same sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.quoting import spark_identifier
from vertebra.trusted.discover.subject import Subject, SubjectColumn

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

_SEED: Final = 20130101
_STRATA: Final = 5
_PER_VALUE: Final = 16
_COMMON: Final = 100


@dataclass(frozen=True)
class Sample:
    """Rows of the table, column by column.

    Attributes:
        uniform: which rows are in the uniform half; all, if the sample is the whole table.
        values: the values of each column, None for NULL.
        codes: for each column, a code for each value: its rank among the column's values for numbers and times, else
            any distinct number; -1 for NULL.
        numbers: of each ordered column, its values as doubles (times in microseconds), NaN for NULL.
        whole: whether the sample is the whole table.
    """

    uniform: np.ndarray[Any, np.dtype[np.bool_]]
    values: Mapping[str, list[Any]]
    codes: Mapping[str, np.ndarray[Any, np.dtype[np.int32]]]
    numbers: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]
    whole: bool

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.uniform)

    def rare(self, column: str) -> float:
        """Of the rows with a value, the share that do not have the most common value."""
        codes = self.codes[column][self.uniform]
        codes = codes[codes >= 0]
        return float(1 - np.bincount(codes).max() / len(codes)) if len(codes) else 0.0

    def differing(self, column: str) -> float:
        """The probability that two rows of the table, both with a value, have different ones."""
        codes = self.codes[column][self.uniform]
        codes = codes[codes >= 0]
        if len(codes) < 2:
            return 0.0
        counts = np.bincount(codes).astype(np.float64)
        return float(1 - (counts * (counts - 1)).sum() / (len(codes) * (len(codes) - 1)))


def drawn(subject: Subject, size: int) -> Sample:
    """Draw a sample.

    Args:
        size: the approximate number of rows; a smaller table is taken whole.
    """
    columns = list(subject.columns.values())
    frame = subject.frame.select("_rid", *[spark_identifier(column.name) for column in columns])
    if subject.rows <= size:
        table = frame.orderBy("_rid").toArrow()
        return _sample(table, columns, np.ones(table.num_rows, dtype=bool), whole=True)
    even = _first(frame, ["_rid"], size // 2)
    parts = [even.toArrow()]
    strata = _strata(columns, size // 2)
    for column in strata:
        thinning = max(1, (column.rows - column.nulls) // column.distinct // _PER_VALUE)
        parts.append(_focused(frame, column.name, thinning, size // 2 // len(strata)).toArrow())
    return _combined(parts, columns)


def _strata(columns: list[SubjectColumn], room: int) -> list[SubjectColumn]:
    """The columns on which few pairs of the uniform half agree, and which are not keys."""
    rare = [
        c for c in columns if c.distinct > _COMMON and c.rows - c.nulls >= 1.5 * c.distinct and c.value_type != "number"
    ]
    return sorted(rare, key=lambda c: (-c.distinct, c.name))[:_STRATA] if room >= 10 else []


def _first(frame: DataFrame, columns: list[str], size: int) -> DataFrame:
    from pyspark.sql import functions as F

    hashed = F.xxhash64(*[F.col(spark_identifier(name)) for name in columns], F.lit(_SEED))
    return frame.orderBy(hashed, F.col("_rid")).limit(size)


def _focused(frame: DataFrame, column: str, thinning: int, size: int) -> DataFrame:
    """Rows of a few values of a column, about :data:`_PER_VALUE` of each."""
    from pyspark.sql import functions as F

    kept = frame.where(F.col(spark_identifier(column)).isNotNull())
    if thinning > 1:
        kept = kept.where(F.pmod(F.xxhash64(F.col("_rid"), F.lit(_SEED + 1)), F.lit(thinning)) == 0)
    return _first(kept, [column], size)


def _combined(parts: list[pa.Table], columns: list[SubjectColumn]) -> Sample:
    import pyarrow as pa

    table = pa.concat_tables(parts)
    uniform = np.arange(table.num_rows) < parts[0].num_rows
    _, first = np.unique(table.column("_rid").to_numpy(), return_index=True)
    first.sort()
    return _sample(table.take(pa.array(first)), columns, uniform[first], whole=False)


def _sample(table: pa.Table, columns: list[SubjectColumn], uniform: np.ndarray[Any, Any], *, whole: bool) -> Sample:
    values: dict[str, list[Any]] = {}
    codes: dict[str, np.ndarray[Any, Any]] = {}
    numbers: dict[str, np.ndarray[Any, Any]] = {}
    for column in columns:
        array = table.column(column.name)
        values[column.name] = array.to_pylist()
        if column.ordered:
            numbers[column.name] = _as_doubles(array)
            codes[column.name] = _coded(numbers[column.name], ~array.is_null().to_numpy())
        else:
            codes[column.name] = _coded(*_texts(values[column.name]))
    return Sample(uniform, values, codes, numbers, whole)


def _as_doubles(array: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    import pyarrow as pa

    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("us", tz=array.type.tz)).cast(pa.int64())
    elif pa.types.is_date(array.type):
        array = array.cast(pa.date32()).cast(pa.int32())
    doubles: np.ndarray[Any, np.dtype[np.float64]] = array.cast(pa.float64(), safe=False).to_numpy()
    return doubles


def _texts(values: list[Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    present = np.array([value is not None for value in values], dtype=bool)
    return np.array(["" if value is None else str(value) for value in values], dtype=object), present


def _coded(values: np.ndarray[Any, Any], present: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
    codes = np.full(len(values), -1, dtype=np.int32)
    if present.any():
        codes[present] = np.unique(values[present], return_inverse=True)[1]
    return codes
