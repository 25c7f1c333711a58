"""Setting the cursor of an incremental source."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.governance.cursor_resets import CursorReset, cursor_reset, record_reset
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import batches, newest_cursor
from vertebra.lake.owner import hold
from vertebra.landing.collect import collector_of

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake


def reset_cursor(project: Project, lake: Lake, name: str, value: str, by: str | None, wait: float) -> CursorReset:
    """Record the value from which the next collection of a dataset continues.

    Args:
        name: of the dataset.
        wait: seconds to wait for another run.

    Raises:
        CollectError: the source has no cursor, or the value cannot be one.
        BusyError: another run holds the lake.
    """
    dataset = project.datasets[name]
    collector = collector_of(dataset)
    with hold(lake.root, project.settings.name, f"reset the cursor of {name}", wait):
        ledgers = Ledgers(lake)
        receipts = [batch.receipt for batch in batches(lake.landing, dataset.source, name)]
        cursor = newest_cursor(receipts)
        collector.check_cursor(value, dataset, cursor)
        before = cursor_reset(ledgers, name, receipts)
        if before is None and cursor is not None:
            before = collector.shown_cursor(cursor)
        number = receipts[-1].number if receipts else 0
        made = CursorReset(datetime.now(UTC), by or getpass.getuser(), dataset.source, name, number, before, value)
        record_reset(ledgers, made)
    return made
