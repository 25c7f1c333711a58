"""Resources of dlt as sources; what they remember is committed with the batch."""

from __future__ import annotations

import sys

import pytest

from landing.readings import records, source
from vertebra.errors import CollectError

pytest.importorskip("dlt")

CODE = """
from datetime import datetime, UTC
from decimal import Decimal

import dlt
import pyarrow as pa

ROWS = [{"id": n, "at": f"2024-01-{n:02d}"} for n in range(1, 4)]

@dlt.resource
def issues(updated=dlt.sources.incremental("at", initial_value="2024-01-01")):
    yield from [row for row in ROWS if row["at"] >= updated.last_value]

@dlt.resource
def prices(currency="EUR"):
    yield [{"p": Decimal("1.10"), "c": currency, "when": datetime(2024, 1, 1, tzinfo=UTC), "tags": ["a"]}]
    yield pa.table({"p": [2], "c": ["é"]})

@dlt.source
def shop():
    return prices, issues

@dlt.resource
def nothing():
    yield from []

def broken():
    yield {"a": 1}
    raise ValueError("no answer from https://host/x?token=hunter22")

def texts():
    yield "a"
"""


@pytest.fixture(autouse=True)
def code(project):
    (project / "shop_source.py").write_text(CODE)
    yield
    sys.modules.pop("shop_source", None)


def dlt(name, load="snapshot", **arguments):
    return source({"from": "dlt", "resource": f"shop_source:{name}", "arguments": arguments}, load)


def test_records_lists_and_tables_are_landed(gathered):
    (batch,) = gathered(dlt("prices", currency="USD")).new
    assert records(batch) == [
        {"p": "1.10", "c": "USD", "when": "2024-01-01T00:00:00+00:00", "tags": '["a"]'},
        {"p": "2", "c": "é", "when": None, "tags": None},
    ]
    assert (batch.receipt.url, batch.receipt.collector) == ("dlt:shop_source:prices", "dlt/1")
    assert gathered(dlt("prices", currency="USD")).unchanged == 1


def test_a_resource_of_a_source_is_named_behind_it(gathered):
    assert gathered(dlt("shop.prices")).new[0].receipt.records == 2
    with pytest.raises(CollectError, match="has the resources prices, issues; none of them is orders"):
        gathered(dlt("shop.orders"))


def test_an_incremental_resource_goes_on_where_it_was(gathered):
    dataset = dlt("issues", "append")
    first = gathered(dataset).new[0]
    assert gathered(dataset).unchanged == 1
    sys.modules["shop_source"].ROWS.append({"id": 4, "at": "2024-01-03"})
    (second,) = gathered(dataset).new
    assert [row["id"] for row in records(first) + records(second)] == ["1", "2", "3", "4"]


def test_code_that_fails_lands_nothing_and_tells_no_token(gathered):
    with pytest.raises(CollectError, match=r"shop_source:broken failed") as told:
        gathered(dlt("broken"))
    assert told.value.cause == "ValueError: no answer from https://host/x?…"


@pytest.mark.parametrize(
    ("resource", "says"),
    [("none:x", "there is no module none"), ("shop_source:none", "has no none"), ("shop_source:texts", "yields str")],
)
def test_what_is_no_resource_is_told(gathered, resource, says):
    with pytest.raises(CollectError, match=says):
        gathered(source({"from": "dlt", "resource": resource}, "snapshot"))


def test_without_the_library_the_extra_is_named(gathered, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlt.common", None)
    with pytest.raises(CollectError) as told:
        gathered(dlt("prices"))
    assert told.value.remedy == "pip install 'vertebra[dlt]'"


def test_a_resource_without_records_is_refused_unless_that_is_declared_right(gathered):
    with pytest.raises(CollectError, match="is empty"):
        gathered(dlt("nothing"))
    declared = source({"from": "dlt", "resource": "shop_source:nothing", "empty": "accept"}, "snapshot")
    (batch,) = gathered(declared).new
    assert (batch.receipt.records, records(batch)) == (0, [])
