"""YAML as it is read: places of everything, and none of the traps of YAML 1.1."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vertebra.declare import document
from vertebra.declare.document import Document, plain_value


def read(text: str) -> Document:
    return Document(Path("/project/datasets/a.yaml"), text)


@pytest.mark.parametrize(
    "text", ["NO", "no", "yes", "On", "off", "y", "1:30", "2013-01-01", "1_000", "007", "0x1F", "9E", "1.2.3", "="]
)
def test_what_only_old_yaml_takes_for_something_else_is_text(text: str) -> None:
    assert read(f"a: {text}").value == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("False", False), ("12", 12), ("-3", -3), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("null", None), ("~", None), ("", None), (".inf", math.inf)],
)  # fmt: skip
def test_booleans_numbers_and_nulls(text: str, value: object) -> None:
    assert read(f"a: {text}").value == {"a": value}


def test_quoted_values_are_text_and_keys_are_text() -> None:
    assert read("""{null: ["1", 'true', ""], 1: a, true: b}""").value == {
        "null": ["1", "true", ""],
        "1": "a",
        "true": "b",
    }


def test_everything_knows_its_line_and_column() -> None:
    found = read("columns:\n  origin: {type: string}\n  dest:\n    values: [EWR, JFK]\n")
    assert found.where(("columns", "origin", "type")).endswith("a.yaml:2:18")
    assert found.where(("columns", "origin"), key=True).endswith("a.yaml:2:3")
    assert found.where(("columns", "dest", "values", 1)).endswith("a.yaml:4:19")
    assert found.where(("columns", "dest", "missing")).endswith("a.yaml:4:5")


def test_anchors_and_merges_work_and_keep_their_place() -> None:
    found = read("base: &base {unit: mile, type: int}\ndistance:\n  <<: *base\n  type: double\n")
    assert found.value["distance"] == {"type": "double", "unit": "mile"}
    assert found.where(("distance", "unit")).endswith("a.yaml:1:20")
    assert not found.errors


@pytest.mark.parametrize(
    ("text", "place", "fact"),
    [
        ("a: 1\nb: 2\na: 3", "3:1", "the key 'a' is written twice"),
        ("a: !!python/object:os.system x", "1:4", "the tag"),
        ("a: !secret x", "1:4", "the tag '!secret' is not supported"),
        ("? [a, b]\n: 1", "1:3", "a key must be text"),
        ("a: &x [*x]", "1:4", "an alias contains itself"),
        ("a: b: c", "1:5", "this is not YAML: mapping values are not allowed"),
        ("a: @x", "1:4", "this is not YAML"),
        ("a: [1, 2", "2:1", "this is not YAML"),
        ("a: 1\n---\nb: 2", "2:1", "this is not YAML"),
    ],
)
def test_what_is_wrong_with_yaml_is_told_with_its_place(text: str, place: str, fact: str) -> None:
    error = read(text).errors[0]
    assert error.where.endswith(f"a.yaml:{place}")
    assert error.fact.startswith(fact)


def test_the_loader_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, NO, 'x', 2013-01-01, ~]\nb: &b {c: true}\nd: {<<: *b, e: 1}\ne: 1\ne: 2\n"
    with_libyaml = read(text)
    resolvers = {"yaml_implicit_resolvers": document._Loader.yaml_implicit_resolvers}
    monkeypatch.setattr(document, "_Loader", type("PurePython", (yaml.SafeLoader,), resolvers))
    assert read(text).value == with_libyaml.value
    assert [str(error) for error in read(text).errors] == [str(error) for error in with_libyaml.errors]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), inner, max_size=4)
    ),
)


@given(VALUES)
def test_what_json_writes_is_read_back(value: object) -> None:
    """JSON is YAML: every value that JSON can hold comes back, whatever text looks like."""
    import json

    assert read(json.dumps({"a": value}, ensure_ascii=False)).value == {"a": value}


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = read(text)
    assert found.errors or found.value is None or isinstance(found.value, dict | list | str | int | float)


@given(st.integers() | st.floats(allow_nan=False))
def test_numbers_are_read_as_python_prints_them(number: float) -> None:
    assert plain_value(str(number).replace("inf", ".inf")) == number
