"""Any data is checked without a project, and every violating row is named by its position in the file."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

import vertebra
from effort import examples
from landing.workbooks import workbook
from vertebra.engine import Engine
from vertebra.errors import CollectError, DeclarationError, RuleError, VertebraError
from vertebra.external_data.open import open_data
from vertebra.external_data.source import SourceLayout
from vertebra.external_data.staging import stage
from vertebra.quoting import duckdb_identifier
from vertebra.workspace.check_result import DataCheck

ROWS = [
    {"origin": "JFK", "dest": "EGE", "distance": 1746},
    {"origin": "JFK", "dest": "LAX", "distance": 2475},
    {"origin": "JFK", "dest": "EGE", "distance": 1747},
    {"origin": None, "dest": "EGE", "distance": -5},
]
ROUTE = "origin, dest -> distance"


def rows_of(check: DataCheck) -> set[tuple[Any, ...]]:
    return {(v["rule"], v["row"], v["role"], v["partner"]) for v in check.violations.to_pylist()}


def as_csv(folder: Path) -> Path:
    path = folder / "flights.csv"
    pd.DataFrame(ROWS).to_csv(path, index=False)
    return path


def as_gzip(folder: Path) -> Path:
    path = folder / "flights.csv.gz"
    path.write_bytes(gzip.compress(as_csv(folder).read_bytes()))
    return path


def as_parquet(folder: Path) -> Path:
    path = folder / "flights.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=2)
    return path


def as_json_lines(folder: Path) -> Path:
    path = folder / "flights.jsonl"
    path.write_text("\n".join(json.dumps({k: v for k, v in row.items() if v is not None}) for row in ROWS))
    return path


def as_delta(folder: Path) -> Path:
    write_deltalake(str(folder / "flights"), pa.Table.from_pylist(ROWS))
    return folder / "flights"


def as_arrow(folder: Path) -> pa.Table:
    return pa.Table.from_pylist(ROWS)


def as_pandas(folder: Path) -> pd.DataFrame:
    return pd.DataFrame(ROWS, index=[9, 8, 7, 6])


def as_polars(folder: Path) -> pl.DataFrame:
    return pl.DataFrame(ROWS)


def as_lazy_polars(folder: Path) -> pl.LazyFrame:
    return pl.LazyFrame(ROWS)


def as_zip(folder: Path) -> Path:
    path = folder / "flights.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("flights.csv", as_csv(folder).read_bytes())
    return path


def as_avro(folder: Path) -> Path:
    path = folder / "flights.avro"
    fields = [{"name": name, "type": ["null", "long" if name == "distance" else "string"]} for name in ROWS[0]]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "flight", "fields": fields}, ROWS)
    return path


def as_workbook(folder: Path) -> Path:
    path = folder / "flights.xlsx"
    path.write_bytes(workbook({"Flights": [list(ROWS[0]), *(list(row.values()) for row in ROWS)]}))
    return path


KINDS = [
    as_zip,
    as_avro,
    as_workbook,
    as_csv,
    as_gzip,
    as_parquet,
    as_json_lines,
    as_delta,
    as_arrow,
    as_pandas,
    as_polars,
    as_lazy_polars,
]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_every_kind_of_data_is_checked_alike(sail: Engine, tmp_path: Path, make: Any) -> None:
    check = vertebra.check(make(tmp_path), [ROUTE, "far: t.distance <= 0"], engine=sail)
    route, far = check.results
    assert (route.rule, route.constraint_class, route.rows) == ("origin_dest_determines_distance", "{=, ≠}", 4)
    assert (route.violating_tuples, route.violating_pairs, route.g2, route.g3, route.minority_cells) == (
        2,
        1,
        0.5,
        0.25,
        1,
    )
    assert (far.violating_tuples, far.violating_pairs, far.g3) == (1, None, 0.25)
    assert not check.ok
    assert rows_of(check) == {(route.rule, 0, "t", 2), (route.rule, 2, "t", 0), ("far", 3, "t", None)}
    assert [one.row for one in route.example] == [0, 2]
    assert route.example[1].values == {"origin": "JFK", "dest": "EGE", "distance": 1747}
    check.close()


def test_a_spark_frame_is_checked_where_it_lives(engine: Engine) -> None:
    frame = engine.session.createDataFrame([(7, "a", 1), (8, "a", 2), (9, "b", 1)], "_rid bigint, k string, v int")
    check = vertebra.check(frame, ["k -> v"])
    assert rows_of(check) == {("k_determines_v", 7, "t", 8), ("k_determines_v", 8, "t", 7)}
    assert not vertebra.check(frame.drop("_rid"), ["k -> v"]).ok
    assert frame.count() == 3, "the session goes on"


cells = st.text(st.sampled_from('ab,"\n\r;é '), max_size=4)


@settings(max_examples=examples(fast=15, thorough=60), deadline=None)
@given(
    st.lists(st.tuples(cells, cells, st.integers(0, 3)), min_size=1, max_size=30),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(",;\t|"),
    st.booleans(),
)
def test_rows_of_csv_are_those_of_an_independent_reader(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, int]],
    end: str,
    bom: bool,
    delimiter: str,
    quoted: bool,
) -> None:
    if not quoted:  # a bare carriage return would end the record
        rows = [(one.replace("\r", ""), two.replace("\r", ""), three) for one, two, three in rows]
    folder = tmp_path_factory.mktemp("csv")
    path = folder / "x.csv"
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        writer = csv.writer(
            file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
        )
        writer.writerow(["one", "two", "three"])
        writer.writerows(rows)
    with path.open(encoding="utf-8-sig", newline="") as file:
        # an empty cell is NULL where it has no quotes
        empty = "" if quoted else None
        expected = [tuple(cell or empty for cell in row) for row in list(csv.reader(file, delimiter=delimiter))[1:]]
    staged = stage(
        "x", open_data(path, SourceLayout()), ["one", "two"], SourceLayout(text=True), folder, lambda _: None
    )
    found = pq.read_table(staged.files[0]).sort_by("_rid")
    assert found["_rid"].to_pylist() == list(range(len(rows)))
    assert list(zip(found["one"].to_pylist(), found["two"].to_pylist(), strict=True)) == [row[:2] for row in expected]


def test_rows_keep_their_order_where_a_file_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["n", "text"])
        writer.writerows((number, f'line {number}\nand "more", ' + "x" * (number % 97)) for number in range(400_000))
    reading = SourceLayout()
    staged = stage("big", open_data(path, reading), ["n", "text"], reading, tmp_path, lambda _: None)
    found = pq.read_table(staged.files[0], columns=["_rid", "n"])
    assert staged.rows == found.num_rows == 400_000
    assert found["n"].equals(found["_rid"])


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "2", "", "-3"], "bigint"),
        (["1", "9223372036854775808"], "decimal(38,0)"),
        (["1", "2.5", "1e3", "NaN"], "double"),
        (["9007199254740993", "0.5"], "string"),
        (["007", "12"], "string"),
        (["+1", "1"], "double"),
        (["1_000"], "string"),
        ([" 1", "2 "], "bigint"),
        ([" x"], "string"),
        (["true", "False"], "boolean"),
        (["2013-01-31", "2013-02-01"], "date"),
        (["2013-02-30"], "string"),
        (["2013-01-31 10:00", "2013-01-31T10:00:01.5"], "timestamp"),
        (["2013-01-31T10:00:00Z", "2013-01-31 10:00:00+02:00"], "timestamp"),
        (["2013-01-31", "2013-01-31 10:00:00"], "string"),
        (["", ""], ""),
        (["JFK", ""], "string"),
    ],
)
def test_a_text_column_gets_the_type_that_every_cell_is_written_as(tmp_path: Path, texts: list[str], kind: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("c,n\n" + "".join(f"{text},{n}\n" for n, text in enumerate(texts)))
    reading = SourceLayout()
    staged = stage("x", open_data(path, reading), ["c"], reading, tmp_path, lambda _: None)
    assert staged.types == {"c": kind}


def test_csv_cells_are_read_as_a_run_reads_them(tmp_path: Path, sail: Engine) -> None:
    path = tmp_path / "codes.csv"
    path.write_text('code,n,e\nA1,1,\n"A1 ", 8,""\n A1,"",x\n')
    as_is = vertebra.check(path, {"same": {"unique": ["code"]}, "large": "t.n > 7", "empty": "t.e = ''"}, engine=sail)
    assert rows_of(as_is) == {("large", 1, "t", None), ("empty", 1, "t", None)}
    trimmed = vertebra.check(path, {"same": {"unique": ["code"]}, "empty": "t.e = ''"}, trim=True, engine=sail)
    assert {(rule, row) for rule, row, *_ in rows_of(trimmed)} == {("same", 0), ("same", 1), ("same", 2)}
    assert not vertebra.check(path, ["t.n > 7"], types={"n": "int"}, engine=sail).ok


def test_one_odd_cell_far_down_makes_a_text_column_and_is_named(sail: Engine, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "".join(f"{n},1\n" for n in range(30_000)) + "n/a,1\n")
    check = vertebra.check(path, ["a -> b"], engine=sail)
    assert check.notes == (
        f"a is read as text: most of its cells are whole numbers, but row 30000 of {path} has 'n/a'",
    )
    with pytest.raises(RuleError, match="cannot be compared") as refused:
        vertebra.check(path, ["t.a < 0"], engine=sail)
    assert "row 30000" in refused.value.cause
    assert vertebra.check(path, ["t.a < 0"], null=["n/a"], engine=sail).ok
    with pytest.raises(CollectError, match=r"a is not int: row 30000 of .* has 'n/a'"):
        vertebra.check(path, ["t.a < 0"], types={"a": "int"}, engine=sail)


def test_a_declared_type_never_rounds(sail: Engine, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1.25\n")
    with pytest.raises(CollectError, match="a is not decimal"):
        vertebra.check(path, ["t.a < 0"], types={"a": "decimal(5,1)"}, engine=sail)
    with pytest.raises(CollectError, match="a is not int"):
        vertebra.check(path, ["t.a < 0"], types={"a": "int"}, engine=sail)
    with pytest.raises(CollectError, match="no column b"):
        vertebra.check(path, ["t.a < 0"], types={"b": "int"}, engine=sail)


def test_rows_of_several_files_are_counted_in_each(sail: Engine, tmp_path: Path) -> None:
    (tmp_path / "2013-01.csv").write_text("k,v\n1,1\n2,1\n")
    (tmp_path / "2013-02.csv").write_text("v,k\n1,3\n9,1\n")
    check = vertebra.check(tmp_path / "2013-*.csv", ["k -> v"], engine=sail)
    first, second = (str(tmp_path / f"2013-0{month}.csv") for month in (1, 2))
    assert [(v["file"], v["row"], v["partner_file"], v["partner"]) for v in check.violations.to_pylist()] == [
        (first, 0, second, 1), (second, 1, first, 0),
    ]  # fmt: skip
    assert [(one.file, one.row) for one in check.results[0].example] == [(first, 0), (second, 1)]


def test_a_rule_between_two_tables(sail: Engine, tmp_path: Path) -> None:
    flights = pa.table({"tailnum": ["N1", "N2", None], "carrier": ["AA", "UA", "AA"]})
    planes = pa.table({"tailnum": ["N1", "N2"], "seats": [2, 150]})
    rules = {
        "small": "flights t, planes p: t.tailnum = p.tailnum and p.seats < 9",
        "known": {"references": {"tailnum": "planes.tailnum"}},
        "seats": "planes p: p.seats > 100",
    }
    check = vertebra.check({"flights": flights, "planes": planes}, rules, engine=sail)
    assert [(r.rule, r.table, r.violating_tuples) for r in check.results] == [
        ("small", "flights", 1), ("known", "flights", 0), ("seats", "planes", 1),
    ]  # fmt: skip
    assert {(v["table"], v["rule"], v["row"], v["partner"]) for v in check.violations.to_pylist()} == {
        ("flights", "small", 0, 0), ("planes", "seats", 1, None),
    }  # fmt: skip


def test_rules_come_from_yaml_and_from_lines_of_holoclean(sail: Engine, tmp_path: Path) -> None:
    data = as_arrow(tmp_path)
    (tmp_path / "r.yaml").write_text('route: {determines: "[origin, dest] -> distance"}\nfar: t.distance <= 0\n')
    (tmp_path / "d.yaml").write_text("rules:\n  far: {range: {distance: [0, null]}}\n")
    (tmp_path / "r.txt").write_text(
        "# routes\nroute: t1&t2&EQ(t1.origin,t2.origin)&EQ(t1.dest,t2.dest)&IQ(t1.distance,t2.distance)\n\nt1&LTE(t1.distance,0)\n"
    )
    counts = {
        name: [(r.rule, r.violating_tuples) for r in vertebra.check(data, tmp_path / name, engine=sail).results]
        for name in ("r.yaml", "d.yaml", "r.txt")
    }
    assert counts == {
        "r.yaml": [("route", 2), ("far", 1)], "d.yaml": [("far", 1)], "r.txt": [("route", 2), ("rule_2", 1)],
    }  # fmt: skip


BAD = {
    "nothing": ([], "there are no rules"),
    "an unknown column": (["t.orign = 'x'"], "no column orign"),
    "an unknown relation": (["¬∃ t ∈ planes: t.distance > 1"], "relation planes does not exist"),
    "a third form": ({"x": {"dny": "t.distance > 1"}}, "rule x is invalid"),
    "what nothing can violate": (["t.distance > 5 and t.distance < 3"], "nothing can violate"),
    "one name twice": (["a: t.distance > 5", "a: t.distance > 6"], "two rules are named a"),
}


@pytest.mark.parametrize(("rules", "fact"), BAD.values(), ids=BAD)
def test_what_is_no_rule_is_refused(sail: Engine, tmp_path: Path, rules: Any, fact: str) -> None:
    with pytest.raises(VertebraError, match=fact):
        vertebra.check(as_arrow(tmp_path), rules, engine=sail)


def test_a_wrong_rule_in_a_file_is_told_with_its_line(sail: Engine, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("far: {range: {distance: [1, 9]}}\nroute: {deny: t.orign = 'x'}\n")
    with pytest.raises(RuleError) as refused:
        vertebra.check(as_arrow(tmp_path), tmp_path / "r.yaml", engine=sail)
    assert refused.value.where.endswith("r.yaml:2:1")
    (tmp_path / "r.txt").write_text("\nt.orign = 'x'\n")
    with pytest.raises(RuleError) as refused:
        vertebra.check(as_arrow(tmp_path), tmp_path / "r.txt", engine=sail)
    assert refused.value.where.endswith("r.txt:2")
    (tmp_path / "flights.yaml").write_text("key: [origin]\nrules:\n  far: {range: {distance: [1, 9]}}\n")
    with pytest.raises(DeclarationError, match="not key"):
        vertebra.check(as_arrow(tmp_path), tmp_path / "flights.yaml", engine=sail)


FILES = {
    "a short line": ("x.csv", b"a,b\n1,2\n3\n", "line 3 does not fit the header"),
    "a long line": ("x.csv", b"a,b\n1,2,3\n", "line 2 does not fit the header"),
    "an open quote": ("x.csv", b'a,b\n1,"2\n', "line 2 does not fit the header"),
    "another encoding": ("x.csv", "a,b\n1,é\n".encode("latin-1"), "not UTF-8"),
    "nothing": ("x.csv", b"", "is empty"),
    "no Parquet": ("x.parquet", b"PAR1 no", "cannot be read"),
    "no JSON": ("x.jsonl", b'{"a": 1}\n{"a": \n', "cannot be read"),
    "no objects": ("x.jsonl", b'{"a": 1}\n[1]\n', "not an object"),
    "a cut archive": ("x.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 90_000)[:-30], "cannot be read"),
    "an unknown kind": ("x.ods", b"PK", "of a kind that is not supported"),
    "two columns of one name": ("x.csv", b"a,a\n1,2\n", "two columns"),
}


@pytest.mark.parametrize(("name", "content", "fact"), FILES.values(), ids=FILES)
def test_a_file_that_is_not_what_it_seems_is_refused(
    sail: Engine, tmp_path: Path, name: str, content: bytes, fact: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CollectError, match=fact) as refused:
        vertebra.check(tmp_path / name, ["t.a is null"], engine=sail)
    assert refused.value.remedy
    with pytest.raises(CollectError, match="there is no file"):
        vertebra.check(tmp_path / "absent.csv", ["t.a is null"], engine=sail)


def test_a_table_without_rows_meets_every_rule(sail: Engine, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n")
    check = vertebra.check(tmp_path / "x.csv", ["t.a > 5", "a -> b", "t.a = s.a and t.b < s.b"], engine=sail)
    assert check.ok
    assert check.violations.num_rows == 0
    assert [(r.rows, r.g2, r.g3) for r in check.results] == [(0, 0.0, 0.0)] * 3


def test_names_of_columns_may_be_anything(sail: Engine, tmp_path: Path) -> None:
    table = pa.table({"Flight No": [1, 1], 'a"b': [1, 2], "tick`ed": [1, 2], "end": [1, 2]})
    check = vertebra.check(table, ["t.`Flight No` = s.`Flight No` and t.`a\"b` != s.`a\"b`",
                                   {"Flight No": 1} and "t.`tick``ed` > 1", "t.end > 1"], engine=sail)  # fmt: skip
    assert [r.violating_tuples for r in check.results] == [2, 1, 1]
    assert not vertebra.check(table, {"fd": {"determines": "Flight No -> tick`ed"}}, engine=sail).ok
    assert duckdb_identifier('a"b') == '"a""b"'


def test_a_delta_table_with_partitions_is_read_as_it_stands(sail: Engine, tmp_path: Path) -> None:
    table = pa.table({"year": [2013, 2014, 2013], "k": ["a", "a", "b"], "v": [1, 2, 3]})
    write_deltalake(str(tmp_path / "t"), table, partition_by=["year"])
    write_deltalake(str(tmp_path / "t"), table.slice(0, 1), mode="append", partition_by=["year"])
    check = vertebra.check(tmp_path / "t", ["k -> v", "t.year = 2014"], engine=sail)
    assert [r.violating_tuples for r in check.results] == [3, 1]
    assert all("year=" in file for file in check.violations["file"].to_pylist())


def test_what_was_found_prints(sail: Engine, tmp_path: Path) -> None:
    check = vertebra.check(as_arrow(tmp_path), [ROUTE, "t.distance > 9000"], engine=sail)
    assert repr(check) == (
        "1 of 2 rules violated\n"
        "  origin_dest_determines_distance  2 of 4 rows violate it in 1 pair, g2 50 %, g3 25 %\n"
        "  rule_2                           holds (4 rows)"
    )
    assert "<td>{=, ≠}</td>" in check._repr_html_()


def test_bounds_of_g3_hold_where_it_is_not_exact(sail: Engine) -> None:
    table = pa.table({"k": [1] * 5, "a": [1, 2, 3, 4, 5], "b": [9, 8, 3, 4, 5]})
    check = vertebra.check(table, ["t.k = s.k and t.a < s.a and t.b > s.b"], engine=sail)
    (result,) = check.results
    assert result.g3_low <= 2 / 5 <= result.g3_high


def test_a_row_in_two_groups_is_removed_once(sail: Engine) -> None:
    table = pa.table({"a": [1, None, 2], "b": [2, 1, None]})
    (result,) = vertebra.check(table, ["t.a = s.b"], engine=sail).results
    assert result.g3_low <= 1 / 3 <= result.g3_high


@pytest.mark.parametrize("rule", ["t.a > 5", "t.A > 5"])
def test_columns_that_differ_only_in_case_are_refused(sail: Engine, rule: str) -> None:
    with pytest.raises(RuleError, match="has the columns a and A"):
        vertebra.check(pa.table({"a": [7], "b": [0], "A": [1]}), [rule], engine=sail)
