"""How well a column determines another one, from a bounded sample of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    from pyspark.sql import DataFrame

SAMPLE: Final = 100_000
"""Rows of a sample; a smaller table is its own sample. It is held in memory, eight bytes for each cell."""

_FEW: Final = 2_000
"""A column with at most this many values in a sample of rows has groups in it that are large enough to judge."""
_MOST_DISTINCT: Final = 0.6
_LEAST_GROUPED: Final = 0.2
_POWER: Final = 4

Weights = Mapping[tuple[str, str], float]
"""The weight, 0 to 1, of the pair (a, b): how far values of a say what the value of b is."""


def pair_weights(frame: DataFrame, columns: Sequence[str]) -> tuple[Weights, int]:
    """The weights of all pairs of columns that have one, and the number of rows.

    The weight is the share of rows, beyond what guessing the most frequent value gives, whose b is the majority among
    the other rows with their value of a, to the power of four: weak pairs count very little.

    Samples of a larger table are chosen by hashes of ``_rid`` or, for columns with many values, by hashes of their
    values, so that groups stay whole.

    Args:
        frame: ``_rid`` and the columns, as text.
    """
    from pyspark.sql import functions as F

    names = list(columns)
    hashes = [F.when(F.col(spark_identifier(name)).isNotNull(), F.xxhash64(spark_identifier(name))) for name in names]
    frame = frame.select("_rid", *(one.alias(name) for one, name in zip(hashes, names, strict=True)))
    first = frame.limit(SAMPLE + 1).toArrow()
    if first.num_rows <= SAMPLE:
        codes = _codes(first, names)
        return _weights(codes, names, _priors(codes)), first.num_rows
    rows = frame.count()
    parts = -(-rows // SAMPLE)
    by_row = frame.where(F.pmod(F.xxhash64("_rid", F.lit(1)), F.lit(parts)) == 0)
    codes = _codes(by_row.toArrow(), names)
    priors = _priors(codes)
    many = [name for name in names if codes[name].max(initial=-1) >= _FEW]
    found = dict(_weights(codes, [name for name in names if name not in many], priors))
    for name in many:
        by_value = frame.where(F.pmod(F.xxhash64(spark_identifier(name), F.lit(2)), F.lit(parts)) == 0)
        # the first rows by hash, so that both engines take the same ones if a frequent value brings too many
        codes = _codes(by_value.orderBy(F.xxhash64("_rid"), "_rid").limit(2 * SAMPLE).toArrow(), names)
        found |= _weights(codes, [name], priors)
    return found, rows


def _codes(table: pa.Table, columns: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Each column as numbers from 0 for its values, -1 for NULL."""
    import numpy as np
    import pyarrow.compute as pc

    found = {}
    for name in columns:
        encoded = table.column(name).combine_chunks().dictionary_encode()
        found[name] = np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64)
    return found


def _priors(codes: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, float]:
    """The share of the most frequent value of each column, 1 for a column without values."""
    import numpy as np

    present = {name: values[values >= 0] for name, values in codes.items()}
    return {
        name: int(np.bincount(values).max()) / len(values) if len(values) else 1.0 for name, values in present.items()
    }


def _weights(
    codes: Mapping[str, npt.NDArray[np.int64]], determinants: Sequence[str], priors: Mapping[str, float]
) -> Weights:
    found = {}
    for a in determinants:
        values = int(codes[a].max(initial=-1)) + 1
        if not values or values > _MOST_DISTINCT * int((codes[a] >= 0).sum()):
            continue
        for b, prior in priors.items():
            weight = _weight(codes[a], codes[b], prior) if a != b and prior < 1 else 0.0
            if weight > 0:
                found[a, b] = weight
    return found


def _weight(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], prior: float) -> float:
    import numpy as np

    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    if not len(a):
        return 0.0
    width = int(b.max()) + 1
    pairs, counts = np.unique(a * width + b, return_counts=True)
    starts = np.flatnonzero(np.diff(pairs // width, prepend=-1))
    totals, largest = np.add.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
    grouped = totals > 1
    others = int((totals[grouped] - 1).sum())
    if others <= _LEAST_GROUPED * len(both):
        return 0.0
    hits = int((largest[grouped] - 1).sum()) / others
    return float(max(0.0, (hits - prior) / (1 - prior)) ** _POWER)
