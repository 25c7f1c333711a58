"""A join that does not fit into memory is repeated with joins that spill, whichever way the work came in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

import vertebra
from pipeline.tiny import contents, edit, make, open_tiny
from vertebra.cli import main
from vertebra.engine import SailEngine
from vertebra.errors import EngineMemoryError, RuleError
from vertebra.pipeline.progress import SilentConsole
from vertebra.trusted.assess import Assessment, Measure
from vertebra.workspace.workspace import Workspace

ENGINE_SAYS = (
    "Failed to allocate additional 97.7 KB for HashJoinInput[0] with 31.4 MB already allocated for this reservation"
    " - 0.0 B remain available for the total memory pool: fair(pool_size: 64.0 MB)"
)
NOTE = "a join did not fit into memory; repeating with joins that spill to disk"
WAITS = {
    "data/waits.csv": "id,at,visitors,wait\n"
    + "\n".join(f"{n},2026-01-{1 + n // 8:02} {8 + n % 8:02}:00:00,{n % 7},{n % 7 + n % 3}" for n in range(160)),
    "datasets/waits.yaml": """
source: tills
collect: {from: files, path: data/waits.csv}
parse: {format: csv}
load: snapshot
columns: {id: int, at: {type: timestamp, zone: UTC}, visitors: int, wait: double}
key: [id]
""",
    "views/queue.sql": "-- Waiting times.\nSELECT id, at, to_date(at) AS day, visitors, wait FROM trusted.waits\n",
    "analyses/waiting.py": '''
"""How long will a visitor wait?"""
from datetime import date

from vertebra import Analysis, Candidate


def ridge():
    from sklearn.linear_model import Ridge

    return Ridge()


analysis = Analysis(
    description="Waiting time.", task="regression", view="queue", key=("id",), time="at", label="wait",
    unavailable=("wait",), features={"visitors": "visitors"}, folds={"by": "day", "count": 2}, test={"from": date(2026, 1, 15)},
    candidates={"ridge": Candidate(build=ridge)}, metric="mae",
)
''',
}


class Notes(SilentConsole):
    """Keeps the notes of a run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


class FullMemory:
    """Joins fail when a frame is written, as long as they do not spill."""

    def __init__(self) -> None:
        self.failures = 0

    def install(self, patch: pytest.MonkeyPatch, even_if_spilling: bool = False) -> None:
        write = SailEngine.write_parquet

        def full(engine: SailEngine, frame: Any, folder: Path) -> list[Path]:
            if even_if_spilling or not engine.capabilities.joins_spill:
                self.failures += 1
                raise SparkConnectGrpcException(ENGINE_SAYS)
            return write(engine, frame, folder)

        patch.setattr(SailEngine, "write_parquet", full)


def measured(found: Mapping[str, Assessment]) -> dict[str, list[Measure]]:
    """The measures that do not depend on the time of day."""
    return {
        name: [one for one in a.measures if one.measure not in ("timeliness", "age_days")] for name, a in found.items()
    }


@pytest.fixture
def memory() -> FullMemory:
    return FullMemory()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose tables are written and whose analysis has a champion."""
    folder = make(tmp_path_factory.mktemp("trained") / "project")
    for name, text in WAITS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with open_tiny(folder) as project:
        report = project.run()
        assert report.ok, [result.error for result in report.results]
    return folder


@pytest.fixture
def project(trained: Path) -> Iterator[Workspace]:
    with open_tiny(trained) as opened:
        yield opened


def test_run_from_the_command_line(
    tmp_path: Path, memory: FullMemory, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    usual, recovered = make(tmp_path / "usual"), make(tmp_path / "recovered")
    with open_tiny(usual) as one:
        assert one.run().ok
    memory.install(monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main(["run", "--project", str(recovered)])
    assert ended.value.code == 0
    assert memory.failures == 1, "the run stays with joins that spill"
    assert NOTE in capfd.readouterr().err
    assert contents(recovered) == contents(usual)


def test_run_in_python(tmp_path: Path, memory: FullMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, recovered = make(tmp_path / "usual"), make(tmp_path / "recovered")
    with open_tiny(usual) as one:
        assert one.run().ok
    memory.install(monkeypatch)
    notes = Notes()
    with vertebra.open(recovered) as one:
        report = one.run(console=notes)
    assert report.ok, [result.error for result in report.results]
    assert memory.failures == 1
    assert any(NOTE in text for text in notes.texts)
    assert contents(recovered) == contents(usual)


def test_check(project: Workspace, memory: FullMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = measured(project.check(["sales"]).assessments)
    memory.install(monkeypatch)
    told: list[str] = []
    assert measured(project.check(["sales"], progress=told.append).assessments) == usual
    assert memory.failures == 1
    assert NOTE in told


def test_check_of_data(tmp_path: Path, memory: FullMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "places.csv"
    data.write_text("zip,city\n1,Girona\n1,Gerona\n2,Lleida\n")
    memory.install(monkeypatch)
    told: list[str] = []
    found = vertebra.check(data, ["zip -> city"], progress=told.append)
    assert (found.results[0].violating_tuples, found.results[0].violating_pairs) == (2, 1)
    assert memory.failures == 1
    assert NOTE in told


def test_discover(project: Workspace, memory: FullMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = project.discover("trusted.waits")
    assert usual
    memory.install(monkeypatch)
    told: list[str] = []
    assert project.discover("trusted.waits", progress=told.append) == usual
    assert memory.failures == 1
    assert NOTE in told


def test_predict(project: Workspace, memory: FullMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    assert project.predict("waiting").rows == 160
    usual = project.table("analysis.waiting_predictions").arrow().sort_by("id")
    memory.install(monkeypatch)
    notes = Notes()
    assert project.predict("waiting", console=notes).rows == 160
    assert memory.failures == 1
    assert any(NOTE in text for text in notes.texts)
    assert project.table("analysis.waiting_predictions").arrow().sort_by("id").equals(usual)


def test_frames_from_before_still_work(project: Workspace, memory: FullMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = project.table("trusted.sales").spark()
    rows = frame.count()
    memory.install(monkeypatch)
    project.check(["sales"])
    assert memory.failures == 1
    assert frame.count() == rows
    assert project.table("trusted.sales").spark().count() == rows


def test_what_fails_with_spilling_joins_too_says_what_to_do(
    tmp_path: Path, memory: FullMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path / "project")
    memory.install(monkeypatch, even_if_spilling=True)
    with vertebra.open(folder) as one:
        report = one.run(select="+trusted.sales")
    failed = [result for result in report.results if result.state == "failed"]
    assert memory.failures == 3, "twice before the engine is known to spill, then once"
    assert all("did not fit into the engine's memory" in result.error for result in failed)
    assert all("raise `memory:` in vertebra.yaml" in result.error for result in failed)
    data = tmp_path / "places.csv"
    data.write_text("zip,city\n1,Girona\n1,Gerona\n")
    with pytest.raises(EngineMemoryError, match="the rule zip_determines_city"):
        vertebra.check(data, ["zip -> city"])


def test_a_rule_that_fails_on_a_value_is_not_repeated(tmp_path: Path) -> None:
    folder = make(tmp_path / "project")
    edit(folder, "datasets/sales.yaml", "t.price < 0", "to_date(t.city) > date'2026-01-01'")
    notes = Notes()
    with vertebra.open(folder) as one:
        report = one.run(console=notes)
        [failed] = [result.error for result in report.results if result.state == "failed"]
        with pytest.raises(RuleError, match=r"the engine failed on the rules .*refund.* of sales"):
            one.check(["sales"])
    assert "refund" in failed
    assert "make it NULL" in failed
    assert not notes.texts
