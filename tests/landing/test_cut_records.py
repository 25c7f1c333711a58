"""Cutting records out of payloads: what is left parses to exactly the other records."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
from landing.workbooks import Raw, workbook
from vertebra.declare.parse import FORMATS
from vertebra.durable import sha256_of
from vertebra.errors import CollectError
from vertebra.landing.erasure.cut_payload import cut_payload
from vertebra.landing.parsing.records import ReadContext
from vertebra.landing.records import write_parsed

Rows = list[list[str]]

CELLS = st.text(st.sampled_from('ab1 "\n\r,;é#\\\t'), max_size=5)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8)


def cut_and_parsed(
    folder: Path, name: str, content: bytes, parse: dict[str, Any], dropped: list[int]
) -> tuple[list[Any], list[Any]]:
    """The records that should be left, and those that are, each with its ordinal."""
    options = FORMATS[parse["format"]].declaration(**parse)
    folder.mkdir(parents=True, exist_ok=True)
    payload, cut = folder / name, folder / f"cut-{name}"
    payload.write_bytes(content)

    def parsed(file: Path, gaps: list[int]) -> list[Any]:
        context = ReadContext(options, folder / "scratch", sha256_of(file), empty=True)
        write_parsed(file, name, "*", context, folder / "records.parquet", gaps=gaps)
        return pq.read_table(folder / "records.parquet").to_pylist()

    whole = parsed(payload, [])
    cut_payload(payload, name, "*", ReadContext(options, folder / "scratch", "", empty=True), dropped, cut)
    return [row for row in whole if row["_record"] not in dropped], parsed(cut, dropped)


def some_of(rows: Rows) -> st.SearchStrategy[list[int]]:
    """Places of some rows, but not of all."""
    return st.lists(st.integers(0, len(rows) - 1), max_size=len(rows) - 1, unique=True).map(sorted)


@settings(max_examples=examples(fast=30, thorough=200), deadline=None)
@given(st.data())
def test_csv_without_some_records(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    rows = data.draw(ROWS)
    header = data.draw(st.booleans())
    delimiter, end = data.draw(st.sampled_from(",;")), data.draw(st.sampled_from(["\n", "\r\n"]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "windows-1252", "utf-16"]))
    skip = data.draw(st.integers(0, 2))
    text = io.StringIO()
    text.write(f"about 17,{end}" * skip)
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator=end)
    if header:
        writer.writerow(["p", "q", "r"])
    for number, row in enumerate(rows):
        if number or header:
            text.write(data.draw(st.sampled_from(["", f"# a remark{end}", end])))
        writer.writerow(row)
    parse = {"format": "csv", "delimiter": delimiter, "skip": skip, "comment": "#", "header": header}
    if encoding == "windows-1252":
        parse["encoding"] = encoding  # a guess from a few letters is refused
    dropped = data.draw(some_of(rows))
    content = text.getvalue().encode(encoding)
    wanted, found = cut_and_parsed(tmp_path_factory.mktemp("csv"), "a.csv", content, parse, dropped)
    assert len(wanted) == len(rows) - len(dropped)
    assert found == wanted


def as_json(rows: Rows) -> bytes:
    return json.dumps([dict(zip("pqr", row, strict=True)) for row in rows], indent=1).encode()


def as_documents(rows: Rows) -> bytes:
    return " ".join(json.dumps(dict(zip("pqr", row, strict=True))) for row in rows).encode()


def as_lines(rows: Rows) -> bytes:
    return "\n\n".join(json.dumps(dict(zip("pqr", row, strict=True))) for row in rows).encode()


def as_nested(rows: Rows) -> bytes:
    return b'{"n": [1, {"d": 2}], "r": {"x": "]", "d": ' + as_json(rows) + b'}, "z": null}'


def as_items(rows: Rows) -> bytes:
    """Orders of two items, each in its own parcel, between orders without items."""
    records = [dict(zip("pqr", row, strict=True)) for row in rows]
    orders = [
        {"id": at, "parcels": [{"no": no, "of": {"items": [one]}} for no, one in enumerate(records[at : at + 2])]}
        for at in range(0, len(records), 2)
    ]
    text = ", ".join([json.dumps(order, indent=1) + ', {"parcels": [{}, {"of": {"items": null}}]}' for order in orders])
    return b'{"made": [{"p": 1}], "orders": [{"id": "]", "parcels": []}, ' + text.encode() + b"]}"


def as_parquet(rows: Rows) -> bytes:
    sink = io.BytesIO()
    table = pa.table({name: list(column) for name, column in zip("pqr", zip(*rows, strict=True), strict=True)})
    pq.write_table(table, sink, row_group_size=3, compression="gzip")
    return sink.getvalue()


def as_avro(rows: Rows) -> bytes:
    sink = io.BytesIO()
    fields = [{"name": name, "type": ["null", "string"]} for name in "pqr"]
    schema = {"type": "record", "name": "row", "fields": fields}
    fastavro.writer(sink, schema, [dict(zip("pqr", row, strict=True)) for row in rows], codec="deflate")
    return sink.getvalue()


def as_members(rows: Rows) -> bytes:
    """A zip archive whose members are not in the order in which they are read."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, part in (("b.csv", rows[1:]), ("a.csv", rows[:1])):
            text = io.StringIO()
            csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["p", "q", "r"], *part])
            archive.writestr(name, text.getvalue())
    return sink.getvalue()


def as_workbook(rows: Rows) -> bytes:
    return workbook({"data": [["p", "q", "r"], [None], *([f"{cell}." for cell in row] for row in rows)], "empty": []})


def as_packed(rows: Rows) -> bytes:
    return gzip.compress(as_lines(rows))


KINDS: list[tuple[str, dict[str, Any], Callable[[Rows], bytes]]] = [
    ("a.json", {"format": "json"}, as_json),
    ("a.json", {"format": "json"}, as_documents),
    ("a.json", {"format": "json", "records": "r.d"}, as_nested),
    ("a.json", {"format": "json", "records": "orders[*].parcels[*].of.items"}, as_items),
    ("a.jsonl", {"format": "jsonl"}, as_lines),
    ("a.jsonl.gz", {"format": "jsonl"}, as_packed),
    ("a.zip", {"format": "csv", "delimiter": ","}, as_members),
    ("a.xlsx", {"format": "xlsx", "sheet": "data"}, as_workbook),
    ("a.parquet", {"format": "parquet"}, as_parquet),
    ("a.avro", {"format": "avro"}, as_avro),
]


@pytest.mark.parametrize(("name", "parse", "written"), KINDS, ids=lambda value: getattr(value, "__name__", None))
@settings(max_examples=examples(fast=3, thorough=20), deadline=None)
@given(data=st.data())
def test_payloads_without_some_records(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    parse: dict[str, Any],
    written: Callable[[Rows], bytes],
    data: st.DataObject,
) -> None:
    rows = data.draw(ROWS.filter(lambda rows: len(rows) > 1))
    dropped = data.draw(some_of(rows))
    wanted, found = cut_and_parsed(tmp_path_factory.mktemp("cut"), name, written(rows), parse, dropped)
    assert len(wanted) == len(rows) - len(dropped)
    assert found == wanted


def test_all_other_bytes_of_text_stay(tmp_path: Path) -> None:
    text = b'id;n\r\n# "of Ann"\r\n1;"a;\r\n""b"\r\n\r\n2; b \n3;c'
    payload, cut = tmp_path / "a.csv", tmp_path / "b.csv"
    payload.write_bytes(text)
    context = ReadContext(FORMATS["csv"].declaration(format="csv", comment="#"), tmp_path / "scratch", "")
    cut_payload(payload, "a.csv", "*", context, [1], cut)
    assert cut.read_bytes() == text.replace(b"2; b \n", b"")


def test_a_format_without_a_method_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vertebra.landing.formats.jsonl import JsonLinesFormat
    from vertebra.landing.parsing.format import Format

    monkeypatch.delattr(JsonLinesFormat, "cut")
    assert JsonLinesFormat.cut is Format.cut
    payload = tmp_path / "a.jsonl"
    payload.write_bytes(b'{"a": 1}\n')
    context = ReadContext(FORMATS["jsonl"].declaration(format="jsonl"), tmp_path / "scratch", "")
    with pytest.raises(CollectError, match=r"records cannot be cut out of a.jsonl(.|\n)*no method that writes it"):
        cut_payload(payload, "a.jsonl", "*", context, [0], tmp_path / "cut")


ORDERS = """{"orders": [
 {"id": 1, "who": {"name": "Ann"}, "items": [{"sku": "a", "n": 1.50}, {"sku": "b"}]},
 {"id": 2.0, "who": {"name": "Bo"}, "items": []},
 {"id": 3, "who": {"name": "Bo"}, "items": [{"sku": "a"}]}, {"id": 4, "who": {"name": "Ann"}}
]}"""


@pytest.mark.parametrize(
    ("key", "dropped", "left"),
    [
        # an order with the name of the key goes with its items, and so does one without items
        ({"^.who.name": "Bo"}, [2], (1, 4)),
        ({"^.who.name": "Ann"}, [0, 1], (2, 3)),
        # the name is not known where records come again
        ({"^.who.name": None}, [0, 1], (2, 3, 4)),
        # the order still has the other item
        ({"^.id": "1", "sku": "a"}, [0], (1, 2, 3, 4)),
        ({"^.id": "3", "sku": "a"}, [2], (1, 2, 4)),
        # the key is not about the order
        ({"sku": "a"}, [0, 2], (1, 2, 3, 4)),
    ],
)
def test_an_element_around_records_is_cut_with_them_if_it_has_the_key(
    tmp_path: Path, key: dict[str, str | None], dropped: list[int], left: tuple[int, ...]
) -> None:
    payload, cut = tmp_path / "a.json", tmp_path / "b.json"
    payload.write_text(ORDERS)
    options = FORMATS["json"].declaration(format="json", records="orders[*].items")
    cut_payload(payload, "a.json", "*", ReadContext(options, tmp_path / "scratch", "", key=key), dropped, cut)
    orders = json.loads(cut.read_text())["orders"]
    assert tuple(order["id"] for order in orders) == left
    items = [(order["id"], item["sku"]) for order in orders for item in order.get("items", ())]
    assert items == [one for at, one in enumerate([(1, "a"), (1, "b"), (3, "a")]) if at not in dropped]
    assert "1.50" in cut.read_text() or 0 in dropped


STRINGS = """<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="5"><si><t>name</t></si><si>
<r><t xml:space="preserve">Ben &amp; </t></r><r><t>Quill</t></r></si><si><t>Köln</t></si><si/><si><t>Ada Quill</t></si></sst>"""


def book_with(others: dict[str, list[list[Any]]], **parts: str) -> bytes:
    """A workbook of two people whose texts are shared strings, with more sheets and parts."""
    name, ben, city, empty, ada = (Raw(f't="s"><v>{at}</v>') for at in range(5))
    rows = [["id", name, "city"], [1, ada, city], [17, ben, city], [2, ada, empty]]
    return workbook({"data": rows, **others}, parts={"xl/sharedStrings.xml": STRINGS, **parts})


def cut_book(folder: Path, content: bytes) -> zipfile.ZipFile:
    payload, cut = folder / "a.xlsx", folder / "b.xlsx"
    payload.write_bytes(content)
    options = FORMATS["xlsx"].declaration(format="xlsx", sheet="data")
    cut_payload(payload, "a.xlsx", "*", ReadContext(options, folder / "scratch", "", key={"id": "17"}), [1], cut)
    return zipfile.ZipFile(cut)


def test_a_workbook_has_no_text_of_the_records_that_are_cut_out(tmp_path: Path) -> None:
    chain = '<Override PartName="/xl/calcChain.xml" ContentType="calcChain+xml"/>'
    content = book_with({"notes": [["in 17 days", "Ben"]]}, **{"xl/calcChain.xml": chain})
    left = cut_book(tmp_path, content)
    strings = left.read("xl/sharedStrings.xml").decode()
    assert strings.count("<si") == 5
    assert "Ada Quill" in strings
    assert "Köln" in strings
    assert "Ben" not in strings
    assert left.read("xl/worksheets/sheet1.xml").count(b"<row") == 3
    assert "xl/calcChain.xml" not in left.namelist()
    assert b"in 17 days" in left.read("xl/worksheets/sheet2.xml")


@pytest.mark.parametrize(
    ("others", "parts", "says"),
    [
        ({"notes": [["who", 17]]}, {}, "has the sheet 'notes', which contains the key"),
        ({"notes": [["Ben & Quill"]]}, {}, "has a text of the records in xl/worksheets/sheet2.xml, too"),
        ({}, {"xl/comments1.xml": "<t>ask Ben &amp; Quill!</t>"}, "in xl/comments1.xml, too"),
        ({}, {"xl/pivotCache/pivotCacheRecords1.xml": "<n v='17'/>"}, "parts that may repeat its cells: pivotCache"),
    ],
)
def test_a_workbook_that_has_the_person_elsewhere_is_refused(
    tmp_path: Path, others: dict[str, list[list[Any]]], parts: dict[str, str], says: str
) -> None:
    with pytest.raises(CollectError, match=says):
        cut_book(tmp_path, book_with(others, **parts))
