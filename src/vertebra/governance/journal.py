"""The journal of a run: a file with the entries that the run will add to the ledgers when it ends.

A run commits each ledger once, when it ends. Until then its rows and staged files are noted here. Each line is flushed
to disk before the run continues, and staged files are flushed before the line that names them. Rows about a table are
noted before the table is committed, and are valid only if the commit succeeds: the commit of the table also decides
about the ledgers. A journal that still exists when the next run starts belongs to a run that was killed, and is
completed by :mod:`vertebra.governance.unended_runs`. Nothing here depends on a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vertebra.durable import GrowingFile
from vertebra.governance.schemas import EVENTS, LEDGERS, STATES
from vertebra.lake.staging import StagedFiles

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
    """The entries of a step in one ledger: rows of events, or files that replace a part of a state.

    Attributes:
        table: the entry is valid only if the step committed this table; None if it is always valid.
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
        self._writing = RLock()  # a step that runs beside others writes too

    # -- writing -------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin the journal, which marks the run as not ended."""
        self._file = GrowingFile(self._path)
        self._write({"about": self.about})

    def begin(self, step: str, begun: Begun | None = None) -> None:
        """Note that a step begins, or is repeated: its earlier entries about its table are dropped."""
        line: dict[str, Any] = {"begin": step}
        if begun is not None:
            line |= {"fingerprint": begun.fingerprint, "parts": dict(begun.parts)}
            line |= {"inputs": dict(begun.inputs), "outputs": list(begun.outputs)}
        with self._writing:
            self._note_begin(step, begun or Begun())
            self._write(line, flush=False)

    def add(self, entry: Entry) -> None:
        """Note an entry of a step in a ledger."""
        line: dict[str, Any] = {"step": entry.step, "ledger": entry.ledger, "table": entry.table}
        if entry.staged is None:
            line["rows"] = [dict(row) for row in entry.rows]
        else:
            root = self._lake.table(f"governance.{entry.ledger}").path
            files = [file.relative_to(root).as_posix() for file in entry.staged.files]
            line["staged"] = {"files": files, "rows": entry.staged.rows, "parts": list(entry.staged.parts)}
        with self._writing:
            self.entries.append(entry)
            self._write(line)

    def end(self, step: str) -> None:
        """Note that a step has succeeded: its tables are committed."""
        with self._writing:
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
        """The journal of a run that was killed; lines that are incomplete or damaged are left out."""
        journal = cls(lake, run_id, {})
        for text in journal._path.read_bytes().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
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
        """Drop entries about tables that the run did not commit."""
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
    written: Mapping[str, int | None] = outputs or {step: None}  # a publish step writes outside the lake
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
    """The runs that have not ended: running or killed."""
    folder = lake.root / _FOLDER
    return sorted(path.stem for path in folder.glob("*.jsonl")) if folder.is_dir() else []


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a journal")


def _typed(ledger: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row read back from JSON, with its original types; columns of another release are left out."""
    schema = EVENTS[ledger]
    times = {one.name for one in schema if pa.types.is_timestamp(one.type)}
    return {
        name: datetime.fromisoformat(value) if name in times and value is not None else value
        for name, value in row.items()
        if name in schema.names
    }
