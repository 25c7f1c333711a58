"""A real, tiny project from files to views, on the embedded engine, through the Python API."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from effort import cases
from pipeline.tiny import MORE_SALES, contents, edit, make, open_tiny
from vertebra.errors import LakeError
from vertebra.report.console import CapturingConsole


@pytest.fixture(scope="module")
def after_first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as its first run left it; copy it, do not change it."""
    folder = make(tmp_path_factory.mktemp("tiny") / "project")
    with open_tiny(folder) as project:
        report = project.run()
        assert report.ok, [result.error for result in report.results]
    return folder


@pytest.fixture
def folder(after_first_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(after_first_run, tmp_path / "project"))


def ran(folder: Path, **options: object) -> list[str]:
    """The steps that a run of the project runs."""
    with open_tiny(folder) as project:
        report = project.run(**options)  # type: ignore[arg-type]
        assert report.ok, [result.error for result in report.results]
        return [result.step for result in report.results]


def test_a_first_run_fills_every_zone(after_first_run: Path) -> None:
    with open_tiny(after_first_run) as project:
        assert project.table("formatted.sales").rows() == 6
        assert project.sql("select raw from governance.rejects").rows() == [{"raw": "seven"}]
        assert project.sql("select rid, old, new from governance.repairs").rows() == [
            {"rid": 10_000_000_002, "old": "Gerona", "new": "Girona"}
        ]
        assert project.sql("select rid, rules from governance.quarantine").rows() == [
            {"rid": 10_000_000_003, "rules": ["refund"]}
        ]
        assert project.table("trusted.sales").rows() == 5
        totals = project.sql("select city, total from exploitation.best order by city").rows()
        assert totals == [{"city": "Girona", "total": 17.5}, {"city": "Reus", "total": 8.0}]
        broken = "select rid from governance.violations where rule like '%references%'"
        assert project.sql(broken).rows() == [{"rid": 10_000_000_005}]


def test_nothing_to_do_is_done_without_an_engine(folder: Path) -> None:
    script = f"""
        import sys, vertebra
        with vertebra.open({str(folder)!r}) as project:
            assert all(decision.action in ("skip", "collect") for decision in project.plan())
            report = project.run()
        assert report.idle and report.ok, report
        print(*(name for name in ("pandas", "pyarrow.compute", "pyspark", "pysail", "sparse_dot_topn") if name in sys.modules))
    """
    said = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout.strip()) == (0, ""), said.stderr


def test_a_new_file_is_all_that_is_new(folder: Path) -> None:
    (folder / "data" / "sales-2.csv").write_text(MORE_SALES)
    assert ran(folder) == [
        "landing.sales", "formatted.sales", "trusted.sales", "exploitation.by_city", "exploitation.best",
    ]  # fmt: skip
    with open_tiny(folder) as project:
        rows = project.sql("select _rid, price from trusted.sales where shop = 'S2' and price > 0").rows()
        assert rows == [{"_rid": 20_000_000_000, "price": 20.0}]
    assert ran(folder) == []


def test_tables_that_grow_are_added_to_and_equal_those_made_anew(folder: Path) -> None:
    (folder / "views" / "prices.sql").write_text("select _rid, city, price * 100 as cents from trusted.sales")
    ran(folder)
    (folder / "data" / "sales-2.csv").write_text(
        MORE_SALES + "8,S1,Gerona,1.0,2026-01-05\n9,S1,Girona,2.0,2026-01-05\n10,S1,Girona,-2.0,2026-01-05\n"
    )
    with open_tiny(folder) as project:
        added = {result.step: getattr(result.facts, "rows_added", None) for result in project.run().results}
    assert added == {
        "landing.sales": None, "formatted.sales": None, "trusted.sales": 3, "exploitation.by_city": None,
        "exploitation.best": None, "exploitation.prices": 3,
    }  # fmt: skip
    grown = contents(folder)
    ran(folder, full_refresh=True)
    assert contents(folder) == grown


def test_a_view_is_not_added_to_what_a_dead_run_left_of_other_sql(folder: Path) -> None:
    view = folder / "views" / "prices.sql"
    view.write_text("select _rid, price from trusted.sales")
    ran(folder)
    view.write_text("select _rid, price + 1 as price from trusted.sales")
    with open_tiny(folder) as project:
        project.run(select="exploitation.prices")
        runs = project.lake.table("governance.runs")
        runs.restore(runs.version() - 2)  # the run died before it went on record
    view.write_text("select _rid, price from trusted.sales")
    (folder / "data" / "sales-2.csv").write_text(MORE_SALES)
    ran(folder)
    with open_tiny(folder) as project:
        prices = project.sql("select price from exploitation.prices order by _rid").rows()
        assert prices == project.sql("select price from trusted.sales order by _rid").rows()


def test_a_changed_rule_changes_the_trusted_zone_and_what_follows(folder: Path) -> None:
    edit(folder, "datasets/sales.yaml", "t.price < 0", "t.price < 5")
    with open_tiny(folder) as project:
        planned = {d.step.name: d.words for d in project.plan() if d.action == "run"}
    assert planned["trusted.sales"] == "the declaration changed: rules.refund"
    assert planned["exploitation.by_city"] == "input trusted.sales will change"
    assert "formatted.sales" not in planned
    assert ran(folder) == ["trusted.sales", "exploitation.by_city", "exploitation.best"]


@pytest.mark.parametrize("batches", [1, 2], ids=["as-many-batches", "more-batches"])
def test_batches_that_were_removed_and_collected_again_are_other_batches(folder: Path, batches: int) -> None:
    shutil.rmtree(folder / "lake" / "landing" / "tills" / "sales")
    edit(folder, "data/sales-1.csv", "10.5", "11.5")
    if batches == 2:
        (folder / "data" / "sales-2.csv").write_text(MORE_SALES)
    with open_tiny(folder) as project:
        assert project.run().ok
        prices = project.table("formatted.sales").arrow().column("price").to_pylist()
        assert project.run().idle
    assert 11.5 in prices
    assert 10.5 not in prices
    assert len(prices) == 6 + (batches == 2), "the rows of the batches that were removed are gone"


def test_a_changed_description_changes_nothing(folder: Path) -> None:
    edit(folder, "datasets/sales.yaml", "One row per sale.", "Each sale.")
    assert ran(folder) == []


def test_a_changed_column_is_formatted_again_with_the_same_row_ids(folder: Path) -> None:
    edit(folder, "datasets/sales.yaml", "price: double", "price: string")
    edit(folder, "datasets/sales.yaml", "t.price < 0", "t.price = 'seven'")
    ran(folder, select="formatted.sales trusted.sales")
    with open_tiny(folder) as project:
        row = project.sql("select price from formatted.sales where _rid = 10000000004").rows()
        assert row == [{"price": "seven"}]
        assert project.table("governance.rejects").rows() == 0


def test_a_changed_view_runs_alone(folder: Path) -> None:
    edit(folder, "views/best.py", "total > 5", "total > 9")
    assert ran(folder) == ["exploitation.best"]
    with open_tiny(folder) as project:
        assert project.table("exploitation.best").rows() == 1


def test_a_released_row_comes_back_with_the_next_run(folder: Path) -> None:
    with open_tiny(folder) as project:
        project.quarantine.release("sales", 10_000_000_003, "a refund", by="me")
        [decision] = [d for d in project.plan() if d.step.name == "trusted.sales"]
        assert decision.words == "decisions of people changed"
    assert "trusted.sales" in ran(folder)
    with open_tiny(folder) as project:
        assert project.table("trusted.sales").rows() == 6
        kinds = [link.kind for link in project.why("trusted.sales", 10_000_000_003).links]
        assert "decision" in kinds
    assert ran(folder) == []


def test_a_full_refresh_gives_the_same_tables(folder: Path) -> None:
    before = contents(folder)
    steps = ran(folder, full_refresh=True)
    assert len(steps) == 6
    assert contents(folder) == before


def test_a_cell_is_walked_back_to_its_file(after_first_run: Path) -> None:
    with open_tiny(after_first_run) as project:
        links = {link.kind: link for link in project.why("trusted.sales", 10_000_000_002, "city").links}
    assert links["trusted"].facts == {"city": "Girona"}
    assert "from Gerona to Girona by shop_city" in links["repair"].text
    assert links["landing"].facts == {"city": "Gerona"}
    assert links["batch"].facts["url"].endswith("data/sales-1.csv")
    assert len(links["batch"].facts["sha256"]) == 64


def test_a_rejected_cell_and_a_quarantined_row_are_explained(after_first_run: Path) -> None:
    with open_tiny(after_first_run) as project:
        rejected = project.why("formatted.sales", 10_000_000_004, "price")
        quarantined = project.why("trusted.sales", 10_000_000_003)
    assert any("seven" in link.text and "NULL" in link.text for link in rejected.links)
    assert quarantined.links[0].text == "trusted.sales does not have the row: it is in quarantine for refund"


def test_a_table_is_explained_by_what_it_follows_from(after_first_run: Path) -> None:
    with open_tiny(after_first_run) as project:
        chain = [(link.depth, link.text.split(" version")[0]) for link in project.why("exploitation.best").links]
        with pytest.raises(LakeError, match="have no _rid"):
            project.why("exploitation.by_city", 1)
        with pytest.raises(LakeError, match="has no row 5"):
            project.why("trusted.sales", 5)
    assert chain[:4] == [
        (0, "exploitation.best"), (1, "exploitation.by_city"), (2, "trusted.sales"), (3, "formatted.sales"),
    ]  # fmt: skip
    assert (4, "landing.sales batch 1") in chain


def test_a_broken_view_stops_only_itself(folder: Path) -> None:
    edit(folder, "views/by_city.sql", "sum(price)", "sum(cast(concat('x', city) as int))")
    with open_tiny(folder) as project:
        report = project.run()
    states = {result.step: result.state for result in report.results}
    assert states == {"exploitation.by_city": "failed", "exploitation.best": "skipped"}
    assert "is not a whole number" in report.results[0].error
    assert "by_city.sql" in report.results[0].error


def test_a_source_that_is_gone_leaves_what_was_collected(folder: Path) -> None:
    (folder / "data" / "shops.csv").unlink()
    edit(folder, "views/best.py", "total > 5", "total > 9")
    console = CapturingConsole()
    with open_tiny(folder) as project:
        report = project.run(console=console)
        assert project.table("trusted.shops").rows() == 2
    states = {result.step: result.state for result in report.results}
    assert states["exploitation.best"] == "ok"


def test_a_run_killed_inside_a_view_is_completed_by_the_next(after_first_run: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "killed")
    script = f"import vertebra; vertebra.open({str(folder)!r}).run()"
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "TINY_BLOCK": "1"}
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "blocked"
    child.kill()
    child.wait()
    console = CapturingConsole()
    with open_tiny(folder) as project:
        report = project.run(console=console)
    assert report.ok
    assert [result.step for result in report.results] == ["exploitation.best"]
    assert "killed in exploitation.best" in console.notes[0]
    assert contents(folder) == contents(after_first_run)


def test_a_run_that_nobody_watches_any_more_goes_on(after_first_run: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "ignore_transfer")
    command = [sys.executable, "-m", "vertebra", "run", "--project", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    child.stderr.close()
    child.wait()
    assert contents(folder) == contents(after_first_run)
    with open_tiny(folder) as project:
        ended = project.sql("select state from governance.runs where step = 'run' order by state desc").rows()
        assert [row["state"] for row in ended] == ["ok"]


def test_runs_killed_at_any_moment_lose_nothing(after_first_run: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "killed")
    command = [sys.executable, "-m", "vertebra", "run", "--project", str(folder)]
    killed = 0
    for tenths in cases(range(8, 60, 3), fast=range(8, 60, 9)):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert child.wait(tenths / 10) == 0
            break
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            killed += 1
    assert killed
    with open_tiny(folder) as project:
        assert project.run().ok
        twice = "select dataset, batch from governance.batches group by all having count(*) > 1"
        assert project.sql(twice).rows() == []
        assert project.sql("select count(*) as n from governance.rejects").rows() == [{"n": 1}]
    assert contents(folder) == contents(after_first_run)
