"""``to: files``: what is written, what is refused, and that a reader never sees half of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

import vertebra
from portals.bucket import NAME, Bucket, running_bucket
from publish.shop import commit, content, declare, make, write


def publish(folder: Path) -> str:
    """Publish everything; returns the errors."""
    with vertebra.open(folder) as project:
        return "\n".join(result.error for result in project.run("zone:publish").results if result.error)


def test_a_parquet_file_has_the_rows_types_and_order_of_the_table(tmp_path: Path) -> None:
    folder = make(tmp_path, rows=300_000, good="to: files\npath: out/sales.parquet")
    assert publish(folder) == ""
    wanted = content(300_000).drop_columns(["_rid"])
    found = pq.read_table(folder / "out" / "sales.parquet")
    assert found.schema.remove_metadata() == wanted.schema
    assert found.equals(wanted)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("path: out/sales.csv", "out/sales.csv"),
        ("path: out/sales.csv.gz", "out/sales.csv.gz"),
        ("path: out/\nformat: csv", "out/good.csv"),
        ("path: out/v1.2\nformat: csv", "out/v1.2/good.csv"),
    ],
)
def test_a_csv_file_tells_null_from_empty_and_quotes(tmp_path: Path, path: str, file: str) -> None:
    folder = make(tmp_path, good=f"to: files\n{path}")
    assert publish(folder) == ""
    data = (folder / file).read_bytes()
    text = (gzip.decompress(data) if file.endswith(".gz") else data).decode()
    assert text == '"id","city","price"\n0,"city 0, ""a""",0\n1,,0.25\n2,"city 2, ""a""",0.5\n'
    assert pc.read_csv(folder / file).num_rows == 3


def test_columns_are_chosen_and_ordered(tmp_path: Path) -> None:
    folder = make(
        tmp_path,
        a="to: files\npath: a.parquet\ncolumns: [price, _rid]",
        b="to: files\npath: b.csv\ncolumns: [price, id]",
    )
    assert publish(folder) == ""
    assert pq.read_table(folder / "a.parquet").equals(content(3).select(["price", "_rid"]))
    assert (folder / "b.csv").read_text() == '"price","id"\n0,0\n0.25,1\n0.5,2\n'


def test_a_table_without_rows_is_published(tmp_path: Path) -> None:
    folder = make(tmp_path, rows=0, a="to: files\npath: a.parquet", b="to: files\npath: b.csv")
    assert publish(folder) == ""
    assert pq.read_table(folder / "a.parquet").equals(content(0).drop_columns(["_rid"]))
    assert (folder / "b.csv").read_text() == '"id","city","price"\n'


def test_bytes_follow_from_the_table_alone(tmp_path: Path) -> None:
    folder = make(tmp_path, a="to: files\npath: a.parquet", b="to: files\npath: b.csv")
    assert publish(folder) == ""
    first = [(folder / name).read_bytes() for name in ("a.parquet", "b.csv")]
    with vertebra.open(folder) as project:
        assert project.run("zone:publish", full_refresh=True).ok
    assert [(folder / name).read_bytes() for name in ("a.parquet", "b.csv")] == first


@pytest.mark.parametrize("name", ["sales.parquet", "sales.csv"])
def test_a_file_that_somebody_else_made_is_left_alone_unless_declared(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, good=f"to: files\npath: out/{name}")
    write(folder / "out" / name, "precious")
    assert publish(folder) == (
        f"{folder}/publish/good.yaml:1:1: {folder}/out/{name} already exists, and publication good did not create it\n"
        "  cause: it has no mark of this publication\n"
        "  next:  move it away or publish elsewhere; to replace it, declare `replace: true`, then "
        "vertebra run --select publish.good"
    )
    assert (folder / "out" / name).read_text() == "precious"
    declare(folder, "good", f"to: files\npath: out/{name}\nreplace: true")
    assert publish(folder) == ""
    declare(folder, "good", f"to: files\npath: out/{name}")
    commit(folder, 5)
    assert publish(folder) == ""


@pytest.mark.parametrize("name", ["sales.parquet", "sales.csv"])
def test_a_published_file_that_somebody_changed_is_left_alone(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, good=f"to: files\npath: {name}")
    assert publish(folder) == ""
    write(folder / name, "precious")
    commit(folder, 5)
    assert "publication good did not create it" in publish(folder)
    assert (folder / name).read_text() == "precious"


@pytest.mark.parametrize("name", ["sales.parquet", "sales.csv"])
def test_two_publications_of_one_file_are_refused(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, a=f"to: files\npath: {name}", b=f"to: files\npath: {name}\ncolumns: [id]")
    assert "cause: the publication a of the project shop made it" in publish(folder)


def test_a_broken_mark_is_no_mark(tmp_path: Path) -> None:
    folder = make(tmp_path, good="to: files\npath: sales.csv")
    assert publish(folder) == ""
    for text in ("[]", "{", '{"sha256": []}'):
        write(folder / ".sales.csv.vertebra.json", text)
        commit(folder, 5, text)
        assert "publication good did not create it" in publish(folder)


def test_the_lake_and_folders_are_no_targets(tmp_path: Path) -> None:
    folder = make(tmp_path, a="to: files\npath: lake/trusted/sales.parquet", b="to: files\npath: out.csv")
    (folder / "out.csv").mkdir()
    told = publish(folder)
    assert f"lake/trusted/sales.parquet is inside the lake {folder / 'lake'}" in told
    assert "out.csv is a folder, not a file" in told


def test_csv_refuses_columns_it_cannot_hold(tmp_path: Path) -> None:
    import pyarrow as pa

    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import Commit

    write(tmp_path / "views" / "lists.sql", "select city from trusted.sales")
    folder = make(tmp_path)
    write(folder / "publish" / "lists.yaml", "table: exploitation.lists\nto: files\npath: lists.csv\n")
    rows = pa.table({"id": [1], "tags": [["a"]], "raw": [b"x"]})
    Lake(folder / "lake").table("exploitation.lists").write_arrow(rows, Commit("run", "exploitation.lists", "x"))
    assert "CSV cannot hold the columns tags, raw of exploitation.lists" in publish(folder)
    assert not (folder / "lists.csv").exists()


def test_a_link_is_followed(tmp_path: Path) -> None:
    folder = make(tmp_path, good="to: files\npath: link.parquet")
    (folder / "elsewhere").mkdir()
    (folder / "link.parquet").symlink_to(folder / "elsewhere" / "sales.parquet")
    assert publish(folder) == ""
    assert (folder / "link.parquet").is_symlink()
    assert pq.read_table(folder / "elsewhere" / "sales.parquet").num_rows == 3


def test_a_file_on_another_file_system_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    move = Path.replace

    def across(self: Path, target: Path) -> Path:
        if ".scratch" in self.parts:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return move(self, target)

    folder = make(tmp_path, good="to: files\npath: out/sales.parquet")
    write(folder / "out" / ".sales.parquet.vertebra-1", "left behind by a crash")
    monkeypatch.setattr(Path, "replace", across)
    assert publish(folder) == ""
    with (folder / "out" / "sales.parquet").open("rb") as reader:
        commit(folder, 5)
        assert publish(folder) == ""
        assert pq.read_table(reader).num_rows == 3, "a reader keeps the file it has opened"
    assert pq.read_table(folder / "out" / "sales.parquet").num_rows == 5
    assert [file.name for file in (folder / "out").iterdir()] == ["sales.parquet"]


# -- stores ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with running_bucket() as running:
        yield running


@pytest.fixture
def empty(bucket: Bucket) -> Bucket:
    bucket.clear()
    return bucket


def in_bucket(folder: Path, name: str, rows: int = 3) -> Path:
    make(folder, rows, good=f"to: files\npath: s3://{NAME}/out/{name}")
    write(folder / "vertebra.yaml", "name: shop\nschemes: [file, s3]\n")
    return folder


@pytest.mark.parametrize("name", ["sales.parquet", "sales.csv"])
def test_a_bucket_gets_the_file_and_then_the_next_version(empty: Bucket, tmp_path: Path, name: str) -> None:
    folder = in_bucket(tmp_path, name)
    assert publish(folder) == ""
    before = empty.files.cat(f"{NAME}/out/{name}")
    commit(folder, 5)
    assert publish(folder) == ""
    after = empty.files.cat(f"{NAME}/out/{name}")
    assert before != after
    with vertebra.open(folder) as project:
        rows = project.sql("select location, bytes from governance.publications order by table_version").rows()
    assert rows == [
        {"location": f"s3://{NAME}/out/{name}", "bytes": len(before)},
        {"location": f"s3://{NAME}/out/{name}", "bytes": len(after)},
    ]


@pytest.mark.parametrize("name", ["sales.parquet", "sales.csv"])
def test_a_file_in_a_bucket_that_somebody_else_made_is_left_alone(empty: Bucket, tmp_path: Path, name: str) -> None:
    folder = in_bucket(tmp_path, name)
    empty.files.pipe(f"{NAME}/out/{name}", b"precious")
    assert "publication good did not create it" in publish(folder)
    assert empty.files.cat(f"{NAME}/out/{name}") == b"precious"


def test_a_bucket_that_is_not_there_is_an_error_that_says_so(empty: Bucket, tmp_path: Path) -> None:
    folder = make(tmp_path, good="to: files\npath: s3://nowhere/sales.parquet")
    write(folder / "vertebra.yaml", "name: shop\nschemes: [file, s3]\n")
    told = publish(folder)
    assert "s3://nowhere/sales.parquet cannot be written" in told
    assert "next:  check the path" in told


def test_the_project_has_to_allow_a_scheme(tmp_path: Path) -> None:
    folder = make(tmp_path, good="to: files\npath: s3://bucket/sales.parquet")
    assert publish(folder) == (
        f"{folder}/publish/good.yaml:1:1: the project does not allow s3:// as a target\n  cause: it allows file\n"
        "  next:  write `schemes: [file, s3]` in vertebra.yaml"
    )


@pytest.mark.parametrize("url", ["ftp://host/a.csv", "https://host/a.csv", "simplecache::s3://bucket/a.csv"])
def test_a_store_that_cannot_replace_a_file_in_one_step_is_refused(tmp_path: Path, url: str) -> None:
    folder = make(tmp_path, good=f"to: files\npath: {url}")
    assert "a reader could see half a file there" in publish(folder)


def test_credentials_in_an_address_are_neither_kept_nor_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_PASSWORD", "hunter2hunter2")
    folder = make(tmp_path, good='to: files\npath: "ftp://me:${STORE_PASSWORD}@host/a.csv"')
    told = publish(folder)
    assert told.startswith(f"{folder}/publish/good.yaml:1:1: ftp://host/a.csv cannot be published to")
    with vertebra.open(folder) as project:
        assert "hunter2" not in json.dumps(project.sql("select * from governance.runs").rows(), default=str)
