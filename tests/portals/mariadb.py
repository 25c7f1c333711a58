"""A MariaDB server of its own for a test, as installed or as ``make mariadb`` has unpacked it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from portals.ports import free_port, wait_for

_UNPACKED = Path(__file__).parents[2] / ".mariadb"


def _program() -> Path | None:
    places = (_UNPACKED / "usr" / "sbin", Path("/usr/sbin"), Path("/usr/bin"), Path("/usr/local/bin"))
    return next((place / "mariadbd" for place in places if (place / "mariadbd").exists()), None)


@contextmanager
def running_mariadb() -> Iterator[str]:
    """Run a server; gives the address of its database ``city``. Skips the test where none can run."""
    program = _program()
    if program is None:
        pytest.skip("MariaDB is not installed; make mariadb unpacks it on Debian")
    with TemporaryDirectory(prefix="mariadb-") as temporary:
        yield from _running(program, Path(temporary))


def _running(program: Path, folder: Path) -> Iterator[str]:
    usr = program.parents[1]
    shared = usr / "share" / "mysql"
    libraries = [str(place) for top in (usr, usr.parent) for place in (top / "lib").glob("*-linux-gnu")]
    environment = os.environ | ({"LD_LIBRARY_PATH": ":".join(libraries)} if program.is_relative_to(_UNPACKED) else {})
    data, port = folder / "data", free_port()
    data.mkdir()
    command = [
        program, "--no-defaults", "--skip-grant-tables", f"--basedir={usr}", f"--datadir={data}",
        f"--lc-messages-dir={shared}", f"--character-sets-dir={shared / 'charsets'}",
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]  # fmt: skip
    tables = (shared / "mysql_system_tables.sql").read_text("utf-8")
    subprocess.run(
        [*command, "--bootstrap"], check=True, capture_output=True, text=True, env=environment,
        input=f"CREATE DATABASE mysql;\nCREATE DATABASE city;\nUSE mysql;\n{tables}",
    )  # fmt: skip
    server = subprocess.Popen(
        [*command, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}", "--skip-networking=0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    try:
        wait_for(port, "MariaDB")
        yield f"mysql://root@127.0.0.1:{port}/city"
    finally:
        server.terminate()
        server.wait(30)
