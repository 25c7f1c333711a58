"""Access tokens of OAuth 2.0: requested, sent to the declared host only, renewed while pages are read, never kept."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from landing.readings import records, source
from vertebra.declare.load import load_project
from vertebra.errors import CollectError, DeclarationError

SECRET = "client-secret-value"


class Api:
    """A JSON API in pages of one record, and the address that issues its tokens; a token is good for some requests."""

    def __init__(self, uses=100, token_status=(), error="invalid_client", rotates=False):
        self.rotates, self.refresh = rotates, "first"
        self.uses, self.token_status, self.error = uses, list(token_status), error
        self.asked, self.left, self.number = [], 0, 0

    def token(self, form, headers):
        self.asked.append((form, headers.get("Authorization")))
        status = self.token_status.pop(0) if self.token_status else 200
        if status != 200:
            return status, {"error": self.error}
        self.number, self.left = self.number + 1, self.uses
        if self.rotates:
            if form["refresh_token"] != self.refresh:
                return 400, {"error": "invalid_grant"}
            self.refresh = f"refresh-{self.number}"
            return 200, {"access_token": f"token-{self.number}", "expires_in": 3600, "refresh_token": self.refresh}
        return 200, {"access_token": f"token-{self.number}", "token_type": "Bearer", "expires_in": 3600}

    def page(self, query, headers):
        if headers.get("Authorization") != f"Bearer token-{self.number}" or self.left <= 0:
            return 401, {"error": "invalid_token"}
        self.left -= 1
        offset = int(query.get("offset", ["0"])[0])
        return 200, {"items": [{"id": offset}] if offset < 4 else [], "total": 4}


@pytest.fixture
def serve():
    running = []

    def start(api):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(*api.page(parse_qs(urlsplit(self.path).query), self.headers))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(*api.token({name: one for name, (one,) in parse_qs(body).items()}, self.headers))

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def readings(url, **auth):
    auth = {"token_url": f"{url}/token", "client_id": "me", "client_secret": SECRET} | auth
    page = {"by": "offset", "param": "offset", "size": 1, "total": "total"}
    collect = {"from": "rest", "url": f"{url}/d", "page": page, "limits": {"rate": 1000}}
    return source(collect | {"auth": {k: v for k, v in auth.items() if v}}, parse={"records": "items"})


def ids(outcome):
    return [row["id"] for batch in outcome.new for row in records(batch)]


def test_client_credentials_get_a_token_that_is_sent(serve, gathered):
    api = Api()
    assert ids(gathered(readings(serve(api), scope="read"))) == ["0", "1", "2", "3"]
    ((form, authorization),) = api.asked
    assert form == {"grant_type": "client_credentials", "scope": "read"}
    assert authorization.startswith("Basic ")


def test_a_refresh_token_gets_a_token(serve, gathered):
    api = Api()
    assert len(ids(gathered(readings(serve(api), client_secret=None, refresh_token="again")))) == 4
    ((form, authorization),) = api.asked
    assert form == {"grant_type": "refresh_token", "refresh_token": "again", "client_id": "me"}
    assert authorization is None


def test_a_refresh_token_that_is_good_for_one_use_is_kept_for_the_next_collection(serve, gathered, tmp_path):
    api, file = Api(uses=2, rotates=True), tmp_path / "secrets" / "api.token"
    declared = {"client_secret": None, "refresh_token": "first", "refresh_token_file": str(file)}
    url = serve(api)
    assert len(ids(gathered(readings(url, **declared)))) == 4
    assert (file.read_text().strip(), file.stat().st_mode & 0o777) == ("refresh-2", 0o600)
    gathered(readings(url, **declared))  # the declared one is used up
    assert file.read_text().strip() == api.refresh == f"refresh-{api.number}"
    file.write_text("stolen")
    with pytest.raises(CollectError, match="is not valid any more: get a new one, and write it into"):
        gathered(readings(url, **declared))
    file.write_text("")
    with pytest.raises(CollectError, match="there is no refresh token in"):
        gathered(readings(url, **declared))
    with pytest.raises(CollectError, match="where each is good for one use, declare refresh_token_file"):
        gathered(readings(url, client_secret=None, refresh_token="first"))


def test_a_token_that_expires_while_pages_are_read_is_renewed(serve, gathered):
    api = Api(uses=2)
    assert ids(gathered(readings(serve(api)))) == ["0", "1", "2", "3"]
    assert api.number == 2


def test_a_busy_token_address_is_asked_again(serve, gathered):
    assert len(ids(gathered(readings(serve(Api(token_status=[503, 429])))))) == 4


def test_a_refused_client_is_told_without_its_secret(serve, gathered, lake):
    with pytest.raises(CollectError, match="gives no access token") as told:
        gathered(readings(serve(Api(token_status=[401]))))
    assert told.value.cause == "status 401, invalid_client"
    assert SECRET not in str(told.value)


def test_a_token_that_is_never_accepted_is_told(serve, gathered):
    with pytest.raises(CollectError, match="answers with status 401"):
        gathered(readings(serve(Api(uses=0))))


def test_nothing_of_the_secret_or_the_token_is_kept(serve, gathered, lake):
    gathered(readings(serve(Api())))
    kept = b"".join(file.read_bytes() for file in lake.root.rglob("*") if file.is_file())
    assert b"token-1" not in kept
    assert SECRET.encode() not in kept


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ({"client_secret": None}, "one of five forms"),
        ({"refresh_token_file": "tokens/api"}, "outside of the project"),
        ({"token_url": "http://tokens.example.org/t"}, "write https://"),
    ],
)
def test_an_incomplete_or_open_declaration_is_refused(auth, says):
    with pytest.raises(ValidationError, match=says):
        readings("http://127.0.0.1:1", **auth)


@pytest.mark.parametrize("key", ["client_secret", "refresh_token"])
def test_a_secret_that_is_written_as_text_is_refused(tmp_path, key):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: tokens\n")
    (tmp_path / "datasets" / "d.yaml").write_text(
        "source: s\ncollect:\n  from: rest\n  url: https://api.example.org/d\n"
        f'  auth: {{token_url: "https://login.example.org/t", client_id: me, {key}: plain}}\ncolumns: {{id: int}}\n'
    )
    with pytest.raises(DeclarationError, match=f"collect.auth.{key} is not a reference to an environment variable"):
        load_project(tmp_path, environ={})
