"""The journal of a run: what the run will say in the ledgers, kept in a file until it ends.

A run commits each ledger once, when it ends. Until then its rows and staged files are noted here, each line flushed to
the disk before the run goes on, and staged files before the line that names them. Rows about a table are noted before
the table is committed, and count only if it was: the commit of the table decides about the ledgers too. A journal that
is still there when the next writer comes belongs to a run that was killed, and is completed by
:mod:`vertebra.governance.unended_runs`. Nothing here depends on a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vertebra.durable import GrowingFile
from vertebra.governance.schemas import EVENTS, LEDGERS, STATES
from vertebra.lake.table import StagedFiles

if TYPE_CHECKING:
    from vertebra.lake.catalog import Lake

RUN: Final = "run"
"""The ``step`` of the row of the ``runs`` ledger that is about the run itself."""

_FOLDER: Final = ".journal"


@dataclass(frozen=True)
class Begun:
    """A step that has begun.

    Attributes:
        fingerprint: its digest.
        parts: the fingerprint's parts, as in the column ``fingerprint_parts``.
        inputs: the version of each input.
        outputs: the tables it writes; the commit of the last one ends the step.
    """

    fingerprint: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)
    outputs: Sequence[str] = ()


@dataclass(frozen=True)
class Entry:
    """What a step says in one ledger: rows of events, or files that replace a part of a state.

    Attributes:
        table: the table that the step must have committed for this to count; None if it counts anyway.
    """

    step: str
    ledger: str
    rows: Sequence[Mapping[str, Any]] = ()
    staged: StagedFiles | None = None
    table: str | None = None


class Journal:
    """The journal of one run.

    Args:
        about: columns of all rows of the run in ``runs``.
    """

    def __init__(self, lake: Lake, run_id: str, about: Mapping[str, Any]) -> None:
        self.run_id = run_id
        self.about = dict(about)
        self.entries: list[Entry] = []
        self.begun: dict[str, Begun] = {}
        self.doing = ""
        self.ended: set[str] = set()
        self.closed = False
        self._lake = lake
        self._path = lake.root / _FOLDER / f"{run_id}.jsonl"
        self._file: GrowingFile | None = None

    # -- writing -------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin the journal: from now on the run is known as one that has not ended."""
        self._file = GrowingFile(self._path)
        self._write({"about": self.about})

    def begin(self, step: str, begun: Begun | None = None) -> None:
        """Note that a step begins, or begins once more: what it said about its table before does not count."""
        self._note_begin(step, begun or Begun())
        line: dict[str, Any] = {"begin": step}
        if begun is not None:
            line |= {"fingerprint": begun.fingerprint, "parts": dict(begun.parts)}
            line |= {"inputs": dict(begun.inputs), "outputs": list(begun.outputs)}
        self._write(line, flush=False)

    def add(self, entry: Entry) -> None:
        """Note what a step says in a ledger."""
        self.entries.append(entry)
        line: dict[str, Any] = {"step": entry.step, "ledger": entry.ledger, "table": entry.table}
        if entry.staged is None:
            line["rows"] = [dict(row) for row in entry.rows]
        else:
            root = self._lake.table(f"governance.{entry.ledger}").path
            files = [file.relative_to(root).as_posix() for file in entry.staged.files]
            line["staged"] = {"files": files, "rows": entry.staged.rows, "parts": list(entry.staged.parts)}
        self._write(line)

    def end(self, step: str) -> None:
        """Note that a step has gone well: its tables are committed."""
        self.ended.add(step)
        self._write({"end": step}, flush=False)

    def close(self) -> None:
        """Note that the run has ended and only its ledgers remain to be committed."""
        self.closed = True
        self._write({"close": True})

    def remove(self) -> None:
        """Remove the journal, when all ledgers are committed."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any], *, flush: bool = True) -> None:
        if self._file is not None:
            self._file.append(json.dumps(line, default=_plain).encode() + b"\n", flush=flush)

    def _note_begin(self, step: str, begun: Begun) -> None:
        self.doing = step
        self.begun[step] = begun
        self.entries = [one for one in self.entries if one.step != step or one.table is None]

    # -- reading -------------------------------------------------------------------------------------------------

    @classmethod
    def read(cls, lake: Lake, run_id: str) -> Journal:
        """The journal of a run that was killed; a last line that was not written whole is left out."""
        journal = cls(lake, run_id, {})
        for text in journal._path.read_bytes().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                break
            journal._take(line)
        return journal

    def _take(self, line: dict[str, Any]) -> None:
        if "about" in line:
            self.about = line["about"]
        elif "begin" in line:
            step = line.pop("begin")
            self._note_begin(step, Begun(**line))
        elif "end" in line:
            self.ended.add(line["end"])
        elif "close" in line:
            self.closed = True
        elif line.get("ledger") in LEDGERS:
            self.entries.append(self._entry(line))

    def _entry(self, line: Mapping[str, Any]) -> Entry:
        ledger, about = line["ledger"], (line["step"], line["ledger"])
        if "rows" in line:
            rows = [_typed(ledger, row) for row in line["rows"]]
            return Entry(*about, rows=rows, table=line["table"])
        root, staged = self._lake.table(f"governance.{ledger}").path, line["staged"]
        files = tuple(root / name for name in staged["files"])
        return Entry(
            *about,
            staged=StagedFiles(files, STATES[ledger], staged["rows"], tuple(staged["parts"])),
            table=line["table"],
        )

    # -- what counts ---------------------------------------------------------------------------------------------

    def staged(self, ledger: str) -> list[StagedFiles]:
        """The files that replace parts of a ledger when the run ends."""
        return [one.staged for one in self.entries if one.ledger == ledger and one.staged is not None]

    def rows(self, ledger: str) -> list[Mapping[str, Any]]:
        """The rows that are added to a ledger when the run ends."""
        return [row for one in self.entries if one.ledger == ledger for row in one.rows]

    def settle(self) -> None:
        """Drop what is about tables that the run did not commit."""
        committed = {
            (one.step, one.table): one.step in self.ended or self.version(one.step, one.table) is not None
            for one in self.entries
            if one.table is not None
        }
        self.entries = [one for one in self.entries if one.table is None or committed[one.step, one.table]]

    def version(self, step: str, table: str) -> int | None:
        """The version of a table that a step committed in this run."""
        found = self._lake.table(table)
        history = found.history() if found.exists() else []
        return next((one.version for one in history if one.run_id == self.run_id and one.step == step), None)


def lineage_rows(run_id: str, step: str, begun: Begun, outputs: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows of the ledger ``lineage``: one per table that a step wrote and table that it read."""
    written: Mapping[str, int | None] = outputs or {step: None}  # what a publish step wrote is not in the lake
    return [
        {
            "run_id": run_id,
            "step": step,
            "output": output,
            "output_version": output_version,
            "input": name,
            "input_version": version,
            "fingerprint": begun.fingerprint,
            "recorded_at": datetime.now(UTC),
        }
        for output, output_version in written.items()
        for name, version in begun.inputs.items()
    ]


def pending_runs(lake: Lake) -> list[str]:
    """The runs that have not ended: one that is under way, or one that was killed."""
    folder = lake.root / _FOLDER
    return sorted(path.stem for path in folder.glob("*.jsonl")) if folder.is_dir() else []


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a journal")


def _typed(ledger: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it was before it was written as JSON; columns of another release are left out."""
    schema = EVENTS[ledger]
    times = {one.name for one in schema if pa.types.is_timestamp(one.type)}
    return {
        name: datetime.fromisoformat(value) if name in times and value is not None else value
        for name, value in row.items()
        if name in schema.names
    }
