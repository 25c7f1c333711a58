"""The ledgers: rows that only grow, and states replaced per dataset."""

from __future__ import annotations

import pyarrow as pa
import pytest

from vertebra.engine import Engine
from vertebra.errors import LakeError
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.schemas import EVENTS, LEDGERS
from vertebra.lake.catalog import Lake
from vertebra.lake.commit import Commit
from vertebra.workspace.sql import query

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
            f"SELECT 'r' AS run_id, '{dataset}' AS dataset, 'rule' AS rule, id AS rid, 'c' AS column_name, 'a' AS old,"
            f" 'b' AS new, 'majority' AS method, 1 AS confidence, 2 AS support, '' AS evidence FROM range({count})"
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


def test_a_ledger_that_another_release_wrote_is_refused_with_what_to_do(ledgers: Ledgers) -> None:
    old = pa.table({"run_id": ["r1"], "at": [1], "table": ["trusted.flights"]})
    ledgers.table("quality").write_arrow(old, COMMIT)
    with pytest.raises(LakeError, match="written by another release") as refused:
        ledgers.read("quality")
    assert "it has at, table where this release has recorded_at, table_name" in refused.value.cause
    assert refused.value.remedy.startswith(f"mv {ledgers.table('runs').path.parent} ")
    with pytest.raises(LakeError, match="written by another release"):
        ledgers.append("quality", [{"run_id": "r2"}], COMMIT)


@pytest.mark.parametrize("ledger", LEDGERS)
def test_every_column_of_a_ledger_is_selected_without_quotes(ledger: str, lake: Lake) -> None:
    columns = LEDGERS[ledger].names
    statement = f"SELECT {', '.join(columns)}, max({columns[0]}) OVER () AS last FROM governance.{ledger}"
    assert query(lake, statement).columns == [*columns, "last"]


def test_no_column_of_a_ledger_needs_quotes_in_spark_sql(engine: Engine) -> None:
    selects_every_column(engine)


@pytest.mark.spark
def test_no_column_of_a_ledger_is_a_word_that_spark_reserves(apache_spark: Engine) -> None:
    strict = "spark.sql.ansi.enforceReservedKeywords"
    apache_spark.session.conf.set(strict, "true")
    try:
        with pytest.raises(Exception, match="PARSE_SYNTAX_ERROR"):
            apache_spark.session.sql("SELECT table FROM (SELECT 1 AS table) AS t").collect()
        selects_every_column(apache_spark)
    finally:
        apache_spark.session.conf.unset(strict)


def selects_every_column(engine: Engine) -> None:
    for schema in LEDGERS.values():
        made = ", ".join(f"1 AS {name}" for name in schema.names)
        selected = engine.session.sql(f"SELECT {', '.join(schema.names)} FROM (SELECT {made}) AS ledger")
        assert selected.columns == schema.names
