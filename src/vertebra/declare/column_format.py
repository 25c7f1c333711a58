"""How a column is read from the payload: its cells, its type, and how its text is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from vertebra.declare.column_type import INTEGERS, column_type
from vertebra.declare.declaration import Flag
from vertebra.declare.origin import Origin
from vertebra.declare.rule_sugar import SugarFields
from vertebra.declare.time_numbers import NUMBERS, check_number_format
from vertebra.declare.time_parts import (
    Part,
    PartOrigin,
    PartSource,
    check_parts,
    default_format,
    names_of,
    ordered,
)
from vertebra.declare.time_pattern import time_pattern

_UNIT_FORMS: Final = "unit_from: unit, unit_from: {energy_GJ: GJ, energie_kWh: kWh}, or unit_from: cell"


class ColumnFormat(SugarFields):
    """How a column is read from the payload and converted to its type.

    Attributes:
        type: ``tinyint smallint int bigint float double decimal(p,s) string boolean date timestamp``.
        source: the column's name in the payload, if it differs; several if it was renamed over time. In JSON also the
            path to a nested value: ``properties.n``, ``rooms[0].size``. The parts of a date or time may be in several
            cells: ``{date: Day, time: Clock}``, ``{year: Y, month: M, day: D, hour: H, minute: N, second: S}``.
        from: where the value comes from, if it is not in the records: ``{file: "meter-(?<device>\\d+)_*.txt"}``.
        unit: documents the unit; with ``unit_from`` that of the table.
        convert: changes the unit of a ``float`` or ``double``: ``{from: mph, to: km/h}``, any units that pint knows.
        unit_from: what says the unit of each value of a ``float`` or ``double``, which is converted to ``unit``: a
            column of the payload; the name of the column there, ``{energy_GJ: GJ, energie_kWh: kWh}``; or ``cell``, if
            the unit is written after the number. What has no unit, or one that cannot be converted, is rejected; with
            ``cell`` a number alone has the declared unit.
        format: how a date or timestamp is written, as a Spark pattern: ``dd/MM/yyyy HH:mm``. ISO 8601 unless declared.
            Of several cells, how they are written with a blank between date and time. Of numbers ``epoch seconds``,
            ``epoch milliseconds``, ``epoch microseconds``, or ``excel`` for the days that Excel counts.
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
    source: str | tuple[str, ...] | dict[Part, PartSource] | None = None
    origin: Origin | None = Field(default=None, alias="from")
    description: str = ""
    unit: str | None = None
    convert: dict[Literal["from", "to"], str] | None = None
    unit_from: str | tuple[str, ...] | dict[str, str] | None = None
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
    def _names_a_source(
        cls, value: str | tuple[str, ...] | dict[Part, PartSource] | None
    ) -> str | tuple[str, ...] | dict[Part, PartSource] | None:
        if isinstance(value, dict):
            return value
        names = (value,) if isinstance(value, str) else value
        if names is not None and (not names or "" in names):
            raise ValueError("a source is the name of a column in the payload")
        return value

    @field_validator("format")
    @classmethod
    def _known_pattern(cls, value: str | None) -> str | None:
        if value is not None and value not in NUMBERS:
            try:
                time_pattern(value)
            except ValueError as error:
                words = f"{value!r} is not a date and time pattern: {error}"
                more = f"; numbers are {', '.join(NUMBERS)}" if value.startswith(("epoch", "excel")) else ""
                raise ValueError(words + more) from error
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
        if self.time_format is None or self.time_format in NUMBERS:
            return False
        return time_pattern(self.time_format).fields["y"].count == 2

    @property
    def assumes_century(self) -> bool:
        """Whether years of two digits are taken for 2000 to 2099, because ``year_from`` is not declared."""
        return self.year_from is None and self._has_short_years

    @model_validator(mode="after")
    def _fits_the_type(self) -> Self:
        if self.origin is not None and self.source is not None:
            raise ValueError("a value has one source: remove source, or from")
        name = column_type(self.type).name
        if isinstance(self.source, dict):
            check_parts(self.source, name)
        if self.format in NUMBERS:
            check_number_format(self.format, name, self.zone)
        number = name in INTEGERS or name in ("float", "double", "decimal")
        for key, fits, what in (
            ("convert", name in ("float", "double"), "float or double"),
            ("unit_from", name in ("float", "double"), "float or double"),
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
        self._check_units()
        if self.thousands == self.decimal:
            other = "," if self.decimal == "." else "."
            raise ValueError(f"thousands and decimal are both {self.decimal!r}; declare decimal: '{other}' as well")
        return self

    def _check_units(self) -> None:
        if self.unit_from is None:
            return
        written = (self.unit_from,) if isinstance(self.unit_from, str) else tuple(self.unit_from)
        if not written or "" in (*written, *self.units_by_name.values()):
            raise ValueError(
                f"unit_from is a column of the payload, cell, or names with their units; write {_UNIT_FORMS}"
            )
        if self.unit is None:
            raise ValueError("unit_from needs the unit of the table, to which values are converted: unit: kWh")
        if self.convert is not None:
            raise ValueError(
                "unit_from says the unit of each value; remove convert, and write unit: for that of the table"
            )
        if isinstance(self.unit_from, dict):
            unknown = [one for one in names_of(cast("PartSource", self.source or ())) if one not in self.unit_from]
            if self.origin is not None or unknown:
                raise ValueError(
                    f"unit_from has no unit of {unknown[0] if unknown else 'a value that is not in the records'}"
                )

    @property
    def units_by_name(self) -> Mapping[str, str]:
        """The unit of each name that the column has in the payload, if the names say it."""
        return self.unit_from if isinstance(self.unit_from, dict) else {}

    @property
    def unit_cells(self) -> tuple[str, ...]:
        """The names of the column of the payload that has the unit of each row."""
        if self.unit_from is None or isinstance(self.unit_from, dict) or self.unit_from == "cell":
            return ()
        return names_of(self.unit_from)

    @property
    def time_format(self) -> str | None:
        """How a date or timestamp is written: as declared, or as its cells are joined; None for ISO 8601."""
        if self.format is not None or not isinstance(self.source, dict):
            return self.format
        return default_format(self.source)

    def cells(self, name: str) -> dict[str, tuple[str, ...]]:
        """The names that each cell of this column can have in the records of a payload, the preferred one first.

        Args:
            name: the column's declared name.

        Returns:
            By part of a date or time, in the order of the joined text; by ``""`` for a column of one cell, and
            ``unit`` for that of its unit.
        """
        unit = {"unit": self.unit_cells} if self.unit_cells else {}
        if self.origin is not None:
            return {"": (self.origin.records_name(name),)} | unit
        if not isinstance(self.source, dict):
            return {"": names_of(self.source or tuple(self.units_by_name) or name)} | unit
        return {
            part: (one.origin.records_name(part),) if isinstance(one, PartOrigin) else names_of(one)
            for part in ordered(self.source)
            for one in (self.source[part],)
        }

    def sources(self, name: str) -> tuple[str, ...]:
        """The names that this column, or its cells, can have in the records of a payload, the preferred one first.

        Args:
            name: the column's declared name.
        """
        return tuple(one for names in self.cells(name).values() for one in names)

    def origins(self, name: str) -> dict[str, Origin]:
        """Where the values are that are not in the records, by the name that tells their group in a pattern.

        Args:
            name: the column's declared name.
        """
        if self.origin is not None:
            return {name: self.origin}
        parts = self.source.items() if isinstance(self.source, dict) else ()
        return {part: one.origin for part, one in parts if isinstance(one, PartOrigin)}

    @property
    def is_received(self) -> bool:
        """Whether the column is one cell of the records, so that another cell of them can be meant by it."""
        return self.origin is None and not isinstance(self.source, dict) and self.unit_from in (None, "cell")

    def received(self, name: str) -> str:
        """Where the values come from, in words: ``received as Zeit``, ``taken from the file's name by …``.

        Args:
            name: the column's declared name.
        """
        origins, names = self.origins(name), self.sources(name)
        others = [one for one in names if not any(one == of.records_name(part) for part, of in origins.items())]
        taken = [f"taken from {one.described()}" for one in origins.values()]
        joined = (" and " if isinstance(self.source, dict) or self.unit_cells else ", ").join(others)
        return " and ".join([*([f"received as {joined}"] if others else []), *taken])


FORMATTING_FIELDS: Final = frozenset(ColumnFormat.model_fields) - {"description", "unit"}
"""The fields of a column that decide how it is formatted. The others document it, or are rules about it."""
