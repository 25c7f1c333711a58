"""Columns whose values are not in the records of a payload, but in its name, its preamble or its request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vertebra.declare.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.declare.dataset import Dataset


@dataclass(frozen=True)
class ColumnOrigin:
    """A column whose values are not in the records.

    Attributes:
        column: its declared name, or the part of a date or time: ``date``.
        origin: where the value is.
    """

    column: str
    origin: Origin

    @property
    def name(self) -> str:
        """Its name in ``records.parquet``."""
        return self.origin.records_name(self.column)

    def to_receipt(self) -> dict[str, Any]:
        """As receipts have it under ``parse``."""
        return {"column": self.column, self.origin.kind: self.origin.text}

    @classmethod
    def from_receipt(cls, raw: Mapping[str, Any]) -> ColumnOrigin:
        """From a receipt."""
        return cls(raw["column"], Origin.model_validate({key: raw[key] for key in raw if key != "column"}))


@dataclass(frozen=True)
class Provenance:
    """Where a payload came from, as its receipt has it.

    Attributes:
        url: its address.
        period: the period that it covers.
        part: the values of the request's parameters: ``station=JFK,year=2013``.
    """

    url: str = ""
    period: str | None = None
    part: str | None = None


def declared_origins(dataset: Dataset) -> tuple[ColumnOrigin, ...]:
    """The columns of a dataset whose values are not in the records."""
    return tuple(
        ColumnOrigin(group, origin)
        for name, column in dataset.columns.items()
        for group, origin in column.origins(name).items()
    )


def recorded_origins(parse: Mapping[str, Any]) -> tuple[ColumnOrigin, ...]:
    """The same, of the declaration that a batch was parsed with."""
    return tuple(map(ColumnOrigin.from_receipt, parse.get("origins", ())))
