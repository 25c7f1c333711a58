"""``vertebra init``: a project that runs as it is, and copies of the examples."""

from __future__ import annotations

from pathlib import Path

import pytest

import vertebra
from vertebra.declare.load import load_project
from vertebra.errors import VertebraError
from vertebra.scaffold.init import examples, init_project


def test_an_empty_project_is_named_after_its_folder(tmp_path: Path) -> None:
    written = init_project(tmp_path / "My Shop")
    project = load_project(tmp_path / "My Shop", environ={})
    assert project.settings.name == "my_shop"
    assert {file.name for file in written} >= {"vertebra.yaml", "orders.yaml", "orders.csv", "README.md", ".gitignore"}
    assert all(file.is_file() for file in written)


def test_an_empty_project_runs_and_shows_what_cleaning_does(tmp_path: Path) -> None:
    init_project(tmp_path / "shop")
    with vertebra.open(tmp_path / "shop") as shop:
        assert shop.run().state == "ok"
        assert shop.table("formatted.orders").arrow().num_rows == 10
        assert shop.sql("select column_name from governance.rejects").rows() == [{"column_name": "ordered_on"}]
        trusted = shop.sql("select count(*) as n, count(distinct city) as cities from trusted.orders").rows()
        assert trusted == [{"n": 9, "cities": 3}]
        sales = shop.sql("select orders from exploitation.sales_by_city where city = 'Alicante'").rows()
        assert sales == [{"orders": 2}]


def test_an_example_is_copied_with_its_declarations_and_nothing_else(tmp_path: Path) -> None:
    assert "flights" in examples()
    init_project(tmp_path / "copy", "flights")
    project = load_project(tmp_path / "copy", environ={})
    assert project.settings.name == "flights"
    assert len(project.datasets) == 6
    assert {path.name for path in (tmp_path / "copy").iterdir()} <= {
        ".gitignore", "README.md", "vertebra.yaml", "data", "datasets", "reconcile", "views", "analyses", "live",
    }  # fmt: skip
    assert not list((tmp_path / "copy").rglob("__pycache__"))


def test_the_stand_in_of_an_example_is_copied_with_it(tmp_path: Path) -> None:
    init_project(tmp_path / "city", "barcelona")
    assert (tmp_path / "city" / "standin" / "__main__.py").is_file()
    assert len(load_project(tmp_path / "city", profile="standin", environ={}).datasets) == 9
    assert not list((tmp_path / "city").rglob(".standin"))


def test_an_unknown_example_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(VertebraError, match=r"there is no example flight\n  cause: the examples are .*flights"):
        init_project(tmp_path / "copy", "flight")
    assert not (tmp_path / "copy").exists()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(VertebraError, match=r"is not empty\n  cause: it has notes\.txt"):
        init_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    init_project(tmp_path, force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    load_project(tmp_path, environ={})


def test_a_folder_with_only_a_repository_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert init_project(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "project").write_text("")
    with pytest.raises(VertebraError, match="is a file"):
        init_project(tmp_path / "project")
