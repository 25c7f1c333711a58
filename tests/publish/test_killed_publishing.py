"""Processes that are killed while they publish: a reader sees the old content or the new, and the next run completes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import duckdb
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

import vertebra
from forked import Forks
from publish.shop import commit, make

OLD, NEW = 3_000, 4_000
TARGETS = {
    "parquet": "to: files\npath: out/sales.parquet",
    "csv": "to: files\npath: out/sales.csv",
    "duckdb": "to: duckdb\npath: out/sales.duckdb",
}

DYING = """
    import os, signal, sys
    from pathlib import Path

    import duckdb
    import vertebra
    from vertebra.governance.ledgers import Ledgers
    from vertebra.publish import pinned_table
    from vertebra.publish.pinned_table import PinnedTable

    pinned_table._BATCH_ROWS = 1_000
    folder, moment = sys.argv[1:]

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    class Dying:
        def __init__(self, inner): self._inner = inner
        def __enter__(self): return self
        def __exit__(self, *about): return self._inner.__exit__(*about)
        def __getattr__(self, name): return die if name == moment else getattr(self._inner, name)

    if moment == "reading":
        import pyarrow as pa

        reader = PinnedTable.reader

        def batches(table):
            yield from (batch for number, batch in enumerate(reader(table)) if number < 2 or die())

        PinnedTable.reader = lambda table: pa.RecordBatchReader.from_batches(table.schema, batches(table))
    elif moment in ("before replace", "after replace"):
        replace = Path.replace

        def replacing(self, target):
            ours = Path(target).name in ("sales.parquet", "sales.csv")
            if ours and moment == "before replace": die()
            done = replace(self, target)
            if ours: die()
            return done

        Path.replace = replacing
    elif moment == "commit":
        connect = duckdb.connect
        duckdb.connect = lambda *about, **more: Dying(connect(*about, **more))
    elif moment == "recording":
        append = Ledgers.append
        Ledgers.append = lambda self, ledger, *about: die() if ledger == "publications" else append(self, ledger, *about)
    elif moment == "recorded":
        append = Ledgers.append

        def appending(self, ledger, *about):
            append(self, ledger, *about)
            if ledger == "publications": die()

        Ledgers.append = appending
    vertebra.open(folder).run("zone:publish")
"""

MOMENTS = [
    ("parquet", "reading", OLD), ("parquet", "before replace", OLD), ("parquet", "after replace", NEW),
    ("parquet", "recording", NEW), ("parquet", "recorded", NEW),
    ("csv", "before replace", OLD), ("csv", "after replace", NEW),
    ("duckdb", "reading", OLD), ("duckdb", "commit", OLD), ("duckdb", "recording", NEW),
]  # fmt: skip


def rows_of(folder: Path, target: str) -> int:
    """The rows that a reader of the target sees; each row is looked at."""
    file = folder / "out" / f"sales.{target}"
    if target == "duckdb":
        with duckdb.connect(str(file), read_only=True) as connection:
            found = connection.execute("select count(*), max(id) + 1 from good").fetchone()
            assert found is not None
            assert found[0] == found[1]
            return int(found[0])
    # pq.read_table opens the file twice, and may so read the footer of one version and the pages of the next
    table = pq.ParquetFile(file).read() if target == "parquet" else pc.read_csv(file)
    assert table["id"].to_pylist() == list(range(table.num_rows))
    return table.num_rows


@pytest.mark.parametrize(("target", "moment", "seen"), MOMENTS)
def test_a_killed_run_leaves_the_old_content_or_the_new(
    tmp_path: Path, forks: Forks, target: str, moment: str, seen: int
) -> None:
    folder = make(tmp_path, OLD, good=TARGETS[target])
    with vertebra.open(folder) as project:
        assert project.run("zone:publish").ok
    commit(folder, NEW)
    child = forks.run(textwrap.dedent(DYING), str(folder), moment)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert rows_of(folder, target) == seen
    with vertebra.open(folder) as project:
        assert project.run("zone:publish").ok
        assert project.run("zone:publish").idle
        sent = project.sql("select table_version from governance.publications where state = 'sent'").rows()
    assert rows_of(folder, target) == NEW
    assert [row["table_version"] for row in sent] == [0, 1], "a version is recorded once, sent once or twice"
    assert not list((folder / "lake" / ".scratch").glob("*"))
    assert {file.name for file in (folder / "out").iterdir()} <= {f"sales.{target}", ".sales.csv.vertebra.json"}


PUBLISHING = """
    import sys
    import vertebra
    from publish.shop import commit
    from pathlib import Path

    folder = Path(sys.argv[1])
    for number in range(100):
        commit(folder, (10_000, 20_000)[number % 2], str(number))
        with vertebra.open(folder) as project:
            assert project.run("zone:publish").ok
            print(number, flush=True)
"""


def test_a_reader_beside_a_process_that_publishes_and_dies_never_sees_half_a_file(tmp_path: Path) -> None:
    folder = make(tmp_path, 10_000, good=TARGETS["parquet"])
    with vertebra.open(folder) as project:
        assert project.run("zone:publish").ok
    seen: set[int] = set()
    stopped = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stopped.is_set():
                seen.add(rows_of(folder, "parquet"))
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", textwrap.dedent(PUBLISHING), str(folder)]
    environment = os.environ | {"PYTHONPATH": tests}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        published = 0
        while published < 4 or len(seen) < 2:
            assert child.stdout.readline(), "it published 100 versions and the reader did not see two"
            published += 1
        time.sleep(0.05)
        child.kill()
    stopped.set()
    reader.join()
    assert failures == []
    assert seen == {10_000, 20_000}
