"""The scope in which a rule sugar is compiled: the rule's name, and the columns of its dataset and of the others."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from vertebra.denial import DenialConstraint, parse
from vertebra.errors import DeclarationError, RuleError
from vertebra.formatting import shortened
from vertebra.quoting import spark_identifier
from vertebra.suggestions import did_you_mean

_RESERVED: Final = {"and", "or", "not", "in", "is", "null", "between", "like", "rlike", "case", "when", "then", "end"}
_PLAIN_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class RuleScope:
    """The scope of one rule while it is compiled.

    Attributes:
        rule: the name of the rule.
        dataset: the name of the dataset that declares it.
        columns: the dataset's columns and their types.
        relations: the columns of every dataset of the project; None where the other datasets are not known.
        zones: the time zones of columns that declare one.
    """

    rule: str
    dataset: str
    columns: Mapping[str, str]
    relations: Mapping[str, Mapping[str, str]] | None = None
    zones: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The rule in messages: ``rule distance_range of flights``."""
        return f"rule {self.rule} of {self.dataset}"

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Put the rule and its dataset in front of every :class:`RuleError` raised inside."""
        try:
            yield
        except RuleError as error:
            raise RuleError(
                f"{self.label}: {error.fact}", cause=error.cause, remedy=error.remedy, where=error.where
            ) from None

    def parse(self, text: str) -> DenialConstraint:
        """A denial constraint over the dataset.

        Raises:
            RuleError: the text is not one.
        """
        with self.named_in_errors():
            return parse(text, self.dataset, self.columns)

    def check_columns(self, columns: Iterable[str]) -> None:
        """Refuse columns that the dataset does not have.

        Raises:
            RuleError: a column is unknown; the remedy is the nearest known one.
        """
        for column in columns:
            if column not in self.columns:
                raise RuleError(
                    f"rule {self.rule}: {self.dataset} has no column {column}",
                    cause=f"its columns are {shortened(self.columns)}",
                    remedy=did_you_mean(column, self.columns, f"write one of them, or declare {column}"),
                )

    def check_referenced(self, table: str, columns: Iterable[str]) -> None:
        """Refuse a reference to a dataset or column that does not exist, where the datasets are known.

        Raises:
            DeclarationError: the dataset or column does not exist.
        """
        if self.relations is None:
            return
        for kind, names, known in (
            ("dataset", (table,), self.relations),
            (f"column of {table}", columns, self.relations.get(table, {})),
        ):
            for name in names:
                if name not in known:
                    raise DeclarationError(
                        f"{self.label} references {name}, which is not a {kind}",
                        cause=f"there are {', '.join(known)}",
                        remedy=did_you_mean(name, known, "vertebra ls datasets"),
                    )

    def constraint_name(self, column: str, columns: Collection[str]) -> str:
        """The name of the constraint about one of a rule's columns: the rule's own name if it has only one column."""
        return self.rule if len(columns) == 1 else f"{self.rule}_{column}"

    def literal(self, column: str, value: Any) -> str:
        """A value from YAML as a Spark SQL literal of a column's type."""
        kind = self.columns[column].strip().lower()
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime) or (isinstance(value, date | str) and kind.startswith("timestamp")):
            return f"timestamp {string_literal(str(value))}"
        if isinstance(value, date) or (isinstance(value, str) and kind == "date"):
            return f"date {string_literal(str(value))}"
        return string_literal(value) if isinstance(value, str) else repr(value)


def column_names(written: str | tuple[str, ...]) -> tuple[str, ...]:
    """``a, b`` or ``[a, b]`` as the names of columns."""
    if isinstance(written, tuple):
        return written
    return tuple(part.strip() for part in written.strip().removeprefix("[").removesuffix("]").split(","))


def column_of(variable: str, column: str) -> str:
    """A column of a tuple variable, quoted unless it is a plain name: ``t.origin``, ``t.`Flight No```."""
    if _PLAIN_NAME.fullmatch(column) and column not in _RESERVED:
        return f"{variable}.{column}"
    return f"{variable}.{spark_identifier(column)}"


def equal_in(columns: Iterable[str]) -> str:
    """The predicates by which two tuples are equal in columns: ``t.a = s.a and t.b = s.b``."""
    return " and ".join(f"{column_of('t', column)} = {column_of('s', column)}" for column in columns)


def string_literal(text: str) -> str:
    """A text as a Spark SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
