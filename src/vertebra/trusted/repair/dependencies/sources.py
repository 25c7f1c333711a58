"""Which sources are right: the accuracy of each, estimated from what the others say about the same groups.

Rows that came from several places - web sites, feeds, agencies - are told apart by a column. Sources that agree with
the others more often weigh more in votes. The estimate follows the idea of truth finding (Dong, Berti-Équille and
Srivastava, *Integrating conflicting data: the role of source dependence*, VLDB 2009): accuracies follow from what is
probably true, and what is probably true from accuracies.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text
from vertebra.trusted.materialised import row_count
from vertebra.trusted.repair.dependencies.evidence import FULL, SourceTrust

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.groups import Ballot

_MOST_SOURCES: Final = 1000
"""A column with more values tells no sources apart."""
_FEWEST_TUPLES: Final = 5
_SIGNIFICANT: Final = 5.0
"""How many standard deviations the accuracies of sources differ more than by chance, before they are told apart."""
_ROUNDS: Final = 6
_PRIOR: Final = 5.0
"""How many cells the accuracy of all counts for, in the estimate of one source; and its own, in that of one column."""
_BOUNDS: Final = (0.02, 0.98)
_GROUP: Final = ["determinant", "key", "place"]


@dataclass(frozen=True)
class Accuracy:
    """How often the cells of a source are right, by column: ``accuracy[source, column]``; ``mean[column]`` of all."""

    accuracy: Mapping[tuple[str, str], float]
    mean: Mapping[str, float]


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
    trust: TrustToFind, ballots: Sequence[Ballot], table: DataFrame, schema: pa.Schema, engine: Engine, scratch: Path
) -> SourceTrust | None:
    """The weights of the sources of a table; None if it does not tell sources apart.

    Args:
        ballots: the broken groups, before anything is repaired.
        scratch: an empty folder.
    """
    sources = Sources(ballots, table, engine, scratch)
    column = trust.column
    if column is None:
        used = {name for one in ballots for name in (*one.determinant.reads, *one.determinant.columns)}
        column = sources.found([one.name for one in schema if one.name not in used and _tells_apart(one.type)])
    return None if column is None else sources.trust(column, trust.accuracy)


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
        places = [
            (ballot.determinant.number, place, rule.dependency.column)
            for ballot in ballots
            for place, rule in enumerate(ballot.determinant.declared)
        ]
        self.columns = sorted({column for _, _, column in places})
        cells = reduce(lambda one, two: one.unionByName(two), [one.open_cells() for one in ballots])
        cells = cells.where(F.col("value").isNotNull() & (F.col("weight") > 0))
        named = engine.session.createDataFrame(places, "determinant int, place int, column_name string")
        cells = cells.join(named, ["determinant", "place"]).drop("weight", "sure")
        scratch.mkdir(parents=True, exist_ok=True)
        self.cells = engine.materialise(cells, scratch / "cells")
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

    def trust(self, column: str, declared: Mapping[str, float]) -> SourceTrust | None:
        """The weights of the values of a column.

        Args:
            column: it tells the sources apart.
            declared: the accuracy of some of them, 0 to 1; that of others is estimated.

        Returns:
            None if there is nothing to weigh.
        """
        from pyspark.sql import functions as F

        if self.empty:
            return None
        source = self.table.select("_rid", as_text(spark_identifier(column)).alias("source")).dropna()
        counted = self.cells.join(source, "_rid").groupBy(*_GROUP, "column_name", "value", "source")
        votes = self.engine.materialise(counted.agg(F.count(F.lit(1)).alias("n")), self.scratch / "votes")
        wrong = votes.groupBy(*_GROUP, "column_name").agg((F.count_distinct("value") - F.lit(1)).alias("wrong"))
        wrong = wrong.groupBy("column_name").agg(F.avg("wrong").alias("wrong"))
        others = {row["column_name"]: max(1.0, row["wrong"]) for row in wrong.collect()}
        found = self._estimate(votes, None, others, declared)
        for _ in range(_ROUNDS):
            found = self._estimate(votes, found, others, declared)
        weights = _weights(found, others)
        schema = ", ".join(["_source string", *(f"_trust{i} bigint" for i in range(len(self.columns)))])
        rows = [
            (name, *(weights.get((name, of), FULL) for of in self.columns))
            for name in sorted({name for name, _ in found.accuracy})
        ]
        if not rows or len(rows) > _MOST_SOURCES:
            return None
        return SourceTrust(column, tuple(self.columns), self.engine.session.createDataFrame(rows, schema))

    def _estimate(
        self, votes: DataFrame, found: Accuracy | None, others: Mapping[str, float], declared: Mapping[str, float]
    ) -> Accuracy:
        """Accuracies from how likely the values of each source are, judged by the other sources."""
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        if found is None:
            weighed = votes.withColumn("weight", F.lit(1.0))
        else:
            rows = [(*key, _log_odds(value, others[key[1]])) for key, value in sorted(found.accuracy.items())]
            said = self.engine.session.createDataFrame(rows, "source string, column_name string, weight double")
            weighed = votes.join(F.broadcast(said), ["source", "column_name"])
        value, group = Window.partitionBy(*_GROUP, "value"), Window.partitionBy(*_GROUP)
        scored = weighed.withColumn("score", F.sum(F.col("weight") * F.col("n")).over(value))
        scored = scored.withColumn("top", F.max("score").over(group))
        scored = scored.withColumn("place_of", F.row_number().over(value.orderBy("source")))
        once = F.when(F.col("place_of") == 1, F.exp(F.col("score") - F.col("top")))
        scored = scored.withColumns({"all": F.sum(once).over(group), "mine": F.exp(F.col("score") - F.col("top"))})
        without = F.exp(F.col("score") - F.col("weight") - F.col("top"))
        likely = without / (F.greatest(F.col("all") - F.col("mine"), F.lit(0.0)) + without + F.exp(-F.col("top")))
        told = scored.withColumn("right", likely * F.col("n")).groupBy("source", "column_name")
        sums = told.agg(F.sum("right").alias("right"), F.sum("n").alias("n"))
        return _shrunk([(r["source"], r["column_name"], r["right"], r["n"]) for r in sums.collect()], declared)


def _shrunk(told: Sequence[tuple[str, str, float, int]], declared: Mapping[str, float]) -> Accuracy:
    """The accuracy of each source in each column, between what its own cells say and what others do."""
    by_source: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    by_column: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for source, column, right, n in told:
        for counts in (by_source[source], by_column[column]):
            counts[0] += right
            counts[1] += n
    every = sum(right for right, _ in by_source.values()) / max(1.0, sum(n for _, n in by_source.values()))
    mean = {column: _bounded(right / n) for column, (right, n) in by_column.items()}
    accuracy = {}
    for source, column, right, n in told:
        whole, cells = by_source[source]
        own = (whole + _PRIOR * every) / (cells + _PRIOR)
        found = declared.get(source, (right + _PRIOR * own) / (n + _PRIOR))
        accuracy[source, column] = round(_bounded(found), 6)
    return Accuracy(accuracy, mean)


def _weights(found: Accuracy, others: Mapping[str, float]) -> dict[tuple[str, str], int]:
    """The weight of the cells of a source: its log-odds, where a source of mean accuracy counts :data:`FULL`."""
    unit = {column: max(math.log(2.0), _log_odds(mean, others[column])) for column, mean in found.mean.items()}
    return {
        key: max(1, round(FULL * _log_odds(value, others[key[1]]) / unit[key[1]]))
        for key, value in found.accuracy.items()
    }


def _log_odds(accuracy: float, others: float) -> float:
    return math.log(accuracy * others / (1.0 - accuracy))


def _bounded(share: float) -> float:
    return min(_BOUNDS[1], max(_BOUNDS[0], share))


def _deviation(squares: Sequence[float]) -> float:
    """By how many standard deviations a sum of squared deviations is larger than chance makes it (Wilson-Hilferty)."""
    free = len(squares) - 1
    spread = 2.0 / (9.0 * free)
    return float(((sum(squares) / free) ** (1.0 / 3.0) - (1.0 - spread)) / math.sqrt(spread))
