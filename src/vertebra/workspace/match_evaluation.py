"""Measures matches against a file with the true pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.errors import DecisionError
from vertebra.workspace.match_records import record_named
from vertebra.workspace.match_results import MatchEvaluation, MatchScore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vertebra.declare.entity_resolution import EntityResolution
    from vertebra.exploitation.matching.entity_ids import Member
    from vertebra.exploitation.matching.resolution import Examined

_THRESHOLDS: Final = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)


def true_pairs_of(declared: EntityResolution, file: Path) -> list[tuple[Member, Member]]:
    """Read the true pairs.

    Raises:
        DecisionError: the file cannot be read, or has other columns.
    """
    import csv

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DecisionError(f"{file} cannot be read", cause=str(error)) from error
    if rows and rows[0][:4] == ["left_source", "left_key", "right_source", "right_key"]:
        return [((row[0], row[1]), (row[2], row[3])) for row in rows[1:] if row]
    sources = list(declared.records)
    left, right = sources[0], sources[-1]
    widths = [len(declared.records[source].identified_by) for source in (left, right)]
    if len(sources) > 2 or not rows or len(rows[0]) != sum(widths):
        keys = ", ".join(
            f"{source}_{column}" for source in (left, right) for column in declared.records[source].identified_by
        )
        raise DecisionError(
            f"{file} has other columns than the keys of two records",
            cause=f"its header is {', '.join(rows[0]) if rows else 'missing'}",
            remedy=f"write a CSV file with the columns {keys}, or left_source, left_key, right_source, right_key",
        )
    found = []
    for row in filter(None, rows[1:]):
        one, other = row[: widths[0]], row[widths[0] :]
        found.append((record_named(declared, ",".join(one), left), record_named(declared, ",".join(other), right)))
    return found


def evaluated(found: Examined, true_pairs: Sequence[tuple[Member, Member]]) -> MatchEvaluation:
    """Compare the entities, and the pairs that would match from other probabilities, with the true pairs."""
    import numpy as np

    known = {
        tuple(sorted((found.number[one], found.number[other])))
        for one, other in true_pairs
        if one in found.number and other in found.number
    }
    scored, count = found.scored, len(found.members)
    candidates = set((scored.left * count + scored.right).tolist())
    matched = set(_joined(found.decided.entity.tolist()))
    missed = known - matched
    blocked = sum(a * count + b not in candidates for a, b in missed)
    total = MatchScore(None, len(matched), len(known & matched), len(known))
    leads, _ = scored.contest.rivals(np.where(scored.objection == "", scored.scores, -np.inf))
    leads &= scored.objection == ""
    truth = np.array([(a, b) in known for a, b in zip(scored.left.tolist(), scored.right.tolist(), strict=True)], bool)
    scores = []
    for threshold in _THRESHOLDS:
        chosen = leads & (scored.probabilities >= threshold)
        scores.append(MatchScore(threshold, int(chosen.sum()), int((chosen & truth).sum()), len(known)))
    return MatchEvaluation(total, tuple(scores), blocked, len(missed) - blocked, len(true_pairs) - len(known))


def _joined(entities: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The pairs of records of one entity."""
    members: dict[int, list[int]] = {}
    for record, entity in enumerate(entities):
        members.setdefault(entity, []).append(record)
    for group in members.values():
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                yield one, other
