"""Whatever a host does, a batch is whole and right, or there is none, and the last good one stays."""

from __future__ import annotations

import errno
import gzip
import json
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from landing.readings import records, source
from portals import stand_in as faults
from portals.portals import FileServer, zipped
from portals.stand_in import Reply, cut_off, reset, reset_midway, with_status
from vertebra.declare.web_source import WebLimits
from vertebra.errors import CollectError
from vertebra.lake.batches import batches
from vertebra.landing.clock import SystemClock
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.web.network import HostThrottle, Network

GOOD = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(5000))
CSV = {"format": "csv"}


@pytest.fixture
def files():
    return FileServer({"/a.csv": GOOD, "/a.zip": zipped(data_csv=GOOD)})


@pytest.fixture
def host(portal, files):
    return portal(files)


def declared(host, path="/a.csv", **more):
    limits = {"wait": "200 ms", "rate": 1000} | more.pop("limits", {})
    return source({"from": "http", "url": f"{host.url}{path}", "limits": limits} | more, "snapshot", CSV)


def landed(lake):
    return batches(lake.landing, "station", "readings")


def reasons(lake):
    found = sorted((lake.landing / "station" / "readings" / ".refused").glob("*/reason.json"))
    return [json.loads(file.read_text()) for file in found]


PASSING = {
    "reset": reset,
    "reset midway": reset_midway,
    "cut off": cut_off,
    "silence": faults.silent,
    "busy": with_status(503),
    "too many": with_status(429, Retry_After="7"),
    "error": with_status(500),
    "bad gateway": with_status(502),
    "being made": with_status(202),
}
REFUSED = {
    "a page": (faults.page, "is a page for people, not data"),
    "a page after a comment": (faults.instead(b"<!-- host 7 -->\n<html><body>busy</body></html>"), "is a page"),
    "a page without a head": (faults.instead(b"<title>Sorry</title>"), "is a page for people, not data"),
    "a page with a wide doctype": (faults.instead(b"<!DOCTYPE   html><p>"), "is a page for people, not data"),
    "a page in UTF-16": (faults.instead("\ufeff<html><title>Sorry</title>".encode("utf-16-le")), "is a page"),
    "an error with status 200": (faults.error_as_data, "is an error message, not data"),
    "a challenge": (faults.challenge, "redirects to an address that Vertebra does not follow"),
    "nothing": (faults.nothing, "is empty"),
    "no content": (with_status(204), "answers with status 204"),
    "not found": (with_status(404, b"gone"), "answers with status 404"),
    "forbidden": (with_status(403), "answers with status 403"),
    "xml": (faults.instead(b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), "is XML, not csv"),
    "a header and no records": (faults.instead(b"a,b\n"), "has no records; the batch before had 5,000"),
    "not modified, unasked": (with_status(304), "answers with status 304"),
}


class TestWhatPasses:
    @pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
    @pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
    def test_is_tried_again_and_lands_once(self, host, files, gathered, lake, fault, chunked):
        files.chunked = chunked
        host.faults = [fault, fault]
        (batch,) = gathered(declared(host)).new
        assert batch.payload.read_bytes() == GOOD
        assert batch.receipt.records == 5000
        assert len(landed(lake)) == 1
        assert len(host.asked) == 3

    @pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
    def test_is_told_when_it_does_not_pass_and_the_last_good_batch_stays(self, host, files, gathered, lake, fault):
        gathered(declared(host))
        files.files["/a.csv"] = GOOD + b"1,1\n"
        host.always = fault
        with pytest.raises(CollectError, match="5 attempts failed"):
            gathered(declared(host))
        assert [batch.payload.read_bytes() for batch in landed(lake)] == [GOOD]
        host.always = None
        assert gathered(declared(host)).new[0].number == 2

    def test_waits_longer_each_time_but_not_less_than_the_host_asks(self, host, gathered, clock):
        host.faults = [with_status(503), with_status(503), with_status(429, Retry_After="30")]
        gathered(declared(host))
        assert clock.slept == [1.0, 2.0, 30.0]

    def test_a_date_says_how_long_to_wait_too(self, host, gathered, clock):
        host.faults = [with_status(503, Retry_After="Thu, 15 Jan 2026 12:00:20 GMT")]
        gathered(declared(host))
        assert clock.slept == [pytest.approx(20, abs=1)]

    def test_a_host_that_asks_for_too_much_patience_is_left(self, host, gathered, clock):
        host.faults = [with_status(429, Retry_After="86400")]
        with pytest.raises(CollectError, match="asks for a delay of 86,400 seconds"):
            gathered(declared(host))
        assert clock.slept == []

    def test_a_storm_ends_within_the_time_of_a_payload(self, host, gathered, clock):
        host.always = with_status(429, Retry_After="100")
        with pytest.raises(CollectError, match="the time for one payload is over"):
            gathered(declared(host, limits={"time": "250 s", "retries": 19}))
        assert clock.slept == [100.0, 100.0]


class TestWhatIsRefused:
    @pytest.mark.parametrize(("fault", "fact"), REFUSED.values(), ids=REFUSED)
    def test_is_kept_aside_with_the_reason_and_the_last_good_batch_stays(
        self, host, files, gathered, lake, fault, fact
    ):
        files.etags = False
        gathered(declared(host))
        files.files["/a.csv"] = GOOD + b"1,1\n"
        host.faults = [fault]
        with pytest.raises(PayloadsRefusedError, match=fact):
            gathered(declared(host))
        assert [batch.payload.read_bytes() for batch in landed(lake)] == [GOOD]
        (reason,) = reasons(lake)
        assert fact in reason["fact"]
        assert reason["url"] == f"{host.url}/a.csv"
        assert len(gathered(declared(host)).new) == 1

    @pytest.mark.parametrize("answer", [b"Error: the database is down\n", b"c,d\n1,2\n"])
    def test_a_table_of_something_else(self, host, files, gathered, lake, answer):
        periods = {"unit": "month", "first": "2025-11", "last": "2025-11"}
        files.files["/2025-11.csv"] = answer
        collect = {"from": "http", "url": f"{host.url}/{{period:%Y-%m}}.csv", "periods": periods}
        dataset = source(collect, "append", CSV, columns={"a": "int", "b": "int"})
        with pytest.raises(PayloadsRefusedError, match="has none of the declared columns"):
            gathered(dataset)
        assert landed(lake) == []
        files.files["/2025-11.csv"] = GOOD
        assert gathered(dataset).records == 5000

    def test_the_answer_can_be_looked_at(self, host, gathered, lake):
        host.faults = [faults.page]
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(declared(host))
        (kept,) = (lake.landing / "station" / "readings" / ".refused").glob("*/answer.bin")
        assert kept.read_bytes() == faults.PAGE
        assert "Just a moment..." in told.value.cause

    def test_the_message_of_a_portal_is_passed_on(self, host, gathered):
        host.faults = [with_status(400, b'{"error": true, "reason": "Parameter latitude is missing"}')]
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(declared(host))
        assert told.value.cause == "Parameter latitude is missing"

    @pytest.mark.parametrize("fault", [faults.damaged, faults.cut_unnoticed], ids=["damaged", "cut off unnoticed"])
    def test_a_broken_archive(self, host, gathered, lake, fault):
        host.faults = [fault]
        with pytest.raises(PayloadsRefusedError, match="damaged or cut"):
            gathered(declared(host, "/a.zip"))
        assert landed(lake) == []
        assert gathered(declared(host, "/a.zip")).new[0].receipt.records == 5000

    def test_a_page_in_place_of_an_archive(self, host, gathered):
        host.faults = [faults.instead(b"come back tomorrow\n", "application/zip")]
        with pytest.raises(PayloadsRefusedError, match="is not a zip archive"):
            gathered(declared(host, "/a.zip"))

    def test_more_than_the_disk_should_take(self, host, gathered, lake):
        with pytest.raises(PayloadsRefusedError, match="gives more than 1 KB"):
            gathered(declared(host, limits={"size": "1 KB"}))
        assert landed(lake) == []

    def test_a_bomb_on_the_way(self, portal, gathered, lake):
        import gzip

        bomb = gzip.compress(b"\0" * (80 << 20))
        host = portal(lambda asked: Reply(bomb, 200, {"Content-Encoding": "gzip"}))
        with pytest.raises(PayloadsRefusedError, match="expands to more than"):
            gathered(declared(host))
        assert landed(lake) == []


class TestASlowHost:
    def test_bytes_that_drip_without_end_are_not_waited_for(self, host, gathered, lake):
        host.always = faults.dripping
        started = time.monotonic()
        with pytest.raises(CollectError, match="takes longer than 300 ms"):
            gathered(
                declared(host, limits={"time": "300 ms"}),
                network=Network(SystemClock(), lambda: 0.0, HostThrottle(), 0.0),
            )
        assert landed(lake) == []
        assert time.monotonic() - started < 60


class TestResuming:
    def test_a_download_goes_on_where_it_broke_off(self, host, gathered):
        host.faults = [reset_midway]
        (batch,) = gathered(declared(host)).new
        assert batch.payload.read_bytes() == GOOD
        assert host.asked[1].headers["range"].startswith("bytes=")
        assert host.asked[1].headers["if-range"] == batch.receipt.headers["ETag"]

    def test_it_starts_afresh_when_the_file_changed_meanwhile(self, host, files, gathered):
        changed = GOOD.replace(b"\n", b"9\n").replace(b"a,b9\n", b"a,b\n")

        def change(handler, reply):
            reset_midway(handler, reply)
            files.files["/a.csv"] = changed

        host.faults = [change]
        (batch,) = gathered(declared(host)).new
        assert batch.payload.read_bytes() == changed

    def test_it_starts_afresh_when_the_host_does_not_say_what_the_file_is(self, host, files, gathered):
        files.etags = False
        host.faults = [reset_midway]
        (batch,) = gathered(declared(host)).new
        assert (batch.payload.read_bytes(), "range" in host.asked[1].headers) == (GOOD, False)

    @pytest.mark.parametrize(
        ("headers", "if_range"),
        [
            ({"ETag": '"abc"'}, '"abc"'),
            ({"ETag": 'W/"abc"'}, None),
            ({"ETag": 'W/"abc"', "Last-Modified": "Thu, 15 Jan 2026 12:00:00 GMT"}, "Thu, 15 Jan 2026 12:00:00 GMT"),
            ({}, None),
        ],
        ids=["strong ETag", "weak ETag", "weak ETag and a date", "nothing"],
    )
    def test_a_weak_etag_never_resumes_a_download(self, portal, gathered, headers, if_range):
        host = portal(lambda _: Reply(GOOD, 200, {"Accept-Ranges": "bytes", **headers}))
        host.faults = [reset_midway]
        (batch,) = gathered(declared(host)).new
        assert batch.payload.read_bytes() == GOOD
        sent = host.asked[1].headers
        assert (sent.get("if-range"), "range" in sent) == (if_range, if_range is not None)

    def test_a_host_that_cannot_go_on_is_asked_for_all_of_it(self, host, gathered):
        host.faults = [reset_midway, with_status(416)]
        (batch,) = gathered(declared(host)).new
        assert batch.payload.read_bytes() == GOOD
        assert [("range" in asked.headers) for asked in host.asked] == [False, True, False]

    def test_what_comes_damaged_in_its_compression_is_asked_for_again(self, portal, gathered, lake):
        packed = gzip.compress(GOOD, mtime=0)
        host = portal(lambda _: Reply(packed, 200, {"Content-Encoding": "gzip"}))
        host.faults = [faults.damaged, faults.cut_unnoticed]
        (batch,) = gathered(declared(host)).new
        assert batch.payload.read_bytes() == GOOD
        host.always = faults.damaged
        with pytest.raises(CollectError, match="5 attempts failed"):
            gathered(declared(host))
        assert len(landed(lake)) == 1

    def test_a_host_that_gives_another_part_is_asked_for_all_of_it(self, host, gathered):
        wrong = with_status(206, b"x" * 100, Content_Range="bytes 5-104/5000")
        host.faults = [reset_midway, wrong]
        (batch,) = gathered(declared(host)).new
        assert batch.payload.read_bytes() == GOOD
        assert "range" not in host.asked[2].headers


class TestRedirects:
    def test_they_are_followed(self, portal, files, gathered):
        host = portal(
            lambda asked: files(asked) if asked.path != "/old.csv" else Reply(b"", 301, {"Location": "/a.csv"})
        )
        (batch,) = gathered(declared(host, "/old.csv")).new
        assert (batch.receipt.url, batch.receipt.records) == (f"{host.url}/old.csv", 5000)

    @pytest.mark.parametrize(
        ("to", "says"),
        [
            ("file:///etc/passwd", "file: is not an address on the web"),
            ("ftp://example.org/a.csv", "ftp: is not an address on the web"),
            ("/cdn-cgi/challenge-platform", "the host blocks programs"),
            ("https:///a.csv", "is not an address on the web"),
        ],
    )
    def test_some_are_not(self, host, gathered, lake, to, says):
        host.faults = [with_status(302, Location=to)]
        with pytest.raises(PayloadsRefusedError, match="does not follow") as told:
            gathered(declared(host))
        assert says in told.value.cause
        assert landed(lake) == []

    def test_not_in_a_circle(self, host, gathered):
        host.always = with_status(302, Location="/a.csv")
        with pytest.raises(PayloadsRefusedError, match="redirects more than 8 times"):
            gathered(declared(host))


class TestPoliteness:
    @pytest.mark.parametrize("most", [1, 2])
    def test_no_more_requests_are_under_way_than_declared(self, most):
        throttle, limits = HostThrottle(), WebLimits(connections=most, rate=1000)
        under_way, seen, lock = 0, [], threading.Lock()

        def ask() -> None:
            nonlocal under_way
            with throttle.turn("host", limits, SystemClock()):
                with lock:
                    under_way += 1
                    seen.append(under_way)
                time.sleep(0.02)
                with lock:
                    under_way -= 1

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(seen), max(seen)) == (8, most)


LIMITED = """
    import resource, signal, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from vertebra.declare.dataset import Dataset
    from vertebra.errors import VertebraError
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.landing.collect import collect
    from vertebra.landing.context import CollectionContext

    root, most = Path(sys.argv[1]), int(sys.argv[3])
    lake = Lake(root / "lake")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    dataset = Dataset.model_validate_json(sys.argv[2])
    try:
        collect(dataset, CollectionContext(root / "project", lake, Ledgers(lake), "run-2", datetime(2026, 1, 15, tzinfo=UTC)))
    except VertebraError as error:
        print(error)
"""


class TestADiskThatIsFull:
    @pytest.mark.parametrize("most", [20, 1_000, 20_000, 62_000])
    def test_what_the_system_does_not_let_be_written_is_landed_later(self, host, gathered, lake, tmp_path, most):
        """The payload has 61,290 bytes; in a process of its own no file may grow beyond a limit."""
        dataset = declared(host)
        command = [sys.executable, "-c", textwrap.dedent(LIMITED), str(tmp_path)]
        done = subprocess.run(
            [*command, dataset.model_dump_json(by_alias=True), str(most)], capture_output=True, text=True, check=False
        )
        assert "File too large" in done.stdout + done.stderr, done
        assert landed(lake) == []
        (batch,) = gathered(dataset).new
        assert (batch.payload.read_bytes(), batch.receipt.records) == (GOOD, 5000)

    def test_while_downloading(self, host, gathered, lake, monkeypatch):
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "download.part")

        with monkeypatch.context() as patch:
            patch.setattr("vertebra.landing.web.partial.PartialDownload.open", full)
            with pytest.raises(CollectError, match="could not be written") as told:
                gathered(declared(host))
        assert "No space left on device" in told.value.cause
        assert len(host.asked) == 1
        assert (landed(lake), list((lake.landing / "station" / "readings").iterdir())) == ([], [])
        assert len(gathered(declared(host)).new) == 1


def test_a_host_that_is_not_there_is_told(gathered):
    dataset = source({"from": "http", "url": "http://127.0.0.1:9/a.csv"}, parse=CSV)
    with pytest.raises(CollectError, match=r"http://127\.0\.0\.1:9/a\.csv cannot be reached") as told:
        gathered(dataset)
    assert "HTTPS_PROXY" in told.value.remedy
    assert told.value.where == "dataset readings"


def test_an_answer_without_records_can_be_declared_right(host, files, gathered):
    files.etags = False
    gathered(declared(host))
    host.faults = [faults.instead(b"a,b\n")]
    (batch,) = gathered(declared(host, empty="accept")).new
    assert records(batch) == []


def in_csv(text: str, codec: str = "utf-8", **parse):
    return text.encode(codec), {"format": "csv"} | parse


TEXTS = {
    "UTF-8 with a mark": in_csv("a,b\né,1\n", "utf-8-sig"),
    "UTF-16": in_csv("a,b\né,1\n", "utf-16"),
    "windows-1252": in_csv("a,b\né,1\n", "cp1252", encoding="windows-1252"),
    "ISO-8859-1": in_csv("a,b\né,1\n", "latin-1", encoding="iso-8859-1"),
    "CP850": in_csv("a,b\né,1\n", "cp850", encoding="cp850"),
    "semicolons": in_csv("a;b\né;1\n"),
    "tabs": in_csv("a\tb\né\t1\n"),
    "quotes": in_csv('"a","b"\r\n"é","1"\r\n'),
    "no header": in_csv("é,1\n", header=False, names=["a", "b"]),
    "lines before the header": in_csv("# made today\na,b\né,1\n", comment="#"),
    "JSON": ('[{"a": "é", "b": 1}]'.encode(), {"format": "json"}),
    "JSON in UTF-16": ('[{"a": "é", "b": 1}]'.encode("utf-16"), {"format": "json"}),
    "concatenated JSON": ('{"a": "é", "b": 1}{"a": "f"}'.encode(), {"format": "json"}),
}


@pytest.mark.parametrize(("body", "parse"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("fault", [None, reset_midway, cut_off], ids=["at once", "after a reset", "after a cut"])
def test_every_form_of_text_lands_as_it_is(portal, gathered, body, parse, fault):
    host = portal(FileServer({"/a.txt": body}))
    host.faults = [fault]
    (batch,) = gathered(source({"from": "http", "url": f"{host.url}/a.txt", "limits": {"rate": 1000}}, parse=parse)).new
    assert batch.payload.read_bytes() == body
    assert records(batch)[0] == {"a": "é", "b": "1"}


ODD = {
    "an embedded newline": (b'a,b\n"x\ny",1\n', [{"a": "x\ny", "b": "1"}]),
    "a ragged line": (
        b"a,b\n1,2\n3\n4,5\n6,7\n",
        [
            {"a": "1", "b": "2"},
            {"a": None, "b": None, "_ragged": "3"},
            {"a": "4", "b": "5"},
            {"a": "6", "b": "7"},
        ],
    ),
    "a header twice": (b"a,a\n1,2\n", [{"a": "1", "a_2": "2"}]),
    "a blank header": (b"a,\n1,2\n", [{"a": "1", "c1": "2"}]),
}


@pytest.mark.parametrize(("body", "expected"), ODD.values(), ids=ODD)
def test_odd_tables_keep_every_cell(portal, gathered, body, expected):
    host = portal(FileServer({"/a.csv": body}))
    (batch,) = gathered(source({"from": "http", "url": f"{host.url}/a.csv"}, parse=CSV)).new
    assert records(batch) == expected


def test_keys_that_are_left_out_are_null_and_nested_ones_stay_json(portal, gathered):
    host = portal(lambda _: Reply(b'[{"a": 1, "n": {"x": [1, 2]}}, {"b": null}]'))
    (batch,) = gathered(source({"from": "http", "url": f"{host.url}/a.json"}, parse={"format": "json"})).new
    assert records(batch) == [{"a": "1", "n": '{"x":[1,2]}', "b": None}, {"a": None, "n": None, "b": None}]
