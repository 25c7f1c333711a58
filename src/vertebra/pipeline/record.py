"""Records runs in the ledgers ``runs`` and ``lineage``, and detects runs that were killed.

Rows are noted in the journal of the run and committed when it ends (:mod:`vertebra.governance.journal`).
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from vertebra.governance.journal import RUN, Begun, Journal, lineage_rows
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.step_facts import facts_json
from vertebra.governance.unended_runs import complete_runs, unended
from vertebra.lake.commit import Commit
from vertebra.pipeline.fingerprint import parts_json
from vertebra.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vertebra.lake.catalog import Lake
    from vertebra.pipeline.fingerprint import Fingerprint
    from vertebra.pipeline.progress import StepResult


_DESCENT: Final = ("output", "output_version", "input", "input_version")
"""The columns that identify a row of the ledger ``lineage``, independent of the run that recorded it."""


class Recorder:
    """Records one run.

    Args:
        run_id: sorts after the ids of all earlier runs.

    Attributes:
        ledgers: for everything that the run writes; committed by :meth:`close`.
    """

    def __init__(self, lake: Lake, run_id: str, engine: str, profile: str | None) -> None:
        self._lake = lake
        self._scratch = lake.root / ".scratch"
        self._run_id = run_id
        about = {"run_id": run_id, "engine": engine, "profile": profile, "vertebra": installed_version()}
        self._journal = Journal(lake, run_id, about)
        self._began: dict[str, datetime] = {}
        self.ledgers = Ledgers(lake, self._journal)

    @property
    def folder(self) -> Path:
        """The run's own scratch folder."""
        return self._scratch / self._run_id

    def open(self) -> list[str]:
        """Begin: complete the ledgers of runs that were killed, remove their folders, and make this run's folder.

        Returns:
            A sentence for people about each run that was killed, and about tables that are computed again.
        """
        facts = complete_runs(self._lake, Ledgers(self._lake))
        self._journal.open()
        for folder in sorted(self._scratch.iterdir()) if self._scratch.is_dir() else []:
            mark = folder / "doing"
            if mark.is_file():
                # left by an earlier release, which kept no journal
                doing = mark.read_text("utf-8")
                fact = unended(folder.name, doing)
                facts.append(f"{fact}; what it committed is kept")
                self._row(RUN, "crashed", run_id=folder.name, error=fact, why=doing)
            shutil.rmtree(folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return facts

    def doing(self, step: str, fingerprint: Fingerprint | None = None, outputs: Sequence[str] = ()) -> None:
        """Note that a step begins, or is repeated.

        Args:
            fingerprint: what its result depends on; None for a step that records its tables itself.
            outputs: the tables it writes; the commit of the last one ends the step.
        """
        self._began[step] = datetime.now(UTC)
        self._journal.begin(step, _begun(fingerprint, outputs) if fingerprint else None)

    def ended(self, result: StepResult, fingerprint: Fingerprint | None) -> None:
        """Record how a step ended, and the inputs of each table it wrote."""
        done = fingerprint is not None and result.state == "ok"
        self._row(
            result.step,
            result.state,
            why=result.why,
            seconds=result.seconds,
            rows=result.rows,
            version=result.version,
            fingerprint=fingerprint.digest if fingerprint else None,
            facts=facts_json(result.facts) if result.facts else None,
            error="\n".join(filter(None, (result.error, result.trace))) or None,
            fingerprint_parts=parts_json(fingerprint, result.outputs) if fingerprint and done else None,
        )
        if fingerprint and done:
            # a step that left its table as it was wrote no version; the lineage of the present one is recorded
            if not getattr(result.facts, "unchanged", None):
                rows = lineage_rows(self._run_id, result.step, _begun(fingerprint, ()), result.outputs)
                self.ledgers.append("lineage", rows, self._about(result.step))
            self._journal.end(result.step)

    def found(self, result: StepResult, fingerprint: Fingerprint) -> None:
        """Record tables that an earlier run committed without recording them; their lineage may be recorded already."""
        self._row(
            result.step,
            result.state,
            why=result.why,
            rows=result.rows,
            version=result.version,
            fingerprint=fingerprint.digest,
            fingerprint_parts=parts_json(fingerprint, result.outputs),
        )
        rows = lineage_rows(self._run_id, result.step, _begun(fingerprint, ()), result.outputs)
        known = self.ledgers.read("lineage", _DESCENT).to_pylist()
        told = {tuple(row.values()) for row in known}
        new = [row for row in rows if tuple(row[name] for name in _DESCENT) not in told]
        self.ledgers.append("lineage", new, self._about(result.step))

    def close(self, state: str, why: str, seconds: float) -> None:
        """Record how the run ended, commit the ledgers, and remove the run's folder."""
        self._row(RUN, state, why=why, seconds=seconds)
        self._journal.settle()
        self._journal.close()
        self.ledgers.commit_run(self._journal)
        self._journal.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.ledgers.tidy()

    def abandon(self) -> None:
        """End a run that failed outside its steps; only the entries that steps noted before are recorded."""
        self._journal.settle()
        self.ledgers.commit_run(self._journal)
        self._journal.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _row(self, step: str, state: str, seconds: float | None = None, **more: Any) -> None:
        # a step that ran beside others is recorded some time after it ended
        started = self._began.pop(step, None) or datetime.now(UTC) - timedelta(seconds=seconds or 0)
        row = {"step": step, "state": state, "started_at": started, "seconds": seconds}
        self.ledgers.append("runs", [self._journal.about | row | more], self._about(step))

    def _about(self, step: str) -> Commit:
        return Commit(self._run_id, step, "")


def _begun(fingerprint: Fingerprint, outputs: Sequence[str]) -> Begun:
    return Begun(fingerprint.digest, asdict(fingerprint), fingerprint.inputs, tuple(outputs))
