"""Every declaration knows the file, line and column it was read from."""

from __future__ import annotations

from pathlib import Path

from vertebra.declare.dataset import Column, Dataset
from vertebra.declare.declaration import Declaration
from vertebra.declare.load import load_project

ROOT = Path(__file__).parents[2]
ANALYSIS = '''\
"""About the analysis."""

from vertebra import Analysis, AsOf, Candidate


def mean():
    ...


analysis = Analysis(
    description="Is it late?",
    task="classification", view="departures", key=("flight",), time="now()", label="distance > 10",
    features={
        "origin": "origin",
        "before": AsOf(history="departures", value="distance", known_at="now()", window="3 hours", aggregate="mean"),
    },
    folds={"by": "origin"}, test={"from": "2013-10-01"}, metric="roc_auc",
    candidates={"mean": Candidate(build=mean)},
)
'''


def place(declaration: Declaration, root: Path) -> str:
    at = declaration.declared_at
    assert at is not None
    return f"{at.file.relative_to(root)}:{at.line}:{at.column}"


def test_a_dataset_and_its_parts(project):
    flights = project.load().datasets["flights"]
    assert place(flights, project.root) == "datasets/flights.yaml:1:1"
    assert place(flights.collect, project.root) == "datasets/flights.yaml:2:1"
    assert place(flights.columns["origin"], project.root) == "datasets/flights.yaml:7:3"
    assert place(flights.columns["dest"], project.root) == "datasets/flights.yaml:8:3"
    assert place(flights.rules["route_distance"], project.root) == "datasets/flights.yaml:12:3"


def test_the_overlay_s_file_where_there_is_one(project):
    text = (project.root / "datasets/flights.yaml").read_text("utf-8")
    project.write("vertebra.yaml", "name: flights\nprofiles:\n  dev: {overlay: dev}\n")
    project.write("dev/datasets/deeper/flights.yml", "# for development\n" + text)
    dev = project.load(profile="dev").datasets
    assert place(dev["flights"], project.root) == "dev/datasets/deeper/flights.yml:2:1"
    assert place(dev["flights"].rules["route_distance"], project.root) == "dev/datasets/deeper/flights.yml:13:3"
    assert place(dev["airlines"], project.root) == "datasets/airlines.yaml:1:1"
    assert place(project.load().datasets["flights"], project.root) == "datasets/flights.yaml:1:1"


def test_views_and_analyses(project):
    project.write(
        "views/late.py",
        "from vertebra import view\n\n\n@view('exploitation.departures')\ndef late(departures):\n    return departures\n",
    )
    project.write("analyses/lateness.py", ANALYSIS)
    loaded = project.load()
    assert place(loaded.views["departures"], project.root) == "views/departures.sql:1:1"
    assert place(loaded.views["late"], project.root) == "views/late.py:5:1"
    analysis = loaded.analyses["lateness"]
    assert place(analysis, project.root) == "analyses/lateness.py:10:12"
    assert place(analysis.features["before"], project.root) == "analyses/lateness.py:15:19"
    assert place(analysis.candidates["mean"], project.root) == "analyses/lateness.py:18:25"


def test_every_declaration_of_the_flights_project_has_one():
    project = load_project(ROOT / "projects" / "flights")
    groups = (project.datasets, project.views, project.reconciliations, project.analyses)
    declared = [one for group in groups for one in group.values()]
    assert len(declared) > 5
    for one in declared:
        assert one.declared_at is not None
        assert one.declared_at.file.is_relative_to(project.root)
        assert one.declared_at.file.stem == one.name


def test_where_it_is_written_does_not_make_it_another(project):
    before = project.load().datasets["flights"]
    text = (project.root / "datasets/flights.yaml").read_text("utf-8")
    project.write("datasets/flights.yaml", "# a comment\n" + text)
    after = project.load().datasets["flights"]
    assert place(after, project.root) != place(before, project.root)
    assert after == before
    assert after.model_dump() == before.model_dump()
    assert hash(Column(type="int")) == hash(Column(type="int"))


def test_what_is_made_in_python_has_none():
    assert Column(type="int").declared_at is None
    assert Dataset.model_construct(name="shops").declared_in == "datasets/shops.yaml"


def test_a_remedy_names_the_file_that_was_read(project):
    text = (project.root / "datasets/flights.yaml").read_text("utf-8")
    project.write("vertebra.yaml", "name: flights\noverlay: dev\n")
    project.write("dev/datasets/flights.yaml", text)
    project.write("views/tails.sql", "select f.quite_another from trusted.flights f\n")
    assert "declare quite_another in dev/datasets/flights.yaml" in project.only_wrong()
