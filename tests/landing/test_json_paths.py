"""Nested values of JSON that a column declares as its source: read as written, found by near names, told apart."""

from __future__ import annotations

import json
import unicodedata

import pytest

from pipeline.tiny import open_tiny
from vertebra.landing.parsing.json_paths import pointer, steps


def project(folder, columns, payload, **parse):
    (folder / "datasets").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "vertebra.yaml").write_text("name: paths\n")
    form = parse.get("format", "json")
    (folder / "data" / f"a.{form}").write_text(payload if isinstance(payload, str) else json.dumps(payload))
    declared = {
        "source": "s",
        "collect": {"from": "files", "path": f"data/*.{form}"},
        "parse": {"format": form} | parse,
        "columns": columns,
    }
    (folder / "datasets" / "d.yaml").write_text(json.dumps(declared))
    return open_tiny(folder)


def rows(opened):
    report = opened.run()
    assert report.ok, [result.error for result in report.results]
    return [{k: v for k, v in row.items() if k != "_rid"} for row in opened.table("formatted.d").arrow().to_pylist()]


HOMES = """[
 {"id": 1, "parking": {"has": true, "price": 1.50}, "rooms": [{"size": 12.0}, {"size": 9}], "a.b": "key"},
 {"id": 2, "parking": {"has": false, "tags": {"x": [1, 2.50]}}, "rooms": [], "a": {"b": "nested"}},
 {"id": 3, "parking": null, "rooms": null}]"""


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_paths_reach_nested_values_as_they_are_written(tmp_path, form):
    columns = {
        "id": "int",
        "has": {"type": "boolean", "source": "parking.has"},
        "price": {"source": "parking.price"},
        "tags": {"source": "parking.tags"},
        "first": {"source": "rooms[0].size"},
        "key": {"source": "a.b"},
        "rooms": "string",
    }
    payload = HOMES if form == "json" else "\n".join(json.dumps(json.loads(line)) for line in lines())
    with project(tmp_path, columns, payload, format=form) as opened:
        found = rows(opened)
    price = "1.50" if form == "json" else "1.5"
    first = "12.0"
    assert [row["has"] for row in found] == [True, False, None]
    assert [row["price"] for row in found] == [price, None, None]
    assert [row["first"] for row in found] == [first, None, None]
    assert [row["key"] for row in found] == ["key", None, None], "a key that is written like the path comes first"
    assert found[1]["tags"].replace(" ", "") in ('{"x":[1,2.50]}', '{"x":[1,2.5]}')


def lines():
    return [json.dumps(record) for record in json.loads(HOMES)]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_path_reaches_keys_whose_accents_are_characters_of_their_own(tmp_path, form):
    composed, apart = (unicodedata.normalize(kind, "ubicació.código") for kind in ("NFC", "NFD"))
    where, what = apart.split(".")
    record = json.dumps({"id": 1, where: {what: "x"}}, ensure_ascii=False)
    columns = {"id": "int", "code": {"source": composed}}
    with project(tmp_path, columns, f"[{record}]" if form == "json" else record, format=form) as opened:
        assert rows(opened) == [{"id": 1, "code": "x"}]
        [drift] = opened.sql("select column_name, detail from governance.drift").rows()
        assert drift["column_name"] == "code"
        assert drift["detail"].endswith("is ubicació.código in another Unicode form")


def test_a_misspelled_path_is_an_error_with_near_names(tmp_path):
    with project(tmp_path, {"n": {"source": "properties.nmae"}}, [{"properties": {"name": "x", "pop": 5}}]) as opened:
        report = opened.run()
    (error,) = [result.error for result in report.results if result.state == "failed"]
    assert "properties.name" in error


def test_the_object_around_a_path_is_no_undeclared_column(tmp_path):
    with project(tmp_path, {"n": {"source": "p.n"}}, [{"p": {"n": "x"}}]) as opened:
        assert rows(opened) == [{"n": "x"}]
        assert opened.sql("select kind, column_name from governance.drift").arrow().num_rows == 0


def test_another_path_reads_what_has_landed_again(tmp_path):
    with project(tmp_path, {"n": {"source": "p.n"}}, [{"p": {"n": "x", "m": "y"}}]) as opened:
        assert rows(opened) == [{"n": "x"}]
    file = tmp_path / "datasets" / "d.yaml"
    file.write_text(file.read_text().replace("p.n", "p.m"))
    with open_tiny(tmp_path) as opened:
        assert rows(opened) == [{"n": "y"}]


def test_the_order_of_keys_is_no_drift(tmp_path):
    with project(tmp_path, {"a": "int", "b": "int"}, [{"a": 1, "b": 2}]) as opened:
        rows(opened)
        (tmp_path / "data" / "b.json").write_text('[{"b": 3, "a": 4}]')
        assert rows(opened) == [{"a": 1, "b": 2}, {"a": 4, "b": 3}]
        assert opened.sql("select * from governance.drift").arrow().num_rows == 0


def test_a_path_becomes_a_json_pointer():
    assert pointer(steps("a.b[1][0].c")) == "/a/b/1/0/c"
