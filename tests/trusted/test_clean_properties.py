"""Properties of cleaning, on random tables."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effort import examples
from trusted.zones import Zone, declared, rid
from vertebra.engine import Engine
from vertebra.governance.context import StepContext
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.trusted.cells import from_json, parsed

FD = declared(
    "t",
    {"x": "int", "y": "string", "a": "double"},
    rules={"xy_a": {"determines": "[x, y] -> a", "on_violation": "repair", "confidence": 0}},
)
MIXED = declared(
    "t",
    {
        "x": "int",
        "y": {"type": "string", "values": ["p", "q"], "on_violation": "quarantine"},
        "a": "double",
    },
    rules={
        "x_a": {"determines": "x -> a", "on_violation": "repair"},
        "y_a": {"determines": "y -> a", "on_violation": "repair", "confidence": 0.6},
        "x_y": {"determines": "x -> y", "on_violation": "quarantine"},
        "low": {"deny": "t.a < 0", "on_violation": "repair", "set": {"a": None, "y": "'q'"}},
    },
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.sampled_from([None, 1, 2]),
            "y": st.sampled_from([None, "p", "q", "r"]),
            "a": st.sampled_from([None, -1.5, 0.1, 1e20, 1 / 3]),
        }
    ),
    max_size=12,
)
FEW = settings(
    max_examples=examples(fast=4, thorough=15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Scratch(Zone):
    """A zone in a folder of its own."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        lake = Lake(folder / "lake")

        def context(step: str, inputs: dict[str, int], engine: Engine, definition: str = "") -> StepContext:
            scratch = Path(tempfile.mkdtemp(dir=folder))
            now = datetime(2026, 1, 1, tzinfo=UTC)
            ledgers = Ledgers(lake)
            return StepContext("run", step, "f", inputs, now, lake, engine, ledgers, scratch, definition=definition)

        super().__init__(lake, engine, context)


def cleaned(folder: Path, engine: Engine, dataset: Any, rows: list[dict[str, Any]]) -> Scratch:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    zone = Scratch(folder, engine)
    zone.run(dataset, rows)
    return zone


@FEW
@given(rows=ROWS)
def test_after_repair_a_dependency_holds_in_every_group_without_a_tie(
    rows: list[dict[str, Any]], sail: Engine, tmp_path: Path
) -> None:
    zone = cleaned(tmp_path / "zone", sail, FD, rows)
    was: dict[Any, Counter[float]] = {}
    for row in rows:
        if None not in row.values():
            was.setdefault((row["x"], row["y"]), Counter())[row["a"]] += 1
    now = {row: (x, y, a) for row, x, y, a in zone.rows("trusted.t", "_rid", "x", "y", "a")}
    for number, row in enumerate(rows):
        x, y, a = now[rid(number)]
        assert (x, y) == (row["x"], row["y"])
        votes = was.get((x, y), Counter()) if row["a"] is not None else Counter()
        best = [value for value, count in votes.items() if count == max(votes.values())]
        assert a == (best[0] if len(best) == 1 else row["a"])


@FEW
@given(rows=ROWS)
def test_trusted_is_formatted_plus_repairs_minus_quarantine(
    rows: list[dict[str, Any]], sail: Engine, tmp_path: Path
) -> None:
    zone = cleaned(tmp_path / "zone", sail, MIXED, rows)
    formatted = zone.lake.table("formatted.t")
    schema = formatted.schema()
    expected = {row["_rid"]: row for row in formatted.arrow().to_table().to_pylist()}
    ledgers = Ledgers(zone.lake)
    kept = ledgers.read("quarantine")
    whole = from_json(kept.column("row"), schema).to_pylist()
    assert sorted(kept.column("rid").to_pylist()) == sorted(row["_rid"] for row in whole)
    assert all(expected[row["_rid"]] == row for row in whole)
    made = ledgers.read("repairs").to_pylist()
    assert len({(repair["rid"], repair["column_name"]) for repair in made}) == len(made)
    for repair in made:
        kind = schema.field(repair["column_name"]).type
        assert parsed(repair["old"], kind) == expected[repair["rid"]][repair["column_name"]]
        expected[repair["rid"]][repair["column_name"]] = parsed(repair["new"], kind)
    for row in kept.column("rid").to_pylist():
        del expected[row]
    trusted = {row["_rid"]: row for row in zone.lake.table("trusted.t").arrow().to_table().to_pylist()}
    assert trusted == expected
    assert zone.lake.table("trusted.t").schema().equals(schema)
