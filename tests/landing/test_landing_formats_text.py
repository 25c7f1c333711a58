"""Text as portals send it: its encoding and delimiter are told, and no record or byte of it is lost."""

from __future__ import annotations

import io
import re
import time
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
from landing.readings import declared, records
from landing.test_lossless_round_trip import through
from vertebra.errors import CollectError
from vertebra.landing.parsing.code_pages import codec_of
from vertebra.landing.parsing.csv_dialect import CsvOptions
from vertebra.landing.parsing.csv_text import csv_text
from vertebra.landing.parsing.encoding import Encoding
from vertebra.landing.parsing.languages import CODE_PAGES

CATALAN = "codi;districte;nota\n1;Sant Martí;25 %\n2;Gràcia;l'Eixample i Montjuïc\n3;Nou Barris;España, niño, façana\n"


def receipt_of(collected, project, content: bytes, **parse):
    (project / "text.csv").write_bytes(content)
    (batch,) = collected(declared("text.csv", **parse)).new
    return batch


class TestEncodings:
    @pytest.mark.parametrize(
        ("codec", "named", "mark"),
        [
            ("utf-8", "utf-8", False),
            ("utf-8-sig", "utf-8", True),
            ("utf-16", "utf-16-le", True),
            ("utf-16-le", "utf-16-le", False),
            ("utf-16-be", "utf-16-be", False),
            ("utf-32", "utf-32-le", True),
            ("windows-1252", "windows-1252", False),
            ("cp850", "cp850", False),
        ],
    )
    def test_the_encoding_is_told_from_the_bytes_and_recorded(self, collected, project, codec, named, mark):
        batch = receipt_of(collected, project, CATALAN.encode(codec))
        assert [row["districte"] for row in records(batch)] == ["Sant Martí", "Gràcia", "Nou Barris"]
        assert batch.receipt.text["encoding"] == named
        assert batch.receipt.text.get("byte_order_mark", False) == mark
        assert "encoding" in batch.receipt.text["detected"]

    def test_signs_of_windows_are_not_taken_for_letters(self, landed):
        assert landed("a,b\n“15 €” – dear,it’s\n".encode("windows-1252"))[0] == {"a": "“15 €” – dear", "b": "it’s"}

    def test_bytes_that_windows_does_not_have_are_read_in_an_encoding_that_has_them(self, collected, project):
        batch = receipt_of(collected, project, b"a,b\n1,caf\xe9 \x81\n", encoding="iso-8859-1")
        assert records(batch) == [{"a": "1", "b": "café \x81"}]
        assert batch.receipt.text["detected"] == ["delimiter"]

    def test_a_declared_encoding_wins_and_what_it_cannot_decode_is_refused_with_its_place(self, landed):
        assert landed("a,b\nÃ©,1\n".encode("windows-1252"), encoding="windows-1252") == [{"a": "Ã©", "b": "1"}]
        with pytest.raises(CollectError, match="is not utf-8: byte 0xE9 in line 2 does not decode"):
            landed(b"a,b\n1,\xe9\n", "declared.csv", encoding="utf-8")

    def test_damaged_utf8_is_refused_and_not_taken_for_another_encoding(self, landed):
        with pytest.raises(CollectError, match="is not utf-8: byte 0xE9 in line 5 does not decode") as caught:
            landed("a,b\nGràcia,1\nMartí,2\nniño,3\n".encode() + b"caf\xe9,4\n")
        assert "1 of 5 lines is not UTF-8, which is the encoding of the others: line 5" in caught.value.cause
        assert "parse: {encoding: [utf-8, " in caught.value.remedy

    @settings(deadline=None, max_examples=examples(fast=20, thorough=60))
    @given(
        rows=st.lists(
            st.lists(st.text(st.characters(codec="iso-8859-1", exclude_characters="\x00"), max_size=9), min_size=2, max_size=2),
            min_size=1,
            max_size=6,
        ),
        codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"]),
    )  # fmt: skip
    def test_whatever_encoding_is_guessed_no_byte_is_lost(self, rows, codec):
        text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
        content = text.encode(codec)
        try:
            _, found = through(content, header=False)
        except CollectError:
            return
        if codec != "iso-8859-1":
            assert found == rows
            return
        for row, read in zip(rows, found, strict=True):
            for cell, given_back in zip(row, read, strict=True):
                names = ("utf-8", "utf-16-le", "utf-16-be", *map(codec_of, CODE_PAGES))
                assert cell.encode("iso-8859-1") in {given_back.encode(name, "replace") for name in names}

    def test_json_is_read_in_the_encoding_it_is_in(self, collected, project):
        content = '[{"a": "Gràcia, Montjuïc, Sant Martí, façana, España"}]'.encode("windows-1252")
        batch = receipt_of(collected, project, content, format="json")
        assert records(batch) == [{"a": "Gràcia, Montjuïc, Sant Martí, façana, España"}]
        assert batch.receipt.text.pop("confidence") > 0.95
        assert batch.receipt.text == {"encoding": "windows-1252", "detected": ["encoding"]}


class TestEndsOfLineInCells:
    @pytest.mark.parametrize("before", range(70))
    def test_both_characters_stay_wherever_the_parser_cuts_the_text(self, before, monkeypatch):
        monkeypatch.setattr("vertebra.landing.parsing.csv_reader._BLOCKS", (64, 1 << 20))
        cells = ["x" * before + "\r\n\r\n", "\n\r\r\n\n"]
        content = "".join(f'"{cell}",1\r\n' for cell in cells)
        _, found = through(content.encode(), header=False)
        assert [row[0] for row in found] == cells


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_the_delimiter_is_told_and_recorded(self, collected, project, delimiter):
        rows = [["a", "b", "c"], ["1", '"x;y|z\t,"', "5"], ["", "", ""]]
        batch = receipt_of(collected, project, "\n".join(delimiter.join(row) for row in rows).encode())
        assert records(batch)[0]["b"] == "x;y|z\t,"
        assert batch.receipt.text["delimiter"] == delimiter
        assert batch.receipt.columns == ("a", "b", "c")

    def test_decimal_commas_and_one_column_of_prose_do_not_mislead(self, landed):
        assert landed(b"a;b\n1,5;2,5\n3,5;4,5\n") == [{"a": "1,5", "b": "2,5"}, {"a": "3,5", "b": "4,5"}]
        assert landed(b"note\nsome prose; with more\nmore\n", "prose.csv")[0] == {"note": "some prose; with more"}


class TestRaggedRecords:
    def test_they_are_kept_in_their_place_and_marked_with_no_cell_in_anothers_column(self, collected, project):
        batch = receipt_of(collected, project, b'a,b\n1,2\n\n3\n"x\ny",4\n5,6,"q,\nz"\n7,8\n')
        assert records(batch) == [
            {"a": "1", "b": "2"},
            {"a": None, "b": None, "_ragged": "3"},
            {"a": "x\ny", "b": "4"},
            {"a": None, "b": None, "_ragged": '5,6,"q,\nz"'},
            {"a": "7", "b": "8"},
        ]
        assert batch.receipt.text["ragged"] == 2
        assert batch.receipt.columns == ("a", "b")

    def test_they_keep_their_place_over_blocks(self, landed, monkeypatch):
        monkeypatch.setattr("vertebra.landing.parsing.csv_reader._BLOCKS", (64, 1 << 20))
        lines = [f"{n},{n}" if n % 7 else (f"{n}" if n % 2 else f"{n},{n},\x00") for n in range(1, 500)]
        rows = landed("\n".join(["a,b", *lines, ""]).encode())
        assert [row.get("_ragged") or f"{row['a']},{row['b']}" for row in rows] == lines

    def test_they_can_be_filled_or_refused(self, collected, project):
        content = b"a,b,c\n1,2,3\n4,5\n6,7,8, ,\n9,8,7,6\n"
        batch = receipt_of(collected, project, content, ragged="fill")
        assert [tuple(row.values()) for row in records(batch)] == [
            ("1", "2", "3"), ("4", "5", None), ("6", "7", "8"), (None, None, None, "9,8,7,6"),
        ]  # fmt: skip
        assert (batch.receipt.text["filled"], batch.receipt.text["ragged"]) == (2, 1)

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"a,b\n1,2\n3\n", "line 3 has 1 cell, the others have 2"),
            (b'a,b\n"x\ny",2\n\n3,4,5\n', "line 5 has 3 cells, the others have 2"),
        ],
    )
    def test_a_batch_with_one_is_refused_where_that_is_declared(self, landed, content, says):
        with pytest.raises(CollectError, match=re.escape(says)):
            landed(content, ragged="refuse")

    def test_a_last_record_without_end_of_line_is_a_cut_off_file(self, landed):
        with pytest.raises(CollectError, match="is cut off: its last line, 4, has 1 of 3 cells and no line end"):
            landed(b"a,b,c\n1,2,3\n4,5,6\n7")
        assert landed(b"a,b,c\n1,2,3\n4,5,6\n7\n", "ended.csv")[2]["_ragged"] == "7"

    def test_a_text_in_which_most_are_ragged_is_read_wrongly(self, landed):
        with pytest.raises(CollectError, match="3 of 3 records do not have 1 cell as the first one") as caught:
            landed(b"Report of 2013\na,b\n1,2\n3,4\n")
        assert "most records have 2 cells: lines come before the header" in caught.value.cause
        assert "skip" in caught.value.remedy
        assert landed(b"Report of 2013\na,b\n1,2\n3,4\n", "skipped.csv", skip=1)[1] == {"a": "3", "b": "4"}

    def test_records_of_many_widths_come_from_unquoted_delimiters(self, landed):
        with pytest.raises(CollectError, match="3 of 4 records do not have 2 cells") as caught:
            landed(b"id,text\n1,plain\n2,one, two\n3,one, two, three\n4,a,b,c,d\n")
        assert "texts have the delimiter without quotes" in caught.value.cause
        assert "header" not in caught.value.cause

    def test_an_open_quote_is_still_told_from_a_ragged_record(self, landed):
        with pytest.raises(CollectError, match="ends inside a quoted cell"):
            landed(b'a,b\n1,2\n3\n4,"5\n6,7\n')

    def test_a_column_of_the_payload_may_have_the_name_of_the_mark(self, landed):
        assert landed(b"_ragged,b\n1,2\n3\n") == [
            {"_ragged_2": "1", "b": "2"}, {"_ragged_2": None, "b": None, "_ragged": "3"},
        ]  # fmt: skip


class TestLinesThatAreNoRecords:
    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
    def test_lines_before_the_header_and_comments_are_left_out(self, landed, monkeypatch, newline, size):
        monkeypatch.setattr("vertebra.landing.parsing.encoding.BUFFER", size)
        lines = [
            "Open data, of",
            '"the city',
            "#c",
            "a,b",
            "# it's \"open",
            '1,"x',
            '# inside ""y"',
            "#2,3",
            "4,5",
            "#",
        ]
        rows = landed(newline.join(lines).encode(), skip=2, comment="#")
        assert rows == [{"a": "1", "b": f'x{newline}# inside "y'}, {"a": "4", "b": "5"}]

    def test_lines_are_counted_with_them(self, landed):
        with pytest.raises(CollectError, match="line 5 has 1 cell"):
            landed(b"title\n#\na,b\n# x\n1\n", skip=1, comment="#", ragged="refuse")

    def test_a_mark_of_several_characters_and_escapes_are_understood(self, landed):
        content = b'// made on Monday\na,b\n1,"x\\"\n//"\n/2,3\n//\n'
        assert landed(content, comment="//", escape="\\") == [{"a": "1", "b": 'x"\n//'}, {"a": "/2", "b": "3"}]

    @given(
        text=st.lists(st.sampled_from(["a", ",", '"', "#", "\\", "\r", "\n", "\r\n", "é"]), max_size=30).map("".join),
        size=st.integers(1, 9),
        parse=st.fixed_dictionaries(
            {"skip": st.integers(0, 2), "comment": st.sampled_from([None, "#", "##"])},
            optional={"escape": st.just("\\"), "quote": st.just("")},
        ),
        blank=st.booleans(),
    )
    def test_the_size_of_the_blocks_makes_no_difference(self, text, size, parse, blank):
        def read() -> bytes:
            stream, declared_ = io.BytesIO(text.encode()), CsvOptions(format="csv", **parse)
            return b"".join(csv_text(stream, Encoding("utf-8", "utf-8", True), declared_, ",", blank=blank))

        whole = read()
        with mock.patch("vertebra.landing.parsing.encoding.BUFFER", size):
            assert read() == whole

    @pytest.mark.parametrize("parse", [{"comment": "#"}, {"skip": 1}])
    def test_a_line_or_quote_without_an_end_takes_linear_time(self, parse):
        stream = io.BytesIO(b'a,b\n1,"' + b"x, " * (16 << 20) if "comment" in parse else b"x, " * (16 << 20))
        began = time.process_time()
        size = sum(map(len, csv_text(stream, Encoding("utf-8", "utf-8", True), CsvOptions(format="csv", **parse), ",")))
        assert size == (len(stream.getbuffer()) if "comment" in parse else 0)
        assert time.process_time() - began < 4

    @pytest.mark.parametrize("before", [0, 1 << 20])
    def test_a_record_longer_than_the_longest_is_refused_with_its_line(self, landed, monkeypatch, before):
        monkeypatch.setattr("vertebra.landing.parsing.csv_text.LONGEST_RECORD", 1 << 20)
        content = b"#\na,b\n" + b"1,2\n" * before + b'3,"' + b"x\n" * (1 << 20)
        with pytest.raises(CollectError, match="has a record of more than 128 MB") as told:
            landed(content, comment="#")
        assert f"a quote opened in line {before + 3:,} is never closed" in told.value.cause
