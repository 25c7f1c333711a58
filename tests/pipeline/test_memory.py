"""A run whose join does not fit into the engine's memory joins by sorting, which spills to disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.tiny import edit, make, open_tiny

ROWS = 4_000_000
WIDE = f'''
from pyspark.sql import functions as F

import vertebra


@vertebra.view("exploitation.by_city")
def wide(by_city):
    """Two tables of which none is small enough to be kept in memory."""
    one, other = (
        by_city.sparkSession.range({ROWS}).select(
            (F.col("id") * prime % {ROWS}).alias("key"), F.concat(F.lit(name), F.col("id").cast("string")).alias(name)
        )
        for name, prime in (("first", 7919), ("second", 104729))
    )
    return one.join(other, "key").agg(F.count("*").alias("pairs"), F.max("first").alias("f"), F.max("second").alias("s"))
'''


IN_PYTHON = """
import sys

import vertebra
from vertebra.pipeline.progress import SilentConsole


class Notes(SilentConsole):
    def note(self, text):
        sys.stderr.write(text)


with vertebra.open(sys.argv[1]) as project:
    sys.exit(0 if project.run(console=Notes()).ok else 1)
"""


@pytest.mark.parametrize("entrance", ["command line", "Python"])
def test_a_join_that_does_not_fit_is_done_again_by_sorting(tmp_path: Path, entrance: str) -> None:
    folder = make(tmp_path / "project")
    edit(folder, "vertebra.yaml", "name: tiny", "memory: 80m\nname: tiny")
    (folder / "views" / "wide.py").write_text(WIDE)
    vertebra = ["-m", "vertebra", "run", "--project"] if entrance == "command line" else ["-c", IN_PYTHON]
    command = [sys.executable, *vertebra, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "a join did not fit into memory; repeating with joins that spill to disk" in ran.stderr
    with open_tiny(folder) as project:
        assert project.sql("select pairs from exploitation.wide").rows() == [{"pairs": ROWS}]
