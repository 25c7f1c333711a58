"""Whoever changes what a step gives raises its version: the tables of a small project are recorded for each version.

To record: ``VERTEBRA_RECORD=1 pytest tests/pipeline/test_step_versions.py``. It refuses what needs another version.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

import vertebra
from flights_project import PROJECT
from pipeline.recorded_project import described, make
from pipeline.step_outputs import (
    DECLARED_IN,
    RECORD,
    Found,
    StepOutputs,
    outputs_of,
    read_record,
    table_hash,
    unrecorded,
    unversioned_changes,
    write_record,
)
from vertebra.declare.load import load_project
from vertebra.workspace.workspace import Workspace

HERE = Path(__file__).parent
COMMAND = f"{RECORD}=1 pytest {Path(__file__).name}"


def compare(found: Found, file: Path) -> None:
    """Compare what steps gave with the record, or write the record."""
    recorded = read_record(file)
    changes = unversioned_changes(found, recorded)
    assert not changes, "\n".join(changes)
    if os.environ.get(RECORD):
        write_record(file, found)
        return
    missing = unrecorded(found, recorded)
    assert not missing, f"record what the steps give ({COMMAND}):\n" + "\n".join(missing)


@pytest.fixture(scope="module")
def recorded_project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    project = vertebra.open(make(tmp_path_factory.mktemp("recorded")))
    report = project.run()
    project.close()
    assert report.ok, [(result.step, result.error) for result in report.results if result.error]
    return project


def test_no_step_gives_another_result_in_the_same_version(recorded_project: Workspace) -> None:
    zones = ("landing", "formatted", "trusted", "exploitation")
    compare(outputs_of(recorded_project, zones, described()), HERE / "step_outputs.json")


def test_no_analysis_has_other_sets_in_the_same_version(flights: Workspace) -> None:
    """The sets that models are trained and tested on. Metrics are compared in the tests of the flights project."""
    # the fast profile fits fewer models, which changes no set
    found = outputs_of(flights, ("analysis",), declared=load_project(PROJECT))
    found = {name: one for name, one in found.items() if not name.endswith("_predictions")}  # they hold the time
    sets = {name: replace(one, outputs=dict(list(one.outputs.items())[:2])) for name, one in found.items()}
    assert all(table.endswith(("_train", "_test")) for one in sets.values() for table in one.outputs)
    compare(sets, HERE / "analysis_outputs.json")


def test_the_record_has_every_kind_of_step(recorded_project: Workspace) -> None:
    recorded = [
        *read_record(HERE / "step_outputs.json").values(),
        *read_record(HERE / "analysis_outputs.json").values(),
    ]
    kinds = {kind for one in recorded for kind in one.versions}
    formats = {f"format {name}" for name in ("avro", "csv", "json", "jsonl", "parquet")}
    assert kinds == formats | set(DECLARED_IN) - {"publish"}


BEFORE = {"trusted.sales": StepOutputs({"trusted": 1}, "input", {"trusted.sales": "a", "repairs": "b"})}


def test_another_result_in_the_same_version_is_refused_with_the_version_to_raise() -> None:
    now = {"trusted.sales": replace(BEFORE["trusted.sales"], outputs={"trusted.sales": "a", "repairs": "c"})}
    (told,) = unversioned_changes(now, BEFORE)
    assert told.startswith("trusted.sales gives another result for the same input (repairs)")
    assert "raise VERSION in trusted/inputs.py" in told


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"versions": {"trusted": 2}}, "its versions changed"), ({"given": "other"}, "its input changed")],
    ids=["version", "input"],
)
def test_another_result_in_another_version_or_for_another_input_is_recorded_anew(changed: dict, told: str) -> None:
    now = {"trusted.sales": replace(BEFORE["trusted.sales"], outputs={"trusted.sales": "x", "repairs": "y"}, **changed)}
    assert unversioned_changes(now, BEFORE) == []
    assert unrecorded(now, BEFORE) == [f"trusted.sales: {told}"]


def test_a_step_that_is_new_or_gone_is_recorded_anew() -> None:
    assert unrecorded(BEFORE, {}) == ["trusted.sales is new"]
    assert unrecorded({}, BEFORE) == ["trusted.sales is gone"]


def test_the_hash_of_a_table_is_that_of_its_rows_and_types() -> None:
    table = pa.table({"a": [1, 2, 2], "x": [0.1 + 0.2, float("nan"), None]})
    assert (
        table_hash(table) == table_hash(table.take([2, 0, 1])) == table_hash(table.append_column("run_id", [["r"] * 3]))
    )
    others = [
        table.slice(1),
        table.rename_columns(["b", "x"]),
        table.set_column(0, "a", pa.array([1, 2, 2], pa.int32())),
    ]
    others += [
        table.set_column(1, "x", [[0.3, float("nan"), None]]),
        table.set_column(1, "x", [[0.1 + 0.2, None, None]]),
    ]
    assert table_hash(table) not in {table_hash(other) for other in others}
    assert table_hash(table, 6) == table_hash(others[-2], 6)
