"""``publish/<name>.yaml``: what may be written, and what is said about what may not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from publish.shop import declare, make, write
from vertebra.declare.load import load_project
from vertebra.declare.project import Project
from vertebra.declare.schema import json_schema
from vertebra.errors import DeclarationErrors

FILE = "to: files\npath: out/sales.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path)


def load(folder: Path, **environ: str) -> Project:
    return load_project(folder, environ=environ)


def wrong(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    """The one thing that is said to be wrong with a publication."""
    write(folder / "publish" / "good.yaml", text)
    with pytest.raises(DeclarationErrors) as caught:
        load_project(folder, environ=environ or {})
    (error,) = caught.value.errors
    return str(error).replace(f"{folder}/", "")


def test_a_publication_is_loaded_with_the_model_of_its_target(folder: Path) -> None:
    declare(folder, "good", f"{FILE}\ncolumns: [id]\ndescription: for partners\ntags: [x]")
    good = load(folder).publications["good"]
    assert type(good).__name__ == "FilesPublication"
    assert good.model_dump() == {
        "name": "good", "table": "trusted.sales", "to": "files", "columns": ("id",), "mode": "full", "replace": False,
        "description": "for partners", "tags": ("x",), "path": "out/sales.parquet", "format": None,
    }  # fmt: skip


WRONG = [
    (
        "table: trusted.sales\n",
        "publish/good.yaml:1:1: publication good needs 'to'\n  cause: the targets are duckdb, files\n"
        "  next:  add `to: …`",
    ),
    (
        "table: trusted.sales\nto: file\npath: a.csv\n",
        "publish/good.yaml:2:5: publication good: there is no publish target 'file'\n"
        "  cause: the targets are duckdb, files\n  next:  did you mean files?",
    ),
    (
        "table: trusted.sales\nto: postgresql\n",
        "publish/good.yaml:2:5: publication good: there is no publish target 'postgresql'\n"
        "  cause: the targets are duckdb, files\n  next:  write one of them, or install the package that adds it",
    ),
    (
        f"table: trusted.sales\n{FILE}\npaht: x\n",
        "publish/good.yaml:4:1: publication good: unknown key 'paht'\n  cause: the keys here are name, table, to, "
        "columns, mode, replace, description, tags, path, format\n  next:  did you mean path?",
    ),
    (
        "table: trusted.sales\nto: files\n",
        "publish/good.yaml:1:1: publication good has no 'path', which it needs\n  next:  add `path: …`",
    ),
    (
        f"table: sales\n{FILE}\n",
        "publish/good.yaml:1:8: publication good: table: 'sales' cannot be published\n"
        "  next:  write trusted.sales or exploitation.sales",
    ),
    (
        f"table: trusted.sale\n{FILE}\n",
        "publish/good.yaml:1:8: publication good reads trusted.sale, which nothing declares\n"
        "  cause: there are trusted.sales\n  next:  did you mean trusted.sales?",
    ),
    (
        f"table: trusted.sales\n{FILE}\ncolumns: [id, prise]\n",
        "publish/good.yaml:4:15: publication good: columns: sales has no column prise\n"
        "  cause: its columns are id, city, price\n  next:  did you mean price?",
    ),
    (
        f"table: trusted.sales\n{FILE}\ncolumns: [id, id]\n",
        "publish/good.yaml:4:10: publication good: columns: id is named twice\n  next:  remove one of them",
    ),
    (
        f"table: trusted.sales\n{FILE}\ncolumns: []\n",
        "publish/good.yaml:4:10: publication good: columns: it names no column\n"
        "  next:  remove `columns:` to send all",
    ),
    (
        f"table: trusted.sales\n{FILE}\nmode: append\n",
        "publish/good.yaml:4:7: publication good: mode is 'append'\n  cause: it is one of full\n  next:  write full",
    ),
    (
        "table: trusted.sales\nto: files\npath: out\n",
        "publish/good.yaml:1:1: publication good: path out is a folder\n"
        "  next:  write format: parquet or format: csv",
    ),
    (
        "table: trusted.sales\nto: files\npath: a.csv\nformat: parquet\n",
        "publish/good.yaml:1:1: publication good: path ends in .csv, and format is parquet\n  next:  remove format",
    ),
    (
        "table: trusted.sales\nto: files\npath: a.parquet.gz\n",
        "publish/good.yaml:1:1: publication good: a Parquet file is compressed inside\n"
        "  next:  write a path that ends in .parquet",
    ),
    (
        "table: trusted.sales\nto: duckdb\npath: s3://bucket/a.duckdb\n",
        "publish/good.yaml:3:7: publication good: path: a DuckDB file is on this machine\n"
        "  next:  write a path, or publish to: files for a bucket",
    ),
    (
        "table: trusted.sales\nto: duckdb\npath: a.duckdb\ninto: a.b.c\n",
        "publish/good.yaml:4:7: publication good: into: 'a.b.c' is not the name of a table\n"
        "  next:  write schema.table or table",
    ),
    (
        "table: trusted.sales\nto: files\npath: ${OUT}/a.csv\n",
        "publish/good.yaml:3:7: the environment variable OUT is not set\n"
        "  cause: the value here is ${OUT}, and has no default\n  next:  export OUT=…, or write ${OUT:-default}",
    ),
    (
        "table: trusted.sales\nto: files\npath: s3://me:secret@bucket/a.csv\n",
        "publish/good.yaml:3:7: the password in path is not a reference to an environment variable\n"
        "  cause: a secret in a file ends up in version control\n"
        "  next:  write ${NAME} alone, without a default, and export NAME=… where Vertebra runs",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_is_wrong_is_told_with_its_place(folder: Path, text: str, told: str) -> None:
    assert wrong(folder, text) == told


def test_a_dataset_whose_columns_may_grow_is_not_judged_by_what_it_declares(folder: Path) -> None:
    write(folder / "datasets" / "sales.yaml", (folder / "datasets" / "sales.yaml").read_text() + "drift: evolve\n")
    declare(folder, "good", f"{FILE}\ncolumns: [brand]")
    assert load(folder).publications["good"].columns == ("brand",)


def test_nothing_is_said_about_a_publication_of_a_dataset_that_is_wrong(folder: Path) -> None:
    declare(folder, "good", FILE)
    write(folder / "datasets" / "sales.yaml", "source: tills\n")
    with pytest.raises(DeclarationErrors) as caught:
        load(folder)
    assert all("dataset sales" in str(error) for error in caught.value.errors)


def test_references_to_the_environment_are_resolved_in_options_only(folder: Path) -> None:
    declare(folder, "good", "to: files\npath: ${OUT}/a.csv\ndescription: costs ${DOLLARS}")
    project = load(folder, OUT="/srv/out")
    assert project.publications["good"].model_dump()["path"] == "/srv/out/a.csv"
    assert project.publications["good"].description == "costs ${DOLLARS}"
    assert project.secrets == {"OUT": "/srv/out"}


def test_an_overlay_replaces_a_publication(folder: Path) -> None:
    write(folder / "vertebra.yaml", "name: shop\nprofiles:\n  prod: {overlay: live}\n")
    declare(folder, "good", FILE)
    write(folder / "live" / "publish" / "good.yaml", "table: trusted.sales\nto: duckdb\npath: /srv/shop.duckdb\n")
    write(folder / "live" / "publish" / "more.yaml", f"table: trusted.sales\n{FILE}\n")
    assert {name: one.to for name, one in load(folder).publications.items()} == {"good": "files"}
    prod = load_project(folder, "prod", environ={})
    assert {name: one.to for name, one in prod.publications.items()} == {"good": "duckdb", "more": "files"}


def test_the_schema_admits_what_the_loader_does(folder: Path) -> None:
    from declare.test_json_schema_and_round_trip import fits

    def admitted(value: dict[str, Any]) -> bool:
        whole, one = json_schema(), json_schema("publication")
        assert fits(value, one, one) == fits(value, {"$ref": "#/$defs/publication"}, whole)
        return fits(value, one, one)

    sound: dict[str, Any] = {"table": "trusted.sales", "to": "files", "path": "a.csv"}
    assert admitted(sound)
    assert admitted(sound | {"columns": ["id"], "tags": ["x"], "replace": True, "format": "csv"})
    assert admitted({"table": "trusted.sales", "to": "duckdb", "path": "a.duckdb", "into": "x.y"})
    wrong: list[dict[str, Any]] = [
        {"to": "fles"},
        {"paht": "x"},
        {"into": "x.y"},
        {"mode": "append"},
        {"columns": "id"},
    ]
    assert [one for one in wrong if admitted(sound | one)] == []
    assert not admitted({"table": "trusted.sales", "to": "files"})


def test_every_key_of_a_publication_is_described_in_the_schema() -> None:
    models = [one for name, one in json_schema()["$defs"].items() if name.endswith("Publication")]
    assert len(models) == 2
    for model in models:
        lacking = [name for name, about in model["properties"].items() if not about.get("description")]
        assert lacking == []
