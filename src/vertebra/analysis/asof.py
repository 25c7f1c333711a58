"""Point-in-time aggregates: for each example, over the history rows that were known before its prediction time.

Lookups and history rows become one stream of events, sorted once; every aggregate is a window over the events before a
lookup. There is no join by inequality, so the cost is that of a sort, n log n:

- a history row enters the stream at the time its value becomes known;
- sums and counts over a time window are the difference of two running sums, read at the prediction time and at the
  beginning of the window;
- ``last`` is the last value before the example, if it lies in the window: a running count numbers the values, and
  events with the same count have the same last value (``last_value(… IGNORE NULLS)`` is equivalent, but scans back
  from every row on some engines, which is quadratic);
- ``min`` and ``max`` use a frame that slides over time.

At equal times lookups come first, so a value that becomes known at the prediction time is not used. Only identical
events share a place in the order, so equal inputs give equal sums, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from vertebra.declare.analysis import AsOf
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, WindowSpec

_NOW, _FACT = 0, 2**31 - 1
"""Kinds of events: a lookup at the prediction time, and a history row. Any number between them is a lookup that many
seconds before the prediction time, where a time window begins."""

_SUMS: Final = ("mean", "sum", "count")
_MICROS: Final = 1_000_000
_AT, _KIND, _ASKED = "_at", "_kind", "_asked"


@dataclass(frozen=True)
class History:
    """A history, and the features over it with the same ``by`` and ``known_at``.

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

    @cached_property
    def values(self) -> tuple[tuple[str, bool], ...]:
        """The expressions that features aggregate, each once, and whether it is summed."""
        return tuple(dict.fromkeys(map(_looks_at, self.features.values())))

    @cached_property
    def windows(self) -> tuple[int, ...]:
        """The time windows of sums and counts, in seconds."""
        return tuple(sorted({f.seconds for f in self.features.values() if f.aggregate in _SUMS}))

    def place(self, feature: AsOf) -> int:
        """The index in :attr:`values` of the expression that a feature aggregates."""
        return self.values.index(_looks_at(feature))


def _looks_at(feature: AsOf) -> tuple[str, bool]:
    return feature.value, feature.aggregate in ("mean", "sum")


def add_as_of(examples: DataFrame, time: str, histories: Sequence[History]) -> DataFrame:
    """Add point-in-time features to examples.

    Args:
        examples: any columns; read once per history, so it should be cheap to read.
        time: the column with the prediction time; rows where it is NULL get no history.
        histories: their features get columns of these names.

    Returns:
        The same rows with one more column per feature; in no particular order.
    """
    from pyspark.sql import functions as F

    found = examples
    for history in histories:
        # the result depends only on link and time, which have far fewer pairs than examples, and narrower rows to sort
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
    """The features of one history, for every distinct link and prediction time."""
    from pyspark.sql import functions as F

    facts = _facts(history)
    stream = facts.select("*", F.lit(_FACT).alias(_KIND), F.lit(None).cast("timestamp").alias(_ASKED))
    events = stream.unionByName(_questions(asked, time, history, facts))
    events = events.select("*", *[column.alias(name) for name, column in _running(history).items()])
    looks = {name: _look(f, history).alias(name) for name, f in history.features.items() if f.aggregate not in _SUMS}
    answers = events.select("*", *looks.values()).where(F.col(_KIND) != _FACT)
    links = [_q(name) for name in history.by]
    if history.windows:
        now = {name: F.first(F.when(F.col(_KIND) == _NOW, _q(name)), ignorenulls=True) for name in looks}
        aggregates = {
            name: now[name] if name in now else _difference(f, history) for name, f in history.features.items()
        }
        answers = answers.groupBy(*links, _ASKED).agg(*[column.alias(name) for name, column in aggregates.items()])
    return answers.select(*links, _q(_ASKED).alias(time), *map(_q, history.features))


def _facts(history: History) -> DataFrame:
    """The rows of a history: the link, the time they become known, and one column for each aggregated expression."""
    from pyspark.sql import functions as F

    known = F.expr(history.known_at)
    if history.not_before is not None:
        # greatest() ignores NULLs, so a value that never becomes known would count as known
        known = F.when(known.isNotNull(), F.greatest(known, F.expr(history.not_before)))
    values = []
    for place, (expression, number) in enumerate(history.values):
        value = F.expr(expression)
        if number:
            value = value.cast("double")
            # an infinity or NaN would stay in the running sum
            value = F.when(F.abs(value) < F.lit(float("inf")), value)
        values.append(value.alias(_value(place)))
    frame = history.frame.select(*map(_q, history.by), F.unix_micros(known).alias(_AT), *values)
    facts = frame.where(_all_known([*history.by, _AT]))
    return facts if history.windows else facts.distinct()


def _questions(asked: DataFrame, time: str, history: History, facts: DataFrame) -> DataFrame:
    """A lookup for every prediction time, and one for the beginning of each of its time windows."""
    from pyspark.sql import functions as F

    values = [_value(place) for place in range(len(history.values))]
    nothing = [F.lit(None).cast(facts.schema[value].dataType).alias(value) for value in values]
    kinds = F.explode(F.array(*[F.lit(kind) for kind in (_NOW, *history.windows)]))
    rows = asked.select(*map(_q, history.by), _q(time).alias(_ASKED), kinds.alias(_KIND))
    ago = F.col(_KIND).cast("bigint") * _MICROS
    return rows.select("*", (F.unix_micros(_ASKED) - ago).alias(_AT), *nothing)


def _running(history: History) -> dict[str, Column]:
    """Running sums and counts of the aggregated expressions; features that need the same one share it."""
    from pyspark.sql import functions as F

    before = _before(history)
    found = {}
    for feature in history.features.values():
        place = history.place(feature)
        if feature.aggregate in (*_SUMS, "last"):
            found[_count(place)] = F.count(_value(place)).over(before)
        if feature.aggregate in ("sum", "mean"):
            found[_sum(place)] = F.coalesce(F.sum(_value(place)).over(before), F.lit(0.0))
    return found


def _look(feature: AsOf, history: History) -> Column:
    """The column of a ``last``, ``min`` or ``max`` feature, read at the prediction time."""
    from pyspark.sql import functions as F

    place = history.place(feature)
    value = F.col(_value(place))
    if feature.aggregate == "last":
        seen_alike = _partition(history, _count(place))
        seen = F.max(F.when(value.isNotNull(), F.col(_AT))).over(seen_alike)
        young = seen >= F.col(_AT) - F.lit(feature.seconds * _MICROS)
        return F.when(young, F.max(value).over(seen_alike))
    sliding = _partition(history).orderBy(_AT).rangeBetween(-feature.seconds * _MICROS, -1)
    return (F.min if feature.aggregate == "min" else F.max)(value).over(sliding)


def _difference(feature: AsOf, history: History) -> Column:
    """A sum, count or mean over a time window: the running value at its end minus the one at its beginning."""
    from pyspark.sql import functions as F

    def within(name: str) -> Column:
        end, beginning = F.col(_KIND) == _NOW, F.col(_KIND) == feature.seconds
        return F.sum(F.when(end, _q(name)).when(beginning, -_q(name)))

    place = history.place(feature)
    count = within(_count(place))
    if feature.aggregate == "count":
        return count
    total = within(_sum(place))
    return F.when(count > 0, total if feature.aggregate == "sum" else total / count)


def _value(place: int) -> str:
    return f"_v{place}"


def _count(place: int) -> str:
    return f"_n{place}"


def _sum(place: int) -> str:
    return f"_s{place}"


def _before(history: History) -> WindowSpec:
    """All events up to this one, in the total order that every running aggregate uses."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    values = [F.col(_value(place)).asc_nulls_first() for place in range(len(history.values))]
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


def _q(name: str) -> Column:
    """A column by its exact name, which may contain dots."""
    from pyspark.sql import functions as F

    return F.col(spark_identifier(name))
