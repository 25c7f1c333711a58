"""A reconciliation: which records of two tables, or which spellings of one column, mean the same thing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vertebra.declare.dataset import Declared, Name


class Side(Declared):
    """One table of a reconciliation and the columns that identify its records."""

    table: Name
    key: tuple[str, ...]
    where: str | None = None


class Comparison(Declared):
    """One piece of evidence: what is compared and how."""

    left: str | tuple[str, ...]
    right: str | tuple[str, ...]
    how: Literal["exact", "name", "distance"] = Field(alias="as")
    km: tuple[float, ...] = (1, 10, 50)
    similarity: tuple[float, ...] = (0.92, 0.8)


class Survivor(Declared):
    """Where the value of a golden record's column comes from, in order of trust."""

    sources: tuple[str, ...] = Field(alias="from")


class EntityResolution(Declared):
    """Probabilistic reconciliation of two tables by entity resolution (Fellegi-Sunter, by Splink)."""

    name: Name
    method: Literal["entity_resolution"]
    description: str = ""
    left: Side
    right: Side
    compare: dict[str, Comparison]
    block: tuple[str, ...]
    match: float = 0.9
    review: float = 0.5
    golden: dict[str, Survivor] = {}


class LookupTable(Declared):
    """Reconciliation of the spellings of one column with a lookup table."""

    name: Name
    method: Literal["lookup"]
    description: str = ""
    table: Name
    column: str
    values: dict[str, tuple[str, ...]]


Reconciliation = Annotated[EntityResolution | LookupTable, Field(discriminator="method")]
