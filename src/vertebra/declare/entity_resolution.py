"""Entity resolution: declare which sources have records of the same entities, and how records are compared."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from vertebra.declare.block import AUTO, Blocks, block_parts
from vertebra.declare.comparison import COMPARISONS, Columns, Comparison, one_or_more
from vertebra.declare.declaration import Declaration, Flag, Name
from vertebra.declare.registered import Registered

Cardinality = Literal["one-to-one", "many-to-one", "clusters"]

_MATCH: Final = 0.5
_REVIEW: Final = 0.1
_CAREFUL_MATCH: Final = 0.9
_CAREFUL_REVIEW: Final = 0.5
_BOTH: Final = 2
_SURVIVAL: Final = ("trust", "most_frequent", "longest", "all")
_COLUMN: Final = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_LATEST: Final = re.compile(r"latest\(([a-z][a-z0-9_]*)\)")


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Side(Declaration):
    """One table of a reconciliation and the columns that identify its records.

    Attributes:
        table: a dataset, of which the trusted table is read.
        key: the columns that identify a record.
        where: SQL condition: the rows that take part.
    """

    table: Name
    key: Columns
    where: str | None = None


class RecordSource(Declaration):
    """One source of records.

    Attributes:
        table: a dataset; its trusted table is read.
        view: a view, or another entity resolution, whose golden records are read.
        values: ``dataset.column``: the different values of a column, such as the spellings in a list; it is the key.
        key: the columns that identify a record.
        unique: no two records of the source are one entity; true by default if there are several sources.
        where: a SparkSQL condition on its rows.
    """

    table: Name | None = None
    view: Name | None = None
    values: str | None = None
    key: Annotated[tuple[Name, ...], one_or_more] = ()
    unique: Flag | None = None
    where: str | None = None

    @model_validator(mode="after")
    def _one_input(self) -> RecordSource:
        if sum(one is not None for one in (self.table, self.view, self.values)) != 1:
            raise ValueError(
                "a source has either `table` (a dataset), `view` (a view or an entity resolution) or `values` "
                "(dataset.column)"
            )
        if self.values is not None and not _COLUMN.fullmatch(self.values):
            raise ValueError(f"values is {self.values!r}; write dataset.column")
        if (self.values is None) == (not self.key):
            raise ValueError(
                "a source needs `key`, the columns that identify a record" if self.values is None
                else "the key of `values` is the column itself; leave out `key`"
            )  # fmt: skip
        return self

    @property
    def dataset(self) -> str | None:
        """The dataset whose trusted table is read; None for a view."""
        return self.values.partition(".")[0] if self.values is not None else self.table

    @property
    def identified_by(self) -> tuple[str, ...]:
        """The columns that identify a record."""
        return (self.values.partition(".")[2],) if self.values is not None else self.key

    @property
    def input(self) -> str:
        """The qualified table that is read."""
        return f"trusted.{self.dataset}" if self.dataset is not None else f"exploitation.{self.view}"


class Decide(Declaration):
    """When a pair of records is a match.

    Attributes:
        match: a pair is a match from this probability.
        review: a person looks at pairs from this probability.
        cardinality: ``one-to-one``: a record has at most one partner in each other source; ``many-to-one``: several
            records of the first source may be one record of the second; ``clusters``: no limit. Decides for sources
            without ``unique``.
    """

    match: float = Field(default=_MATCH, gt=0, le=1)
    review: float = Field(default=_REVIEW, gt=0, le=1)
    cardinality: Cardinality | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Decide:
        if self.review > self.match:
            raise ValueError(f"review ({self.review}) is above match ({self.match})")
        return self


class Survivor(Declaration):
    """Where the value of a golden record's column comes from.

    Attributes:
        sources: ``source.column``, or ``source`` for the column of the same name; in order of trust.
        by: which value survives: that of the first source that has one (``trust``), that of most records
            (``most_frequent``), the longest text (``longest``), the one of the record with the latest value of a column
            (``latest(updated_at)``), or the list of ``all`` different values; ties go to the more trusted source.
    """

    sources: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(alias="from", min_length=1)
    by: str = "trust"

    @property
    def latest_by(self) -> str | None:
        """The column that says how late a record is, for ``latest(…)``."""
        found = _LATEST.fullmatch(self.by)
        return found[1] if found else None

    @field_validator("by")
    @classmethod
    def _known(cls, by: str) -> str:
        if by not in _SURVIVAL and not _LATEST.fullmatch(by):
            raise ValueError(f"by is {by!r}; it is one of {', '.join(_SURVIVAL)}, latest(column)")
        return by

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str | list | tuple) else value


class EntityResolution(Declaration):
    """Reconciliation of records that describe the same entities, with probability and evidence.

    Attributes:
        method: the kind of reconciliation.
        sources: two tables to link, one table in which duplicates are found, or more than two.
        left, right: the older form of two sources.
        compare: what is compared, by name, or ``auto``: comparisons that fit the columns.
        block: comparisons of which a candidate pair agrees in at least one, or in all of one list; ``auto`` chooses.
        decide: how pairs become matches.
        match: the least probability of a match, with ``left`` and ``right``.
        review: the least probability of a pair that people are asked about, with ``left`` and ``right``.
        never: SQL over two records ``l`` and ``r``: a pair that meets it is no match.
        max_pairs: the most candidate pairs; by default as many as fit into memory.
        golden: the columns of the golden record, and the sources of each in order of trust.
        golden_key: the column that identifies a golden record: no two have the same value.
    """

    name: Name
    method: Literal["entity_resolution"] = "entity_resolution"
    description: str = ""
    sources: dict[Name, RecordSource] | None = Field(default=None, min_length=1)
    left: Side | None = None
    right: Side | None = None
    compare: (
        Literal["auto"]
        | Annotated[dict[Name, Annotated[Comparison, Registered("as", COMPARISONS, Comparison)]], Field(min_length=1)]
    ) = "auto"
    block: Blocks = "auto"
    decide: Decide | None = None
    match: float | None = Field(default=None, gt=0, le=1)
    review: float | None = Field(default=None, gt=0, le=1)
    never: str | None = None
    max_pairs: int | None = Field(default=None, ge=1)
    golden: dict[Name, Survivor] = Field(default_factory=dict)
    golden_key: Name | None = None

    @model_validator(mode="after")
    def _consistent(self) -> EntityResolution:
        self._check_sources()
        self._check_names()
        if self.golden_key is not None and self.golden_key not in self.golden:
            raise ValueError(f"golden_key {self.golden_key} is not among golden: {', '.join(self.golden)}")
        named = "source" if self.sources is not None else "table"
        for column, survivor in self.golden.items():
            for source in survivor.sources:
                table, dot, name = source.partition(".")
                if table not in self.records or bool(dot) != bool(name):
                    raise ValueError(
                        f"golden {column} comes from {source!r}; write {named}.column, "
                        f"the {named} one of {', '.join(self.records)}"
                    )
        return self

    def _check_sources(self) -> None:
        sides = [one for one in (self.left, self.right) if one is not None]
        if self.sources is None and len(sides) < _BOTH:
            raise ValueError("declare `sources:`, such as {crm: {table: crm_customers, key: id}, shop: {…}}")
        if self.sources is not None and sides:
            raise ValueError("declare either `sources` or `left` and `right`, not both")
        if self.left and self.right and self.left.table == self.right.table:
            raise ValueError(
                f"left and right are both {self.left.table}; to find duplicates in one table, declare it alone: "
                f"sources: {{{self.left.table}: {{table: {self.left.table}, key: [{', '.join(self.left.key)}]}}}}"
            )
        if self.sources is not None and (self.match is not None or self.review is not None):
            raise ValueError("with `sources`, write the thresholds under `decide: {match: 0.9, review: 0.5}`")
        if self.review is not None and self.review > self.thresholds[0]:
            raise ValueError(f"review ({self.review}) is above match ({self.thresholds[0]})")
        if self.sources is not None and len(self.sources) == 1:
            [(name, only)] = self.sources.items()
            if only.unique or (self.decide and self.decide.cardinality not in (None, "clusters")):
                raise ValueError(f"{name} is the only source and no two of its records match: nothing can be found")
        many = self.sources is not None and self.decide and self.decide.cardinality == "many-to-one"
        if many and len(self.records) != _BOTH:
            raise ValueError("cardinality many-to-one needs two sources, the first of them the many")

    def _check_names(self) -> None:
        if self.compare == "auto":
            if self.block != AUTO and any(block != AUTO for block in self.block):
                raise ValueError("block names comparisons; declare them under `compare:` (vertebra match suggest)")
            return
        for name, comparison in self.compare.items():
            if self.sources is None and (comparison.left is None or comparison.right is None):
                raise ValueError(f"{name} needs `left` and `right`, the columns of the two tables that it compares")
            if self.sources is not None and (comparison.left or comparison.right):
                raise ValueError(f"{name}: with `sources`, write from: {{source: column, …}} instead of left and right")
            for source in comparison.columns if isinstance(comparison.columns, dict) else ():
                if source not in self.records:
                    raise ValueError(f"{name} is compared in {source}, which is not among {', '.join(self.records)}")
        for block in () if self.block == AUTO else self.block:
            for part in () if block == AUTO else block_parts(block):
                if part.comparison not in self.compare:
                    raise ValueError(
                        f"block names {part.comparison}, which is not among compare: {', '.join(self.compare)}"
                    )

    @property
    def records(self) -> dict[str, RecordSource]:
        """The sources by name; in the older form, the two tables by their names."""
        if self.sources is not None:
            return self.sources
        return {
            side.table: RecordSource(table=side.table, key=side.key, where=side.where, unique=True)
            for side in (self.left, self.right)
            if side is not None
        }

    @property
    def thresholds(self) -> tuple[float, float]:
        """The probabilities from which a pair is a match, and from which a person reviews it."""
        if self.sources is not None:
            decide = self.decide or Decide()
            return decide.match, decide.review
        match = _CAREFUL_MATCH if self.match is None else self.match
        return match, min(match, _CAREFUL_REVIEW) if self.review is None else self.review

    @property
    def unique(self) -> dict[str, bool]:
        """For each source, whether no two of its records are one entity."""
        cardinality = (self.decide.cardinality if self.decide else None) or (
            "clusters" if len(self.records) == 1 else "one-to-one"
        )
        first = next(iter(self.records))
        return {
            name: source.unique
            if source.unique is not None
            else cardinality == "one-to-one" or (cardinality == "many-to-one" and name != first)
            for name, source in self.records.items()
        }

    @property
    def key_columns(self) -> dict[str, str]:
        """The column of each source that the golden key comes from."""
        if self.golden_key is None:
            return {}
        return dict(survivor_column(place, self.golden_key) for place in reversed(self.golden[self.golden_key].sources))

    def compared_columns(self, name: str, source: str) -> tuple[str, ...]:
        """The columns of a source that a comparison reads; that of the golden key reads what it comes from."""
        assert self.compare != "auto"
        if name not in self.compare:
            return (self.key_columns[source],)
        comparison = self.compare[name]
        if self.sources is not None:
            return comparison.columns_in(source, name)
        side = comparison.left if self.left and source == self.left.table else comparison.right
        return side or (name,)


def survivor_column(source: str, column: str) -> tuple[str, str]:
    """The source and the column that ``source.column`` or ``source`` in ``golden:`` names."""
    table, dot, name = source.partition(".")
    return table, name if dot else column
