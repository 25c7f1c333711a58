"""One writer at a time: a lease on the lake, held by the operating system for as long as the process lives."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vertebra.errors import BusyError


@contextmanager
def lease(
    root: Path, purpose: str, wait: float = 0, waiting: Callable[[str], None] | None = None
) -> Iterator[Callable[[str], None]]:
    """Hold the lake for writing; yields a function that names another purpose.

    Args:
        root: the lake's folder.
        purpose: who holds the lease, shown to other writers, e.g. ``run 20261122T101500-ab12``.
        wait: seconds to wait for another writer; 0 stops at once.
        waiting: called once with the holder that is waited for.

    Raises:
        BusyError: another process still holds the lake after ``wait`` seconds.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / ".lease")
    holder = root / ".lease-holder.json"
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait and waiting:
                waiting(_who(holder))
            lock.acquire(timeout=wait)
    except Timeout:
        raise BusyError(
            f"the lake {root} is being written by {_who(holder)}",
            cause="one writer at a time, so that two runs never mix",
            remedy="wait for it to end and repeat the command; run, collect and predict wait for it with --wait 600",
        ) from None

    def name(purpose: str) -> None:
        holder.write_text(
            json.dumps({"purpose": purpose, "pid": os.getpid(), "since": datetime.now(UTC).isoformat()}),
            "utf-8",
        )

    try:
        name(purpose)
        yield name
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _who(holder: Path) -> str:
    try:
        about = json.loads(holder.read_text("utf-8"))
    except (OSError, ValueError):
        return "another process"
    return f"{about['purpose']} (process {about['pid']}, since {about['since'][:19]} UTC)"
