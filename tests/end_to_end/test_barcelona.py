"""The project barcelona, without the internet: a stand-in sends a small city with the faults of the real portals."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import vertebra
from vertebra.declare.load import load_project
from vertebra.workspace.workspace import Workspace

PROJECT = Path(__file__).parents[2] / "projects" / "barcelona"
SIZE = 0.05
LESS = (
    ("analyses/asking_price.py", "(1.0, 10.0)", "(10.0,)"),
    ("analyses/asking_price.py", "(7, 15)", "(7,)"),
)
"""Settings of an analysis with fewer models."""


@pytest.fixture(scope="module")
def standin() -> Iterator[Any]:
    """The modules of the stand-in, which are part of the project."""
    sys.path.insert(0, str(PROJECT))
    try:
        from standin import __main__, bodies, city, replay, server

        yield {"main": __main__, "bodies": bodies, "city": city, "replay": replay, "server": server}
    finally:
        sys.path.remove(str(PROJECT))
        for name in [name for name in sys.modules if name.partition(".")[0] == "standin"]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def city(standin: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Any]]:
    """The project after a run, and the bodies that it collected."""
    folder = tmp_path_factory.mktemp("barcelona") / "project"
    made = shutil.ignore_patterns("lake*", "mlflow.db*", "mlruns", "mlartifacts", "plots", ".standin", "__pycache__")
    shutil.copytree(PROJECT, folder, ignore=made)
    for name, old, new in LESS:
        file = folder / name
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
    for name in ("serious_accident", "slow_request"):  # a small city has too few of them
        (folder / "analyses" / f"{name}.py").unlink()
    bodies = standin["bodies"].generated(SIZE)
    with pytest.MonkeyPatch.context() as patch, standin["server"].serving(bodies) as address:
        for name, value in standin["main"].environment(address, bodies, folder / ".standin").items():
            patch.setenv(name, value)
        with vertebra.open(folder, profile="standin") as project:
            report = project.run()
            assert report.state == "ok", [step for step in report.steps if step.state not in ("ok", "current")]
            yield project, bodies


def rows(project: Workspace, sql: str) -> list[dict[str, Any]]:
    return project.sql(sql).rows()


def test_each_year_of_a_package_is_a_period_but_for_the_one_that_is_gone(city: Any) -> None:
    project, bodies = city
    landed = rows(project, "select dataset, period, records from governance.batches order by 1, 2")
    years = [int(row["period"]) for row in landed if row["dataset"] == "unemployment"]
    assert years == [year for year in range(2011, 2024) if year != 2015]
    wanted = sum(len(body) for body in bodies.records["est-atur-sexe"].values() if body)
    assert sum(row["records"] for row in landed if row["dataset"] == "unemployment") == wanted
    (filled,) = rows(project, "select count(*) as n, count(demand) as demand from trusted.unemployment")
    assert filled["n"] == filled["demand"] == wanted
    assert "2015" not in {row["period"] for row in landed if row["dataset"] == "requests"}


def test_the_faults_of_the_sources_are_recovered(city: Any) -> None:
    project, _ = city
    (income,) = rows(project, "select count(*) as n, count(distinct neighbourhood_id) as k from trusted.income")
    assert income == {"n": 73 * 11, "k": 73}
    (accidents,) = rows(project, "select count(*) as n, max(length(id)) as width from trusted.accidents")
    assert accidents == {"n": 515, "width": 11}
    quarantined = rows(project, "select dataset, count(*) as n from governance.quarantine group by 1 order by 1")
    assert {row["dataset"]: row["n"] for row in quarantined if row["dataset"] != "requests"} == {
        "accidents": 4,
        "income": 11,
    }
    names = rows(project, "select distinct neighbourhood from trusted.requests where neighbourhood_id = 11")
    assert [row["neighbourhood"] in ("el Poble Sec", "el Poble-sec") for row in names] == [True]
    years = rows(project, "select min(year) as first, count(distinct year) as n from trusted.accidents")
    assert years == [{"first": 2017, "n": 1}]


def test_the_day_of_a_listing_is_that_of_its_file_and_empty_days_are_no_failure(city: Any) -> None:
    project, bodies = city
    empty = [name for name, body in bodies.listings.items() if body == b"[]"]
    assert empty
    landed = rows(project, "select url, records from governance.batches where dataset = 'listings'")
    assert len(landed) == len(bodies.listings)
    assert {row["url"].rpartition("/")[2] for row in landed if row["records"] == 0} == set(empty)
    days = rows(project, "select distinct listed_on from trusted.listings")
    names = {date(*map(int, name.split("_")[:3])) for name in bodies.listings}
    assert {row["listed_on"] for row in days} <= names


def test_neighbourhoods_are_the_official_ones_in_every_view(city: Any, standin: Any) -> None:
    project, _ = city
    official = {one.name for one in standin["city"].neighbourhoods()}
    (listed,) = rows(
        project,
        "select count(*) as n, count(neighbourhood) as placed, count(income_index) as income, "
        "count(distinct neighbourhood) as k from exploitation.listing",
    )
    assert listed["n"] == listed["placed"] == listed["income"] > 0
    for view in ("listing", "neighbourhood_year", "accident"):
        found = {
            row["neighbourhood"] for row in rows(project, f"select distinct neighbourhood from exploitation.{view}")
        }
        assert found - {None} <= official
    (year,) = rows(
        project,
        "select count(*) as n, count(population) as people, count(unemployed) as unemployed, count(rent) as rent, "
        "count(accidents) as accidents from exploitation.neighbourhood_year where year = 2017",
    )
    assert year == {"n": 73, "people": 73, "unemployed": 73, "rent": 73, "accidents": year["accidents"]}
    # no listing of another town with an Eixample of its own
    (other,) = rows(
        project,
        "select count(*) as n from trusted.listings where municipality != 'Barcelona' and district = 'Eixample'",
    )
    (broken,) = rows(
        project, "select count(distinct rid) as n from governance.violations where rule = 'eixample_is_in_barcelona'"
    )
    assert broken == other
    assert other["n"] > 0


def test_asking_prices_are_predicted_better_than_by_a_constant(city: Any) -> None:
    project, _ = city
    tested = [one for one in project.models("asking_price") if one.split == "test" and one.metric == "mae"]
    scores = {one.candidate: one.value for one in tested}
    assert min(scores.values()) < 0.8 * scores["baseline"]


def test_neighbourhoods_are_of_a_few_types(city: Any) -> None:
    project, _ = city
    (types,) = rows(project, "select count(*) as n, count(distinct _prediction) as k from analysis.neighbourhood_types")
    assert types["n"] == 73 * 4  # the years with income and rents
    assert 2 <= types["k"] <= 5


def test_without_the_stand_in_it_asks_the_portals() -> None:
    project = load_project(PROJECT, environ={})
    assert {dataset.collect.portal for dataset in project.datasets.values() if dataset.collect.kind == "ckan"} == {
        "https://opendata-ajuntament.barcelona.cat/data"
    }
    assert project.datasets["weather"].collect.url == "https://archive-api.open-meteo.com/v1/archive"


def test_bodies_that_were_saved_are_replayed(standin: Any, tmp_path: Path) -> None:
    (tmp_path / "unemployment").mkdir()
    rows = '[{"_id": 2, "Any": "2012"}, {"_id": 1, "Any": "2012"}]'
    page = f'{{"success": true, "result": {{"total": 1776, "records": {rows}}}}}'
    (tmp_path / "unemployment" / "2012_atur_per_sexe.json").write_text(page)
    (tmp_path / "unemployment" / "2015_atur_per_sexe.json").write_text('{"success": false, "error": {}}')
    (tmp_path / "listings").mkdir()
    (tmp_path / "listings" / "2020_01_02_idealista.json").write_text("[]")
    bodies = standin["replay"].replayed(tmp_path, standin["bodies"].generated(0.01))
    stored = bodies.records["est-atur-sexe"]
    assert [row["_id"] for row in stored["2012_atur_per_sexe.csv"]] == [1, 2]
    assert stored["2015_atur_per_sexe.csv"] is None
    assert bodies.listings == {"2020_01_02_idealista.json": b"[]"}
    assert len(bodies.files["iris"]) == 9
