"""How each tuple stands in its groups: how many of its attributes the other tuples of the group share or contradict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.dependencies.evidence import FULL, PINNED, SILENT
from vertebra.trusted.repair.dependencies.misspelt import without_misspelt
from vertebra.trusted.repair.dependencies.truth import weighed
from vertebra.trusted.repair.dependencies.votes import verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.evidence import SourceTrust
    from vertebra.trusted.repair.dependencies.groups import Ballot
    from vertebra.trusted.repair.dependency import Determinant


_GROUP: Final = ["determinant", "key", "place"]


@dataclass(frozen=True)
class Figures:
    """What the tuples of the broken groups of a determinant say together.

    Attributes:
        contradicted: cells that have another value than their group.
        suspects: tuples that seem to stand in the wrong group.
        exceptions: tuples with one such cell, of a value that other groups have, whose other attributes agree with the
            group.
        values: for each dependent, how many values its groups support.
    """

    contradicted: int = 0
    suspects: int = 0
    exceptions: int = 0
    values: Mapping[int, int] = field(default_factory=dict)


class Standing:
    """The tuples of all ballots of a round.

    A tuple is suspect in a determinant if its group contradicts two or more of its attributes, and more than it shares:
    then the determinant is wrong rather than they. A suspect tuple has no vote in that group. In other groups a tuple's
    votes weigh the less, the more of its attributes are contradicted elsewhere. What a person decided about it counts
    in its group, unless another group has its attributes.

    Attributes:
        cells: of the open dependents of all ballots, see :mod:`vertebra.trusted.repair.dependencies.votes`, and
            ``sure``: how many other dependents all tuples of the group share.
        ballots: by the number of the determinant.
        winners: ``determinant, key, place, value, support``: what two or more tuples of a group support.
        figures: by the number of the determinant.

    Args:
        trust: how the sources of tuples weigh; None if they do not.
        exempt: ``determinant, place, _rid`` of cells for which the dependency does not hold: what a person set in them
            counts as any other value; None for none.
    """

    def __init__(
        self, ballots: Sequence[Ballot], engine: Engine, folder: Path, trust: SourceTrust | None = None,
        exempt: DataFrame | None = None,
    ) -> None:  # fmt: skip
        from pyspark.sql import functions as F

        self._engine, self._folder, self._by_source = engine, folder, trust is not None
        self.ballots = {ballot.determinant.number: ballot for ballot in ballots}
        cells = _union([ballot.open_cells() for ballot in ballots])
        self.cells = engine.materialise(_without_pins(cells, exempt), folder / "cells")
        if trust is not None:
            self.cells = engine.materialise(weighed(self.cells, trust), folder / "cells_of_sources")
        self._verdicts = engine.materialise(verdicts(self.cells), folder / "verdicts")
        found = self._verdicts.where(~F.col("tied") & (F.col("support") > 1))
        winners = found.select(*_GROUP, F.col("winner").alias("value"), "support")
        agreed = _union([ballot.agreed() for ballot in ballots])
        self.winners = engine.materialise(winners.unionByName(agreed), folder / "winners")
        spelt = without_misspelt(self.cells, self._verdicts, self.winners, engine, folder / "misspelt")
        if spelt is not None:
            self.cells = engine.materialise(spelt, folder / "spelt")
            self._verdicts = engine.materialise(verdicts(self.cells), folder / "verdicts_of_spelt")
        beside = self.cells.join(self._verdicts, _GROUP)
        odd = beside.where(_is_odd() & ~F.col("tied")).select("_rid").distinct()
        self._profile = engine.materialise(self._with_known(beside.join(odd, "_rid", "left_semi")), folder / "profile")
        relocating = [ballot.determinant.number for ballot in ballots if may_relocate(ballot.determinant)]
        self._rows = engine.materialise(self._standing(relocating, alone=len(ballots) == 1), folder / "rows")
        self.figures = self._figures()

    def _with_known(self, cells: DataFrame) -> DataFrame:
        """A profile with ``known``: whether the value of a cell is what some group supports, and no misspelling."""
        from pyspark.sql import functions as F

        known = self.winners.select("determinant", "place", "value").distinct().withColumn("known", F.lit(True))
        joined = cells.join(known, ["determinant", "place", "value"], "left")
        return joined.withColumn("known", F.coalesce("known", F.lit(False)))

    def _standing(self, relocating: Sequence[int], *, alone: bool) -> DataFrame:
        """``determinant, _rid, against, agreeing, swapped, suspect, trust`` of tuples that some group contradicts, or
        that have an empty cell."""
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        heard = F.col("value").isNotNull() & ~F.col("tied")
        differs = heard & (F.col("value") != F.col("winner"))
        shares = heard & (F.col("value") == F.col("winner")) & (F.col("support") > 1)
        rows = self._profile.groupBy("determinant", "_rid").agg(
            F.sum(differs.cast("bigint")).alias("against"),
            (F.sum(shares.cast("bigint")) + F.max("sure")).alias("agreeing"),
            F.sum((differs & F.col("known")).cast("bigint")).alias("swapped"),
        )
        suspect = (F.col("against") > 1) & (F.col("against") > F.col("agreeing"))
        suspect = suspect & F.col("determinant").isin(list(relocating)) if relocating else F.lit(False)
        tuple_ = Window.partitionBy("_rid")
        against = F.sum("against").over(tuple_) - F.col("against")
        agreeing = F.sum("agreeing").over(tuple_) - F.col("agreeing")
        trust = F.lit(FULL).cast("bigint") if alone else _trust(against, agreeing)
        return rows.withColumns({"suspect": suspect, "trust": trust, "moved": F.lit(False)})

    def _figures(self) -> dict[int, Figures]:
        from pyspark.sql import functions as F

        exception = (F.col("against") == 1) & (F.col("agreeing") > 0) & (F.col("swapped") == 1)
        counted = self._rows.groupBy("determinant").agg(
            F.sum("against").alias("contradicted"),
            F.sum(F.col("suspect").cast("bigint")).alias("suspects"),
            F.sum(exception.cast("bigint")).alias("exceptions"),
        )
        values = self.winners.groupBy("determinant", "place").agg(F.count_distinct("value").alias("values"))
        values = values.groupBy("determinant").agg(F.collect_list(F.struct("place", "values")).alias("values"))
        return {
            row["determinant"]: Figures(
                row["contradicted"],
                row["suspects"],
                row["exceptions"],
                {one[0]: one[1] for one in row["values"]},
            )
            for row in counted.join(values, "determinant").collect()
        }

    @property
    def suspected(self) -> frozenset[int]:
        """The determinants that have suspect tuples, by number."""
        return frozenset(number for number, one in self.figures.items() if one.suspects)

    def after_moves(self, moved: DataFrame) -> None:
        """Take note of the suspect tuples that another group explains: there, what people decided says nothing here.

        Where tuples come from sources, suspect tuples that no other group explains are those of a source that is often
        wrong, and are suspect no more.

        Args:
            moved: ``determinant, _rid`` of those that another group explains.
        """
        from pyspark.sql import functions as F

        tuple_ = ["determinant", "_rid"]
        found = moved.select(*tuple_).distinct().withColumn("_moved", F.lit(True))
        rows = self._rows.join(found, tuple_, "left").withColumn("moved", F.coalesce("_moved", F.lit(False)))
        if self._by_source:
            rows = rows.withColumn("suspect", F.col("suspect") & F.col("moved"))
        self._rows = self._engine.materialise(rows.drop("_moved"), self._folder / "moved")
        self.figures = self._figures()

    def agreements(self) -> DataFrame:
        """``determinant, _rid, against, agreeing, suspect`` of tuples that some group contradicts."""
        return self._rows.select("determinant", "_rid", "against", "agreeing", "suspect")

    def suspects(self) -> DataFrame:
        """``determinant, _rid, against, agreeing`` of the suspect tuples."""
        return self._rows.where("suspect").select("determinant", "_rid", "against", "agreeing")

    def voted(self) -> DataFrame:
        """The cells that their groups contradict or could fill, and the other cells of the same tuples.

        The votes are weighed, and suspect tuples are left out.

        Returns:
            ``determinant, _rid, place, value, winner, won, support, rival, voters, known`` (whether another group has
            the value), ``against, agreeing``; without ties.
        """
        from pyspark.sql import functions as F

        tuple_ = ["determinant", "_rid"]
        cells, found = self.cells, self._verdicts
        if len(self.ballots) > 1 or self.suspected:
            cells = self._weighed()
            found = self._engine.materialise(verdicts(cells), self._folder / "weighed")
        beside = cells.join(found.where(~F.col("tied")), _GROUP)
        odd = self._engine.materialise(self._with_known(beside.where(_is_odd())), self._folder / "odd")
        contradicted = self._rows.where(F.col("against") > 0).select("_rid")
        tuples = odd.select("_rid").unionByName(contradicted).distinct()
        others = beside.where(~_is_odd()).join(tuples, "_rid", "left_semi").withColumn("known", F.lit(False))
        rows = self._rows.select(*tuple_, "suspect", "against", "agreeing")
        joined = odd.unionByName(others.select(*odd.columns)).join(rows, tuple_, "left")
        joined = joined.where(~F.coalesce("suspect", F.lit(False)))
        nothing = F.lit(0).cast("bigint")
        counts = {name: F.coalesce(name, nothing) for name in ("against", "agreeing")}
        return joined.withColumns(counts).drop("suspect", "key", "weight", "sure", "tied", "second")

    def _weighed(self) -> DataFrame:
        """The cells; votes weigh what the tuple is trusted, and those of suspect tuples nothing."""
        from pyspark.sql import functions as F

        tuple_ = ["determinant", "_rid"]
        observed = (F.col("weight") < PINNED) | F.coalesce("moved", F.lit(False))
        trust = F.coalesce("trust", F.lit(FULL).cast("bigint"))
        weight = F.floor(F.col("weight").cast("double") * trust / F.lit(float(FULL))).cast("bigint")
        weight = F.when(F.coalesce("suspect", F.lit(False)), F.lit(SILENT).cast("bigint")).otherwise(weight)
        cells = self.cells.join(self._rows.select(*tuple_, "suspect", "trust", "moved"), tuple_, "left")
        weight = F.when(observed, weight).otherwise(F.col("weight"))
        return cells.withColumn("weight", weight).drop("suspect", "trust", "moved")


def _without_pins(cells: DataFrame, exempt: DataFrame | None) -> DataFrame:
    """The cells, where what a person set in exempt ones weighs as much as any other value."""
    from pyspark.sql import functions as F

    if exempt is None:
        return cells
    among = cells.join(exempt.withColumn("_exempt", F.lit(True)), ["determinant", "place", "_rid"], "left")
    plain = F.coalesce("_exempt", F.lit(False)) & (F.col("weight") >= PINNED)
    weight = F.when(plain, F.lit(FULL).cast("bigint")).otherwise(F.col("weight"))
    return among.withColumn("weight", weight).drop("_exempt")


def _is_odd() -> Column:
    """Whether a cell is empty or has another value than the winner."""
    from pyspark.sql import functions as F

    return F.col("value").isNull() | (F.col("value") != F.col("winner"))


def may_relocate(determinant: Determinant) -> bool:
    """Whether the rules let a wrong determinant be replaced: it is one column, with two or more dependents."""
    return (
        determinant.column is not None
        and len(determinant.rules) > 1
        and all(rule.relocates for rule in determinant.rules)
    )


def _union(frames: Sequence[DataFrame]) -> DataFrame:
    return reduce(lambda first, second: first.unionByName(second), frames)


def _trust(against: Column, agreeing: Column) -> Column:
    """The weight of a tuple's votes by what its other groups say, from a fraction of :data:`FULL` to all of it."""
    from pyspark.sql import functions as F

    share = (agreeing + F.lit(1)).cast("double") / (agreeing + against + F.lit(1)).cast("double")
    return F.floor(share * F.lit(float(FULL))).cast("bigint")
