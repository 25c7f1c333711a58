"""Short forms of rules about consecutive rows, against the same computed row by row."""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from detection_truth import stored
from vertebra.declare.standalone_rules import compile_rules, standalone_rules
from vertebra.engine import Engine
from vertebra.errors import VertebraError
from vertebra.trusted.detect import detect

COLUMNS = {"device": "string", "at": "timestamp", "day": "date", "counter": "double", "whole": "int",
           "exact": "decimal(12,3)", "until": "timestamp", "status": "string"}  # fmt: skip
SCHEMA = pa.schema(
    [("_rid", pa.int64()), ("device", pa.string()), ("at", pa.timestamp("us", tz="UTC")), ("day", pa.date32()),
     ("counter", pa.float64()), ("whole", pa.int32()), ("exact", pa.decimal128(12, 3)),
     ("until", pa.timestamp("us", tz="UTC")), ("status", pa.string())]
)  # fmt: skip
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def made(seed: int, rows: int = 300) -> pa.Table:
    """Counters of three devices that roll over at 100, with falls, jumps, NULLs, gaps and resets."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    for device in ("A", "B", "C"):
        value, at = 0, START
        for _ in range(rows // 3):
            at += dt.timedelta(minutes=chance.choice([30, 60, 60, 60, 90, 300]))
            value = (value + chance.choice([0, 1, 5, 10, 11, -7])) % 100
            seen = chance.choice([None, value, value, value, value])
            until = chance.choice([None, at + dt.timedelta(minutes=chance.choice([0, 30, 60, 100]))])
            found.append({
                "device": device, "at": at, "day": at.date(), "counter": None if seen is None else seen / 2,
                "whole": seen, "exact": seen, "until": until, "status": chance.choice([None, "new", "ok"]),
            })  # fmt: skip
    chance.shuffle(found)
    return pa.Table.from_pylist([{"_rid": i, **row} for i, row in enumerate(found)], schema=SCHEMA)


def pairs(data: pa.Table, declared: dict[str, Any], engine: Engine) -> dict[str, set[tuple[int, int | None]]]:
    """The violating pairs by rule; no two violating pairs here have their first tuple in common."""
    rules = compile_rules(standalone_rules({"r": declared}), {"m": COLUMNS}, "m")["m"]
    with tempfile.TemporaryDirectory() as folder:
        frame = stored(data, Path(folder) / "m.parquet", engine)
        detection = detect("m", {"m": frame}, rules, engine, Path(folder))
        found: dict[str, set[tuple[int, int | None]]] = {rule.name: set() for rule in rules}
        for row in detection.violations.collect():
            if row["role"] == "t":
                found[row["rule"]].add((row["rid"], row["partner"]))
    return found


def consecutive(data: pa.Table, column: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    rows = sorted(
        (row for row in data.to_pylist() if row[column] is not None), key=lambda row: (row["device"], row["at"])
    )
    return [(one, other) for one, other in pairwise(rows) if one["device"] == other["device"]]


@pytest.mark.parametrize("column", ["whole", "exact"])
def test_a_counter_rises_rolls_over_and_is_reset(engine: Engine, column: str) -> None:
    data = made(1)
    declared = {"rises": {"column": column, "by": "device", "order": "at", "modulo": 100, "at_most": "10 per hour",
                          "reset": "status = 'new'"}}  # fmt: skip
    found = pairs(data, declared, engine)
    falls, jumps = set(), set()
    for one, other in consecutive(data, column):
        most = 10 * (other["at"] - one["at"]) / dt.timedelta(hours=1)
        rise = float(other[column] - one[column])
        if other["status"] != "new" and (rise if rise >= 0 else rise + 100) > most:
            (jumps if rise >= 0 else falls).add((one["_rid"], other["_rid"]))
    assert falls
    assert jumps
    assert found == {"r": falls, "r_jumps": jumps, "r_range": set()}


def test_a_counter_without_modulo_and_its_range(engine: Engine) -> None:
    data = made(2)
    found = pairs(data, {"rises": {"column": "counter", "by": "device", "order": "at", "at_most": 4.5}}, engine)
    steps = [(one, other, other["counter"] - one["counter"]) for one, other in consecutive(data, "counter")]
    assert found == {
        "r": {(one["_rid"], other["_rid"]) for one, other, step in steps if step < 0},
        "r_jumps": {(one["_rid"], other["_rid"]) for one, other, step in steps if step > 4.5},
    }
    modulo = "case device when 'A' then 100 when 'B' then 50 end"
    declared = {"rises": {"column": "whole", "by": "device", "order": "at", "at_most": 20, "modulo": modulo}}
    ranges = pairs(data, declared, engine)["r_range"]
    # a device whose counter has no range is a violation, as its falls are not checked
    beyond = [row for row in data.to_pylist() if row["whole"] is not None]
    assert {rid for rid, _ in ranges} == {
        row["_rid"] for row in beyond if row["device"] == "C" or row["whole"] >= {"A": 100, "B": 50}[row["device"]]
    }


def test_gaps_of_timestamps_and_of_dates(engine: Engine) -> None:
    data = made(3)
    gaps = {(a["_rid"], b["_rid"]) for a, b in consecutive(data, "at") if b["at"] - a["at"] > dt.timedelta(hours=1)}
    assert pairs(data, {"gap": {"by": "device", "time": "at", "at_most": "1 hour"}}, engine) == {"r": gaps}
    days = sorted({row["day"] for row in data.to_pylist()})
    few = data.filter(pa.array([row["day"] not in days[2:4] for row in data.to_pylist()]))
    found = pairs(few, {"gap": {"time": "day", "at_most": "1 day"}}, engine)["r"]
    assert {rid for rid, _ in found} == {row["_rid"] for row in few.to_pylist() if row["day"] == days[1]}


def test_intervals_that_overlap_and_those_without_an_end(engine: Engine) -> None:
    data = made(4, 60)
    found = pairs(data, {"no_overlap": {"by": "device", "from": "at", "to": "until"}}, engine)["r"]
    rows = data.to_pylist()
    end = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
    expected = {
        one["_rid"]
        for one in rows
        for other in rows
        if one["_rid"] != other["_rid"] and one["device"] == other["device"]
        and one["at"] <= other["at"] < (one["until"] or end)
    }  # fmt: skip
    assert {rid for rid, _ in found} == expected


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"rises": {"column": "whole", "order": "at", "modulo": 100}}, "has `modulo` without `at_most`"),
        ({"rises": {"column": "whole", "order": "at", "at_most": "50 kWh"}}, "'50 kWh' is not a step"),
        ({"rises": {"column": "whole", "order": "device", "at_most": "5 per day"}}, "device is a string"),
        ({"rises": {"column": "hole", "order": "at"}}, "has no column hole"),
        ({"rises": {"column": "whole", "order": "at", "reset": "stat = 1"}}, "stat is neither a column nor a value"),
        ({"gap": {"time": "day", "at_most": "90 min"}}, "are no whole days"),
        ({"gap": {"time": "device", "at_most": "1 day"}}, "device is a string"),
        ({"no_overlap": {"from": "at", "to": "ends"}}, "has no column ends"),
    ],
)
def test_a_sequence_that_is_not_one_is_refused(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(VertebraError) as refused:
        compile_rules(standalone_rules({"r": declared}), {"m": COLUMNS}, "m")
    assert said in refused.value.fact
    assert refused.value.remedy
