"""Discovery: rules that hold, or nearly hold, in a table, proposed to a person with evidence.

Candidates come from a sample; each is then verified on the full table by detection, so that all figures are exact.
Rules that hold by accident, that follow from others, or that a declared rule implies are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from vertebra.formatting import counted
from vertebra.governance.context import Progress, silent
from vertebra.trusted.discover.interest import diversified, interest, is_rule, without_implied
from vertebra.trusted.discover.kind import KINDS, Evidence, in_order
from vertebra.trusted.discover.narrow import narrowed
from vertebra.trusted.discover.pair_evidence import pair_evidence
from vertebra.trusted.discover.proposal import CandidateRule, Proposal, Verified
from vertebra.trusted.discover.sample import Sample, drawn
from vertebra.trusted.discover.subject import Subject, profiled
from vertebra.trusted.discover.verify import declared_as, verified


def discover(
    subject: Subject,
    limit: int = 20,
    sample: int = 4_000,
    kinds: Collection[str] = KINDS,
    declared: bool = True,
    progress: Progress = silent,
    columns: Collection[str] = (),
) -> list[Proposal]:
    """Propose rules for a table, the most interesting first.

    Args:
        subject: the table, its declaration and the tables it may refer to.
        limit: the most proposals.
        sample: the number of rows to find candidates in, at least 2; a smaller table is used whole.
        kinds: the kinds of rules to propose.
        declared: also return rules that are already declared, marked as such.
        columns: propose only rules about these columns of the table; all by default.

    Raises:
        ProposalError: the table has no such column, or too many.
    """
    subject = narrowed(subject, columns)
    progress(f"profiling {subject.dataset.name}")
    subject = profiled(subject)
    if not subject.rows or not subject.columns:
        return []
    search = _Search(subject, drawn(subject, sample), kinds, progress)
    found = [one for one in search.found() if is_rule(one)]
    named = declared_as(subject, found)
    ranked = [one for one in without_implied(named) if declared or not one.declared]
    chosen = diversified(ranked, limit)
    return [_proposal(number, one) for number, one in enumerate(chosen, 1)]


class _Search:
    """One search: candidates by kind; later kinds use the results of earlier ones."""

    def __init__(self, subject: Subject, sample: Sample, kinds: Collection[str], progress: Progress) -> None:
        self.kinds = [kind for kind in in_order() if kind.name in kinds]
        names = [column.name for column in subject.columns.values() if not column.constant]
        differing = {name: sample.differing(name) for name in names}
        self.evidence = Evidence(subject, sample, differing, progress)
        self._used: set[str] = set()

    def found(self) -> list[Verified]:
        """All candidates, verified."""
        evidence = self.evidence
        if any(kind.uses_pairs for kind in self.kinds):
            evidence.progress(f"comparing {counted(evidence.sample.rows, 'sampled row')} pair by pair")
            evidence.pairs = pair_evidence(evidence.sample, list(evidence.differing))
        if any(kind.uses_dependencies for kind in self.kinds):
            evidence.dependent = self._verify(
                KINDS["fd"].candidates(evidence), "functional dependency", "functional dependencies"
            )
        others = [one for kind in self.kinds if kind.name != "fd" for one in kind.candidates(evidence)]
        dependent = evidence.dependent if any(kind.name == "fd" for kind in self.kinds) else []
        return [*dependent, *self._verify(others, "candidate")]

    def _verify(self, candidates: Sequence[CandidateRule], *what: str) -> list[Verified]:
        distinct = []
        for candidate in candidates:
            name = candidate.name
            number = 2
            while name in self._used:
                name, number = f"{candidate.name[:60]}_{number}", number + 1
            self._used.add(name)
            distinct.append(replace(candidate, name=name))
        rows, progress = self.evidence.subject.rows, self.evidence.progress
        if distinct:
            progress(f"verifying {counted(len(distinct), *what)} on {counted(rows, 'row')}")

        def advance(done: int, of: int) -> None:
            progress(f"verified {done:,} of {counted(of, *what)}")

        return verified(self.evidence.subject, distinct, advance)


def _proposal(number: int, one: Verified) -> Proposal:
    candidate = one.candidate
    statement, figures = KINDS[candidate.kind].said(one)
    return Proposal(
        number=number,
        name=candidate.name,
        kind=candidate.kind,
        body=candidate.body,
        statement=f"{statement}.",
        sentence=f"{statement}{figures}.",
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
