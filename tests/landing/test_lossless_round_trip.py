"""Any text goes through the landing zone and comes back as it was."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from effort import examples
from landing.readings import declared
from vertebra.landing.parsing.json_array import copy_array
from vertebra.landing.records import write_records

# A CSV reader takes what a CSV writer writes: any text at all, but for halves of surrogate pairs, which UTF-8 has not.
# Cells that mean something to careless readers come up often.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "NA", "NULL", "null", "nan", "007", "1.50", "1e5", " x ", '"', '""', "a,b", "a;b", "\r\n", "\n", "\r", "\\", "\\N",
     "'", "\t", "\ufeff", "\x00", "\x03end\x03", "true", "2013-01-01", "İ", "𝄞"]
)  # fmt: skip
SETTINGS = settings(deadline=None, max_examples=examples(fast=10, thorough=30))


def tables(cells: st.SearchStrategy[Any] = TEXT) -> st.SearchStrategy[list[list[Any]]]:
    return st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
    )


def through_with_marks(content: bytes, **parse: Any) -> tuple[tuple[str, ...], list[list[str | None]], Any]:
    with TemporaryDirectory() as folder:
        payload, target, scratch = (Path(folder) / name for name in ("payload", "records.parquet", "scratch"))
        payload.write_bytes(content)
        scratch.mkdir()
        written = write_records(payload, "payload", "0f" * 32, declared("payload", **parse), target, scratch)
        columns = pq.read_table(target).to_pydict()
    marks = columns.pop("_ragged", None)
    columns.pop("_ragged_reason", None)
    assert columns.pop("_record") == list(range(written.records))
    assert tuple(columns) == written.columns
    assert (marks is not None) == any(fact in written.text for fact in ("ragged", "filled", "misquoted"))
    return written.columns, [list(row) for row in zip(*columns.values(), strict=True)], marks


def through(content: bytes, **parse: Any) -> tuple[tuple[str, ...], list[list[str | None]]]:
    columns, rows, _ = through_with_marks(content, **parse)
    return columns, rows


@SETTINGS
@given(
    rows=tables(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quote=st.sampled_from(['"', "'"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    block=st.sampled_from([64, 256, 1 << 20]),
)
def test_csv_gives_back_every_cell(rows, delimiter, quote, newline, encoding, block):
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, delimiter=delimiter, quotechar=quote, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerows([[f"column {n}" for n in range(len(rows[0]))], *rows])
    content = sink.getvalue().encode(encoding)
    with patch("vertebra.landing.parsing.csv_reader._BLOCKS", (block, 1 << 20)):
        _, found = through(content, delimiter=delimiter, quote=quote, encoding=encoding)
    assert found == rows


def in_encoding(encoding: str) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(encoding), tables(st.text(st.characters(codec=encoding), max_size=12)))


@SETTINGS
@given(
    written=st.sampled_from(["windows-1252", "iso-8859-1", "cp850", "utf-16-be", "utf-8"]).flatmap(in_encoding),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    doubled=st.booleans(),
    block=st.sampled_from([64, 256, 1 << 20]),
)
def test_csv_gives_back_every_cell_of_every_encoding_with_quotes_doubled_or_escaped(written, delimiter, doubled, block):
    encoding, rows = written
    sink = io.StringIO(newline="")
    style = {"doublequote": doubled, "escapechar": None if doubled else "\\", "quoting": csv.QUOTE_ALL}
    csv.writer(sink, delimiter=delimiter, **style).writerows(rows)
    declaration = {"delimiter": delimiter, "escape": style["escapechar"], "encoding": encoding, "header": False}
    with patch("vertebra.landing.parsing.csv_reader._BLOCKS", (block, 1 << 20)):
        _, found = through(sink.getvalue().encode(encoding), **declaration)
    assert found == rows


@SETTINGS
@given(
    rows=tables(),
    ragged=st.lists(st.lists(TEXT, max_size=6), max_size=4),
    places=st.lists(st.integers(0, 8), min_size=4, max_size=4),
    block=st.sampled_from([64, 1 << 20]),
)
def test_csv_gives_back_ragged_records_in_their_place(rows, ragged, places, block):
    width = len(rows[0])
    ragged = [row for row in ragged if len(row) not in (0, width)][: len(rows) // 2]
    mixed: list[list[str]] = list(rows)
    for row, place in zip(ragged, places, strict=False):
        mixed.insert(min(place, len(mixed)), row)
    lines = []
    for row in [[f"column {n}" for n in range(width)], *mixed]:
        sink = io.StringIO(newline="")
        csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
        lines.append(sink.getvalue())
    with patch("vertebra.landing.parsing.csv_reader._BLOCKS", (block, 1 << 20)):
        _, found, marks = through_with_marks("".join(lines).encode(), encoding="utf-8", delimiter=",")
    assert found == [row if len(row) == width else [None] * width for row in mixed]
    texts = [None if len(row) == width else line[:-1] for row, line in zip(mixed, lines[1:], strict=True)]
    assert marks == (texts if ragged else None)


@SETTINGS
@given(rows=tables())
def test_csv_without_header_gives_back_every_cell_when_only_what_must_is_quoted(rows):
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\n").writerows(rows)
    content = sink.getvalue()
    # Python's writer leaves these unquoted, so that any reader takes them for the end of a line and a byte order mark.
    assume("\r" not in content and not content.startswith("\ufeff"))
    _, found = through(content.encode(), header=False, encoding="utf-8", delimiter=",")
    # the writer quotes an empty cell only where its record would be a blank line
    assert found == [[cell or (None if len(row) > 1 else "") for cell in row] for row in rows]


@SETTINGS
@given(names=st.lists(TEXT, min_size=2, max_size=6))
def test_csv_headers_of_any_text_give_unique_names(names):
    sink = io.StringIO(newline="")
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerows([names, ["x"] * len(names)])
    columns, found = through(sink.getvalue().encode())
    assert len({column.casefold() for column in columns}) == len(names)
    assert found == [["x"] * len(names)]
    if len({name.casefold() for name in names}) == len(names) and all(name.strip() for name in names):
        assert list(columns) == names


NUMBER = st.from_regex(
    r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True, alphabet="0123456789.eE+-"
)
SPACE = st.sampled_from(["", " ", "\t", " \r"])


@SETTINGS
@given(rows=tables(TEXT | st.none()), ascii_only=st.booleans())
def test_json_lines_give_back_every_text_and_null(rows, ascii_only):
    keys = [f"k{n}" for n in range(len(rows[0]))]
    lines = [json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=ascii_only) for row in rows]
    assert through("\n".join(lines).encode(), format="jsonl") == (tuple(keys), rows)


@SETTINGS
@given(rows=tables(st.tuples(NUMBER, TEXT)), space=SPACE)
def test_json_gives_back_every_number_as_written_also_next_to_any_text(rows, space):
    def cell(number: str, text: str) -> str:
        return f'{{"n":{number},"t":{json.dumps(text, ensure_ascii=False)},"l":[{number}]}}'

    records = []
    for row in rows:
        cells = [f'"k{n}":{space}{number},"t{n}":{cell(number, text)}' for n, (number, text) in enumerate(row)]
        records.append("{" + ",".join(cells) + "}")
    _, found = through(("[" + f",{space}".join(records) + "]").encode(), format="json")
    for row, read in zip(rows, found, strict=True):
        assert read[::2] == [number for number, _ in row]
        for (number, text), nested in zip(row, read[1::2], strict=True):
            assert nested is not None
            parsed = json.loads(nested, parse_int=str, parse_float=str)
            assert parsed == {"n": number, "t": text, "l": [number]}
            assert nested.startswith(f'{{"n":{number},"t":"')
            assert nested.endswith(f'"l":[{number}]}}')


@SETTINGS
@given(keys=st.lists(TEXT, min_size=1, max_size=6, unique=True))
def test_json_keys_of_any_text_find_their_values(keys):
    content = json.dumps({key: str(number) for number, key in enumerate(keys)}, ensure_ascii=False).encode()
    _, found = through(content, format="jsonl")
    assert found == [[str(number) for number in range(len(keys))]]


@SETTINGS
@given(
    rows=st.lists(st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT, max_size=3), max_size=3), max_size=4),
    siblings=st.lists(TEXT, max_size=2),
    block=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
)
def test_json_array_is_found_at_its_path_whatever_surrounds_it(rows, siblings, block, indent):
    around = [*siblings, {"data": "]}"}, 1.5, None]
    document = {"a": around, "x": {"help": siblings, "data": rows, "b": around}, "z": around}
    content = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    sink = io.BytesIO()
    with patch("vertebra.landing.parsing.json_array._BLOCK", block):
        copy_array(io.BytesIO(content), ["x", "data"], sink, "document")
    assert json.loads(sink.getvalue()) == rows
