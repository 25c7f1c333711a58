"""Point-in-time aggregates: what was known of the past at each example's prediction time.

Examples and history become one stream of events, sorted once; every aggregate is a window over the events before an
example. There is no join by inequality, so the cost is that of a sort, n log n:

- a history row enters the stream when its value becomes known, and a second event takes it back when it leaves the
  time window: sums and counts are then running sums, with frames that only look back;
- ``last`` is the last value before the example, if it is young enough: a running count of values numbers them, and
  the events that have counted equally many have seen the same last one (``last_value(… IGNORE NULLS)`` says the same,
  but scans back from every row on some engines: quadratic);
- ``min`` and ``max`` use a frame that slides over time.

At equal times examples come first, so what becomes known at the prediction time is not known yet. The order of events
is total up to identical rows: equal inputs give equal sums, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.declare.analysis import AsOf

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, WindowSpec

_EXAMPLE, _ENTERS, _LEAVES = 0, 1, 2
_SUMS: Final = ("mean", "sum", "count")
_MICROS: Final = 1_000_000
_AT, _KIND = "_at", "_kind"


@dataclass(frozen=True)
class History:
    """Rows to look back into, and the features that look alike: same link, same moment of becoming known.

    Attributes:
        frame: the rows.
        by: columns that ``frame`` and the examples have.
        known_at: SQL expression over ``frame``.
        not_before: SQL expression over ``frame``; a row is known at the later of the two.
        features: by name.
    """

    frame: DataFrame
    by: tuple[str, ...]
    known_at: str
    not_before: str | None
    features: Mapping[str, AsOf]


def add_as_of(examples: DataFrame, time: str, histories: Sequence[History]) -> DataFrame:
    """Add point-in-time features to examples.

    Args:
        examples: any columns; read once per history, so it should be cheap to read.
        time: the column with the prediction time; where it is NULL, there is no history.
        histories: their features get columns of these names.

    Returns:
        The same rows with one more column per feature; in no particular order.
    """
    from pyspark.sql import functions as F

    found = examples
    for history in histories:
        # what is known depends on the link and the moment only: far fewer pairs than examples, and narrow rows to sort
        link = [*history.by, time]
        asked = examples.select(*map(_q, link)).where(_all_known(link)).distinct()
        answers = _answers(asked, time, history)
        found = found.join(answers, link, "left").select(*map(_q, found.columns), *map(_q, history.features))
        counts = {
            name: F.coalesce(_q(name), F.lit(0).cast("bigint"))
            for name, f in history.features.items()
            if f.aggregate == "count"
        }
        found = found.withColumns(counts) if counts else found
    return found


def _answers(asked: DataFrame, time: str, history: History) -> DataFrame:
    """The features of one history for every link and moment asked for."""
    from pyspark.sql import functions as F

    facts = _facts(history)
    windows = sorted({f.seconds for f in history.features.values() if f.aggregate in _SUMS})
    events = asked.select(
        "*", F.unix_micros(_q(time)).alias(_AT), F.lit(_EXAMPLE).alias(_KIND), *_nothing(history, facts)
    )
    for seconds in (None, *windows):
        events = events.unionByName(_shaped(facts, asked, history, seconds))
    counts = [
        F.count(f"_v{index}").over(_before(history)).alias(f"_c{index}")
        for index, (_, feature) in _numbered(history)
        if feature.aggregate == "last"
    ]
    events = events.select("*", *counts) if counts else events
    computed = [_aggregate(index, feature, history).alias(name) for index, (name, feature) in _numbered(history)]
    return events.select(*map(_q, asked.columns), _KIND, *computed).where(F.col(_KIND) == _EXAMPLE).drop(_KIND)


def _facts(history: History) -> DataFrame:
    """What the history says and when: the link, the moment, and one value column per feature."""
    from pyspark.sql import functions as F

    known = F.expr(history.known_at)
    if history.not_before is not None:
        # NULL stays NULL: greatest() would pass over it, and call known what never was
        known = F.when(known.isNotNull(), F.greatest(known, F.expr(history.not_before)))
    values = []
    for index, (_, feature) in _numbered(history):
        value = F.expr(feature.value)
        if feature.aggregate in ("mean", "sum"):
            value = value.cast("double")
            # one infinity or NaN would stay in the running sum for good
            value = F.when(F.abs(value) < F.lit(float("inf")), value)
        values.append(value.alias(f"_v{index}"))
    frame = history.frame.select(*map(_q, history.by), F.unix_micros(known).alias(_AT), *values)
    facts = frame.where(_all_known([*history.by, _AT]))
    repeats_matter = any(feature.aggregate in _SUMS for feature in history.features.values())
    return facts if repeats_matter else facts.distinct()


def _nothing(history: History, facts: DataFrame) -> list[Column]:
    from pyspark.sql import functions as F

    empty = []
    for index, (_, feature) in _numbered(history):
        empty.append(F.lit(None).cast(facts.schema[f"_v{index}"].dataType).alias(f"_v{index}"))
        if feature.aggregate in _SUMS:
            empty.append(F.lit(None).cast("bigint").alias(f"_n{index}"))
    return empty


def _shaped(facts: DataFrame, asked: DataFrame, history: History, leaving: int | None) -> DataFrame:
    """The history as events like the asked ones: entering, or leaving windows of ``leaving`` seconds."""
    from pyspark.sql import functions as F

    columns = []
    for field in asked.schema:
        known = _q(field.name) if field.name in history.by else F.lit(None)
        columns.append(known.cast(field.dataType).alias(field.name))
    moment = F.col(_AT) if leaving is None else F.col(_AT) + F.lit(leaving * _MICROS)
    columns += [moment.alias(_AT), F.lit(_ENTERS if leaving is None else _LEAVES).alias(_KIND)]
    for index, (_, feature) in _numbered(history):
        value = F.col(f"_v{index}")
        sums = feature.aggregate in _SUMS
        concerned = leaving is None or (sums and feature.seconds == leaving)
        kind = facts.schema[f"_v{index}"].dataType
        signed = value if leaving is None or feature.aggregate == "count" else -value
        columns.append((signed if concerned else F.lit(None).cast(kind)).alias(f"_v{index}"))
        if sums:
            one = F.when(value.isNotNull(), F.lit(1 if leaving is None else -1)).cast("bigint")
            columns.append((one if concerned else F.lit(None).cast("bigint")).alias(f"_n{index}"))
    return facts.select(*columns)


def _aggregate(index: int, feature: AsOf, history: History) -> Column:
    """The column of one feature, to be read at the example's event."""
    from pyspark.sql import functions as F

    value = F.col(f"_v{index}")
    before = _before(history)
    match feature.aggregate:
        case "count":
            return F.sum(f"_n{index}").over(before)
        case "sum" | "mean":
            number = F.sum(f"_n{index}").over(before)
            total = F.sum(value).over(before)
            return F.when(number > 0, total if feature.aggregate == "sum" else total / number)
        case "last":
            seen_alike = _partition(history, f"_c{index}")
            seen = F.max(F.when(value.isNotNull(), F.col(_AT))).over(seen_alike)
            young = seen >= F.col(_AT) - F.lit(feature.seconds * _MICROS)
            return F.when(young, F.max(value).over(seen_alike))
        case "min" | "max":
            sliding = _partition(history).orderBy(_AT).rangeBetween(-feature.seconds * _MICROS, -1)
            return (F.min if feature.aggregate == "min" else F.max)(value).over(sliding)


def _before(history: History) -> WindowSpec:
    """All events up to this one, in the one total order that every running aggregate shares."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    values = [F.col(f"_v{index}").asc_nulls_first() for index, _ in _numbered(history)]
    ordered = _partition(history).orderBy(F.col(_AT), F.col(_KIND), *values)
    return ordered.rowsBetween(Window.unboundedPreceding, Window.currentRow)


def _partition(history: History, *also: str) -> WindowSpec:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    columns = [_q(name) for name in (*history.by, *also)]
    return Window.partitionBy(*columns or [F.lit(1)])


def _all_known(columns: Sequence[str]) -> Column:
    from functools import reduce
    from operator import and_

    return reduce(and_, [_q(name).isNotNull() for name in columns])


def _numbered(history: History) -> list[tuple[int, tuple[str, AsOf]]]:
    return list(enumerate(history.features.items()))


def _q(name: str) -> Column:
    """A column by its exact name, dots and all."""
    from pyspark.sql import functions as F

    return F.col("`" + name.replace("`", "``") + "`")
