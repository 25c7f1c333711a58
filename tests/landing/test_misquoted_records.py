"""Text after a closing quote: the record is kept as it is written, marked, and no cell of it is read."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from effort import examples
from landing.test_lossless_round_trip import through_with_marks
from pipeline.tiny import open_tiny
from vertebra.errors import CollectError
from vertebra.landing.parsing.csv_dialect import CsvOptions
from vertebra.landing.parsing.csv_quotes import QuoteCheck, replace_misquoted

REASON = "has text after a closing quote, so that its cells cannot be told apart"


@pytest.mark.parametrize(
    "record",
    [
        '1,"Woods" Jr', '1,"5"" pipe" x', '1,""abc', '1,"a" ', '1,"a"b"c"', '1,"a,"b"', '"1"x,a', '1,"a\nb" c',
        '1,"Woods, T" Jr, PhD', '1,"a""b"c', '1,"a" "b"', '1,"a"\u00a0', '1,"a"\x00',
    ],
)  # fmt: skip
def test_a_record_with_text_after_a_closing_quote_is_kept_whole_and_marked(landed: Any, record: str) -> None:
    rows = landed(f'a,b\n0,"x"\n{record}\n2,y\n'.encode(), encoding="utf-8", delimiter=",")
    marked = {"a": None, "b": None, "_ragged": record, "_ragged_reason": REASON}
    assert rows == [{"a": "0", "b": "x"}, marked, {"a": "2", "b": "y"}]


@pytest.mark.parametrize("cell", ['a"b"c', '5" pipe', 'the ""best""', "x'y", ' "a"', 'a"', '""', '"say ""hi"""'])
def test_quotes_inside_a_cell_that_is_not_quoted_are_text(landed: Any, cell: str) -> None:
    (row,) = landed(f"a,b\n1,{cell}\n".encode(), ragged="refuse", delimiter=",")
    assert row == {"a": "1", "b": next(csv.reader(io.StringIO(cell)))[0]}


@pytest.mark.parametrize("parse", [{"quote": "'"}, {"quote": "'", "escape": "\\"}])
def test_other_quotes_and_escapes(landed: Any, parse: dict[str, str]) -> None:
    escaped = "'it\\'s', x" if "escape" in parse else "'it''s', x"
    rows = landed(f"a,b\n1,'Woods' Jr\n2,\"Woods\" Jr\n{escaped}\n".encode(), delimiter=",", **parse)
    assert [row.get("_ragged") or (row["a"], row["b"]) for row in rows] == [
        "1,'Woods' Jr",
        ("2", '"Woods" Jr'),
        ("it's", " x"),
    ]


def test_one_column_the_last_line_without_an_end_and_comments(landed: Any) -> None:
    rows = landed(b'a\nx\n"y" z\n\n"q"', "one.csv")
    assert [row.get("_ragged") or row["a"] for row in rows] == ["x", '"y" z', None, "q"]
    rows = landed(b'# note\na,b\n# "x" y\n1,"z" 2', "commented.csv", comment="#", delimiter=",")
    assert [row["_ragged"] for row in rows] == ['1,"z" 2']


def test_records_with_other_widths_keep_their_place_and_reason(landed: Any) -> None:
    rows = landed(b'\xef\xbb\xbf"1"x,a\n2,b\n3\n4,"a" b\n5,c\n', header=False, delimiter=",")
    assert [(row.get("_ragged") or row["c0"], row.get("_ragged_reason")) for row in rows] == [
        ('"1"x,a', REASON), ("2", None), ("3", None), ('4,"a" b', REASON), ("5", None),
    ]  # fmt: skip


def test_a_header_or_a_batch_with_one_is_refused_with_its_line(landed: Any) -> None:
    with pytest.raises(CollectError, match=re.escape("line 3 has text after a closing quote")) as caught:
        landed(b'report\n\nid,"Name" x\n1,a\n', skip=1, delimiter=",")
    assert "the names of the columns" in caught.value.cause
    assert "quote: ''" in caught.value.remedy
    with pytest.raises(CollectError, match=re.escape("line 4 has text after a closing quote")):
        landed(b'a,b\n"x\ny",1\n2,"Woods" Jr\n', "refused.csv", ragged="refuse", delimiter=",")
    assert landed(b'id,"Name" x\n1,"a" b\n', "text.csv", quote="", delimiter=",") == [{"id": "1", '"Name" x': '"a" b'}]


CELL = st.sampled_from(["a", "", 'b"c', '"d"', '"e,f"', '"g""h"', '"i\nj"', '5"', ' "k"', '""""'])
BAD = st.sampled_from(['"l" m', '""n', '"o"p"q"', '"r" "s"', '"t,"u"'])


@settings(deadline=None, max_examples=examples(fast=15, thorough=300))
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL | BAD), min_size=1, max_size=12),
    newline=st.sampled_from(["\n", "\r\n"]),
    block=st.sampled_from([64, 1 << 20]),
)
@example(rows=[("a", "a", "a")] * 9 + [("a", "a", '"l" m')] * 9, newline="\r\n", block=64)
def test_every_other_record_is_read_as_python_reads_it(rows: list[tuple[str, ...]], newline: str, block: int) -> None:
    bad = {'"l" m', '""n', '"o"p"q"', '"r" "s"', '"t,"u"'}
    content = newline.join(["x,y,z", *(",".join(row) for row in rows), ""])
    with patch("vertebra.landing.parsing.csv_reader._BLOCKS", (block, 1 << 20)):
        _, found, marks = through_with_marks(content.encode(), delimiter=",")
    for at, row in enumerate(rows):
        if row[2] in bad:
            assert found[at] == [None] * 3
            assert marks[at] == ",".join(row)
        else:
            # an empty cell without quotes is NULL
            assert found[at] == [cell or None for cell in next(csv.reader(io.StringIO(",".join(row), newline="")))]


@settings(deadline=None, max_examples=examples(fast=200, thorough=5000))
@given(text=st.text('"",a\n\r', max_size=20), size=st.integers(1, 5))
@example(text='a"\n', size=1)
def test_the_vectorized_check_misses_no_record_that_the_exact_examination_finds(text: str, size: int) -> None:
    content, found = text.encode(), []
    options = CsvOptions(format="csv")

    def same(record: bytes) -> bytes:
        found.append(record)
        return record

    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    assert b"".join(replace_misquoted(iter(blocks), options, ",", same)) == content
    check = QuoteCheck(options, ",")
    assert not found or not all(check.passes(block) for block in blocks)


def test_the_table_and_the_ledger_say_so(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: quotes\n")
    (tmp_path / "data" / "qq.csv").write_text('id,v\n1,"Woods" Jr\n2,"5"" pipe" x\n3\n')
    (tmp_path / "datasets" / "qq.yaml").write_text(
        "source: s\ncollect: {from: files, path: data/qq.csv}\nparse: {format: csv}\ncolumns: {id: int, v: string}\n"
    )
    with open_tiny(tmp_path) as project:
        report = project.run()
        assert report.ok, [result.error for result in report.results]
        sql = "select record, column_name, raw, reason from governance.rejects order by record"
        found = project.sql(sql).arrow().to_pylist()
        assert [(row["raw"], row["reason"]) for row in found[:2]] == [
            ('1,"Woods" Jr', REASON), ('2,"5"" pipe" x', REASON),
        ]  # fmt: skip
        assert "too few or too many" in found[2]["reason"]
        assert project.sql("select count(v) as n from trusted.qq").arrow().to_pylist() == [{"n": 0}]
        landed = project.sql("select v, _ragged from landing.qq order by _record").arrow().to_pylist()
        assert landed[0] == {"v": None, "_ragged": '1,"Woods" Jr'}
