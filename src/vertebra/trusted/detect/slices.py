"""Rules with order predicates whose groups are large: they are cut into slices of the first ordered value.

A sorted pass over one group is one partition, on one core. Of the rows in other slices a tuple needs to know only the
best value, so slices are sorted apart, and small sorts cost less than a large one. The pass finds the tuples that
meet the first two order predicates in the first role; the tuples of the second role are found by comparing them with
the best of those, slice by slice. In clean data few rows are left, and the exact passes go over them alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.trusted.detect.roles import compare, greatest, least
from vertebra.trusted.detect.sweep import ALL, events, ordered, partitioned

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from vertebra.engine.port import Engine
    from vertebra.trusted.detect.roles import Pairs

SLICES: Final = 64
_SAMPLE: Final = 16_384
"""Values that tell where slices end; more would not make them more even."""

Roles = tuple["DataFrame", "DataFrame"]


def sliced(rule: Pairs, rows: int, most: float, engine: Engine, folder: Path) -> Roles | None:
    """The rows that may violate a rule, in each role.

    Args:
        rule: has two order predicates or more.
        rows: of the table.
        most: so many of them in the first role, and there is no use in leaving the others out.
        folder: a new folder, for what is read more than once.

    Returns:
        All that violate it, and maybe some more, as of :attr:`Pairs.first` and :attr:`Pairs.second`; None when they are
        too many, or the first ordered value is a text.
    """
    from pyspark.sql import functions as F

    place = _place(rule.first.schema["o0"].dataType)
    if place is None:
        return None
    bounds = _bounds(rule, place, max(1, rows // _SAMPLE))
    found = engine.materialise(_seeking(rule, place, bounds), folder / "seeking")
    if found.count() > most:
        return None
    second = engine.materialise(_sought(rule, found, place, bounds, engine), folder / "second")
    first = rule.first.join(found.select("rid"), "rid", "left_semi")
    if not rule.alike:
        return engine.materialise(first, folder / "first"), second
    both = first.select(*second.columns).unionAll(second).dropDuplicates(["rid"])
    both = engine.materialise(both.where(F.col("rid").isNotNull()), folder / "first")
    return both, both


def _seeking(rule: Pairs, place: str, bounds: Sequence[float]) -> DataFrame:
    """The rows that meet the keys and the first two order predicates as the first tuple: ``x…, slice, b, rid``."""
    from pyspark.sql import functions as F

    one, two = rule.shape.ordered[:2]
    upwards = two.operator in {"<", "<="}
    rows, tie = _rows(rule)
    rows = _in_slices(rows, "a", place, bounds)
    best = greatest if upwards else least
    within = [*rule.keys, "slice"]
    ends = rows.groupBy(*within).agg(best(F.col("s"), "o1" in rule.floating).alias("end"))
    looked_at = F.col("slice").desc() if one.operator in {"<", "<="} else F.col("slice").asc()
    over_slices = partitioned(rule.keys).orderBy(looked_at).rowsBetween(ALL, -1)
    running = F.max if upwards else F.min
    ends = ends.select(*within, running("end").over(over_slices).alias("elsewhere"))
    rows = rows.join(ends, within)
    here = running("s").over(ordered(within, "a", one.operator, tie).rowsBetween(ALL, -1))
    rows = rows.select(*within, "b", "rid", "elsewhere", here.alias("here"))
    met = [F.coalesce(compare(F.col("b"), two.operator, F.col(seen)), F.lit(False)) for seen in ("elsewhere", "here")]
    return rows.where(met[0] | met[1]).select(*within, "b", "rid")


def _rows(rule: Pairs) -> tuple[DataFrame, Column | None]:
    """The rows of both roles, and the order among those with equal first values.

    The columns are the keys, ``a`` the first ordered value, ``b`` the second where the row can be the first tuple,
    ``s`` the second where it can be the second tuple, and ``rid``. Where both roles look at the same values and both
    predicates are strict, a row enters once: at equal ``a``, sorted so that whoever precedes cannot meet the second
    predicate.
    """
    from pyspark.sql import functions as F

    one, two = rule.shape.ordered[:2]
    keyed_alike = rule.shape.one_relation and all(predicate.same for predicate in rule.shape.equal)
    if keyed_alike and one.strict and two.strict:
        values = rule.values(0)
        value = values["o1"]
        rows = rule.frames[0].select(
            *[values[key].alias(key) for key in rule.keys],
            values["o0"].alias("a"),
            value.alias("v"),
            F.when(rule.member(0), value).alias("b"),
            F.when(rule.member(1), value).alias("s"),
            F.col("_rid").alias("rid"),
        )
        rows = rows.where(F.col("b").isNotNull() | F.col("s").isNotNull())
        return rows, F.col("v").asc() if two.operator == "<" else F.col("v").desc()
    rows = events(rule.first, rule.second, rule.keys, [])
    return rows.select(
        *rule.keys,
        "a",
        "seeks",
        "rid",
        F.when(F.col("seeks"), F.col("b")).alias("b"),
        F.when(~F.col("seeks"), F.col("b")).alias("s"),
    ), None


def _sought(rule: Pairs, found: DataFrame, place: str, bounds: Sequence[float], engine: Engine) -> DataFrame:
    """The rows of the second role at which one of those found may look."""
    from pyspark.sql import functions as F

    one, two = rule.shape.ordered[:2]
    upwards = two.operator in {"<", "<="}
    best = least if upwards else greatest
    within = [*rule.keys, "slice"]
    ends = found.groupBy(*within).agg(best(F.col("b"), "o1" in rule.floating).alias("end"))
    every = engine.session.range(len(bounds) + 1).select(F.col("id").cast("int").alias("slice"))
    every = found.select(*rule.keys).distinct().crossJoin(every) if rule.keys else every
    looking = F.col("slice").asc() if one.operator in {"<", "<="} else F.col("slice").desc()
    so_far = partitioned(rule.keys).orderBy(looking).rowsBetween(ALL, 0)
    running = F.min if upwards else F.max
    ends = every.join(ends, within, "left").select(*within, running("end").over(so_far).alias("end"))
    columns = rule.second.columns
    rows = _in_slices(rule.second, "o0", place, bounds).join(F.broadcast(ends), within)
    return rows.where(compare(F.col("end"), two.operator, F.col("o1"))).select(*columns)


def _place(kind: DataType) -> str | None:
    """SQL that gives a value's place on a line as a floating-point number, for ``{}`` the value; None for texts."""
    from pyspark.sql import types as T

    if isinstance(kind, T.NumericType):
        return "cast({} as double)"
    if isinstance(kind, T.DateType):
        return "cast(unix_date({}) as double)"
    if isinstance(kind, T.TimestampType):
        return "cast(unix_micros({}) as double)"
    return None


def _bounds(rule: Pairs, place: str, every: int) -> list[float]:
    """Where slices end, from a sample of the rows of both roles."""
    from pyspark.sql import functions as F

    frames = [rule.first] if rule.alike else [rule.first, rule.second]
    values: list[float] = []
    for frame in frames:
        some = frame.where(F.pmod(F.hash("rid"), F.lit(every)) == 0)
        values += [row["place"] for row in some.select(F.expr(place.format("o0")).alias("place")).collect()]
    known = sorted(value for value in values if not math.isnan(value))
    return sorted({known[len(known) * part // SLICES] for part in range(1, SLICES)}) if known else []


def _in_slices(rows: DataFrame, column: str, place: str, bounds: Sequence[float]) -> DataFrame:
    """The rows with the number of their ``slice``; equal values are in one, greater ones in the same or a later one."""
    from pyspark.sql import functions as F

    def among(low: int, high: int) -> Column:
        if low == high:
            return F.lit(low)
        middle = (low + high) // 2
        before = F.col("place") < F.lit(bounds[middle])
        return F.when(before, among(low, middle)).otherwise(among(middle + 1, high))

    placed = rows.withColumn("place", F.expr(place.format(column)))
    return placed.withColumn("slice", among(0, len(bounds))).drop("place")
