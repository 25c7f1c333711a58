"""`why` explains a record that landed and is in no table."""

from __future__ import annotations

from pathlib import Path

import pytest

import vertebra
from vertebra.engine import Engine
from vertebra.errors import LakeError
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.pipeline.run import run

DECLARED = """\
source: s
collect: {from: files, path: "drop/*.csv"}
parse: {format: csv}
load: upsert
key: [k]
columns: {k: int, v: int}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("datasets", "drop"):
        (tmp_path / folder).mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: p\n")
    (tmp_path / "datasets/m.yaml").write_text(DECLARED)
    return tmp_path


def land(root: Path, engine: Engine, name: str, text: str) -> None:
    (root / "drop" / name).write_text(f"k,v\n{text}\n")
    assert run(vertebra.open(root).project, engine=engine).ok


def links(root: Path, rid: int, column: str | None = None) -> str:
    with vertebra.open(root) as project:
        return "\n".join(f"{link.text} {dict(link.facts)}" for link in project.why("trusted.m", rid, column).links)


def test_a_row_that_is_not_there_is_explained(root: Path, sail: Engine) -> None:
    land(root, sail, "a.csv", "1,10")
    land(root, sail, "b.csv", "1,11")
    land(root, sail, "copy of a.csv", "1,10")
    land(root, sail, "wrong.csv", "2,0")
    with vertebra.open(root) as project:
        project.retract("m", 4, "a test", by="ada")
        assert project.run().ok
    one, two, three, four = (number * RECORDS_PER_BATCH for number in (1, 2, 3, 4))
    gone = links(root, one)
    assert gone.startswith("trusted.m version 3 does not have the row")
    assert f"formatted.m does not have the row: row {two} of batch 2 replaced it" in gone
    assert "it replaced record 0 of batch 1 (file:drop/a.csv), which had {'v': '10'}" in links(root, two, "v")
    assert "batch 3 has the bytes of an earlier one, which counts" in links(root, three)
    assert "ada retracted batch 4: a test" in links(root, four)
    with pytest.raises(LakeError, match=r"m has no row 50000000000(.|\n)*no batch has the number 5"):
        links(root, 5 * RECORDS_PER_BATCH)
