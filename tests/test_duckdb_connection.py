"""DuckDB draws its progress bar on stdout where Python has no script; Vertebra's connections never do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import vertebra

SOURCE = Path(vertebra.__file__).parent
OWN_CONNECTIONS = {"duckdb_connection.py", "workspace/tables.py"}  # that of a table belongs to the user


def test_python_without_a_script_draws_no_progress_bar() -> None:
    code = (
        "import duckdb\n"
        "from vertebra.duckdb_connection import connect_duckdb\n"
        "for db in (duckdb.connect(), connect_duckdb()):\n"
        "    print(db.sql(\"SELECT current_setting('enable_progress_bar')\").fetchall()[0][0])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["True", "False"]


def test_every_connection_is_made_in_one_place() -> None:
    found = {
        file.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py") if "duckdb.connect(" in file.read_text()
    }
    assert found == OWN_CONNECTIONS
