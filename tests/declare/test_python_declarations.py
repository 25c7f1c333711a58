"""Views and analyses in Python: read without importing an engine, errors with their line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ANALYSIS = """\
from datetime import date

from vertebra import Analysis, AsOf, Candidate

analysis = Analysis(
    description="Late arrivals.",
    task="classification",
    view="departures",
    key=("carrier", "flight"),
    time="sched_dep_at",
    label="distance > 1000",
    features={
        "dest": "dest",
        "delay": AsOf(history="departures", by=("origin",), value="distance", known_at="known_at", window="3 hours", aggregate="mean"),
    },
    folds={"by": "origin"},
    test={"from": date(2013, 11, 1)},
    candidates={"linear": Candidate(build=lambda: None)},
    metric="roc_auc",
)
"""
VIEW = """\
import no_such_engine_package
from vertebra import view

@view("trusted.flights", "exploitation.departures", tags=["operations"])
def per_origin(flights, departures):
    '''Flights per
    origin.

    More.'''
    return (flights, departures, __name__)
"""


def test_a_python_view_is_read_without_running_it(project) -> None:
    view = project.write("views/per_origin.py", VIEW).load().views["per_origin"]
    assert view.inputs == ("trusted.flights", "exploitation.departures")
    assert (view.description, view.tags, view.language) == ("Flights per origin.", ("operations",), "python")


def test_a_python_view_runs_when_it_is_built(project) -> None:
    project.write("views/per_origin.py", VIEW.replace("import no_such_engine_package\n", "import dataclasses\n"))
    view = project.load().views["per_origin"]
    flights, departures, module = view.build(1, 2)
    assert (flights, departures) == (1, 2)
    assert sys.modules[module].__file__ == str(view.file)


def test_an_error_in_a_view_has_its_line_when_it_is_built(project) -> None:
    view = project.write("views/per_origin.py", VIEW).load().views["per_origin"]
    with pytest.raises(Exception, match=r"per_origin.py:1: the code fails: ModuleNotFoundError"):
        view.build(1, 2)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def x(:\n", "views/x.py:1:7: this is not Python: "),
        ("def x(flights):\n    return flights\n", "views/x.py:1:1: the file of a view has one function, named as the file"),
        ("from vertebra import view\n@view('trusted.flights')\ndef y(f): ...\n", "views/x.py:3:1: the file of a view has one function, named as the file"),
        ("from vertebra import view\n@view('flights')\ndef x(f): ...\n", "views/x.py:2:7: a view cannot read 'flights'"),
        ("from vertebra import view\n@view('trusted.flight')\ndef x(f): ...\n", "views/x.py:2:7: view x reads trusted.flight, which nothing declares"),
    ],
)  # fmt: skip
def test_a_python_view_that_is_wrong(project, code: str, told: str) -> None:
    assert project.write("views/x.py", code).only_wrong().startswith(told)


@pytest.mark.parametrize(
    ("imports", "call", "told"),
    [
        ("from datetime import datetime", "datetime.now()", "datetime.datetime.now() is another value in each run"),
        ("import datetime as dt", "dt.date.today().year", "datetime.date.today() is another value in each run"),
        ("import time", "time.time()", "time.time() is another value in each run"),
        ("import numpy as np", "np.random.default_rng().integers(9)", "numpy.random.default_rng() gives other values"),
        ("import random", "random.randint(1, 6)", "random.randint() gives other values in each run"),
        ("from uuid import uuid4 as new", "str(new())", "uuid.uuid4() gives other values in each run"),
        ("import random", "random.Random(0).randint(1, 6)", ""),
        ("import random\nrandom.seed(1)", "random.randint(1, 6)", ""),
        ("import numpy as np", "np.random.default_rng(1).integers(9)", ""),
        ("from datetime import date", "date(2026, 1, 1)", ""),
        ("import time", "time.gmtime(0)", ""),
    ],
    ids=str,
)
def test_a_python_view_that_depends_on_time_or_chance_is_refused(project, imports: str, call: str, told: str) -> None:
    code = f"from vertebra import view\n{imports}\n\n@view('trusted.flights')\ndef x(flights):\n    return {call}\n"
    project.write("views/x.py", code)
    if not told:
        assert "x" in project.load().views
        return
    error = project.only_wrong()
    assert error.startswith("views/x.py:")
    assert f"the view x: {told}" in error
    assert "next:" in error


def test_inputs_that_are_computed_are_found_by_running_the_file(project) -> None:
    code = "from vertebra import view\nNAMES = ['trusted.flights']\n@view(*NAMES)\ndef x(f): ...\n"
    assert project.write("views/x.py", code).load().views["x"].inputs == ("trusted.flights",)


def test_the_comment_of_a_view_describes_it(project) -> None:
    front = "-- description: Flights.\n-- tags: [operations]\n\nselect * from trusted.flights"
    view = (
        project.write("views/a.sql", front)
        .write("views/b.sql", "-- All\n-- flights.\n--\n-- More.\nselect 1 as x")
        .load()
        .views
    )
    assert (view["a"].description, view["a"].tags) == ("Flights.", ("operations",))
    assert view["b"].description == "All flights."
    told = project.write("views/a.sql", "-- description: Flights.\n-- tag: [operations]\nselect 1 as x").only_wrong()
    assert told.startswith("views/a.sql:2:1: unknown key 'tag' in the comment of the view")


def test_names_of_ctes_are_no_tables_and_subqueries_are_read(project) -> None:
    sql = """
        with long as (select * from trusted.flights where distance > 1000), longer as (select * from long)
        select * from longer where carrier in (select carrier from TRUSTED.airlines) and exists (select 1 from `trusted`.`flights`)
    """
    assert project.write("views/a.sql", sql).load().views["a"].inputs == ("trusted.airlines", "trusted.flights")


def test_an_analysis_is_loaded_with_its_name_and_file(project) -> None:
    analysis = project.write("analyses/late.py", ANALYSIS).load().analyses["late"]
    assert (analysis.name, analysis.file) == ("late", project.root.resolve() / "analyses" / "late.py")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('view="departures"', 'view="departure"', "analyses/late.py:8:10: analysis late reads the view departure, which nothing declares"),
        ('history="departures"', 'history="arrivals"', "analyses/late.py:14:31: analysis late reads the view arrivals, which nothing declares"),
        ('"dest": "dest"', '"dest": "dest +"', "analyses/late.py:13:17: features.dest is not a SparkSQL expression: ADD lacks an operand"),
        ('label="distance > 1000"', 'label="select 1"', "analyses/late.py:11:11: label is not a SparkSQL expression: it is a select statement"),
        ('"classification"', '"classify"', "analyses/late.py:7:10: Analysis: task: 'classify' is not a task"),
        ('metric="roc_auc"', 'metrics="roc_auc"', "analyses/late.py:19:13: metrics is not an argument of Analysis"),
        ('aggregate="mean"', 'aggregate="average"', "analyses/late.py:14:"),
        ("lambda: None", "no_such_name", "analyses/late.py:18: the code fails: NameError: name 'no_such_name' is not defined"),
        ("from datetime import date", "import no_such_package", "analyses/late.py:1: the code fails: ModuleNotFoundError"),
        ("analysis = Analysis(", "late = Analysis(", "analyses/late.py:1:1: late declares no analysis"),
    ],
)  # fmt: skip
def test_an_analysis_that_is_wrong(project, old: str, new: str, told: str) -> None:
    assert old in ANALYSIS
    assert project.write("analyses/late.py", ANALYSIS.replace(old, new)).only_wrong().startswith(told)


def test_loading_imports_no_engine_and_no_model_library(project) -> None:
    project.write("views/per_origin.py", VIEW).write("analyses/late.py", ANALYSIS)
    script = (
        "import sys; from pathlib import Path; from vertebra.declare.load import load_project\n"
        f"load_project(Path({str(project.root)!r}))\n"
        "heavy = {'pyspark', 'sklearn', 'pandas', 'deltalake', 'mlflow', 'duckdb', 'lightgbm', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
