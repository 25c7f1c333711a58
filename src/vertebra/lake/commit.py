"""What a commit of a table records about its origin, and how it is read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from deltalake import CommitProperties, Transaction

COMPACTION: Final = "compaction"
"""The step of a commit that merges files and changes no rows."""

REPAIR: Final = "repair"
"""The step of a commit that says that the rows of a table are to be computed again; see ``lake.repair``."""

_SAME_ROWS: Final = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "ADD FEATURE"})

_EXTRA: Final = "vertebra.extra."


@dataclass(frozen=True)
class Commit:
    """The metadata that a table version records about its origin.

    Attributes:
        app_version: with it, the commit carries the application transaction ``(step, app_version)``: a repeat of the
            same or an earlier number is skipped, so a repeated step cannot append twice.
        extra: other facts about the last version that a zone needs, by names that the zone chooses.
    """

    run_id: str
    step: str
    fingerprint: str
    inputs: Mapping[str, int] = field(default_factory=dict)
    app_version: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def properties(self) -> CommitProperties:
        """As deltalake's commit properties."""
        transactions = [Transaction(self.step, self.app_version)] if self.app_version is not None else None
        metadata = {
            "vertebra.run_id": self.run_id,
            "vertebra.step": self.step,
            "vertebra.fingerprint": self.fingerprint,
            "vertebra.inputs": json.dumps(dict(self.inputs), sort_keys=True),
        } | {f"{_EXTRA}{key}": value for key, value in self.extra.items()}
        return CommitProperties(custom_metadata=metadata, app_transactions=transactions, max_commit_retries=0)


@dataclass(frozen=True)
class TableVersion:
    """One version of a table, as its commit records it."""

    version: int
    at: datetime
    operation: str
    run_id: str
    step: str
    fingerprint: str
    inputs: Mapping[str, int]
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def changed_rows(self) -> bool:
        """Whether the version may have other rows than the one before it."""
        return self.operation not in _SAME_ROWS and self.step != COMPACTION


def table_version(entry: Mapping[str, object]) -> TableVersion:
    """The version that an entry of a table's history describes."""
    text = {key: str(value) for key, value in entry.items() if key.startswith("vertebra.")}
    return TableVersion(
        version=int(str(entry["version"])),
        at=datetime.fromtimestamp(int(str(entry["timestamp"])) / 1000, tz=UTC),
        operation=str(entry.get("operation", "")),
        run_id=text.get("vertebra.run_id", ""),
        step=text.get("vertebra.step", ""),
        fingerprint=text.get("vertebra.fingerprint", ""),
        inputs=json.loads(text.get("vertebra.inputs", "{}")),
        extra={key.removeprefix(_EXTRA): value for key, value in text.items() if key.startswith(_EXTRA)},
    )
