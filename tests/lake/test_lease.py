"""One writer at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vertebra.errors import BusyError
from vertebra.lake.lease import lease

_HOLD = """
import sys, time
from pathlib import Path
from vertebra.lake.lease import lease
with lease(Path(sys.argv[1]), "run one"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(root: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(root), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_is_told_who_holds_the_lake(tmp_path: Path) -> None:
    process = hold(tmp_path, 30)
    try:
        with pytest.raises(BusyError, match=rf"run one \(process {process.pid}"), lease(tmp_path, "run two"):
            pass
    finally:
        process.kill()
        process.wait()


def test_a_second_writer_may_wait(tmp_path: Path) -> None:
    process = hold(tmp_path, 1)
    told: list[str] = []
    with lease(tmp_path, "run two", wait=30, waiting=told.append):
        assert process.wait(5) == 0
    assert len(told) == 1
    assert "run one" in told[0]


def test_a_killed_writer_holds_nothing(tmp_path: Path) -> None:
    process = hold(tmp_path, 30)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    started = time.monotonic()
    with lease(tmp_path, "run two"):
        pass
    assert time.monotonic() - started < 5
