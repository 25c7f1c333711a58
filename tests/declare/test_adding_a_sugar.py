"""A rule sugar is one file: with ``max_length`` added, everything that knows the sugars knows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("added_sugar.py")
TESTS = SCRIPT.parents[1]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process saw in which the sugar is in the registry."""
    folder = tmp_path_factory.mktemp("added")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False, cwd=folder,
        timeout=300, env=os.environ | {"PYTHONPATH": str(TESTS)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_compiles_on_a_column_and_under_rules(seen) -> None:
    assert seen["rules"] == {
        "city_max_length": "¬∃ t ∈ sales: length(t.city) > 40",
        "code": "¬∃ t ∈ sales: length(t.shop) > 5",
    }


def test_reports_show_it_as_it_is_declared(seen) -> None:
    assert seen["declared"] == ["city: {max_length: 40}", "max_length: {shop: 5}"]


def test_a_changed_bound_runs_the_trusted_step_and_not_the_formatted_one(seen) -> None:
    assert seen["plan"]["formatted.sales"] == ["skip", "current"]
    action, why = seen["plan"]["trusted.sales"]
    assert action == "run"
    assert "columns.city" in why
    assert (seen["before"], seen["after"]) == ([], ["city_max_length"])


def test_a_warning_stands_at_its_line(seen) -> None:
    (warning,) = seen["warnings"]
    assert warning.startswith("warning: datasets/sales.yaml:9:24: rule city_max_length is subsumed")


def test_an_error_stands_at_its_line(seen) -> None:
    assert seen["error"].startswith("datasets/sales.yaml:17:17: rule code: sales has no column shp")


def test_discovery_adds_it_to_the_file_and_touches_nothing_else(seen) -> None:
    assert seen["accepted"] == (
        '\n  accepted:\n    description: "Short."\n    max_length: {shop: 9}\n    on_violation: report\n'
    )


def test_the_json_schema_and_the_reference_have_it(seen) -> None:
    assert seen["schema"] == ["integer", "No text is longer.", [{"tailnum": 6}]]
    row, prose = seen["reference"]
    assert row == "| `max_length: {tailnum: 6}` | `¬∃ t ∈ flights: length(t.tailnum) > 6` |"
    assert prose.endswith("`max_length`, `references` and `gap_free` can also be declared on a column.")
