"""The repair method ``co_occurrence``: a value is judged by the other values of its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from trusted.table_repairs import likely, proposals
from vertebra.engine import Engine
from vertebra.trusted.repair.table_methods.co_occurrence import METHOD

TOWNS = ["Reus", "Vic", "Olot", "Berga", "Valls", "Ripoll"]
SHIRES = ["Baix Camp", "Osona", "Garrotxa", "Berguedà", "Alt Camp", "Ripollès"]


def stations(rows: int = 240) -> dict[str, list[Any]]:
    """Six towns, each with a code and a shire, and columns that depend on nothing."""
    numbers = [row % 6 for row in range(rows)]
    return {
        "code": [f"S-{number}{number}" for number in numbers],
        "town": [TOWNS[number] for number in numbers],
        "shire": [SHIRES[number] for number in numbers],
        "kind": ["abc"[row * 7 // 5 % 3] for row in range(rows)],
        "reading": [str(row * 37 % 101) for row in range(rows)],
    }


def test_slips_and_values_of_other_rows_are_repaired_and_empty_cells_filled(engine: Engine, tmp_path: Path) -> None:
    table = stations()
    wrong = {(0, "town"): "Resu", (13, "shire"): "Osona ", (20, "code"): "S-55", (27, "shire"): None, (33, "town"): ""}
    right = {(row, name): table[name][row] for row, name in wrong}
    for (row, name), value in wrong.items():
        table[name][row] = value
    found = proposals(METHOD, table, engine, tmp_path)
    assert likely(found) == right
    cell = found[0, "town"]
    assert (cell["old"], cell["support"], cell["evidence"]) == ("Resu", 39, "goes with 2 of 2 other values of the row")
    assert found[27, "shire"]["old"] is None
    assert found[33, "town"]["old"] == ""


def test_rare_values_and_columns_that_depend_on_nothing_are_left(sail: Engine, tmp_path: Path) -> None:
    table = stations()
    table["code"] += ["S-77", "S-78"]
    table["town"] += ["Gandesa", "Tremp"]
    table["shire"] += ["Terra Alta", "Osona"]
    table["kind"] += ["d", None]
    table["reading"] += ["7000", None]
    assert likely(proposals(METHOD, table, sail, tmp_path)) == {}


def test_cells_that_are_empty_by_nature_stay_empty(sail: Engine, tmp_path: Path) -> None:
    table = stations()
    table["note"] = [
        None if town in TOWNS[:3] else shire.lower() for town, shire in zip(table["town"], table["shire"], strict=True)
    ]
    table["note"][4] = None
    found = likely(proposals(METHOD, table, sail, tmp_path))
    assert found == {(4, "note"): "alt camp"}


def test_two_rows_that_only_speak_for_each_other_are_left_to_people(sail: Engine, tmp_path: Path) -> None:
    table = stations()
    for town in ("Ulldecona", "Ulldexona"):
        added = {"code": "S-88", "town": town, "shire": "Montsià", "kind": "a", "reading": "3"}
        for name, value in added.items():
            table[name].append(value)
    found = proposals(METHOD, table, sail, tmp_path)
    likely_ = {cell: (row["new"], row["confidence"]) for cell, row in found.items() if row["confidence"] >= 0.5}
    assert likely_ == {(240, "town"): ("Ulldexona", 0.5), (241, "town"): ("Ulldecona", 0.5)}


def test_a_cell_that_is_known_to_be_wrong_is_no_evidence_and_is_repaired(sail: Engine, tmp_path: Path) -> None:
    table = stations()
    table["town"][6] = "Vic"
    found = proposals(METHOD, table, sail, tmp_path, silenced=[(6, "town"), (7, "reading"), (9, "shire")])
    assert likely(found) == {(6, "town"): "Reus"}
    assert found[6, "town"]["old"] == "Vic"


def test_numbers_and_dates_are_proposed_as_text_of_their_type(engine: Engine, tmp_path: Path) -> None:
    table = stations()
    table["number"] = [int(code[2]) * 1000 for code in table["code"]]
    table["number"][8] = 1
    table["number"][9] = None
    del table["reading"]
    found = proposals(METHOD, table, engine, tmp_path, types={"number": pa.int32()})
    assert likely(found) == {(8, "number"): "2000", (9, "number"): "3000"}
    assert (found[8, "number"]["old"], found[9, "number"]["old"]) == ("1", None)


def test_an_empty_table_and_a_single_column_give_nothing(sail: Engine, tmp_path: Path) -> None:
    assert proposals(METHOD, {"a": [], "b": []}, sail, tmp_path / "empty") == {}
    assert proposals(METHOD, {"a": ["x", "x", "y"]}, sail, tmp_path / "single") == {}


def test_a_larger_table_is_judged_by_samples(sail: Engine, tmp_path: Path, monkeypatch: Any) -> None:
    from vertebra.trusted.repair.cooccurrence import weights

    monkeypatch.setattr(weights, "SAMPLE", 60)
    monkeypatch.setattr(weights, "_FEW", 5)
    table = stations()
    table["town"][6] = "Rus"
    assert likely(proposals(METHOD, table, sail, tmp_path)) == {(6, "town"): "Reus"}


def test_tuples_that_differ_throughout_are_exceptions_and_not_wrong(engine: Engine, tmp_path: Path) -> None:
    rows = 240
    codes = [f"m{row % 12}" for row in range(rows)]
    averages = [f"al_{code}" for code in codes]
    states = ["AL"] * rows
    for row in range(12):
        states[row], averages[row] = "AK", f"ak_{codes[row]}"
    averages[100] = "al_m9"
    names = [f"measure {code}" for code in codes]
    table = {"code": codes, "name": names, "average": averages, "state": states}
    assert likely(proposals(METHOD, table, engine, tmp_path)) == {(100, "average"): "al_m4"}
