"""Explains why two records are a match, or are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vertebra.errors import DecisionError
from vertebra.exploitation.matching.resolution import shown_evidence
from vertebra.workspace.match_records import written
from vertebra.workspace.match_results import MatchEvidence, MatchExplanation

if TYPE_CHECKING:
    from vertebra.exploitation.matching.entity_ids import Member
    from vertebra.exploitation.matching.resolution import Examined


def explained(found: Examined, one: Member, other: Member) -> MatchExplanation:
    """What speaks for and against a match.

    Raises:
        DecisionError: the records are of one source, whose records are all different entities.
    """
    a, b = sorted((found.number[one], found.number[other]))
    scored = found.scored
    places = np.flatnonzero((scored.left == a) & (scored.right == b))
    if not len(places):
        raise DecisionError(
            f"{written(one)} and {written(other)} are not compared",
            cause=f"the records of {one[0]} are all different entities, as declared",
        )
    pair = int(places[0])
    listed = np.flatnonzero(found.decided.pairs == pair)
    decision = str(found.decided.decision[listed[0]]) if len(listed) else "no match"
    reason = str(found.decided.reason[listed[0]]) if len(listed) else _reason(found, pair)
    probability = float(found.decided.every_probability[pair])
    shown = shown_evidence(found.records, scored, pair)
    evidence = tuple(
        MatchEvidence(name, *shown.get(name, (None, None, "")), weight=round(float(weight), 3))
        for name, weight in zip(scored.names, scored.evidence[pair], strict=True)
    )
    if a != found.number[one]:
        evidence = tuple(MatchEvidence(e.name, e.right, e.left, e.level, e.weight) for e in evidence)
    return MatchExplanation(
        found.records.declaration.name,
        one,
        other,
        decision,
        reason,
        probability,
        float(scored.scores[pair]),
        scored.trust,
        evidence,
    )


def _reason(found: Examined, pair: int) -> str:
    scored = found.scored
    if scored.objection[pair]:
        return str(scored.objection[pair])
    by_left, by_right = scored.contest.others(scored.scores)
    better = [side for side, best in (("left", by_left[pair]), ("right", by_right[pair])) if best > scored.scores[pair]]
    if better:
        return f"another record fits the {' and the '.join(better)} one better"
    return "not probable enough"
