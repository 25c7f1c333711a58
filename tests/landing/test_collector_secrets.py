"""A secret goes to the declared host and nowhere else: not to another host, not to the disk, not to a person."""

from __future__ import annotations

import base64
import logging
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from landing.readings import source
from portals.portals import CkanPortal, FileServer, PagedApi, SocrataPortal, guarded
from portals.stand_in import Asked, Reply, reset, with_status
from vertebra.declare.source import Source
from vertebra.declare.web_source import Auth
from vertebra.errors import CollectError
from vertebra.landing.backfill import period_statuses, window
from vertebra.landing.context import CollectionContext
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.port import Collector, Payload, Refused
from vertebra.landing.web.credentials import Credentials, with_query
from vertebra.pipeline.land import land

SECRET = "s3cr3t/with+signs=="
CSV = {"format": "csv"}
FORMS = {
    "bearer": {"bearer": SECRET},
    "header": {"header": "X-App-Token", "value": SECRET},
    "query": {"query": "key", "value": SECRET},
    "basic": {"user": "ada", "password": SECRET},
}


def shows_secret(text: str) -> bool:
    basic = base64.b64encode(f"ada:{SECRET}".encode()).decode()
    return any(form in text for form in (SECRET, basic, "s3cr3t"))


def written(folder: Path) -> str:
    return "".join(file.read_bytes().decode("latin-1") for file in folder.rglob("*") if file.is_file())


def got_secret(asked: Asked) -> bool:
    return any(shows_secret(text) for text in (*asked.headers.values(), *asked.query.values()))


def declared(host, auth, path="/a.csv", **more):
    return source({"from": "http", "url": f"{host.url}{path}", "auth": auth} | more, "snapshot", CSV)


@pytest.mark.parametrize("auth", FORMS.values(), ids=FORMS)
class TestEachForm:
    def test_it_reaches_the_host(self, portal, gathered, auth):
        host = portal(FileServer({"/a.csv": b"a\n1\n"}))
        gathered(declared(host, auth))
        assert got_secret(host.asked[0])

    def test_it_does_not_go_along_to_another_host(self, portal, gathered, auth):
        other = portal(FileServer({"/a.csv": b"a\n1\n"}))
        host = portal(lambda asked: Reply(b"", 302, {"Location": f"{other.url}/a.csv"}))
        headers = {"User-Agent": "Mozilla/5.0", "X-Custom": "mine"}
        gathered(declared(host, auth, headers=headers))
        assert (got_secret(host.asked[0]), got_secret(other.asked[0])) == (True, False)
        assert other.asked[0].headers["user-agent"] == "Mozilla/5.0"
        assert "x-custom" not in other.asked[0].headers

    def test_it_is_in_no_file_of_the_lake_and_in_no_message(self, portal, gathered, lake, caplog, auth):
        caplog.set_level(logging.DEBUG)
        host = portal(FileServer({"/a.csv": b"a\n1\n"}))
        told: list[str] = []
        gathered(declared(host, auth), progress=told.append, transferred=lambda one: told.append(one.url))
        echo = f'{{"error": "the key {SECRET} is unknown"}}'.encode()
        for fault in ([with_status(401, echo)], [with_status(200, echo)], [reset] * 5, [with_status(503)] * 5):
            host.faults = list(fault)
            with pytest.raises(CollectError) as error:
                gathered(declared(host, auth), progress=told.append)
            told += [str(error.value), repr(error.value), *map(str, error.value.args)]
            chain: BaseException | None = error.value
            while chain is not None:
                told += [str(chain), repr(chain)]
                chain = chain.__cause__ or chain.__context__
        assert not shows_secret(written(lake.root))
        assert not shows_secret("".join(told))
        assert not shows_secret(caplog.text)

    def test_it_is_not_shown_with_the_declaration(self, portal, auth):
        host = portal(FileServer())
        dataset = declared(host, auth)
        assert not shows_secret(repr(dataset) + str(dataset.collect) + dataset.model_dump_json(by_alias=True))
        assert next(dataset.collect.secrets()) == SECRET


@pytest.mark.parametrize("size", [10, 3 << 20])
@pytest.mark.parametrize("auth", FORMS.values(), ids=FORMS)
def test_what_a_host_repeats_of_the_request_is_kept_without_the_secret(portal, gathered, lake, auth, size):
    def echo(asked):
        query = "&".join(f"{name}={quote(value)}" for name, value in asked.query.items())
        sent = " ".join([asked.headers.get("authorization", ""), asked.headers.get("x-app-token", ""), query])
        return Reply(b"<html>" + b"x" * size + sent.encode() + b"</html>")

    host = portal(echo)
    with pytest.raises(PayloadsRefusedError) as told:
        gathered(declared(host, auth))
    kept = written(lake.root)
    assert "x" * size in kept
    for text in (kept, str(told.value)):
        assert not shows_secret(text)
        assert quote(SECRET) not in text


def test_a_secret_in_a_list_of_values_is_not_kept_and_the_part_is_known_again(portal, gathered, lake):
    host = portal(FileServer({f"/{SECRET}.csv": b"a\n1\n", f"/{quote(SECRET, safe='')}.csv": b"a\n1\n"}))
    collect = {"from": "http", "url": f"{host.url}/{{key}}.csv", "over": {"key": [SECRET]}}
    dataset = source(collect, "append", CSV)
    (batch,) = gathered(dataset, secrets={"KEY": SECRET}).new
    assert batch.receipt.part == "key=${KEY}"
    assert not shows_secret(written(lake.root))
    assert gathered(dataset, secrets={"KEY": SECRET}).new == ()


def test_a_redirect_that_takes_the_secret_along_in_its_address_is_not_followed(portal, gathered):
    other = portal(FileServer({"/a.csv": b"a\n1\n"}))
    host = portal(lambda asked: Reply(b"", 302, {"Location": f"{other.url}/a.csv?key={asked.query['key']}"}))
    with pytest.raises(PayloadsRefusedError, match="does not follow") as told:
        gathered(declared(host, {"query": "key", "value": "plainsecret"}))
    assert (other.asked, "plainsecret" in str(told.value)) == ([], False)


SENT = {
    "as it is": str,
    "in a query": lambda text: with_query("", (("", text),)),
    "percent-encoded": lambda text: quote(text, safe=""),
    "in small letters": lambda text: quote(text, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
    "in the address of an address": lambda text: quote(quote(text, safe="")),
    "in a form": quote_plus,
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@pytest.mark.parametrize("auth", FORMS.values(), ids=FORMS)
def test_no_form_of_a_secret_is_taken_along_to_another_host(auth, sent):
    credentials = Credentials.of("https://192.0.2.7/a.csv", {}, Auth.model_validate(auth))
    _, headers = credentials.request_to("https://192.0.2.7/a.csv")
    token = headers.get("Authorization", SECRET).rpartition(" ")[2]
    for secret in {SECRET, token}:
        with pytest.raises(CollectError, match="does not follow") as told:
            credentials.follow("https://192.0.2.7/a.csv", f"https://8.8.8.8/b?next={sent(secret)}")
        assert "secret" in told.value.cause
        assert credentials.follow("https://192.0.2.7/a.csv", f"/b?next={sent(secret)}")


@pytest.mark.parametrize(
    "host",
    ["127.1", "2130706433", "0x7f000001", "127.0.0.1.", "[::1]", "[::ffff:10.0.0.1]", "localhost.", "db.internal", "x"],
)
def test_a_redirect_into_the_machine_or_its_network_is_not_followed_however_it_is_written(host, monkeypatch):
    resolved = socket.getaddrinfo

    def resolve(name, port):
        return resolved("8.8.8.8" if name == "data.example.org" else "10.1.2.3" if name == "x" else name, port)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    credentials = Credentials.of("https://data.example.org/a.csv", {}, None)
    with pytest.raises(CollectError, match="does not follow") as told:
        credentials.follow("https://data.example.org/a.csv", f"https://{host}/a.csv")
    assert "private network" in told.value.cause
    assert credentials.follow("https://data.example.org/a.csv", "https://8.8.8.8/a.csv")
    inside = Credentials.of("https://10.1.2.4/a.csv", {}, None)
    assert inside.follow("https://10.1.2.4/a.csv", f"https://{host}/a.csv")


def test_a_name_with_one_address_outside_and_one_inside_is_not_followed(monkeypatch):
    addresses = {"two.example.org": ["8.8.8.8", "10.0.0.1"], "data.example.org": ["8.8.4.4"]}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, _: [(None, None, None, "", (one, 0)) for one in addresses[name]]
    )
    credentials = Credentials.of("https://data.example.org/a.csv", {}, None)
    with pytest.raises(CollectError, match="does not follow"):
        credentials.follow("https://data.example.org/a.csv", "https://two.example.org/a.csv")


def test_a_reference_in_an_address_is_kept_as_a_reference(portal, gathered, lake):
    host = portal(FileServer({"/team-77/a.csv": b"a\n1\n"}))
    dataset = source({"from": "http", "url": f"{host.url}/team-77/a.csv"}, "snapshot", CSV)
    (batch,) = gathered(dataset, secrets={"TEAM": "team-77"}).new
    assert batch.receipt.url == f"{host.url}/${{TEAM}}/a.csv"
    assert "team-77" not in written(lake.root)
    assert gathered(dataset, secrets={"TEAM": "team-77"}).unchanged == 1
    assert host.asked[1].headers["if-none-match"] == batch.receipt.headers["ETag"]


def test_a_reference_in_the_address_of_a_portal_does_not_have_it_read_again(portal, gathered):
    host = portal(CkanPortal(rows=5))
    resource = source({"from": "ckan", "portal": f"{host.url}/data", "resource": "r-1"}, "snapshot")
    secrets = {"PORTAL": host.url}
    gathered(resource, secrets=secrets)
    asked = len(host.asked)
    assert gathered(resource, secrets=secrets).unchanged == 1
    assert len(host.asked) == asked + 2, "the date and the total"


def test_a_refused_period_is_shown_as_refused_though_its_address_has_a_reference(portal, gathered, lake):
    host = portal(FileServer({"/team-77/2025-10.csv": b"a\n1\n"}))
    host.faults = [None, with_status(200, b"<html>")]
    periods = {"unit": "month", "from": "2025-10", "to": "2025-11"}
    collect = {"from": "http", "url": f"{host.url}/team-77/{{period:%Y-%m}}.csv", "periods": periods}
    dataset, secrets = source(collect, parse=CSV), {"TEAM": "team-77"}
    with pytest.raises(PayloadsRefusedError) as told:
        gathered(dataset, secrets=secrets)
    home, now = lake.landing / "station" / "readings", datetime(2026, 1, 15, tzinfo=UTC)
    asked = window(dataset, None, None, now)
    found = period_statuses(dataset, told.value.outcome.new, asked, False, home, now, secrets)
    assert [(one.period, one.state) for one in found] == [("2025-10", "landed"), ("2025-11", "refused")]


def test_portals_get_their_tokens(portal, gathered):
    ckan = CkanPortal(rows=5)
    ckan.token = SECRET
    host = portal(ckan)
    auth = {"header": "Authorization", "value": SECRET}
    gathered(source({"from": "ckan", "portal": f"{host.url}/data", "resource": "r-1", "auth": auth}, "snapshot"))
    socrata = SocrataPortal(rows=5)
    socrata.token = SECRET
    host = portal(socrata)
    auth = {"header": "X-App-Token", "value": SECRET}
    named = {"name": "others"}
    gathered(source({"from": "socrata", "portal": host.url, "id": "abcd-1234", "auth": auth}, "snapshot", **named))


def test_the_next_page_on_another_host_gets_no_token(portal, gathered):
    other = portal(lambda asked: Reply(b'{"data": {"items": [{"id": 2}]}, "meta": {"next": null}}'))
    first = b'{"data": {"items": [{"id": 1}]}, "meta": {"next": "%s/x"}}' % other.url.encode()
    host = portal(guarded(lambda asked: Reply(first), "Authorization", f"Bearer {SECRET}"))
    page = {"by": "link", "next": "meta.next"}
    collect = {"from": "rest", "url": f"{host.url}/x", "page": page, "auth": {"bearer": SECRET}}
    gathered(source(collect, "snapshot", {"records": "data.items"}))
    assert (got_secret(host.asked[0]), got_secret(other.asked[0])) == (True, False)


def test_a_linked_file_of_a_ckan_package_on_another_host_gets_no_token(portal, gathered):
    other = portal(FileServer({"/a.csv": b"a\n1\n"}))
    app = CkanPortal()
    app.token, app.files, app.links = SECRET, {"a.csv": b""}, {"a.csv": f"{other.url}/a.csv"}
    host = portal(app)
    auth = {"header": "Authorization", "value": SECRET}
    collect = {"from": "ckan", "portal": f"{host.url}/data", "package": "p", "files": "*.csv", "auth": auth}
    gathered(source(collect, "snapshot", parse=CSV))
    assert not got_secret(other.asked[0])


def test_a_database_password_is_never_shown(gathered, lake):
    pytest.importorskip("pg8000", reason="the driver is not installed")
    address = f"postgresql+pg8000://ada:{SECRET.replace('/', '%2F')}@127.0.0.1:9/db"
    with pytest.raises(CollectError) as told:
        gathered(source({"from": "sql", "database": address, "table": "t"}, "snapshot"))
    assert not shows_secret(str(told.value))


class Leaky(Collector):
    """Shows a text in everything that a collector gives: progress, addresses, headers, a refused answer, an error."""

    name = "leaky"
    declaration = Source

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def collect(self, request):
        request.progress(f"reading as {self.secret}")
        file = request.staging / "rows.parquet"
        pq.write_table(pa.table({"a": ["1"]}), file)
        yield Payload(file, f"sql:{self.secret}/t", headers={"login": self.secret}, file_name="rows.parquet")
        answer = request.staging / "answer"
        answer.write_text(f"access denied for {self.secret}")
        error = CollectError(f"denied: {self.secret}", cause=self.secret, remedy=self.secret)
        yield Refused(f"sql:{self.secret}/u", error, answer)
        raise CollectError(f"denied: {self.secret}", cause=self.secret, remedy=self.secret)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("p%40ss%2Fzebra", "p@ss/zebra"),
        ("p%40ss%2Fzebra", "p%40ss%2Fzebra"),
        ("p%40ss%2Fzebra", "p%40ss/zebra"),
        ("plainzebra", "plainzebra"),
    ],
)
def test_a_database_password_is_redacted_as_it_is_written_and_as_the_database_gets_it(
    project, lake, ledgers, monkeypatch, written, shown
):
    address = f"postgresql://ada:{written}@db.example.org/ops"
    dataset = source({"from": "sql", "database": address, "table": "t"}, "snapshot")
    messages = []
    monkeypatch.setattr("vertebra.landing.collect.collector_of", lambda _: Leaky(shown))
    context = CollectionContext(project, lake, ledgers, "run-1", datetime.now(UTC), progress=messages.append)
    with pytest.raises(CollectError) as told:
        land(dataset, context)
    files = everything(lake.root)
    recorded = str([ledgers.read(ledger).to_pylist() for ledger in ("batches", "collections")])
    for text in (str(told.value), *messages, files, recorded):
        assert "zebra" not in text
    assert "reading as ${secret_" in messages[0]
    assert "access denied for ${secret_" in files
    assert "denied: ${secret_" in recorded


def everything(folder: Path) -> str:
    """The bytes of all files, those of Delta tables decoded, since Parquet may compress a text."""
    tables = [pq.read_table(file).to_pylist() for file in folder.rglob("*.parquet")]
    return written(folder) + str(tables)


def test_a_secret_of_the_query_goes_along_with_each_page_and_is_not_kept(portal, gathered):
    host = portal(PagedApi())
    page = {"by": "offset", "param": "offset", "total": "meta.total"}
    collect = {"from": "rest", "url": f"{host.url}/offset", "page": page, "auth": {"query": "key", "value": SECRET}}
    (batch,) = gathered(source(collect, "snapshot", {"records": "data.items"})).new
    assert batch.receipt.url == f"{host.url}/offset"
    assert all(got_secret(asked) for asked in host.asked)


def test_a_host_that_cannot_prove_who_it_is_gets_nothing(gathered, tmp_path):
    server = _self_signed(tmp_path)
    try:
        address = f"https://127.0.0.1:{server.getsockname()[1]}/a.csv"
        dataset = source({"from": "http", "url": address, "auth": {"bearer": SECRET}}, parse=CSV)
        with pytest.raises(CollectError, match="is not secure") as told:
            gathered(dataset)
        assert "self" in told.value.cause
    finally:
        server.close()


def _self_signed(folder: Path) -> socket.socket:
    """A TLS server with a certificate that nobody vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = made.sign(key, hashes.SHA256())
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
                context.wrap_socket(client, server_side=True).close()
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    return listening
