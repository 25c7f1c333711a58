"""``to: duckdb``: a table swapped in one transaction."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import vertebra
from publish.shop import commit, content, declare, make, write

SALES = "to: duckdb\npath: out/shop.duckdb\ninto: reporting.sales"


def publish(folder: Path) -> str:
    with vertebra.open(folder) as project:
        return "\n".join(result.error for result in project.run("zone:publish").results if result.error)


def ask(folder: Path, question: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "out" / "shop.duckdb")) as connection:
        return connection.execute(question).fetchall()


def test_the_table_has_the_rows_types_and_order(tmp_path: Path) -> None:
    folder = make(tmp_path, rows=300_000, good=SALES)
    assert publish(folder) == ""
    with duckdb.connect(str(folder / "out" / "shop.duckdb")) as connection:
        found = connection.sql("from reporting.sales").to_arrow_table()
    assert found.equals(content(300_000).drop_columns(["_rid"]))


def test_the_name_is_that_of_the_publication_unless_declared(tmp_path: Path) -> None:
    folder = make(tmp_path, good="to: duckdb\npath: out/shop.duckdb\ncolumns: [price]")
    assert publish(folder) == ""
    assert ask(folder, "from main.good") == [(0.0,), (0.25,), (0.5,)]


def test_the_next_version_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    folder = make(tmp_path, good=SALES)
    assert publish(folder) == ""
    commit(folder, 1)
    assert publish(folder) == ""
    assert ask(folder, "select id, price from reporting.sales") == [(0, 0.0)]
    assert ask(folder, "select count(*) from duckdb_tables()") == [(1,)]


def test_other_tables_of_the_file_stay(tmp_path: Path) -> None:
    folder = make(tmp_path, good=SALES)
    (folder / "out").mkdir()
    ask(folder, "create table other as select 42 as answer")
    assert publish(folder) == ""
    assert ask(folder, "from other") == [(42,)]


@pytest.mark.parametrize("kind", ["table", "view"])
@pytest.mark.parametrize("name", ["sales", "SALES"])
def test_what_somebody_else_made_is_left_alone_unless_declared(tmp_path: Path, kind: str, name: str) -> None:
    folder = make(tmp_path, good=SALES)
    (folder / "out").mkdir()
    ask(folder, f"create schema reporting; create {kind} reporting.{name} as select 42 as answer")
    told = publish(folder)
    assert f"the {kind} {folder}/out/shop.duckdb reporting.sales already exists" in told
    assert "declare `replace: true`" in told
    assert ask(folder, "from reporting.sales") == [(42,)]
    declare(folder, "good", f"{SALES}\nreplace: true")
    assert publish(folder) == ""
    assert len(ask(folder, "from reporting.sales")) == 3


def test_two_publications_of_one_table_are_refused(tmp_path: Path) -> None:
    folder = make(tmp_path, a=SALES, b=SALES)
    assert "cause: the publication a of the project shop made it" in publish(folder)


def test_a_publication_of_the_same_name_in_another_project_is_another(tmp_path: Path) -> None:
    folder, other = make(tmp_path / "shop", good=SALES), make(tmp_path / "other", good=SALES)
    assert publish(folder) == ""
    write(other / "vertebra.yaml", "name: shop_of_somebody\n")
    (folder / "out").rename(other / "out")
    assert "cause: the publication good of the project shop made it" in publish(other)


def test_a_file_that_another_process_has_open_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path, good=SALES)
    assert publish(folder) == ""
    commit(folder, 5)
    script = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only=True); print('open', flush=True); input()"
    )
    command = [sys.executable, "-c", script, str(folder / "out" / "shop.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        told = publish(folder)
        holder.communicate("\n")
    assert f"{folder}/out/shop.duckdb is open elsewhere, and DuckDB lets one process write" in told
    assert f"(PID {holder.pid}) has it open" in told
    assert "next:  close it there, then vertebra run --select publish.good" in told
    assert publish(folder) == ""


def test_a_file_that_this_process_has_open_to_read_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path, good=SALES)
    assert publish(folder) == ""
    commit(folder, 5)
    with duckdb.connect(str(folder / "out" / "shop.duckdb"), read_only=True):
        assert "this process has it open to read only" in publish(folder)


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    folder = make(tmp_path, good=SALES)
    write(folder / "out" / "shop.duckdb", "precious" * 1000)
    assert "is not a DuckDB file" in publish(folder)
    assert (folder / "out" / "shop.duckdb").read_text() == "precious" * 1000


def test_a_first_sending_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vertebra.publish.pinned_table import PinnedTable

    def broken(self: PinnedTable) -> None:
        raise OSError(28, "No space left on device")

    folder = make(tmp_path, good=SALES)
    monkeypatch.setattr(PinnedTable, "reader", broken)
    assert "No space left on device" in publish(folder)
    assert not (folder / "out" / "shop.duckdb").exists()


def test_a_reader_of_this_process_sees_the_old_rows_until_the_swap(tmp_path: Path) -> None:
    folder = make(tmp_path, good=SALES)
    assert publish(folder) == ""
    commit(folder, 5)
    with duckdb.connect(str(folder / "out" / "shop.duckdb")) as reader:
        reader.begin()
        assert reader.execute("select count(*) from reporting.sales").fetchone() == (3,)
        assert publish(folder) == ""
        assert reader.execute("select count(*) from reporting.sales").fetchone() == (3,)
        reader.commit()
        assert reader.execute("select count(*) from reporting.sales").fetchone() == (5,)


def test_no_progress_is_drawn_on_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vertebra.publish.pinned_table import PinnedTable

    connect, read = duckdb.connect, PinnedTable.reader
    opened: list[duckdb.DuckDBPyConnection] = []
    drawn: list[object] = []

    def connecting(file: str, **settings: Any) -> duckdb.DuckDBPyConnection:
        opened.append(connect(file, **settings))
        opened[-1].execute("set enable_progress_bar = true")  # as in a notebook
        return opened[-1]

    def reading(self: PinnedTable) -> pa.RecordBatchReader:
        drawn.append(opened[-1].execute("select current_setting('enable_progress_bar')").fetchall())
        return read(self)

    folder = make(tmp_path, good=SALES)
    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", connecting)
        patch.setattr(PinnedTable, "reader", reading)
        assert publish(folder) == ""
    assert drawn == [[(False,)]]
