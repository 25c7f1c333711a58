"""Records runs in the ledgers ``runs`` and ``lineage``, and detects runs that were killed.

Every append is a commit, so rows are appended in batches: those of short steps together, those of a long step at once.
Nothing depends on the last batch: each table's commit names the run, the step and the fingerprint, and the next run
records tables that were committed and not recorded.
"""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from vertebra.governance.step_facts import facts_json
from vertebra.lake.table import Commit
from vertebra.pipeline.fingerprint import parts_json
from vertebra.pipeline.state import RUN
from vertebra.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vertebra.governance.ledgers import Ledgers
    from vertebra.pipeline.fingerprint import Fingerprint
    from vertebra.pipeline.progress import StepResult

_PATIENCE: Final = 2.0
"""Seconds after which rows are appended without waiting for others."""


class Recorder:
    """Records one run.

    Args:
        scratch: the lake's scratch folder, with one folder per run under way. A folder that is still there when the
            next run starts belongs to a run that was killed.
    """

    def __init__(self, ledgers: Ledgers, scratch: Path, run_id: str, engine: str, profile: str | None) -> None:
        self._ledgers = ledgers
        self._scratch = scratch
        self._about = {
            "run_id": run_id, "engine": engine, "profile": profile, "vertebra": installed_version(),
        }  # fmt: skip
        self._runs: list[dict[str, Any]] = []
        self._lineage: list[dict[str, Any]] = []
        self._flushed = time.monotonic()

    @property
    def folder(self) -> Path:
        """The run's own scratch folder."""
        return self._scratch / str(self._about["run_id"])

    def open(self) -> list[str]:
        """Record runs that were killed as crashed, remove their folders, and make this run's folder.

        Returns:
            A sentence for people about each run that was killed.
        """
        sentences = []
        for folder in sorted(self._scratch.iterdir()) if self._scratch.is_dir() else []:
            mark = folder / "doing"
            doing = mark.read_text("utf-8") if mark.is_file() else ""
            fact = f"run {folder.name} did not end" + (f": it was killed in {doing}" if doing else "")
            self._row(RUN, "crashed", run_id=folder.name, error=fact, why=doing)
            sentences.append(f"{fact}; what it committed is kept")
            shutil.rmtree(folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return sentences

    def began(self, steps: int) -> None:
        """Record that the run has started, for others to see."""
        self._row(RUN, "started", why=f"{steps} steps to run")
        self.flush()

    def doing(self, step: str) -> None:
        """Name the step that is running in the run's folder, in case the process is killed in it."""
        (self.folder / "doing").write_text(step, "utf-8")

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
            self._lineage_rows(result.step, fingerprint, result.outputs)
        if time.monotonic() - self._flushed > _PATIENCE:
            self.flush()

    def close(self, state: str, why: str, seconds: float) -> None:
        """Record how the run ended, and remove its folder."""
        self._row(RUN, state, why=why, seconds=seconds)
        self.flush()
        shutil.rmtree(self.folder, ignore_errors=True)

    def flush(self) -> None:
        """Append the rows that are waiting."""
        commit = Commit(str(self._about["run_id"]), RUN, "")
        runs, lineage = self._runs, self._lineage
        self._runs, self._lineage = [], []
        self._ledgers.append("runs", runs, commit)
        self._ledgers.append("lineage", lineage, commit)
        self._flushed = time.monotonic()

    def _row(self, step: str, state: str, seconds: float | None = None, **more: Any) -> None:
        started = datetime.now(UTC) - timedelta(seconds=seconds or 0)
        row = {"step": step, "state": state, "started_at": started, "seconds": seconds}
        self._runs.append(self._about | row | more)

    def _lineage_rows(self, step: str, fingerprint: Fingerprint, outputs: Mapping[str, int]) -> None:
        written: Mapping[str, int | None] = outputs or {step: None}  # what a publish step wrote is not in the lake
        for output, output_version in written.items():
            for name, version in fingerprint.inputs.items():
                self._lineage.append(
                    {
                        "run_id": self._about["run_id"],
                        "step": step,
                        "output": output,
                        "output_version": output_version,
                        "input": name,
                        "input_version": version,
                        "fingerprint": fingerprint.digest,
                        "recorded_at": datetime.now(UTC),
                    }
                )
