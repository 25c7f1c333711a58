"""A small project that shows much of what each step does: its tables are recorded by :mod:`tests.pipeline.step_outputs`.

The payloads have every format, with the odd cells that each parser and cast has to deal with. Add to it freely: new
input is recorded anew, and only other results for the same input need another version.
"""

from __future__ import annotations

import io
import json
import random
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

READINGS = """\
station;day;at;speed;level;open;note
BCN;31/03/2024;2024-03-31 02:30:00;10;1.234,5;sí;caf\u00e9
BCN;01/02/2024;2024-10-27 02:30:00;0;-7;no;" x "
GRO;30/02/2024;2024-07-01 12:00:00;fast;12,25;sí;n/a
LLE;05/06/2024;;3.5;n/a;maybe;
LLE;06/06/2024;2024-01-01T00:00:00Z;7;0,1
"""

EVENTS = [
    {"id": 1, "who": {"name": "Ada", "tags": ["a", "b"]}, "value": 1.50, "ok": True},
    {"id": 2, "who": None, "value": 1e3, "ok": False, "extra": "late"},
    {"id": 9007199254740993, "value": "12", "ok": "yes"},
]

METERS = {
    "meter-660_1.txt": """\
firmware 1.4
day,clock,y,m,energy_GJ,v,u,flow
2024-10-27,01:00,2024,10,0.36,1,m3,10 l/h
2024-10-27,02:00,2024,10,0.72,2000,l,1 m3/h
2024-10-27,02:00,2024,13,x,3,kg,1 parsec
2024-10-27,24:00,,1,,4,,5
""",
    "meter-661_1.txt": """\
firmware 3
u,v,energie_kWh,flow,m,y,time,day
m3,1,100,10 l/h,1,2024,01:00,2024-10-27
m3,2,200,,2,2024,24:01,2024-10-27
""",
}

MEMBERS = (
    {"result": {"records": [{"id": "m1", "plan": "free", "since": "2024-01-01"}, {"id": "m2", "plan": "pro"}]}},
    {"result": {"records": [{"id": "m2", "plan": "free", "since": "2024-05-05"}, {"id": None, "plan": "lost"}]}},
)

SALES = """\
id,shop,city,price,discount,code,day,sort
1,S1,Girona,10.5,0,AAA,2024-01-01,1
2,S1,Girona,3.0,1,AAB,2024-01-02,2
3,S1,Gerona,4.0,1,AAC,2024-01-03,3
4,S2,Lleida,-7.0,0,AAD,2024-01-04,4
5,S2,Lleida,8.0,9,aae,2024-01-05,5
6,S3,Reus,8.0,2,AAF,2024-01-06,7
6,S9,Reus,9.0,2,AAG,2024-01-07,6
8,S2,,9.0,12,AAH,2023-12-31,8
9,S1,Girona,0.0,3,AAI,2024-01-09,9
"""

SHOPS = pa.table(
    {"shop": ["S1", "S2", "S3"], "city": ["Girona", "Lleida", None], "area": pa.array([1.5, float("nan"), -0.0])}
)

RATES: dict[str, Any] = {
    "schema": {
        "name": "rate", "type": "record",
        "fields": [
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "rate", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4}]},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        ],
    },
    "days": 3,
}  # fmt: skip

DECLARATIONS = {
    "vertebra.yaml": "name: recorded\n",
    "datasets/readings.yaml": """\
        source: weather
        collect: {from: files, path: data/readings.csv}
        parse: {format: csv, encoding: iso-8859-1, null: ["n/a"], ragged: fill}
        columns:
          station: string
          day:   {type: date, format: dd/MM/yyyy}
          at:    {type: timestamp, zone: Europe/Madrid}
          speed: {type: double, convert: {from: mph, to: km/h}}
          level: {type: "decimal(9,2)", decimal: ",", thousands: "."}
          open:  {type: boolean, true_values: [sí], false_values: ["no"]}
          note:  string
        rules:
          slow: {range: {speed: [0, 15]}, on_violation: report}
        """,
    "datasets/events.yaml": """\
        source: app
        collect: {from: files, path: data/events.jsonl}
        parse: {format: jsonl}
        drift: evolve
        columns: {id: bigint, who: string, value: double, ok: boolean}
        """,
    "datasets/members.yaml": """\
        source: app
        collect: {from: files, path: "data/members-*.json"}
        parse: {format: json, records: result.records}
        load: upsert
        columns: {id: string, plan: string, since: date}
        key: [id]
        """,
    "datasets/shops.yaml": """\
        source: office
        collect: {from: files, path: data/shops.parquet}
        parse: {format: parquet}
        load: snapshot
        columns: {shop: string, city: string, area: double}
        key: [shop]
        """,
    "datasets/meters.yaml": """\
        source: loggers
        collect: {from: files, path: "data/meter-*.txt"}
        parse: {format: csv, skip: 1}
        load: upsert
        columns:
          device: {type: int, from: {file: "meter-(?<device>\\\\d+)_*.txt"}}
          firmware: {from: {preamble: "firmware (?<firmware>.+)"}}
          at: {type: timestamp, source: {date: day, time: [clock, time]}, zone: Europe/Madrid}
          month: {type: date, source: {year: y, month: m}}
          energy: {type: double, unit: kWh, unit_from: {energy_GJ: GJ, energie_kWh: kWh}}
          volume: {type: double, source: v, unit: m3, unit_from: u}
          flow: {type: double, unit: l/h, unit_from: cell}
        key: [device, at]
        """,
    "datasets/rates.yaml": """\
        source: bank
        collect: {from: files, path: data/rates.avro}
        parse: {format: avro}
        columns: {day: date, rate: "decimal(9,4)", at: timestamp}
        """,
    "datasets/sales.yaml": """\
        source: tills
        collect: {from: files, path: data/sales.csv}
        parse: {format: csv}
        updates: "1 day"
        columns:
          id:       {type: int, unique: true}
          shop:     {type: string, references: shops.shop, on_violation: quarantine}
          city:     {type: string, values: [Girona, Gerona, Lleida, Reus]}
          price:    double
          discount: {type: int, range: [0, 10]}
          code:     {type: string, matches: "[A-Z]{3}"}
          day:      {type: date, required: true}
          sort:     int
        rules:
          shop_city: {determines: "shop -> city", on_violation: repair}
          refund:    {deny: t.price < 0, on_violation: quarantine}
          too_cheap: {deny: "t.price < t.discount", on_violation: repair, set: {discount: "0"}}
          sorted:    {deny: t.day < s.day and t.sort > s.sort}
          big_shop:  {deny: {over: "sales t, shops s", where: "t.shop = s.shop and s.area > 1 and t.price > 9"}}
        """,
    "datasets/ours.yaml": """\
        source: maps
        collect: {from: files, path: data/ours.csv}
        parse: {format: csv}
        columns: {id: string, code: string, title: string, lat: double, lon: double}
        key: [id]
        """,
    "datasets/theirs.yaml": """\
        source: maps
        collect: {from: files, path: data/theirs.csv}
        parse: {format: csv}
        columns: {id: string, code: string, title: string, lat: double, lon: double}
        key: [id]
        """,
    "reconcile/places.yaml": """\
        method: entity_resolution
        left: {table: ours, key: id}
        right: {table: theirs, key: id}
        block: [code, title, position]
        compare:
          code: {as: exact, left: code, right: code}
          title: {as: name, left: title, right: title}
          position: {as: distance, left: [lat, lon], right: [lat, lon], must_agree: true}
        golden_key: code
        golden: {code: [ours.code, theirs.code], title: [theirs.title, ours.title], lat: [theirs.lat, ours.lat]}
        """,
    "reconcile/cities.yaml": """\
        method: lookup
        table: sales
        column: city
        values: {Girona: [Gerona], Reus: [Reus city]}
        """,
    "views/by_city.sql": """\
        SELECT coalesce(c.canonical, s.city) AS city, s.shop, count(*) AS sales, sum(s.price) AS total,
               avg(s.discount) AS discount, max(s.day) AS last_day
        FROM trusted.sales s LEFT JOIN exploitation.cities_crosswalk c ON c.raw = s.city
        GROUP BY 1, 2
        """,
    "views/priced.py": """\
        import vertebra


        @vertebra.view("trusted.sales", "trusted.shops")
        def priced(sales, shops):
            return sales.join(shops.select("shop", "area"), "shop", "left").withColumnRenamed("_rid", "row_number")
        """,
}

WORDS = ("alder", "birch", "cedar", "maple", "river", "lake", "stone", "hill", "mill", "harbor", "falcon", "otter")


def make(folder: Path) -> Path:
    """Write the project into a folder."""
    for name, text in DECLARATIONS.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
    for name, payload in payloads().items():
        file = folder / "data" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(payload)
    return folder


def payloads() -> dict[str, bytes]:
    """The files that are collected, by name."""
    members = {f"members-{n}.json": json.dumps(one).encode() for n, one in enumerate(MEMBERS, 1)}
    events = "".join(json.dumps(one) + "\n" for one in EVENTS)
    ours = places()
    return members | {
        "readings.csv": READINGS.encode("iso-8859-1"),
        "events.jsonl": events.encode(),
        "sales.csv": SALES.encode(),
        "shops.parquet": _parquet(),
        **{name: text.encode() for name, text in METERS.items()},
        "rates.avro": _avro(),
        "ours.csv": _csv(ours),
        "theirs.csv": _csv(copied(ours)),
    }


def described() -> dict[str, Any]:
    """What the payloads of each dataset say, whatever the bytes that a library makes of it."""
    text = {"readings": READINGS, "events": EVENTS, "meters": METERS, "members": MEMBERS, "sales": SALES}
    made = {"shops": SHOPS.to_pylist(), "rates": RATES, "ours": places(), "theirs": copied(places())}
    return text | made


def places(size: int = 120) -> list[dict[str, Any]]:
    """Distinct places with a code, a title and a position."""
    chance = random.Random(1)
    return [
        {
            "id": f"p{n:03}", "code": f"C{n:03}", "title": f"{' '.join(chance.sample(WORDS, 3))} {n}",
            "lat": round(chance.uniform(25, 48), 5), "lon": round(chance.uniform(-120, -70), 5),
        }
        for n in range(size)
    ]  # fmt: skip


def copied(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same places as others wrote them down, and some that only they know."""
    chance = random.Random(2)
    return [
        {
            "id": f"q{n:03}", "code": row["code"] if n % 5 else "", "title": row["title"].upper().replace(" ", "-"),
            "lat": round(row["lat"] + chance.gauss(0, 0.001), 5), "lon": row["lon"] if n % 7 else row["lon"] + 9,
        }
        for n, row in enumerate(rows[10:])
    ]  # fmt: skip


def _csv(rows: list[dict[str, Any]]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(SHOPS, out)
    return out.getvalue()


def _avro() -> bytes:
    from decimal import Decimal

    out = io.BytesIO()
    rows = [
        {
            "day": datetime(2024, 1, day, tzinfo=UTC).date(), "rate": None if day == 2 else Decimal(day) / 8,
            "at": datetime(2024, 1, day, 12, 30, 0, day, tzinfo=UTC),
        }
        for day in range(1, RATES["days"] + 1)
    ]  # fmt: skip
    fastavro.writer(out, RATES["schema"], rows)
    return out.getvalue()
