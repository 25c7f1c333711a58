"""How Vertebra sends the corpus's SQL to the embedded engine."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from sqlglot.errors import SqlglotError

from conformance.answers import type_name
from conformance.corpus import Entry
from vertebra.spark_sql.dialect import function_name, parse_expression
from vertebra.spark_sql.inference import Types
from vertebra.spark_sql.scope import Scope
from vertebra.spark_sql.signatures import Signature, called, clauses, signature
from vertebra.spark_sql.translate import translate_expression, translate_query
from vertebra.spark_sql.types import Columns, parse_type


class RefusedError(Exception):
    """Vertebra refuses the SQL.

    Attributes:
        recorded: because the engines are recorded to differ, not by a rule.
        remedy: what to write instead.
    """

    def __init__(self, reason: str, *, recorded: bool = False, remedy: str = "") -> None:
        super().__init__(reason)
        self.recorded, self.remedy = recorded, remedy


_known: dict[str, Columns] = {}


def translate(entry: Entry, tables: dict[str, pa.Table], *, verified: bool = True) -> str:
    """The SQL that is sent for an entry.

    Args:
        verified: refuse what is recorded to differ; False to record it.

    Raises:
        RefusedError: nothing is sent.
    """
    if not _known:
        _known.update({name: _columns(table) for name, table in tables.items()})
    try:
        if entry.table:
            made = translate_expression(entry.text, _known[entry.table], verified=verified)
        else:
            made = translate_query(entry.text, _known, verified=verified)
    except SqlglotError as error:
        raise RefusedError(f"the SQL does not parse: {error}") from None
    if made.problems:
        first = made.problems[0]
        recorded = any(one.recorded for one in made.problems)
        raise RefusedError(first.fact, recorded=recorded, remedy=first.remedy)
    return made.text


def calls(entry: Entry, tables: Mapping[str, pa.Table]) -> list[Signature]:
    """The signatures of all calls in an expression."""
    try:
        types, tree = Types({}), parse_expression(entry.text)
    except SqlglotError:
        return []
    types.expression(tree, Scope(sources={"": dict(_columns(tables[entry.table]))}))
    return [
        signature(node, types.of)
        for node in tree.walk()
        if not isinstance(node.parent, clauses()) and function_name(called(node))
    ]


def _columns(table: pa.Table) -> Columns:
    return {field.name: parse_type(type_name(field.type)) for field in table.schema}
