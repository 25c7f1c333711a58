"""What is retired or retracted is not listed and does not count; garbage collection frees its files, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

import vertebra
from vertebra.engine import Engine
from vertebra.errors import DecisionError, LakeError
from vertebra.lake import removal
from vertebra.lake.batches import RECORDS_PER_BATCH, batches
from vertebra.pipeline.run import run

DECLARED = """\
source: s
collect: {from: files, path: "drop/*.csv"}
parse: {format: csv}
columns: {k: int, v: int}
rules: {positive: {deny: t.v < 0}}
key: [k]
"""


@pytest.fixture
def root(tmp_path: Path, sail: Engine) -> Path:
    for folder in ("datasets", "drop"):
        (tmp_path / folder).mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: p\n")
    (tmp_path / "datasets/m.yaml").write_text(DECLARED)
    (tmp_path / "drop/a.csv").write_text("k,v\n1,10\n2,-4\n3,x\n")
    assert run(vertebra.open(tmp_path).project, engine=sail).ok
    return tmp_path


def renamed(root: Path, sail: Engine) -> vertebra.Workspace:
    (root / "datasets/m.yaml").rename(root / "datasets/n.yaml")
    assert run(vertebra.open(root).project, engine=sail).ok
    return vertebra.open(root)


def test_a_dataset_that_is_not_declared_is_named_and_can_be_retired(root: Path, sail: Engine) -> None:
    project = renamed(root, sail)
    assert [one.dataset for one in project.quality()] == ["n"]
    (note,) = project.undeclared_notes()
    assert note.startswith("m is no longer declared, and the lake has 1 of its batches, formatted.m and trusted.m; ")
    assert 'vertebra retire m --reason "…"' in note
    assert "trusted.m" in [one.table for one in project.table_infos()]
    project.retire("m", "it is called n", by="ada")
    assert project.undeclared_notes() == []
    assert [one.table for one in project.table_infos() if one.table.endswith(".m")] == []
    with pytest.raises(DecisionError, match=r"m is retired already(.|\n)*ada retired it"):
        project.retire("m", "again")
    project.gc()  # younger than the retention
    project.restore_dataset("m", "needed")
    assert "trusted.m" in [one.table for one in project.table_infos()]
    with pytest.raises(DecisionError, match="m is not retired"):
        project.restore_dataset("m", "needed")


def test_garbage_collection_frees_a_retired_dataset(root: Path, sail: Engine) -> None:
    project = renamed(root, sail)
    project.retire("m", "it is called n")
    told = {one.table: len(one.freed) for one in project.gc("0 days", dry_run=True).tables}
    assert told["landing.m"] == 3
    assert told["trusted.m"] > 1
    assert {one.dataset for one in project.undeclared()} == {"m"}
    project.gc("0 days")
    assert project.undeclared() == []
    assert not list((root / "lake").glob("[!g]*/**/m/**/*.parquet"))
    assert project.sql("select distinct dataset from governance.violations").rows() == [{"dataset": "n"}]
    assert project.verify().ok
    with pytest.raises(DecisionError, match=r"nothing is left of m(.|\n)*gc freed its files"):
        project.restore_dataset("m", "too late")
    # under its old name again, it begins with other row ids
    (root / "datasets/m.yaml").write_text(DECLARED)
    assert run(vertebra.open(root).project, engine=sail).ok
    rows = vertebra.open(root).sql("select min(_rid) as first, count(*) as rows from trusted.m").rows()
    assert rows == [{"first": 2 * RECORDS_PER_BATCH, "rows": 3}]
    assert vertebra.open(root).sql("select count(*) as n from governance.batches where dataset = 'm'").rows() == [
        {"n": 2}
    ]


def test_a_collection_that_was_killed_is_completed(root: Path, sail: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    project = renamed(root, sail)
    project.retire("m", "it is called n")

    class Killed(BaseException):
        pass

    done = []
    original = removal.remove_folders

    def killed(lake: object, folders: object) -> None:
        original(lake, folders)  # type: ignore[arg-type]
        done.append(folders)
        if len(done) == 2:
            raise Killed

    monkeypatch.setattr("vertebra.workspace.removal.remove_folders", killed)
    with pytest.raises(Killed):
        project.gc("0 days")
    assert [one.dataset for one in project.undeclared()] == ["m"]
    monkeypatch.undo()
    project = vertebra.open(root)
    project.gc()  # the decision to free was recorded, so the retention does not matter
    assert project.undeclared() == []


def test_only_what_is_not_declared_can_be_retired(root: Path) -> None:
    project = vertebra.open(root)
    with pytest.raises(DecisionError, match=r"m is declared(.|\n)*remove .*datasets/m.yaml first"):
        project.retire("m", "a test")
    with pytest.raises(DecisionError, match="the lake has no dataset o that is not declared"):
        project.retire("o", "a test")
    with pytest.raises(DecisionError, match="why retire m"):
        project.retire("m", " ")
    (root / "datasets/m.yaml").write_text("source: 1\n")
    broken = vertebra.open(root, strict=False)
    assert broken.undeclared() == []
    assert [one.dataset for one in broken.quality()] == ["m"]
    with pytest.raises(DecisionError, match="m is declared"):
        broken.retire("m", "a test")


def test_garbage_collection_frees_retracted_batches(root: Path, sail: Engine) -> None:
    (root / "drop/b.csv").write_text("k,v\n7,70\n")
    project = vertebra.open(root)
    project.run()
    project.retract("m", 2, "a test")
    project.gc()
    project.restore_batch("m", 2, "not yet")
    project.retract("m", 2, "a test")
    freed = {one.table: [file.name for file in one.freed] for one in project.gc("0 days").tables}
    assert freed["landing.m"] == ["payload.csv", "records.parquet"]
    assert "landing.m" not in {one.table for one in project.gc("0 days").tables}
    assert project.verify().ok
    with pytest.raises(DecisionError, match=r"batch 2 of m cannot be restored(.|\n)*gc freed its files"):
        project.restore_batch("m", 2, "too late")
    # its file is not landed again, and its table has the other rows
    assert run(vertebra.open(root).project, engine=sail).ok
    assert len(batches(project.lake.landing, "s", "m")) == 2
    assert project.sql("select k from trusted.m order by k").rows() == [{"k": 1}, {"k": 2}, {"k": 3}]
    assert project.sql("select count(*) as records from landing.m").rows() == [{"records": 3}]
    with pytest.raises(LakeError, match="the records of batch 2 are gone"):
        project.why("trusted.m", 2 * RECORDS_PER_BATCH)
    project.retract("m", 1, "all of it")
    project.gc("0 days")
    assert run(vertebra.open(root).project, engine=sail).ok
    assert project.table("trusted.m").rows() == 0


def test_tables_of_views_that_are_no_longer_declared_are_named_and_can_be_retired(root: Path, sail: Engine) -> None:
    (root / "views").mkdir()
    for name in ("old", "kept"):
        (root / f"views/{name}.sql").write_text("select v from trusted.m")
    assert run(vertebra.open(root).project, engine=sail).ok
    (root / "views/old.sql").unlink()
    project = vertebra.open(root)
    (note,) = project.undeclared_notes()
    assert note.startswith("exploitation.old is no longer declared, and the lake has its table; ")
    assert 'vertebra retire exploitation.old --reason "…"' in note
    with pytest.raises(DecisionError, match=r"the lake has no table exploitation.kept that is not declared"):
        project.retire("exploitation.kept", "a test")
    project.retire("exploitation.old", "nobody reads it")
    assert project.undeclared_notes() == []
    assert "exploitation.old" not in [one.table for one in project.table_infos()]
    project.restore_dataset("exploitation.old", "somebody does")
    assert "exploitation.old" in [one.table for one in project.table_infos()]
    project.retire("exploitation.old", "nobody does")
    assert "exploitation.old" in [one.table for one in project.gc("0 days").tables]
    assert not (root / "lake/exploitation/old").exists()
    assert (root / "lake/exploitation/kept").exists()
    # nobody knows which tables a broken declaration has
    (root / "views/kept.sql").write_text("select nothing from")
    assert vertebra.open(root, strict=False).undeclared() == []
