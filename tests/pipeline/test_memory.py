"""A run whose join does not fit into the engine's memory joins by sorting, which spills to disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.tiny import edit, make, open_tiny

ROWS = 12_000_000
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


def test_a_join_that_does_not_fit_is_done_again_by_sorting(tmp_path: Path) -> None:
    folder = make(tmp_path / "project")
    edit(folder, "vertebra.yaml", "name: tiny", "memory: 256m\nname: tiny")
    (folder / "views" / "wide.py").write_text(WIDE)
    command = [sys.executable, "-m", "vertebra", "run", "--project", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "a join did not fit into memory; once more" in ran.stderr
    with open_tiny(folder) as project:
        assert project.sql("select pairs from exploitation.wide").rows() == [{"pairs": ROWS}]
