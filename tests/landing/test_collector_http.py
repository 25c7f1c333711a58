"""Files on the web: which addresses are asked, when again, and what a batch says of where it came from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from landing.readings import records, source
from portals.portals import FileServer, bts, flights_by_month, iem, zipped
from portals.stand_in import Reply, with_status
from vertebra.errors import CollectError
from vertebra.landing.collect import collect
from vertebra.landing.context import CollectionContext
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.port import Transfer, Window

CSV = {"format": "csv"}


def monthly(url: str, load: str = "append", first: str = "2013-01", last: str | None = "2013-12", **more: object):
    address = (
        f"{url}/PREZIP/On_Time_Reporting_Carrier_On_Time_Performance_1987_present_{{period:%Y}}_{{period:%-m}}.zip"
    )
    periods = {"unit": "month", "from": first, "to": last} | more
    return source({"from": "http", "url": address, "member": "*.csv", "periods": periods}, load, CSV)


def test_a_file_is_landed_with_what_the_host_says_of_it(portal, gathered):
    host = portal(FileServer({"/a.csv": b"a,b\n1,2\n"}))
    (batch,) = gathered(source({"from": "http", "url": f"{host.url}/a.csv"}, parse=CSV)).new
    assert records(batch) == [{"a": "1", "b": "2"}]
    assert (batch.receipt.url, batch.receipt.collector) == (f"{host.url}/a.csv", "http/1")
    assert set(batch.receipt.headers) == {"ETag", "Content-Type"}


def test_what_is_landed_is_not_transferred_again(portal, gathered):
    host = portal(files := FileServer({"/a.csv": b"a\n1\n"}))
    dataset = source({"from": "http", "url": f"{host.url}/a.csv"}, "snapshot", CSV)
    gathered(dataset)
    told: list[Transfer] = []
    assert gathered(dataset, transferred=told.append).unchanged == 1
    assert ("if-none-match" in host.asked[1].headers, told) == (True, [])
    files.files["/a.csv"] = b"a\n2\n"
    assert [records(batch) for batch in gathered(dataset).new] == [[{"a": "2"}]]


def test_where_a_host_says_nothing_the_bytes_decide(portal, gathered):
    host = portal(files := FileServer({"/a.csv": b"a\n1\n"}))
    files.etags = False
    dataset = source({"from": "http", "url": f"{host.url}/a.csv"}, "snapshot", CSV)
    assert [len(gathered(dataset).new) for _ in range(2)] == [1, 0]
    assert "if-none-match" not in host.asked[1].headers


class TestPeriods:
    def test_twelve_months_of_flights_are_twelve_batches_with_every_record(self, portal, gathered):
        host = portal(bts())
        outcome = gathered(monthly(host.url))
        assert [batch.receipt.period for batch in outcome.new] == [f"2013-{month:02d}" for month in range(1, 13)]
        assert outcome.records == 336_776
        assert host.asked[0].path.endswith("_2013_1.zip")
        december = pq.read_table(outcome.new[-1].records)
        assert december.num_rows == flights_by_month()[12].count(b"\n") - 1
        assert december.column_names[:5] == ["_record", "Year", "Month", "DayofMonth", "DepTime"]

    def test_a_landed_period_is_not_asked_for_again(self, portal, gathered):
        host = portal(bts(rows=3))
        gathered(monthly(host.url, last="2013-02"))
        assert len(gathered(monthly(host.url, last="2013-04")).new) == 2
        assert [asked.path[-8:] for asked in host.asked] == ["13_1.zip", "13_2.zip", "13_3.zip", "13_4.zip"]

    def test_the_newest_period_may_not_be_published_yet(self, portal, project, lake, ledgers, network):
        host = portal(bts(last=2, rows=3))
        now = datetime(2013, 4, 2, tzinfo=UTC)
        outcome = collect(
            monthly(host.url, last=None), CollectionContext(project, lake, ledgers, "run-1", now, network=network)
        )
        assert ([b.receipt.period for b in outcome.new], outcome.not_published) == (
            ["2013-01", "2013-02"],
            ("2013-03",),
        )

    def test_a_period_before_the_newest_that_is_missing_is_told(self, portal, gathered):
        host = portal(files := bts(last=4, rows=3))
        del files.files[next(path for path in files.files if path.endswith("_2.zip"))]
        with pytest.raises(PayloadsRefusedError, match="answers with status 404") as told:
            gathered(monthly(host.url, last="2013-04"))
        assert [batch.receipt.period for batch in told.value.outcome.new] == ["2013-01", "2013-03", "2013-04"]
        assert len(gathered(monthly(host.url, last="2013-04", skip=["2013-02"])).new) == 0

    def test_a_period_is_due_when_its_lag_is_over(self, portal, project, lake, ledgers, network):
        host = portal(bts(rows=3))
        now = datetime(2013, 5, 10, tzinfo=UTC)
        dataset = monthly(host.url, last=None, lag="60 days")
        outcome = collect(dataset, CollectionContext(project, lake, ledgers, "run-1", now, network=network))
        assert [batch.receipt.period for batch in outcome.new] == ["2013-01", "2013-02"]

    def test_revised_periods_are_landed_again_where_they_replace_the_earlier_ones(self, portal, gathered):
        host = portal(files := bts(last=3, rows=3))
        dataset = monthly(host.url, "upsert", last="2013-03", revisit=2)
        gathered(dataset)
        path = next(path for path in files.files if path.endswith("_3.zip"))
        files.files[path] = zipped(revised_csv=b"Year,Month\n2013,3\n")
        outcome = gathered(dataset)
        assert ([b.receipt.period for b in outcome.new], outcome.unchanged) == (["2013-03"], 1)

    def test_the_newest_landed_period_is_asked_for_again_while_a_newer_one_is_not_published(self, portal, gathered):
        host = portal(files := FileServer({f"/{month}.csv": b"a\n1\n" for month in ("10", "11")}))
        periods = {"unit": "month", "from": "2025-10", "to": "2025-12", "revisit": 1}
        collect = {"from": "http", "url": f"{host.url}/{{period:%m}}.csv", "periods": periods}
        dataset = source(collect, "snapshot", CSV)
        gathered(dataset)
        files.files |= {"/10.csv": b"a\n2\n", "/11.csv": b"a\n2\n"}
        assert [b.receipt.period for b in gathered(dataset).new] == ["2025-11"]
        files.files |= {"/11.csv": b"a\n3\n", "/12.csv": b"a\n1\n"}
        assert [b.receipt.period for b in gathered(dataset).new] == ["2025-11", "2025-12"]

    def test_the_newest_landed_period_is_that_of_each_part(self, portal, gathered):
        host = portal(files := FileServer(dict.fromkeys(("/J11.csv", "/J12.csv", "/L11.csv"), b"a\n1\n")))
        periods = {"unit": "month", "from": "2025-11", "to": "2025-12", "revisit": 1}
        url = f"{host.url}/{{station}}{{period:%m}}.csv"
        collect = {"from": "http", "url": url, "over": {"station": ["J", "L"]}, "periods": periods}
        dataset = source(collect, "snapshot", CSV)
        gathered(dataset)
        files.files = dict.fromkeys(files.files, b"a\n2\n")
        assert [(b.receipt.period, b.receipt.part) for b in gathered(dataset).new] == [
            ("2025-11", "station=L"),
            ("2025-12", "station=J"),
        ]

    def test_a_collection_that_is_to_end_lands_the_answer_at_hand_and_asks_for_no_other(
        self, portal, gathered, ledgers, network
    ):
        host = portal(bts(last=4, rows=3))
        ending = replace(network, stop_requested=lambda: len(host.asked) == 2)
        with pytest.raises(KeyboardInterrupt):
            gathered(monthly(host.url, last="2013-04"), network=ending)
        assert ledgers.read("batches")["period"].to_pylist() == ["2013-01", "2013-02"]
        assert [b.receipt.period for b in gathered(monthly(host.url, last="2013-04")).new] == ["2013-03", "2013-04"]

    def test_equal_bytes_of_two_periods_are_two_batches(self, portal, gathered):
        host = portal(FileServer({f"/{year}.csv": b"a\n1\n" for year in (2013, 2014)}))
        periods = {"unit": "year", "from": "2013", "to": "2014"}
        dataset = source({"from": "http", "url": f"{host.url}/{{period:%Y}}.csv", "periods": periods}, parse=CSV)
        assert len(gathered(dataset).new) == 2
        assert gathered(dataset).new == ()

    def test_a_window_limits_what_is_collected(self, portal, gathered):
        host = portal(bts(rows=3))
        outcome = gathered(monthly(host.url), window=Window("2013-05", "2013-06"))
        assert [batch.receipt.period for batch in outcome.new] == ["2013-05", "2013-06"]
        with pytest.raises(CollectError, match="'May' is not a month"):
            gathered(monthly(host.url), window=Window("May", "June"))
        with pytest.raises(CollectError, match="cannot be collected again"):
            gathered(monthly(host.url), window=Window("2013-05", "2013-06", again=True))

    def test_a_period_that_is_never_answered_keeps_no_other_from_being_landed(self, portal, gathered):
        host = portal(bts(last=4, rows=3))
        host.faults = [None, *[with_status(500)] * 5]
        with pytest.raises(PayloadsRefusedError, match="answers with status 500") as told:
            gathered(monthly(host.url, last="2013-04"))
        assert "5 attempts failed" in told.value.cause
        assert [batch.receipt.period for batch in told.value.outcome.new] == ["2013-01", "2013-03", "2013-04"]
        assert [batch.receipt.period for batch in gathered(monthly(host.url, last="2013-04")).new] == ["2013-02"]

    def test_periods_before_the_first_that_is_there_keep_no_other_from_being_landed(self, portal, gathered):
        host = portal(FileServer({f"/{month:02d}.csv": b"a\n1\n" for month in (7, 8)}))
        periods = {"unit": "month", "from": "2013-01", "to": "2013-08"}
        dataset = source({"from": "http", "url": f"{host.url}/{{period:%m}}.csv", "periods": periods}, parse=CSV)
        with pytest.raises(PayloadsRefusedError, match=r"status 404 \(and 5 more\)") as told:
            gathered(dataset)
        assert [batch.receipt.period for batch in told.value.outcome.new] == ["2013-07", "2013-08"]

    def test_all_periods_after_the_newest_one_that_is_there_may_not_be_published_yet(self, portal, gathered):
        host = portal(bts(last=2, rows=3))
        outcome = gathered(monthly(host.url, last="2013-05"))
        assert ([b.receipt.period for b in outcome.new], outcome.not_published) == (
            ["2013-01", "2013-02"],
            ("2013-03", "2013-04", "2013-05"),
        )
        assert gathered(monthly(host.url, last="2013-05")).not_published == outcome.not_published

    def test_a_period_that_lacks_between_others_is_named_with_what_to_write(self, portal, gathered):
        host = portal(files := bts(last=4, rows=3))
        files.files.pop(next(path for path in files.files if path.endswith("_2013_2.zip")))
        with pytest.raises(PayloadsRefusedError, match=r"^dataset readings: 2013-02: .*status 404") as told:
            gathered(monthly(host.url, last="2013-04"))
        assert len(told.value.outcome.new) == 3
        assert "periods: {skip: [2013-02]}" in told.value.remedy

    def test_periods_that_answer_alike_are_each_kept_with_a_reason(self, portal, gathered, lake):
        host = portal(FileServer({f"/{month:02d}.csv": b"a,b\n1\n" for month in range(1, 5)}))
        periods = {"unit": "month", "from": "2013-01", "to": "2013-04"}
        dataset = source({"from": "http", "url": f"{host.url}/{{period:%m}}.csv", "periods": periods}, parse=CSV)
        for _ in range(2):
            with pytest.raises(PayloadsRefusedError, match=r"2013-01: .* \(and 3 more\)"):
                gathered(dataset)
        reasons = [
            json.loads(file.read_text()) for file in lake.landing.glob("station/readings/.refused/*/reason.json")
        ]
        assert sorted(reason["period"] for reason in reasons) == [f"2013-{month:02d}" for month in range(1, 5)]

    def test_a_refusal_after_a_redirect_says_where_it_led(self, portal, gathered):
        other = portal(FileServer())
        host = portal(lambda asked: Reply(b"", 302, {"Location": f"{other.url}/gone.csv?key=k"}))
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(source({"from": "http", "url": f"{host.url}/a.csv"}, parse=CSV))
        assert f"{host.url}/a.csv answers with status 404 at {other.url}/gone.csv, where it leads" in str(told.value)
        assert "key=k" not in str(told.value)

    def test_an_address_that_never_gave_anything_is_told(self, portal, gathered):
        host = portal(FileServer())
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(monthly(host.url, last="2013-03"))
        assert (len(told.value.outcome.refused), told.value.outcome.not_published) == (2, ("2013-03",))

    def test_a_host_that_is_not_there_is_asked_for_one_period_only(self, gathered, clock):
        with pytest.raises(CollectError, match="cannot be reached") as told:
            gathered(monthly("http://127.0.0.1:9"))
        assert not isinstance(told.value, PayloadsRefusedError)
        assert len(clock.slept) == 4


class TestGrid:
    @pytest.fixture
    def dataset(self, portal):
        self.host = portal(iem)
        return source(
            {
                "from": "http",
                "url": f"{self.host.url}/cgi-bin/request/asos.py",
                "params": {
                    "station": "{station}",
                    "data": ["tmpf", "dwpf"],
                    "sts": "{period:%Y-%m-%dT%H:%MZ}",
                    "ets": "{end:%Y-%m-%dT%H:%MZ}",
                    "format": "onlycomma",
                },
                "over": {"station": ["JFK", "LGA"]},
                "periods": {"unit": "month", "from": "2013-01", "to": "2013-02"},
                "begins": "station,valid,",
            },
            parse=CSV,
        )

    def test_each_station_and_month_is_a_batch(self, gathered, dataset):
        outcome = gathered(dataset)
        told = [(batch.receipt.period, batch.receipt.part) for batch in outcome.new]
        assert told == [(month, f"station={one}") for month in ("2013-01", "2013-02") for one in ("JFK", "LGA")]
        assert records(outcome.new[3])[0] == {
            "station": "LGA",
            "valid": "2013-02-01 00:51",
            "tmpf": "1.4",
            "dwpf": "1.4",
        }
        assert self.host.asked[0].pairs[:3] == (("station", "JFK"), ("data", "tmpf"), ("data", "dwpf"))
        assert self.host.asked[0].query["ets"] == "2013-02-01T00:00Z"
        assert outcome.new[0].payload.name == "payload.csv"

    def test_it_is_asked_once_a_second(self, gathered, dataset, clock):
        slow = dataset.model_copy(
            update={
                "collect": dataset.collect.model_copy(
                    update={"limits": dataset.collect.limits.model_copy(update={"rate": 1.0})}
                )
            }
        )
        gathered(slow)
        assert clock.slept == [1.0, 1.0, 1.0]

    def test_an_answer_that_begins_otherwise_is_refused_and_the_others_are_landed(self, portal, gathered, dataset):
        self.host.faults = [None, with_status(200, b"ERROR: server over capacity, try later\n")]
        with pytest.raises(PayloadsRefusedError, match="does not begin as declared") as told:
            gathered(dataset)
        assert "'ERROR: server over capacity, try later'" in told.value.cause
        assert len(told.value.outcome.new) == 3
        (batch,) = gathered(dataset).new
        assert (batch.receipt.period, batch.receipt.part) == ("2013-01", "station=LGA")

    def test_after_five_refused_answers_the_source_is_left_alone_and_the_next_collection_goes_on_there(
        self, gathered, dataset
    ):
        stations = tuple("ABCDEFGH")
        grid = dataset.model_copy(
            update={"collect": dataset.collect.model_copy(update={"over": {"station": stations}})}
        )
        error = with_status(200, b"ERROR\n")
        self.host.faults = [error] * 5
        with pytest.raises(PayloadsRefusedError, match="with 11 addresses left") as told:
            gathered(grid)
        assert (len(self.host.asked), len(told.value.outcome.refused)) == (5, 5)
        assert "the next collection begins with them" in told.value.remedy
        self.host.faults = [*[None] * 11, *[error] * 5]
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(grid)
        assert [batch.receipt.part[-1] for batch in told.value.outcome.new] == [*"FGH", *stations]
        assert told.value.outcome.not_asked == 0
        assert [batch.receipt.part[-1] for batch in gathered(grid).new] == [*"ABCDE"]


def test_progress_is_told_in_bytes(portal, gathered):
    body = b"a\n" + b"1\n" * 2_000_000
    host = portal(FileServer({"/a.csv": body}))
    told: list[Transfer] = []
    gathered(source({"from": "http", "url": f"{host.url}/a.csv"}, parse=CSV), transferred=told.append)
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert (told[-1].done, told[-1].total, len(told) > 3) == (len(body), len(body), True)


def test_a_browser_can_be_named(portal, gathered):
    host = portal(FileServer({"/a.csv": b"a\n1\n"}))
    gathered(source({"from": "http", "url": f"{host.url}/a.csv", "headers": {"User-Agent": "Mozilla/5.0"}}, parse=CSV))
    assert host.asked[0].headers["user-agent"] == "Mozilla/5.0"


def test_an_answer_compressed_on_the_way_is_unpacked(portal, gathered):
    import gzip

    host = portal(lambda asked: Reply(gzip.compress(b"a\n1\n"), 200, {"Content-Encoding": "gzip"}))
    (batch,) = gathered(source({"from": "http", "url": f"{host.url}/a.csv"}, parse=CSV)).new
    assert batch.payload.read_bytes() == b"a\n1\n"
