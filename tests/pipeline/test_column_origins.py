"""A project whose devices are named in their files only: declared late, upserted, explained, retracted, forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

import vertebra
from vertebra.workspace.workspace import Workspace

LATER = '  device: {type: int, from: {file: "meter-(?<device>\\\\d+)_*.csv"}}\n'


def declare(folder: Path, device: str, key: str) -> Workspace:
    (folder / "datasets" / "m.yaml").write_text(
        "source: s\ncollect: {from: files, path: 'drop/*.csv'}\nparse: {format: csv}\nload: upsert\n"
        f"columns:\n  at: date\n  v: int\n{device}key: {key}\n"
    )
    return vertebra.open(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("datasets", "drop"):
        (tmp_path / name).mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: p\n")
    for device, value in (("660", 1), ("661", 1), ("662", 9)):
        (tmp_path / "drop" / f"meter-{device}_x.csv").write_text(f"at,v\n2020-01-01,{value}\n")
    return tmp_path


def rows(project: Workspace) -> list[tuple[int, int]]:
    return [tuple(row.values()) for row in project.sql("select device, v from trusted.m order by 1, 2").rows()]


def test_a_device_that_only_the_name_of_its_file_says(folder: Path) -> None:
    declare(folder, "", "[at]").run()
    project = declare(folder, LATER, "[device, at]")
    for file in (folder / "drop").glob("*"):
        file.unlink()  # what landed is not collected again
    (folder / "drop" / "meter-663_x.csv").write_text("at,v\n2020-01-01,5\n2020-01-02,6\n")
    project.run()
    assert rows(project) == [(660, 1), (661, 1), (662, 9), (663, 5), (663, 6)]
    assert project.run().idle
    said = str(project.why("trusted.m", 20_000_000_000, column="device"))
    assert "taken from the file's name by meter-(?<device>" in said
    project.retract("m", 3, reason="broken")
    project.forget("m", {"device": "660", "at": "2020-01-01"}, reason="moved out")
    project.run()
    assert rows(project) == [(661, 1), (663, 5), (663, 6)]
    assert not [one for one in project.drift() if one.column == "device" and one.last_batch > 3]


def test_a_batch_whose_name_does_not_match_is_not_null(folder: Path) -> None:
    (folder / "drop" / "old.csv").write_text("at,v\n2020-01-03,7\n")
    declare(folder, "", "[at]").run()
    project = declare(folder, LATER + "drift: {missing: null}\n", "[device, at]")
    failed = [one for one in project.run().results if one.state == "failed"]
    assert "batch 4 has no value of device, which is taken from the file's name" in str(failed[0].error)
