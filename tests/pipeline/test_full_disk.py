"""A disk that takes no more: every command says so and what to do, and goes on when there is room."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from effort import cases
from forked import Forks
from pipeline.tiny import contents, make, open_tiny
from vertebra.disk_errors import disk_error
from vertebra.engine.failures import translated
from vertebra.errors import LakeError

LIMITED = """
    import resource, sys
    from vertebra.cli import main
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    main(["run", "--project", sys.argv[1]])
"""


@pytest.mark.parametrize("size", cases([600, 1500, 3000, 6000], fast=[600, 3000]))
def test_a_run_on_a_full_disk_says_so_and_the_next_run_completes_it(size: int, tmp_path: Path, forks: Forks) -> None:
    folder, whole = make(tmp_path / "project"), make(tmp_path / "whole")
    child = forks.run(textwrap.dedent(LIMITED), str(folder), str(size))
    said = child.stdout + child.stderr
    assert child.returncode == 1, said
    assert "File too large" in said
    assert "next:" in said
    for unwanted in ("Traceback", "<unknown>", "panicked", "unexpected", "Temporary View"):
        assert unwanted not in said
    with open_tiny(folder) as project:
        assert project.run().ok
        assert project.verify().ok
    with open_tiny(whole) as project:
        assert project.run().ok
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(28, "No space left on device", "/lake/a"), "No space left on device"),
        (RuntimeError("Generic LocalFileSystem error: Unable to write: No space left on device (os error 28)"),
         "No space left on device"),
        (RuntimeError("[Errno 122] Error writing bytes to file. Detail: [errno 122] Disk quota exceeded"),
         "Disk quota exceeded"),
        (RuntimeError("Read-only file system (os error 30)\n   0: <unknown>"), "Read-only file system"),
    ],
)  # fmt: skip
def test_failures_of_a_disk_are_told_apart_whoever_raises_them(error: Exception, cause: str) -> None:
    told = disk_error(error, "trusted.sales")
    assert told is not None
    assert told.fact == "trusted.sales could not be written"
    assert told.cause.startswith(cause)
    assert "free disk space" in told.remedy


def test_other_errors_are_left_to_others() -> None:
    assert disk_error(ValueError("a row has 28 cells")) is None
    assert disk_error(LakeError("there is no table", cause="No space left on device")) is None


def test_an_engine_that_cannot_write_is_told() -> None:
    class FromSparkError(Exception):
        __module__ = "pyspark.errors"

    told = translated(FromSparkError("External error: No space left on device (os error 28)"), "the view best")
    assert told is not None
    assert told.fact == "the engine could not write the view best"
    assert "free disk space" in told.remedy
