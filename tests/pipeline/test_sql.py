"""The Python API over a lake: tables in every form, and SQL over all zones, without an engine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from vertebra.errors import LakeError, VertebraError
from vertebra.governance.schemas import LEDGERS
from vertebra.lake.commit import Commit
from vertebra.workspace.workspace import Workspace

COMMIT = Commit("run", "step", "print")


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    settings = SimpleNamespace(engine="none", memory=None, name="made")
    project: Any = SimpleNamespace(root=tmp_path, lake=tmp_path / "lake", settings=settings)
    made = Workspace(project)
    flights = pa.table({"_rid": [1, 2, 3], "origin": ["JFK", "JFK", None]})
    made.lake.table("trusted.flights").write_arrow(flights.slice(0, 2), COMMIT)
    made.lake.table("trusted.flights").write_arrow(flights, COMMIT)
    made.lake.table("formatted.flights").write_arrow(flights, COMMIT)
    made.lake.table("exploitation.departures").write_arrow(pa.table({"n": [3]}), COMMIT)
    return made


def test_a_table_comes_in_every_form(space: Workspace) -> None:
    table = space.table("trusted.flights")
    assert table.arrow().num_rows == len(table.pandas()) == table.rows() == 3
    assert table.duckdb().filter("origin = 'JFK'").aggregate("count(*)").fetchall() == [(2,)]
    assert [entry.version for entry in table.history()] == [1, 0]
    assert space.table("trusted.flights", version=0).arrow().num_rows == 2


def test_a_bare_name_is_enough_where_only_one_zone_has_it(space: Workspace) -> None:
    assert space.table("departures").name == "exploitation.departures"
    with pytest.raises(LakeError, match=r"several zones[\s\S]*formatted\.flights or trusted\.flights"):
        space.table("flights")


def test_an_unknown_table_is_answered_with_near_names(space: Workspace) -> None:
    with pytest.raises(LakeError, match=r"did you mean trusted\.flights"):
        space.table("trusted.fligths")
    with pytest.raises(LakeError, match=r"did you mean exploitation\.departures"):
        space.sql("select * from trusted.departures")
    with pytest.raises(LakeError, match=r"no table trusted\.late\n.*no step has written it yet"):
        space.sql("select * from trusted.late")
    with pytest.raises(LakeError, match=r"no table landing\.late\n.*no batch of late has landed"):
        space.sql("select * from landing.late")
    with pytest.raises(LakeError, match=r"no table fligths\n.*named zone.table(.|\n)*did you mean .*flights"):
        space.sql("select * from fligths")


def test_sql_joins_the_zones(space: Workspace) -> None:
    answer = space.sql(
        "SELECT t.origin, count(*) AS n FROM trusted.flights AS t JOIN formatted.flights USING (_rid)"
        " GROUP BY ALL ORDER BY n DESC"
    )
    assert answer.rows() == [{"origin": "JFK", "n": 2}, {"origin": None, "n": 1}]
    assert answer.pandas()["n"].tolist() == [2, 1]
    assert space.sql('select n from "exploitation"."departures"').rows() == [{"n": 3}]
    assert space.sql("SELECT N FROM EXPLOITATION.DEPARTURES").rows()[0]["n"] == 3


@pytest.mark.parametrize("ledger", sorted(LEDGERS))
def test_every_ledger_can_be_asked_before_anything_was_recorded(space: Workspace, ledger: str) -> None:
    answer = space.sql(f"select * from governance.{ledger}").arrow()
    assert answer.num_rows == 0
    assert answer.schema.names == LEDGERS[ledger].names


def test_a_ledger_keeps_its_times(space: Workspace) -> None:
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    space.ledgers.append("runs", [{"run_id": "r", "started_at": moment}], COMMIT)
    assert space.sql("select started_at from governance.runs").rows() == [{"started_at": moment}]


def test_a_refused_query_says_why(space: Workspace) -> None:
    with pytest.raises(VertebraError, match="refused"):
        space.sql("select from trusted.flights where")
    with pytest.raises(VertebraError, match="orign"):
        space.sql("select orign from trusted.flights")
    with pytest.raises(VertebraError, match="Could not convert"):
        space.sql("select cast(origin as int) from trusted.flights").arrow()


def test_answers_outlive_the_query_that_made_them(space: Workspace) -> None:
    import gc

    answer = space.sql("select count(*) as n from trusted.flights")
    relation = space.table("trusted.flights").duckdb()
    gc.collect()
    assert answer.rows() == [{"n": 3}]
    assert relation.fetchall()[0][0] == 1


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1 as n) to '{file}' (format csv)",
        "select * from read_text('{file}')",
        "select * from '{file}'",
        "attach '{file}.db'",
        "set enable_external_access = true",
    ],
)
def test_a_query_reaches_no_file(space: Workspace, tmp_path: Path, statement: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("kept\n1\n")
    with pytest.raises(VertebraError):
        space.sql(statement.format(file=file)).arrow()
    assert file.read_text() == "kept\n1\n"
    assert list(tmp_path.glob("*.db")) == []
