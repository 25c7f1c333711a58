"""The ledgers: rows that only grow, and states replaced per dataset."""

from __future__ import annotations

import pytest

from vertebra.engine import Engine
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.schemas import EVENTS, LEDGERS
from vertebra.lake.table import Commit

COMMIT = Commit(run_id="r1", step="trusted.flights", fingerprint="f")


def test_every_ledger_reads_as_empty_before_anything_is_recorded(ledgers: Ledgers) -> None:
    for name, schema in LEDGERS.items():
        assert ledgers.read(name).num_rows == 0
        assert ledgers.read(name).schema.names == schema.names


def test_an_appended_row_is_read_back_with_nulls_for_what_was_not_said(ledgers: Ledgers) -> None:
    ledgers.append("runs", [{"run_id": "r1", "step": "trusted.flights", "rows": 3}], COMMIT)
    ledgers.append("runs", [{"run_id": "r2", "step": "trusted.flights"}], COMMIT)
    rows = ledgers.read("runs").sort_by("run_id").to_pylist()
    assert [row["run_id"] for row in rows] == ["r1", "r2"]
    assert rows[0]["rows"] == 3
    assert set(rows[1]) == set(EVENTS["runs"].names)
    assert rows[1]["error"] is None


def test_an_unknown_column_is_an_error_and_nothing_is_written(ledgers: Ledgers) -> None:
    with pytest.raises(KeyError, match="colour"):
        ledgers.append("runs", [{"run_id": "r1", "colour": "red"}], COMMIT)
    assert ledgers.read("runs").num_rows == 0


def test_the_state_of_one_dataset_is_replaced_and_of_others_kept(ledgers: Ledgers, engine: Engine) -> None:
    def repairs(dataset: str, count: int) -> None:
        frame = engine.session.sql(
            f"SELECT 'r' AS run_id, '{dataset}' AS dataset, 'rule' AS rule, id AS rid, 'c' AS column, 'a' AS old,"
            f" 'b' AS new, 'majority' AS method, 1 AS confidence, 2 AS support FROM range({count})"
        )
        assert ledgers.replace("repairs", dataset, frame, engine, COMMIT) == count

    repairs("flights", 3)
    repairs("planes", 2)
    repairs("flights", 1)
    datasets = sorted(ledgers.read("repairs").column("dataset").to_pylist())
    assert datasets == ["flights", "planes", "planes"]
    ledgers.clear("repairs", "planes", COMMIT)
    assert ledgers.read("repairs").column("dataset").to_pylist() == ["flights"]
    assert ledgers.table("repairs").arrow(1).count_rows() == 5
