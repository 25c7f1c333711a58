"""Run a command and measure it: wall-clock seconds and peak memory of its whole process tree."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_INTERVAL = 0.05


@dataclass(frozen=True)
class Measurement:
    """What one run of a command cost.

    Attributes:
        seconds: wall clock, from start to exit, interpreter start-up included.
        peak_mb: the largest sum of the resident memory of all its processes, sampled every 50 ms.
        output: what it printed.
    """

    seconds: float
    peak_mb: float
    output: str


def measure(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    also: Iterable[int] = (),
    limit: float | None = None,
) -> Measurement:
    """Run a command to its end.

    Args:
        also: process ids whose memory counts too, e.g. of a server that does the command's work.
        limit: seconds after which it is killed.

    Raises:
        subprocess.TimeoutExpired: it reached the limit.
        RuntimeError: it failed; the message has the end of its output.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    sampler = _Sampler([process.pid, *also])
    sampler.start()
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    finally:
        seconds = time.perf_counter() - started
        sampler.finish()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output[-3000:]}")
    return Measurement(seconds, sampler.peak / (1 << 20), output)


class _Sampler(threading.Thread):
    def __init__(self, roots: Sequence[int]) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._roots = roots
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self.peak = max(self.peak, _resident(self._roots))

    def finish(self) -> None:
        self._ended.set()
        self.join()


def _resident(roots: Sequence[int]) -> int:
    """Resident bytes of the processes and all their descendants, each counted once."""
    family: dict[int, psutil.Process] = {}
    for pid in roots:
        try:
            root = psutil.Process(pid)
            family |= {process.pid: process for process in [root, *root.children(recursive=True)]}
        except psutil.NoSuchProcess:
            continue
    total = 0
    for process in family.values():
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
