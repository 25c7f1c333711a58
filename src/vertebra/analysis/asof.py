"""Point-in-time aggregates: for each example, over the history rows that were known before its prediction time.

Lookups and history rows become one stream of events, sorted once; every aggregate is a window over the events before a
lookup. There is no join by inequality, so the cost is that of a sort, n log n:

- a history row enters the stream at the time its value becomes known;
- sums and counts over a time window are the difference of two running sums, read at the prediction time and at the
  beginning of the window;
- ``last`` is the last value before the example, if it lies in the window: a running count numbers the values, and
  events with the same count have the same last value (``last_value(… IGNORE NULLS)`` is equivalent, but scans back
  from every row on some engines, which is quadratic). The value ``lag`` values before it has a number that is lower by
  ``lag``, and is joined by number;
- ``min`` and ``max`` use a frame that slides over time;
- ``median`` and ``std`` join each lookup with the values in its window, by parts of time as long as the window.

At equal times lookups come first, so a value that becomes known at the prediction time is not used. For a feature with
``at="until"`` they come last. Only identical
events share a place in the order, so equal inputs give equal sums, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from vertebra.declare.analysis import AsOf
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, WindowSpec

_NOW, _FACT = 0, 2**31 - 1
"""Kinds of events: a lookup at the prediction time, and a history row. Any number between them is a lookup that many
seconds before the prediction time, where a time window begins."""

_EARLY_FACT: Final = -1
"""A history row of features that use what becomes known at the prediction time itself."""

_SUMS: Final = ("mean", "sum", "count")
_SPREADS: Final = ("median", "std")
_MICROS: Final = 1_000_000
_AT, _KIND, _ASKED = "_at", "_kind", "_asked"


@dataclass(frozen=True)
class History:
    """A history, and the features over it with the same ``by`` and ``known_at``.

    Attributes:
        frame: the rows.
        by: columns that ``frame`` and the examples have.
        known_at: SQL expression over ``frame``.
        not_before: SQL expression over ``frame``; a row is known at the later of the two, and if it is this one, not
            before the next microsecond for features with ``at="until"``.
        features: by name, all with the same ``at``.
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

    @property
    def until(self) -> bool:
        """Whether values that become known at the prediction time itself are known."""
        return any(feature.at == "until" for feature in self.features.values())

    @property
    def fact(self) -> int:
        """The kind of events that history rows are."""
        return _EARLY_FACT if self.until else _FACT

    def place(self, feature: AsOf) -> int:
        """The index in :attr:`values` of the expression that a feature aggregates."""
        return self.values.index(_looks_at(feature))


def _looks_at(feature: AsOf) -> tuple[str, bool]:
    return feature.value, feature.aggregate in ("mean", "sum", "difference", *_SPREADS)


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
    for history in _alike(histories):
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


def _alike(histories: Sequence[History]) -> list[History]:
    """The histories, with features of one ``at`` each."""
    return [
        replace(history, features=features)
        for history in histories
        for at in ("before", "until")
        if (features := {name: one for name, one in history.features.items() if one.at == at})
    ]


def _answers(asked: DataFrame, time: str, history: History) -> DataFrame:
    """The features of one history, for every distinct link and prediction time."""
    from pyspark.sql import functions as F

    facts = _facts(history)
    stream = facts.select("*", F.lit(history.fact).alias(_KIND), F.lit(None).cast("timestamp").alias(_ASKED))
    events = stream.unionByName(_questions(asked, time, history, facts))
    events = events.select("*", *[column.alias(name) for name, column in _running(history).items()])
    plain = {name: f for name, f in history.features.items() if f.aggregate not in (*_SUMS, *_SPREADS) and not f.back}
    looks = {name: _look(f, history).alias(name) for name, f in plain.items()}
    answers = events.select("*", *looks.values()).where(F.col(_KIND) != history.fact)
    for name, feature in history.features.items():
        if feature.back:
            answers = _lagged(answers, events, name, feature, history)
            looks[name] = F.col(name)
    links = [_q(name) for name in history.by]
    if history.windows:
        now = {name: F.first(F.when(F.col(_KIND) == _NOW, _q(name)), ignorenulls=True) for name in looks}
        aggregates = {
            name: now[name] if name in now else _difference(f, history)
            for name, f in history.features.items()
            if f.aggregate not in _SPREADS
        }
        answers = answers.groupBy(*links, _ASKED).agg(*[column.alias(name) for name, column in aggregates.items()])
    spread = {name: f for name, f in history.features.items() if f.aggregate in _SPREADS}
    found = answers.select(
        *links, _q(_ASKED).alias(time), *(_q(name) for name in history.features if name not in spread)
    )
    for name, feature in spread.items():
        found = found.join(_spread(asked, time, facts, name, feature, history), [*history.by, time], "left")
    return found


def _facts(history: History) -> DataFrame:
    """The rows of a history: the link, the time they become known, and one column for each aggregated expression."""
    from pyspark.sql import functions as F

    known = F.expr(history.known_at)
    if history.not_before is not None:
        # greatest() ignores NULLs, so a value that never becomes known would count as known
        earliest = F.expr(history.not_before)
        if history.until:  # a row is not known at its own prediction time
            earliest = earliest + F.expr("interval 1 microsecond")
        known = F.when(known.isNotNull(), F.greatest(known, earliest))
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
    each = any(f.back or f.aggregate in _SPREADS for f in history.features.values())
    return facts if history.windows or each else facts.distinct()


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
        if feature.aggregate in (*_SUMS, "last", "difference"):
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
        return F.when(_young(seen, feature, history), F.max(value).over(seen_alike))
    ends = (1 - feature.seconds * _MICROS, 0) if history.until else (-feature.seconds * _MICROS, -1)
    sliding = _partition(history).orderBy(_AT).rangeBetween(*ends)
    return (F.min if feature.aggregate == "min" else F.max)(value).over(sliding)


def _young(known: Column, feature: AsOf, history: History) -> Column:
    """Whether a value that became known before a lookup lies in its window."""
    from pyspark.sql import functions as F

    start = F.col(_AT) - F.lit(feature.seconds * _MICROS)
    return known > start if history.until else known >= start


def _lagged(answers: DataFrame, events: DataFrame, name: str, feature: AsOf, history: History) -> DataFrame:
    """Add a ``last`` or ``difference`` feature that goes back some values from the latest."""
    from pyspark.sql import functions as F

    place = history.place(feature)
    numbered = events.where((F.col(_KIND) == history.fact) & F.col(_value(place)).isNotNull())
    names = [f"_by{index}" for index in range(len(history.by))]
    links = [_q(column).alias(made) for column, made in zip(history.by, names, strict=True)]
    found = answers
    for back in (0, feature.back) if feature.aggregate == "difference" else (feature.back,):
        values = numbered.select(
            *links,
            F.col(_count(place)).alias("_number"),
            F.col(_AT).alias(f"_at{back}"),
            F.col(_value(place)).alias(f"_back{back}"),
        )
        same = [_q(column) == F.col(made) for column, made in zip(history.by, names, strict=True)]
        matched = found.join(values, [*same, F.col(_count(place)) - F.lit(back) == F.col("_number")], "left")
        found = matched.drop("_number", *names)
    young = _young(F.col(f"_at{feature.back}"), feature, history) & (F.col(_KIND) == _NOW)
    value = F.col(f"_back{feature.back}")
    result = F.col("_back0") - value if feature.aggregate == "difference" else value
    return found.withColumn(name, F.when(young, result)).drop(
        *(f"{part}{back}" for part in ("_at", "_back") for back in (0, feature.back))
    )


def _spread(asked: DataFrame, time: str, facts: DataFrame, name: str, feature: AsOf, history: History) -> DataFrame:
    """A ``median`` or ``std`` feature for every distinct link and prediction time that has values in its window."""
    from pyspark.sql import functions as F

    length = feature.seconds * _MICROS
    value = F.col(_value(history.place(feature)))
    known = facts.where(value.isNotNull()).select(
        *map(_q, history.by),
        F.col(_AT),
        value.alias("_spread"),
        F.floor(F.col(_AT) / length).cast("bigint").alias("_part"),
    )
    at = F.unix_micros(_q(time))
    part = F.floor(at / length).cast("bigint")
    lookups = asked.select(
        *map(_q, history.by), _q(time), at.alias("_now"), F.explode(F.array(part - 1, part)).alias("_part")
    )
    ago = F.col("_now") - F.col(_AT)
    inside = (ago >= 0) & (ago < length) if history.until else (ago > 0) & (ago <= length)
    found = lookups.join(known, [*history.by, "_part"]).where(inside)
    aggregate = F.median("_spread") if feature.aggregate == "median" else F.stddev_samp("_spread")
    return found.groupBy(*map(_q, [*history.by, time])).agg(aggregate.alias(name))


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
