"""``from:`` of a column: where a value is that is not in the records."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from vertebra.declare.dataset import Dataset
from vertebra.declare.origin import Origin, compile_pattern

DEVICE = r"meter-(?<device>\d+)_*.txt"


def dataset(columns: dict[str, Any], **parse: Any) -> Dataset:
    about = {"name": "m", "source": "s", "collect": {"from": "files", "path": "*.txt"}}
    return Dataset.model_validate({**about, "parse": {"format": "csv", **parse}, "columns": columns})


@pytest.mark.parametrize(
    ("pattern", "text", "value"),
    [
        (DEVICE, "meter-660_2018-01.txt", "660"),
        (DEVICE, "meter-660_.txt", "660"),
        (DEVICE, "my-meter-660_2018.txt", None),  # it matches the whole text
        (DEVICE, "meter-66O_2018.txt", None),
        (DEVICE, "meter-660_2018.txt.bak", None),
        (DEVICE, "meter-\u0661_2018.txt", None),  # a digit is an ASCII digit
        ("a.b+(?<x>.+)$", "a.b+1$", None),
        ("a.b+(?P<x>.+)", "a.b+1", "1"),
        ("a.b(?<x>.+)", "aXb1", None),
        ("?-(?<x>[^)]+)*", "1-2", "2"),
        ("(?<x>(?:a|b){2})-*", "ab-c", "ab"),
        (r"(?<x>\(\d\))", "(1)", "(1)"),
        ("(?<x>[)(]+)", "()", "()"),
        ("device;(?<device>[0-9]+)", "device;4711", "4711"),
    ],
)
def test_a_pattern_is_text_with_wildcards_and_regular_expressions_in_groups(pattern, text, value):
    if pattern.endswith("$"):
        with pytest.raises(ValueError, match=r"outside of a named group"):
            compile_pattern(pattern)
        return
    compiled = compile_pattern(pattern)
    found = compiled.regex.fullmatch(text)
    assert (found and found[compiled.groups[0]]) == value


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"meter-\d+.txt", "does not say where the value is"),
        (r"meter-(\d+)_.*\.txt", "does not say where the value is"),
        (r"meter-(?<device>\d+)_.*\.txt", r"outside of a named group.*\* is any text"),
        (r"^meter-(?<device>\d+)", "outside of a named group"),
        (r"[a-z]+-(?<device>\d+)", "outside of a named group"),
        (r"(?<device>(\d)+)", r"a group in it; write \(\?: … \)"),
        (r"(?<device>\d+", "is not closed"),
        (r"(?<device>*)", "no regular expression"),
        (r"(?<a>\d)-(?<a>\d)", "two groups named a"),
    ],
)
def test_other_patterns_are_refused_with_what_to_write(pattern, words):
    with pytest.raises(ValidationError, match=words):
        Origin.model_validate({"file": pattern})


def test_a_value_comes_from_one_place():
    for wrong in ({}, {"file": DEVICE, "period": DEVICE}, "name", {"folder": DEVICE}):
        with pytest.raises(ValidationError):
            Origin.model_validate(wrong)
    with pytest.raises(ValidationError, match="remove source, or from"):
        dataset({"device": {"from": {"file": DEVICE}, "source": "d"}})


def test_of_several_groups_the_one_with_the_name_of_the_column_is_taken():
    both = "(?<site>[a-z]+)-(?<device>[0-9]+).csv"
    columns = dataset({"site": {"from": {"file": both}}, "device": {"from": {"file": both}}}).columns
    assert len({columns[name].sources(name) for name in columns}) == 2
    with pytest.raises(ValidationError, match="has the name of the column"):
        dataset({"meter": {"from": {"file": both}}})


def test_a_preamble_is_what_is_passed_over():
    with pytest.raises(ValidationError, match=r"\{skip: N\}"):
        dataset({"device": {"from": {"preamble": "device;(?<device>.+)"}}})
    dataset({"device": {"from": {"preamble": "device;(?<device>.+)"}}}, skip=3)
    for other in ("json", "parquet", "xlsx"):
        with pytest.raises(ValidationError, match=r"which \w+ does not have; take it from the file's name"):
            dataset({"device": {"from": {"preamble": "device;(?<device>.+)"}}}, format=other)
