"""A dataset: everything from its source to its trusted table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field, model_validator

from vertebra.declare.collect import Collect, parse_defaults
from vertebra.declare.column_format import ColumnFormat as ColumnFormat
from vertebra.declare.declaration import Declaration as Declaration
from vertebra.declare.declaration import Flag as Flag
from vertebra.declare.declaration import Name as Name
from vertebra.declare.deletions import Deletions
from vertebra.declare.drift import Drift as Drift
from vertebra.declare.parse import Parse, TextOptions
from vertebra.declare.quantity import Percentage
from vertebra.declare.rule_sugar import SugarFields, with_column_sugar, with_rule_sugar
from vertebra.declare.source_location import display_path
from vertebra.declare.table_repair import TableRepair
from vertebra.declare.table_rule import with_column_table_rules, with_table_rules
from vertebra.declare.update_rate import UpdateRate

OnViolation = Literal["report", "repair", "quarantine", "fail"]


class RuleFields(SugarFields):
    """The sugar of a rule."""


if TYPE_CHECKING:  # the fields of the sugars come from their registry
    _ColumnWithSugar = ColumnFormat
    _RuleWithSugar = RuleFields
else:
    _ColumnWithSugar = with_column_table_rules(with_column_sugar(ColumnFormat))
    _RuleWithSugar = with_table_rules(with_rule_sugar(RuleFields))


class Column(_ColumnWithSugar):
    """One column of the canonical table: how it is read, and the rules about it."""

    on_violation: OnViolation = "report"


class Rule(_RuleWithSugar):
    """One data quality rule: exactly one of ``deny``, its short forms, and the rules about the whole table.

    Attributes:
        on_violation: what cleaning does: ``report``, ``repair`` the cells, ``quarantine`` the rows, or ``fail``. For a
            rule about the whole table ``report`` or ``fail``.
        repair_method: how ``on_violation: repair`` finds new values: ``consistent``, ``majority``, ``longest_chain`` or
            ``set``, or a method of a plug-in. ``set`` where ``set`` is given, ``longest_chain`` for a rule about the
            order of two tuples, ``consistent`` otherwise.
        confidence: repairs with a lower confidence, 0 to 1, are not made, and the violation is reported.
        fill: for a repair of a dependency: empty cells of the dependent get the value of their group.
        set: the new value of each column, SQL over the violating row or null, for the method ``set``. In a rule about
            two tuples a column has its tuple variable: ``{s.counter: null}``.
        role: in a rule about two tuples, the tuple variable of the one that is wrong: ``quarantine`` removes only the
            rows in this role, and ``set`` changes only them. Without it, ``quarantine`` removes both tuples, except of
            keys, dependencies and orders.
    """

    description: str = ""
    on_violation: OnViolation = "report"
    repair_method: str | None = None
    confidence: float = Field(default=0.5, ge=0, le=1)
    fill: bool = False
    set: dict[str, str | None] | None = None
    role: str | None = None


FILE_VERSIONS: Final = ("file.period", "file.time", "file.name")
"""What ``version:`` may name besides a column: a property of the file that a record came in."""


class Dataset(Declaration):
    """One file in ``datasets/``; ``name`` is the file's name.

    Attributes:
        source: the name of the source, for people and for ``--select source:<name>``.
        collect: where the data come from, and when they are collected.
        parse: how a payload becomes records; some kinds of sources decide it.
        load: how batches make the table: their records one after the other (``append``), those of the latest batch
            (``snapshot``), or the latest record of each key (``upsert``).
        drift: what is done with columns that are missing in a batch, or that are not declared.
        columns: the columns of the table, by name; a text is a column's type.
        key: the columns that identify a row. It is a rule, too: its values are unique and not NULL.
        rules: the data quality rules, by name.
        version: for ``load: upsert``, what says which of two records with one key is the newer one: a column, or
            ``file.period``, ``file.time`` (of its last change) or ``file.name`` of the file that it came in. By default
            the record that was collected later.
        deleted: for ``load: upsert``, what becomes of rows that were deleted at the source: ``keep`` them, remove them
            ``by snapshot`` (each batch is a whole one, and removes the keys that it lacks), or by a column that marks
            them: ``{column: NAME, values: [D]}``.
        shrink: for snapshots: how much smaller than the one in force a new one may be, e.g. ``50 %``. One that lacks
            more rows is refused, and the one in force stays; ``vertebra collect DATASET --accept-shrink`` lets it land.
        repair: methods that repair the whole table, besides the repairs of rules: ``auto``, or ``{methods: […],
            precision: 0.9}``. What is less sure is proposed, see ``vertebra repairs list --proposed``.
        updates: how often the described things change, e.g. ``@monthly`` or ``10 min``; needed to measure timeliness.
    """

    name: Name
    source: Name
    description: str = ""
    updates: UpdateRate | None = None
    collect: Collect
    parse: Parse
    load: Literal["append", "snapshot", "upsert"] = "append"
    version: str | None = None
    deleted: Deletions = Deletions()
    shrink: Percentage | None = None
    drift: Drift = Drift()
    columns: dict[Name, Column]
    key: tuple[str, ...] = ()
    rules: dict[Name, Rule] = Field(default_factory=dict)
    repair: Literal["auto"] | TableRepair | None = None
    tags: tuple[str, ...] = ()

    @property
    def declared_in(self) -> str:
        """The file that declares it, as a person would type it."""
        return display_path(self.declared_at.file) if self.declared_at else f"datasets/{self.name}.yaml"

    def trims(self, column: Column) -> bool:
        """Whether the cells of a column are read without surrounding blanks."""
        return column.type != "string" or (self.parse.trim if column.trim is None else column.trim)

    def blank_is_null(self, column: Column) -> bool:
        """Whether a cell of nothing but blanks is NULL: strings that are not trimmed keep it."""
        return self.parse.blank_is_null and self.trims(column)

    @model_validator(mode="before")
    @classmethod
    def _parsed_as_the_source_gives(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("parse", {}), dict):
            return value
        written = value.get("parse", {})
        defaults = parse_defaults(value.get("collect")) or {}
        if written.get("format", defaults.get("format")) != defaults.get("format"):
            return value  # the options belong to another format
        return value | {"parse": {**defaults, **written}} if defaults else value

    @model_validator(mode="after")
    def _origins_exist(self) -> Dataset:
        for name, column in self.columns.items():
            for group, origin in column.origins(name).items():
                origin.group(group)
            if any(one.kind == "preamble" for one in column.origins(name).values()):
                self._check_preamble(name)
        return self

    def _check_preamble(self, column: str) -> None:
        if not isinstance(self.parse, TextOptions) or self.parse.format in ("json", "jsonl"):
            raise ValueError(
                f"{column} has its value from lines before the records, which {self.parse.format} does not have; take "
                "it from the file's name: from: {file: PATTERN}"
            )
        if not getattr(self.parse, "skip", 0) and not getattr(self.parse, "comment", None):
            raise ValueError(
                f"{column} has its value from lines before the records, and no lines are passed over; write parse: "
                "{skip: N}, the number of lines before the header, or comment: '#'"
            )

    @model_validator(mode="after")
    def _keys_have_no_units(self) -> Dataset:
        found = next((name for name in self.key if name in self.columns and self.columns[name].unit_from), None)
        if found is not None:
            raise ValueError(f"{found} is in the key and has unit_from: converted numbers are no key")
        return self

    @model_validator(mode="after")
    def _fits_the_source(self) -> Dataset:
        formats = self.collect.allowed_formats()
        if formats is not None and self.parse.format not in formats:
            raise ValueError(
                f"{self.collect.kind} gives {' or '.join(formats)}, not {self.parse.format}; "
                f"write parse: {{format: {formats[0]}}}"
            )
        doubled = self.collect.doubled_by_append()
        if doubled is not None and self.load == "append":
            raise ValueError(
                f"collect.{doubled} returns changed records again, and load: append would keep both versions; "
                "write load: upsert, with a key, or load: snapshot"
            )
        refusal = self.collect.refusal(self)
        if refusal is not None:
            raise ValueError(refusal)
        return self
