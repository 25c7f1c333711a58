"""A dataset: everything from its source to its trusted table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from vertebra.declare.collect import Collect, parse_defaults
from vertebra.declare.column_type import INTEGERS, column_type
from vertebra.declare.declaration import Declaration as Declaration
from vertebra.declare.declaration import Flag as Flag
from vertebra.declare.declaration import Name as Name
from vertebra.declare.deletions import Deletions
from vertebra.declare.drift import Drift as Drift
from vertebra.declare.origin import Origin
from vertebra.declare.parse import Parse
from vertebra.declare.quantity import Percentage
from vertebra.declare.rule_sugar import SugarFields, with_column_sugar, with_rule_sugar
from vertebra.declare.source_location import display_path
from vertebra.declare.table_repair import TableRepair
from vertebra.declare.table_rule import with_column_table_rules, with_table_rules
from vertebra.declare.time_pattern import time_pattern
from vertebra.declare.update_rate import UpdateRate

OnViolation = Literal["report", "repair", "quarantine", "fail"]


class ColumnFormat(SugarFields):
    """How a column is read from the payload and converted to its type.

    Attributes:
        type: ``tinyint smallint int bigint float double decimal(p,s) string boolean date timestamp``.
        source: the column's name in the payload, if it differs; several if it was renamed over time. In JSON also the
            path to a nested value: ``properties.n``, ``rooms[0].size``.
        from: where the value comes from, if it is not in the records: ``{file: "meter-(?<device>\\d+)_*.txt"}``.
        unit: documents the unit.
        convert: changes the unit of a ``float`` or ``double``: ``{from: mph, to: km/h}``, any units that pint knows.
        format: how a date or timestamp is written, as a Spark pattern: ``dd/MM/yyyy HH:mm``. ISO 8601 unless declared.
        year_from: the first of the hundred years that a year of two digits means, where ``format`` has ``yy``; 2000
            unless declared.
        zone: the time zone of timestamps written without an offset: ``America/New_York``. UTC unless declared.
        repeated: which instant a local time means that occurs twice, when clocks are turned back: ``first`` or
            ``second``, or ``order`` (the default): as the records of the file follow each other, where the column is
            part of the key. What stays ambiguous is rejected; ``reject`` rejects all of them.
        null: texts that mean NULL in this column, besides those of ``parse: null``.
        trim: whether a string loses the blanks around its text; as ``parse: trim`` says unless declared. Columns of
            other types are always parsed without them.
        decimal: the decimal separator of numbers, ``.`` or ``,``.
        thousands: the separator of groups of three digits: a comma, a point, an apostrophe (``'`` or ``’``), or a space
            (also a no-break or thin one, which ``" "`` includes); none unless declared.
        round: whether numbers and times that are finer than the type are rounded to the nearest value, and a date loses
            its time of day; they are rejected unless declared.
        true_values, false_values: how a boolean is written; ``true t yes y 1``, ``false f no n 0`` unless declared.
    """

    type: str = "string"
    source: str | tuple[str, ...] | None = None
    origin: Origin | None = Field(default=None, alias="from")
    description: str = ""
    unit: str | None = None
    convert: dict[Literal["from", "to"], str] | None = None
    format: str | None = None
    year_from: int | None = Field(default=None, ge=1, le=9900)
    zone: str | None = None
    repeated: Literal["order", "first", "second", "reject"] | None = None
    null: tuple[str, ...] = ()
    trim: Flag | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", "\u2019", "\u00a0", "\u202f", "\u2009"] | None = None
    round: Flag = False
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @field_validator("type")
    @classmethod
    def _canonical_type(cls, value: str) -> str:
        return str(column_type(value))

    @field_validator("source")
    @classmethod
    def _names_a_source(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        names = (value,) if isinstance(value, str) else value
        if names is not None and (not names or "" in names):
            raise ValueError("a source is the name of a column in the payload")
        return value

    @field_validator("format")
    @classmethod
    def _known_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                time_pattern(value)
            except ValueError as error:
                raise ValueError(f"{value!r} is not a date and time pattern: {error}") from error
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"{value!r} is not a time zone; use a name such as Europe/Madrid") from None
        return value

    @property
    def _has_short_years(self) -> bool:
        return self.format is not None and time_pattern(self.format).fields["y"].count == 2

    @property
    def assumes_century(self) -> bool:
        """Whether years of two digits are taken for 2000 to 2099, because ``year_from`` is not declared."""
        return self.year_from is None and self._has_short_years

    @model_validator(mode="after")
    def _fits_the_type(self) -> Self:
        if self.origin is not None and self.source is not None:
            raise ValueError("a value has one source: remove source, or from")
        name = column_type(self.type).name
        number = name in INTEGERS or name in ("float", "double", "decimal")
        for key, fits, what in (
            ("convert", name in ("float", "double"), "float or double"),
            ("format", name in ("date", "timestamp"), "date or timestamp"),
            ("zone", name == "timestamp", "timestamp"),
            ("repeated", name == "timestamp" and self.zone is not None, "timestamp with a zone"),
            ("thousands", number, "number"),
            ("round", number or name in ("date", "timestamp"), "number, date or timestamp"),
            ("true_values", name == "boolean", "boolean"),
            ("false_values", name == "boolean", "boolean"),
        ):
            if getattr(self, key) and not fits:
                raise ValueError(f"{key} is for a {what}, and the type is {self.type}")
        if self.trim is not None and name != "string":
            raise ValueError(f"trim is for a string, and the type is {self.type}: it is always parsed without blanks")
        if self.year_from is not None and not self._has_short_years:
            raise ValueError("year_from is for a format with a year of two digits, such as dd.MM.yy")
        if self.decimal == "," and not number:
            raise ValueError(f"decimal is for a number, and the type is {self.type}")
        if self.convert is not None and set(self.convert) != {"from", "to"}:
            raise ValueError("convert needs both from and to: {from: mph, to: km/h}")
        if self.thousands == self.decimal:
            other = "," if self.decimal == "." else "."
            raise ValueError(f"thousands and decimal are both {self.decimal!r}; declare decimal: '{other}' as well")
        return self

    def sources(self, name: str) -> tuple[str, ...]:
        """The names that this column can have in a payload, the preferred one first.

        Args:
            name: the column's declared name.
        """
        if self.origin is not None:
            return (self.origin.records_name(name),)
        if self.source is None:
            return (name,)
        return (self.source,) if isinstance(self.source, str) else self.source

    def received(self, name: str) -> str:
        """Where the values come from, in words: ``received as Zeit``, ``taken from the file's name by …``.

        Args:
            name: the column's declared name.
        """
        return (
            f"taken from {self.origin.described()}" if self.origin else f"received as {', '.join(self.sources(name))}"
        )


FORMATTING_FIELDS: Final = frozenset(ColumnFormat.model_fields) - {"description", "unit"}
"""The fields of a column that decide how it is formatted. The others document it, or are rules about it."""


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
            if column.origin is None:
                continue
            column.origin.group(name)
            passes = getattr(self.parse, "skip", 0) or getattr(self.parse, "comment", None)
            if column.origin.kind == "preamble" and not passes:
                raise ValueError(
                    f"{name} has its value from lines before the records, and no lines are passed over; write parse: "
                    "{skip: N}, the number of lines before the header, or comment: '#'"
                )
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
