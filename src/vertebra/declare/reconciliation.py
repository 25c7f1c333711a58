"""Reconciliations: declare how to find records, or spellings of a column, that mean the same thing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from vertebra.declare.comparison import COMPARISONS, Columns, Comparison
from vertebra.declare.declaration import Declaration, Name
from vertebra.declare.entity_resolution import (
    Decide,
    EntityResolution,
    RecordSource,
    Side,
    Survivor,
    survivor_column,
)

__all__ = [
    "COMPARISONS",
    "Columns",
    "Comparison",
    "Decide",
    "EntityResolution",
    "LookupTable",
    "Reconciliation",
    "RecordSource",
    "Side",
    "Survivor",
    "comparison_plugins",
    "entities_table",
    "inputs_of",
    "outputs_named",
    "outputs_of",
    "survivor_column",
]


class LookupTable(Declaration):
    """Reconciliation of the spellings of one column with a lookup table.

    Attributes:
        method: the kind of reconciliation.
        table: the dataset, of which the trusted table is read.
        column: the column with the spellings.
        values: for each canonical spelling, the spellings that mean the same. Others stay unchanged.
    """

    name: Name
    method: Literal["lookup"] = "lookup"
    description: str = ""
    table: Name
    column: Name
    values: dict[str, tuple[str, ...]]

    @property
    def canonical(self) -> dict[str, str]:
        """The canonical spelling of each declared spelling, including the canonical ones."""
        found = {canonical: canonical for canonical in self.values}
        return found | {raw: canonical for canonical, spellings in self.values.items() for raw in spellings}

    @model_validator(mode="after")
    def _one_meaning(self) -> LookupTable:
        meaning = {canonical: canonical for canonical in self.values}
        for canonical, spellings in self.values.items():
            for raw in spellings:
                if meaning.setdefault(raw, canonical) != canonical:
                    raise ValueError(f"{raw!r} is declared to mean both {meaning[raw]!r} and {canonical!r}")
        return self


def _with_method(value: Any) -> Any:
    """The declaration with its method, which the keys tell where it is not written."""
    if not isinstance(value, dict) or "method" in value:
        return value
    return value | {"method": "lookup" if "values" in value else "entity_resolution"}


Reconciliation = Annotated[EntityResolution | LookupTable, Field(discriminator="method"), BeforeValidator(_with_method)]


def comparison_plugins(declaration: EntityResolution) -> dict[str, str]:
    """The version of the plug-in behind each declared comparison, for fingerprints; built-in ones are left out."""
    if declaration.compare == "auto":
        return {}
    versions = {one.how: COMPARISONS.plugin_version(one.how) for one in declaration.compare.values()}
    return {name: version for name, version in sorted(versions.items()) if version is not None}


def inputs_of(declaration: EntityResolution | LookupTable) -> tuple[str, ...]:
    """The qualified tables a reconciliation reads, each once."""
    if isinstance(declaration, LookupTable):
        return (f"trusted.{declaration.table}",)
    return tuple(dict.fromkeys(source.input for source in declaration.records.values()))


def outputs_of(declaration: EntityResolution | LookupTable) -> tuple[str, ...]:
    """The qualified tables a reconciliation writes; the commit of the last one ends its step."""
    named = outputs_named(declaration.name)
    return named[:1] if isinstance(declaration, LookupTable) else named


def entities_table(name: str) -> str:
    """The qualified table with the entity of each record."""
    return f"exploitation.{name}_entities"


def outputs_named(name: str) -> tuple[str, ...]:
    """The qualified tables that a reconciliation with a name may write."""
    prefix = f"exploitation.{name}"
    return (f"{prefix}_crosswalk", f"{prefix}_review", f"{prefix}_aliases", entities_table(name), prefix)
