"""A repair method that another distribution adds, from its declaration to the ledger."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import vertebra
from pipeline.tiny import edit, make
from plugins.conftest import Install
from vertebra.errors import DeclarationErrors
from vertebra.registry import refresh_registries

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
(LARGEST,) = re.findall(r"^`vertebra_largest.py`:\n\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(PYPROJECT,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
REPAIRS = "select rid % 10000000000 as record, column_name, old, new, rule, method, confidence, support from governance.repairs"


def largest(install: Install, text: str = LARGEST) -> None:
    """Install the package that the documentation shows."""
    about = tomllib.loads(PYPROJECT)["project"]
    install(about["name"], {"vertebra_largest.py": text}, about["entry-points"])


def project(folder: Path) -> Path:
    make(folder)
    edit(folder, "data/sales-1.csv", "2,S1,Girona,3.0,2026-01-02\n", "")
    edit(folder, "datasets/sales.yaml", "on_violation: repair", "on_violation: repair\n    repair_method: largest")
    return folder


def test_a_repair_method_of_a_plugin_repairs_what_a_majority_cannot(tmp_path: Path, install: Install) -> None:
    largest(install)
    workspace = vertebra.open(project(tmp_path / "project"))
    workspace.run()
    assert workspace.sql(REPAIRS).rows() == [
        {
            "record": 1, "column_name": "city", "old": "Gerona", "new": "Girona", "rule": "shop_city",
            "method": "largest", "confidence": 0.75, "support": 2,
        }
    ]  # fmt: skip
    assert workspace.sql("select distinct city from trusted.sales where shop = 'S1'").rows() == [{"city": "Girona"}]


def test_a_new_version_of_the_plugin_marks_the_tables_it_repairs_as_stale(tmp_path: Path, install: Install) -> None:
    largest(install)
    folder = project(tmp_path / "project")
    vertebra.open(folder).run()
    assert vertebra.open(folder).run().idle
    metadata = next(tmp_path.rglob("METADATA"))
    metadata.write_text(metadata.read_text("utf-8").replace("Version: 1.0", "Version: 1.1"), "utf-8")
    refresh_registries()
    stale = {planned.step.name: planned.words for planned in vertebra.open(folder).plan()}
    assert "the plug-in largest" in stale["trusted.sales"]


def test_proposals_below_the_rules_confidence_are_not_made(tmp_path: Path, install: Install) -> None:
    largest(install)
    folder = project(tmp_path / "project")
    edit(folder, "datasets/sales.yaml", "repair_method: largest", "repair_method: largest\n    confidence: 0.8")
    workspace = vertebra.open(folder)
    workspace.run()
    assert workspace.sql(REPAIRS).rows() == []


def test_a_rule_that_the_method_cannot_repair_is_refused_when_the_project_is_loaded(
    tmp_path: Path, install: Install
) -> None:
    largest(install)
    folder = project(tmp_path / "project")
    edit(folder, "datasets/sales.yaml", 'determines: "shop -> city"', "deny: t.price < 1")
    with pytest.raises(DeclarationErrors) as caught:
        vertebra.open(folder)
    assert "sales.yaml:20:20: rule shop_city of sales cannot be repaired by the largest value" in str(caught.value)


def test_without_the_plugin_its_name_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(DeclarationErrors) as caught:
        vertebra.open(project(tmp_path / "project"))
    assert "there is no repair method 'largest'" in str(caught.value)
    assert "there are consistent, longest_chain, majority, set" in str(caught.value)


def test_proposals_in_another_form_are_refused(tmp_path: Path, install: Install) -> None:
    largest(install, LARGEST.replace('.alias("new")', '.alias("value")'))
    workspace = vertebra.open(project(tmp_path / "project"))
    done = {result.step: result for result in workspace.run().results}
    assert done["trusted.sales"].state == "failed"
    assert "the repair method largest proposes cells without new" in str(done["trusted.sales"].error)


def test_two_proposals_for_one_cell_make_one_repair(tmp_path: Path, install: Install) -> None:
    rows = 'violations.select("rid").distinct()'
    assert rows in LARGEST
    largest(install, LARGEST.replace(rows, 'violations.select("rid").unionAll(violations.select("rid"))'))
    workspace = vertebra.open(project(tmp_path / "project"))
    workspace.run()
    assert len(workspace.sql(REPAIRS).rows()) == 1
