"""Why a result is stale, in words: one sentence for each part of a fingerprint that differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vertebra.declare.reconciliation import LookupTable
from vertebra.pipeline.fingerprint import Fingerprint, fingerprint_of, parts_json, read_parts
from vertebra.pipeline.steps import Step

BEFORE = Fingerprint(
    declaration={"columns": "1", "columns.city": "1", "rules": "1", "key": "1"},
    versions={"trusted": 1, "plug-in jsonl": "1.0"},
    files={"views/v.sql": "1"},
    inputs={"formatted.sales": 3, "landing.sales": 2},
    decisions="none",
)


def now(**parts: Any) -> Fingerprint:
    """The fingerprint with some parts changed; None takes an entry away."""
    changed = {
        name: {key: value for key, value in {**getattr(BEFORE, name), **part}.items() if value is not None}
        if isinstance(part, dict)
        else part
        for name, part in parts.items()
    }
    return Fingerprint(**{name: getattr(BEFORE, name) for name in Fingerprint.__dataclass_fields__} | changed)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, []),
        ({"declaration": {"key": "2"}}, ["the declaration changed: key"]),
        ({"declaration": {"key": None}}, ["the declaration changed: key"]),
        ({"declaration": {"rules.refund": "1"}}, ["the declaration changed: rules.refund"]),
        ({"declaration": {"columns": "2", "columns.city": "2"}}, ["the declaration changed: columns.city"]),
        ({"declaration": {"columns": "2", "columnsets.x": "1"}}, ["the declaration changed: columns, columnsets.x"]),
        ({"declaration": {"key": "2", "rules": "2"}}, ["the declaration changed: rules, key"]),
        ({"declaration": dict.fromkeys("abcd", "1")}, ["the declaration changed: a, b, c, d"]),
        ({"declaration": dict.fromkeys("abcde", "1")}, ["the declaration changed: a, b, c, d and 1 more"]),
        ({"files": {"views/v.sql": "2"}}, ["views/v.sql changed"]),
        ({"files": {"views/w.sql": "2"}}, ["views/w.sql changed"]),
        ({"decisions": "one"}, ["decisions of people changed"]),
        ({"versions": {"trusted": 2}}, ["Vertebra's trusted step changed (version 1 → 2)"]),
        ({"versions": {"plug-in jsonl": "1.1"}}, ["the plug-in jsonl changed (version 1.0 → 1.1)"]),
        ({"versions": {"resolution": 1}}, ["it uses Vertebra's resolution step now"]),
        ({"versions": {"plug-in jsonl": None}}, ["it no longer uses the plug-in jsonl"]),
        ({"inputs": {"formatted.sales": 4}}, ["formatted.sales has version 4 (was 3)"]),
        ({"inputs": {"formatted.cities": 0}}, ["it reads formatted.cities now"]),
        ({"inputs": {"formatted.sales": None}}, ["it no longer reads formatted.sales"]),
        ({"inputs": {"landing.sales": 3}}, ["landing.sales has batch 3 (was 2)"]),
        ({"inputs": {"landing.cities": 1}}, ["landing.cities has batch 1"]),
    ],
)
def test_each_difference_is_told(parts: dict[str, Any], words: list[str]) -> None:
    assert now(**parts).differences(BEFORE) == words


def test_the_first_version_of_a_table_has_the_number_zero() -> None:
    first = now(inputs={"formatted.sales": 0})
    assert BEFORE.differences(first) == ["formatted.sales has version 3 (was 0)"]
    assert first.differences(BEFORE) == ["formatted.sales has version 0 (was 3)"]


def test_several_differences_are_told_in_one_order() -> None:
    after = now(
        inputs={"landing.sales": 3}, files={"views/v.sql": None}, decisions="x", declaration={"key": "2"},
        versions={"trusted": 2},
    )  # fmt: skip
    assert after.differences(BEFORE) == [
        "the declaration changed: key", "Vertebra's trusted step changed (version 1 → 2)", "views/v.sql changed",
        "decisions of people changed", "landing.sales has batch 3 (was 2)",
    ]  # fmt: skip


def test_code_that_comes_or_goes_with_the_declaration_is_not_told_but_its_new_version_is() -> None:
    after = now(
        declaration={"key": "2"}, versions={"trusted": 2, "resolution": 1, "plug-in jsonl": None}
    )  # fmt: skip
    assert after.differences(BEFORE) == [
        "the declaration changed: key", "Vertebra's trusted step changed (version 1 → 2)",
    ]  # fmt: skip


def test_of_an_earlier_kind_of_fingerprint_only_inputs_and_decisions_are_compared() -> None:
    earlier = Fingerprint(inputs={"formatted.sales": 2, "landing.sales": 2}, decisions="none")
    assert BEFORE.differences(earlier) == [
        "an earlier release of Vertebra recorded another kind of fingerprint", "formatted.sales has version 3 (was 2)",
    ]  # fmt: skip


@pytest.mark.parametrize(("part", "defines"), [
    ({"declaration": {"key": "2"}}, True), ({"versions": {"trusted": 2}}, True), ({"files": {"views/v.sql": "2"}}, True),
    ({"inputs": {"landing.sales": 3}}, False), ({"decisions": "x"}, False),
])  # fmt: skip
def test_inputs_and_decisions_do_not_define_a_step_but_make_another_result(part: dict[str, Any], defines: bool) -> None:
    after = now(**part)
    assert after.digest != BEFORE.digest
    assert after.only_inputs_differ(BEFORE) is not defines


def test_the_order_in_which_parts_were_found_makes_no_difference() -> None:
    turned = Fingerprint(
        **{
            name: dict(reversed(value.items())) if isinstance(value := getattr(BEFORE, name), dict) else value
            for name in Fingerprint.__dataclass_fields__
        }
    )
    assert (turned.digest, turned.definition, turned.to_json()) == (BEFORE.digest, BEFORE.definition, BEFORE.to_json())
    assert parts_json(turned, {"b": 1, "a": 2}) == parts_json(BEFORE, {"a": 2, "b": 1})


def test_what_the_ledger_records_is_read_back_also_of_releases_with_other_names() -> None:
    outputs = {"trusted.sales": 4}
    text = parts_json(BEFORE, outputs)
    assert read_parts(text) == (BEFORE, outputs)
    assert list(json.loads(text)) == ["fingerprint", "outputs"]
    earlier = json.dumps({"basis": {"inputs": {"formatted.sales": 3}, "code": "abc"}, "outputs": outputs})
    assert read_parts(earlier) == (Fingerprint(inputs={"formatted.sales": 3}), outputs)
    assert read_parts(json.dumps({"outputs": outputs})) == (Fingerprint(), outputs)


def test_a_file_outside_of_the_project_has_its_whole_name(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "shared.sql"
    (root / "views").mkdir(parents=True)
    inside = root / "views" / "v.sql"
    for file in (inside, outside):
        file.write_text("select 1", "utf-8")
    lookup = LookupTable(name="l", method="lookup", description="x", table="d", column="b", values={})
    found = fingerprint_of(Step("exploitation.v", (), (), lookup, files=(inside, outside)), {"a.b": 7}, "d", root)
    assert list(found.files) == ["views/v.sql", str(outside)]
    assert (found.inputs, found.decisions, found.declaration) == ({"a.b": 7}, "d", {})
