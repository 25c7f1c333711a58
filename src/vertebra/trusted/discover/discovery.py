"""Discovery: rules that hold, or nearly hold, in a table, proposed to a person with evidence.

Candidates come from a sample; each is then verified on the full table by detection, so that all figures are exact.
Rules that hold by accident, that follow from others, or that a declared rule implies are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vertebra.governance.context import Progress, silent
from vertebra.trusted.discover.columns import ranges, required, value_lists
from vertebra.trusted.discover.comparisons import comparisons
from vertebra.trusted.discover.conditional import constants, dependencies_within
from vertebra.trusted.discover.dependencies import dependencies
from vertebra.trusted.discover.interest import diversified, interest, is_rule, without_implied
from vertebra.trusted.discover.keys import keys
from vertebra.trusted.discover.orders import orders
from vertebra.trusted.discover.pair_evidence import pair_evidence
from vertebra.trusted.discover.patterns import patterns
from vertebra.trusted.discover.proposal import KINDS, CandidateRule, Kind, Proposal, Verified
from vertebra.trusted.discover.references import references
from vertebra.trusted.discover.sample import Sample, drawn
from vertebra.trusted.discover.sentence import sentence, statement
from vertebra.trusted.discover.subject import Subject, profiled
from vertebra.trusted.discover.verify import declared_as, verified

if TYPE_CHECKING:
    from vertebra.trusted.discover.pair_evidence import PairEvidence


def discover(
    subject: Subject,
    limit: int = 20,
    sample: int = 4_000,
    kinds: Collection[Kind] = KINDS,
    declared: bool = True,
    progress: Progress = silent,
) -> list[Proposal]:
    """Propose rules for a table, the most interesting first.

    Args:
        subject: the table, its declaration and the tables it may refer to.
        limit: the most proposals.
        sample: the number of rows to find candidates in, at least 2; a smaller table is used whole.
        kinds: the kinds of rules to propose.
        declared: also return rules that are already declared, marked as such.
    """
    progress(f"profiling {subject.dataset.name}")
    subject = profiled(subject)
    if not subject.rows or not subject.columns:
        return []
    search = _Search(subject, drawn(subject, sample), frozenset(kinds), progress)
    found = [one for one in search.found() if is_rule(one)]
    named = declared_as(subject, found)
    ranked = [one for one in without_implied(named) if declared or not one.declared]
    chosen = diversified(ranked, limit)
    return [_proposal(number, one) for number, one in enumerate(chosen, 1)]


class _Search:
    """One search: candidates by kind; later kinds use the results of earlier ones."""

    def __init__(self, subject: Subject, sample: Sample, kinds: frozenset[Kind], progress: Progress) -> None:
        self.subject = subject
        self.sample = sample
        self.kinds = kinds
        self.progress = progress
        self.names = [column.name for column in subject.columns.values() if not column.constant]
        self.differing = {name: sample.differing(name) for name in self.names}
        self._used: set[str] = set()

    def found(self) -> list[Verified]:
        """All candidates, verified."""
        pairs = self._evidence()
        dependent = self._verify(self._dependencies(pairs), "functional dependencies")
        exact = [frozenset((*one.candidate.lhs, one.candidate.rhs)) for one in dependent if one.exact]
        candidates: list[CandidateRule] = []
        if "key" in self.kinds and pairs is not None:
            self.progress("counting duplicates of candidate keys")
            candidates += keys(self.subject, pairs, self.differing)[:12]
        candidates += self._about_columns()
        candidates += self._about_rows(exact, [one for one in dependent if is_rule(one)])
        if "fd" not in self.kinds:
            dependent = []
        return dependent + self._verify(candidates, "candidates")

    def _evidence(self) -> PairEvidence | None:
        if not self.kinds & {"key", "fd", "order", "conditional"}:
            return None
        self.progress(f"comparing {self.sample.rows:,} sampled rows pair by pair")
        return pair_evidence(self.sample, self.names)

    def _dependencies(self, pairs: PairEvidence | None) -> list[CandidateRule]:
        """Dependencies, also needed to leave out orders that follow because one column determines the other."""
        if pairs is None or not self.kinds & {"fd", "order", "conditional"}:
            return []
        return dependencies(pairs, self.sample, self.subject.columns)

    def _about_columns(self) -> list[CandidateRule]:
        subject, sample = self.subject, self.sample
        found: list[CandidateRule] = []
        if "required" in self.kinds:
            found += required(subject)
        if "range" in self.kinds:
            found += ranges(subject, sample)
        if "values" in self.kinds:
            found += value_lists(subject)
        if "pattern" in self.kinds:
            found += patterns(sample, subject.columns)
        if "reference" in self.kinds:
            self.progress("comparing values with the keys of other tables")
            found += references(subject, sample)
        return found

    def _about_rows(self, exact: Sequence[frozenset[str]], dependent: Sequence[Verified]) -> list[CandidateRule]:
        columns, found = self.subject.columns, list[CandidateRule]()
        if "comparison" in self.kinds:
            found += comparisons(self.sample, columns)
        if "order" in self.kinds:
            found += orders(self.sample, columns, exact)
        if "conditional" in self.kinds:
            single = [(one.candidate.lhs[0], one.candidate.rhs) for one in dependent if _single(one)]
            found += [c for c in constants(self.sample, columns) if (c.lhs[0], c.rhs) not in set(single)]
            found += dependencies_within(self.sample, columns, single)
        return found

    def _verify(self, candidates: Sequence[CandidateRule], what: str) -> list[Verified]:
        distinct = []
        for candidate in candidates:
            name = candidate.name
            number = 2
            while name in self._used:
                name, number = f"{candidate.name[:60]}_{number}", number + 1
            self._used.add(name)
            distinct.append(replace(candidate, name=name))
        if distinct:
            self.progress(f"verifying {len(distinct)} {what} on {self.subject.rows:,} rows")
        return verified(self.subject, distinct, lambda done, of: self.progress(f"verified {done} of {of} {what}"))


def _single(one: Verified) -> bool:
    return len(one.candidate.lhs) == 1


def _proposal(number: int, one: Verified) -> Proposal:
    candidate = one.candidate
    return Proposal(
        number=number,
        name=candidate.name,
        kind=candidate.kind,
        body=candidate.body,
        statement=statement(one),
        sentence=sentence(one),
        logic=one.logic,
        rows=one.rows,
        applies=one.applies,
        dirty_rows=one.dirty,
        violating_tuples=one.tuples,
        violating_pairs=one.pairs,
        lhs_pairs=one.lhs_pairs,
        groups=one.groups,
        violating_groups=one.violating_groups,
        interest=round(interest(one), 4),
        declared=one.declared,
        columns=tuple(dict.fromkeys(name for name in (*candidate.lhs, candidate.rhs) if name)),
    )
