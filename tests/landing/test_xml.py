"""XML: each element at a path is a record; nothing is fetched or expanded, and no value is taken for another."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from effort import examples
from landing.readings import declared, records
from landing.test_cut_records import cut_and_parsed
from vertebra.declare.dataset import Dataset
from vertebra.declare.parse import FORMATS
from vertebra.errors import CollectError
from vertebra.landing.erasure.cut_payload import cut_payload
from vertebra.landing.parsing.records import ReadContext

STATIONS = """<?xml version="1.0"?>
<!-- <station id="0"/> -->
<export xmlns="urn:stations" day="2024-05-01"><about>Łódź<station>no</station></about>
  <stations kind="all">
    <station id="1"><name>Łódź &amp; Süd</name><address type="home"><city>A</city></address><height unit="m">1.50</height></station>
    <station id="2"><name/><height unit="ft"> 007 </height><note><![CDATA[<b>]]></note></station>
    <station id="3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><name xsi:nil="true"/></station>
  </stations>
</export>
"""
PATH = "/export/stations/station"


def with_columns(path: str, sources: dict[str, str], empty: str = "refuse", **parse: Any) -> Dataset:
    return Dataset.model_validate(
        {
            "name": "readings",
            "source": "station",
            "collect": {"from": "files", "path": path, "empty": empty},
            "parse": {"format": "xml"} | parse,
            "load": "append",
            "columns": {name: {"type": "string", "source": source} for name, source in sources.items()},
        }
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1250", "iso-8859-2"])
def test_leaves_and_attributes_are_columns(landed: Any, encoding: str) -> None:
    text = STATIONS
    if encoding.startswith(("win", "iso")):
        text = text.replace('version="1.0"', f'version="1.0" encoding="{encoding}"')
    rows = landed(text.encode(encoding), "a.xml", format="xml", records=PATH)
    none = dict.fromkeys(["@id", "name", "address.@type", "address.city", "height", "height.@unit", "note", "address"])
    wanted = [
        {
            "@id": "1",
            "name": "Łódź & Süd",
            "address.@type": "home",
            "address.city": "A",
            "height": "1.50",
            "height.@unit": "m",
        },
        {"@id": "2", "name": "", "height": " 007 ", "height.@unit": "ft", "note": "<b>"},
        {"@id": "3", "name": None},
    ]
    assert [{k: v for k, v in row.items() if v is not None} for row in rows] == [
        {k: v for k, v in row.items() if v is not None} for row in wanted
    ]
    assert set(rows[0]) <= set(none)


def test_values_around_records_and_one_of_several(collected: Any, project: Path) -> None:
    text = """<o day="2024-05-01"><shop><name>S</name><orders>
      <order no="1"><item>a</item><item lang="es">b</item><room><size>3</size></room></order>
      <order no="2"><item>c</item><room><size>4</size></room><room><size>5</size></room></order></orders></shop>
      <shop><name>T</name><orders/></shop>
      <shop><orders><order no="3"/></orders></shop></o>"""
    (project / "a.xml").write_text(text)
    sources = {
        "no": "@no", "first": "item[0]", "second": "item[1]", "lang": "item[1].@lang", "size": "room[1].size",
        "shop": "^.^.name", "day": "^.^.^.@day",
    }  # fmt: skip
    (batch,) = collected(with_columns("a.xml", sources, records="/o/shop/orders/order")).new
    rows = [{name: row[source] for name, source in sources.items()} for row in records(batch)]
    assert rows == [
        {"no": "1", "first": "a", "second": "b", "lang": "es", "size": None, "shop": "S", "day": "2024-05-01"},
        {"no": "2", "first": "c", "second": None, "lang": None, "size": "5", "shop": "S", "day": "2024-05-01"},
        {"no": "3", "first": None, "second": None, "lang": None, "size": None, "shop": None, "day": "2024-05-01"},
    ]
    assert records(batch)[0]["item"] == '["a",{"@lang":"es","#text":"b"}]'
    assert records(batch)[1]["item"] == '["c"]'


def test_an_element_that_repeats_where_a_column_expects_one_is_refused(collected: Any, project: Path) -> None:
    (project / "a.xml").write_text("<r><o><tag>a</tag><x>1</x></o><o><tag>a</tag><tag>b</tag><y/><y/></o></r>")
    with pytest.raises(CollectError, match=r"tag repeats within record 2 of a\.xml") as caught:
        collected(with_columns("a.xml", {"tag": "tag"}))
    assert "lists: [tag]" in caught.value.remedy
    (batch,) = collected(with_columns("a.xml", {"tag": "tag"}, lists=["tag"])).new
    assert [row["tag"] for row in records(batch)] == ['["a"]', '["a","b"]']
    # what no column takes does not matter
    (project / "b.xml").write_text("<r><o><x>1</x></o><o><x>2</x><y/><y/></o></r>")
    (batch,) = collected(with_columns("b.xml", {"x": "x"})).new
    assert [row["x"] for row in records(batch)] == ["1", "2"]


def test_prefixes_are_kept_or_dropped(landed: Any) -> None:
    text = b'<g:c xmlns:g="urn:g" xmlns:d="urn:d"><g:m><g:id g:k="1">7</g:id></g:m></g:c>'
    assert landed(text, "a.xml", format="xml", records="/c/m") == [{"g:id": "7", "g:id.@g:k": "1"}]
    assert landed(text, "b.xml", format="xml", prefixes="drop") == [{"id": "7", "id.@k": "1"}]
    with pytest.raises(CollectError, match="has elements d:id and g:id in a record"):
        landed(text.replace(b"</g:m>", b"<d:id/></g:m>"), "c.xml", format="xml", prefixes="drop")


BOMB = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><r><o>&b;</o></r>'
REFUSED = {
    "bomb": (BOMB, {}, "declares the entity 'a'"),
    "external entity": ('<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r><o>&a;</o></r>', {}, "declares the entity"),
    "entity of a DTD": ('<!DOCTYPE r SYSTEM "r.dtd"><r><o>1&eacute;</o></r>', {}, "uses the entity 'eacute'"),
    "in an attribute": ('<!DOCTYPE r SYSTEM "r.dtd"><r><o a="1&eacute;"/></r>', {}, "uses the entity 'eacute'"),
    "undefined entity": ("<r><o>1&eacute;</o></r>", {}, "is not well-formed XML"),
    "cut off": ("<r><o>1</o><o>2", {}, "is cut off in line 1"),
    "cut off in a tag": ("<r><o>1</o><o a='", {}, "is cut off in line 1"),
    "two roots": ("<r><o>1</o></r><r/>", {}, "is not well-formed XML"),
    "other path": ("<r><o>1</o></r>", {"records": "/r/rows/o"}, "has no element /r/rows/o"),
    "no records": ("<r></r>", {}, "has no records"),
    "other children": ("<r><a/><o>1</o><o>2</o></r>", {}, "the records of data.xml are not certain"),
    "page": ("<!DOCTYPE html><html><body/></html>", {}, "is an HTML page"),
    "csv": ("a,b\n1,2\n", {}, "is not well-formed XML"),
    "json": ('{"a": 1}', {}, "is not well-formed XML"),
    "parquet": ("PAR1", {}, "is a Parquet file"),
    "after": ("<r><o>1</o><day>5</day></r>", {"records": "/r/o", "_sources": {"d": "^.day"}}, "has ^.day after the records"),
    "twice": ("<r><day>4</day><day>5</day><o>1</o></r>", {"records": "/r/o", "_sources": {"d": "^.day"}}, "several values"),
    "same path": ("<r><o><a.b>1</a.b><a><b>2</b></a></o></r>", {}, "whose columns are not clear"),
    "deep": ("<r><o>" + "<a>" * 300 + "</a>" * 300 + "</o></r>", {}, "nested more than 200 elements deep"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_right_is_refused(collected: Any, project: Path, kind: str) -> None:
    text, parse, says = REFUSED[kind]
    (project / "data.xml").write_text(text)
    parse = dict(parse)
    sources = parse.pop("_sources", {})
    with pytest.raises(CollectError) as caught:
        collected(with_columns("data.xml", sources, **parse))
    assert says in caught.value.fact


@pytest.mark.parametrize(
    "text", ['<?xml version="1.0" encoding="utf-8"?><r><o>\xe9</o></r>', "<r><o>\xe9\x93\xe8</o></r>"]
)
def test_bytes_that_do_not_decode_are_refused(landed: Any, text: str) -> None:
    with pytest.raises(CollectError, match="UTF-8"):
        landed(text.encode("latin-1"), "a.xml", format="xml")


def test_an_empty_table_lands_where_it_is_declared(collected: Any, project: Path) -> None:
    (project / "a.xml").write_text("<r><rows></rows></r>")
    (batch,) = collected(with_columns("a.xml", {"a": "a"}, empty="accept", records="/r/rows/o")).new
    assert (batch.receipt.records, records(batch)) == (0, [])


def test_a_document_that_declares_xml_elsewhere_is_named(landed: Any) -> None:
    with pytest.raises(CollectError, match=r"data.csv is XML") as caught:
        landed(STATIONS.encode(), "data.csv")
    assert "format: xml" in caught.value.remedy


@pytest.mark.parametrize("path", ["r/o", "/", "/r//o", "//o", "/r/o[1]", "/r/@a", "/r/*"[:3] + "@"])
def test_paths_that_are_not_from_the_root_are_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="is not a path to elements"):
        declared("a.xml", format="xml", records=path)


CELL = st.text(st.sampled_from("ab 1é<&>\"'\t]"), max_size=5)


@settings(max_examples=examples(fast=20, thorough=150), deadline=None)
@given(st.data())
def test_records_are_those_that_were_written_and_can_be_cut_out(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=2, max_size=8))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"]))
    between = data.draw(st.sampled_from(["", "\n  ", "<!-- a > b -->", "<x>17</x>"]))

    def record(p: str, q: str, r: str) -> str:
        inside = f"<q>{escape(q)}</q><r><s>{escape(r)}</s></r>"
        return f"<o p={quoteattr(p)} >{inside}</o >" if q or r else f"<o p={quoteattr(p)} q='>'/>"

    body = between.join(record(*row) for row in rows)
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?><a><b>{body}</b>{between}</a>'
    dropped = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=len(rows) - 1, unique=True).map(sorted))
    parse = {"format": "xml", "records": "/a/b/o"}
    folder = tmp_path_factory.mktemp("xml")
    wanted, found = cut_and_parsed(folder, "a.xml", text.encode(encoding), parse, dropped)
    names = {name for row in wanted for name in row if any(one[name] is not None for one in wanted)}
    assert [{name: row.get(name) for name in names} for row in found] == [
        {name: row[name] for name in names} for row in wanted
    ]
    kept = [row for place, row in enumerate(rows) if place not in dropped]
    assert [(row["@p"], row.get("q") or "", row.get("r.s") or "") for row in found] == [tuple(row) for row in kept]


ORDERS = b"""<?xml version='1.0'?>
<orders>
 <order id="1" who="Ann"><items><item sku="a"/><item sku="b"/></items></order>
 <order id="2" who="Bo"><items/></order>
 <order id="3" who="Bo"><items><item sku="a"/></items></order><order id="4" who="Ann"/>
</orders>
"""


@pytest.mark.parametrize(
    ("key", "dropped", "left"),
    [
        ({"^.^.@who": "Bo"}, [2], (1, 4)),
        ({"^.^.@who": "Ann"}, [0, 1], (2, 3)),
        ({"^.^.@who": None}, [0, 1], (2, 3, 4)),
        ({"^.^.@id": "1", "@sku": "a"}, [0], (1, 2, 3, 4)),
        ({"^.^.@id": "3", "@sku": "a"}, [2], (1, 2, 4)),
        ({"@sku": "a"}, [0, 2], (1, 2, 3, 4)),
    ],
)
def test_an_element_around_records_is_cut_with_them_if_it_has_the_key(
    tmp_path: Path, key: dict[str, str | None], dropped: list[int], left: tuple[int, ...]
) -> None:
    payload, cut = tmp_path / "a.xml", tmp_path / "b.xml"
    payload.write_bytes(ORDERS)
    options = FORMATS["xml"].declaration(format="xml", records="/orders/order/items/item")
    context = ReadContext(options, tmp_path / "scratch", "", paths=tuple(key), key=key)
    cut_payload(payload, "a.xml", "*", context, dropped, cut)
    text = cut.read_text()
    assert tuple(number for number in (1, 2, 3, 4) if f'<order id="{number}"' in text) == left
    assert text.count("<item ") == 3 - len(dropped)
    assert text.startswith("<?xml version='1.0'?>\n<orders>")
