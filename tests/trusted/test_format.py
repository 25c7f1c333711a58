"""The repair method ``format``: values are written as most values of their column are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from trusted.table_repairs import proposals
from vertebra.engine import Engine
from vertebra.trusted.repair.formats.codes import shape_of
from vertebra.trusted.repair.formats.units import names_unit, unit_of
from vertebra.trusted.repair.table_methods.format_ import METHOD

# usual values, then odd ones with what is proposed from a confidence of 0.8; `=` where nothing is
CASES: dict[str, tuple[Sequence[str | None], dict[str, str | None]]] = {
    "ounces": (
        ["12.0 oz", "16.0 oz.", "12.0 ounce", "8.4 oz."] * 10,
        {"12.0 oz": "12", "16.0 oz.": "16", "8.4 ounce": "8.4", "24.0 oz. Silo": "24", "12.0 OZ": "12", "12.0 ml": "="},
    ),
    "weight": (["12 kg", "7 kg", "31 kg", "8 kg"] * 10, {"12kg": "12 kg", "9 kilos": "9 kg", "900 g": "=", "12": "="}),
    "strength": (
        ["0.05", "0.066", "0.071", "0.099", "0.045"] * 10,
        {"0.05%": "0.05", "0.055999999999999994%": "0.056", "0.069999999999999993": "0.07", "N/A": None, "-": None},
    ),
    "portion": (["0.5", "0.75", "0.21", "0.98"] * 10, {"50%": "0.5", "75 %": "0.75", "21%": "0.21"}),
    "population": (
        ["1200", "53000", "871", "14040", "9", "210300"] * 8,
        {"1,234,567": "1234567", "12,345": "12345", "unknown": None, "1 m": "="},
    ),
    "length": (["1.5", "2.25", "3.75", "1.25"] * 10, {"2,5": "2.5", "1,234": "=", "3.75 m": "3.75"}),
    "age": ([str(20 + n) for n in range(30)] * 2, {"9999": None, " 9999": None, "31.0": "31", "99": "="}),
    "answer": (["yes", "no"] * 90, {"YES": "yes", " no ": "no", "No": "no", "n/a": None, "unknown": "="}),
    "departure": (
        ["6:55 a.m.", "11:20 a.m.", "1:05 p.m.", "12:30 p.m."] * 10,
        {
            "6:55am": "6:55 a.m.", "6:55 AM": "6:55 a.m.", "06:55 A": "6:55 a.m.", "12/02/2011 6:55 a.m.": "6:55 a.m.",
            "6:55aDec 2": "6:55 a.m.", "Fri 12:05p": "12:05 p.m.", "18:40": "6:40 p.m.", "0655": "6:55 a.m.",
            "6:55": "=", "13:70 p.m.": "=", "Not Available": None,
        },
    ),
    "clock": (["06:55", "11:20", "13:05", "00:30"] * 10, {"6:55 a.m.": "06:55", "12:30 AM": "00:30", "7:05": "07:05"}),
    "day": (
        ["2011-12-02", "2012-01-31", "2012-03-04"] * 10,
        {
            "2011/12/02": "2011-12-02", "20111202": "2011-12-02", "31/01/2012": "2012-01-31", "02/03/2012": "2012-03-02",
            "2 Dec 2011": "2011-12-02", "Dec 2, 2011": "2011-12-02", "2012-02-30": "=", "30/02/2012": "=",
        },
    ),
    "phone": (
        ["205-325-8100", "251-471-7110", "334-293-8000"] * 20,
        {"(205) 325 8100": "205-325-8100", "2053258100": "205-325-8100", "205-325-81": "="},
    ),
    "state": (["AL", "NY", "OR", "TX", "CA"] * 30, {"al": "AL", "Tx": "=", "NA": "="}),
    "town": (["New York", "Reus", "Vic"] * 20, {"NEW_YORK": "New York", "new  york": "New York", "Vic ": "Vic", "Vik": "="}),
    "sample": (
        ["37 patients", "4 patients", "120 patients", "15 patients", "31 patients", "17 patients"] * 20,
        {
            "0 patixnts": "0 patients", "6xpatients": "6 patients", "19 pxtiexts": "19 patients", "8 patient": "8 patients",
            "3x patients": "=", "x7 patients": "=", "12 people": "=", "patients": "=",
        },
    ),
    "room": (["Room 12", "Room 7", "Room 3"] * 20, {"Roam 9": "Room 9", "Hall 4": "=", "Room x": "="}),
    "share": (["95%", "7%", "31%", "93%"] * 20, {"95x": "95%", "9x%": "=", "95$": "=", "x00%": "="}),
    "rate": (["100%"] * 40 + ["92%", "7%", "4%", "31%", "35%"] * 8, {"1xx%": "100%", "x00%": "100%", "3?%": "=", "20x%": "=", "x%": "="}),
    "wing": (["C-17"] * 40 + ["C-4"] * 40, {"C-1x": "C-17", "C-x7": "C-17", "X-17": "=", "C-17b": "=", "C-1O7": "="}),
    "status": (["200"] * 40 + ["404", "503"] * 20, {"2xx": "=", "4xx": "=", "5xx": "="}),
    "hex": (["1f", "a7", "77", "0c", "17"] * 8, {"7a": "=", "b7": "=", "1e": "="}),
    "identifier": ([f"{n:05}" for n in range(40)], {"99999": "=", "00007": "="}),
}  # fmt: skip


def test_values_are_brought_to_the_usual_form_of_their_column(engine: Engine, tmp_path: Path) -> None:
    height = max(len(usual) + len(odd) for usual, odd in CASES.values())
    table: dict[str, list[Any]] = {}
    for name, (usual, odd) in CASES.items():
        table[name] = [*usual, *odd]
        table[name] += [None] * (height - len(table[name]))
    found = proposals(METHOD, table, engine, tmp_path)
    wrong = []
    for name, (usual, odd) in CASES.items():
        for row, (old, new) in enumerate(odd.items(), len(usual)):
            cell = found.get((row, name))
            proposed = cell["new"] if cell and cell["confidence"] >= 0.8 else "="
            if proposed != new:
                wrong.append((name, old, proposed, new))
        if name != "ounces":
            wrong += [(name, table[name][row]) for row in range(len(usual)) if (row, name) in found]
    assert not wrong


def test_a_column_that_is_written_in_one_way_is_left(sail: Engine, tmp_path: Path) -> None:
    table = {
        "score": [f"{n}%" for n in range(60, 100)],
        "sample": [f"{n} patients" for n in range(40)],
        "note": ["empty"] * 40,
        "text": [f"the  right kind of {n % 7}" for n in range(40)],
        "price": [f"{n}.50" for n in range(40)],
        "version": [f"{n}.0" for n in range(40)],
        "empty": [None] * 40,
    }
    assert proposals(METHOD, table, sail, tmp_path) == {}


def test_dates_with_two_meanings_are_left(sail: Engine, tmp_path: Path) -> None:
    usual = ["2011-12-02", "2012-01-31"] * 10
    assert proposals(METHOD, {"day": [*usual, "02/03/2012", "05/06/2012"]}, sail, tmp_path) == {}


def test_an_empty_table_gives_nothing(sail: Engine, tmp_path: Path) -> None:
    assert proposals(METHOD, {"a": []}, sail, tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "unit"),
    [("Ounces", "oz"), ("oz.", "oz"), ("patients", "patient"), ("%", "%"), ("KM/H", "km/h"), ("gas", "gas")],
)
def test_units_are_recognised_in_all_spellings(text: str, unit: str) -> None:
    assert unit_of(text) == unit


def test_a_column_names_its_unit() -> None:
    assert names_unit("weight_kg", "kg")
    assert names_unit("distanceMiles", "mi")
    assert not names_unit("m_code", "m")
    assert shape_of("Ab-1é") == "Aa-9é"
