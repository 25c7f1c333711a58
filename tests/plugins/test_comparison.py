"""A comparison that another distribution adds, from its declaration to the crosswalk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vertebra
from plugins.conftest import Install
from vertebra.declare.schema import json_schema
from vertebra.errors import DeclarationErrors
from vertebra.registry import refresh_registries

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
(TOLERANCE,) = re.findall(r"^`vertebra_tolerance.py`:\n\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
DATASET = """\
source: survey
collect: {{from: files, path: data/{name}.csv}}
parse: {{format: csv}}
load: snapshot
columns: {{id: string, title: string, area: double}}
key: [id]
"""
FILES = {
    "vertebra.yaml": "name: lakes\n",
    "data/ours.csv": "id,title,area\no1,Banyoles,1.12\no2,Certascan,0.58\no3,Montcortes,0.15\n",
    "data/theirs.csv": "id,title,area\nt1,Banyoles,1.10\nt2,Certascan,9.00\nt3,Montcortes,0.15\n",
    "datasets/ours.yaml": DATASET.format(name="ours"),
    "datasets/theirs.yaml": DATASET.format(name="theirs"),
    "reconcile/lakes.yaml": """\
method: entity_resolution
left: {table: ours, key: id}
right: {table: theirs, key: id}
block: [title]
compare:
  title: {as: exact, left: title, right: title}
  area: {as: tolerance, left: area, right: area, within: 0.05, must_agree: true}
match: 0.5
review: 0.000001
golden_key: id
golden: {id: [ours.id, theirs.id]}
""",
}


def project(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def tolerance(install: Install) -> Path:
    """The package that the documentation shows; returns its folder."""
    points = {"vertebra.comparisons": {"tolerance": "vertebra_tolerance:COMPARISON"}}
    return install("vertebra-tolerance", {"vertebra_tolerance.py": TOLERANCE}, points)


@pytest.mark.usefixtures("tolerance")
def test_a_comparison_of_a_plugin_is_evidence_like_any_other(tmp_path: Path) -> None:
    workspace = vertebra.open(project(tmp_path / "project"))
    assert workspace.run().ok
    found = workspace.sql(
        "select ours_id, theirs_id, area_level, area_difference, reason from exploitation.lakes_crosswalk order by ours_id"
    ).rows()
    assert [(row["ours_id"], row["theirs_id"], row["area_level"], row["area_difference"]) for row in found] == [
        ("o1", "t1", "close", 0.02),
        ("o2", "t2", "different", 8.42),
        ("o3", "t3", "equal", 0.0),
    ]
    assert found[1]["reason"] == "area: different"


def test_a_new_version_of_the_plugin_marks_the_reconciliation_as_stale(tmp_path: Path, tolerance: Path) -> None:
    folder = project(tmp_path / "project")
    vertebra.open(folder).run()
    metadata = next(tolerance.rglob("METADATA"))
    metadata.write_text(metadata.read_text("utf-8").replace("Version: 1.0", "Version: 1.1"), "utf-8")
    refresh_registries()
    stale = {planned.step.name: planned.words for planned in vertebra.open(folder).plan()}
    assert "the plug-in tolerance" in stale["exploitation.lakes"]


@pytest.mark.usefixtures("tolerance")
def test_its_options_are_checked_and_in_the_json_schema(tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    file = folder / "reconcile" / "lakes.yaml"
    file.write_text(file.read_text("utf-8").replace("within:", "wihin:"), "utf-8")
    with pytest.raises(DeclarationErrors) as caught:
        vertebra.open(folder)
    assert "lakes.yaml:7:50: reconciliation lakes: unknown key 'wihin' in compare.area" in str(caught.value)
    assert "did you mean within?" in str(caught.value)
    within = json_schema("reconciliation")["$defs"]["comparison_tolerance"]["properties"]["within"]
    assert within["description"] == "the largest difference at which two numbers agree."


def test_without_the_plugin_its_name_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(DeclarationErrors) as caught:
        vertebra.open(project(tmp_path / "project"))
    assert "compare.area.as is 'tolerance'" in str(caught.value)
    assert "it is one of date, distance, email, exact, name" in str(caught.value)
