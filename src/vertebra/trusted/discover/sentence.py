"""How well a rule holds, in words; the kinds of rules make sentences of it."""

from __future__ import annotations

from vertebra.formatting import counted, percentage
from vertebra.trusted.discover.proposal import Verified


def except_groups(found: Verified) -> str:
    """The groups and rows that violate a dependency."""
    differ = counted(found.dirty, "row differs", "rows differ")
    groups = f"{found.violating_groups or 0:,} of {counted(found.groups or 0, 'group')}"
    share = percentage(found.dirty / found.applies)
    return f", except in {groups}: {differ} from the rest of their group, {share} of all"


def kept(found: Verified, which: str = "") -> str:
    """The share of the rows for which a rule about single rows holds.

    Args:
        which: the rows that it concerns, e.g. ``with a value``.
    """
    rows = f"{counted(found.applies, 'row')}{' ' + which if which else ''}"
    return f"true of all {rows}" if found.exact else f"true of all but {found.tuples:,} of {rows}"
