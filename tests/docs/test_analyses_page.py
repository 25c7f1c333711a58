"""The project of the page on analyses runs, and its models are what the page says."""

from __future__ import annotations

import random
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

import vertebra
from vertebra.declare.task import TASKS, metrics_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "analyses.md"
TEXT = PAGE.read_text("utf-8")
FILES = {name: text for _, name, text in re.findall(r"```\w+\n(#|--) (\S+)\n(.*?)```", TEXT, re.DOTALL)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> vertebra.Workspace:
    root = tmp_path_factory.mktemp("analyses")
    (root / "vertebra.yaml").write_text("name: meters\n")
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    generator = random.Random(4)
    lines = ["device,day,temp,kwh"]
    for device, level in (("a", 5), ("b", 20)):
        for day in range(112):
            temp = 10 + generator.gauss(0, 6)
            kwh = level + max(0, 18 - temp) + 2 * (day % 7 > 4) + generator.gauss(0, 0.5)
            lines.append(f"{device},{date(2024, 1, 1) + timedelta(day)},{temp:.1f},{kwh:.2f}")
    (root / "drop").mkdir()
    (root / "drop" / "readings.csv").write_text("\n".join(lines) + "\n")
    opened = vertebra.open(root)
    report = opened.run()
    assert report.ok, [(result.step, result.error) for result in report.results if result.error]
    return opened


def test_every_analysis_of_the_page_beats_its_baseline(project: vertebra.Workspace) -> None:
    assert {name for name in FILES if name.startswith("analyses/")} == {
        f"analyses/{name}.py" for name in ("daily_use", "week_ahead", "kinds_of_days", "unusual_days")
    }
    rows = project.sql("select analysis, metric, chosen, value from governance.models where split = 'test'").rows()
    test, base = ({(row["analysis"], row["metric"]): row["value"] for row in rows if row["chosen"] is chosen} for chosen in (True, False))  # fmt: skip
    assert test["daily_use", "mae"] < 0.5 * base["daily_use", "mae"]
    assert test["week_ahead", "mase"] < 0.7
    assert test["kinds_of_days", "silhouette"] > 0.3
    assert base["unusual_days", "share_flagged"] < 0.1


def test_the_table_of_tasks_has_every_task_with_its_metrics() -> None:
    listed = {
        row[0]: row[1]
        for row in re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|", TEXT, re.MULTILINE)
        if row[0] in TASKS
    }
    assert set(listed) == set(TASKS)
    for task, metrics in listed.items():
        if task != "classification":
            assert re.findall(r"`(\w+)`", metrics) == [one.name for one in metrics_of(task)]
