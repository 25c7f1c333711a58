"""What people decided about pairs of records: the ledger ``match_decisions``. Records are named by source and key, so
that a decision holds for later versions of the tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from vertebra.errors import DecisionError
from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.governance.ledgers import Ledgers

Verdict = Literal["same", "different", "withdraw"]

_LEDGER: Final = "match_decisions"


@dataclass(frozen=True)
class MatchDecision:
    """One row of the ledger ``match_decisions``; the latest one about a pair is in force, unless it is a withdrawal.

    Attributes:
        decided_at: UTC.
        verdict: the records are the ``same`` entity or ``different`` ones; ``withdraw`` takes earlier verdicts back.
        left_source, left_key: one record; a key of several columns is a JSON list.
        right_source, right_key: the other record.
        comment: why.
        left_table, right_table: the tables that the records are rows of.
        left_rid, right_rid: their row ids when it was decided; None if the table has none.
    """

    decided_at: datetime
    decided_by: str
    reconciliation: str
    verdict: Verdict
    left_source: str
    left_key: str
    right_source: str
    right_key: str
    comment: str = ""
    left_table: str = ""
    left_rid: int | None = None
    right_table: str = ""
    right_rid: int | None = None

    @property
    def pair(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """The two records, in one order whoever was named first."""
        one, other = sorted([(self.left_source, self.left_key), (self.right_source, self.right_key)])
        return one, other


def match_decisions(ledgers: Ledgers, reconciliation: str | None = None) -> list[MatchDecision]:
    """All decisions, oldest first; those about one reconciliation or about all."""
    rows = ledgers.read(_LEDGER).sort_by("decided_at").to_pylist()
    return [MatchDecision(**row) for row in rows if reconciliation in (None, row["reconciliation"])]


def decisions_in_force(ledgers: Ledgers, reconciliation: str) -> list[MatchDecision]:
    """The decisions about a reconciliation that hold, in the order of their records."""
    latest = {one.pair: one for one in match_decisions(ledgers, reconciliation)}
    return [latest[pair] for pair in sorted(latest) if latest[pair].verdict != "withdraw"]


def decisions_digest(ledgers: Ledgers, reconciliation: str) -> str:
    """A hash of the decisions in force; empty if there is none."""
    held = [[*one.pair, one.verdict] for one in decisions_in_force(ledgers, reconciliation)]
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()[:16] if held else ""


def record_match_decision(ledgers: Ledgers, decision: MatchDecision) -> None:
    """Add a row to the ledger; the next run respects it."""
    run = f"match-{decision.decided_at:%Y%m%dT%H%M%S%f}"
    ledgers.append_now(_LEDGER, [asdict(decision)], Commit(run, "match", ""))


def refuse_contradiction(decisions: Sequence[MatchDecision], unique: Mapping[str, bool]) -> None:
    """Refuse decisions of which not all can hold: the last one contradicts the others.

    Args:
        decisions: about one reconciliation, the newest last.
        unique: for each source, whether its records are all different entities.

    Raises:
        DecisionError: two records are the same through others, and different; or two records of a unique source are.
    """
    latest = {one.pair: one for one in decisions}
    group: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for pair, decision in latest.items():
        if decision.verdict == "same":
            joined = set.union(*(group.get(member, {member}) for member in pair))
            group |= dict.fromkeys(joined, joined)
    remedy = f"vertebra match undo {decisions[-1].reconciliation} LEFT RIGHT"
    for members in group.values():
        listed = ", ".join(sorted(":".join(member) for member in members))
        for (one, other), decision in latest.items():
            if decision.verdict == "different" and one in members and other in members:
                raise DecisionError(
                    f"{':'.join(one)} and {':'.join(other)} cannot be the same and different",
                    cause=f"people decided that {listed} are one entity",
                    remedy=remedy,
                )
        for source in {source for source, _ in members if unique.get(source)}:
            if sum(of == source for of, _ in members) > 1:
                raise DecisionError(
                    f"{listed} cannot be one entity",
                    cause=f"the records of {source} are all different entities, as declared",
                    remedy=f"declare `unique: false` for the source {source}, or: {remedy}",
                )
