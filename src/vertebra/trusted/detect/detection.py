"""Detection: all rules of a table, their violations materialised once, their counts collected at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vertebra.declare.rules import NamedRule
from vertebra.denial import DenialConstraint, Inclusion, Shape, classify
from vertebra.errors import RuleError
from vertebra.trusted.detect.counts import MEASURES, grouped_counts, measured, swept_counts
from vertebra.trusted.detect.roles import Pairs, analysed
from vertebra.trusted.detect.singles import dangling, referring, single_violations
from vertebra.trusted.detect.sweep import swept, swept_groups, swept_in_place
from vertebra.trusted.detect.witnesses import witnesses

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine


_FRAMES_PER_JOB = 3

_FOUND = pa.schema(
    [("rule", pa.string()), ("rid", pa.int64()), ("role", pa.string()), ("partner", pa.int64()), ("grp", pa.string())]
)


@dataclass(frozen=True)
class RuleCount:
    """What one rule's violations amount to.

    A pair is two tuples ``(t, s)`` that violate the rule; where the rule reads the same with ``t`` and ``s`` exchanged,
    both orders are one pair.

    Attributes:
        rows: rows of the table.
        violating_tuples: tuples of the table in any violation.
        violating_pairs: None for a rule about one tuple, and for a reference.
        lhs_pairs: pairs that match the equality part; None without one.
        groups: groups that the equality part makes, or distinct values that refer; None without.
        violating_groups: those among them with a violation.
        g3_rows: the least number of rows to remove so that the rule holds; None where that is not linear to find.
        minority_cells: the cells a minimal repair of a functional dependency changes.
    """

    rule: str
    constraint_class: str
    rows: int
    violating_tuples: int
    violating_pairs: int | None = None
    lhs_pairs: int | None = None
    groups: int | None = None
    violating_groups: int | None = None
    g3_rows: int | None = None
    minority_cells: int | None = None


@dataclass(frozen=True)
class Detection:
    """The violations of a table's rules.

    Attributes:
        violations: ``rule STRING, rid BIGINT, role STRING, partner BIGINT``: one row per rule, violating tuple and
            role. The role is the tuple variable it plays; in a rule that reads the same with its tuples exchanged every
            tuple plays both, and is listed once, as the first. The partner is one tuple it violates the rule with.
        counts: one per rule, in the order of the rules.
    """

    violations: DataFrame
    counts: tuple[RuleCount, ...]


def detect(
    table: str, frames: Mapping[str, DataFrame], rules: Sequence[NamedRule], engine: Engine, scratch: Path
) -> Detection:
    """Find all violations of rules in a table.

    Args:
        table: the relation that is checked.
        frames: it and every relation that its rules refer to, by the names the rules use; each has ``_rid BIGINT``.
        rules: the rules; a rule between relations gives the violating tuples of ``table`` only.
        scratch: an existing folder; the violations are written to ``scratch/violations``.

    Raises:
        RuleError: a rule names what the frames do not have, or has no exact plan.
    """
    return _Run(table, frames, tuple(rules), engine).detection(scratch)


class _Run:
    """One detection: the rules sorted by what they need."""

    def __init__(
        self, table: str, frames: Mapping[str, DataFrame], rules: tuple[NamedRule, ...], engine: Engine
    ) -> None:
        self.table = table
        self.frames = frames
        self.rules = rules
        self.engine = engine
        self.singles: list[tuple[NamedRule, DenialConstraint]] = []
        self.pairs: list[Pairs] = []
        self.narrowed: list[Pairs] = []
        self.references: list[tuple[NamedRule, Inclusion]] = []
        self.shapes: dict[str, Shape] = {}
        self.expressions = analysed(rules, frames)
        for rule in rules:
            self._sort(rule)

    def _sort(self, rule: NamedRule) -> None:
        constraint = rule.constraint
        if isinstance(constraint, Inclusion):
            self.references.append((rule, constraint))
            return
        shape = self.shapes[rule.name] = classify(constraint)
        refusal = shape.unsupported
        if self.table not in constraint.relations:
            refusal = f"it is about {' and '.join(constraint.relations)}, not about {self.table}"
        if refusal:
            raise RuleError(
                f"rule {rule.name} cannot be checked exactly: {constraint}",
                cause=refusal, remedy="split the rule, or state it with fewer predicates between the two tuples",
            )  # fmt: skip
        if shape.single:
            self.singles.append((rule, constraint))
        elif not shape.impossible:
            one, two = constraint.relations
            self.pairs.append(Pairs(rule, constraint, shape, (self.frames[one], self.frames[two]), self.expressions))

    def detection(self, scratch: Path) -> Detection:
        """A job for the violations and one for the counts; two more for each rule with two order predicates."""
        self.narrowed = [self._narrowed(pair, scratch / "groups" / pair.name) for pair in self.pairs]
        found = self._materialised(self._violations(), scratch / "violations")
        counts = self._counts(found)
        shown = found.select("rule", "rid", "role", "partner")
        return Detection(shown, tuple(self._count(rule, counts) for rule in self.rules))

    def _narrowed(self, pair: Pairs, folder: Path) -> Pairs:
        """A rule with two order predicates over the groups that violate it, found by one cheaper pass."""
        if len(pair.ordered) < 2 or not pair.keys:
            return pair
        return replace(pair, groups=self.engine.materialise(swept_groups(pair), folder))

    # -- violations ----------------------------------------------------------------------------------------------

    def _materialised(self, parts: Sequence[DataFrame], folder: Path) -> DataFrame:
        folder.mkdir(parents=True)
        files = [
            file
            for place, part in enumerate(_unions(parts))
            for file in self.engine.write_parquet(part, folder / str(place))
        ]
        return self.engine.read_parquet(files, _FOUND)

    def _violations(self) -> list[DataFrame]:
        from pyspark.sql import functions as F

        parts = [single_violations(self.frames[self.table], self.singles)] if self.singles else []
        for rule, inclusion in self.references:
            rows = dangling(inclusion, self.frames[self.table], self.frames[inclusion.table], self.expressions)
            parts.append(_labelled(rows.withColumn("partner", F.lit(None).cast("bigint")), rule.name, "t"))
        for pair in self.narrowed:
            parts += self._pair_violations(pair)
        return parts

    def _pair_violations(self, pair: Pairs) -> list[DataFrame]:
        first, second = pair.constraint.variables
        if pair.shape.symmetric:
            return [_labelled(_seek(pair, 0), pair.name, first)]
        return [
            _labelled(_seek(pair, side), pair.name, variable)
            for side, variable in enumerate((first, second))
            if pair.constraint.relations[side] == self.table
        ]

    # -- counts --------------------------------------------------------------------------------------------------

    def _counts(self, found: DataFrame) -> dict[str, dict[str, int]]:
        """Measures by rule; the row count of the table under the empty name."""
        from pyspark.sql import functions as F

        parts = [measured("", self.frames[self.table], groups=F.count("*"))]
        for pair in self.pairs:
            parts += grouped_counts(pair)
        for rule, inclusion in self.references:
            rows = referring(inclusion, self.frames[self.table], self.expressions)
            parts.append(measured(rule.name, rows.drop("rid").distinct(), groups=F.count("*")))
        violated = found.groupBy("rule").agg(
            F.countDistinct("rid").cast("decimal(38,0)").alias("tuples"),
            F.countDistinct("grp").cast("decimal(38,0)").alias("violating_groups"),
        )
        nothing = F.lit(None).cast("decimal(38,0)")
        parts = [
            part.select("rule", *MEASURES, nothing.alias("tuples"), nothing.alias("violating_groups")) for part in parts
        ]
        of_violations = violated.select(
            "rule", *[nothing.alias(name) for name in MEASURES], "tuples", "violating_groups"
        )
        counts = _summed([*parts, of_violations])
        sweeps = [p for p in self.narrowed if len(p.ordered) == 2 and counts.get(p.name, {}).get("tuples")]
        if sweeps:
            frames = [frame for pair in sweeps for frame in swept_counts(pair, self.table, found)]
            for name, measures in _summed(frames).items():
                counts.setdefault(name, {}).update(measures)
        return counts

    def _count(self, rule: NamedRule, counts: Mapping[str, Mapping[str, int]]) -> RuleCount:
        rows, own = counts[""]["groups"], counts.get(rule.name, {})
        tuples = own.get("tuples", 0)
        if isinstance(rule.constraint, Inclusion):
            return RuleCount(
                rule.name, "reference", rows, tuples, groups=own.get("groups", 0),
                violating_groups=own.get("violating_groups", 0), g3_rows=tuples,
            )  # fmt: skip
        shape = self.shapes[rule.name]
        if shape.single:
            return RuleCount(rule.name, shape.name, rows, tuples, g3_rows=tuples)
        half = 2 if shape.symmetric else 1
        linear = bool(shape.key or shape.dependency)
        surplus = own.get("surplus", 0) if linear else None if shape.one_relation else tuples
        return RuleCount(
            rule=rule.name,
            constraint_class=shape.name,
            rows=rows,
            violating_tuples=tuples,
            violating_pairs=own.get("pairs", 0) // half,
            lhs_pairs=own.get("doubled_lhs_pairs", 0) // 2 if shape.equal else None,
            groups=own.get("groups", 0) if shape.equal else None,
            violating_groups=own.get("violating_groups", 0) if shape.equal else None,
            g3_rows=surplus,
            minority_cells=surplus if shape.dependency else None,
        )


def _seek(pair: Pairs, side: int) -> DataFrame:
    """The tuples of one role that violate the rule: ``rid, partner, grp``."""
    seekers, sought = (pair.second, pair.first) if side else (pair.first, pair.second)
    operators = [(p.swapped if side else p).operator for p in pair.shape.ordered]
    unequal = pair.unequal if pair.shape.self_excluded else [*pair.unequal, "rid"]
    if len(operators) < 2:
        operator = operators[0] if operators else None
        return witnesses(seekers, sought, pair.keys, unequal, operator, same=pair.alike, floating=pair.floating)
    both = (operators[0], operators[1])
    strict = all(operator in {"<", ">"} for operator in both)
    if strict and pair.alike and not unequal:
        return swept_in_place(seekers, pair.keys, both)
    return swept(seekers, sought, pair.keys, both, unequal[0] if unequal else None)


def _labelled(rows: DataFrame, rule: str, role: str) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.select(F.lit(rule).alias("rule"), "rid", F.lit(role).alias("role"), "partner", "grp")


def _unions(frames: Sequence[DataFrame]) -> list[DataFrame]:
    """Frames of one form as few frames: a job costs a fixed time, but planning a union of very many costs more."""
    return [
        reduce(lambda a, b: a.unionAll(b), frames[start : start + _FRAMES_PER_JOB])
        for start in range(0, len(frames), _FRAMES_PER_JOB)
    ]


def _summed(frames: Sequence[DataFrame]) -> dict[str, dict[str, int]]:
    """The measures of the few rows of count frames, summed by rule; what is NULL everywhere is absent."""
    found: dict[str, dict[str, int]] = {}
    for row in (row for frame in _unions(frames) for row in frame.collect()):
        values: dict[str, Any] = row.asDict()
        measures = found.setdefault(values.pop("rule"), {})
        for name, value in values.items():
            if value is not None:
                measures[name] = measures.get(name, 0) + int(value)
    return found
