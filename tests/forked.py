"""Python programs run in forks of a process that has imported Vertebra and the engine already.

Starting Python and importing both takes more than a second of processor time; tests of killed runs start dozens of
processes. A fork is a process of its own, so it may be killed at any moment like any other.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

IMPORTED_LATE = (
    "duckdb", "grpc._channel", "pyarrow.csv", "pyarrow.dataset", "pyarrow.json", "pysail.spark",
    "pyspark.sql.connect.catalog", "pyspark.sql.connect.functions.builtin", "pyspark.sql.connect.session",
    "pyspark.sql.connect.streaming.readwriter", "pyspark.sql.connect.udf", "pyspark.sql.connect.udtf",
    "pyspark.sql.connect.window", "pyspark.testing.utils", "sqlglot.dialects.duckdb", "sqlglot.dialects.spark",
    "sqlglot.optimizer.annotate_types",
)  # fmt: skip
"""What runs of small projects import within functions."""


class Forks:
    """Runs programs one at a time, each in a fork of its own."""

    def __init__(self) -> None:
        self._origin = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program as ``python -c`` would.

        Args:
            program: its source.
            arguments: ``sys.argv[1:]`` of the program.
        """
        assert self._origin.stdin is not None
        assert self._origin.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            about = {"program": program, "arguments": arguments, "cwd": str(cwd or Path.cwd()), "streams": folder}
            self._origin.stdin.write(json.dumps(about) + "\n")
            self._origin.stdin.flush()
            status = int(self._origin.stdout.readline())
            out, err = (Path(folder, name).read_text("utf-8", "replace") for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(["fork", *arguments], os.waitstatus_to_exitcode(status), out, err)

    def vertebra(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line: ``forks.vertebra("run", "--select", "flights", cwd=folder)``."""
        return self.run("from vertebra.cli import main; main()", *arguments, cwd=cwd)

    def close(self) -> None:
        assert self._origin.stdin is not None
        self._origin.stdin.close()
        self._origin.wait()


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    running = Forks()
    yield running
    running.close()


def _origin() -> None:
    """Fork for every line that is read, and print how the fork ended."""
    _import_what_runs_import()
    gc.freeze()  # what was imported stays, and its pages shared
    os.fsync = lambda _: None  # a killed process loses nothing that it wrote, flushed or not
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(**json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()
    gc.unfreeze()


def _import_what_runs_import() -> None:
    """Import Vertebra whole, and what it imports from others only within functions, so that no fork has to.

    Nothing of it may start threads, which a fork would not have.
    """
    import vertebra
    from vertebra.engine.connect import _import_client

    _import_client()
    for module in pkgutil.walk_packages(vertebra.__path__, "vertebra."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in IMPORTED_LATE:
        importlib.import_module(name)


def _become(program: str, arguments: list[str], cwd: str, streams: str) -> None:
    """Run the program in this process, and end."""
    os.chdir(cwd)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(streams, name), os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["-c", *arguments]
    code: Any = 0
    try:
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _origin()
