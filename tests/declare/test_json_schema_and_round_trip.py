"""The published JSON Schema, and that what is loaded can be written and loaded again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.dataset import Dataset
from vertebra.declare.document import Document, read_document
from vertebra.declare.schema import DOCUMENTS, json_schema
from vertebra.declare.validation import validated

COLLECTORS["files"], COLLECTORS["package"]  # imported once, so that no example takes as long as an import
FLIGHTS = Path(__file__).parents[2] / "projects" / "flights"


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value meets a schema, for the keywords that the published schema uses."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    kinds = {"string": str, "integer": int, "number": int | float, "boolean": bool, "array": list, "object": dict, "null": type(None)}  # fmt: skip
    checks = [
        "type" not in schema or (isinstance(value, kinds[schema["type"]]) and (schema["type"] == "boolean" or not isinstance(value, bool))),
        "enum" not in schema or value in schema["enum"],
        "const" not in schema or value == schema["const"],
        "anyOf" not in schema or any(fits(value, one, root) for one in schema["anyOf"]),
        "oneOf" not in schema or sum(fits(value, one, root) for one in schema["oneOf"]) == 1,
    ]  # fmt: skip
    if isinstance(value, str):
        checks.append(bool(re.search(schema.get("pattern", ""), value)) and len(value) >= schema.get("minLength", 0))
    if isinstance(value, list):
        checks.append(schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)))
        checks += [fits(one, schema["items"], root) for one in value if "items" in schema]
    if isinstance(value, dict):
        checks += [required in value for required in schema.get("required", ())]
        checks += [_admits(key, one, schema, root) for key, one in value.items()]
    return all(checks)


def _admits(key: str, value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if key in schema.get("properties", {}):
        return fits(value, schema["properties"][key], root)
    for pattern, one in schema.get("patternProperties", {}).items():
        if re.search(pattern, key):
            return fits(value, one, root)
    others = schema.get("additionalProperties", True)
    return fits(value, others, root) if isinstance(others, dict) else others


def declarations() -> Iterator[tuple[str, Path]]:
    yield "project", FLIGHTS / "vertebra.yaml"
    yield from (("dataset", file) for file in sorted((FLIGHTS / "datasets").glob("*.yaml")))
    yield from (("reconciliation", file) for file in sorted((FLIGHTS / "reconcile").glob("*.yaml")))


@pytest.mark.parametrize(("kind", "file"), declarations(), ids=lambda item: getattr(item, "stem", item))
def test_the_flights_project_meets_the_schema(kind: str, file: Path) -> None:
    value = read_document(file).value
    assert fits(value, json_schema(kind), json_schema(kind))
    assert fits(value, json_schema(), json_schema())


@pytest.mark.parametrize(
    "wrong",
    [{"colums": {}}, {"columns": {"a": {"typo": "int"}}}, {"columns": {"A": "int"}}, {"load": "merge"}, {"parse": {}}],
    ids=str,
)
def test_what_the_loader_refuses_the_schema_refuses(wrong: dict[str, Any]) -> None:
    sound = {
        "source": "s",
        "collect": {"from": "files", "path": "a"},
        "parse": {"format": "csv"},
        "columns": {"a": "int"},
    }
    schema = json_schema("dataset")
    assert fits(sound, schema, schema)
    assert not fits(sound | wrong, schema, schema)


@pytest.mark.parametrize(
    ("comparison", "fit"),
    [
        ({"as": "distance", "left": ["lat", "lon"], "right": ["lat", "lon"], "km": [1]}, True),
        ({"as": "exact", "left": "a", "right": ["a", "b"], "must_agree": True}, True),
        ({"as": "exact", "left": "a", "right": "a", "km": [1]}, False),
        ({"as": "nearly", "left": "a", "right": "a"}, False),
    ],
)
def test_the_schema_knows_the_options_of_each_comparison(comparison: dict[str, Any], fit: bool) -> None:
    file = FLIGHTS / "reconcile" / "airports.yaml"
    value = read_document(file).value | {"compare": {"code": comparison}}
    assert fits(value, json_schema("reconciliation"), json_schema("reconciliation")) is fit
    assert fits(value, json_schema(), json_schema()) is fit


def test_every_reference_in_the_schema_leads_somewhere() -> None:
    for kind in (None, *DOCUMENTS):
        schema = json_schema(kind)
        found = set(re.findall(r"'\$ref': '#/\$defs/(\w+)'", str(schema)))
        assert found <= set(schema.get("$defs", {}))
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
COLUMNS = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "int", "date", "decimal(10,2)"])},
    optional={
        "description": TEXTS,
        "null": st.lists(TEXTS, max_size=3),
        "required": st.booleans(),
        "values": st.lists(TEXTS | st.integers(), min_size=1, max_size=3),
        "range": st.tuples(st.integers(), st.integers() | st.none()).map(list),
        "on_violation": st.sampled_from(["report", "quarantine"]),
    },
) | st.sampled_from(["int", "string"])
RULES = st.fixed_dictionaries({"deny": TEXTS}, optional={"confidence": st.floats(0, 1), "description": TEXTS}) | (
    st.fixed_dictionaries({"unique": st.lists(NAMES, min_size=1)})
)
DATASETS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "source": NAMES,
        "collect": st.fixed_dictionaries({"from": st.just("files"), "path": TEXTS}),
        "parse": st.fixed_dictionaries({"format": st.sampled_from(["csv", "json"]), "null": st.lists(TEXTS)}),
        "columns": st.dictionaries(NAMES, COLUMNS, min_size=1, max_size=4),
    },
    optional={"key": st.lists(NAMES), "rules": st.dictionaries(NAMES, RULES, max_size=3), "tags": st.lists(TEXTS)},
)


@given(DATASETS)
def test_a_dataset_that_is_written_and_read_is_the_same(declared: dict[str, Any]) -> None:
    dataset = Dataset.model_validate(declared)
    text = yaml.safe_dump(dataset.model_dump(mode="json", by_alias=True), allow_unicode=True)
    document = Document(Path("a.yaml"), text)
    assert not document.errors
    # A text such as 1e100 is written without quotes; where text is wanted, it is read as it stands.
    assert validated(TypeAdapter(Dataset), document, document.value, "dataset", []) == dataset
