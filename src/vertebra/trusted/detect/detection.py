"""Detection of all rules of a table: violations are materialised once, and counts collected together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vertebra.declare.rules import NamedRule
from vertebra.trusted.detect.consecutive import GROUP, Consecutive
from vertebra.trusted.detect.dominance import divided_violations, prefiltered
from vertebra.trusted.detect.gaps import GAP_FREE, gaps
from vertebra.trusted.detect.groups import GROUP_MEASURES, SharedGroups
from vertebra.trusted.detect.jobs import Jobs, Part, unions
from vertebra.trusted.detect.measure import measured
from vertebra.trusted.detect.plan import Plan, Planned, Search, planned
from vertebra.trusted.detect.roles import Pairs, analysed
from vertebra.trusted.detect.rule_count import RuleCount
from vertebra.trusted.detect.single_tuple import Reference, single_violations
from vertebra.trusted.detect.slices import sliced
from vertebra.trusted.detect.sweep import suspect_groups, sweep_in_place, sweep_violations
from vertebra.trusted.detect.witnesses import witnesses

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine


Grouped = SharedGroups | Reference | Consecutive
"""The rules that one pass over groups or one sort serves, or one reference."""

_FEW = 0.25
"""Up to this share of a table, the rows of suspect groups are fetched once and checked there."""
WORTH_SLICING = 300_000
"""From this average group size, groups are first checked slice by slice."""

_FOUND = pa.schema(
    [("rule", pa.string()), ("rid", pa.int64()), ("role", pa.string()), ("partner", pa.int64()), ("grp", pa.string())]
)


@dataclass(frozen=True)
class Detection:
    """The violations of a table's rules.

    Attributes:
        violations: ``rule STRING, rid BIGINT, role STRING, partner BIGINT``: one row per rule, violating tuple and
            role. The role is the tuple variable. In a symmetric rule, which is the same with its tuples exchanged,
            every tuple plays both roles and is listed once, as the first. The partner is one tuple that violates the
            rule together with it.
        counts: one per rule, in the order of the rules.
        seconds: for each rule, the wall-clock seconds of the engine jobs it took part in. A job that rules share counts
            in full for each of them, so the seconds of rules do not add up to the seconds of the detection.
        gaps: the gaps of rules ``gap_free``, see :func:`vertebra.trusted.detect.gaps.gaps`; None if there are none.
    """

    violations: DataFrame
    counts: tuple[RuleCount, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    gaps: DataFrame | None = None


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
        RuleError: a rule names a relation or column that the frames do not have, or has no exact plan.
    """
    return _Run(table, frames, tuple(rules), engine, scratch).detection()


class _Run:
    """One detection: one pass over the groups of each key set, then only the rows of groups that violate a rule."""

    def __init__(
        self, table: str, frames: Mapping[str, DataFrame], rules: tuple[NamedRule, ...], engine: Engine, scratch: Path
    ) -> None:
        self.table = table
        self.frames = frames
        self.rules = rules
        self.engine = engine
        self.jobs = Jobs(table, [rule.name for rule in rules], engine, scratch)
        self.plan: Plan = planned(table, frames.keys(), rules)
        expressions = analysed(rules, frames)
        self.shared = [
            SharedGroups([self._over(one, expressions) for one in keys.rules], keys.in_place)
            for keys in self.plan.key_sets
        ]
        self.consecutive = [Consecutive([self._over(one, expressions) for one in of]) for of in self.plan.consecutive]
        self.references = [
            Reference(rule, inclusion, frames[table], frames[inclusion.table], expressions)
            for rule, inclusion in self.plan.references
        ]

    def _over(self, one: Planned, expressions: Any) -> Pairs:
        first, second = one.constraint.relations
        return Pairs(one, (self.frames[first], self.frames[second]), expressions)

    def detection(self) -> Detection:
        """Run the jobs: one for each key set and reference, those for violations, and a few for all counts."""
        folded = self._folded()
        self._summarise(folded)
        violated = [pair for shared in self.shared for pair in self._violated(shared, folded)]
        parts = [part for shared in self.consecutive for part in self._consecutive(shared, folded[shared])]
        found = self._materialised([*self._violations(violated, folded), *parts])
        counts = measured(self.plan, self.rules, violated, found, self.jobs, self.consecutive)
        rows = found.select("rule", "rid", "role", "partner")
        missing, gone = self._gaps(rows)
        counts = tuple(replace(one, missing=missing[one.rule]) if one.rule in missing else one for one in counts)
        return Detection(rows, counts, self.jobs.seconds, gone)

    def _gaps(self, violations: DataFrame) -> tuple[dict[str, int], DataFrame | None]:
        """The missing steps of each rule ``gap_free``, and the gaps if there are any."""
        from pyspark.sql import functions as F

        about = [(one.rule, one.constraint) for of in self.plan.consecutive for one in of if one.rule.kind == GAP_FREE]
        missing = dict.fromkeys((rule.name for rule, _ in about), 0)
        violated = [(rule, one) for rule, one in about if self.jobs.counts[rule.name].get("tuples")]
        if not violated:
            return missing, None
        with self.jobs.timed([rule.name for rule, _ in violated]):
            found = self.engine.materialise(
                gaps(self.frames[self.table], violated, violations), self.jobs.folder("gaps")
            )
            for row in found.groupBy("rule").agg(F.sum("missing").alias("missing")).collect():
                missing[row["rule"]] = int(row["missing"])
        return missing, found

    # -- groups --------------------------------------------------------------------------------------------------

    def _folded(self) -> dict[Grouped, DataFrame]:
        """The groups that may violate a rule, by key set or reference."""
        folded: dict[Grouped, DataFrame] = {}
        for number, shared in enumerate(self._grouped()):
            with self.jobs.timed(_names(shared)):
                folded[shared] = self.engine.materialise(shared.folded(), self.jobs.folder("groups", str(number)))
        return folded

    def _grouped(self) -> Iterator[Grouped]:
        yield from self.shared
        yield from self.references
        yield from self.consecutive

    def _summarise(self, folded: Mapping[Grouped, DataFrame]) -> None:
        from pyspark.sql import functions as F

        rows = self.frames[self.table].agg(F.count("*").cast("decimal(38,0)").alias("groups"))
        nothing = [F.lit(None).cast("decimal(38,0)").alias(name) for name in GROUP_MEASURES if name != "groups"]
        whole = rows.select(F.lit("").alias("rule"), "groups", *nothing).select("rule", *GROUP_MEASURES)
        parts = [Part((), whole)]
        parts += [Part(_names(one), one.summary(folded[one])) for one in self._grouped()]
        self.jobs.collect(parts)

    def _violated(self, shared: SharedGroups, folded: Mapping[Grouped, DataFrame]) -> Iterator[Pairs]:
        """The rules of a key set that may be violated, each over the rows of the groups in question."""
        suspect = [rule for rule in shared.rules if self.jobs.counts[rule.name].get("suspects")]
        groups = folded[shared]
        few = [rule for rule in suspect if rule.planned.search is Search.CANDIDATES and self._is_small(rule)]
        if shared.in_place and few:
            with self.jobs.timed([rule.name for rule in few]):
                folder = self.jobs.folder("members", few[0].name)
                members = self.engine.materialise(shared.members(groups, few), folder)
        for rule in suspect:
            if rule.planned.search is Search.SWEEP:
                yield self._narrowed(rule)
            elif rule.planned.search is Search.DIVIDE:
                yield self._divided(self._narrowed(rule))
            elif rule not in few:
                yield rule
            elif shared.in_place:
                yield replace(rule, fetched=shared.of_members(members, few, rule))
            else:
                yield self._fetched(replace(rule, groups=shared.suspects(groups, rule)))

    def _is_small(self, rule: Pairs) -> bool:
        """Whether fetching the rows of suspect groups before checking them is faster."""
        return bool(rule.keys) and self.jobs.counts[rule.name]["suspect_rows"] <= _FEW * self.jobs.rows

    def _narrowed(self, rule: Pairs) -> Pairs:
        """A rule with order predicates over the groups, or the rows, that may violate it, found by a cheaper pass."""
        rows, groups = self.jobs.rows, self.jobs.counts[rule.name]["groups"]
        if rows >= WORTH_SLICING * max(1, groups):
            return self._sliced(rule, rows)
        if not rule.keys:
            return rule
        with self.jobs.timed([rule.name]):
            suspect = self.engine.materialise(suspect_groups(rule), self.jobs.folder("groups", rule.name))
            few = suspect.count() <= _FEW * groups
        narrowed = replace(rule, groups=suspect)
        return self._fetched(narrowed) if few else narrowed

    def _sliced(self, rule: Pairs, rows: int) -> Pairs:
        with self.jobs.timed([rule.name]):
            folder = self.jobs.folder("slices", rule.name)
            folder.mkdir(parents=True)
            fetched = sliced(rule, rows, _FEW * rows, self.engine, folder)
        return replace(rule, fetched=fetched) if fetched else rule

    def _divided(self, rule: Pairs) -> Pairs:
        """A rule for divide and conquer, over the rows that meet each two of its order predicates with some row."""
        with self.jobs.timed([rule.name]):
            rows = prefiltered(rule, self.engine, self.jobs.folder("divided", rule.name, "narrowed"))
        return replace(rule, fetched=rows)

    def _fetched(self, rule: Pairs) -> Pairs:
        """A rule over rows of its groups, read once."""
        with self.jobs.timed([rule.name]):
            first = self.engine.materialise(rule.first, self.jobs.folder("members", rule.name, "first"))
            second = first if rule.alike else None
            second = second or self.engine.materialise(rule.second, self.jobs.folder("members", rule.name, "second"))
        return replace(rule, fetched=(first, second))

    # -- violations ----------------------------------------------------------------------------------------------

    def _violations(self, violated: Sequence[Pairs], folded: Mapping[Grouped, DataFrame]) -> list[Part]:
        from pyspark.sql import functions as F

        parts = []
        if self.plan.singles:
            singles = [(one.rule, one.constraint) for one in self.plan.singles]
            names = tuple(one.name for one in self.plan.singles)
            parts.append(Part(names, single_violations(self.frames[self.table], singles)))
        for reference in self.references:
            if self.jobs.counts[reference.name].get("suspects"):
                rows = reference.dangling(folded[reference]).withColumn("partner", F.lit(None).cast("bigint"))
                parts.append(Part((reference.name,), _labelled(rows, reference.name, "t")))
        for pair in violated:
            parts += [Part((pair.name,), frame) for frame in self._pair_violations(pair)]
        return parts

    def _pair_violations(self, pair: Pairs) -> list[DataFrame]:
        first, second = pair.constraint.variables
        if pair.shape.symmetric:
            return [_labelled(self._tuples(pair, 0), pair.name, first)]
        return [
            _labelled(self._tuples(pair, side), pair.name, variable)
            for side, variable in enumerate((first, second))
            if pair.constraint.relations[side] == self.table
        ]

    def _consecutive(self, shared: Consecutive, folded: DataFrame) -> Iterator[Part]:
        """The violations of rules about consecutive tuples; counts their pairs."""
        for rule in shared.rules:
            own = self.jobs.counts[rule.name]
            own["pairs"] = own.get("suspects", 0)
            if own["pairs"]:
                for rows, role in zip(shared.violations(folded, rule), rule.constraint.variables, strict=True):
                    yield Part((rule.name,), _labelled(rows, rule.name, role))
        if self.jobs.counts[shared.names[0]].get("suspect_rows"):
            yield self._tied(shared, folded)

    def _tied(self, shared: Consecutive, folded: DataFrame) -> Part:
        """The violations of tuples near ties in the order, found as those of rules about any two tuples."""
        folder = self.jobs.folder("ties", shared.names[0])
        folder.mkdir(parents=True)
        with self.jobs.timed(shared.names):
            rows = self.engine.materialise(shared.tied(folded), folder / "rows")
        found = detect(self.table, {self.table: rows}, shared.tied_rules(), self.engine, folder)
        for count in found.counts:
            own = self.jobs.counts[count.rule]
            own["pairs"] += count.violating_pairs or 0
            own["doubled_lhs_pairs"] += 2 * (count.lhs_pairs or 0)
            self.jobs.seconds[count.rule] += found.seconds[count.rule]
        groups = rows.selectExpr("_rid as rid", f"{GROUP} as grp")
        return Part(shared.names, found.violations.join(groups, "rid").select("rule", "rid", "role", "partner", "grp"))

    def _tuples(self, pair: Pairs, side: int) -> DataFrame:
        if pair.planned.search is not Search.DIVIDE:
            return _violating(pair, side)
        with self.jobs.timed([pair.name]):
            return divided_violations(pair, side, self.engine, self.jobs.folder("divided", pair.name, str(side)))

    def _materialised(self, parts: Sequence[Part]) -> DataFrame:
        files: list[Path] = []
        self.jobs.folder("violations").mkdir()
        for place, (names, frame) in enumerate(unions(parts)):
            with self.jobs.timed(names):
                files += self.engine.write_parquet(frame, self.jobs.folder("violations", str(place)))
        return self.engine.read_parquet(files, _FOUND)


def _violating(pair: Pairs, side: int) -> DataFrame:
    """The tuples of one role that violate the rule: ``rid, partner, grp``."""
    probes, targets = (pair.second, pair.first) if side else (pair.first, pair.second)
    operators = [(p.swapped if side else p).operator for p in pair.shape.ordered]
    unequal = [*pair.unequal, "rid"] if pair.meets_itself else pair.unequal
    if pair.planned.search is Search.CANDIDATES:
        operator = operators[0] if operators else None
        return witnesses(probes, targets, pair.keys, unequal, operator, floating=pair.floating)
    both = (operators[0], operators[1])
    strict = all(operator in {"<", ">"} for operator in both)
    if strict and pair.alike and not unequal:
        return sweep_in_place(probes, pair.keys, both)
    return sweep_violations(probes, targets, pair.keys, both, unequal[0] if unequal else None)


def _names(one: Grouped) -> tuple[str, ...]:
    return (one.name,) if isinstance(one, Reference) else tuple(rule.name for rule in one.rules)


def _labelled(rows: DataFrame, rule: str, role: str) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.select(F.lit(rule).alias("rule"), "rid", F.lit(role).alias("role"), "partner", "grp")
