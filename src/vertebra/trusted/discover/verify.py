"""Verifying candidates on the full table, by the same detection that checks declared rules."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.declare.dataset import Rule
from vertebra.declare.rules import NamedRule, rules_of
from vertebra.denial import DenialConstraint, Inclusion, subsumes
from vertebra.trusted.detect import RuleCount, detect
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.subject import Subject

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset

_RULES_PER_JOB: Final = 12

Advance = Callable[[int, int], None]


def compiled(dataset: Dataset, datasets: Mapping[str, Dataset], candidate: CandidateRule) -> tuple[NamedRule, ...]:
    """The rules that a candidate compiles to when it is declared.

    Raises:
        RuleError: it cannot be checked.
    """
    bare = {name: column.without_sugar() for name, column in dataset.columns.items()}
    rule = Rule.model_validate(dict(candidate.body))
    alone = dataset.model_copy(update={"columns": bare, "key": (), "rules": {candidate.name: rule}})
    return rules_of(alone, datasets)


def verified(subject: Subject, candidates: Sequence[CandidateRule], advance: Advance | None = None) -> list[Verified]:
    """The exact figures of candidates, in their order.

    Args:
        advance: called with the number of verified candidates and their total.

    Raises:
        RuleError: a candidate has no exact plan.
    """
    found: list[Verified] = []
    for batch in _batches(subject, candidates):
        rules = [rule for _, parts in batch for rule in parts]
        folder = subject.scratch / f"verify-{len(found)}"
        folder.mkdir(parents=True)
        counts = detect(subject.dataset.name, subject.frames, rules, subject.engine, folder).counts
        shutil.rmtree(folder, ignore_errors=True)
        speaks = _conditions(subject, batch)
        by_name = {count.rule: count for count in counts}
        for candidate, parts in batch:
            one = _verified(subject, candidate, parts, [by_name[rule.name] for rule in parts])
            found.append(replace(one, applies=speaks.get(candidate.name, one.applies)))
        if advance:
            advance(len(found), len(candidates))
    return found


def _batches(
    subject: Subject, candidates: Sequence[CandidateRule]
) -> Iterator[list[tuple[CandidateRule, tuple[NamedRule, ...]]]]:
    """Candidates with their rules, a batch per detection; candidates with the same left-hand side stay together."""
    batch: list[tuple[CandidateRule, tuple[NamedRule, ...]]] = []
    for place, candidate in enumerate(candidates):
        rules = compiled(subject.dataset, subject.datasets, candidate)
        renamed = tuple(
            NamedRule(f"c{place}_{number}", rule.kind, rule.constraint) for number, rule in enumerate(rules)
        )
        batch.append((candidate, renamed))
        if len(batch) == _RULES_PER_JOB:
            yield batch
            batch = []
    if batch:
        yield batch


def _conditions(subject: Subject, batch: Sequence[tuple[CandidateRule, tuple[NamedRule, ...]]]) -> dict[str, int]:
    """For each conditional rule, the rows that meet its condition, which is its first predicate."""
    from pyspark.sql import functions as F

    asked = {
        candidate.name: rules[0].constraint.predicates[0].sql
        for candidate, rules in batch
        if candidate.kind == "conditional" and isinstance(rules[0].constraint, DenialConstraint)
    }
    if not asked:
        return {}
    sums = [F.sum(F.expr(f"CASE WHEN {sql} THEN 1 ELSE 0 END")).alias(f"n{n}") for n, sql in enumerate(asked.values())]
    row = subject.frame.agg(*sums).collect()[0]
    return {name: int(row[f"n{number}"]) for number, name in enumerate(asked)}


def _verified(
    subject: Subject, candidate: CandidateRule, rules: Sequence[NamedRule], counts: Sequence[RuleCount]
) -> Verified:
    first = counts[0]
    nulls = [subject.columns[name].nulls for name in (*candidate.lhs, candidate.rhs) if name in subject.columns]
    absent = 0 if candidate.kind == "required" else max(nulls, default=0)
    least = [count.g3_rows for count in counts]
    return Verified(
        candidate=candidate,
        rows=first.rows,
        applies=first.rows - absent,
        tuples=sum(count.violating_tuples for count in counts),
        pairs=first.violating_pairs,
        lhs_pairs=first.lhs_pairs,
        groups=first.groups,
        violating_groups=first.violating_groups,
        least=None if None in least else sum(count or 0 for count in least),
        logic=tuple(str(rule.constraint) for rule in rules),
    )


def declared_as(subject: Subject, found: Sequence[Verified]) -> list[Verified]:
    """The candidates with the name of an equivalent declared rule, without those that a declared rule implies.

    A declared rule that nothing violates in this table implies another rule if every violation of the other also
    violates it.
    """
    rules = [(rule.name, rule.constraint) for rule in rules_of(subject.dataset, subject.datasets)]
    kept, general = [], []
    for one in found:
        constraints = [rule.constraint for rule in compiled(subject.dataset, subject.datasets, one.candidate)]
        names = [next((name for name, other in rules if _same(other, c)), "") for c in constraints]
        if all(names):
            kept.append(replace(one, declared=", ".join(names)))
            continue
        wider = [name for c in constraints for name, other in rules if _subsumes(other, c)]
        kept.append(one)
        general.append((one, wider))
    holding = _holding(subject, {name for _, wider in general for name in wider})
    implied = {one.candidate.name for one, wider in general if any(name in holding for name in wider)}
    return [one for one in kept if one.candidate.name not in implied]


def _holding(subject: Subject, names: set[str]) -> set[str]:
    """The declared rules that nothing violates."""
    rules = [rule for rule in rules_of(subject.dataset, subject.datasets) if rule.name in names]
    if not rules:
        return set()
    folder = subject.scratch / "declared"
    folder.mkdir(parents=True)
    counts = detect(subject.dataset.name, subject.frames, rules, subject.engine, folder).counts
    shutil.rmtree(folder, ignore_errors=True)
    return {count.rule for count in counts if not count.violating_tuples}


def _same(one: DenialConstraint | Inclusion, two: DenialConstraint | Inclusion) -> bool:
    return one == two or (_subsumes(one, two) and _subsumes(two, one))


def _subsumes(general: DenialConstraint | Inclusion, special: DenialConstraint | Inclusion) -> bool:
    if isinstance(general, Inclusion) or isinstance(special, Inclusion):
        return False
    return subsumes(general, special)
