"""Candidates about one column: ranges, and columns without NULL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.subject import Subject, SubjectColumn

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample

_FEW_VALUES: Final = 20
_MANY_ROWS: Final = 10
"""From this many rows per value, the values of a column are a list."""
_DENSE: Final = 400
_RARE: Final = 0.005
_NEARLY: Final = 0.01
_FAR: Final = 5.0
"""An outlier is this many times as far from the middle as 499 of 500 values."""


def required(subject: Subject) -> list[CandidateRule]:
    """Columns without NULL, all in one rule, and each column with very few NULLs."""
    declared = {name for name, column in subject.dataset.columns.items() if "required" in column.sugar()} | set(
        subject.dataset.key
    )
    whole = [c.name for c in subject.columns.values() if c.nulls == 0 and c.name not in declared and c.rows]
    found = []
    if whole:
        body = {"required": whole if len(whole) > 1 else whole[0]}
        name = named(whole[0], "required") if len(whole) == 1 else named("always", "there")
        found.append(CandidateRule("required", name, body, tuple(whole), promise=0.45))
    for column in subject.columns.values():
        if 0 < column.nulls <= _NEARLY * column.rows and column.name not in declared:
            share = column.nulls / column.rows
            found.append(
                CandidateRule(
                    "required", named(column.name, "required"), {"required": column.name}, (column.name,),
                    promise=0.6 * (1 - share / _NEARLY / 2),
                )
            )  # fmt: skip
    return found


def ranges(subject: Subject, sample: Sample) -> list[CandidateRule]:
    """Ranges that a few outliers violate, ranges of small whole numbers that all occur, and signs."""
    found = []
    for column in subject.columns.values():
        if column.value_type not in ("integer", "number") or column.constant or column.low is None:
            continue
        body, hint, promise = _range(column, sample)
        if body is not None:
            found.append(
                CandidateRule(
                    "range", named(column.name, "range"), {"range": {column.name: body}}, (column.name,),
                    promise=promise, hint=hint,
                )
            )  # fmt: skip
    return found


def _range(column: SubjectColumn, sample: Sample) -> tuple[list[float | None] | None, str, float]:
    low, high = float(column.low), float(column.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None, "", 0.0
    values = sample.numbers[column.name][sample.uniform]
    values = values[~np.isnan(values)]
    if len(values) < 50:
        return None, "", 0.0
    fence = _fence(values, low, high) if column.distinct > _FEW_VALUES else None
    if fence is not None:
        return [_written(end, column) for end in fence], "far", 0.6
    dense = column.value_type == "integer" and column.distinct >= 0.9 * (high - low + 1) and high - low + 1 <= _DENSE
    if dense and column.rows > _MANY_ROWS * column.distinct and high - low >= 2:
        return [_written(low, column), _written(high, column)], "dense", 0.45
    below = float((values < 0).mean())
    if low == 0:
        return [0, None], "sign", 0.25
    if low < 0 and below <= _RARE and float(np.quantile(values, 0.02)) >= 0:
        return [0, None], "sign", 0.55
    return None, "", 0.0


def _fence(values: np.ndarray[Any, Any], low: float, high: float) -> tuple[float | None, float | None] | None:
    """Bounds beyond which a value is an outlier; None for a side without outliers.

    A long tail is not an error, so outliers have to be rare as well as far: beyond five times the distance within which
    499 of 500 values lie.
    """
    middle, lowest, highest = (float(np.quantile(values, share)) for share in (0.5, 0.002, 0.998))
    if highest <= lowest:
        return None
    floor, ceiling = middle - _FAR * (middle - lowest), middle + _FAR * (highest - middle)
    above = high > ceiling > highest
    below = low < floor < lowest
    if not above and not below:
        return None
    return (_rounded(floor, up=False) if below else None), (_rounded(ceiling, up=True) if above else None)


def _rounded(value: float, *, up: bool) -> float:
    """A bound rounded to two digits, away from the data."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return (math.ceil if up else math.floor)(value / unit) * unit


def _written(value: float | None, column: SubjectColumn) -> float | int | None:
    if value is None:
        return None
    return int(value) if column.value_type == "integer" or float(value).is_integer() else round(value, 9)
