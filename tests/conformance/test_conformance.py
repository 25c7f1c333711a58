"""Spark SQL on the embedded engine gives Apache Spark's recorded answers, or is known not to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import yaml

from conformance.answers import Answer, close, compare, lines
from conformance.corpus import FOLDER, entries, tables
from conformance.record import FUNCTIONS, UNCHECKED, outcomes, recorded, recorded_outcomes, with_tables
from conformance.report import PAGE, SUPPORT, findings, left_out, page, support
from conformance.signatures import signature, words
from vertebra.engine import SailEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KNOWN = FOLDER / "known_differences.yaml"
REFRESH = "make conformance records it; read the difference before you commit it"


SUBJECTS = sorted({entry.subject for entry in entries()})


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session of the embedded engine that has the corpus's tables."""
    engine = SailEngine(memory="2g")
    yield with_tables(engine, tables(), tmp_path_factory.mktemp("tables"))
    engine.stop()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_embedded_engine_answers_as_recorded(session: SparkSession, subject: str) -> None:
    asked = {entry.name for entry in entries() if entry.subject == subject}
    found = outcomes(session, tables(), subject)
    known = {name: outcome["outcome"] for name, outcome in recorded_outcomes().items() if name in asked}
    new = {name: outcome for name, outcome in found.items() if known.get(name) != outcome["outcome"]}
    gone = sorted(known.keys() - found.keys())
    assert not new, f"{len(new)} entries have another outcome ({REFRESH}), among them\n{lines(list(new.values())[:20])}"
    assert not gone, f"{len(gone)} entries are equal now ({REFRESH}), among them {gone[:20]}"


def test_apache_spark_answered_every_entry() -> None:
    asked, answered = {entry.name for entry in entries()}, recorded().keys()
    assert asked == answered, f"{sorted(asked ^ answered)[:20]}: {REFRESH}"
    assert len(asked) >= 1500


def test_every_function_of_apache_spark_is_asked_about_or_left_out_with_a_reason() -> None:
    asked = [entry.text for entry in entries()]
    known, symbols = words(asked), " ".join(asked)
    without = {name for names in left_out().values() for name in names}
    functions = FUNCTIONS.read_text("utf-8").split()
    asked_about = {name for name in functions if (name in known if re.match(r"\w", name) else name in symbols)}
    assert set(functions) - asked_about == without


def test_the_page_and_the_data_of_the_checker_are_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(findings()), REFRESH
    data = support(findings(recorded_outcomes(UNCHECKED)))
    assert SUPPORT.read_text("utf-8") == data, REFRESH
    assert json.loads(data)["functions"]["upper"]["equal"]


def test_no_answer_differs_but_for_a_stated_reason() -> None:
    patterns = [re.compile(one) for found in yaml.safe_load(KNOWN.read_text("utf-8")).values() for one in found]
    silent = {name for name, one in recorded_outcomes().items() if one["outcome"] in ("differs", "sail_accepts")}
    unexplained = {name for name in silent if not any(pattern.fullmatch(name) for pattern in patterns)}
    assert not unexplained, sorted(unexplained)
    assert len(silent) < 10, "a rewrite or a refusal is missing"


@pytest.mark.parametrize(
    ("spark", "sail", "outcome"),
    [
        ({"type": "int", "rows": [1, 2]}, {"type": "int", "rows": [1, 2]}, ("equal", [])),
        ({"type": "int", "rows": [1, 2]}, {"type": "int", "rows": [1, 3]}, ("differs", [1])),
        ({"type": "int", "rows": [1]}, {"type": "bigint", "rows": [1]}, ("differs", [])),
        ({"type": "double", "rows": ["-0.0"]}, {"type": "double", "rows": ["0.0"]}, ("equal", [])),
        ({"type": "double", "rows": ["nan"]}, {"type": "double", "rows": [None]}, ("differs", [0])),
        ({"type": "double", "rows": ["0.1"]}, {"type": "double", "rows": ["0.10000000000000002"]}, ("differs", [0])),
        ({"type": "int", "rows": [1, {"error": "A"}]}, {"type": "int", "rows": [1, {"error": "B"}]}, ("equal", [])),
        ({"type": "int", "rows": [1, {"error": "A"}]}, {"type": "int", "rows": [1, 0]}, ("sail_accepts", [1])),
        ({"type": "int", "rows": [1, 0]}, {"type": "int", "rows": [1, {"error": "A"}]}, ("sail_refuses", [1])),
        ({"type": "int", "rows": [1]}, {"refused": "A"}, ("sail_refuses", [])),
        ({"refused": "A"}, {"type": "int", "rows": [1]}, ("sail_accepts", [])),
        ({"refused": "A"}, {"refused": "B"}, ("equal", [])),
        ({"type": None, "rows": [{"error": "A"}]}, {"refused": "B"}, ("equal", [])),
        ({"type": ["a int"], "rows": [[1]]}, {"type": ["a int"], "rows": [[1], [1]]}, ("differs", [])),
    ],
)  # fmt: skip
def test_an_outcome_is_what_a_user_would_see(spark: Answer, sail: Answer, outcome: tuple[str, list[int]]) -> None:
    assert compare(spark, sail) == outcome


@pytest.mark.parametrize(
    ("wanted", "got", "equal"),
    [
        ("0.1", "0.10000000000000002", True),
        ("0.1", "0.10000000000000006", False),
        ("-0.0", "0.0", False),
        ("nan", "nan", True),
        ("nan", "1.0", False),
        ("inf", "1.7976931348623157e+308", False),
        ("abc", "abd", False),
        (["1.0", None], ["1.0000000000000002", None], True),
        ([1], [2], False),
        (None, "0.0", False),
    ],
)  # fmt: skip
def test_transcendental_functions_may_differ_in_the_last_two_places(wanted: Any, got: Any, equal: bool) -> None:
    assert close(wanted, got) is equal


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("int: abs(x)", ("abs", ("int",), "")),
        ("decimal: x + y", ("+", ("decimal", "decimal"), "")),
        ("int: cast(x as string)", ("cast", ("int", "string"), "string")),
        ("date: extract(year from x)", ("extract", ("date",), "year")),
        ("date: trunc(x, 'month')", ("trunc", ("date", "string"), "'month'")),
        ("int: sum(x)", ("sum", ("int",), "")),
        ("int: sum(x) over (partition by g)", ("sum over", ("int",), "")),
        ("string: x like 'a%'", ("like", ("string", "string"), "")),
        ("array_int: transform(x, v -> v + 1)", ("transform", ("array<int>", "lambda"), "")),
        ("int: sum(x) + 1", None),
    ],
)  # fmt: skip
def test_an_entry_is_about_a_function_and_the_types_of_its_arguments(name: str, shown: Any) -> None:
    entry = next(entry for entry in entries() if entry.name == name)
    found = signature(entry, tables()[entry.table])
    assert (found and (found.name, found.types, found.literal)) == shown


def test_tables_hold_what_they_declare() -> None:
    content = tables()
    assert content["double"].schema.field("x").type == pa.float64()
    assert str(content["double"]["x"].to_pylist()[8]) == "-0.0"
    assert content["map"]["x"].to_pylist()[0] == [("a", 1), ("b", 2)]
    assert content["date"]["x"].to_pylist()[15].isoformat() == "1582-10-04"
