"""Letting records of a forgotten key land again."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from vertebra.errors import DecisionError
from vertebra.governance.forgotten import record_allowed, tombstones
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.erasure import joined_key, key_hash, pending_erasures
from vertebra.lake.owner import hold
from vertebra.workspace.forget_key import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake


def allow(
    project: Project,
    lake: Lake,
    name: str,
    given: str | Sequence[str] | Mapping[str, object],
    reason: str,
    by: str | None = None,
) -> int:
    """Let records of a forgotten key land again. Returns how many erasures are no longer in force.

    Raises:
        DecisionError: the key was not forgotten, its erasure has not ended, or no reason is given.
        BusyError: another run holds the lake.
    """
    dataset = project.datasets[name]
    key = key_of(dataset, given)
    if not reason.strip():
        raise DecisionError(
            f"why may records of {name} land again?",
            cause="the reason is recorded, without the key",
            remedy=f'vertebra forget {name} … --allow --reason "…"',
        )
    with hold(lake.root, project.settings.name, f"allow a key of {name}"):
        if any(one.dataset == name for one in pending_erasures(lake)):
            raise DecisionError(f"an erasure from {name} has not ended", remedy="vertebra run, then allow the key")
        ledgers = Ledgers(lake)
        known = tombstones(lake, ledgers, name)
        digest = key_hash(known.secret, joined_key(list(key.values()))) if known else ""
        mine = [one for one in known.keys if one.columns == tuple(key) and digest in one.hashes] if known else []
        if not mine:
            raise DecisionError(
                f"the key was not forgotten in {name}, or it may land again already",
                cause="it is compared with the hashes of forgotten keys as it is written",
                remedy=f"vertebra sql \"select * from governance.forgotten where dataset = '{name}'\"",
            )
        for one in mine:
            record_allowed(ledgers, dataset.source, name, one.erasure, reason.strip(), by or getpass.getuser())
    return len(mine)
