"""Every field of every declaration is part of the fingerprint of the steps that use it, or known to change no result."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest

from pipeline.declaration_fields import BASES, DECISIONS, IN_FILE, WHOLE, all_fields, all_models, base_of, decision
from vertebra.declare.dataset import Column, Dataset, Rule
from vertebra.declare.declaration import Declaration
from vertebra.declare.parse import ParseOptions
from vertebra.declare.publication import Publication
from vertebra.declare.reconciliation import Comparison, EntityResolution, LookupTable
from vertebra.declare.rule_sugar import SUGARS
from vertebra.declare.source import Source
from vertebra.declare.table_repair import Trust
from vertebra.pipeline.fingerprint import fingerprint_of
from vertebra.pipeline.steps import Step

DATASET = Dataset.model_validate(
    {
        "name": "d", "source": "s", "description": "x", "updates": "1 day", "load": "upsert", "key": ["a", "b"],
        "tags": ["x"], "collect": {"from": "files", "path": "x.csv", "member": "*.csv"},
        "parse": {"format": "csv", "null": ["NA"], "encoding": "utf-8", "delimiter": ";", "names": ["a", "b"]},
        "drift": {"extra": "evolve", "missing": "null", "retyped": "fail"},
        "deleted": {"column": "b", "values": ["x"]},
        "columns": {"a": "int", "b": "string", "c": {"from": "file"}},
        "repair": {
            "methods": ["format"], "precision": 0.8, "fill": False, "columns": ["b"],
            "trust": {"column": "b", "accuracy": {"x": 0.9}},
        },
        "rules": {
            "one": {"deny": {"over": "d t, e s", "where": "t.a = s.a"}}, "two": {"deny": "t.a < 0"},
            "three": {"rows": {"min": 1}}, "four": {"rises": {"column": "a", "order": "b"}},
            "five": {"gap": {"time": "b", "at_most": "1 day"}}, "six": {"no_overlap": {"from": "a", "to": "b"}},
            "seven": {"gap_free": {"time": "b", "step": "1 day"}},
        },
    }
)  # fmt: skip
RESOLUTION = EntityResolution.model_validate(
    {
        "name": "r", "method": "entity_resolution", "description": "x",
        "left": {"table": "d", "key": ["a"], "where": "a > 1"}, "right": {"table": "e", "key": ["a"], "where": "a > 2"},
        "compare": {
            "place": {"left": ["x", "y"], "right": ["x", "y"], "as": "distance"},
            "title": {"left": ["a"], "right": ["b"], "as": "exact"},
        },
        "block": ["title", "place"], "golden": {"a": ["d.a", "e.a"], "b": "d.b"}, "golden_key": "a",
    }
)  # fmt: skip
LINKED = EntityResolution.model_validate(
    {
        "name": "r",
        "sources": {
            "one": {"table": "d", "key": ["a"], "unique": True, "where": "a > 1"},
            "two": {"view": "e", "key": ["a"]},
            "three": {"values": "d.a"},
        },
        "decide": {"match": 0.8, "review": 0.4, "cardinality": "one-to-one"},
        "never": "t.a > s.a", "max_pairs": 9,
    }
)  # fmt: skip
LOOKUP = LookupTable(name="l", method="lookup", description="x", table="d", column="b", values={"x": ("y",), "z": ()})


NAMED_IN = {Source: "kind", ParseOptions: "format", Comparison: "how", Publication: "to"}
"""The field of a base that has the name of the registry's member."""


def sample(model: type[Declaration]) -> Declaration:
    """A declaration of a step that has the model in it, or is of the model."""
    base = base_of(model)
    if base is None:
        return next(one for one in (RESOLUTION, LINKED, LOOKUP, DATASET) if has(one, model))
    name = next(name for name, member in BASES[base].items() if member.declaration is model)
    if base is Publication:
        return model.model_construct(name="p", table="trusted.d", to=name)
    if base is Comparison:
        made = model.model_construct(how=name, left=("a",), right=("b",))
        return RESOLUTION.model_copy(update={"compare": {"title": made}})
    key, field = ("collect", "kind") if base is Source else ("parse", "format")
    return DATASET.model_copy(update={key: model.model_construct(**{field: name})})


def has(declaration: Declaration, model: type[Declaration]) -> bool:
    """Whether a declaration is of a model, or has one within it."""
    if type(declaration) is model:
        return True
    values = [getattr(declaration, name, None) for name in type(declaration).model_fields]
    listed = [one for value in values for one in (value.values() if isinstance(value, dict) else (value,))]
    return any(has(one, model) for one in listed if isinstance(one, Declaration))


def changed(declaration: Declaration, model: type[Declaration], field: str) -> Declaration:
    """A copy of a declaration in which one field of one model has another value."""
    if type(declaration) is model:
        value = getattr(declaration, field, model.model_fields[field].get_default(call_default_factory=True))
        return declaration.model_copy(update={field: other_value(model, field, value)})
    for name in type(declaration).model_fields:
        value = getattr(declaration, name, None)
        if isinstance(value, Declaration):
            new: Any = changed(value, model, field)
        elif isinstance(value, dict) and any(isinstance(one, Declaration) for one in value.values()):
            new = {key: changed(one, model, field) for key, one in value.items()}
        else:
            continue
        if new != value:
            return declaration.model_copy(update={name: new})
    return declaration


def other_value(model: type[Declaration], field: str, value: Any) -> Any:
    """A value of the same type that is not the given one."""
    if issubclass(model, Rule | Column) and field in SUGARS:
        return sugar_value(model, field, value)
    base = base_of(model)
    if base is not None and field == NAMED_IN[base]:
        return next(name for name in BASES[base] if name != value)
    if (model, field) == (Trust, "column"):
        return next(name for name in DATASET.columns if name != value)
    match value:
        case Trust():
            return True
        case bool():
            return not value
        case int() | float():
            return value / 2 if value else 1
        case dict():
            return {key: value[key] for key in list(value)[1:]} if value else {"x": "y"}
        case tuple():
            return value[1:] if value else ("x",)
    allowed = [one for one in literals(model.model_fields[field].annotation) if one != value]
    return allowed[0] if allowed else f"{value}x"


def sugar_value(model: type[Declaration], name: str, value: Any) -> Any:
    """Another value of a rule sugar, made of its example for the documentation."""
    example = SUGARS[name].example
    if issubclass(model, Rule):
        return example if value != example else None
    if isinstance(SUGARS[name].column_default, bool):
        return not value
    return next(iter(example.values()))


def literals(hint: Any) -> Iterator[Any]:
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    elif get_origin(hint) in (Union, UnionType):
        for argument in get_args(hint):
            if argument is not NoneType:
                yield from literals(argument)


def digests(declaration: Declaration, root: Path) -> dict[str, str]:
    """The hash of each step that follows from a declaration."""
    zones = {Dataset: ("formatted", "trusted"), EntityResolution: ("exploitation",), LookupTable: ("exploitation",)}
    found = {}
    for zone in zones.get(type(declaration), ("publish",)):
        step = Step(f"{zone}.x", (), (), declaration)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydantic complains of values that it would not have let in
            found[zone] = fingerprint_of(step, {}, "", root).digest
    return found


FIELDS = list(all_fields())
CHECKED = [
    (model, field) for model, field in FIELDS if model.__name__ != "Settings" and WHOLE.get(model.__name__) != IN_FILE
]


def test_somebody_decided_on_every_field() -> None:
    undecided = [f"{model.__name__}.{field}" for model, field in FIELDS if decision(model, field) is None]
    assert undecided == [], "decide in tests/pipeline/declaration_fields.py"


def test_no_decision_is_about_a_field_that_is_gone() -> None:
    models = {model.__name__: model for model in [*all_models(), *BASES]}
    assert set(WHOLE) | set(DECISIONS) <= set(models)
    gone = [
        f"{name}.{field}"
        for name, fields in DECISIONS.items()
        for field in fields
        if field not in models[name].model_fields
    ]
    assert gone == []


def test_the_walk_meets_what_it_should() -> None:
    met = {(model.__name__, field) for model, field in FIELDS}
    assert {("CsvOptions", "quote"), ("Column", "range"), ("Between", "where"), ("Survivor", "sources")} <= met
    assert {("Dataset", "key"), ("Files", "member"), ("FilesPublication", "format"), ("AsOf", "window")} <= met
    assert {("NameSimilarity", "similarity"), ("Settings", "engine")} <= met


@pytest.mark.parametrize(("model", "field"), CHECKED, ids=lambda item: getattr(item, "__name__", item))
def test_a_changed_field_changes_the_steps_that_depend_on_it(
    model: type[Declaration], field: str, tmp_path: Path
) -> None:
    before = sample(model)
    after = changed(before, model, field)
    assert after != before, "the test changed nothing"
    old, new = digests(before, tmp_path), digests(after, tmp_path)
    decided = decision(model, field)
    expected = set() if isinstance(decided, str) else decided
    assert {step for step in old if old[step] != new[step]} == expected


def test_the_key_of_a_dataset_that_is_not_upserted_does_not_change_the_formatted_table(tmp_path: Path) -> None:
    appended = DATASET.model_copy(update={"load": "append"})
    old, new = digests(appended, tmp_path), digests(appended.model_copy(update={"key": ("a",)}), tmp_path)
    assert (old["formatted"] == new["formatted"], old["trusted"] == new["trusted"]) == (True, False)


@pytest.mark.parametrize(("field", "steps"), [("columns", {"formatted", "trusted"}), ("rules", {"trusted"})])
def test_the_order_of_columns_and_rules_is_part_of_the_declaration(field: str, steps: set[str], tmp_path: Path) -> None:
    value = dict(reversed(getattr(DATASET, field).items()))
    old, new = digests(DATASET, tmp_path), digests(DATASET.model_copy(update={field: value}), tmp_path)
    assert {step for step in old if old[step] != new[step]} == steps


def fields_reversed(value: Any) -> Any:
    """The same declaration by a model that lists its fields in another order."""
    if isinstance(value, Declaration):
        made = value.model_copy()
        fields = {name: fields_reversed(one) for name, one in reversed(value.__dict__.items())}
        object.__setattr__(made, "__dict__", fields)
        return made
    if isinstance(value, dict):
        return {key: fields_reversed(one) for key, one in value.items()}
    return value


@pytest.mark.parametrize("declaration", [DATASET, RESOLUTION, LOOKUP], ids=lambda one: one.name)
def test_the_order_of_the_fields_of_a_model_is_no_part(declaration: Declaration, tmp_path: Path) -> None:
    """So a release may add a field beside those that it belongs to."""
    other = fields_reversed(declaration)
    assert list(other.model_dump()) == list(reversed(declaration.model_dump()))
    assert digests(other, tmp_path) == digests(declaration, tmp_path)


@pytest.mark.parametrize("field", ["compare", "golden"])
def test_the_order_of_comparisons_and_golden_columns_is_part_of_the_declaration(field: str, tmp_path: Path) -> None:
    """It is the order of the columns of the crosswalk and of the golden records."""
    value = dict(reversed(getattr(RESOLUTION, field).items()))
    assert digests(RESOLUTION.model_copy(update={field: value}), tmp_path) != digests(RESOLUTION, tmp_path)


def test_the_order_of_spellings_is_no_part(tmp_path: Path) -> None:
    values = {"x": ("a", "b"), "y": ("c",)}
    swapped = {"y": ("c",), "x": ("b", "a")}
    moved = {"x": ("a",), "y": ("c", "b")}
    made = [digests(LOOKUP.model_copy(update={"values": one}), tmp_path) for one in (values, swapped, moved)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize("name", ["views/v.sql", "views/v.py", "analyses/a.py"])
def test_a_user_s_file_is_part_by_its_content(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir()
    step = Step("exploitation.v" if name.startswith("views") else "analysis.a", (), (), LOOKUP, files=(file,))
    found = []
    for text in ("one", "two", "one"):
        file.write_text(text, "utf-8")
        found.append(fingerprint_of(step, {}, "", tmp_path))
    assert found[0] == found[2] != found[1]
    assert found[1].differences(found[0]) == [f"{name} changed"]


def test_a_field_that_is_written_with_its_default_changes_nothing(tmp_path: Path) -> None:
    """So a release may add a field with a default, and no table is stale."""
    written = DATASET.model_dump(mode="json", by_alias=True)
    columns = {name: column.model_dump(mode="json") for name, column in DATASET.columns.items()}
    assert digests(Dataset.model_validate(written | {"columns": columns}), tmp_path) == digests(DATASET, tmp_path)
