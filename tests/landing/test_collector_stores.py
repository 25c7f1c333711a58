"""Files of stores that fsspec reads: a bucket that answers like S3, and a web server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from landing.readings import declared, records
from portals.bucket import Bucket, running_bucket
from portals.stand_in import Asked, Reply
from vertebra.errors import CollectError
from vertebra.lake.batches import batches
from vertebra.lake.effective_batches import snapshot_batches
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.port import Transfer
from vertebra.landing.store import Store, schemes_of, without_credentials

S3 = {"s3"}


@pytest.fixture(scope="module")
def running() -> Iterator[Bucket]:
    with running_bucket() as bucket:
        yield bucket


@pytest.fixture
def bucket(running: Bucket) -> Bucket:
    running.clear()
    return running


def urls(outcome: Any) -> list[str]:
    return [batch.receipt.url for batch in outcome.new]


@pytest.mark.parametrize("path", ["s3://drop/*.csv", "s3://drop/", "s3://drop", "s3://drop/**"])
def test_each_file_of_a_bucket_is_a_batch_and_what_is_unchanged_is_not_read_again(
    bucket: Bucket, collected: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(a="n\n1\n", b="n\n2\n", c="n\n3\n")
    dataset = declared(path)
    assert urls(collected(dataset, schemes=S3)) == [f"s3://drop/{name}.csv" for name in "abc"]
    again = collected(dataset, schemes=S3)
    assert (again.new, again.unchanged) == ((), 3)
    bucket.put(b="n\n20\n", d="n\n4\n")
    opened = []
    opening = type(bucket.files).open
    monkeypatch.setattr(
        type(bucket.files),
        "open",
        lambda self, name, *about, **more: opened.append(name) or opening(self, name, *about, **more),
    )
    changed = collected(dataset, schemes=S3)
    assert [records(batch) for batch in changed.new] == [[{"n": "20"}], [{"n": "4"}]]
    assert (changed.unchanged, opened) == (2, ["drop/b.csv", "drop/d.csv"])


def test_one_file_of_a_bucket_is_told_in_bytes_as_it_comes(bucket: Bucket, collected: Any) -> None:
    bucket.put(a="n\n" + "1\n" * 50)
    seen: list[Transfer] = []
    assert urls(collected(declared("s3://drop/a.csv"), schemes=S3, transferred=seen.append)) == ["s3://drop/a.csv"]
    assert seen == [Transfer("s3://drop/a.csv", 102, 102)]
    assert collected(declared("s3://drop/a.csv"), schemes=S3).unchanged == 1


def test_names_with_the_signs_of_web_addresses_are_names(bucket: Bucket, collected: Any, lake: Any) -> None:
    for number, name in enumerate(("x#1", "x#2", "x?1", "a@b:c"), 1):
        bucket.put(**{name: f"n\n{number}\n"})
    dataset = declared("s3://drop/*.csv", load="snapshot")
    assert sorted(urls(collected(dataset, schemes=S3))) == [
        f"s3://drop/{name}.csv" for name in ("a@b:c", "x#1", "x#2", "x?1")
    ]
    kept = snapshot_batches(batches(lake.landing, "station", "readings"))
    assert sorted(record["n"] for batch in kept for record in records(batch)) == ["1", "2", "3", "4"]
    assert collected(dataset, schemes=S3).unchanged == 4


def test_a_file_that_the_bucket_does_not_give_is_refused_and_the_others_land(bucket: Bucket, collected: Any) -> None:
    bucket.put(a="n\n1\n", c="n\n3\n")
    bucket.files.call_s3("put_object", Bucket="drop", Key="b.csv", Body=b"n\n2\n", StorageClass="GLACIER")
    with pytest.raises(PayloadsRefusedError, match=r"s3://drop/b\.csv cannot be read") as told:
        collected(declared("s3://drop/*.csv"), schemes=S3)
    assert urls(told.value.outcome) == ["s3://drop/a.csv", "s3://drop/c.csv"]


def test_a_file_that_is_cut_off_is_refused_and_the_others_land(
    bucket: Bucket, collected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(a="n\n1\n2\n", b="n\n3\n")
    opening = type(bucket.files).open

    def cut(self: Any, name: str, *about: Any, **more: Any) -> Any:
        return io.BytesIO(b"n\n1\n") if name.endswith("a.csv") else opening(self, name, *about, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(bucket.files), "open", cut)
        with pytest.raises(PayloadsRefusedError, match=r"s3://drop/a\.csv is cut off after 4 of 6 bytes") as told:
            collected(declared("s3://drop/*.csv"), schemes=S3)
    assert urls(told.value.outcome) == ["s3://drop/b.csv"]
    assert urls(collected(declared("s3://drop/*.csv"), schemes=S3)) == ["s3://drop/a.csv"]


def test_hidden_files_of_a_folder_are_left_out(bucket: Bucket, collected: Any) -> None:
    bucket.put(**{"in/a": "n\n1\n", "in/.part": "n\n2\n"})
    assert urls(collected(declared("s3://drop/in"), schemes=S3)) == ["s3://drop/in/a.csv"]


@pytest.mark.parametrize(
    ("path", "says"), [("s3://drop/none.csv", "the path does not exist"), ("s3://drop/x/*", "no file matches")]
)
def test_what_is_not_there_is_told(bucket: Bucket, collected: Any, path: str, says: str) -> None:
    with pytest.raises(CollectError, match=says):
        collected(declared(path), schemes=S3)


@pytest.mark.parametrize("path", ["s3://drop/*.csv", "s3://drop/a.csv", "s3://drop/"])
def test_a_bucket_that_cannot_be_asked_is_an_error_of_one_line(
    bucket: Bucket, collected: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(a="n\n1\n")
    collected(declared(path), schemes=S3)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    type(bucket.files).clear_instance_cache()
    with pytest.raises(CollectError, match="cannot be read") as told:
        collected(declared(path), schemes=S3)
    assert "127.0.0.1:9" in told.value.cause
    assert "\n" not in told.value.cause
    assert "credentials in the environment" in told.value.remedy
    type(bucket.files).clear_instance_cache()


class Web:
    """One file, which can change, with what the server says of it."""

    def __init__(self, **headers: str) -> None:
        self.body = b"n\n1\n"
        self.headers = headers
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        known = asked.path == "/a.csv"
        return Reply(self.body, headers=self.headers) if known else Reply(b"nothing", status=404)


@pytest.mark.parametrize("headers", [{}, {"ETag": '"one"'}, {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}])
def test_a_file_of_the_web_that_changes_is_a_new_batch(portal: Any, collected: Any, headers: dict[str, str]) -> None:
    web = Web(**headers)
    dataset = declared(f"{portal(web).url}/a.csv?version=1")
    (batch,) = collected(dataset, schemes={"http"}).new
    assert "?" not in batch.receipt.url
    assert collected(dataset, schemes={"http"}).unchanged == 1
    web.body, web.headers = b"n\n2\n", dict.fromkeys(headers, '"two"')
    (batch,) = collected(dataset, schemes={"http"}).new
    assert records(batch) == [{"n": "2"}]


def test_a_server_that_is_down_is_an_error_and_not_nothing_new(portal: Any, collected: Any) -> None:
    server = portal(Web())
    collected(declared(f"{server.url}/a.csv"), schemes={"http"})
    with pytest.raises(CollectError, match=r"there is no file|404"):
        collected(declared(f"{server.url}/b.csv"), schemes={"http"})
    for path in ("a.csv?sig=1", "a.csv", "*.csv"):
        with pytest.raises(CollectError, match="cannot be read"):
            collected(declared(f"http://127.0.0.1:9/{path}"), schemes={"http"})


@pytest.mark.parametrize(
    ("path", "schemes"),
    [
        ("data/*.csv", ["file"]),
        ("/data/a::b.csv", ["file"]),
        ("file:///data/a.csv", ["file"]),
        ("s3://drop/*.csv", ["s3"]),
        ("zip://*.csv::http://host/z.zip", ["zip", "http"]),
        ("simplecache::s3://drop/a.csv", ["simplecache", "s3"]),
        ("filecache::zip://a::file:///x.zip", ["filecache", "zip", "file"]),
    ],
)
def test_the_schemes_of_a_chained_address_are_all_of_them(path: str, schemes: list[str]) -> None:
    assert schemes_of(path) == schemes


def test_every_scheme_of_a_chain_has_to_be_allowed(portal: Any, collected: Any) -> None:
    web = Web()
    url = f"zip://*.csv::{portal(web).url}/z.zip"
    with pytest.raises(CollectError, match="does not allow http:// as a source") as told:
        collected(declared(url), schemes={"file", "zip"})
    assert "schemes: [file, zip, http]" in told.value.remedy
    assert web.asked == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@host:8080/x.csv?token=secret#secret", "https://host:8080/x.csv"),
        ("sftp://user:secret@host/x#1.csv", "sftp://host/x#1.csv"),
        ("zip://*.csv::https://user:secret@host/x.zip?token=secret", "zip://*.csv::https://host/x.zip"),
    ],
)
def test_credentials_are_never_shown(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_a_driver_that_is_not_installed_is_told_with_what_to_install() -> None:
    with pytest.raises(CollectError, match="cannot be read") as told:
        Store("klingon://x/a.csv")
    assert "klingon" in told.value.cause
