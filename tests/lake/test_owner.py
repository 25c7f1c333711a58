"""A lake belongs to one project."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import vertebra
from vertebra.errors import LakeError
from vertebra.lake.owner import owner
from vertebra.pipeline.progress import SilentConsole

DATASET = """\
source: shop
collect: {from: files, path: "data/*.csv"}
parse: {format: csv}
load: append
columns: {id: int, s: string}
key: [id]
"""


class Notes(SilentConsole):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def project(folder: Path, name: str, lake: str, row: str = "1,a", more: str = "") -> Path:
    for part in ("data", "datasets"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "vertebra.yaml").write_text(f"name: {name}\nlake: {lake}\n{more}", "utf-8")
    (folder / "data/x.csv").write_text(f"id,s\n{row}\n", "utf-8")
    (folder / "datasets/o.yaml").write_text(DATASET, "utf-8")
    return folder


def rows(space: vertebra.Workspace) -> list[str]:
    return sorted(str(row["s"]) for row in space.sql("select s from trusted.o").rows())


def test_a_second_project_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    one = vertebra.open(project(tmp_path / "one", "one", "../lake"))
    two = vertebra.open(project(tmp_path / "two", "two", "../lake", "2,b"))
    one.run()
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "lake").rglob("*") if file.is_file()}
    for work in (
        two.run,
        two.collect,
        lambda: two.gc(dry_run=True),
        lambda: two.restore("trusted.o", 0),
        lambda: two.quarantine.release("o", 10000000000),
    ):
        with pytest.raises(LakeError, match="belongs to the project one, not to two") as refused:
            work()
        assert "`lake:`" in refused.value.remedy
        assert f"rm {tmp_path / 'lake' / '.project'}" in refused.value.remedy
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "lake").rglob("*") if file.is_file()} == before
    assert rows(two) == ["a"], "reading is allowed"


def test_profiles_and_copies_of_a_project_share_its_lake(tmp_path: Path) -> None:
    folder = project(tmp_path / "one", "one", str(tmp_path / "lake"), more="profiles: {prod: {}}\n")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    vertebra.open(folder).run()
    assert not [result for result in vertebra.open(folder, profile="prod").run().results if result.state == "failed"]
    assert not [result for result in vertebra.open(copy).run().results if result.state == "failed"]
    assert owner(tmp_path / "lake") == "one"


def test_a_project_with_a_new_name_takes_its_lake_along(tmp_path: Path) -> None:
    folder = project(tmp_path / "one", "one", "lake")
    vertebra.open(folder).run()
    project(folder, "renamed", "lake")
    with pytest.raises(LakeError, match="belongs to the project one") as refused:
        vertebra.open(folder).run()
    Path(refused.value.remedy.rpartition("rm ")[2]).unlink()
    console = Notes()
    assert not [result for result in vertebra.open(folder).run(console=console).results if result.state == "failed"]
    assert any("belongs to the project renamed" in note for note in console.notes)


def test_a_lake_of_an_earlier_release_is_adopted_and_the_user_is_told(tmp_path: Path) -> None:
    folder = project(tmp_path / "one", "one", "lake")
    console = Notes()
    vertebra.open(folder).run(console=console)
    assert not console.notes, "a new lake is nobody's"
    (folder / "lake/.project").unlink()
    vertebra.open(folder).run(console=console)
    assert [note.partition(";")[2] for note in console.notes] == [" from now on it belongs to the project one"]
    vertebra.open(folder).run(console=console)
    assert len(console.notes) == 1


def test_an_empty_mark_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / ".project").write_text("", "utf-8")
    assert owner(tmp_path) is None
