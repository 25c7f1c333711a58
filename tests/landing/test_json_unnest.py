"""``records: orders[*].items``: a record for each element of inner arrays, with values of the records around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
from landing.readings import records, source
from landing.test_lossless_round_trip import through
from pipeline.tiny import open_tiny
from vertebra.errors import CollectError, DeclarationError
from vertebra.landing.parsing.json_unnest import RecordsPath

ORDERS = """{"made": 1, "orders": [
 {"id": 1e2, "customer": {"name": "Ana"}, "items": [{"sku": "a", "n": 1.50}, {"sku": "b", "n": 2}]},
 {"id": 7, "customer": {"name": "Bo"}, "items": []},
 {"id": 8, "items": [{"sku": "c", "size": {"w": 1.0}}]},
 {"id": 9}, {"id": 10, "items": null}
]}"""


def collected_as(collected: Any, project: Path, text: str, path: str, **columns: str) -> list[dict[str, Any]]:
    (project / "orders.json").write_text(text)
    declared = source(
        {"from": "files", "path": "orders.json"},
        parse={"format": "json", "records": path},
        columns={name: {"type": "string", "source": of} for name, of in columns.items()},
    )
    (batch,) = collected(declared).new
    return records(batch)


def test_items_of_orders_have_the_values_of_their_order_as_written(collected: Any, project: Path) -> None:
    rows = collected_as(collected, project, ORDERS, "orders[*].items", sku="sku", order="^.id", who="^.customer.name")
    assert rows == [
        {"sku": "a", "n": "1.50", "size": None, "^.customer.name": "Ana", "^.id": "1e2"},
        {"sku": "b", "n": "2", "size": None, "^.customer.name": "Ana", "^.id": "1e2"},
        {"sku": "c", "n": None, "size": '{"w":1.0}', "^.customer.name": None, "^.id": "8"},
    ]


def test_arrays_at_the_root_and_in_several_levels(collected: Any, project: Path) -> None:
    text = '[{"shop": 1, "days": {"open": [{"d": "mo", "hours": [{"h": 8}, {"h": 9}]}, {"d": "tu", "hours": [{"h": 10}]}]}}]'
    rows = collected_as(collected, project, text, "[*].days.open[*].hours", hour="h", day="^.d", shop="^.^.shop")
    assert rows == [
        {"h": "8", "^.^.shop": "1", "^.d": "mo"}, {"h": "9", "^.^.shop": "1", "^.d": "mo"}, {"h": "10", "^.^.shop": "1", "^.d": "tu"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ('[{"items": {"a": 1}}, {"items": []}]', "[*].items", "1 record in which items is not an array"),
        ('[{"items": [1, 2]}]', "[*].items", "2 records that are not JSON objects"),
        ('{"orders": [{"items": []}]}', "orders[*].items", "has no records"),
        ('{"orders": 1}', "orders[*].items", "has no array of records at orders"),
    ],
)
def test_what_is_no_array_of_records_is_refused(collected: Any, project: Path, text: str, path: str, says: str) -> None:
    with pytest.raises(CollectError, match=says):
        collected_as(collected, project, text, path)


@pytest.mark.parametrize("path", ["orders[*]items", "orders[*]..items", ".items", "a..b"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path to records; write keys joined by dots"):
        RecordsPath.parse(path)
    assert RecordsPath.parse("orders[*]") == RecordsPath.parse("orders")


NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@settings(deadline=None, max_examples=examples(fast=8, thorough=100))
@given(orders=st.lists(st.lists(st.tuples(NUMBER, st.text(max_size=4)), max_size=3), min_size=1, max_size=5))
def test_every_item_is_given_back_in_order(orders: list[list[tuple[str, str]]]) -> None:
    text = ",".join(
        '{"items":[' + ",".join(f'{{"n":{n},"t":{json.dumps(t)}}}' for n, t in items) + "]}" for items in orders
    )
    expected = [[n, t] for items in orders for n, t in items]
    if expected:
        _, found = through(f'{{"o":[{text}]}}'.encode(), format="json", records="o[*].items")
        assert found == expected


def test_the_table_has_the_key_of_the_parent_and_a_wrong_path_is_answered(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: shop\n")
    (tmp_path / "orders.json").write_text(ORDERS.replace("1e2", "100"))
    declaration = (
        "source: shop\ncollect: {from: files, path: orders.json}\nparse: {format: json, records: 'orders[*].items'}\n"
        "columns: {order_id: {type: int, source: ^.id}, sku: string, n: double}\nkey: [order_id, sku]\n"
    )
    (tmp_path / "datasets" / "items.yaml").write_text(declaration)
    with open_tiny(tmp_path) as project:
        report = project.run()
        assert report.ok, [result.error for result in report.results]
        table = project.sql("select order_id, sku, n from trusted.items order by sku").arrow().to_pylist()
    assert [(row["order_id"], row["sku"], row["n"]) for row in table] == [
        (100, "a", 1.5),
        (100, "b", 2.0),
        (8, "c", None),
    ]
    (tmp_path / "datasets" / "items.yaml").write_text(declaration.replace("^.id", "^.Id"))
    with open_tiny(tmp_path) as project:
        failed = [result.error for result in project.run().results if result.error]
    assert "^.id" in failed[0]
    (tmp_path / "datasets" / "items.yaml").write_text(declaration.replace("[*].items", "[*]items"))
    with pytest.raises(DeclarationError, match=r"items\.yaml:3:.*is not a path to records"):
        open_tiny(tmp_path)
