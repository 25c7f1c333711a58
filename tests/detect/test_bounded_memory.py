"""Half of all rows under one key, and rules that billions of pairs violate, in a memory that holds a part of the rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from effort import EFFORT

ROWS, MEMORY, MOST_MB = (4_000_000, "400m", 1200) if EFFORT == "thorough" else (2_000_000, "220m", 900)
DETECTING = """
import sys
from pathlib import Path
from vertebra.declare.rules import NamedRule
from vertebra.denial import parse
from vertebra.engine import SailEngine
from vertebra.trusted.detect import detect

file, scratch = map(Path, sys.argv[1:3])
engine = SailEngine(memory=sys.argv[3], spilling_joins=True)
columns = {"k": "bigint", "n": "int", "name": "string"}
texts = ["t.k = s.k and t.name != s.name", "t.k = s.k and t.name < s.name", "t.n != s.n", "t.name = s.name"]
rules = [NamedRule(f"r{i}", "deny", parse(text, "r", columns)) for i, text in enumerate(texts)]
import pyarrow.parquet as pq
frame = engine.read_parquet([file], pq.read_schema(file))
print(*(count.violating_pairs for count in detect("r", {"r": frame}, rules, engine, scratch).counts))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) >> 10)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_skew_and_billions_of_pairs_do_not_need_more_memory(tmp_path: Path) -> None:
    ids = pa.array(range(ROWS), pa.int64())
    odd = pc.equal(pc.bit_wise_and(ids, 1), 1)
    names = pc.binary_join_element_wise("name ", pc.cast(pc.bit_wise_and(ids, 3), pa.string()), "")
    table = pa.table({
        "_rid": ids, "k": pc.if_else(odd, 0, ids), "n": pc.cast(pc.bit_wise_and(ids, 1), pa.int32()), "name": names,
    })  # fmt: skip
    pq.write_table(table, tmp_path / "r.parquet")
    del table
    command = [sys.executable, "-c", DETECTING, str(tmp_path / "r.parquet"), str(tmp_path), MEMORY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts, peak = done.stdout.splitlines()
    half, quarter = ROWS // 2, ROWS // 4
    # row 0 is in the skewed group too, and its name differs from all others
    skewed = quarter * quarter + half
    assert list(map(int, counts.split())) == [skewed, skewed, half * half, 4 * (quarter * (quarter - 1) // 2)]
    assert int(peak) < MOST_MB
