"""A collection that is killed while it downloads leaves nothing that counts, and the next one lands all of it once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from landing.readings import source
from portals.portals import CkanPortal, FileServer, zipped
from portals.stand_in import Handler, Reply, answer, start_answer
from vertebra.lake.batches import batches

GOOD = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))

COLLECTION = textwrap.dedent(
    """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from vertebra.declare.dataset import Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.landing.collect import collect
    from vertebra.landing.context import CollectionContext

    root = Path(sys.argv[1])
    lake = Lake(root / "lake")
    dataset = Dataset.model_validate_json(sys.argv[2])
    collect(dataset, CollectionContext(root / "project", lake, Ledgers(lake), "run-dead", datetime(2026, 1, 15, tzinfo=UTC)))
    """
)


class StuckMidway:
    """Gives half of an answer and says so; the other half never comes."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.over = threading.Event()

    def __call__(self, handler: Handler, reply: Reply) -> None:
        start_answer(handler, 200, reply.headers, len(reply.body))
        handler.wfile.write(reply.body[: len(reply.body) // 2])
        handler.wfile.flush()
        self.reached.set()
        self.over.wait(60)
        handler.close_connection = True


def kill_midway(tmp_path, dataset, stuck: StuckMidway) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COLLECTION, str(tmp_path), dataset.model_dump_json(by_alias=True)]
    )
    try:
        assert stuck.reached.wait(60)
        staging = tmp_path / "lake" / "landing" / "station" / "readings" / ".incoming-staging"
        for _ in range(1000):
            if staging.is_dir() and any(file.stat().st_size for file in staging.iterdir()):
                break
            stuck.over.wait(0.01)
        assert any(staging.iterdir())
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        stuck.over.set()


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_in_the_download_of_a_file(tmp_path, project, portal, gathered, lake, ledgers, wanted):
    files = {
        f"/{year}.zip": zipped(data_csv=b"y\n%d\n" % year + GOOD.replace(b",", b"")) for year in (2013, 2014, 2015)
    }
    host = portal(FileServer(files))
    periods = {"unit": "year", "from": "2013", "to": "2015"}
    dataset = source(
        {"from": "http", "url": f"{host.url}/{{period:%Y}}.zip", "periods": periods}, parse={"format": "csv"}
    )
    stuck = StuckMidway()
    host.faults = [answer] * wanted + [stuck]
    kill_midway(tmp_path, dataset, stuck)
    before = batches(lake.landing, "station", "readings")
    assert [batch.receipt.period for batch in before] == ["2013", "2014", "2015"][:wanted]
    outcome = gathered(dataset)
    # batches that were landed and not recorded count as new
    assert [batch.receipt.period for batch in outcome.new] == ["2013", "2014", "2015"]
    for batch in batches(lake.landing, "station", "readings"):
        assert batch.payload.read_bytes() == files[f"/{batch.receipt.period}.zip"]
    assert ledgers.read("batches").num_rows == 3
    assert not list((lake.landing / "station" / "readings").glob(".incoming*"))


def test_between_two_pages(tmp_path, project, portal, gathered, lake):
    host = portal(CkanPortal(rows=250))
    dataset = source({"from": "ckan", "portal": f"{host.url}/data", "resource": "r-1"}, "snapshot")
    stuck = StuckMidway()
    host.faults = [answer, answer, answer, stuck]
    kill_midway(tmp_path, dataset, stuck)
    assert batches(lake.landing, "station", "readings") == []
    (batch,) = gathered(dataset).new
    assert (batch.number, batch.receipt.records) == (1, 250)
