"""Each format becomes the same thing: every cell as text."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from landing.readings import declared, records
from vertebra.declare.parse import FORMATS
from vertebra.errors import CollectError
from vertebra.landing.parsing.column_names import unique_names
from vertebra.landing.parsing.declared import parse_declaration
from vertebra.landing.parsing.format import format_named
from vertebra.landing.web.content import check_answer
from vertebra.landing.web.download import Download
from vertebra.landing.web.errors import RefusedAnswerError


class TestCsv:
    def test_only_an_empty_cell_without_quotes_is_null_and_nothing_is_taken_for_a_number(self, landed):
        assert landed(b"a,b\nNA,007\n,1.50\n\"\",null\n") == [
            {"a": "NA", "b": "007"}, {"a": None, "b": "1.50"}, {"a": "", "b": "null"},
        ]  # fmt: skip

    def test_quotes_hold_delimiters_newlines_and_quotes(self, landed):
        assert landed(b'a,b\n"x,\r\ny","say ""hi"""\n') == [{"a": "x,\r\ny", "b": 'say "hi"'}]

    def test_delimiter_quote_and_escape_are_as_declared(self, landed):
        assert landed(b"a\tb\n'x\ty'\t\"q\n", delimiter="\t", quote="'") == [{"a": "x\ty", "b": '"q'}]
        assert landed(b'a|b\n"x|y"\n', "no_quote.csv", delimiter="|", quote="") == [{"a": '"x', "b": 'y"'}]
        assert landed(b'a,b\n"x\\"y",1\n', "escape.csv", delimiter=",", escape="\\") == [{"a": 'x"y', "b": "1"}]

    def test_a_file_without_header_gets_positions_or_declared_names(self, landed):
        assert landed(b"1,2\n3,4\n", "plain.csv", header=False)[1] == {"c0": "3", "c1": "4"}
        assert landed(b"1,2\n3,5\n", "names.csv", header=False, names=["id", "n"])[1] == {"id": "3", "n": "5"}

    @pytest.mark.parametrize("header", [True, False])
    def test_the_first_record_may_have_a_long_cell(self, landed, header):
        content = b"x" * 200_000 + b",b\n1,2\n"
        (*_, last) = landed(content, header=header)
        assert list(last.values()) == ["1", "2"]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252", "iso-8859-1", "cp850"])
    def test_encodings_are_decoded(self, landed, encoding):
        content = "cañón,b\nà la carte,ñ\n".encode(encoding)
        declared_as = "utf-8" if encoding == "utf-8-sig" else encoding
        assert landed(content, encoding=declared_as) == [{"cañón": "à la carte", "b": "ñ"}]

    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("end", ["", "newline"])
    def test_every_newline_ends_a_record_and_the_last_may_lack_it(self, landed, newline, end):
        text = newline.join(["a,b", "1,2", "3,4"]) + (newline if end else "")
        assert landed(text.encode()) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]

    def test_blank_lines_are_records_only_where_a_record_is_one_cell(self, landed):
        assert landed(b"\n\na,b\n\n1,2\n\n") == [{"a": "1", "b": "2"}]
        assert landed(b"\n1,2\n\n3,4", "plain.csv", header=False) == [{"c0": "1", "c1": "2"}, {"c0": "3", "c1": "4"}]
        assert landed(b"\na\n1\n\n2\n", "one.csv") == [{"a": "1"}, {"a": None}, {"a": "2"}]

    def test_a_header_alone_is_no_records(self, landed):
        assert landed(b"a,b\n") == []
        assert landed(b"a,c", "no_newline.csv") == []

    def test_a_record_may_be_longer_than_a_block(self, landed):
        filling = [f"{n},\n\n" for n in range(1_000_000)]
        rows = landed(f"a,b\n{''.join(filling)}{'x' * (9 << 20)},3\n4,5\n".encode())
        assert [row["a"] for row in rows[:1_000_000]] == [str(n) for n in range(1_000_000)]
        assert [(len(row["a"]), row["b"]) for row in rows[1_000_000:]] == [(9 << 20, "3"), (1, "5")]

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b'a,b\n1,"2\n3,4\n', "ends inside a quoted cell"),
            (b'a\n"', "ends inside a quoted cell"),
            (b"", "is empty"),
            (b"\n\n", "is empty"),
            (b"<!DOCTYPE html>\n<html><body>a,b</body></html>", "is an HTML page, not data"),
        ],
    )
    def test_what_is_not_whole_is_refused(self, landed, content, says):
        with pytest.raises(CollectError, match=re.escape(says)):
            landed(content)

    def test_the_line_of_an_open_quote_is_told(self, landed):
        with pytest.raises(CollectError, match="a quote opened in line 3 is never closed"):
            landed(b'a,b\n1,2\n3,"4\n5,6\n')

    def test_an_unknown_encoding_is_told(self, landed):
        with pytest.raises(CollectError, match="there is no encoding 'klingon'"):
            landed(b"a\n1\n", encoding="klingon")


class TestNames:
    def test_blank_and_repeated_names_are_made_unique(self):
        assert unique_names(["a", "", "a", " ", "A"]) == ("a", "c1", "a_2", "c3", "A_3")

    def test_a_name_of_the_payload_is_kept_before_one_is_made_up(self):
        assert unique_names(["a", "a", "a_2"]) == ("a", "a_3", "a_2")
        assert unique_names(["c1", ""]) == ("c1", "c1_2")

    def test_the_record_column_is_not_taken(self):
        assert unique_names(["_record"]) == ("_record_2",)

    def test_they_reach_the_receipt(self, project, collected):
        (project / "r.csv").write_text("x,,x\n1,2,3\n")
        (batch,) = collected(declared("r.csv")).new
        assert batch.receipt.columns == ("x", "c1", "x_2")
        assert records(batch) == [{"x": "1", "c1": "2", "x_2": "3"}]


NUMBERS = ["1.10", "1e5", "-0", "-0.0", "12345678901234567890123", "0.1000000000000000055", "100.0", "1E400", "1e-7",
           "0.00001", "5", "-17", "123456789.123456789"]  # fmt: skip


class TestJson:
    @pytest.mark.parametrize("number", NUMBERS)
    def test_numbers_stay_as_they_are_written(self, landed, number):
        content = f'{{"n": {number}, "t": "{number}", "in": {{"x": [{number}, "a: 1.10"]}}}}'
        (row,) = landed(content.encode(), format="jsonl")
        assert (row["n"], row["t"]) == (number, number)
        assert row["in"] == f'{{"x":[{number},"a: 1.10"]}}'

    def test_missing_keys_and_null_are_null_and_text_is_not(self, landed):
        rows = landed(b'{"a": 1, "b": null}\n{"a": "", "c": "null"}\n', format="jsonl")
        assert rows == [{"a": "1", "b": None, "c": None}, {"a": "", "b": None, "c": "null"}]

    def test_nested_values_are_json_text(self, landed):
        (row,) = landed('{"o": {"k": "é\\n"}, "l": [1, true, null], "t": true}'.encode(), format="jsonl")
        assert json.loads(row["o"]) == {"k": "é\n"}
        assert (row["l"], row["t"]) == ("[1,true,null]", "true")

    @pytest.mark.parametrize(
        "content",
        ['[{"a": 1}, {"a": 2}]', '\ufeff[ {"a":1},\n{"a":2} ]\n', '{"a": 1}{"a": 2}', '{"a":\n1}\n\n{"a": 2}'],
        ids=["array", "byte order mark", "concatenated", "pretty"],
    )
    def test_records_come_in_an_array_or_one_after_the_other(self, landed, content):
        assert landed(content.encode(), format="json") == [{"a": "1"}, {"a": "2"}]

    def test_records_are_found_at_a_path(self, landed):
        body = {"help": 'x [ " {', "result": {"fields": [{"id": "a"}], "records": [{"a": 1.5, "b": "]"}], "total": 1}}
        rows = landed(json.dumps(body).encode(), format="json", records="result.records")
        assert rows == [{"a": "1.5", "b": "]"}]

    def test_a_path_is_followed_over_the_borders_of_blocks(self, landed, monkeypatch):
        monkeypatch.setattr("vertebra.landing.parsing.json_array._BLOCK", 3)
        body = {"n": 12345, "t": 'a "quoted\\" [', "r": {"x": [[1], {"y": "]"}], "d": [{"a": "x\\", "b": [1, 2]}] * 3}}
        rows = landed(json.dumps(body, indent=1).encode(), format="json", records="r.d")
        assert rows == [{"a": "x\\", "b": "[1,2]"}] * 3

    def test_keys_of_all_records_are_columns(self, landed):
        rows = landed(b'{"z": 1, "a": 2}\n{"k/~.\\"\'": 3, "0": 4}\n{"": 5}\n', format="jsonl")
        assert list(rows[0]) == ["z", "a", "c2", "0", "k/~.\"'"]
        assert rows[1] == {"z": None, "a": None, "c2": None, "0": "4", "k/~.\"'": "3"}
        assert rows[2]["c2"] == "5"

    def test_other_encodings_are_decoded(self, landed):
        assert landed('[{"a": "ñ"}]'.encode("utf-16"), format="json", encoding="utf-16") == [{"a": "ñ"}]

    @pytest.mark.parametrize(
        ("content", "parse", "says"),
        [
            (b'[{"a": 1}, {"a": 2}', {}, "is not JSON as declared"),
            (b'{"a": 1}\n{"a":', {"format": "jsonl"}, "is not JSON as declared"),
            (b"[1, 2]", {}, "2 records that are not JSON objects"),
            (b'{"a": 1, "a": 2}', {"format": "jsonl"}, "a record with the same key twice"),
            (b"[]", {}, "has no records"),
            (b" ", {}, "is empty"),
            (b'{"result": {"records": [{"a": 1}]', {"records": "result.records"}, "ends in the middle"),
            (b'{"result": {"records": [{"a": 1}', {"records": "result.records"}, "ends in the middle"),
            (b'{"success": false, "error": {}}', {"records": "result.records"}, "has no key 'result'"),
            (b'{"result": {"records": {}}}', {"records": "result.records"}, "has no array of records"),
            (b"<html>busy</html>", {}, "is an HTML page"),
            (b'[{"a": "\xe9"}]', {"encoding": "utf-8"}, "is not JSON as declared"),
        ],
    )
    def test_what_is_not_whole_is_refused(self, landed, content, parse, says):
        with pytest.raises(CollectError, match=re.escape(says)):
            landed(content, **({"format": "json"} | parse))

    @pytest.mark.parametrize(
        ("content", "parse"),
        [(b"[]", {}), (b'{"a": {"b": []}}', {"records": "a.b"})],
    )
    def test_no_records_can_be_declared_right(self, project, collected, content, parse):
        (project / "data.json").write_bytes(content)
        dataset = declared("data.json", format="json", **parse)
        accepting = dataset.model_copy(update={"collect": dataset.collect.model_copy(update={"empty": "accept"})})
        (batch,) = collected(accepting).new
        assert (records(batch), batch.receipt.records, batch.receipt.columns) == ([], 0, ())


def parquet_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


class TestParquet:
    def test_types_become_canonical_text(self, landed):
        table = pa.table(
            {
                "i": pa.array([1, None], pa.int64()),
                "u": pa.array([2**64 - 1, 0], pa.uint64()),
                "f": pa.array([0.1, 1e300]),
                "d": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
                "b": [True, False],
                "s": ["", "NA"],
                "day": [date(2013, 1, 1), None],
                "local": pa.array([datetime(2013, 1, 1, 5), None], pa.timestamp("us")),
                "instant": pa.array(
                    [datetime(2013, 1, 1, 5, tzinfo=UTC), None], pa.timestamp("us", "America/New_York")
                ),
                "raw": [b"\x00\xff", b""],
                "list": [[1, 2], None],
                "struct": [{"x": 1.5}, {"x": None}],
                "dictionary": pa.array(["x", "y"]).dictionary_encode(),
                "S": ["other", "case"],
            }
        )
        rows = landed(parquet_bytes(table), format="parquet")
        assert rows[0] == {
            "i": "1", "u": "18446744073709551615", "f": "0.1", "d": "1.50", "b": "true", "s": "", "day": "2013-01-01",
            "local": "2013-01-01 05:00:00", "instant": "2013-01-01 05:00:00+00", "raw": "00ff", "list": "[1,2]",
            "struct": '{"x":1.5}', "dictionary": "x", "S_2": "other",
        }  # fmt: skip
        assert rows[1]["f"] == "1e+300"
        assert [rows[1][name] for name in ("i", "d", "day", "local", "instant", "list")] == [None] * 6

    def test_order_is_kept_over_many_row_groups(self, landed):
        table = pa.table({"n": range(100_000)})
        sink = io.BytesIO()
        pq.write_table(table, sink, row_group_size=1_000)
        rows = landed(sink.getvalue(), format="parquet")
        assert [row["n"] for row in rows] == [str(n) for n in range(100_000)]

    def test_a_cut_off_file_is_refused(self, landed):
        with pytest.raises(CollectError, match="cannot be read as Parquet"):
            landed(parquet_bytes(pa.table({"a": range(1000)}))[:-20], format="parquet")


class TestAvro:
    SCHEMA = {  # noqa: RUF012
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "n", "type": ["null", "long"]},
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "l", "type": {"type": "array", "items": "string"}},
            {"name": "u", "type": ["string", "double"]},
        ],
    }

    def content(self, count: int = 1) -> bytes:
        row = {"n": None, "t": datetime(2013, 1, 1, 5, tzinfo=UTC), "l": ["é"], "u": 1.5}
        sink = io.BytesIO()
        fastavro.writer(sink, self.SCHEMA, [row | {"n": n} for n in range(count)], sync_interval=1000)
        return sink.getvalue()

    def test_types_become_canonical_text(self, landed):
        (row,) = landed(self.content(), format="avro")
        assert row == {"n": "0", "t": "2013-01-01 05:00:00+00", "l": '["é"]', "u": "1.5"}

    def test_order_is_kept_over_blocks(self, landed):
        assert [row["n"] for row in landed(self.content(5000), format="avro")] == [str(n) for n in range(5000)]

    def test_a_cut_off_file_is_refused(self, landed):
        with pytest.raises(CollectError, match="cannot be read as Avro"):
            landed(self.content(5000)[:-7], format="avro")

    def test_other_bytes_are_refused(self, landed):
        with pytest.raises(CollectError, match="cannot be read as Avro"):
            landed(b"a,b\n1,2\n", format="avro")


OWN_OPTIONS: dict[str, dict[str, object]] = {
    "xlsx": {"sheet": None},
    "fixed_width": {"fields": None, "positions": "characters", "tabs": None},
    "xml": {"lists": [], "prefixes": "keep"},
}


def test_a_receipt_has_every_option_whatever_the_format_so_that_landed_batches_are_not_parsed_again():
    always: dict[str, object] = {"member": "*", "encoding": None, "delimiter": None, "quote": '"', "escape": None}
    always |= {"header": True, "names": [], "skip": 0, "comment": None, "ragged": "keep", "records": None}
    for name in FORMATS:
        own = OWN_OPTIONS.get(name, {})
        expected = always | own | {"format": name, "parser": format_named(name).version}
        assert parse_declaration(declared("a", format=name)) == expected
    assert parse_declaration(declared("a", format="json", records="a.b")) == always | {
        "format": "json",
        "parser": format_named("json").version,
        "records": "a.b",
    }


@pytest.mark.parametrize(
    ("content", "body", "sound"),
    [
        ("xml", b"<?xml version='1.0'?><rows/>", True),
        ("xml", b"<!DOCTYPE html><html></html>", False),
        ("text", b"<?xml version='1.0'?><rows/>", False),
        ("text", b'{"detail": "too many requests"}', False),
        ("json", b'{"detail": "a field of a record"}', True),
        ("binary", b"\x00\x01\x02", True),
        ("binary", b"<html>down</html>", False),
    ],
)
def test_what_a_format_holds_decides_which_answers_are_refused(tmp_path, content, body, sound):
    wanted = SimpleNamespace(name="other", content=content, signature=b"")
    (tmp_path / "answer").write_bytes(body)
    answer = Download(tmp_path / "answer", "https://example.org/a", {})
    if sound:
        check_answer(answer, wanted)
    else:
        with pytest.raises(RefusedAnswerError):
            check_answer(answer, wanted)
