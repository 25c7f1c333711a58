"""Detection of all rules of a table: violations are materialised once, and counts collected together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vertebra.declare.rules import NamedRule
from vertebra.denial import Inclusion
from vertebra.engine.failures import query_error
from vertebra.errors import RuleError
from vertebra.formatting import shortened
from vertebra.trusted.detect.counts import MEASURES, pair_counts
from vertebra.trusted.detect.dominance import divided_pair_counts, divided_violations, prefiltered
from vertebra.trusted.detect.groups import GROUP_MEASURES, SharedGroups
from vertebra.trusted.detect.least_removal import (
    COVERS,
    LONGEST_CHAIN,
    Removal,
    agreement_counts,
    chain_counts,
    cover_counts,
    removal,
)
from vertebra.trusted.detect.plan import Counting, Plan, Planned, Search, planned
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


Grouped = SharedGroups | Reference
"""The rules that one pass over groups serves, or one reference."""

_FRAMES_PER_JOB = 3
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
    """

    violations: DataFrame
    counts: tuple[RuleCount, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)


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


@dataclass(frozen=True)
class _Part:
    """A frame of a job, and the rules that it serves."""

    rules: tuple[str, ...]
    frame: DataFrame


class _Run:
    """One detection: one pass over the groups of each key set, then only the rows of groups that violate a rule."""

    def __init__(
        self, table: str, frames: Mapping[str, DataFrame], rules: tuple[NamedRule, ...], engine: Engine, scratch: Path
    ) -> None:
        self.table = table
        self.frames = frames
        self.rules = rules
        self.engine = engine
        self.scratch = scratch
        self.plan: Plan = planned(table, frames.keys(), rules)
        self.seconds = dict.fromkeys((rule.name for rule in rules), 0.0)
        self.counts: dict[str, dict[str, int]] = {rule.name: {} for rule in rules}
        expressions = analysed(rules, frames)
        self.shared = [
            SharedGroups([self._over(one, expressions) for one in keys.rules], keys.in_place)
            for keys in self.plan.key_sets
        ]
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
        found = self._materialised(self._violations(violated, folded))
        self._count(violated, found)
        self._count_removals(violated, found)
        shown = found.select("rule", "rid", "role", "partner")
        return Detection(shown, tuple(self._counted(rule) for rule in self.rules), self.seconds)

    # -- groups --------------------------------------------------------------------------------------------------

    def _folded(self) -> dict[Grouped, DataFrame]:
        """The groups that may violate a rule, by key set or reference."""
        folded: dict[Grouped, DataFrame] = {}
        for number, shared in enumerate(self._grouped()):
            with self._timed(_names(shared)):
                folded[shared] = self.engine.materialise(shared.folded(), self._folder("groups", str(number)))
        return folded

    def _grouped(self) -> Iterator[Grouped]:
        yield from self.shared
        yield from self.references

    def _summarise(self, folded: Mapping[Grouped, DataFrame]) -> None:
        from pyspark.sql import functions as F

        rows = self.frames[self.table].agg(F.count("*").cast("decimal(38,0)").alias("groups"))
        nothing = [F.lit(None).cast("decimal(38,0)").alias(name) for name in GROUP_MEASURES if name != "groups"]
        whole = rows.select(F.lit("").alias("rule"), "groups", *nothing).select("rule", *GROUP_MEASURES)
        parts = [_Part((), whole)]
        parts += [_Part(_names(one), one.summary(folded[one])) for one in self._grouped()]
        self._collect(parts)

    def _violated(self, shared: SharedGroups, folded: Mapping[Grouped, DataFrame]) -> Iterator[Pairs]:
        """The rules of a key set that may be violated, each over the rows of the groups in question."""
        suspect = [rule for rule in shared.rules if self.counts[rule.name].get("suspects")]
        groups = folded[shared]
        few = [rule for rule in suspect if rule.planned.search is Search.CANDIDATES and self._is_small(rule)]
        if shared.in_place and few:
            with self._timed([rule.name for rule in few]):
                folder = self._folder("members", few[0].name)
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
        return bool(rule.keys) and self.counts[rule.name]["suspect_rows"] <= _FEW * self.counts[""]["groups"]

    def _narrowed(self, rule: Pairs) -> Pairs:
        """A rule with order predicates over the groups, or the rows, that may violate it, found by a cheaper pass."""
        rows, groups = self.counts[""]["groups"], self.counts[rule.name]["groups"]
        if rows >= WORTH_SLICING * max(1, groups):
            return self._sliced(rule, rows)
        if not rule.keys:
            return rule
        with self._timed([rule.name]):
            suspect = self.engine.materialise(suspect_groups(rule), self._folder("groups", rule.name))
            few = suspect.count() <= _FEW * groups
        narrowed = replace(rule, groups=suspect)
        return self._fetched(narrowed) if few else narrowed

    def _sliced(self, rule: Pairs, rows: int) -> Pairs:
        with self._timed([rule.name]):
            folder = self._folder("slices", rule.name)
            folder.mkdir(parents=True)
            fetched = sliced(rule, rows, _FEW * rows, self.engine, folder)
        return replace(rule, fetched=fetched) if fetched else rule

    def _divided(self, rule: Pairs) -> Pairs:
        """A rule for divide and conquer, over the rows that meet each two of its order predicates with some row."""
        with self._timed([rule.name]):
            rows = prefiltered(rule, self.engine, self._folder("divided", rule.name, "narrowed"))
        return replace(rule, fetched=rows)

    def _fetched(self, rule: Pairs) -> Pairs:
        """A rule over rows of its groups, read once."""
        with self._timed([rule.name]):
            first = self.engine.materialise(rule.first, self._folder("members", rule.name, "first"))
            second = first if rule.alike else None
            second = second or self.engine.materialise(rule.second, self._folder("members", rule.name, "second"))
        return replace(rule, fetched=(first, second))

    # -- violations ----------------------------------------------------------------------------------------------

    def _violations(self, violated: Sequence[Pairs], folded: Mapping[Grouped, DataFrame]) -> list[_Part]:
        from pyspark.sql import functions as F

        parts = []
        if self.plan.singles:
            singles = [(one.rule, one.constraint) for one in self.plan.singles]
            names = tuple(one.name for one in self.plan.singles)
            parts.append(_Part(names, single_violations(self.frames[self.table], singles)))
        for reference in self.references:
            if self.counts[reference.name].get("suspects"):
                rows = reference.dangling(folded[reference]).withColumn("partner", F.lit(None).cast("bigint"))
                parts.append(_Part((reference.name,), _labelled(rows, reference.name, "t")))
        for pair in violated:
            parts += [_Part((pair.name,), frame) for frame in self._pair_violations(pair)]
        return parts

    def _pair_violations(self, pair: Pairs) -> list[DataFrame]:
        first, second = pair.constraint.variables
        if pair.shape.symmetric:
            return [_labelled(self._seek(pair, 0), pair.name, first)]
        return [
            _labelled(self._seek(pair, side), pair.name, variable)
            for side, variable in enumerate((first, second))
            if pair.constraint.relations[side] == self.table
        ]

    def _seek(self, pair: Pairs, side: int) -> DataFrame:
        if pair.planned.search is not Search.DIVIDE:
            return _seek(pair, side)
        with self._timed([pair.name]):
            return divided_violations(pair, side, self.engine, self._folder("divided", pair.name, str(side)))

    def _materialised(self, parts: Sequence[_Part]) -> DataFrame:
        files: list[Path] = []
        self._folder("violations").mkdir()
        for place, (names, frame) in enumerate(_jobs(parts)):
            with self._timed(names):
                files += self.engine.write_parquet(frame, self._folder("violations", str(place)))
        return self.engine.read_parquet(files, _FOUND)

    # -- counts --------------------------------------------------------------------------------------------------

    def _count(self, violated: Sequence[Pairs], found: DataFrame) -> None:
        self._collect([_Part((), frame) for frame in self._found(found)])
        parts: list[_Part] = []
        for pair in violated:
            if not self.counts[pair.name].get("tuples"):
                continue
            match pair.planned.counting:
                case Counting.TUPLES | Counting.GROUPS:
                    continue
                case Counting.BLOCKS:
                    with self._timed([pair.name]):
                        folder = self._folder("divided", pair.name, "pairs")
                        frames = divided_pair_counts(pair, self.table, found, self.engine, folder)
                case _:
                    frames = pair_counts(pair)
            parts += [_Part((pair.name,), frame.select("rule", *MEASURES)) for frame in frames]
        self._collect(parts)

    def _count_removals(self, violated: Sequence[Pairs], found: DataFrame) -> None:
        """Count the rows to remove, for rules where the number of pairs does not determine it."""
        wanted = [
            pair
            for pair in violated
            if self.counts[pair.name].get("tuples")
            and pair.shape.one_relation
            and not (pair.shape.key or pair.shape.dependency)
        ]
        covered = [pair for pair in wanted if removal(pair) is not Removal.AGREEMENT]
        self._collect([_Part((p.name,), f.select("rule", *COVERS)) for p in covered for f in cover_counts(p, found)])
        parts = []
        for pair in wanted:
            own = self.counts[pair.name]
            frames = []
            if removal(pair) is Removal.AGREEMENT:
                frames = agreement_counts(pair, found)
            elif removal(pair) is Removal.CHAIN and own["largest"] <= LONGEST_CHAIN:
                frames = chain_counts(pair, found, own["tuples"])
            parts += [_Part((pair.name,), frame.select("rule", *MEASURES)) for frame in frames]
        self._collect(parts)

    def _found(self, found: DataFrame) -> list[DataFrame]:
        """The number of tuples and groups that violate each rule."""
        from pyspark.sql import functions as F

        several = [one.name for one in self.plan.pairs if not one.shape.symmetric]
        undecided = [one.name for one in self.plan.pairs if not one.decided]
        frames = []
        for names, once in ((several, False), ([name for name in self.counts if name not in several], True)):
            if names:
                tuples = F.count("rid") if once else F.countDistinct("rid")
                of_rules = _of_rules(found, names).groupBy("rule")
                frames.append(
                    of_rules.agg(tuples.alias("tuples"), F.lit(None).cast("bigint").alias("violating_groups"))
                )
        if undecided:
            of_rules = _of_rules(found, undecided).groupBy("rule")
            groups = of_rules.agg(F.countDistinct("grp").alias("violating_groups"))
            frames.append(groups.select("rule", F.lit(None).cast("bigint").alias("tuples"), "violating_groups"))
        return frames

    def _counted(self, rule: NamedRule) -> RuleCount:
        rows, own = self.counts[""]["groups"], self.counts[rule.name]
        tuples, groups, suspects = own.get("tuples", 0), own.get("groups", 0), own.get("suspects", 0)
        if isinstance(rule.constraint, Inclusion):
            return RuleCount(
                rule.name, "reference", rows, tuples, groups=groups, violating_groups=suspects, g3_rows=tuples
            )
        one = Planned(rule, rule.constraint, self.plan.shapes[rule.name])
        shape = one.shape
        if shape.single:
            return RuleCount(rule.name, shape.name, rows, tuples, g3_rows=tuples)
        half = 2 if shape.symmetric else 1
        doubled = own.get("doubled_lhs_pairs", 0)
        low, high = self._removed(one, own)
        exact = low if low == high else None
        return RuleCount(
            rule=rule.name,
            constraint_class=shape.name,
            rows=rows,
            violating_tuples=tuples,
            violating_pairs=(doubled if one.counting is Counting.GROUPS else own.get("pairs", 0)) // half,
            lhs_pairs=doubled // 2 if shape.equal else None,
            groups=groups if shape.equal else None,
            violating_groups=(suspects if one.decided else own.get("violating_groups", 0)) if shape.equal else None,
            g3_rows=exact,
            minority_cells=exact if shape.dependency else None,
            g3_low=low,
            g3_high=high,
        )

    def _removed(self, one: Planned, own: Mapping[str, int]) -> tuple[int, int]:
        """Bounds on the rows to remove so that a rule about two tuples holds."""
        tuples = own.get("tuples", 0)
        if not tuples or not one.shape.one_relation:
            return tuples, tuples
        if one.shape.key:
            return own["duplicates"], own["duplicates"]
        if "surplus" in own:
            return own["surplus"], own["surplus"]
        # a row is in one group if both roles have the same keys; then each violating group has to lose one row
        groups = own["spread"] if all(predicate.same for predicate in one.shape.equal) else 1
        return max(groups, own["matched"], 1), min(own["cover"], tuples)

    # -- jobs ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _timed(self, rules: Sequence[str]) -> Iterator[None]:
        """Run a job for some rules: add its time to theirs, and name them in errors of the engine."""
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            failure = query_error(error, f"{_listed(rules)} of {self.table}")
            raise RuleError(
                failure.fact,
                cause=failure.cause,
                remedy="where a value cannot be computed, make it NULL: cast(… as …), try_to_timestamp, nullif",
            ) from error
        for name in rules:
            self.seconds[name] += time.perf_counter() - started

    def _collect(self, parts: Sequence[_Part]) -> None:
        """Add the few rows of count frames of one form to the counts of their rules. NULLs are ignored."""
        for names, frame in _jobs(parts):
            with self._timed(names):
                rows = frame.collect()
            for row in rows:
                values: dict[str, Any] = row.asDict()
                measures = self.counts.setdefault(values.pop("rule"), {})
                for name, value in values.items():
                    if value is not None:
                        measures[name] = measures.get(name, 0) + int(value)

    def _folder(self, *parts: str) -> Path:
        return self.scratch.joinpath(*parts)


def _seek(pair: Pairs, side: int) -> DataFrame:
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


def _listed(rules: Sequence[str], most: int = 4) -> str:
    """The names of rules for messages, shortened if there are many."""
    if not rules:
        return "the rules"
    return f"the rule{'s' if len(rules) > 1 else ''} {shortened(rules, most)}"


def _names(one: SharedGroups | Reference) -> tuple[str, ...]:
    return (one.name,) if isinstance(one, Reference) else tuple(rule.name for rule in one.rules)


def _labelled(rows: DataFrame, rule: str, role: str) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.select(F.lit(rule).alias("rule"), "rid", F.lit(role).alias("role"), "partner", "grp")


def _of_rules(found: DataFrame, names: Sequence[str]) -> DataFrame:
    """The violations of some rules.

    The list has an empty name, which no rule has: with a single name, the embedded engine treats the column as constant
    and the rows as sorted by it; counting distinct values then takes 50 times as long.
    """
    from pyspark.sql import functions as F

    return found.where(F.col("rule").isin([*names, ""]))


def _jobs(parts: Sequence[_Part]) -> Iterator[tuple[list[str], DataFrame]]:
    """Unions of frames of one form: a job has a fixed cost, but planning a union of very many frames costs more."""
    for start in range(0, len(parts), _FRAMES_PER_JOB):
        chosen = parts[start : start + _FRAMES_PER_JOB]
        names = [name for part in chosen for name in part.rules]
        yield list(dict.fromkeys(names)), reduce(lambda a, b: a.unionAll(b), [part.frame for part in chosen])
