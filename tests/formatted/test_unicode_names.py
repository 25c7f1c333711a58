"""Names are compared in one Unicode form: people see no difference between ``ó`` and ``o`` with an accent of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import vertebra
from vertebra.engine import Engine
from vertebra.governance.drift import drift_of
from vertebra.lake.batches import batches
from vertebra.lake.catalog import Lake

COMPOSED, SPLIT = "c\u00f3digo", "co\u0301digo"


def test_a_name_in_another_form_is_found_and_named(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, lake: Lake
) -> None:
    dataset = declared({"code": {"type": "int", "source": COMPOSED}}, load="snapshot")
    land(1, {SPLIT: ["1"]})
    formatted(dataset)
    assert [row["code"] for row in rows()] == [1]
    (found,) = drift_of(dataset, batches(lake.landing, "test", "cells"))
    assert str(found) == f"renamed code ('co\\u0301digo' is {COMPOSED} in another Unicode form)"

    # of two columns that look alike, the one that is written like the source is read, and the other one is named
    land(2, {SPLIT: ["1"], COMPOSED: ["2"]})
    formatted(dataset)
    assert [row["code"] for row in rows()] == [2]
    last = [one for one in drift_of(dataset, batches(lake.landing, "test", "cells")) if one.last_batch == 2]
    assert "added c\u00f3digo" not in str(last[0])
    assert any("is 'c\\xf3digo' in another Unicode form" in one.detail for one in last)


def test_rules_over_any_data_find_columns_in_another_form(tmp_path: Path, sail: Engine) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{SPLIT},city\n1,e\u0301\n")
    rules = [f"t.{COMPOSED} > 0", f"t.{SPLIT} > 0 and t.city = 'e\u0301'", "t.city = '\u00e9'"]
    assert [result.violating_tuples for result in vertebra.check(path, rules, engine=sail).results] == [1, 1, 0]
