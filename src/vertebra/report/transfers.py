"""Progress of transfers: a bar on a terminal, else a line every ten seconds."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from vertebra.escape_control import escape_control
from vertebra.formatting import counted, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import TaskID

    from vertebra.landing.port import Transfer

_MAX_WIDTH: Final = 44
_ADDRESS: Final = re.compile(r"https?://\S+")
_INTERVAL: Final = 10.0
"""Seconds between two lines about one transfer."""


class TransferLines:
    """Writes a line every ten seconds.

    A line looks like ``landing.flights 12 files, 450.0 MB, 12.0 MB/s, now 2013_5.zip 3.0 MB of 4.0 MB``.

    Args:
        write: writes a line.
        clock: returns a monotonic time in seconds.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._step = self._url = ""
        self._started = self._reported = 0.0
        self._files = self._bytes = self._done = 0

    def update(self, step: str, transfer: Transfer) -> None:
        """Update the progress of a step; write a line if the last one is ten seconds old."""
        now = self._clock()
        if step != self._step:
            self._step, self._url, self._started, self._reported, self._files, self._bytes = step, "", now, now, 0, 0
        if transfer.url != self._url or transfer.done < self._done:
            self._url, self._done = transfer.url, 0
            self._files += 1
        self._bytes += transfer.done - self._done
        self._done = transfer.done
        if now - self._reported < _INTERVAL:
            return
        self._reported = now
        rate = size(int(self._bytes / (now - self._started)))
        what = f"{counted(self._files, 'file')}, {size(self._bytes)}, {rate}/s"
        self._write(f"{step} {what}, now {name_of(transfer.url)} {amount(transfer)}")


class TransferBar:
    """A progress bar for the current transfer: name, bytes, rate, remaining time.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column

        name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self.shown = Progress(
            TextColumn("  {task.description}", style="dim", table_column=name),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            expand=True,
        )
        self._task: TaskID | None = None
        self._url = ""
        self._done = 0

    def show(self, transfer: Transfer) -> None:
        """Show the progress of a transfer."""
        if self._task is None or transfer.url != self._url or transfer.done < self._done:
            self.hide()
            self._task = self.shown.add_task(_escaped(name_of(transfer.url)), total=transfer.total)
            self._url = transfer.url
        self._done = transfer.done
        self.shown.update(self._task, completed=transfer.done, total=transfer.total)

    def hide(self) -> None:
        """Remove the bar."""
        if self._task is not None:
            self.shown.remove_task(self._task)
        self._task = None


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def amount(transfer: Transfer) -> str:
    """The bytes received and, if known, the total."""
    return size(transfer.done) + (f" of {size(transfer.total)}" if transfer.total else "")


def shortened(text: str) -> str:
    """The text with each URL replaced by its file name."""
    return _ADDRESS.sub(lambda found: name_of(found[0]), text)


def name_of(url: str) -> str:
    """The file name and query of a URL; a long name is cut in the middle."""
    parts = urlsplit(url)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc or url
    name = f"{name}?{unquote(parts.query)}" if parts.query else name
    return escape_control(
        name if len(name) <= _MAX_WIDTH else f"{name[: _MAX_WIDTH // 4]}…{name[-_MAX_WIDTH * 3 // 4 + 1 :]}"
    )
