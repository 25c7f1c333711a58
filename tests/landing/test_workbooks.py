"""Excel workbooks: each cell as honest text, and nothing that the library leaves out is lost."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from landing.readings import declared, records
from landing.test_cut_records import cut_and_parsed
from landing.workbooks import Raw, workbook
from pipeline.tiny import open_tiny
from vertebra.errors import CollectError


def test_cells_of_every_type_are_text_as_the_workbook_has_them(landed: Any) -> None:
    cells = {
        "1": 1, "1.5": 1.5, "0.1": 0.1, "0.30000000000000004": 0.30000000000000004, "1e+21": 1e21, " y ": " y ",
        "true": True, "2020-01-02": date(2020, 1, 2), "2020-01-02 03:04:05": datetime(2020, 1, 2, 3, 4, 5),
        "03:04:05": time(3, 4, 5), "#N/A": Raw('t="e"><v>#N/A</v>'), "2": Raw("><f>1+1</f><v>2</v>"),
        "abc": Raw('t="str"><f>A1</f><v>abc</v>'), None: Raw('t="str"><f>A1</f><v></v>'), "007": "007",
    }  # fmt: skip
    content = workbook({"S": [["v", "w"], *([value, "x"] for value in cells.values())]})
    assert [row["v"] for row in landed(content, "a.xlsx", format="xlsx")] == list(cells)


def test_the_table_is_found_by_sheet_skip_and_names(landed: Any) -> None:
    sales = [["Report"], [], [None, "shop", "amount"], [None, "A", 1], [], [None, "B", None]]
    content = workbook({"Notes": [["x"]], "Sales": sales})
    with pytest.raises(CollectError, match=r"a\.xlsx has 2 sheets with cells") as caught:
        landed(content, "a.xlsx", format="xlsx")
    assert "sheet: Notes" in caught.value.remedy
    with pytest.raises(CollectError, match="has no sheet 'Sale'"):
        landed(content, "b.xlsx", format="xlsx", sheet="Sale")
    rows = landed(content, "c.xlsx", format="xlsx", sheet="Sales", skip=1)
    assert rows == [{"c0": None, "shop": "A", "amount": "1"}, {"c0": None, "shop": "B", "amount": None}]


def test_a_sheet_without_header_and_a_workbook_in_an_archive(collected: Any, project: Path) -> None:
    content = workbook({"S": [["A", 1], ["B", 2]], "Empty": []})
    (project / "d.xlsx").write_bytes(content)
    (batch,) = collected(declared("d.xlsx", format="xlsx", header=False, names=["shop", "n"])).new
    assert records(batch) == [{"shop": "A", "n": "1"}, {"shop": "B", "n": "2"}]
    assert batch.receipt.text["sheet"] == "S"
    (project / "year.zip").write_bytes(zipped("2013.xlsx", content))
    (batch,) = collected(declared("year.zip", format="xlsx"), "run-zip").new
    assert records(batch) == [{"A": "B", "1": "2"}]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["a"], [1], [2, "total"]], "cell B3 of sheet 'S' of data.xlsx is outside the table: 'total'"),
        ([["a", "b"], [1, Raw("><f>A2+1</f>")]], "sheet 'S' of data.xlsx has 1 formula without a value"),
        ([["a", "b"], [1, Raw("><f>A2+1</f><v/>")]], "sheet 'S' of data.xlsx has 1 formula without a value"),
        ([], "sheet 'S' of data.xlsx is empty"),
    ],
)
def test_what_cannot_be_read_right_is_refused(landed: Any, rows: list[list[Any]], says: str) -> None:
    with pytest.raises(CollectError) as caught:
        landed(workbook({"S": rows}), "data.xlsx", format="xlsx")
    assert says in caught.value.fact


def zipped(name: str, content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(name, content)
    return sink.getvalue()


BOOK = workbook({"S": [["a"], [1]]})
OTHER_KINDS = {
    "x.xlsx": (BOOK, "x.xlsx is an Excel workbook", "format: xlsx"),
    "x.zip": (zipped("x.xlsx", BOOK), "x.zip:x.xlsx is an Excel workbook", "format: xlsx"),
    "nested.zip": (zipped("i.zip", zipped("a.csv", b"a\n1\n")), "nested.zip:i.zip is an archive within an archive", "unpack the outer"),
    "packed.zip": (zipped("a.csv.gz", gzip.compress(b"a\n1\n")), "is an archive within an archive", "unpack the outer"),
    "twice.gz": (gzip.compress(gzip.compress(b"a\n1\n")), "twice.gz is compressed with gzip twice", "unpack it"),
    "zip.gz": (gzip.compress(zipped("a.csv", b"a\n1\n")), "zip.gz is an archive within an archive", "unpack the outer"),
    "feed.xml": (b"<?xml version='1.0'?>\n<rows><row/></rows>", "feed.xml is XML", "parse: {format: xml"),
    "plain.xml": (b"<rows>\n  <row a='1'/>\n</rows>", "plain.xml is XML", "records: /export/row"),
    "old.xls": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "old.xls is an old Excel workbook", "save it as .xlsx"),
    "a.parquet": (b"PAR1" + bytes(60), "a.parquet is a Parquet file", "format: parquet"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_KINDS)
@pytest.mark.parametrize("declared_as", ["csv", "json"])
def test_files_of_another_kind_are_named(landed: Any, name: str, declared_as: str) -> None:
    content, fact, remedy = OTHER_KINDS[name]
    with pytest.raises(CollectError) as caught:
        landed(content, name, format=declared_as)
    assert fact in caught.value.fact
    assert remedy in caught.value.remedy


def test_text_that_begins_like_another_kind_is_text(landed: Any) -> None:
    assert landed(b"ORC,<a>\n1,<b>\n", "a.csv") == [{"ORC": "1", "<a>": "<b>"}]
    assert landed(b"<name>,b\nx,1\n", "b.csv") == [{"<name>": "x", "b": "1"}]
    assert landed(b"BZh,b\nx,1\n", "c.csv") == [{"BZh": "x", "b": "1"}]


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,2\n", BOOK[:400], zipped("a.csv", b"a\n1\n"), zipped("[Content_Types].xml", b"<a/>")],
    ids=["text", "cut off", "another archive", "no workbook in it"],
)
def test_what_is_no_workbook_is_refused(landed: Any, content: bytes) -> None:
    with pytest.raises(CollectError) as caught:
        landed(content, "data.xlsx", format="xlsx")
    assert "data.xlsx" in caught.value.fact


def test_a_workbook_becomes_a_table_with_types(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: office\n")
    rows = [
        ["id", "sold on", "amount"],
        [1, date(2024, 1, 2), 12.5],
        [2, datetime(2024, 1, 3), Raw('t="e"><v>#DIV/0!</v>')],
    ]
    (tmp_path / "sales.xlsx").write_bytes(workbook({"Sales": rows}))
    (tmp_path / "datasets" / "sales.yaml").write_text(
        "source: office\ncollect: {from: files, path: sales.xlsx}\nparse: {format: xlsx}\n"
        "columns: {id: int, sold_on: {type: date, source: sold on}, amount: double}\n"
    )
    with open_tiny(tmp_path) as project:
        report = project.run()
        assert report.ok, [result.error for result in report.results]
        table = project.sql("select id, sold_on, amount from trusted.sales order by id").arrow().to_pylist()
        rejected = project.sql("select raw from governance.rejects").arrow().to_pylist()
    assert table == [
        {"id": 1, "sold_on": date(2024, 1, 2), "amount": 12.5}, {"id": 2, "sold_on": date(2024, 1, 3), "amount": None},
    ]  # fmt: skip
    assert rejected == [{"raw": "#DIV/0!"}]


QUARTERS = [
    ["Sales of all shops"],
    [],
    [None, "shop", "2023", None, "2024", "note"],
    [None, None, "Q3", "Q4", "Q1"],
    [None, "A", 1, 2, 3, "new"],
    [None, None, 4, None, 5],
    [],
    [None, "B", 6, 7, 8],
    [None, "total", 11, Raw("><f>SUM(D5:D8)</f>"), 16],
    [17, None, None, None, None, None, "beside"],
]
MERGED = ["B3:B4", "C3:D3", "B5:B7", "F3:F4"]


def test_a_range_with_a_header_of_several_rows_and_merged_cells(landed: Any) -> None:
    content = workbook({"S": QUARTERS}, merged=MERGED)
    parse: dict[str, Any] = {"format": "xlsx", "range": "B3:F8", "header_rows": 2}
    rows = landed(content, "a.xlsx", **parse)
    names = ["shop", "2023 Q3", "2023 Q4", "2024 Q1", "note"]
    assert [list(row.values()) for row in rows] == [
        ["A", "1", "2", "3", "new"],
        [None, "4", None, "5", None],
        ["B", "6", "7", "8", None],
    ]
    assert list(rows[0]) == names
    filled = landed(content, "b.xlsx", merged="fill", **parse)
    assert [row["shop"] for row in filled] == ["A", "A", "B"]
    # rows to the end, and no header
    rows = landed(content, "d.xlsx", format="xlsx", range="c5:C", header=False, names=["x"])
    assert [row["x"] for row in rows] == ["1", "4", "6", "11"]
    rows = landed(content, "e.xlsx", format="xlsx", range="B:C", skip=2)
    assert rows[0] == {"shop": None, "2023": "Q3"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"range": "B3:F9", "header_rows": 2}, "has 1 formula without a value"),
        ({"range": "H1:J5"}, "is empty"),
        ({"range": "A10:G10", "header_rows": 2}, "ends within the header"),
        ({"range": "B5:D6", "header": False, "names": ["x"]}, "has 3 columns, parse.names declares 1"),
    ],
)
def test_a_range_that_cannot_be_read_right_is_refused(landed: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(CollectError, match=says):
        landed(workbook({"S": QUARTERS}, merged=MERGED), "a.xlsx", format="xlsx", **options)


@pytest.mark.parametrize("text", ["B3", "B3-F9", "F3:B9", "B9:F3", "3:9", "B0:F9", "Sheet!A1:B2"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="range"):
        declared("a.xlsx", format="xlsx", range=text)


def test_records_of_a_range_are_cut_out_without_what_is_beside_them(tmp_path: Path) -> None:
    rows = [
        ["id", "name", None, "kept"],
        [1, "Ada Quill", None, "x y z"],
        [2, "Ben Oak", None, "beside"],
        [3, "Cy", None, None],
    ]
    content = workbook({"S": rows}, merged=["A3:A4"])
    parse = {"format": "xlsx", "range": "A1:B9", "merged": "fill"}
    wanted, found = cut_and_parsed(tmp_path, "a.xlsx", content, parse, [0])
    assert found == wanted
    left = zipfile.ZipFile(tmp_path / "cut-a.xlsx").read("xl/worksheets/sheet1.xml").decode()
    assert "Ada" not in left
    assert "x y z" in left
    # the name is beside the range, too
    rows[2][3] = "Ada Quill"
    with pytest.raises(CollectError, match="has a text of the records"):
        cut_and_parsed(tmp_path / "again", "a.xlsx", workbook({"S": rows}), parse, [0])
