"""Implementations of the run's Console: live progress on a terminal, plain lines, and a recorder for tests."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from vertebra.escape_control import escape_control
from vertebra.report.step_facts import outcome, phrases
from vertebra.report.transfers import TransferBar, TransferLines, shortened

if TYPE_CHECKING:
    from rich.console import Console as Rich
    from rich.live import Live
    from rich.progress import Progress, TaskID

    from vertebra.landing.port import Transfer
    from vertebra.pipeline.progress import StepResult

_LABELS: Final = {
    "ok": ("OK", "green"),
    "failed": ("FAILED", "bold red"),
    "skipped": ("skipped", "yellow"),
    "interrupted": ("stopped", "yellow"),
    "current": ("current", "dim"),
}
_NAME_WIDTH: Final = 26


def console_for(stream: TextIO) -> LineConsole | TerminalConsole:
    """A console with live progress if the stream is a terminal, else with plain lines."""
    tolerant = cast("TextIO", FaultTolerantConsole(stream))
    if not stream.isatty():
        return LineConsole(tolerant)
    from rich.console import Console as Rich

    return TerminalConsole(Rich(file=tolerant, highlight=False))


class FaultTolerantConsole:
    """A stream that ignores a broken pipe, so that ``vertebra run 2>&1 | head`` completes the run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text; discard it if the pipe is broken."""
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if the pipe is not broken."""
        with contextlib.suppress(BrokenPipeError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def has_no_line(result: StepResult) -> bool:
    """Whether the step gets no line, because its source had no new data."""
    return result.state == "current" and result.step.startswith("landing.") and not phrases(result.facts)


def step_summary(result: StepResult) -> str:
    """The text shown when a step ends."""
    return outcome(result) if phrases(result.facts) or result.state in ("ok", "failed") else result.why


class LineConsole:
    """Writes one plain line per step, for logs, pipes and CI."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._transfers = TransferLines(self._write)

    def note(self, text: str) -> None:
        """Write a remark."""
        self._write(f"note: {text}")

    def started(self, number: int, total: int, step: str) -> None:
        """Write nothing; the line of the step is written when it ends."""

    def progress(self, step: str, text: str) -> None:
        """Write nothing."""

    def transferred(self, step: str, transfer: Transfer) -> None:
        """Write a line about the transfer every ten seconds."""
        self._transfers.update(step, transfer)

    def ended(self, number: int, total: int, result: StepResult) -> None:
        """Write the line of the step, and its error below."""
        if has_no_line(result):
            return
        label = _LABELS[result.state][0]
        what = step_summary(result)
        self._write(f"{number} of {total} {label} {result.step} {what}")
        if result.error:
            self._write(_indented(result.error))

    def close(self) -> None:
        """Do nothing; there is no live line to remove."""

    def _write(self, text: str) -> None:
        self._stream.write(escape_control(text) + "\n")
        self._stream.flush()


class TerminalConsole:
    """Writes one line per step, and shows the running step in a live line below."""

    def __init__(self, rich: Rich) -> None:
        self._rich = rich
        self._live: Live | None = None
        self._steps: Progress | None = None
        self._task: TaskID | None = None
        self._bar: TransferBar | None = None

    def note(self, text: str) -> None:
        """Write a remark."""
        self._rich.print(f"[dim]note:[/] {_plain(text)}", highlight=False)

    def started(self, number: int, total: int, step: str) -> None:
        """Show the step in the live line."""
        if self._live is None:
            self._begin(total)
        if self._steps is not None and self._task is not None:
            self._steps.update(self._task, completed=number - 1, total=total, description=step, doing="")

    def progress(self, step: str, text: str) -> None:
        """Show what the step is doing."""
        if self._steps is not None and self._task is not None:
            self._steps.update(self._task, description=step, doing=_plain(shortened(text)))

    def transferred(self, step: str, transfer: Transfer) -> None:
        """Show the progress of a transfer."""
        if self._bar is not None:
            self._bar.show(transfer)

    def ended(self, number: int, total: int, result: StepResult) -> None:
        """Write the line of the step."""
        if self._bar is not None:
            self._bar.hide()
        if not has_no_line(result):
            self._rich.print(self._line(number, total, result))
            if result.error:
                self._rich.print(_indented(_plain(result.error)), style="red", highlight=False)
        if number == total:
            self.close()

    def close(self) -> None:
        """Remove the live line."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _begin(self, total: int) -> None:
        from rich.console import Group
        from rich.live import Live
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._steps = Progress(
            SpinnerColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} done", style="dim", table_column=Column(no_wrap=True)),
            TextColumn("[bold]{task.description}[/]", table_column=Column(no_wrap=True)),
            TextColumn(
                "{task.fields[doing]}", style="dim", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            console=self._rich,
            expand=True,
        )
        self._task = self._steps.add_task("", total=total, doing="")
        self._bar = TransferBar(self._rich)
        shown = Group(self._steps, self._bar.shown)
        self._live = Live(shown, console=self._rich, transient=True, refresh_per_second=10)
        self._live.start()

    def _line(self, number: int, total: int, result: StepResult) -> object:
        from rich.table import Table
        from rich.text import Text

        label, style = _LABELS[result.state]
        what = escape_control(step_summary(result))
        width = len(str(total))
        row = Table.grid(padding=(0, 1))
        row.add_column(width=2 * width + 4, no_wrap=True)
        row.add_column(width=7, no_wrap=True)
        row.add_column(min_width=_NAME_WIDTH, no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(
            Text(f"{number:>{width}} of {total}", "dim"), Text(label, style), Text(result.step), Text(what, "dim")
        )
        return row


@dataclass
class CapturingConsole:
    """Records all events, for tests."""

    notes: list[str] = field(default_factory=list)
    started_steps: list[str] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    transfers: list[tuple[str, Transfer]] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Record a remark."""
        self.notes.append(text)

    def started(self, number: int, total: int, step: str) -> None:
        """Record the name of a step that started."""
        self.started_steps.append(step)

    def progress(self, step: str, text: str) -> None:
        """Record a progress message of a step."""
        self.messages.append((step, text))

    def transferred(self, step: str, transfer: Transfer) -> None:
        """Record the progress of a transfer."""
        self.transfers.append((step, transfer))

    def ended(self, number: int, total: int, result: StepResult) -> None:
        """Record the result of a step."""
        self.results.append(result)

    def close(self) -> None:
        """Do nothing."""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(escape_control(text))
