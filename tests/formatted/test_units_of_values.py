"""Numbers whose unit is said by another cell, by the name of their column, or after the number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from vertebra.errors import DeclarationError, LakeError
from vertebra.formatted.digest import declaration_digest
from vertebra.formatted.why import row_origin
from vertebra.lake.batches import RECORDS_PER_BATCH


def test_the_unit_of_each_row(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable, lake: Any, ledgers: Any
) -> None:
    dataset = declared(
        {
            "row": {"type": "double", "source": "v", "unit": "kWh", "unit_from": "u"},
            "cell": {
                "type": "double", "source": "c", "unit": "kWh", "unit_from": "cell", "decimal": ",", "thousands": ".",
            },
            "temp": {"type": "double", "source": "t", "unit": "degC", "unit_from": "cell"},
            "volume": {"type": "float", "source": "m", "unit": "m3", "unit_from": "cell"},
        }
    )  # fmt: skip
    land(
        1,
        {
            "v": ["1", "1.5", " 1e1", "2", "3", "4", "NA", "x"],
            "u": ["kWh", "MWh", " GJ ", "kwh", "m", None, "kWh", "kWh"],
            "c": ["1.234,5", "1.236,5 kWh", "2MWh", "1.236.5 kWh", "1\u00a0Gcal", "2 9**9**9**9", "kWh", "-1,5e1 kWh"],
            "t": ["212 degF", "300 K", "-40 \u00b0F", "5", "5 m", "5e400 K", None, "12,5 K"],
            "m": ["1 m3", "1 l", "35 ft\u00b3", "1 Nm3", "", "2 m^3", "1", "1 m2"],
        },
    )  # fmt: skip
    formatted(dataset)
    found = rows()
    assert [row["row"] for row in found] == [1.0, 1500.0, pytest.approx(2777.7777777777778), *[None] * 5]
    assert [row["cell"] for row in found] == [
        1234.5,
        1236.5,
        2000.0,
        None,
        pytest.approx(1162.2222222),
        None,
        None,
        -15.0,
    ]
    assert [row["temp"] for row in found] == [
        pytest.approx(100), pytest.approx(26.85), pytest.approx(-40), 5.0, None, None, None, None,
    ]  # fmt: skip
    assert [row["volume"] for row in found] == [
        1.0, pytest.approx(0.001), pytest.approx(0.99108963), None, None, 2.0, 1.0, None,
    ]  # fmt: skip
    reasons = {(cell["record"], cell["column_name"]): (cell["raw"], cell["reason"]) for cell in rejected()}
    assert reasons[3, "row"] == ("2 kwh", "has a unit that is not known (received as v and u)")
    assert reasons[4, "row"] == ("3 m", "has a unit that cannot be converted to kWh (received as v and u)")
    assert reasons[5, "row"] == ("4", "has no unit (received as v and u)")
    assert "is not a number" in reasons[7, "row"][1]
    assert (6, "row") not in reasons
    assert (
        reasons[3, "cell"][1].startswith("seems to have thousands separators")
        or "not a number" in reasons[3, "cell"][1]
    )
    assert reasons[5, "cell"] == ("2 9**9**9**9", "has a unit that is not known")
    assert reasons[4, "temp"][1] == "has a unit that cannot be converted to degC"
    assert reasons[5, "temp"][1] == "is outside of double"
    assert reasons[3, "volume"][1] == "has a unit that is not known"
    cell = row_origin(dataset, lake, ledgers, RECORDS_PER_BATCH + 1, "row").cells["row"]
    assert (cell.received, cell.steps[-1]) == ({"v": "1.5", "u": "MWh"}, "'1.5 MWh' converted to kWh")


def test_the_unit_of_each_header_gives_one_column(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, ledgers: Any
) -> None:
    units = {"energy_GJ": "GJ", "energie_kWh": "kWh"}
    dataset = declared(
        {"at": "int", "energy": {"type": "double", "unit": "kWh", "unit_from": units}}, load="upsert", key=["at"]
    )
    for batch, name in enumerate(("energy_GJ", "energie_kWh", "energy_GJ"), 1):
        land(batch, {"at": [str(batch), str(10 * batch)], name: ["3.6", None]})
        formatted(dataset)  # one by one, then two together
    formatted(dataset, full_refresh=True)
    assert [row["energy"] for row in rows()] == [pytest.approx(1000), None, 3.6, None, pytest.approx(1000), None]
    assert [row["kind"] for row in ledgers.read("drift").to_pylist()] == ["renamed"]
    other = declared({"at": "int", "energy": {"type": "double", "unit": "MWh", "unit_from": units}})
    same = declared({"at": "int", "energy": {"type": "double", "unit": "kWh", "unit_from": {**units, "x": "J"}}})
    assert len({declaration_digest(one) for one in (dataset, other, same)}) == 3


def test_units_that_make_no_sense_are_refused(declared: Callable, land: Callable, formatted: Callable) -> None:
    for column, words in (
        ({"type": "int", "unit": "kWh", "unit_from": "u"}, "for a float or double"),
        ({"type": "double", "unit_from": "u"}, "needs the unit of the table"),
        ({"type": "double", "unit": "kWh", "unit_from": "u", "convert": {"from": "J", "to": "kWh"}}, "remove convert"),
        ({"type": "double", "unit": "kWh", "unit_from": {"a": "J"}, "source": ["a", "b"]}, "no unit of b"),
        ({"type": "double", "unit": "kWh", "unit_from": ""}, "unit_from: unit, unit_from: {energy_GJ"),
    ):
        with pytest.raises(ValidationError, match=words):
            declared({"v": column})
    with pytest.raises(ValidationError, match="in the key and has unit_from"):
        declared({"v": {"type": "double", "unit": "kWh", "unit_from": "u"}}, key=["v"])
    land(1, {"v": ["1"] * 1002, "u": [f"u{number}" for number in range(1002)]})
    for unit, words, error in (
        ("kWh", "more than 1,000 different units", LakeError),
        ("kwh", "cannot be converted", DeclarationError),
    ):
        with pytest.raises(error, match=words):
            formatted(declared({"v": {"type": "double", "unit": unit, "unit_from": "u"}}))
