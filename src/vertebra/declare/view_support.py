"""Finds parts of the SQL of views for which the embedded engine cannot give the results of Apache Spark.

The types of a view's columns follow from those of its inputs, view by view. Parts that depend on types known only in
the run, such as those of a Python view's columns, are checked again by the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vertebra.declare.dataset import Dataset
from vertebra.declare.document import display_path
from vertebra.declare.sql_text import problem_error
from vertebra.declare.view_file import ReadView
from vertebra.errors import DeclarationError
from vertebra.spark_sql.translate import Translation, translate_query
from vertebra.spark_sql.types import BIGINT, Columns, SqlType, parse_type


def unsupported(views: Mapping[str, ReadView], datasets: Mapping[str, Dataset]) -> Iterator[DeclarationError]:
    """The parts of SQL views that are refused on the embedded engine."""
    for name, translation in _translated(views, datasets).items():
        view = views[name].view
        yield from (
            problem_error(f"view {name}", one, view.sql or "", display_path(view.file)) for one in translation.problems
        )


def _translated(views: Mapping[str, ReadView], datasets: Mapping[str, Dataset]) -> dict[str, Translation]:
    """The translation of each SQL view, with the columns of the views that it reads."""
    known: dict[str, Columns] = {
        f"trusted.{name}": _columns(dataset) for name, dataset in datasets.items() if dataset.drift.extra != "evolve"
    }
    done: dict[str, Translation] = {}
    visited: set[str] = set()

    def visit(name: str) -> None:
        if name in visited:
            return
        visited.add(name)
        read = views[name]
        for table in read.view.inputs:
            inner = table.removeprefix("exploitation.")
            if table.startswith("exploitation.") and inner in views:
                visit(inner)
        if read.view.sql is None:
            return
        tables = {table: known.get(table, {}) for table in read.view.inputs}
        done[name] = translate_query(
            read.view.sql, tables, complete=all(_is_known(columns) for columns in tables.values())
        )
        known[f"exploitation.{name}"] = done[name].columns

    for name in views:
        visit(name)
    return done


def _columns(dataset: Dataset) -> dict[str, SqlType | None]:
    return {**{name: parse_type(str(column.type)) for name, column in dataset.columns.items()}, "_rid": BIGINT}


def _is_known(columns: Columns) -> bool:
    return bool(columns) and None not in columns.values()
