"""Rules with order predicates and large groups: groups are cut into slices of the first ordered value.

A sorted pass over one group is one partition, on one core. A tuple needs only the best value of the rows in each other
slice, so slices can be sorted separately, and small sorts cost less than a large one. The pass finds the tuples that
meet the first two order predicates in the first role; tuples of the second role are found by comparing them with the
best of those, slice by slice. In clean data few rows are left, and only they need the exact passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.trusted.detect.roles import ROW_ID, compare, greatest, least
from vertebra.trusted.detect.sweep import ALL, events, ordered, partitioned

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from vertebra.engine.port import Engine
    from vertebra.trusted.detect.roles import Pairs

SLICES: Final = 64
_SAMPLE: Final = 16_384
"""The most bounds of slices; more would not make slices more even."""

_MOST_ENDS: Final = 1_024
"""Up to this many tuples of the first role define slices of their own, which need no sort for the second role."""

Roles = tuple["DataFrame", "DataFrame"]


def sliced(rule: Pairs, rows: int, most: float, engine: Engine, folder: Path) -> Roles | None:
    """The rows that may violate a rule, in each role.

    Args:
        rule: has two order predicates or more.
        rows: of the table.
        most: if more rows than this remain in the first role, filtering is not worth its cost.
        folder: a new folder for intermediate results.

    Returns:
        A superset of the violating rows, in the form of :attr:`Pairs.first` and :attr:`Pairs.second`; None if they are
        too many, or if the first ordered value is a text.
    """
    place = _place(rule.first.schema["o0"].dataType)
    if place is None:
        return None
    bounds = _bounds(rule, place, max(1, rows // _SAMPLE))
    candidates = engine.materialise(_candidates(rule, 0, place, bounds), folder / "candidates")
    found = candidates.count()
    if found > most:
        return None
    if found <= _MOST_ENDS:
        targets = _targets(rule, candidates, place, engine)
    else:
        targets = rule.second.join(_candidates(rule, 1, place, bounds).select("rid"), "rid", "left_semi")
    second = engine.materialise(targets.select(*rule.second.columns), folder / "second")
    first = rule.first.join(candidates.select("rid"), "rid", "left_semi").select(*rule.first.columns)
    if rule.alike:
        both = engine.materialise(first.unionAll(second).dropDuplicates(["rid"]), folder / "first")
        return both, both
    return engine.materialise(first, folder / "first"), second


def _candidates(rule: Pairs, side: int, place: str, bounds: Sequence[float]) -> DataFrame:
    """The rows that meet keys and the first two order predicates as one of the tuples: ``x…, slice, a, b, rid``."""
    from pyspark.sql import functions as F

    one, two = ((p.swapped if side else p).operator for p in rule.shape.ordered[:2])
    upwards = two in {"<", "<="}
    rows, probe_value, target_value, tie = _rows(rule, side, two)
    rows = _in_slices(rows, "a", place, bounds)
    within = [*rule.keys, "slice"]
    best = greatest if upwards else least
    ends = rows.groupBy(*within).agg(best(target_value, "o1" in rule.floating).alias("end"))
    looked_at = F.col("slice").desc() if one in {"<", "<="} else F.col("slice").asc()
    over_slices = partitioned(rule.keys).orderBy(looked_at).rowsBetween(ALL, -1)
    running = F.max if upwards else F.min
    ends = ends.select(*within, running("end").over(over_slices).alias("elsewhere"))
    here = running(target_value).over(ordered(within, "a", one, tie).rowsBetween(ALL, -1))
    rows = rows.select(*within, "a", probe_value.alias("b"), "rid", here.alias("here")).join(ends, within)
    met = [F.coalesce(compare(F.col("b"), two, F.col(seen)), F.lit(False)) for seen in ("elsewhere", "here")]
    return rows.where(met[0] | met[1]).select(*within, "a", "b", "rid")


def _rows(rule: Pairs, side: int, operator: str) -> tuple[DataFrame, Column, Column, Column | None]:
    """The rows of both roles: the keys, ``a`` and ``v`` the first and second ordered values, and ``rid``.

    If both roles compare the same values and both predicates are strict, a row enters once: rows with equal ``a`` are
    sorted so that an earlier row cannot meet the second predicate with a later one.

    Args:
        side: the role of the probes.
        operator: of the second predicate, with the probe on its left.

    Returns:
        The rows; the second value where a row can be a probe, and where it can be a target; the order at equal ``a``.
    """
    from pyspark.sql import functions as F

    one, two = rule.shape.ordered[:2]
    value = F.col("v")
    tie = value.asc() if operator in {"<", "<="} else value.desc()
    kept = [*map(F.col, rule.keys), F.col("o0").alias("a"), F.col("o1").alias("v"), F.col("rid")]
    if rule.alike and one.strict and two.strict:
        return rule.first.select(*kept), value, value, tie
    if rule.shape.one_relation and one.strict and two.strict and all(p.same for p in rule.shape.equal):
        values = rule.values(0)
        roles = [rule.member(side).alias("is_probe"), rule.member(1 - side).alias("is_target")]
        keys = [values[key].alias(key) for key in rule.keys]
        rows = rule.frames[0].select(
            *keys, values["o0"].alias("a"), values["o1"].alias("v"), F.col(ROW_ID).alias("rid"), *roles
        )
        return (
            rows.where("is_probe or is_target"),
            F.when(F.col("is_probe"), value),
            F.when(F.col("is_target"), value),
            tie,
        )
    probes, targets = (rule.second, rule.first) if side else (rule.first, rule.second)
    rows = events(probes, targets, rule.keys, []).withColumnRenamed("b", "v")
    return rows, F.when(F.col("is_probe"), value), F.when(~F.col("is_probe"), value), None


def _targets(rule: Pairs, candidates: DataFrame, place: str, engine: Engine) -> DataFrame:
    """The rows of the second role that may meet one of few rows of the first role; these give the slice bounds."""
    from pyspark.sql import functions as F

    one, two = rule.shape.ordered[:2]
    upwards = two.operator in {"<", "<="}
    later = one.operator in {"<", "<="}
    known = [row["place"] for row in candidates.select(F.expr(place.format("a")).alias("place")).distinct().collect()]
    bounds = sorted(value for value in known if not math.isnan(value))
    within = [*rule.keys, "slice"]
    best = least if upwards else greatest
    placed = _in_slices(candidates.drop("slice"), "a", place, bounds, later)
    ends = placed.groupBy(*within).agg(best(F.col("b"), "o1" in rule.floating).alias("end"))
    every = engine.session.range(len(bounds) + 1).select(F.col("id").cast("int").alias("slice"))
    every = candidates.select(*rule.keys).distinct().crossJoin(every) if rule.keys else every
    looking = F.col("slice").asc() if later else F.col("slice").desc()
    so_far = partitioned(rule.keys).orderBy(looking).rowsBetween(ALL, 0)
    running = F.min if upwards else F.max
    ends = every.join(ends, within, "left").select(*within, running("end").over(so_far).alias("end"))
    rows = _in_slices(rule.second, "o0", place, bounds, later).join(F.broadcast(ends), within)
    return rows.where(compare(F.col("end"), two.operator, F.col("o1")))


def _place(kind: DataType) -> str | None:
    """SQL of the position of a value ``{}`` on a line, as a floating-point number; None for texts."""
    from pyspark.sql import types as T

    if isinstance(kind, T.NumericType):
        return "cast({} as double)"
    if isinstance(kind, T.DateType):
        return "cast(unix_date({}) as double)"
    if isinstance(kind, T.TimestampType):
        return "cast(unix_micros({}) as double)"
    return None


def _bounds(rule: Pairs, place: str, every: int) -> list[float]:
    """The bounds of the slices, from a sample of the rows of both roles."""
    from pyspark.sql import functions as F

    frames = [rule.first] if rule.alike else [rule.first, rule.second]
    values: list[float] = []
    for frame in frames:
        some = frame.where(F.pmod(F.hash("rid"), F.lit(every)) == 0)
        values += [row["place"] for row in some.select(F.expr(place.format("o0")).alias("place")).collect()]
    known = sorted(value for value in values if not math.isnan(value))
    return sorted({known[len(known) * part // SLICES] for part in range(1, SLICES)}) if known else []


def _in_slices(rows: DataFrame, column: str, place: str, bounds: Sequence[float], from_bound: bool = True) -> DataFrame:
    """The rows with the number of their ``slice``; equal values are in one, greater ones in the same or a later one.

    Args:
        from_bound: a slice includes its lower bound; otherwise its upper bound.
    """
    from pyspark.sql import functions as F

    def among(low: int, high: int) -> Column:
        if low == high:
            return F.lit(low)
        middle = (low + high) // 2
        bound = F.lit(bounds[middle])
        before = F.col("place") < bound if from_bound else F.col("place") <= bound
        return F.when(before, among(low, middle)).otherwise(among(middle + 1, high))

    placed = rows.withColumn("place", F.expr(place.format(column)))
    return placed.withColumn("slice", among(0, len(bounds))).drop("place")
