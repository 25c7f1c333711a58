"""Profiles, references to environment variables, and that their values are not printed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from vertebra.declare.load import find_project, load_project
from vertebra.errors import DeclarationError, DeclarationErrors

SETTINGS = """\
name: flights
lake: lake
retention: 2 weeks
profiles:
  dev:
  prod:
    engine: ${SPARK_REMOTE}
    lake: ${LAKE:-/data/lake}
"""


def test_without_a_profile_the_settings_are_as_written(project) -> None:
    loaded = project.write("vertebra.yaml", SETTINGS).load()
    assert (loaded.profile, loaded.settings.engine, loaded.settings.lake) == (None, "sail", "lake")
    assert loaded.settings.keep == timedelta(weeks=2)


def test_a_profile_overrides_the_settings_and_resolves_its_references(project) -> None:
    loaded = project.write("vertebra.yaml", SETTINGS).load({"SPARK_REMOTE": "sc://spark:15002"}, profile="prod")
    assert (loaded.profile, loaded.settings.engine) == ("prod", "sc://spark:15002")
    assert loaded.lake == Path("/data/lake").resolve()
    assert loaded.settings.retention == "2 weeks"


def test_the_default_profile_applies_when_none_is_asked_for(project) -> None:
    project.write("vertebra.yaml", f"{SETTINGS}default_profile: prod\n")
    assert project.load({"SPARK_REMOTE": "sc://spark"}).profile == "prod"
    assert project.load(profile="dev").settings.engine == "sail"


def test_what_a_profile_refers_to_need_not_be_set_where_it_is_not_used(project) -> None:
    assert project.write("vertebra.yaml", SETTINGS).load({}, profile="dev").profile == "dev"


def test_a_variable_that_is_not_set_is_named(project, lines) -> None:
    assert project.write("vertebra.yaml", SETTINGS).only_wrong({}, profile="prod") == lines("""
        vertebra.yaml:7:13: the environment variable SPARK_REMOTE is not set
          cause: the value here is ${SPARK_REMOTE}, and has no default
          next:  export SPARK_REMOTE=…, or write ${SPARK_REMOTE:-default}
    """)


def test_an_unknown_profile_is_told_with_the_nearest_one(project) -> None:
    told = project.write("vertebra.yaml", SETTINGS).only_wrong(profile="prd")
    assert "there is no profile prd\n  cause: vertebra.yaml declares dev, prod\n  next:  did you mean prod?" in told


def test_the_engine_asked_for_wins_over_the_declared_one(project) -> None:
    loaded = project.write("vertebra.yaml", SETTINGS).load({}, profile="prod", engine="sail")
    assert loaded.settings.engine == "sail"


def test_a_wrong_setting_is_told_where_the_profile_writes_it(project) -> None:
    project.write("vertebra.yaml", "name: flights\nprofiles:\n  prod:\n    engine: spark\n")
    assert project.only_wrong(profile="prod").startswith("vertebra.yaml:4:13: engine: 'spark' is not an engine")
    assert project.only_wrong(engine="http://x").startswith("--engine: engine: 'http://x' is not an engine")


def test_references_are_resolved_where_a_source_is_described_and_nowhere_else(project) -> None:
    project.change("datasets/flights.yaml", "path: data/flights.csv", "path: '${DATA}/$${kept}/flights.csv'")
    project.change("datasets/flights.yaml", "values: [EWR, JFK, LGA]", "matches: '${DATA}'")
    dataset = project.load({"DATA": "/srv/data"}).datasets["flights"]
    assert dataset.collect.path == "/srv/data/${kept}/flights.csv"
    assert dataset.columns["origin"].matches == "${DATA}"


def test_an_incomplete_reference_is_refused(project) -> None:
    told = project.change(
        "datasets/flights.yaml", "path: data/flights.csv", "path: '${DATA-x}/flights.csv'"
    ).only_wrong({"DATA": "x"})
    assert told.startswith("datasets/flights.yaml:2:30: a reference to an environment variable is incomplete")


def test_a_reference_inside_braces_is_told_to_be_quoted(project) -> None:
    told = project.change("datasets/flights.yaml", "path: data", "path: ${DATA}/data").only_wrong({"DATA": "x"})
    assert told.startswith("datasets/flights.yaml:2:")
    assert "quote the value with the reference" in told


def test_values_of_variables_are_not_printed(project) -> None:
    project.change("datasets/flights.yaml", "path: data/flights.csv", "path: 's3://me:${TOKEN}@bucket/flights.csv'")
    loaded = project.load({"TOKEN": "hunter2/&"})
    assert loaded.datasets["flights"].collect.path == "s3://me:hunter2/&@bucket/flights.csv"
    assert loaded.redact("GET https://x/?k=hunter2%2F%26 with hunter2/&") == "GET https://x/?k=${TOKEN} with ${TOKEN}"
    assert "hunter2" not in repr(loaded)


def test_errors_do_not_print_values_of_variables_either(project) -> None:
    project.write("vertebra.yaml", "name: flights\nengine: ${SPARK_REMOTE}\n")
    with pytest.raises(DeclarationErrors) as caught:
        project.load({"SPARK_REMOTE": "spark.example.org;token=hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "'${SPARK_REMOTE}' is not an engine" in str(caught.value)


def test_a_short_value_does_not_garble_what_is_printed(project) -> None:
    project.change("datasets/flights.yaml", "path: data/flights.csv", "path: 'v${VERSION}/flights.csv'")
    assert project.load({"VERSION": "1"}).redact("11 of 12 rows") == "11 of 12 rows"


def test_a_project_is_found_from_a_folder_inside_it(project) -> None:
    inside = project.root / "datasets" / "deep"
    inside.mkdir()
    assert find_project(inside) == project.root.resolve()


def test_where_there_is_no_project_the_way_to_make_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="there is no project in") as caught:
        find_project(tmp_path)
    assert "vertebra init my_project" in caught.value.remedy
    with pytest.raises(DeclarationErrors, match="vertebra init"):
        load_project(tmp_path)
