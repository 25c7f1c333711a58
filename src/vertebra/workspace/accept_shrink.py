"""Accepting snapshots that were refused because they are smaller than ``shrink:`` allows."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.errors import CollectError
from vertebra.governance.accepted_shrinks import AcceptedShrink, record_accepted
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.retractions import retractions
from vertebra.lake.batches import batches
from vertebra.lake.owner import hold
from vertebra.landing.refused_payloads import refused_shrinks
from vertebra.landing.shrink import in_force

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake


def accept_shrink(project: Project, lake: Lake, name: str, by: str | None, wait: float) -> list[AcceptedShrink]:
    """Record that the refused snapshots of a dataset may land; the next collection lands them.

    Args:
        name: of the dataset.
        wait: seconds to wait for another run.

    Raises:
        CollectError: no snapshot is refused because of its size.
        BusyError: another run holds the lake.
    """
    dataset = project.datasets[name]
    with hold(lake.root, project.settings.name, f"accept a smaller snapshot of {name}", wait):
        ledgers = Ledgers(lake)
        landed = batches(lake.landing, dataset.source, name)
        replaceable = {batch.number for batch in in_force(dataset, landed, retractions(ledgers, name))}
        home = lake.landing / dataset.source / name
        refused = [one for one in refused_shrinks(home) if one.shrink.replaces in replaceable]
        if not refused:
            raise CollectError(
                f"no snapshot of {name} waits to be accepted",
                cause="no collection has refused one with fewer rows than the one in force"
                if dataset.shrink
                else f"{name} declares no `shrink:`, so none is refused for its number of rows",
                remedy=f"vertebra collect {name}",
                where=f"dataset {name}",
            )
        now, who = datetime.now(UTC), by or getpass.getuser()
        made = [
            AcceptedShrink(
                now, who, dataset.source, name, one.url, one.period, one.part,
                one.shrink.replaces, one.shrink.records, one.shrink.before,
            )
            for one in refused
        ]  # fmt: skip
        record_accepted(ledgers, made)
    return made
