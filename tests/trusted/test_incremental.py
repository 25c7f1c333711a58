"""A formatted table that has grown: new rows are added to the trusted one, and it is what cleaning it whole would make."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import event, example, given, settings

from effort import examples
from trusted.test_clean_properties import FEW, MIXED, ROWS, Scratch
from trusted.zones import TYPES, Zone, declared
from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.governance.context import StepOutcome
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.step_facts import TrustedFacts
from vertebra.lake.commit import Commit
from vertebra.lake.table import LakeTable
from vertebra.trusted.clean import trust

SALES = declared(
    "sales",
    {"shop": "string", "city": "string", "price": "double"},
    rules={
        "shop_city": {"determines": "shop -> city", "on_violation": "repair", "confidence": 0.6},
        "refund": {"deny": "t.price < 0", "on_violation": "quarantine"},
        "dear": {"deny": "t.price > 100", "on_violation": "report"},
    },
)
LEDGERS = {
    "repairs": ("rid", "column_name", "rule", "old", "new", "confidence"),
    "quarantine": ("rid", "rules", "row"),
    "violations": ("rule", "rid", "role", "resolution"),
}


def sale(shop: str, city: str, price: float = 1.0) -> dict[str, Any]:
    return {"shop": shop, "city": city, "price": price}


FIRST = [
    sale("S1", "Girona"),
    sale("S1", "Girona"),
    sale("S1", "Gerona"),
    sale("S2", "Lleida", -7.0),
    sale("S2", "Lleida"),
]


def grow(zone: Zone, dataset: Dataset, rows: list[dict[str, Any]], batch: int) -> None:
    """Add a batch to the formatted table."""
    schema = pa.schema(
        [*((name, TYPES[column.type]) for name, column in dataset.columns.items()), ("_rid", pa.int64())]
    )
    numbered = [row | {"_rid": batch * 10**10 + record} for record, row in enumerate(rows)]
    table = zone.lake.table(f"formatted.{dataset.name}")
    table.write_arrow(pa.Table.from_pylist(numbered, schema=schema), Commit("run-0", "setup", ""), mode="append")


def clean(zone: Zone, dataset: Dataset, definition: str = "d", **how: Any) -> StepOutcome:
    versions = {f"formatted.{dataset.name}": zone.lake.table(f"formatted.{dataset.name}").version()}
    ctx = zone.context(f"trusted.{dataset.name}", versions, zone.engine, definition=definition)
    return trust(dataset, ctx, **how)


def state(zone: Zone, dataset: Dataset) -> dict[str, list[str]]:
    """What the trusted table and the ledgers hold, in an order of its own."""
    found = {"rows": zone.lake.table(f"trusted.{dataset.name}").arrow().to_table().to_pylist()}
    for ledger, columns in LEDGERS.items():
        found[ledger] = Ledgers(zone.lake).read(ledger).select(columns).to_pylist()
    quality = Ledgers(zone.lake).read("quality").to_pylist()
    last = max(row["table_version"] for row in quality)
    measures = ("stage", "scope", "subject", "measure", "value")
    # what changed since the last run is another thing after a run of the same rows
    since = ("violations_new", "violations_persisting", "violations_gone")
    found["quality"] = [
        {name: row[name] for name in measures}
        for row in quality
        if row["table_version"] == last and row["measure"] not in since
    ]
    return {name: sorted(map(str, rows)) for name, rows in found.items()}


def grew(zone: Zone, dataset: Dataset) -> bool:
    table = zone.lake.table(f"trusted.{dataset.name}")
    return table.added(table.version() - 1, table.version(), "~") is not None


def test_new_rows_are_cleaned_and_added(zone: Zone) -> None:
    zone.put(SALES, FIRST)
    clean(zone, SALES)
    new = [sale("S1", "Girona"), sale("S1", "Salt"), sale("S3", "Reus", -1.0), sale("S2", "Lleida", 300.0)]
    grow(zone, SALES, new, batch=2)
    outcome = clean(zone, SALES)
    assert outcome.facts == TrustedFacts(rows_added=3, cells_repaired=2, rows_quarantined=2, rules_broken=3, violating_rows=8)  # fmt: skip
    assert outcome.rows == 7
    assert grew(zone, SALES)
    assert zone.rows("trusted.sales", "_rid", "city")[-3:] == [
        (20000000000, "Girona"), (20000000001, "Girona"), (20000000003, "Lleida"),
    ]  # fmt: skip
    assert zone.quality("after", "sales", "rows") == 7
    added = state(zone, SALES)
    assert clean(zone, SALES, full_refresh=True).rows == 7
    assert not grew(zone, SALES)
    assert state(zone, SALES) == added


@pytest.mark.parametrize(
    ("new", "cities"),
    [
        ([sale("S1", "Gerona")] * 8, {"Gerona"}),
        ([sale("S1", "Gerona")], {"Girona", "Gerona"}),
    ],
    ids=["another value wins", "no value wins any more"],
)
def test_rows_that_overturn_what_was_done_to_old_ones_make_the_table_anew(
    zone: Zone, new: list[dict[str, Any]], cities: set[str]
) -> None:
    zone.put(SALES, FIRST)
    clean(zone, SALES)
    assert {city for shop, city in zone.rows("trusted.sales", "shop", "city") if shop == "S1"} == {"Girona"}
    grow(zone, SALES, new, batch=2)
    assert clean(zone, SALES).facts.rows_added is None
    assert not grew(zone, SALES)
    assert {city for shop, city in zone.rows("trusted.sales", "shop", "city") if shop == "S1"} == cities


def test_a_first_repair_of_an_old_row_makes_the_table_anew(zone: Zone) -> None:
    zone.put(SALES, [sale("S1", "Gerona")])
    clean(zone, SALES)
    grow(zone, SALES, [sale("S1", "Girona")] * 3, batch=2)
    assert clean(zone, SALES).facts.rows_added is None
    assert zone.rows("trusted.sales", "city") == [("Girona",)] * 4


def test_a_row_that_leaves_quarantine_makes_the_table_anew(zone: Zone) -> None:
    dependent = declared(
        "sales",
        {"shop": "string", "city": "string", "price": "double"},
        rules={"shop_city": {"determines": "shop -> city", "on_violation": "quarantine", "confidence": 0.6}},
    )
    zone.put(dependent, FIRST)
    assert clean(zone, dependent).rows == 4
    grow(zone, dependent, [sale("S1", "Gerona")] * 8, batch=2)
    assert clean(zone, dependent).facts.rows_added is None
    assert {city for shop, city in zone.rows("trusted.sales", "shop", "city") if shop == "S1"} == {"Gerona"}


@pytest.mark.parametrize("change", ["definition", "formatted anew", "restored", "ledger gone", "ledger made anew"])
def test_a_table_that_the_step_cannot_build_upon_is_made_anew(sail_zone: Zone, change: str) -> None:
    zone, definition = sail_zone, "d"
    zone.put(SALES, FIRST)
    clean(zone, SALES)
    table, repairs = zone.lake.table("trusted.sales"), Ledgers(zone.lake).table("repairs")
    grow(zone, SALES, [sale("S3", "Reus"), sale("S3", "Rius"), sale("S3", "Reus")], batch=2)
    if change == "definition":
        definition = "e"
    elif change == "formatted anew":
        zone.put(SALES, FIRST[::-1])
    elif change == "restored":
        clean(zone, SALES)
        table.restore(0)
    elif change == "ledger gone":
        shutil.rmtree(repairs.path)
    elif change == "ledger made anew":
        shutil.rmtree(repairs.path)
        time.sleep(0.01)
        Ledgers(zone.lake).clear("repairs", "sales", Commit("run-9", "trusted.sales", "f"))
    assert clean(zone, SALES, definition).facts.rows_added is None
    was = state(zone, SALES)
    clean(zone, SALES, definition, full_refresh=True)
    assert state(zone, SALES) == was


@pytest.mark.parametrize("change", ["restored", "died"])
def test_old_rows_are_compared_with_what_made_the_table_whatever_the_ledger_says_now(
    sail_zone: Zone, change: str
) -> None:
    zone = sail_zone
    # Gerona wins in the first table, which the ledger knows, and nothing in the second, on which the third builds
    zone.put(SALES, [sale("S1", "Gerona"), sale("S1", "Gerona"), sale("S1", "Girona")])
    clean(zone, SALES)
    repairs = Ledgers(zone.lake).table("repairs")
    grow(zone, SALES, [sale("S1", "Girona")], batch=2)
    clean(zone, SALES)
    assert [city for (city,) in zone.rows("trusted.sales", "city")].count("Girona") == 2
    if change == "restored":
        repairs.restore(0)
    else:
        grow(zone, SALES, [sale("S1", "Gerona")] * 2, batch=3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LakeTable, "commit", _dying(LakeTable.commit))
            with pytest.raises(KeyboardInterrupt):
                clean(zone, SALES)
    grow(zone, SALES, [sale("S1", "Gerona")] * 4, batch=4)
    assert clean(zone, SALES).facts.rows_added is None
    assert {city for (city,) in zone.rows("trusted.sales", "city")} == {"Gerona"}


def _dying(commit: Any) -> Any:
    """Be interrupted when the trusted table is to be committed: its ledgers are."""

    def dying(self: LakeTable, *about: Any, **more: Any) -> int:
        if self.name.startswith("trusted."):
            raise KeyboardInterrupt
        return int(commit(self, *about, **more))

    return dying


@settings(FEW, max_examples=examples(fast=2, thorough=4))
@given(first=ROWS, second=ROWS, third=ROWS)
@example(
    first=[{"x": None, "y": "r", "a": None}],
    second=[{"x": 2, "y": None, "a": -1.5}, {"x": 2, "y": "p", "a": None}, {"x": 2, "y": "q", "a": None}],
    third=[{"x": None, "y": None, "a": None}],
)
def test_a_table_that_grows_is_the_table_that_is_made_at_once(
    first: list[dict[str, Any]], second: list[dict[str, Any]], third: list[dict[str, Any]], sail: Engine, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "zone", ignore_errors=True)
    (tmp_path / "zone").mkdir()
    zone = Scratch(tmp_path / "zone", sail)
    zone.put(MIXED, first)
    clean(zone, MIXED)
    for batch, rows in ((2, second), (3, third)):
        grow(zone, MIXED, rows, batch)
        added = clean(zone, MIXED).facts.rows_added is not None
        event("added" if added else "made anew")
        assert grew(zone, MIXED) or not added
        grown = state(zone, MIXED)
    clean(zone, MIXED, full_refresh=True)
    assert state(zone, MIXED) == grown
