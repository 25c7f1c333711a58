"""For any text: what is accepted equals an independent reading of it, and what is not is in the ledger as it came."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.blanks import BLANKS
from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.formatted.format import format_dataset
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake

ZONE = "Europe/Madrid"
COLUMNS = {
    "i": "int",
    "f": "double",
    "d": "decimal(7,3)",
    "b": "boolean",
    "day": "date",
    "at": "timestamp",
    "here": {"type": "timestamp", "zone": ZONE},
    "s": "string",
}
REFUSED = object()


def whole(text: str) -> Any:
    if not re.fullmatch(r"[+-]?[0-9]+(\.0*)?", text):
        return REFUSED
    value = int(text.partition(".")[0])
    return value if -(2**31) <= value < 2**31 else REFUSED


def floating(text: str) -> Any:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return REFUSED
    value = float(text)
    if (
        re.fullmatch(r"[+-]?[0-9]+(\.0*)?", text)
        and value != float("inf")
        and int(value) != int(text.partition(".")[0])
    ):
        return REFUSED
    return value if abs(value) != float("inf") else REFUSED


def exact(text: str) -> Any:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        return REFUSED
    try:
        value = Decimal(text)
        return value if value == round(value, 3) and abs(value) < 10**4 else REFUSED
    except InvalidOperation:
        return REFUSED


def truth(text: str) -> Any:
    words = {"true": True, "t": True, "yes": True, "y": True, "1": True}
    words |= {"false": False, "f": False, "no": False, "n": False, "0": False}
    return words.get(text.lower(), REFUSED)


def day(text: str) -> Any:
    found = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]00:00(:00(\.0{1,9})?)?)?", text)
    try:
        return date.fromisoformat(found[1]) if found else REFUSED
    except ValueError:
        return REFUSED


def moment(text: str, zone: str = "UTC") -> Any:
    found = re.fullmatch(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,9})? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?",
        text,
    )
    if not found or (found[5] and not found[4]) or (not found[6] and text.endswith(" ")):
        return REFUSED
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[3] or '00:00'}{found[4] or ':00'}")
        if found[5] and found[5][7:].strip("0"):
            return REFUSED
        local += timedelta(microseconds=int((found[5] or ".0")[1:7].ljust(6, "0")))
        if found[6]:
            sign, digits = found[6][0], found[6][1:].replace(":", "").ljust(4, "0")
            if found[6] == "Z":
                sign, digits = "+", "0000"
            minutes = int(digits[:2]) * 60 + int(digits[2:])
            if minutes > 18 * 60 or int(digits[2:]) > 59:
                return REFUSED
            moved = local - timedelta(minutes=minutes if sign == "+" else -minutes)
            return moved.replace(tzinfo=UTC)
        there = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
        exists = there.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
        later = local.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
        # without a key, nothing says which of two hours it is
        return there if exists and later == there else REFUSED
    except (ValueError, OverflowError):
        return REFUSED


ORACLES: dict[str, Callable[[str], Any]] = {
    "i": whole,
    "f": floating,
    "d": exact,
    "b": truth,
    "day": day,
    "at": moment,
    "here": lambda text: moment(text, ZONE),
    "s": lambda text: text,
}

numbers = st.one_of(
    st.integers(-(2**40), 2**40).map(str),
    st.floats().map(repr),
    st.decimals(-(10**5), 10**5, places=4).map(str),
    st.from_regex(r"[+-]?[0-9]{0,6}[.,]?[0-9]{0,5}([eE][+-]?[0-9]{1,4})?", fullmatch=True),
)
times = st.one_of(
    st.datetimes().map(lambda value: value.isoformat(sep=" ")),
    st.dates().map(str),
    st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?)?", fullmatch=True),
    st.from_regex(
        r"20[0-9]{2}-[01][0-9]-[0-2][0-9][T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9])? ?(Z|[+-][01][0-9](:?[0-6][0-9])?)",
        fullmatch=True,
    ),
    # around the hours that clocks skip and repeat
    st.integers(0, 5 * 12).map(lambda n: (datetime(2013, 3, 31) + timedelta(minutes=5 * n)).isoformat()),
    st.integers(0, 5 * 12).map(lambda n: (datetime(2013, 10, 27) + timedelta(minutes=5 * n)).isoformat()),
)  # fmt: skip
words = st.sampled_from(
    ["", " ", "NA", "true", "FALSE", "Yes", "n", "inf", "NaN", "null", "-", "+", ".", "0x1F", "1_000"]
)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
bare = st.one_of(numbers, times, words, anything)
spaced = st.tuples(st.sampled_from(["", " ", "\t", "\u00a0"]), bare, st.sampled_from(["", " ", "\r\n"])).map("".join)
texts = st.one_of(st.none(), bare, spaced)


@pytest.fixture(scope="module")
def tried() -> list[int]:
    return [0]


@settings(
    max_examples=examples(fast=3, thorough=8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)  # fmt: skip
@given(st.lists(texts, min_size=1, max_size=250))
def test_accepted_refused_and_null_cells_are_all_cells(
    engine: Engine, context: Callable, declared: Callable, tmp_path: Path, tried: list[int], cells: list[str | None]
) -> None:
    from formatted.conftest import land_table

    tried[0] += 1
    lake = Lake(tmp_path / f"lake-{tried[0]}")
    table = pa.table({"_record": pa.array(range(len(cells)), pa.int64())} | {"text": pa.array(cells, pa.string())})
    land_table(lake.landing, "test", "cells", 1, table)
    columns = {name: {"source": "text"} | (c if isinstance(c, dict) else {"type": c}) for name, c in COLUMNS.items()}
    dataset: Dataset = declared(columns)
    step = context("formatted.cells", engine=engine)
    ctx = type(step)(**{**step.__dict__, "lake": lake, "ledgers": Ledgers(lake)})
    format_dataset(dataset, ctx)

    rows = lake.table("formatted.cells").arrow().to_table().sort_by("_rid").to_pylist()
    ledger = {(cell["record"], cell["column_name"]): cell["raw"] for cell in ctx.ledgers.read("rejects").to_pylist()}
    assert len(rows) == len(cells)
    wrong = []
    for record, text in enumerate(cells):
        content = text.strip(BLANKS) if text is not None else ""
        for name, oracle in ORACLES.items():
            if name == "s":
                expected = None if text == "NA" else text
            else:
                expected = None if content in ("", "NA") else oracle(content)
            value, raw = rows[record][name], ledger.pop((record, name), None)
            right = (raw == text and value is None) if expected is REFUSED else (raw is None and value == expected)
            if not right:
                wrong.append((name, text, value, raw, expected))
    assert not wrong
    assert not ledger
