"""A project: its settings and everything it declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, field_validator

from vertebra.declare.analysis import Analysis
from vertebra.declare.broken import BrokenDeclaration
from vertebra.declare.dataset import Dataset, Declaration, Name
from vertebra.declare.environment import redacted
from vertebra.declare.publication import Publication
from vertebra.declare.quantity import Duration, Size, parse_duration
from vertebra.declare.reconciliation import EntityResolution, LookupTable
from vertebra.declare.view import View

_ADDRESS: Final = re.compile(r"sc://[^\s/:;]+(:\d{1,5})?(/.*)?")
Scheme = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*$")]


class Settings(Declaration):
    """``vertebra.yaml`` with the chosen profile applied and ``${ENV}`` references resolved.

    The attributes are those of :class:`Overrides`, and the project's name and description.
    """

    name: Name
    description: str = ""
    lake: str = "lake"
    engine: str = "sail"
    memory: Size | None = None
    tracking: str | None = None
    retention: Duration = "30 days"
    schemes: tuple[Scheme, ...] = ("file",)
    overlay: str | None = None

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value != "sail" and not _ADDRESS.fullmatch(value):
            raise ValueError(f"{value!r} is not an engine; write sail, or sc://host:15002 for a Spark Connect server")
        return value

    @property
    def embedded_engine(self) -> bool:
        """Whether the engine is the embedded one, which does not compute all of SparkSQL."""
        return self.engine == "sail"

    @property
    def keep(self) -> timedelta:
        """``retention`` as a duration."""
        return parse_duration(self.retention)


class Overrides(Declaration):
    """The settings that a profile may replace.

    Attributes:
        lake: the folder of the lake, relative to the project.
        engine: ``sail``, or ``sc://host:port`` of a Spark Connect server.
        memory: the limit of the embedded engine's memory, e.g. ``8g``; by default a share of the machine's.
        tracking: URI of the MLflow tracking server; by default a SQLite file in the project.
        retention: how long ``vertebra gc`` keeps earlier versions of a table, e.g. ``30 days``.
        schemes: URL schemes that ``from: files`` may read and ``to: files`` may write, e.g. ``[file, s3]``; only
            ``file`` unless declared.
        overlay: folder in the project with ``datasets/``, ``reconcile/``, ``views/``, ``analyses/`` and ``publish/`` of
            its own; a file there replaces the file of the same name, or is added.
    """

    lake: str | None = None
    engine: str | None = None
    memory: str | None = None
    tracking: str | None = None
    retention: str | None = None
    schemes: tuple[Scheme, ...] | None = None
    overlay: str | None = Field(default=None, min_length=1)


def _empty_profile(value: Any) -> Any:
    return {} if value is None else value


_Profile = Annotated[Overrides, BeforeValidator(_empty_profile, json_schema_input_type=Overrides | None)]


class SettingsFile(Overrides):
    """``vertebra.yaml`` as it is written.

    Attributes:
        name: the name of the project; models and what is published carry it.
        profiles: settings for other environments, e.g. ``prod``; chosen with ``--profile``.
        default_profile: the profile that applies if none is chosen.
    """

    name: Name
    description: str = ""
    profiles: dict[Name, _Profile] = Field(default_factory=dict)
    default_profile: Name | None = None


@dataclass(frozen=True)
class Project:
    """A loaded project: validated, with references resolved and no cycles.

    Attributes:
        root: the project's folder, absolute.
        profile: the profile that was applied.
        broken: declarations that are broken, or read broken ones; they are not among the others.
        secrets: the value of each environment variable that a declaration refers to.
    """

    root: Path
    profile: str | None
    settings: Settings
    datasets: dict[str, Dataset]
    reconciliations: dict[str, EntityResolution | LookupTable]
    views: dict[str, View]
    analyses: dict[str, Analysis]
    publications: dict[str, Publication] = field(default_factory=dict)
    broken: tuple[BrokenDeclaration, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def lake(self) -> Path:
        """Absolute path of the lake."""
        return (self.root / self.settings.lake).resolve()

    @property
    def engine_name(self) -> str:
        """The engine, without the connection parameters of its address: a token may be among them."""
        return self.settings.engine.split("/;")[0]

    def redact(self, text: str) -> str:
        """Replace the values of environment variables in a text by their references, before it is printed."""
        return redacted(text, self.secrets)

    def __repr__(self) -> str:
        return f"<Project {self.settings.name} at {self.root}, profile {self.profile}>"
