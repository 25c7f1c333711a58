"""Taking back batches that landed, and restoring them."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from vertebra.errors import DecisionError
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.retractions import Retraction, record_retraction, retractions
from vertebra.lake.batches import batches
from vertebra.lake.owner import hold

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake


def decide(
    project: Project,
    lake: Lake,
    name: str,
    batch: int,
    reason: str,
    by: str | None,
    action: Literal["retract", "restore"],
) -> Retraction:
    """Retract a batch, or restore it; the next run computes the tables without it, or with it.

    Args:
        name: of a dataset.

    Raises:
        DecisionError: there is no such batch, it is retracted already, or it was not, or no reason is given.
        BusyError: another run holds the lake.
    """
    dataset = project.datasets[name]
    if not reason.strip():
        raise DecisionError(
            f"why {action} batch {batch} of {name}?",
            cause="the reason is recorded, for those who look at the tables later",
            remedy=f'vertebra {"retract" if action == "retract" else "retract --undo"} {name} {batch} --reason "…"',
        )
    with hold(lake.root, project.settings.name, f"{action} batch {batch} of {name}"):
        ledgers = Ledgers(lake)
        receipts = {one.number: one.receipt for one in batches(lake.landing, dataset.source, name)}
        landed = list(receipts)
        if batch not in landed:
            raise DecisionError(
                f"{name} has no batch {batch}",
                cause=f"its batches are 1 to {landed[-1]}" if landed else "nothing was collected yet",
                remedy=f"vertebra why formatted.{name} lists its batches",
            )
        known = retractions(ledgers, name)
        if action == "retract" and batch in known:
            one = known[batch]
            raise DecisionError(
                f"batch {batch} of {name} is retracted already",
                cause=f"{one.decided_by} retracted it on {one.decided_at:%Y-%m-%d}: {one.reason}",
                remedy=f'vertebra retract {name} {batch} --undo --reason "…" restores it',
            )
        if action == "restore" and batch not in known:
            raise DecisionError(
                f"batch {batch} of {name} is not retracted",
                cause=f"the retracted batches are {', '.join(map(str, sorted(known)))}" if known else "none is",
                remedy=f"vertebra retract {name} {batch} --reason …, to retract it",
            )
        if action == "restore" and receipts[batch].freed_at is not None:
            raise DecisionError(
                f"batch {batch} of {name} cannot be restored",
                cause=f"vertebra gc freed its files on {receipts[batch].freed_at:.10}",
                remedy="land its file again, under another name",
            )
        made = Retraction(
            datetime.now(UTC), by or getpass.getuser(), action, dataset.source, name, batch, reason.strip()
        )
        record_retraction(ledgers, made)
        return made
