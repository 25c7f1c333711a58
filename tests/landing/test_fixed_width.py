"""Fixed-width text: cells at their positions, and no text is lost or gets into another column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from effort import examples
from landing.readings import declared, records
from landing.test_cut_records import cut_and_parsed
from vertebra.declare.dataset import Column
from vertebra.errors import CollectError
from vertebra.landing.erasure.recognise import ragged_matches
from vertebra.landing.parsing.fixed_width_reader import SPLIT_REASON

FIELDS = {"id": "1-4", "name": "6-13", "n": "14-"}
FIXED: dict[str, Any] = {"format": "fixed_width", "fields": FIELDS}
TEXT = "   1 Łódź      -1.50\n   2 Ann Lee 007\n\n   3 Bo\n"
ROWS = [
    {"id": "1", "name": "Łódź", "n": "-1.50"},
    {"id": "2", "name": "Ann Lee", "n": "007"},
    {"id": "3", "name": "Bo", "n": None},
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1250"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_cells_lose_the_blanks_that_fill_them_and_short_lines_are_filled(landed: Any, encoding: str, end: str) -> None:
    content = TEXT.replace("\n", end).encode(encoding) + b"\x1a"[: encoding != "utf-16"]
    told = {"encoding": encoding} if encoding.startswith("win") else {}
    assert landed(content, "a.txt", **FIXED, **told) == ROWS


def test_fields_may_be_widths_and_may_overlap(landed: Any) -> None:
    rows = landed(b"20240131x9\n", "a.txt", format="fixed_width", fields={"day": 8, "flag": 1, "n": 1, "year": "1-4"})
    assert rows == [{"day": "20240131", "flag": "x", "n": "9", "year": "2024"}]


@pytest.mark.parametrize(
    "fields", [{"a": "0-3"}, {"a": "5-3"}, {"a": "3"}, {"a": 0}, {"a": "4-", "b": 3}, {}, {"a": True}, {"a": "x-y"}]
)
def test_fields_without_a_place_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        declared("a.txt", format="fixed_width", fields=fields)


RULED = {
    "sqlcmd": "Stations 2024\n\nid   the name  n\n---- --------- -----\n   1 Łódź      -1.50\n   2 Ann Lee 7   007\n",
    "psql": " id | the name  |   n   \n----+-----------+-------\n  1 | Łódź      | -1.50\n  2 | Ann Lee 7 |   007\n",
    "mysql": "+----+-----------+-------+\n| id | the name  | n     |\n+----+-----------+-------+\n"
    "| 1  | Łódź      | -1.50 |\n| 2  | Ann Lee 7 | 007   |\n+----+-----------+-------+\n",
    "two lines": "     the\nid   name      n\n==== ========= =====\n   1 Łódź      -1.50\n\n   2 Ann Lee 7   007",
}


@pytest.mark.parametrize("kind", RULED)
def test_a_line_of_dashes_shows_the_columns(landed: Any, kind: str) -> None:
    assert landed(RULED[kind].encode(), "a.txt", format="fixed_width") == [
        {"id": "1", "the name": "Łódź", "n": "-1.50"},
        {"id": "2", "the name": "Ann Lee 7", "n": "007"},
    ]


@pytest.mark.parametrize(
    ("text", "parse", "says"),
    [
        ("id name\n1  Ann\n", {}, "has no line of dashes"),
        (
            "id  name of\n--- -------\n1   Ann\n\nid  name of\n--- -------\n2   Bo\n",
            {},
            "line 5 of a.txt repeats the header",
        ),
        ("id the name\n---- -----\n1    Ann\n", {}, "does not fit its line of dashes"),
        ("1\tAnn\n2\tBo\n", {"fields": FIELDS}, "2 of 2 lines cannot be cut into fields"),
        ("1,Ann,5\n2,Eve,6\n", {"fields": FIELDS}, "2 of 2 lines cannot be cut into fields"),
        ("12345\n12345\n12345\n123", {"fields": {"id": 4, "n": 1}}, "is cut off in line 4"),
        ("", {"fields": FIELDS}, "is empty"),
        ("\n \n", {"fields": FIELDS}, "has no records"),
        ("", {}, "is empty"),
        ("x" * (2 << 20), {"fields": FIELDS}, "has more than 1 million characters"),
        ("<html><body>", {"fields": FIELDS}, "is an HTML page"),
        ("PAR1", {"fields": FIELDS}, "is a Parquet file"),
        (
            "   1 Ann      5\n   2xAnn      5\n",
            {"fields": {"id": "1-4", "name": "6-"}, "ragged": "refuse"},
            "line 2 of",
        ),
    ],
)
def test_what_cannot_be_read_right_is_refused(landed: Any, text: str, parse: dict[str, Any], says: str) -> None:
    with pytest.raises(CollectError) as caught:
        landed(text.encode(), "a.txt", format="fixed_width", **parse)
    assert says in caught.value.fact


def test_lines_with_text_outside_of_the_fields_or_a_tab_are_kept_and_marked(project: Path, collected: Any) -> None:
    (project / "a.txt").write_text("# made by hand\n17 Ann  5\n18 Bo   6 7\n19 Cy   7\n20\tDee 8\n21 Eve  9\n")
    fields = {"id": "1-2", "name": "4-6", "n": "9-9"}
    dataset = declared("a.txt", format="fixed_width", fields=fields, comment="#")
    (batch,) = collected(dataset).new
    assert [row.get("id") for row in records(batch)] == ["17", None, "19", None, "21"]
    table = pq.read_table(batch.records)
    assert table["_ragged"].to_pylist() == [None, "18 Bo   6 7", None, "20\tDee 8", None]
    why = table["_ragged_reason"].to_pylist()
    assert (why[1], why[3]) == ("has text outside of the fields", "has a tab, so that positions cannot be counted")
    assert batch.receipt.text["out_of_place"] == 2
    with_id = dataset.model_copy(update={"columns": {"id": Column()}})
    assert ragged_matches(batch, with_id, {"id": "18"}) == [1]


def test_tabs_are_expanded_as_declared(landed: Any) -> None:
    assert landed(
        b"1\tAnn\t5\n12345678Bo\n", "a.txt", format="fixed_width", tabs=8, fields={"a": 8, "b": 8, "c": "17-"}
    ) == [
        {"a": "1", "b": "Ann", "c": "5"},
        {"a": "12345678", "b": "Bo", "c": None},
    ]


def test_positions_in_bytes_of_the_encoding(landed: Any) -> None:
    lines = [f"{name.encode().ljust(8).decode()}{n}" for name, n in (("São", 17), ("Ann", 18), ("Zoë", 19))]
    assert len(lines[0]) < len(lines[1])
    text = "\n".join([*lines, "1234567ë5"])
    rows = landed(text.encode(), "a.txt", format="fixed_width", fields={"name": 8, "n": 2}, positions="bytes")
    assert rows[:3] == [{"name": "São", "n": "17"}, {"name": "Ann", "n": "18"}, {"name": "Zoë", "n": "19"}]
    assert (rows[3]["name"], rows[3]["_ragged_reason"]) == (None, SPLIT_REASON)


CELL = st.text(st.sampled_from("ab 1é-#"), max_size=5).map(str.strip)


@settings(max_examples=examples(fast=20, thorough=150), deadline=None)
@given(st.data())
def test_records_are_those_that_were_written_and_can_be_cut_out(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.tuples(CELL.filter(bool), CELL, CELL), min_size=2, max_size=8))
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    ruled = data.draw(st.booleans())
    align = data.draw(st.sampled_from("<>"))
    lines = [" ".join(f"{cell:{align}6}" for cell in row) for row in rows]
    lines = [line.rstrip() if data.draw(st.booleans()) else line for line in lines]
    head = ["p      q      r", "------ ------ ------"] if ruled else ["about 17"]
    text = end.join([*head, *(line + data.draw(st.sampled_from(["", end])) for line in lines)]) + end
    fields = None if ruled else {"p": "1-6", "q": "8-13", "r": "15-20"}
    parse = {"format": "fixed_width", "fields": fields, "skip": 0 if ruled else 1}
    dropped = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=len(rows) - 1, unique=True).map(sorted))
    folder = tmp_path_factory.mktemp("fixed")
    wanted, found = cut_and_parsed(folder, "a.txt", text.encode(encoding), parse, dropped)
    assert found == wanted
    kept = [row for place, row in enumerate(rows) if place not in dropped]
    assert [tuple(row[name] or "" for name in "pqr") for row in found] == kept
