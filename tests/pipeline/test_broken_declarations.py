"""A broken declaration stops its own step and those that read it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import vertebra
from pipeline.tiny import make
from vertebra.declare.load import load_project
from vertebra.engine import Engine
from vertebra.errors import DeclarationError, DeclarationErrors, SelectionError
from vertebra.pipeline.context import RunOptions
from vertebra.pipeline.run import run
from vertebra.workspace.workspace import Workspace

NOT_READABLE = "select * from governance.batches"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path)


def opened(root: Path) -> Workspace:
    return vertebra.open(root, strict=False)


def broken(root: Path) -> dict[str, tuple[str, ...]]:
    """The broken declarations, each with the broken tables that it reads."""
    return {f"{one.kind} {one.name}": one.reads for one in load_project(root, strict=False).broken}


def test_a_broken_view_fails_alone_and_its_readers_are_skipped(root: Path, sail: Engine) -> None:
    (root / "views/broken.sql").write_text(NOT_READABLE)
    (root / "views/reader.sql").write_text("select * from exploitation.broken")
    (root / "views/last.sql").write_text("select * from exploitation.reader")
    report = run(load_project(root, strict=False), engine=sail)
    states = {result.step: result.state for result in report.results}
    assert states["exploitation.broken"] == "failed"
    assert [states[f"exploitation.{name}"] for name in ("reader", "last")] == ["skipped", "skipped"]
    assert {states[name] for name in states if not name.endswith((".broken", ".reader", ".last"))} == {"ok"}
    assert len(states) > 6
    failed = next(result for result in report.results if result.state == "failed")
    assert "views/broken.sql:1:15: a view cannot read governance.batches" in failed.error
    assert report.state == "failed"


def test_looking_goes_on_while_a_declaration_is_broken(root: Path, sail: Engine) -> None:
    run(load_project(root), engine=sail)
    (root / "views/broken.sql").write_text(NOT_READABLE)
    with pytest.raises(DeclarationErrors):
        vertebra.open(root)
    project = opened(root)
    assert project.sql("select count(*) as n from trusted.shops").rows() == [{"n": 2}]
    assert project.table("trusted.sales").rows() > 0
    assert {one.dataset for one in project.sources()} == {"shops", "sales"}
    assert "exploitation.broken" in {one.step for one in project.steps()}
    planned = {one.step.name: (one.action, one.words) for one in project.plan()}
    assert planned["exploitation.broken"] == ("blocked", "the declaration of the view broken is broken")
    assert planned["exploitation.by_city"][0] == "skip"


def test_a_broken_dataset_takes_along_only_what_reads_it(root: Path, sail: Engine) -> None:
    file = root / "datasets/shops.yaml"
    file.write_text(file.read_text().replace("load: snapshot", "load: often"))
    found = broken(root)
    assert found["dataset shops"] == ()
    assert found["dataset sales"] == ("trusted.shops",)  # its rule refers to shops
    (root / "data/alone.csv").write_text("a\n1\n")
    (root / "datasets/alone.yaml").write_text(_ALONE)
    report = run(load_project(root, strict=False), engine=sail)
    states = {result.step: result.state for result in report.results}
    assert states["trusted.alone"] == "ok"
    assert states["landing.shops"] == "failed"
    assert states["landing.sales"] == states["trusted.sales"] == "skipped"
    project = opened(root)
    with pytest.raises(DeclarationError, match="load is 'often'"):
        project.collect(["shops"])
    with pytest.raises(DeclarationError, match=r"reads trusted\.shops, whose declaration is broken"):
        project.quality("sales")
    assert not project.collect().ok  # a source that cannot be asked is no success


_ALONE = """\
source: s
collect: {from: files, path: data/alone.csv}
parse: {format: csv}
load: snapshot
columns: {a: int}
"""


def test_tables_that_depend_on_each_other_are_broken_together(root: Path) -> None:
    (root / "views/one.sql").write_text("select * from exploitation.two")
    (root / "views/two.sql").write_text("select * from exploitation.one")
    (root / "views/three.sql").write_text("select * from exploitation.two")
    found = broken(root)
    assert {"view one", "view two", "view three"} == found.keys()
    names = {one.step.name: one.action for one in opened(root).plan()}
    assert {names[f"exploitation.{view}"] for view in ("one", "two", "three")} == {"blocked"}


def test_two_declarations_of_a_name_are_both_left_out(root: Path) -> None:
    (root / "views/more").mkdir()
    (root / "views/more/by_city.sql").write_text("select 1 as one from trusted.sales")
    assert broken(root).keys() >= {"view by_city"}
    assert "by_city" not in load_project(root, strict=False).views


def test_a_view_with_the_table_of_a_reconciliation_is_the_broken_one(root: Path) -> None:
    (root / "reconcile").mkdir()
    lookup = "method: lookup\ntable: shops\ncolumn: city\nvalues: {Girona: [Gerona]}\n"
    (root / "reconcile/spelling.yaml").write_text(lookup)
    (root / "views/spelling_crosswalk.sql").write_text("select 1 as one from trusted.sales")
    found = opened(root)
    assert {one.name for one in found.broken} == {"spelling_crosswalk"}
    assert len(found.steps("exploitation.spelling")) == 1


def test_sql_that_the_engine_cannot_answer_is_refused_beside_other_errors(root: Path) -> None:
    """What is refused for the embedded engine must not slip through while another declaration is broken."""
    (root / "views/broken.sql").write_text(NOT_READABLE)
    (root / "views/pivoted.sql").write_text(
        "select * from (select city, price from trusted.sales) pivot (sum(price) for city in ('Girona'))"
    )
    assert broken(root).keys() == {"view broken", "view pivoted"}


def test_a_broken_project_file_stops_everything(root: Path) -> None:
    (root / "vertebra.yaml").write_text("name: tiny\nunknown: 1\n")
    with pytest.raises(DeclarationErrors, match="unknown key"):
        opened(root)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("shops,sales", r"shops,sales selects nothing[\s\S]*--select 'shops sales'"),
        ("zone:trusted,shops,landing.*", "selects nothing"),
    ],
)
def test_an_empty_intersection_is_an_error_that_proposes_the_union(root: Path, wanted: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        run(load_project(root), RunOptions([wanted]))


def test_leaving_out_every_selected_step_is_an_error(root: Path) -> None:
    with pytest.raises(SelectionError, match="no step is left"):
        opened(root).plan("shops", "zone:*")


def test_no_modified_step_is_no_error(root: Path, sail: Engine) -> None:
    run(load_project(root), engine=sail)
    assert opened(root).plan("state:modified,zone:trusted") == []
