"""The log of ``vertebra schedule``: one line per event, with its time, for a terminal or a log file."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TextIO

from vertebra.escape_control import escape_control
from vertebra.formatting import counted, duration
from vertebra.report.console import has_no_line, step_summary
from vertebra.report.sources import short_time
from vertebra.report.transfers import TransferLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from vertebra.errors import BusyError
    from vertebra.landing.port import Transfer
    from vertebra.pipeline.due import CollectionStatus
    from vertebra.pipeline.progress import RunReport, StepResult


class ScheduleLog:
    """Writes a line per event: ``2026-01-15T12:00:00Z OK landing.flights 1.2 s, 1 new batch, 28,000 records``.

    It receives the events of the schedule loop and the progress of its rounds.

    Args:
        stream: the stream to write to.
        now: returns the current time in UTC; by default the system clock.
    """

    def __init__(self, stream: TextIO, now: Callable[[], datetime] | None = None) -> None:
        self._stream = stream
        self._now = now or partial(datetime.now, UTC)
        self._transfers = TransferLines(self._write)

    # -- the loop -------------------------------------------------------------------------------------------------

    def began(self, scheduled: int, next_at: datetime | None) -> None:
        """Write the number of datasets with a schedule, and when the first one is due."""
        if next_at is None:
            self._write("started: no selected dataset has a schedule; declare collect: {every: '@daily'}")
            return
        first = "now" if next_at <= self._now() else f"at {short_time(next_at)} UTC"
        self._write(
            f"started: {counted(scheduled, 'dataset has', 'datasets have')} a schedule, the first is due {first}"
        )

    def due(self, status: CollectionStatus) -> None:
        """Write the name of a due dataset, and why it is due."""
        name, schedule = status.dataset.name, status.dataset.collect.schedule
        if status.state == "never":
            why = "never collected"
        elif status.state in ("refused", "failed"):
            attempts = status.last.attempts if status.last else 0
            why = f"{status.state} {counted(attempts, 'time')}, trying again"
        elif status.state == "waiting":
            why = f"waiting for {', '.join(status.last.not_yet if status.last else ())}"
        elif len(status.missed) > 1:
            why = f"{counted(len(status.missed), 'moment')} missed since {short_time(status.missed[0])} UTC"
        elif status.missed:
            why = f"since {short_time(status.missed[0])} UTC"
        else:
            why = "some periods landed, never collected in full"
        self._write(f"due {name} ({schedule}): {why}")

    def busy(self, error: BusyError) -> None:
        """Write which process holds the lock of the lake."""
        self._write(f"waiting: {error.fact}")

    def round_ended(self, report: RunReport) -> None:
        """Write the outcome of a round."""
        counts = {state: sum(r.state == state for r in report.results) for state in ("ok", "failed", "skipped")}
        what = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nothing new"
        self._write(f"round {report.run_id} {report.state}: {what}, {duration(report.seconds)}")

    def broken(self, error: Exception) -> None:
        """Write an error of the loop."""
        self._write(f"FAILED {_one_line(str(error) or type(error).__name__)}")

    def reloaded(self) -> None:
        """Write that the declarations were reloaded."""
        self._write("reloaded: the declarations changed")

    def stopped(self) -> None:
        """Write that the loop stopped."""
        self._write("stopped; committed work is kept, and vertebra schedule continues from there")

    # -- its rounds -----------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Write a remark."""
        self._write(f"note {_one_line(text)}")

    def started(self, number: int, total: int, step: str) -> None:
        """Write nothing; the line of the step is written when it ends."""

    def progress(self, step: str, text: str) -> None:
        """Write nothing."""

    def transferred(self, step: str, transfer: Transfer) -> None:
        """Write a line about the transfer every ten seconds."""
        self._transfers.update(step, transfer)

    def ended(self, number: int, total: int, result: StepResult) -> None:
        """Write the outcome of a step."""
        label = {"ok": "OK", "failed": "FAILED"}.get(result.state, result.state)
        if has_no_line(result):
            self._write(f"unchanged {result.step} {duration(result.seconds)}")
            return
        error = f": {_one_line(result.error)}" if result.error else ""
        self._write(f"{label} {result.step} {step_summary(result)}{error}")

    def _write(self, text: str) -> None:
        self._stream.write(f"{self._now():%Y-%m-%dT%H:%M:%SZ} {text}\n")
        self._stream.flush()


def _one_line(text: str) -> str:
    return escape_control(" ".join(part.strip() for part in text.splitlines()))
