"""Reconciliations: declare how to find records of two tables, or spellings of a column, that mean the same thing."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import BeforeValidator, Field, model_validator

from vertebra.declare.declaration import Declaration, Flag, Name
from vertebra.declare.registered import Registered
from vertebra.registry import Registry


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_one_or_more = BeforeValidator(_listed, json_schema_input_type=Name | tuple[Name, ...])
Columns = Annotated[tuple[Name, ...], _one_or_more, Field(min_length=1)]
"""One column name or several; a single name may be written without brackets."""


class Side(Declaration):
    """One table of a reconciliation and the columns that identify its records.

    ``table`` is a dataset (its trusted table is read); ``where`` is a SparkSQL condition on its rows.
    """

    table: Name
    key: Columns
    where: str | None = None


class Comparison(Declaration):
    """One comparison of two records: which columns are compared, and how. Each kind of comparison adds its options.

    Attributes:
        left: columns of the left table.
        right: columns of the right table.
        how: the kind of comparison, e.g. ``exact``, ``name`` or ``distance``.
        must_agree: a pair below the last level of the comparison is never matched automatically, however probable
            the match is.
    """

    left: Columns
    right: Columns
    how: str = Field(alias="as")
    must_agree: Flag = False


class DeclaredComparison(Protocol):
    """The part of a comparison that declarations need; the whole is in :mod:`vertebra.exploitation.comparison_port`."""

    @property
    def name(self) -> str:
        """The name in ``as:``."""
        ...

    @property
    def declaration(self) -> type[Comparison]:
        """The model of a comparison, with its options."""
        ...


COMPARISONS: Final[Registry[DeclaredComparison]] = Registry(
    "comparison",
    "vertebra.exploitation.comparisons",
    "COMPARISON",
    "vertebra.exploitation.comparison_port:ComparisonMethod",
    group="vertebra.comparisons",
)
"""The kinds of comparisons by name: ``distance``, ``exact``, ``name`` and those of plug-ins."""


class Survivor(Declaration):
    """Where the value of a golden record's column comes from: ``table.column``, in order of trust."""

    sources: tuple[str, ...] = Field(alias="from", min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"from": [value]}
        return {"from": value} if isinstance(value, list | tuple) else value


class EntityResolution(Declaration):
    """Probabilistic reconciliation of two tables by entity resolution (Fellegi-Sunter, by Splink).

    ``block`` names comparisons; a candidate pair agrees in at least one of them. A pair with a probability of at least
    ``match`` is a match, one of at least ``review`` is listed for review by a person. ``golden`` are the columns of the
    golden record; ``golden_key`` identifies it: no two golden records have the same value there.
    """

    name: Name
    method: Literal["entity_resolution"]
    description: str = ""
    left: Side
    right: Side
    compare: dict[Name, Annotated[Comparison, Registered("as", COMPARISONS, Comparison)]] = Field(min_length=1)
    block: tuple[Name, ...] = Field(min_length=1)
    match: float = Field(default=0.9, gt=0, le=1)
    review: float = Field(default=0.5, gt=0, le=1)
    golden: dict[Name, Survivor] = Field(min_length=1)
    golden_key: Name

    @model_validator(mode="after")
    def _consistent(self) -> EntityResolution:
        if self.left.table == self.right.table:
            raise ValueError(f"left and right are both {self.left.table}; entity resolution links two tables")
        for blocked in self.block:
            if blocked not in self.compare:
                raise ValueError(f"block names {blocked}, which is not among compare: {', '.join(self.compare)}")
        if self.review > self.match:
            raise ValueError(f"review ({self.review}) is above match ({self.match})")
        if self.golden_key not in self.golden:
            raise ValueError(f"golden_key {self.golden_key} is not among golden: {', '.join(self.golden)}")
        tables = (self.left.table, self.right.table)
        for column, survivor in self.golden.items():
            for source in survivor.sources:
                table, dot, name = source.partition(".")
                if table not in tables or not (dot and name):
                    raise ValueError(
                        f"golden {column} comes from {source!r}; write table.column, "
                        f"the table one of {', '.join(tables)}"
                    )
        return self


class LookupTable(Declaration):
    """Reconciliation of the spellings of one column with a lookup table.

    ``values`` lists, for each canonical spelling, the spellings that mean the same. Spellings that are not declared
    stay unchanged.
    """

    name: Name
    method: Literal["lookup"]
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


Reconciliation = Annotated[EntityResolution | LookupTable, Field(discriminator="method")]


def comparison_plugins(declaration: EntityResolution) -> dict[str, str]:
    """The version of the plug-in behind each declared comparison, for fingerprints; built-in ones are left out."""
    versions = {one.how: COMPARISONS.plugin_version(one.how) for one in declaration.compare.values()}
    return {name: version for name, version in sorted(versions.items()) if version is not None}


def inputs_of(declaration: EntityResolution | LookupTable) -> tuple[str, ...]:
    """The qualified tables a reconciliation reads."""
    if isinstance(declaration, LookupTable):
        return (f"trusted.{declaration.table}",)
    return (f"trusted.{declaration.left.table}", f"trusted.{declaration.right.table}")


def outputs_of(declaration: EntityResolution | LookupTable) -> tuple[str, ...]:
    """The qualified tables a reconciliation writes; the commit of the last one ends its step."""
    named = outputs_named(declaration.name)
    return named[:1] if isinstance(declaration, LookupTable) else named


def outputs_named(name: str) -> tuple[str, ...]:
    """The qualified tables that a reconciliation with a name may write."""
    prefix = f"exploitation.{name}"
    return (f"{prefix}_crosswalk", f"{prefix}_review", prefix)
