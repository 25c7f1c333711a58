"""Serves bodies on 127.0.0.1 as a CKAN portal and Open-Meteo answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from standin.bodies import Bodies, weather

CAP = 32_000
"""Records that the datastore gives at once, whatever is asked."""

MODIFIED = "2024-01-02T03:04:05.000000"
_NOT_FOUND = {"success": False, "error": {"message": "Not found: Resource was not found.", "__type": "Not Found Error"}}


@contextmanager
def serving(bodies: Bodies) -> Iterator[str]:
    """Serve bodies, and give the address of the host."""

    class Handler(_Answers):
        have = bodies

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    have: Bodies

    def do_GET(self) -> None:
        """Answer a request."""
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        action = address.path.removeprefix("/data/api/3/action/")
        if address.path == "/v1/archive":
            return self._weather(asked)
        if action == "package_show":
            return self._package(asked.get("id", ""))
        if action == "datastore_search":
            return self._search(asked)
        if action == "resource_show":
            known = self._records(asked.get("id", "")) is not None
            result = {"success": True, "result": {"id": asked.get("id"), "last_modified": MODIFIED}}
            return self._json(result if known else _NOT_FOUND, 200 if known else 404)
        *_, package, name = unquote(address.path).split("/")
        body = self.have.files.get(package, {}).get(name)
        return (
            self._send(200, body, "text/csv")
            if body is not None
            else self._send(404, b"<html>gone</html>", "text/html")
        )

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def _weather(self, asked: dict[str, str]) -> None:
        if "latitude" not in asked or "start_date" not in asked:
            return self._json({"error": True, "reason": "Parameter 'latitude' is missing"}, 400)
        body = weather(date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"]))
        return self._send(200, body, "text/csv; charset=utf-8")

    def _package(self, package: str) -> None:
        host = f"http://{self.headers['Host']}/data/dataset/download"
        listed = [
            {"id": f"{package}:{name}", "name": name, "format": "CSV", "url": f"{host}/{package}/{quote(name)}",
             "datastore_active": name in self.have.records.get(package, {}), "last_modified": MODIFIED}
            for name in (*self.have.files.get(package, {}), *self.have.records.get(package, {}))
        ]  # fmt: skip
        known = {"success": True, "result": {"name": package, "resources": listed}}
        return self._json(known if listed else _NOT_FOUND, 200 if listed else 404)

    def _records(self, resource: str) -> list[dict[str, Any]] | None:
        package, _, name = resource.partition(":")
        return self.have.records.get(package, {}).get(name)

    def _search(self, asked: dict[str, str]) -> None:
        rows = self._records(asked.get("resource_id", ""))
        if rows is None:
            return self._json(_NOT_FOUND, 404)
        offset, limit = int(asked.get("offset", 0)), min(int(asked.get("limit", 100)), CAP)
        result = {"records": rows[offset : offset + limit], "total": len(rows), "limit": limit}
        return self._json({"help": "", "success": True, "result": result})

    def _json(self, body: Any, status: int = 200) -> None:
        self._send(status, json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
