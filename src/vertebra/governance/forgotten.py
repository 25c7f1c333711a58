"""Records that were forgotten: the ledger ``forgotten``. It has keyed hashes, and never a key in the clear."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vertebra.governance.row_table import rows_of
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.lake.commit import Commit
from vertebra.lake.erasure import pending_erasures, secret_key

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.lake.erasure import Erasure

_LEDGER: Final = "forgotten"
REMOVED: Final = "(removed: it named a forgotten record)"
"""What a message in a ledger says instead."""

_TEXTS: Final = {"runs": "error", "quality": "note"}
"""Columns of ledgers of events with messages that may repeat cells."""


@dataclass(frozen=True)
class Tombstone:
    """A forgotten key: what a collection recognises it by.

    Attributes:
        columns: declared columns.
        hashes: keyed hashes of their texts.
    """

    erasure: str
    reason: str
    columns: tuple[str, ...]
    hashes: frozenset[str]


@dataclass(frozen=True)
class Tombstones:
    """The forgotten keys of a dataset, and the secret that they are hashed with."""

    secret: bytes
    keys: tuple[Tombstone, ...]


def tombstones(lake: Lake, ledgers: Ledgers, dataset: str) -> Tombstones | None:
    """The forgotten keys of a dataset; None if there are none, or the secret of the lake was removed."""
    secret = secret_key(lake)
    if secret is None:
        return None
    found = {
        one.id: Tombstone(one.id, one.reason, tuple(one.key), frozenset(one.hashes))
        for one in pending_erasures(lake)
        if one.dataset == dataset
    }
    for row in ledgers.read(_LEDGER, ("dataset", "erasure", "reason", "columns", "hashes", "action")).to_pylist():
        if row["dataset"] == dataset and row["action"] == "allow":
            found.pop(row["erasure"], None)
        if row["dataset"] == dataset and row["action"] == "forget":
            columns, hashes = tuple(row["columns"]), frozenset(row["hashes"])
            found[row["erasure"]] = Tombstone(row["erasure"], row["reason"], columns, hashes)
    return Tombstones(secret, tuple(found.values())) if found else None


def erased_versions(ledgers: Ledgers) -> dict[str, int]:
    """For each table whose history was erased, the oldest version that was left."""
    found: dict[str, int] = {}
    for row in ledgers.read(_LEDGER, ("tables", "versions")).to_pylist():
        for table, version in zip(row["tables"] or (), row["versions"] or (), strict=True):
            found[table] = max(version, found.get(table, version))
    return found


def record_erasure(ledgers: Ledgers, erasure: Erasure, tables: Mapping[str, int]) -> None:
    """Record that an erasure has ended, if it is not recorded yet.

    Args:
        tables: the tables whose history was erased, each with the oldest version that was left.
    """
    known = ledgers.read(_LEDGER, ("erasure", "action")).to_pylist()
    if {"erasure": erasure.id, "action": "forget"} in known:
        return
    row = {
        "decided_at": erasure.at,
        "ended_at": datetime.now(UTC),
        "decided_by": erasure.by,
        "action": "forget",
        "erasure": erasure.id,
        "reason": erasure.reason,
        "source": erasure.source,
        "dataset": erasure.dataset,
        "columns": list(erasure.key),
        "hashes": list(erasure.hashes),
        "batches": sorted(erasure.records),
        "records": erasure.number,
        "tables": list(tables),
        "versions": list(tables.values()),
    }
    ledgers.append_now(_LEDGER, [row], Commit(f"forget-{erasure.id}", "forget", ""))


def record_allowed(ledgers: Ledgers, source: str, dataset: str, erasure: str, reason: str, by: str) -> None:
    """Record that records of a forgotten key may land again."""
    now = datetime.now(UTC)
    row = {
        "decided_at": now,
        "ended_at": now,
        "decided_by": by,
        "action": "allow",
        "erasure": erasure,
        "reason": reason,
        "source": source,
        "dataset": dataset,
    }
    ledgers.append_now(_LEDGER, [row], Commit(f"allow-{erasure}", "forget", ""))


def left_out_row(source: str, dataset: str, batch: int, entry: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The row about records of a forgotten key that a source sent again, and that did not land.

    Args:
        entry: the erasure in the receipt of the batch.
    """
    return {
        "decided_at": at,
        "ended_at": at,
        "decided_by": "source",
        "action": "leave out",
        "erasure": entry["erasure"],
        "reason": entry["reason"],
        "source": source,
        "dataset": dataset,
        "batches": [batch],
        "records": len(entry["records"]),
    }


def scrub(lake: Lake, ledgers: Ledgers, erasure: Erasure) -> None:
    """Remove decisions about the forgotten records, and messages that repeat their cells. May be repeated."""
    commit = Commit(f"forget-{erasure.id}", "forget", "")
    rids = {batch * RECORDS_PER_BATCH + record for batch, records in erasure.records.items() for record in records}
    decisions = ledgers.read("decisions")
    mine = [_is_about(row, erasure, rids) for row in decisions.to_pylist()]
    if any(mine):
        _rewrite(lake, "decisions", decisions.filter(_array([not one for one in mine], pa.bool_())), commit)
    _scrub_matches(lake, ledgers, erasure, rids, commit)
    if not erasure.texts:
        return
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in erasure.texts))
    for ledger, column in _TEXTS.items():
        data = ledgers.read(ledger)
        cells = data.column(column).to_pylist()
        told = [_told(cell, pattern) for cell in cells]
        if told != cells:
            place = data.schema.names.index(column)
            made = data.set_column(place, data.schema.field(column), _array(told, data.schema.field(column).type))
            _rewrite(lake, ledger, made, commit)
    rows = [row for row in rows_of(ledgers.read("collections")) if row["dataset"] == erasure.dataset]
    told_rows = [
        {
            **row,
            "reason": _told(row["reason"], pattern),
            "remedy": _told(row["remedy"], pattern),
            "warnings": [_told(text, pattern) for text in row["warnings"] or ()],
        }
        for row in rows
    ]
    if [{**row, "warnings": row["warnings"] or []} for row in rows] != told_rows:
        ledgers.state("collections", erasure.dataset, told_rows, commit)


def _scrub_matches(lake: Lake, ledgers: Ledgers, erasure: Erasure, rids: set[int], commit: Commit) -> None:
    """Remove what people decided about pairs with a forgotten record.

    Of a record that comes from a view, only the key is known: a key that is a text of a forgotten record is its key.
    """
    rows = ledgers.read("match_decisions")
    mine = []
    for row in rows.to_pylist():
        found = False
        for side in ("left", "right"):
            if row[f"{side}_table"] == f"trusted.{erasure.dataset}":
                found |= row[f"{side}_rid"] in rids
            elif not (row[f"{side}_table"] or "").startswith("trusted."):
                found |= row[f"{side}_key"] in erasure.texts
        mine.append(found)
    if any(mine):
        _rewrite(lake, "match_decisions", rows.filter(_array([not one for one in mine], pa.bool_())), commit)


def _is_about(row: Mapping[str, Any], erasure: Erasure, rids: set[int]) -> bool:
    if row["dataset"] != erasure.dataset:
        return False
    if row["rid"] in rids:
        return True
    key = json.loads(row["row_key"]) if row["row_key"] else {}
    return bool(key) and all(str(key.get(name)) == text for name, text in erasure.key.items())


def _told(cell: str | None, pattern: re.Pattern[str]) -> str | None:
    """A message, unless it repeats a text as a word."""
    return REMOVED if cell and pattern.search(cell) else cell


def _rewrite(lake: Lake, ledger: str, data: pa.Table, commit: Commit) -> None:
    table = lake.table(f"governance.{ledger}")
    table.write_arrow(data, commit, mode="overwrite", evolution="widen")


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind)
