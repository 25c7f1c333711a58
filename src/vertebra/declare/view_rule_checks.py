"""Checks of the rules of a view, which are declared in a file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vertebra.declare.column_format import ColumnFormat
from vertebra.declare.dataset_integrity import rule_errors
from vertebra.declare.declarations import Declarations
from vertebra.declare.document import Document
from vertebra.declare.view_rules import ViewRules, checked_as
from vertebra.errors import DeclarationError
from vertebra.formatting import shortened

_OF_TABLES: Final = frozenset({"type", "description", "unit"})


def view_rule_errors(declared: ViewRules, document: Document) -> Iterator[DeclarationError]:
    """The errors of the rules of a view that is valid by itself."""
    dataset = checked_as(declared)
    unknown = [(number, column) for number, column in enumerate(dataset.key) if column not in dataset.columns]
    for number, column in unknown:
        yield DeclarationError(
            f"view {dataset.name}: the key names {column}, which is no declared column",
            cause=f"the declared columns are {shortened(dataset.columns)}",
            remedy=f"declare {column} under columns, with its type",
            where=document.where(("key", number)),
        )
    for name, reaction, section in _reactions(declared):
        if reaction not in ("report", "fail"):
            yield DeclarationError(
                f"view {dataset.name}: {name} is declared with on_violation: {reaction}",
                cause="a view is computed, so there is no cell to repair and no row to put away",
                remedy="write on_violation: fail, which keeps the version before, or report; repair the dataset that "
                "the rows come from",
                where=document.where((section, name, "on_violation")),
            )
    for name, declared_column in dataset.columns.items():
        written = sorted((set(ColumnFormat.model_fields) - _OF_TABLES) & declared_column.model_fields_set)
        if written:
            yield DeclarationError(
                f"view {dataset.name}: column {name} has {' and '.join(written)}",
                cause="that is how a column is read from a file, and this one is computed",
                remedy=f"remove {' and '.join(written)}; the view computes it",
                where=document.where(("columns", name, written[0])),
            )
    if not unknown:
        yield from rule_errors(dataset, document, Declarations(datasets={dataset.name: dataset}))


def _reactions(declared: ViewRules) -> Iterator[tuple[str, str, str]]:
    yield from ((name, column.on_violation, "columns") for name, column in declared.columns.items())
    yield from ((name, rule.on_violation, "rules") for name, rule in declared.rules.items())
