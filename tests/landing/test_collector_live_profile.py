"""The profile ``live`` of the flights project, against stand-ins of the four publishers."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from landing.readings import records
from portals.portals import FileServer, bts, flights_by_month, iem, zipped
from portals.stand_in import Asked, Reply
from vertebra.declare.load import load_project
from vertebra.landing.collect import collect
from vertebra.landing.context import CollectionContext

FLIGHTS = Path(__file__).parents[2] / "projects" / "flights"
MASTER = (
    b"\xef\xbb\xbfN-NUMBER,SERIAL NUMBER,MFR MDL CODE,ENG MFR MDL,YEAR MFR,TYPE REGISTRANT,NAME,TYPE AIRCRAFT,STATUS CODE,\r\n"
    b"100  ,5334                          ,7100510,17003,1940,1,BENE MARY D                       ,4,V ,\r\n"
)
AIRPORTS = (
    b'"id","ident","type","name","latitude_deg","longitude_deg","elevation_ft","iso_country","iso_region","municipality","iata_code"\n'
    b'3622,"KJFK","large_airport","John F Kennedy International Airport",40.639447,-73.779317,13,"US","US-NY","New York","JFK"\n'
)


def faa(asked: Asked) -> Reply:
    """Turns away what is no browser."""
    if not asked.headers["user-agent"].startswith("Mozilla/"):
        return Reply(b"<html><head><title>Access Denied</title></head></html>", 403, {"Content-Type": "text/html"})
    return Reply(zipped(ACFTREF_txt=b"CODE,MFR\r\n1,CESSNA\r\n", MASTER_txt=MASTER))


PUBLISHERS = {
    "bts_on_time": lambda: bts(last=12, rows=5),
    "asos": lambda: iem,
    "aircraft_registry": lambda: faa,
    "ourairports": lambda: FileServer({"/ourairports-data/airports.csv": AIRPORTS}),
}


@pytest.fixture
def live(tmp_path, portal):
    """The project with the addresses of stand-ins in place of the publishers'."""
    root = tmp_path / "flights"
    for part in ("datasets", "reconcile", "views", "live"):
        shutil.copytree(FLIGHTS / part, root / part)
    shutil.copy(FLIGHTS / "vertebra.yaml", root)
    for name, app in PUBLISHERS.items():
        file = root / "live" / "datasets" / f"{name}.yaml"
        text = file.read_text("utf-8")
        address = next(word for line in text.splitlines() if line.startswith("  url: ") for word in line.split()[1:])
        host = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        file.write_text(text.replace(host, portal(app()).url), "utf-8")
    return load_project(root, profile="live", environ={})


def test_it_is_off_unless_it_is_chosen():
    assert not set(PUBLISHERS) & set(load_project(FLIGHTS, environ={}).datasets)
    assert set(PUBLISHERS) <= set(load_project(FLIGHTS, profile="live", environ={}).datasets)


@pytest.mark.parametrize(
    ("name", "batches", "count"),
    [("bts_on_time", 12, 60), ("asos", 36, 36 * 28), ("aircraft_registry", 1, 1), ("ourairports", 1, 1)],
)
def test_what_the_publishers_give_has_the_declared_columns(live, lake, ledgers, network, name, batches, count):
    dataset = live.datasets[name]
    now = datetime(2026, 1, 15, tzinfo=UTC)
    outcome = collect(dataset, CollectionContext(live.root, lake, ledgers, "run-1", now, network=network))
    assert (len(outcome.new), outcome.records) == (batches, count)
    for batch in outcome.new:
        missing = [
            c for c, column in dataset.columns.items() if not set(column.sources(c)) & set(batch.receipt.columns)
        ]
        # The embedded flights lack what their package left out.
        assert set(missing) <= ({"flight_date", "cancelled"} if name == "bts_on_time" else set())
    again = collect(dataset, CollectionContext(live.root, lake, ledgers, "run-2", now, network=network))
    assert again.new == ()


def test_the_registry_is_read_as_it_is_written(live, lake, ledgers, network):
    now = datetime(2026, 1, 15, tzinfo=UTC)
    (batch,) = collect(
        live.datasets["aircraft_registry"], CollectionContext(live.root, lake, ledgers, "run-1", now, network=network)
    ).new
    (row,) = records(batch)
    assert (row["N-NUMBER"], row["YEAR MFR"], row["NAME"].strip()) == ("100  ", "1940", "BENE MARY D")


def test_all_months_of_the_embedded_flights_are_there():
    assert sum(content.count(b"\n") - 1 for content in flights_by_month().values()) == 336_776
