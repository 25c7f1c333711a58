"""The repair method ``typo``: rare values that are one slip away from frequent ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trusted.table_repairs import likely, proposals
from vertebra.engine import Engine
from vertebra.trusted.repair.slips.candidates import slip_pairs
from vertebra.trusted.repair.table_methods.typo import METHOD

TOWNS = ["Barcelona", "Girona", "Tarragona", "Lleida"]
LONG = "patients assessed and given pneumonia vaccination before they left"
SLIPS = {
    "Barcelna": "Barcelona", "Barcellona": "Barcelona", "Bracelona": "Barcelona", "Girina": "Girona",
    "Tarraxona": "Tarragona",
}  # fmt: skip


def towns(*rare: str | None) -> dict[str, list[Any]]:
    """120 rows of four towns with their codes, and then others with codes of their own."""
    return {
        "code": [str(row % 4) for row in range(120)] + [f"{90 + place}" for place, _ in enumerate(rare)],
        "town": [TOWNS[row % 4] for row in range(120)] + list(rare),
    }


def test_slips_are_repaired_in_short_and_long_texts(engine: Engine, tmp_path: Path) -> None:
    table = towns(*SLIPS)
    table["text"] = [LONG, "another text that is much longer than a name"] * 60 + [
        LONG.replace("ee", "e").replace("gi", "ig")
    ]
    table["text"] += [None] * (len(table["town"]) - len(table["text"]))
    expected = {(120 + place, "town"): new for place, new in enumerate(SLIPS.values())} | {(120, "text"): LONG}
    found = proposals(METHOD, table, engine, tmp_path)
    assert likely(found) == expected
    cell = found[120, "town"]
    assert (cell["old"], cell["support"]) == ("Barcelna", 30)
    assert cell["evidence"] == "one slip away from a value that occurs 30 times"


def test_values_that_are_right_though_they_are_rare_are_left(sail: Engine, tmp_path: Path) -> None:
    usual = ["Phase II", "hour", "valid", "A-1234", "2011-12-02", "Girona", "AL", "12.5", "Anna"]
    rare = ["Phase I", "hours", "invalid", "A-1235", "2011-12-03", "Gerona Sud", "AK", "12.6", "Annabel"]
    table = {
        f"c{place}": [value] * 60 + ["something else"] * 60 + [other]
        for place, (value, other) in enumerate(zip(usual, rare, strict=True))
    }
    assert likely(proposals(METHOD, table, sail, tmp_path)) == {}


def test_values_that_one_source_writes_otherwise_are_no_slips(sail: Engine, tmp_path: Path) -> None:
    names = {
        "Barcelona": "Barcelone", "Tarragona": "Tarragone", "Figueras": "Figueres", "Valencia": "Valencio",
        "Saragossa": "Saragosse", "Pamplona": "Pamplone",
    }  # fmt: skip
    table = {"language": ["es"] * 240 + ["fr"] * 6, "town": [*list(names) * 40, *names.values()]}
    assert proposals(METHOD, table, sail, tmp_path / "all") == {}
    table["language"][240:] = ["es", "fr"] * 3
    assert len(proposals(METHOD, table, sail, tmp_path / "some")) == len(names)


def test_the_rest_of_the_row_decides(sail: Engine, tmp_path: Path) -> None:
    table = towns("Girnoa", "Girnoa")
    table["code"][120:] = ["1", "3"]
    found = proposals(METHOD, table, sail, tmp_path)
    assert found[120, "town"]["confidence"] > 0.9
    assert found[121, "town"]["confidence"] < 0.6


def test_a_value_between_two_frequent_ones_is_left(sail: Engine, tmp_path: Path) -> None:
    table = {"a": ["carpet", "carpel"] * 30 + ["carpex"]}
    assert likely(proposals(METHOD, table, sail, tmp_path)) == {}


def test_names_of_which_many_are_rare_are_left(sail: Engine, tmp_path: Path) -> None:
    rare = ["Erica", "Ivo", "Quim", "Tània", "Walter", "Xènia", "Yago", "Zoe", "Ulric", "Odette", "Pere", "Lluc"]
    table = {"first": ["Eric", "Maria", "Jordi", "Anna"] * 40 + ["Mario", "Ana", *rare]}
    assert likely(proposals(METHOD, table, sail, tmp_path)) == {}


def test_pairs_are_found_as_by_comparing_all(sail: Engine, tmp_path: Path) -> None:
    words = ["moltes", "vegades", "cirera", "taronja", "pera", "kilometre", "enciclopedia"]
    slips = {word: {word[:i] + word[i + 1 :] for i in range(len(word))} for word in words}
    slips = {word: made | {word[:i] + "q" + word[i:] for i in range(len(word))} for word, made in slips.items()}
    slips = {word: made | {word[:i] + "q" + word[i + 1 :] for i in range(len(word))} for word, made in slips.items()}
    slips = {
        word: made | {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
        for word, made in slips.items()
    }
    texts = [(word, 100) for word in words] + sorted(
        {(slip, 1) for made in slips.values() for slip in made} - {(word, 1) for word in words}
    )
    rows = [{"target": 0, "value": place, "text": text, "n": n} for place, (text, n) in enumerate(texts)]
    schema = pa.schema({"target": pa.int32(), "value": pa.int64(), "text": pa.string(), "n": pa.int64()})
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "values.parquet")
    frame = sail.read_parquet([tmp_path / "values.parquet"], schema)
    found = slip_pairs(frame, sail, tmp_path / "scratch").toArrow().to_pylist()
    pairs = {(row["frequent"], row["rare"]) for row in found}
    expected = {(word, slip) for word, made in slips.items() for slip in made if slip not in words}
    # a word with a prefix, and a plural, are words of their own
    expected = {
        (word, slip)
        for word, slip in expected
        if not slip.endswith(word) and not word.endswith(slip) and slip + "s" != word
    }
    assert expected <= pairs


def test_an_empty_table_gives_nothing(sail: Engine, tmp_path: Path) -> None:
    assert proposals(METHOD, {"a": []}, sail, tmp_path) == {}
