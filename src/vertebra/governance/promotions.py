"""Champions: which version of a model predicts, by the runs that chose it and the people who decided otherwise.

The ledgers ``models`` and ``promotions`` say so; the alias in MLflow follows them. What a person promoted stays the
champion, whatever runs train, until a person decides again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers

_LEDGER: Final = "promotions"

Action = Literal["promote", "rollback", "release"]


@dataclass(frozen=True)
class Promotion:
    """One row of the ledger ``promotions``: what a person decided about a champion.

    Attributes:
        decided_at: UTC.
        decided_by: who decided.
        action: ``promote`` a version, ``rollback`` to the champion before, or ``release``: let runs choose again.
        model_version: the champion from then on.
        before: the champion until then.
        reason: why.
    """

    decided_at: datetime
    decided_by: str
    action: Action
    analysis: str
    model_name: str
    model_version: str
    before: str
    reason: str

    def __str__(self) -> str:
        done = "rolled back to" if self.action == "rollback" else "promoted"
        return f"{self.decided_by} {done} version {self.model_version} on {self.decided_at:%Y-%m-%d}: {self.reason}"


@dataclass(frozen=True)
class Reign:
    """That a version became the champion.

    Attributes:
        version: of the registered model.
        since: UTC.
        run_id: the run that chose it; empty if a person did.
        by: the person's decision; None if a run chose it.
        reason: why.
    """

    version: str
    since: datetime
    run_id: str = ""
    by: Promotion | None = None
    reason: str = ""


@dataclass(frozen=True)
class Champions:
    """The champions of an analysis.

    Attributes:
        history: each change of the champion, the oldest first.
        earlier: the champions that a rollback goes back to, the nearest last.
        held: the decision of a person that keeps the champion, if there is one.
    """

    history: tuple[Reign, ...]
    earlier: tuple[str, ...]
    held: Promotion | None

    @property
    def version(self) -> str | None:
        """The champion now; None if no model was trained."""
        return self.history[-1].version if self.history else None


def promotions(ledgers: Ledgers, analysis: str) -> list[Promotion]:
    """What people decided about the champions of an analysis, the oldest first."""
    rows = (row for row in ledgers.read(_LEDGER).to_pylist() if row["analysis"] == analysis)
    return sorted((Promotion(**row) for row in rows), key=lambda one: one.decided_at)


def promotions_digest(ledgers: Ledgers, analysis: str) -> str:
    """Digest of people's decisions about the champions of an analysis; empty if there is none."""
    found = promotions(ledgers, analysis)
    text = "\n".join(f"{one.decided_at.isoformat()} {one.action} {one.model_version}" for one in found)
    return hashlib.sha256(text.encode()).hexdigest()[:16] if found else ""


def record_promotion(ledgers: Ledgers, made: Promotion) -> None:
    """Add a row to the ledger."""
    run = f"{made.action}-{made.decided_at:%Y%m%dT%H%M%S}"
    ledgers.append_now(_LEDGER, [asdict(made)], Commit(run, made.action, ""))


def champions(ledgers: Ledgers, analysis: str) -> Champions:
    """The champions of an analysis, also those that this run has chosen."""
    chosen = {row["run_id"]: row for row in ledgers.rows("models") if row["analysis"] == analysis and _leads(row)}
    events: list[tuple[datetime, str, Mapping[str, Any] | Promotion]] = [
        (row["recorded_at"], run_id, row) for run_id, row in chosen.items()
    ]
    events += [(one.decided_at, "", one) for one in promotions(ledgers, analysis)]
    history: list[Reign] = []
    stack: list[str] = []
    held: Promotion | None = None
    for at, run_id, event in sorted(events, key=lambda one: one[:2]):
        if isinstance(event, Promotion):
            held = None if event.action == "release" else event
            reign = Reign(event.model_version, at, by=event, reason=event.reason)
        else:
            reign = Reign(event["model_version"], at, run_id=run_id, reason=event.get("reason") or "")
            if held is not None and reign.version != held.model_version:
                held = None  # it could not predict any more
        if stack and stack[-1] == reign.version:
            continue
        history.append(reign)
        if reign.by is not None and reign.by.action == "rollback" and reign.version in stack:
            del stack[stack.index(reign.version) + 1 :]
        else:
            stack.append(reign.version)
    return Champions(tuple(history), tuple(stack[:-1]), held)


def _leads(row: Mapping[str, Any]) -> bool:
    """Whether a row of the ledger ``models`` is about the version that predicts after the run."""
    if not row["model_version"]:
        return False
    if row["champion"] is None:  # of an earlier release, in which each chosen model was the champion
        return bool(row["model_sha256"])
    return bool(row["champion"])
