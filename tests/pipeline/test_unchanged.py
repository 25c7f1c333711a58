"""A view that is computed again and gives the same rows gets no new version, and what reads it does not run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.tiny import edit, make, open_tiny, without_rules
from vertebra.declare.load import load_project
from vertebra.engine import Engine
from vertebra.lake.same_rows import same_rows
from vertebra.pipeline.context import RunOptions
from vertebra.pipeline.progress import StepResult
from vertebra.pipeline.run import run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return without_rules(make(tmp_path))


def ran(root: Path, engine: Engine, *, full_refresh: bool = False) -> dict[str, StepResult]:
    report = run(load_project(root), RunOptions(full_refresh=full_refresh), engine=engine)
    assert report.ok, report.results
    return {result.step: result for result in report.results}


def version(root: Path, table: str = "exploitation.by_city") -> int:
    with open_tiny(root) as project:
        return project.table(table).latest_version()


def test_a_comment_in_a_view_runs_nothing_that_reads_it(root: Path, engine: Engine) -> None:
    assert "exploitation.best" in ran(root, engine)
    before = version(root)
    edit(root, "views/by_city.sql", "-- Sales per city.", "-- Sales of each city.")
    results = ran(root, engine)
    assert results.keys() == {"exploitation.by_city"}
    assert results["exploitation.by_city"].facts.unchanged
    assert results["exploitation.by_city"].outputs == {"exploitation.by_city": before}
    assert version(root) == before
    assert ran(root, engine) == {}
    with open_tiny(root) as project:
        recorded = project.sql(
            "select count(*) as n, count(distinct output_version) as versions from governance.lineage"
            " where output = 'exploitation.by_city'"
        ).rows()
    assert recorded == [{"n": 1, "versions": 1}]


def test_new_rows_that_leave_a_view_as_it_was_run_nothing_that_reads_it(root: Path, sail: Engine) -> None:
    (root / "views/girona.sql").write_text(
        "select city, sum(price) as total from trusted.sales where city = 'Girona' group by city"
    )
    (root / "views/report.sql").write_text("select total from exploitation.girona")
    ran(root, sail)
    (root / "data/sales-2.csv").write_text("id,shop,city,price,day\n7,S2,Lleida,20.0,2026-01-05\n")
    results = ran(root, sail)
    assert results["exploitation.girona"].facts.unchanged
    assert "exploitation.report" not in results
    (root / "data/sales-3.csv").write_text("id,shop,city,price,day\n8,S1,Girona,1.0,2026-01-05\n")
    results = ran(root, sail)
    assert not results["exploitation.girona"].facts.unchanged
    assert "exploitation.report" in results


def test_another_value_or_type_is_a_change(root: Path, sail: Engine) -> None:
    ran(root, sail)
    before = version(root)
    edit(root, "views/by_city.sql", "sum(price) AS total", "sum(price) + 1 AS total")
    ran(root, sail)
    assert version(root) == before + 1
    edit(root, "views/by_city.sql", "count(*) AS sales", "cast(count(*) as int) AS sales")
    ran(root, sail)
    assert version(root) == before + 2


def test_a_full_refresh_replaces_a_damaged_file(root: Path, sail: Engine) -> None:
    ran(root, sail)
    before = version(root)
    ran(root, sail, full_refresh=True)
    assert version(root) == before
    with open_tiny(root) as project:
        files = project.lake.table("exploitation.by_city").files()
    files[0].write_bytes(b"PAR1 this is no data PAR1")
    ran(root, sail, full_refresh=True)
    assert version(root) == before + 1


rows = st.lists(st.tuples(st.sampled_from([1, 2, None]), st.sampled_from(["a", None])), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=rows, other=rows, cut=st.integers(0, 5))
def test_files_have_the_same_rows_if_their_sorted_rows_are_equal(
    tmp_path: Path, one: list[tuple[object, ...]], other: list[tuple[object, ...]], cut: int
) -> None:
    def written(name: str, found: list[tuple[object, ...]]) -> Path:
        schema = pa.schema([("x", pa.int64()), ("y", pa.string())])
        file = tmp_path / name
        pq.write_table(pa.Table.from_pylist([{"x": x, "y": y} for x, y in found], schema=schema), file)
        return file

    whole = [written("one", one)]
    parts = [written("first", other[:cut]), written("second", other[cut:])]
    assert same_rows(whole, parts) == (sorted(one, key=repr) == sorted(other, key=repr))
