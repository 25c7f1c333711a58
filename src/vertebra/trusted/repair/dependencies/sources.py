"""Which sources are right: the accuracy of each, estimated from what the others say about the same groups.

Rows that came from several places - web sites, feeds, agencies - are told apart by a column. Sources that agree with
the others more often weigh more in votes, and those that copy each other count less than as many independent ones; see
:mod:`vertebra.trusted.repair.dependencies.feeds`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text
from vertebra.trusted.materialised import row_count
from vertebra.trusted.repair.dependencies.evidence import PINNED, SourceFigures, SourceTrust
from vertebra.trusted.repair.dependencies.feeds import ACCURACY
from vertebra.trusted.repair.dependencies.origins import Candidate, candidates
from vertebra.trusted.repair.dependencies.source_votes import Item, source_votes

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.labels import Label
    from vertebra.trusted.repair.dependencies.groups import Ballot
    from vertebra.trusted.repair.dependencies.source_votes import Reals

_MOST_SOURCES: Final = 1000
"""A column with more values tells no sources apart."""
_FEWEST_TUPLES: Final = 5
_SIGNIFICANT: Final = 5.0
"""How many standard deviations the accuracies of sources differ more than by chance, before they are told apart."""
_MOST_VOTES: Final = 10_000
"""Accuracies are estimated from a sample of groups with about so many votes."""
_MOST_MODELS: Final = 4
_LIKELY: Final = 0.5
_GROUP: Final = ["determinant", "key", "place"]


@dataclass(frozen=True)
class TrustToFind:
    """How the sources of a table are told apart.

    Attributes:
        column: its values tell them apart; None to look for it.
        accuracy: what is declared about some of them.
    """

    column: str | None = None
    accuracy: Mapping[str, float] = field(default_factory=dict)


def source_trust(
    trust: TrustToFind, ballots: Sequence[Ballot], table: DataFrame, schema: pa.Schema, engine: Engine, scratch: Path,
    labels: Sequence[Label] = (),
) -> SourceTrust | None:  # fmt: skip
    """The weights of the sources of a table; None if it does not tell sources apart.

    Args:
        ballots: the broken groups, before anything is repaired.
        scratch: an empty folder.
        labels: what people said is true.
    """
    sources = Sources(ballots, table, engine, scratch)
    column = trust.column
    if column is None:
        used = {name for one in ballots for name in (*one.determinant.reads, *one.determinant.columns)}
        column = sources.found([one.name for one in schema if one.name not in used and _tells_apart(one.type)])
    return None if column is None else sources.trust(column, trust.accuracy, labels)


def _tells_apart(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


class Sources:
    """The sources of the tuples in broken groups.

    Args:
        ballots: the groups that vote.
        table: with ``_rid``.
        scratch: an empty folder.
    """

    def __init__(self, ballots: Sequence[Ballot], table: DataFrame, engine: Engine, scratch: Path) -> None:
        from pyspark.sql import functions as F

        self.table, self.engine, self.scratch = table, engine, scratch
        self.places = places = [
            (ballot.determinant.number, place, rule.dependency.column)
            for ballot in ballots
            for place, rule in enumerate(ballot.determinant.declared)
        ]
        self.columns = sorted({column for _, _, column in places})
        cells = reduce(lambda one, two: one.unionByName(two), [one.open_cells() for one in ballots])
        named = engine.session.createDataFrame(places, "determinant int, place int, column_name string")
        self.asked = cells.join(named, ["determinant", "place"])
        # a cell that a person decided about does not have the value of its source
        heard = F.col("value").isNotNull() & (F.col("weight") > 0) & (F.col("weight") < PINNED)
        scratch.mkdir(parents=True, exist_ok=True)
        self.cells = engine.materialise(self.asked.where(heard).drop("weight", "sure"), scratch / "cells")
        self.empty = not row_count(scratch / "cells")

    def found(self, candidates: Sequence[str]) -> str | None:
        """The column whose values differ most in how often the other tuples of a group agree with them.

        What is compared is whether a cell has the value that most others of its group have, with how many cells of the
        same group do: a column that is the same in a whole group says nothing.

        Returns:
            None if the differences may be chance.
        """
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        candidates = [] if self.empty else self._coarse(candidates)
        if not candidates:
            return None
        value, group = Window.partitionBy(*_GROUP, "value"), Window.partitionBy(*_GROUP)
        counted = self.cells.withColumn("own", F.count(F.lit(1)).over(value) - F.lit(1))
        votes = self.cells.groupBy(*_GROUP, "value").agg(F.count(F.lit(1)).alias("n"))
        order = Window.partitionBy(*_GROUP).orderBy(F.col("n").desc(), F.col("value"))
        ranked = votes.withColumn("rank", F.row_number().over(order))
        first = ranked.groupBy(*_GROUP).agg(
            F.max(F.when(F.col("rank") == 1, F.col("value"))).alias("first"),
            F.max(F.when(F.col("rank") == 1, F.col("n"))).alias("most"),
            F.coalesce(F.max(F.when(F.col("rank") == 2, F.col("n"))), F.lit(0)).alias("second"),
        )
        other = F.when(F.col("value") == F.col("first"), F.col("second")).otherwise(F.col("most"))
        cells = counted.join(first, _GROUP).where(F.col("own") != other)
        cells = cells.withColumn("agrees", (F.col("own") > other).cast("double"))
        cells = cells.withColumns({"expected": F.avg("agrees").over(group), "n": F.count(F.lit(1)).over(group)})
        cells = cells.where((F.col("expected") > 0) & (F.col("expected") < 1))
        named = [
            F.struct(F.lit(name).alias("name"), as_text(spark_identifier(name)).alias("source")) for name in candidates
        ]
        sources = self.table.select("_rid", F.explode(F.array(*named)).alias("is")).select("_rid", "is.*")
        # the cells of a tuple go together: one in the wrong group is contradicted in all of them
        tuples = cells.groupBy("_rid").agg(F.sum(F.col("agrees") - F.col("expected")).alias("more"))
        square = F.col("more") * F.col("more")
        told = tuples.join(sources.dropna(), "_rid").withColumn("square", square).groupBy("name", "source")
        sums = told.agg(F.sum("more").alias("more"), F.sum("square").alias("variance"))
        statistic: dict[str, list[float]] = defaultdict(list)
        for row in sums.where(F.col("variance") >= 1).collect():
            statistic[row["name"]].append(row["more"] ** 2 / row["variance"])
        scores = {name: _deviation(found) for name, found in statistic.items() if len(found) > 1}
        best = max(sorted(scores), key=lambda name: scores[name], default=None)
        return best if best is not None and scores[best] >= _SIGNIFICANT else None

    def _coarse(self, candidates: Sequence[str]) -> list[str]:
        """The columns with at least two values among the tuples, and not so many that each has few tuples."""
        from pyspark.sql import functions as F

        if not candidates:
            return []
        tuples = self.table.join(self.cells.select("_rid").distinct(), "_rid")
        counts = [F.approx_count_distinct(spark_identifier(name)).alias(f"n{i}") for i, name in enumerate(candidates)]
        [row] = tuples.agg(F.count(F.lit(1)).alias("rows"), *counts).collect()
        most = min(_MOST_SOURCES, row["rows"] // _FEWEST_TUPLES)
        return [name for i, name in enumerate(candidates) if 2 <= row[f"n{i}"] <= most]

    def trust(self, column: str, declared: Mapping[str, float], labels: Sequence[Label]) -> SourceTrust | None:
        """How much the cells of the values of a column weigh.

        Args:
            column: it tells the sources apart.
            declared: the accuracy of some of them, 0 to 1; that of others is estimated.
            labels: what people said is true.

        Returns:
            None if there is nothing to weigh.
        """
        from pyspark.sql import functions as F

        if self.empty:
            return None
        sources = self.table.select("_rid", as_text(spark_identifier(column)).alias("source"))
        true, wrong = self._answers(sources, labels)
        said = self.cells.join(sources.dropna(), "_rid").groupBy(*_GROUP, "column_name", "value", "source")
        votes = self.engine.materialise(said.agg(F.count(F.lit(1)).alias("n")), self.scratch / "votes")
        number = row_count(self.scratch / "votes")
        if number > _MOST_VOTES:
            votes = votes.where(_drawn(_MOST_VOTES / number, list(true)))
        rows = [tuple(row) for row in votes.select(*_GROUP, "column_name", "value", "source", "n").collect()]
        heard = source_votes(_summed([*rows, *wrong]), true, declared)
        if not heard.sources or len(heard.sources) > _MOST_SOURCES:
            return None
        models = candidates(heard)
        return as_trust(column, self.places, sources, models, self.engine)

    def _answers(self, sources: DataFrame, labels: Sequence[Label]) -> tuple[dict[Item, str], list[tuple[Any, ...]]]:
        """What people said about the groups: the true values, and what the sources of wrong cells had said."""
        about = [label for label in labels if label.column_name in self.columns]
        said = [(label.rid, label.column_name, label.old, label.new) for label in about]
        if not said:
            return {}, []
        listed = self.engine.session.createDataFrame(said, "_rid bigint, column_name string, old string, new string")
        found = self.asked.join(listed, ["_rid", "column_name"]).join(sources, "_rid", "left")
        rows = found.select(*_GROUP, "column_name", "old", "new", "source").collect()
        stated: dict[Item, set[str]] = defaultdict(set)
        for row in rows:
            if row["new"] is not None:
                stated[row["determinant"], row["key"], row["place"]].add(row["new"])
        wrong = [
            (row["determinant"], row["key"], row["place"], row["column_name"], row["old"], row["source"], 1)
            for row in rows
            if row["old"] is not None and row["old"] != row["new"] and row["source"] is not None
        ]
        # people who contradict each other say nothing
        return {item: next(iter(values)) for item, values in stated.items() if len(values) == 1}, wrong


def as_trust(
    column: str, places: Sequence[tuple[int, int, str]], sources: DataFrame, models: Sequence[Candidate], engine: Engine
) -> SourceTrust:
    """What models say of each source and column, for the engine.

    Args:
        column: it tells the sources apart.
        places: ``determinant, place, column_name`` of the dependents.
        sources: ``_rid, source``.
        models: where sources may have their values from, the most likely first; at most four are used.
    """
    heard = models[0].feeds.votes
    best = models[:_MOST_MODELS]
    shares = sum(one.share for one in best)
    asked, terms = [], []
    for model, one in enumerate(best):
        by_term = [term.round(9).tolist() for term in one.feeds.terms()]
        usual = one.feeds.accuracy().mean(0).clip(*ACCURACY)
        for determinant, place, name in places:
            if name not in heard.columns:
                continue
            i = heard.columns.index(name)
            choices = float(one.feeds.wrong[i])
            right, wrong = math.log(usual[i]), math.log((1 - usual[i]) / choices)
            asked.append((determinant, place, name, model, one.share / shares, choices, right, wrong))
        for s, source in enumerate(heard.sources):
            origin = int(one.feeds.origin[s])
            terms += [
                (
                    model,
                    name,
                    source,
                    origin,
                    *(term[s][i] for term in by_term),
                    float(one.feeds.origin_right[origin, i]),
                )
                for i, name in enumerate(heard.columns)
            ]
    create = engine.session.createDataFrame
    by_place = create(
        asked,
        "determinant int, place int, column_name string, model int, share double, choices double, "
        "usual_right double, usual_wrong double",
    )
    by_source = create(
        terms,
        "model int, column_name string, source string, origin int, right double, wrong double, "
        "more_right double, more_wrong double, sure double",
    )
    return SourceTrust(column, heard.columns, sources, by_place, by_source, figures(models))


def _drawn(share: float, kept: Sequence[Item]) -> Column:
    """Whether a group is in the sample, by a hash of its key: the same table gives the same sample.

    Args:
        share: of the groups that are in the sample.
        kept: the groups that are in it in any case.
    """
    from pyspark.sql import functions as F

    item = F.concat_ws("/", F.col("determinant").cast("string"), F.col("place").cast("string"), F.col("key"))
    digest = F.conv(F.substring(F.md5(item), 1, 8), 16, 10).cast("bigint")
    drawn = digest < F.lit(int(share * 2**32))
    return drawn | item.isin([f"{determinant}/{place}/{key}" for determinant, key, place in kept]) if kept else drawn


def _summed(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Votes with each combination once."""
    counts: dict[tuple[Any, ...], int] = defaultdict(int)
    for *vote, n in rows:
        counts[tuple(vote)] += n
    return [(*vote, n) for vote, n in counts.items()]


def _of_same_origin(sources: Sequence[str], own: int, together: Reals, copied: Reals) -> tuple[str, ...]:
    """The other sources that mostly repeat what the origin of a source has, if it does so, too."""
    if copied[own] <= _LIKELY:
        return ()
    also = (together > _LIKELY) & (copied > _LIKELY)
    return tuple(other for i, other in enumerate(sources) if i != own and also[i])


def figures(models: Sequence[Candidate]) -> tuple[SourceFigures, ...]:
    """What models say together about each source, in the order of sources and columns."""
    heard = models[0].feeds.votes
    shares = np.array([one.share for one in models])
    accuracy = np.tensordot(shares, np.stack([one.feeds.accuracy() for one in models]), 1)
    copied = np.tensordot(shares, np.stack([one.feeds.copied for one in models]), 1)
    origins = np.stack([one.feeds.origin for one in models])
    together = np.tensordot(shares, origins[:, :, None] == origins[:, None, :], 1)
    cells = np.zeros((len(heard.sources), len(heard.columns)))
    np.add.at(cells, (heard.source, heard.column), heard.count)
    return tuple(
        SourceFigures(
            source, name, round(float(accuracy[s, i]), 4), int(cells[s, i]), round(float(copied[s, i]), 4),
            _of_same_origin(heard.sources, s, together[s], copied.mean(1)),
            not math.isnan(heard.declared[s]),
        )
        for s, source in enumerate(heard.sources)
        for i, name in enumerate(heard.columns)
        if cells[s, i]
    )  # fmt: skip


def _deviation(squares: Sequence[float]) -> float:
    """By how many standard deviations a sum of squared deviations is larger than chance makes it (Wilson-Hilferty)."""
    free = len(squares) - 1
    spread = 2.0 / (9.0 * free)
    return float(((sum(squares) / free) ** (1.0 / 3.0) - (1.0 - spread)) / math.sqrt(spread))
