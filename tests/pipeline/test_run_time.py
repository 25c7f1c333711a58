"""Views that read the time of the run: run_time() is computed in every run, run_date() once a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.tiny import make, open_tiny, without_rules
from vertebra.declare.load import load_project
from vertebra.engine import Engine
from vertebra.errors import DeclarationErrors
from vertebra.pipeline.run import run

FIRST = datetime(2026, 3, 1, 22, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = without_rules(make(tmp_path))
    (folder / "views/age.sql").write_text("select id, datediff(run_date(), day) as age from trusted.sales")
    (folder / "views/stamped.sql").write_text("select count(*) as n, run_time() as at from trusted.sales")
    return folder


def ran(root: Path, engine: Engine, now: datetime) -> dict[str, str]:
    """Run the project; the steps that ran, and why."""
    report = run(load_project(root), engine=engine, now=now)
    assert report.ok, report.results
    return {result.step: result.why for result in report.results}


def test_a_view_of_the_run_s_time_is_computed_again_when_it_changed(root: Path, engine: Engine) -> None:
    assert {"exploitation.age", "exploitation.stamped"} <= ran(root, engine, FIRST).keys()
    with open_tiny(root) as project:
        ages = project.sql("select id, age from exploitation.age order by id").rows()
        assert ages[0] == {"id": 1, "age": 59}
        assert project.table("exploitation.stamped").arrow().column("at").to_pylist() == [FIRST]
    later = FIRST + timedelta(minutes=20)
    assert ran(root, engine, later) == {"exploitation.stamped": f"run_time() is {later.isoformat()}"}
    tomorrow = FIRST + timedelta(hours=2)
    assert ran(root, engine, tomorrow)["exploitation.age"] == "run_date() is 2026-03-02"
    with open_tiny(root) as project:
        assert project.sql("select age from exploitation.age where id = 1").rows() == [{"age": 60}]
        assert project.table("exploitation.stamped").arrow().column("at").to_pylist() == [tomorrow]


def test_rows_that_were_added_do_not_mix_two_dates(root: Path, sail: Engine) -> None:
    ran(root, sail, FIRST)
    (root / "data/sales-2.csv").write_text("id,shop,city,price,day\n7,S2,Lleida,20.0,2026-01-05\n")
    ran(root, sail, FIRST + timedelta(days=1))
    with open_tiny(root) as project:
        ages = {row["id"]: row["age"] for row in project.sql("select id, age from exploitation.age").rows()}
    assert (ages[1], ages[7]) == (60, 56)


def test_a_view_that_reads_the_clock_is_refused_with_caret_and_remedy(root: Path) -> None:
    (root / "views/age.sql").write_text("select id,\n  datediff(current_date(), day) as age\nfrom trusted.sales")
    with pytest.raises(DeclarationErrors) as caught:
        load_project(root, engine="sc://localhost:1")
    text = str(caught.value)
    assert "views/age.sql:2:12: view age: current_date() is another value in each run" in text
    assert "             ^^^^^^^^^^^^" in text
    assert "write run_date(), the date of the run" in text


@pytest.mark.parametrize("code", ["sales.withColumn('r', F.rand())", "sales.selectExpr('now() as t')"])
def test_a_python_view_that_reads_the_clock_or_draws_numbers_fails(root: Path, engine: Engine, code: str) -> None:
    (root / "views/drawn.py").write_text(
        "from pyspark.sql import functions as F\nfrom vertebra import view\n\n"
        f"@view('trusted.sales')\ndef drawn(sales):\n    return {code}\n"
    )
    report = run(load_project(root), engine=engine, now=FIRST)
    [failed] = [result for result in report.results if result.state == "failed"]
    assert failed.step == "exploitation.drawn"
    assert "each time it is computed" in failed.error or "in each run" in failed.error
