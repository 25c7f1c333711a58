"""A PostgreSQL server of its own for a test, where one is installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from portals.ports import free_port, wait_for

_USER = "postgres"


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextmanager
def running_postgres() -> Iterator[tuple[str, str]]:
    """Run a server; gives its address and a driver. Skips the test where none can run."""
    programs = _programs()
    driver = next((name for name in ("psycopg", "pg8000") if find_spec(name)), None)
    if programs is None or driver is None:
        pytest.skip("PostgreSQL and a driver of it are not installed")
    with TemporaryDirectory(prefix="postgres-") as temporary:
        yield from _running(programs, driver, Path(temporary))


def _running(programs: Path, driver: str, folder: Path) -> Iterator[tuple[str, str]]:
    as_user: dict[str, str] = {}
    if os.geteuid() == 0:
        # the server refuses to run as root
        shutil.chown(folder, _USER)
        as_user = {"user": _USER}
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-A", "trust", "-U", _USER, "-E", "UTF8", "--no-sync"],
        check=True, capture_output=True, cwd=folder, **as_user,  # type: ignore[call-overload]
    )  # fmt: skip
    port = free_port()
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **as_user,  # type: ignore[call-overload]
    )  # fmt: skip
    try:
        wait_for(port, "PostgreSQL")
        yield f"postgresql://{_USER}@127.0.0.1:{port}/postgres", driver
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
