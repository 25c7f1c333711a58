"""Votes weigh by how accurate the sources of rows are: declared, estimated, or found."""

from __future__ import annotations

import random
from typing import Any

import pytest

from trusted.zones import Zone, declared, rid
from vertebra.declare.dataset import Dataset
from vertebra.declare.table_methods import declared_trust, table_repair_of
from vertebra.errors import DeclarationError

FLIGHTS, GOOD, FEEDS = 60, 3, (8, 3)
SITES = GOOD + sum(FEEDS)


def flights(trust: Any) -> Dataset:
    return declared(
        "times",
        dict.fromkeys(("site", "flight", "departs", "lucky"), "string"),
        rules={"departs": {"determines": "flight -> departs", "on_violation": "repair", "fill": True}},
        repair={"methods": [], "precision": 0.5, "trust": trust},
    )


def reports() -> list[dict[str, Any]]:
    """Three sites that are nearly always right, each by itself; eight that mostly copy a feed, which is wrong on every
    third flight, where they are the majority; and three that copy another one, which is wrong on every fourth."""
    draw = random.Random(3)
    rows = []
    for flight in range(FLIGHTS):
        truth = f"10:{flight:02}"
        feeds = [f"09:{flight:02}" if flight % 3 == 0 else truth, f"08:{flight:02}" if flight % 4 == 1 else truth]
        copied = [feed for feed, copies in zip(feeds, FEEDS, strict=True) for _ in range(copies)]
        for site, said in enumerate([truth] * GOOD + copied):
            value = said if draw.random() < 0.95 else f"11:{draw.randrange(60):02}"
            row = {"site": f"s{site:02}", "flight": f"F{flight:02}", "departs": value, "lucky": draw.choice("abc")}
            rows.append(row)
    return rows


def departures(zone: Zone, trust: Any) -> dict[str, set[str]]:
    zone.run(flights(trust), reports())
    found: dict[str, set[str]] = {}
    for flight, departs in zone.rows("trusted.times", "flight", "departs"):
        found.setdefault(flight, set()).add(departs)
    return found


RIGHT = {f"F{flight:02}": {f"10:{flight:02}"} for flight in range(FLIGHTS)}
COPIED = {f"F{flight:02}": {f"09:{flight:02}"} for flight in range(0, FLIGHTS, 3)}


def test_accurate_sources_outweigh_more_sources_that_copy_an_error(zone: Zone) -> None:
    assert departures(zone, "site") == RIGHT
    (evidence,) = {text for row, text in zone.rows("governance.repairs", "rid", "evidence") if row == rid(3)}
    assert evidence == "6 of 14 with the same flight, weighed by site"
    told = zone.rows("governance.source_accuracy", "source", "accuracy", "copied", "shares_with")
    accuracy = {source: share for source, share, _, _ in told}
    assert all(accuracy[f"s{site:02}"] > 0.8 for site in range(GOOD))
    assert all(accuracy[f"s{site:02}"] < 0.75 for site in range(GOOD, GOOD + FEEDS[0]))
    (shared,) = {tuple(names) for source, _, _, names in told if source == "s03"}
    assert shared == tuple(f"s{site:02}" for site in range(GOOD + 1, GOOD + FEEDS[0]))


def test_without_trust_the_majority_is_wrong(sail_zone: Zone) -> None:
    found = departures(sail_zone, False)
    wrong = [flight for flight, values in COPIED.items() if found[flight] == values]
    assert len(wrong) > 0.9 * len(COPIED)


def test_the_column_that_tells_sources_apart_is_found(sail_zone: Zone) -> None:
    assert departures(sail_zone, True) == RIGHT


@pytest.mark.parametrize("trust", ["site", False])
def test_a_row_of_an_inaccurate_source_is_not_moved_to_another_group(sail_zone: Zone, trust: Any) -> None:
    draw = random.Random(4)
    rows = []
    for flight in range(30):
        times = {"flight": f"F{flight:02}", "departs": f"10:{flight:02}", "arrives": f"12:{flight:02}"}
        rows += [{"site": f"s{site}"} | times for site in range(5)]
        odd = {"departs": f"11:{draw.randrange(60):02}", "arrives": f"13:{draw.randrange(60):02}"}
        if flight == 3:
            odd = {"departs": "10:07", "arrives": "12:07"}
        rows.append({"site": "odd"} | times | odd)
    of_flight = {name: {"determines": f"flight -> {name}", "on_violation": "repair"} for name in ("departs", "arrives")}
    dataset = declared(
        "times", dict.fromkeys(("site", "flight", "departs", "arrives"), "string"), rules=of_flight,
        repair={"methods": [], "precision": 0.5, "trust": trust},
    )  # fmt: skip
    sail_zone.run(dataset, rows)
    found = {(row, column) for row, column in sail_zone.rows("governance.repairs", "rid", "column_name")}
    moved = rid(3 * 6 + 5)
    assert ((moved, "flight") in found) is not bool(trust)
    assert {column for row, column in found if row == moved} == ({"departs", "arrives"} if trust else {"flight"})


def test_a_declared_accuracy_counts_as_it_is_declared(sail_zone: Zone) -> None:
    others = {f"s{site:02}": 0.02 for site in range(1, SITES)}
    found = departures(sail_zone, {"column": "site", "accuracy": {"s00": 0.98} | others})
    said_by_first = {row["flight"]: {row["departs"]} for row in reports() if row["site"] == "s00"}
    assert found == said_by_first


def test_no_source_is_found_where_all_are_wrong_equally_often(sail_zone: Zone) -> None:
    draw = random.Random(5)
    rows = [row | {"departs": f"x{draw.randrange(99)}"} if draw.random() < 0.2 else row for row in reports()]
    rows = [row | {"site": f"s{draw.randrange(SITES)}"} for row in rows]
    sail_zone.run(flights(True), rows)
    assert not any("weighed" in text for (text,) in sail_zone.rows("governance.repairs", "evidence"))


def test_a_source_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DeclarationError, match="names the column web, which it does not have"):
        table_repair_of(flights("web"))
    declared_repair = table_repair_of(flights("site"))
    assert declared_repair is not None
    assert declared_trust(declared_repair) is not None
