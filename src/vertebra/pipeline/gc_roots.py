"""Which table versions garbage collection keeps: those of models, recent runs and the last success of each step."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vertebra.declare.quantity import parse_duration
from vertebra.errors import VertebraError
from vertebra.governance.forgotten import erased_versions
from vertebra.lake.gc import OF_MODEL
from vertebra.pipeline.fingerprint import read_parts

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers


def gc_roots(ledgers: Ledgers, since: datetime) -> dict[str, dict[int, str]]:
    """The versions to keep, by table, each with the reason.

    Args:
        since: versions that were read or written by runs which started then or later are kept. So are those of the
            last successful run of each step, however old.
    """
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for row in ledgers.read("models").to_pylist():
        model = f"{OF_MODEL}{row['model_name'] or row['analysis']}"
        for part in ("train", "test"):
            table, version = row[f"{part}_table"], row[f"{part}_version"]
            if table and version is not None:
                found[table].setdefault(version, f"{model}, {part} set")
    good = [row for row in ledgers.read("runs").to_pylist() if row["state"] == "ok" and row["fingerprint_parts"]]
    newest: set[str] = set()
    for row in sorted(good, key=lambda row: row["run_id"], reverse=True):
        step = row["step"]
        if step in newest and row["started_at"] < since:
            continue
        why = f"run {row['run_id']} of {step}" if step in newest else f"last run of {step}"
        newest.add(step)
        fingerprint, outputs = read_parts(row["fingerprint_parts"])
        for table, version in [*outputs.items(), *fingerprint.inputs.items()]:
            if not table.startswith("landing."):
                found[table].setdefault(version, why)
    # an erasure removed the versions before these, whatever needs them
    for table, first in erased_versions(ledgers).items():
        found[table] = {version: why for version, why in found.get(table, {}).items() if version >= first}
    return dict(found)


def age(text: str) -> timedelta:
    """How long versions are kept, e.g. ``30 days``, ``12 hours`` or ``2 weeks``.

    Raises:
        VertebraError: the text is not a duration.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        fact, _, remedy = str(error).partition("; ")
        raise VertebraError(fact, remedy=remedy) from None
