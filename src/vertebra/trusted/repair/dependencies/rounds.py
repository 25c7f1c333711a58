"""Rounds of repair: the dependencies of a table vote together, until no repair follows from the last ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.trusted.materialised import row_count, value_counts
from vertebra.trusted.repair.apply import apply_repairs
from vertebra.trusted.repair.dependencies.chances import MOST, Chances, chances_of
from vertebra.trusted.repair.dependencies.evidence import PINNED
from vertebra.trusted.repair.dependencies.fit import fit
from vertebra.trusted.repair.dependencies.groups import Ballot, Groups
from vertebra.trusted.repair.dependencies.hold import held
from vertebra.trusted.repair.dependencies.neighbours import doubted, doubts, neighbours
from vertebra.trusted.repair.dependencies.proposals import (
    CELL,
    PLACE,
    one_per_cell,
    proposed,
    rule_table,
    without_conflicts,
)
from vertebra.trusted.repair.dependencies.relocate import explained, relocations
from vertebra.trusted.repair.dependencies.sources import TrustToFind, source_trust
from vertebra.trusted.repair.dependencies.standing import Figures, Standing, may_relocate
from vertebra.trusted.repair.exceptions import EXCEPTION, exceptions

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.labels import Label
    from vertebra.trusted.repair.dependencies.evidence import CellWeights, SourceTrust
    from vertebra.trusted.repair.dependency import Determinant

_MOST_ROUNDS: Final = 8
"""What is still broken then is reported. Every cell changes at most once, so the rounds would end without it, too."""


@dataclass(frozen=True)
class Solution:
    """What the dependencies of a table say about its cells.

    Attributes:
        cells: ``rule, rid, column_name, old, new, method, confidence, support, evidence``, at most one row for a cell;
            None if there is nothing to repair.
        left: the same and ``reason``, of cells that are not repaired: ``tie`` where others are as well supported,
            ``unsure``, or ``exception`` where the rule does not hold; None if there are none.
        trust: how votes were weighed by the sources of tuples; None if they were not.
    """

    cells: DataFrame | None = None
    left: DataFrame | None = None
    trust: SourceTrust | None = None


class Rounds:
    """The repair of the dependencies of a table, together.

    Args:
        due: the rules to repair; others are repaired if the repairs of these break them.
        table: the declared columns and ``_rid``.
        schema: of the table.
        decided: ``rid, column_name`` of cells that are not changed; None if there are none.
        accepted: ``rule, rid`` of violations that are not repaired; None if there are none.
        rows: number of rows of the table.
        scratch: an empty folder.
        trust: how sources are told apart; None if all weigh the same.
        labels: what people said is true.
    """

    def __init__(
        self,
        determinants: Sequence[Determinant],
        due: Collection[str],
        table: DataFrame,
        schema: pa.Schema,
        weights: CellWeights,
        decided: DataFrame | None,
        accepted: DataFrame | None,
        rows: int,
        engine: Engine,
        scratch: Path,
        trust: TrustToFind | None = None,
        labels: Sequence[Label] = (),
    ) -> None:
        self.determinants, self.table, self.schema, self.weights = determinants, table, schema, weights
        self.rows, self.engine, self.scratch = rows, engine, scratch
        self.due, self.accepted, self.trust, self.labels = due, accepted, trust, labels
        self.fixed = [decided] if decided is not None else []
        self.made: list[DataFrame] = []
        self.left: list[DataFrame] = []
        self.columns: set[str] = set()
        self.searched = False
        self.wrong_determinants = 0.0
        self.exceptions: DataFrame | None = None
        self.exempt: DataFrame | None = None

    def solution(self) -> Solution:
        """Repair, round by round."""
        active = [one for one in self.determinants if any(rule.rule.name in self.due for rule in one.rules)]
        if self.trust is not None:
            self.weights = replace(self.weights, trust=self._trusted(active, self.trust))
        self.exempt = self._exempt(active)
        for number in range(_MOST_ROUNDS):
            folder = self.scratch / f"round{number}"
            folder.mkdir()
            changed = self._round(active, folder)
            if not changed:
                break
            self.columns |= changed
            active = [one for one in self.determinants if self._follows(one, changed)]
            if not active:
                break
        return Solution(_union(self.made), self._all_left(), self.weights.trust)

    def _trusted(self, active: Sequence[Determinant], trust: TrustToFind) -> SourceTrust | None:
        """The weights of sources, from the groups that are broken before anything is repaired."""
        folder = self.scratch / "sources"
        ballots = self._broken(active, self.table, folder)
        if not ballots:
            return None
        return source_trust(trust, ballots, self.table, self.schema, self.engine, folder, self.labels)

    def _exempt(self, active: Sequence[Determinant]) -> DataFrame | None:
        """``determinant, place, _rid`` of the cells that people set and that are exceptions of a dependency.

        They are those of accepted violations, and those for which the dependency does not seem to hold if all values
        weigh the same.
        """
        from pyspark.sql import functions as F

        pinned = None if self.weights.cells is None else self.weights.cells.where(F.col("weight") == F.lit(PINNED))
        if pinned is None or pinned.isEmpty():
            return None
        folder = self.scratch / "exempt"
        folder.mkdir()
        ballots = self._broken(active, self.table, folder)
        if not ballots:
            return None
        chances = Chances({one.number: MOST for one in self.determinants}, 1.0)
        rules = rule_table(self.determinants, chances, self.engine, self.weights.trust).where("not implied")
        cells = rules.select(*PLACE, "rule", "column_name").join(pinned.select("rid", "column_name"), "column_name")
        every = cells.select(*PLACE, F.col("rid").alias("_rid"))
        standing = Standing(ballots, self.engine, folder / "standing", self.weights.trust, every)
        contradicted = proposed(standing, rules, chances).where("change and old is not null")
        found = [] if self.accepted is None else [self.accepted.select("rule", "rid")]
        contradicting = self._dissenting(contradicted, folder / "exceptions", standing, rules)
        if contradicting is not None:
            found.append(contradicting.select("rule", "rid"))
        if not found:
            return None
        exempt = cells.join(reduce(_both, found).distinct(), ["rule", "rid"])
        return self.engine.materialise(exempt.select(*PLACE, F.col("rid").alias("_rid")), folder / "cells")

    def _broken(self, active: Sequence[Determinant], table: DataFrame, folder: Path) -> list[Ballot]:
        """The ballots of the determinants that have broken groups."""
        found = []
        for one in active:
            ballot = Ballot(one, table, self.schema, self.weights, self.engine, folder / f"groups{one.number}")
            if ballot.broken:
                found.append(ballot)
        return found

    def _follows(self, one: Determinant, changed: set[str]) -> bool:
        """Whether changes may make other groups, or other votes in groups, than those just decided."""
        others = {column for other in self.determinants if other is not one for column in other.columns}
        return bool(changed & one.reads or changed & set(one.columns) & others)

    def _round(self, active: Sequence[Determinant], folder: Path) -> set[str]:
        """One round; the columns in which it changed cells."""
        table = self._repaired(folder / "table") if self.made else self.table
        ballots = self._broken(active, table, folder)
        if not ballots:
            return set()
        standing = Standing(ballots, self.engine, folder / "standing", self.weights.trust, self.exempt)
        chances = chances_of(standing, 0, self.rows)
        moved = [ballot for ballot in ballots if ballot.determinant.number in standing.suspected]
        found = []
        if moved:
            moves = relocations(moved, standing, chances, self.engine, self.weights.trust)
            found.append(self.engine.materialise(moves, folder / "moves"))
            standing.after_moves(self._of_determinants(self._open(found[0]), moved))
            chances = chances_of(standing, row_count(folder / "moves"), self.rows)
        # of what is left in later rounds, less shows how often determinants are wrong
        self.wrong_determinants = max(self.wrong_determinants, chances.determinant)
        chances = replace(chances, determinant=self.wrong_determinants)
        rules = rule_table(self.determinants, chances, self.engine, self.weights.trust)
        found += self._proposed(standing, rules, chances, ballots, folder)
        every = reduce(_both, found)
        proposals = self.engine.materialise(self._open(every), folder / "proposals")
        if not row_count(folder / "proposals"):
            return set()
        # tuples that a person kept as they are still contradict their groups
        asked = every if self.fixed and not self.searched else proposals
        proposals = self._without_exceptions(proposals, asked, folder, standing, rules)
        proposals = self._with_held(proposals, folder, table, standing, rules)
        gains = self._gains(
            proposals, set(value_counts(folder / "proposals", "column_name", ("change", True))), table, standing
        )
        if gains is not None:
            gains = self.engine.materialise(gains, folder / "gains")
        best = self.engine.materialise(one_per_cell(proposals, gains), folder / "best")
        decided = self.engine.materialise(without_conflicts(best), folder / "decided")
        from pyspark.sql import functions as F

        repairs = decided.where(F.col("reason") == "").select(*CELL)
        changed = set(value_counts(folder / "decided", "column_name", ("reason", "")))
        self.left.append(decided.where(F.col("reason").isin("tie", "unsure")).select(*CELL, "reason"))
        if changed:
            self.made.append(repairs)
            self.fixed.append(repairs.select("rid", "column_name"))
        return changed

    def _repaired(self, folder: Path) -> DataFrame:
        """The columns that dependencies read, with the repairs of earlier rounds; a round reads them several times."""
        import pyarrow as pa

        used = {"_rid"}.union(*[one.reads.union(one.columns) for one in self.determinants])
        schema = pa.schema([one for one in self.schema if one.name in used])
        repaired = apply_repairs(self.table, schema, self._made_so_far, self.columns)
        return self.engine.materialise(repaired, folder)

    def _of_determinants(self, moves: DataFrame, ballots: Sequence[Ballot]) -> DataFrame:
        """``determinant, _rid`` of tuples that move to another group."""
        from pyspark.sql import functions as F

        numbers = [(one.determinant.declared[0].rule.name, one.determinant.number) for one in ballots]
        named = self.engine.session.createDataFrame(numbers, "rule string, determinant int")
        return moves.join(named, "rule").select("determinant", F.col("rid").alias("_rid"))

    def _proposed(
        self, standing: Standing, rules: DataFrame, chances: Chances, ballots: Sequence[Ballot], folder: Path
    ) -> list[DataFrame]:
        """What groups propose for dependents, and for single columns of composite determinants."""
        found: list[DataFrame] = []
        doubt: list[DataFrame] = []
        contradicted = [one for one in ballots if standing.figures.get(one.determinant.number, Figures()).contradicted]
        near = [one for one in contradicted if one.determinant.parts and _relocates(one.determinant)]
        if near:
            moves = self.engine.materialise(neighbours(near, standing, chances, self.engine), folder / "neighbours")
            if row_count(folder / "neighbours"):
                found.append(moves.where("choices = 1").drop("choices"))
                doubt.append(doubts(moves, rules))
        single = [one for one in contradicted if may_relocate(one.determinant)]
        if single:
            explained_ = self.engine.materialise(explained(single, standing, chances), folder / "explained")
            if row_count(folder / "explained"):
                doubt.append(explained_)
        searched = [one.determinant.number for one in (*near, *single)]
        dependents = proposed(standing, rules, chances, searched)
        return [*found, doubted(dependents, reduce(_both, doubt), rules) if doubt else dependents]

    def _without_exceptions(
        self, proposals: DataFrame, every: DataFrame, folder: Path, standing: Standing, rules: DataFrame
    ) -> DataFrame:
        """The proposals, without those of rules that do not hold for some tuples, as the first round shows.

        Args:
            every: with those for cells that are decided about.
        """
        if not self.searched:
            self.searched = True
            self.exceptions = self._exceptions(every, folder / "exceptions", standing, rules)
        if self.exceptions is None:
            return proposals
        cell = ["rule", "rid", "column_name"]
        return proposals.join(self.exceptions.select(*cell), cell, "left_anti")

    def _exceptions(self, proposals: DataFrame, folder: Path, standing: Standing, rules: DataFrame) -> DataFrame | None:
        """``rule, rid, column_name`` of cells for which a rule does not seem to hold."""
        from pyspark.sql import functions as F

        contradicted = proposals.where(F.col("change") & ~F.col("moves") & F.col("old").isNotNull())
        found = self._dissenting(contradicted, folder, standing, rules)
        if found is not None:
            cell = ["rule", "rid", "column_name"]
            left = self._open(contradicted).drop("evidence").join(found.withColumnRenamed("because", "evidence"), cell)
            self.left.append(left.withColumn("reason", F.lit(EXCEPTION)).select(*CELL, "reason"))
        return found

    def _dissenting(
        self, contradicted: DataFrame, folder: Path, standing: Standing, rules: DataFrame
    ) -> DataFrame | None:
        """``rule, rid, column_name, because`` of contradicted cells that are exceptions; None if there are none."""
        from pyspark.sql import functions as F

        keys = standing.cells.join(rules.where("not implied").select(*PLACE, "rule"), PLACE)
        keys = keys.select("rule", F.col("_rid").alias("rid"), "key")
        source = self.weights.trust.column if self.weights.trust is not None else None
        columns = [name for name in self.schema.names if name not in {"_rid", source}]
        asked = contradicted.select("rule", "rid", "column_name", "reads").join(keys, ["rule", "rid"])
        return exceptions(asked, self.table, columns, self.engine, folder)

    def _with_held(
        self, proposals: DataFrame, folder: Path, table: DataFrame, standing: Standing, rules: DataFrame
    ) -> DataFrame:
        """The proposals, and what other dependencies that hold say about the same columns."""
        columns = set(value_counts(folder / "proposals", "column_name", ("change", True)))
        shared = [
            one
            for one in self.determinants
            if any(
                column in columns and any(column in other.columns for other in self.determinants if other is not one)
                for column in one.columns
            )
        ]
        found = [held(Groups(one, table, self.schema, self.weights), proposals, standing, rules) for one in shared]
        if not found:
            return proposals
        return _both(proposals, self.engine.materialise(reduce(_both, found), folder / "held"))

    def _gains(self, proposals: DataFrame, columns: set[str], table: DataFrame, standing: Standing) -> DataFrame | None:
        """What the dependents of columns say about their new values; None if no such column determines others."""
        found = [
            fit(
                Groups(one, table, self.schema, self.weights),
                proposals,
                standing,
                self.engine,
            )
            for one in self.determinants
            if one.column in columns
        ]
        if not found:
            return None
        from pyspark.sql import functions as F

        together = reduce(_both, found).groupBy("rid", "column_name", "new")
        return together.agg(F.round(F.sum("gain"), 3).alias("gain"))

    @property
    def _made_so_far(self) -> DataFrame:
        made = _union(self.made)
        assert made is not None
        return made

    def _open(self, proposals: DataFrame) -> DataFrame:
        """The proposals without cells that people or earlier rounds have decided about."""
        fixed = _union(self.fixed)
        if fixed is not None:
            proposals = proposals.join(fixed, ["rid", "column_name"], "left_anti")
        if self.accepted is not None:
            proposals = proposals.join(self.accepted, ["rule", "rid"], "left_anti")
        return proposals

    def _all_left(self) -> DataFrame | None:
        """The cells that are left after the last round in which there was something to say about them."""
        left = _union(self.left)
        if left is None:
            return None
        from pyspark.sql import functions as F

        cell = ["rid", "column_name", "rule", "new"]
        once = left.groupBy(*cell).agg(*[F.max(name).alias(name) for name in (*CELL, "reason") if name not in cell])
        made = _union(self.made)
        if made is not None:
            once = once.join(made.select("rid", "column_name"), ["rid", "column_name"], "left_anti")
        return once.select(*CELL, "reason")


def _relocates(one: Determinant) -> bool:
    return all(rule.relocates for rule in one.rules)


def _both(first: DataFrame, second: DataFrame) -> DataFrame:
    return first.unionByName(second)


def _union(frames: Sequence[DataFrame]) -> DataFrame | None:
    return reduce(_both, frames) if frames else None
