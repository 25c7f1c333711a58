"""A publication: the table of the lake that is sent, and its target. One file in ``publish/``."""

from __future__ import annotations

import re
from typing import Final, Literal, Protocol

from pydantic import field_validator

from vertebra.declare.declaration import Declaration, Flag, Name
from vertebra.registry import Registry
from vertebra.zones import CLEANED_ZONES, READABLE_ZONES

_TABLE: Final = re.compile(rf"({'|'.join(READABLE_ZONES)})\.[a-z][a-z0-9_]*")


class Publication(Declaration):
    """One file in ``publish/``; ``name`` is the file's name. Each kind of target adds its own options.

    Attributes:
        table: the table to send: ``trusted.<name>`` or ``exploitation.<name>``.
        to: the kind of target, e.g. ``files`` or ``duckdb``.
        columns: the columns to send, in this order; unless declared, all but those whose name begins with ``_``.
        mode: ``full`` replaces everything at the target with the table's present version.
        replace: ``true`` allows replacing a file or table that this publication did not make.
        description: what the publication is for.
        tags: for ``--select tag:<tag>``.
    """

    name: Name
    table: str
    to: str
    columns: tuple[str, ...] | None = None
    mode: Literal["full"] = "full"
    replace: Flag = False
    description: str = ""
    tags: tuple[str, ...] = ()

    @field_validator("table")
    @classmethod
    def _qualified(cls, value: str) -> str:
        if not _TABLE.fullmatch(value):
            short = value.rpartition(".")[2]
            allowed = " or ".join(f"{zone}.{short}" for zone in CLEANED_ZONES)
            raise ValueError(f"{value!r} cannot be published; write {allowed}")
        return value

    @field_validator("columns")
    @classmethod
    def _each_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not value:
            raise ValueError("it names no column; remove `columns:` to send all")
        twice = [name for name in value or () if (value or ()).count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is named twice; remove one of them")
        return value


class DeclaredTarget(Protocol):
    """The part of a publish target that declarations need: its name and the model of its options."""

    @property
    def name(self) -> str:
        """The name in declarations, e.g. ``files``."""
        ...

    @property
    def declaration(self) -> type[Publication]:
        """The model of a publication to such a target."""
        ...


PUBLISH_TARGETS: Final[Registry[DeclaredTarget]] = Registry(
    "publish target",
    "vertebra.publish.targets",
    "TARGET",
    member="vertebra.publish.port:PublishTarget",
    group="vertebra.publish_targets",
)
"""The kinds of publish targets. Declarations know them by name only: their code is in a layer above."""


def target_plugin(publication: Publication) -> dict[str, str]:
    """The version of the package behind the target of a publication, for fingerprints; empty for a built-in target."""
    version = PUBLISH_TARGETS.plugin_version(publication.to)
    return {} if version is None else {publication.to: version}
