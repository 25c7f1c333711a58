"""Bytes as they come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from vertebra.escape_control import escape_control
from vertebra.report.formatting import many, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import TaskID

    from vertebra.landing.port import Transfer

_WIDEST: Final = 44
_ADDRESS: Final = re.compile(r"https?://\S+")
_EVERY: Final = 10.0
"""Seconds between two lines about one transfer."""


class TransferLines:
    """A line every ten seconds: ``landing.flights 12 files, 450.0 MB, 12.0 MB/s, now 2013_5.zip 3.0 MB of 4.0 MB``.

    Args:
        write: takes a line.
        clock: seconds since some moment.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._step = self._url = ""
        self._began = self._told = 0.0
        self._files = self._bytes = self._done = 0

    def tell(self, step: str, transfer: Transfer) -> None:
        """Take note of bytes."""
        now = self._clock()
        if step != self._step:
            self._step, self._url, self._began, self._told, self._files, self._bytes = step, "", now, now, 0, 0
        if transfer.url != self._url or transfer.done < self._done:
            self._url, self._done = transfer.url, 0
            self._files += 1
        self._bytes += transfer.done - self._done
        self._done = transfer.done
        if now - self._told < _EVERY:
            return
        self._told = now
        rate = size(int(self._bytes / (now - self._began)))
        what = f"{many(self._files, 'file')}, {size(self._bytes)}, {rate}/s"
        self._write(f"{step} {what}, now {name_of(transfer.url)} {amount(transfer)}")


class TransferBar:
    """A bar for as long as bytes come: name, bytes, rate, time left.

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
        """Show how far a transfer is."""
        if self._task is None or transfer.url != self._url or transfer.done < self._done:
            self.hide()
            self._task = self.shown.add_task(_escaped(name_of(transfer.url)), total=transfer.total)
            self._url = transfer.url
        self._done = transfer.done
        self.shown.update(self._task, completed=transfer.done, total=transfer.total)

    def hide(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self.shown.remove_task(self._task)
        self._task = None


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def amount(transfer: Transfer) -> str:
    """How many bytes came, of how many."""
    return size(transfer.done) + (f" of {size(transfer.total)}" if transfer.total else "")


def shortened(text: str) -> str:
    """A text with its addresses cut to what tells them apart: the end."""
    return _ADDRESS.sub(lambda found: name_of(found[0]), text)


def name_of(url: str) -> str:
    """What a transfer is called: the end of its address, long names cut in the middle."""
    parts = urlsplit(url)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc or url
    name = f"{name}?{unquote(parts.query)}" if parts.query else name
    return escape_control(name if len(name) <= _WIDEST else f"{name[: _WIDEST // 4]}…{name[-_WIDEST * 3 // 4 + 1 :]}")
