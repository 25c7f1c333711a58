"""Projects written in a test, as a user writes them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from vertebra.declare.load import load_project
from vertebra.declare.project import Project
from vertebra.errors import DeclarationErrors

FLIGHTS = """\
source: bts
collect: {from: files, path: data/flights.csv}
parse: {format: csv, null: [NA]}
columns:
  carrier: {type: string, references: airlines.carrier}
  flight: int
  origin: {type: string, values: [EWR, JFK, LGA]}
  dest: string
  distance: {type: int, unit: mile}
key: [carrier, flight]
rules:
  route_distance:
    determines: origin, dest -> distance
    on_violation: repair
"""
AIRLINES = """\
source: bts
collect: {from: files, path: data/airlines.csv}
parse: {format: csv}
columns:
  carrier: string
  name: string
key: [carrier]
"""
SOUND = {
    "vertebra.yaml": "name: flights\n",
    "datasets/flights.yaml": FLIGHTS,
    "datasets/airlines.yaml": AIRLINES,
    "views/departures.sql": "select f.*, a.name from trusted.flights f join trusted.airlines a on a.carrier = f.carrier\n",
}


class ProjectFolder:
    """A project that loads, until a test changes a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in SOUND.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> ProjectFolder:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
        return self

    def change(self, name: str, old: str, new: str) -> ProjectFolder:
        text = (self.root / name).read_text("utf-8")
        assert old in text
        return self.write(name, text.replace(old, new, 1))

    def load(self, environ: Mapping[str, str] | None = None, **options: Any) -> Project:
        return load_project(self.root, environ=environ or {}, **options)

    def wrong(self, environ: Mapping[str, str] | None = None, **options: Any) -> list[str]:
        """What is said to be wrong, each as a text, with paths relative to the project."""
        with pytest.raises(DeclarationErrors) as caught:
            self.load(environ, **options)
        return [str(error).replace(f"{self.root}/", "") for error in caught.value.errors]

    def only_wrong(self, environ: Mapping[str, str] | None = None, **options: Any) -> str:
        """The one thing that is said to be wrong."""
        told = self.wrong(environ, **options)
        assert len(told) == 1, "\n".join(told)
        return told[0]


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path)


@pytest.fixture
def lines() -> Callable[[str], str]:
    """A message as it is written in a test: without the indentation of the test."""
    return lambda text: textwrap.dedent(text).strip()
