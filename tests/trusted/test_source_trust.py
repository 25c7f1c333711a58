"""Votes weigh by how accurate the sources of rows are: declared, estimated, or found."""

from __future__ import annotations

import random
from typing import Any

import pytest

from trusted.zones import Zone, declared, rid
from vertebra.declare.dataset import Dataset
from vertebra.declare.table_methods import declared_trust, table_repair_of
from vertebra.errors import DeclarationError

FLIGHTS, GOOD, BAD = 30, 4, 5


def flights(trust: Any) -> Dataset:
    return declared(
        "times",
        dict.fromkeys(("site", "flight", "departs", "lucky"), "string"),
        rules={"departs": {"determines": "flight -> departs", "on_violation": "repair", "fill": True}},
        repair={"methods": [], "precision": 0.5, "trust": trust},
    )


def reports() -> list[dict[str, Any]]:
    """Four sites that are nearly always right; five that are mostly wrong, and agree with each other on every fifth
    flight, where they are the majority."""
    draw = random.Random(3)
    rows = []
    for flight in range(FLIGHTS):
        truth = f"10:{flight:02}"
        for site in range(GOOD + BAD):
            value = truth
            if site < GOOD:
                value = f"08:{draw.randrange(60):02}" if draw.random() < 0.03 else truth
            elif flight % 5 == 0:
                value = f"09:{flight:02}"
            elif draw.random() < 0.7:
                value = f"11:{draw.randrange(60):02}"
            lucky = draw.choice("abc")
            rows.append({"site": f"s{site}", "flight": f"F{flight:02}", "departs": value, "lucky": lucky})
    return rows


def departures(zone: Zone, trust: Any) -> dict[str, set[str]]:
    zone.run(flights(trust), reports())
    found: dict[str, set[str]] = {}
    for flight, departs in zone.rows("trusted.times", "flight", "departs"):
        found.setdefault(flight, set()).add(departs)
    return found


RIGHT = {f"F{flight:02}": {f"10:{flight:02}"} for flight in range(FLIGHTS)}
COPIED = {f"F{flight:02}": {f"09:{flight:02}"} for flight in range(0, FLIGHTS, 5)}


def test_accurate_sources_outweigh_more_sources_that_copy_an_error(zone: Zone) -> None:
    assert departures(zone, "site") == RIGHT
    (evidence,) = {text for row, text in zone.rows("governance.repairs", "rid", "evidence") if row == rid(4)}
    assert evidence == "4 of 9 with the same flight, weighed by site"


def test_without_trust_the_majority_is_wrong(sail_zone: Zone) -> None:
    found = departures(sail_zone, False)
    assert {flight: values for flight, values in found.items() if flight in COPIED} == COPIED


def test_the_column_that_tells_sources_apart_is_found(sail_zone: Zone) -> None:
    assert departures(sail_zone, True) == RIGHT


def test_a_declared_accuracy_counts_as_it_is_declared(sail_zone: Zone) -> None:
    others = {f"s{site}": 0.02 for site in range(1, GOOD + BAD)}
    found = departures(sail_zone, {"column": "site", "accuracy": {"s0": 0.98} | others})
    said_by_first = {row["flight"]: {row["departs"]} for row in reports() if row["site"] == "s0"}
    assert found == said_by_first


def test_no_source_is_found_where_all_are_wrong_equally_often(sail_zone: Zone) -> None:
    draw = random.Random(5)
    rows = [row | {"departs": f"x{draw.randrange(99)}"} if draw.random() < 0.2 else row for row in reports()]
    rows = [row | {"site": f"s{draw.randrange(9)}"} for row in rows]
    sail_zone.run(flights(True), rows)
    assert not any("weighed" in text for (text,) in sail_zone.rows("governance.repairs", "evidence"))


def test_a_source_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DeclarationError, match="names the column web, which it does not have"):
        table_repair_of(flights("web"))
    declared_repair = table_repair_of(flights("site"))
    assert declared_repair is not None
    assert declared_trust(declared_repair) is not None
