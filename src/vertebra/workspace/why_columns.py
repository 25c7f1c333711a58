"""The origin of columns: of views, golden records, training sets and predictions, down to those that were received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.declare.document import display_path
from vertebra.workspace.explanation import Link
from vertebra.workspace.why_lookup import (
    Lookup,
    analysis_of,
    changed_since,
    golden_of,
    inputs_of_version,
    listed_inputs,
    lookup_of,
    real_name,
    traced_column,
)
from vertebra.workspace.why_series import series_inputs, series_link
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vertebra.declare.analysis import Analysis
    from vertebra.exploitation.column_lineage import ColumnLineage, SourceColumn


def column_links(lookup: Lookup, name: str, column: str, depth: int, seen: set[tuple[str, str]]) -> Iterator[Link]:
    """A column, and the columns that it is computed from, down to those that were received."""
    if (name, column) in seen:
        return
    seen.add((name, column))
    zone, _, subject = name.partition(".")
    dataset = lookup.project.datasets.get(subject) if zone in DATASET_ZONES else None
    if dataset is not None:
        declared = dataset.columns.get(column)
        what = f"{declared.type}, {declared.received(column)}" if declared is not None else "not declared"
        yield Link("column", f"{name}.{column}: {what} ({dataset.declared_in})", depth=depth)
        return
    version = lookup.lake.table(name).data_version() if lookup.lake.table(name).exists() else None
    inputs = inputs_of_version(lookup, name, version) if version is not None else {}
    view = lookup.project.views.get(subject) if zone == "exploitation" else None
    golden = golden_of(lookup, name)
    analysis = analysis_of(lookup, subject) if zone == "analysis" else None
    if golden is not None and column in golden.golden:
        named = golden.golden[column].sources
        yield Link("column", f"{name}.{column} is the first of {', '.join(named)} that has a value", depth=depth)
        for source in named:
            table, _, inner = source.partition(".")
            yield from column_links(lookup, f"trusted.{table}", inner, depth + 1, seen)
        return
    if analysis is not None:
        yield from _feature_links(lookup, name, analysis, column, depth, seen)
        return
    spellings = lookup_of(lookup, name)
    if spellings is not None:
        how = "a spelling" if column == "raw" else f"the canonical spelling, by the lookup table {spellings.name},"
        yield Link("column", f"{name}.{column} is {how} of trusted.{spellings.table}.{spellings.column}", depth=depth)
        yield from column_links(lookup, f"trusted.{spellings.table}", spellings.column, depth + 1, seen)
        return
    for link in changed_since(lookup, name) if view is not None else ():
        yield Link(link.kind, link.text, depth=depth)
    if view is not None and view.series is not None:
        yield series_link(view, view.series, name, column, depth)
        for read in series_inputs(view.series, column):
            yield from column_links(lookup, view.series.source, read, depth + 1, seen)
        return
    traced = traced_column(lookup, view, inputs, column) if view is not None else None
    link = column_link(lookup, name, column, traced, inputs)
    yield Link(link.kind, link.text, link.facts, depth)
    for one in traced.sources if traced is not None else ():
        real = real_name(lookup, one.table, inputs[one.table], one.column) or one.column
        yield from column_links(lookup, one.table, real, depth + 1, seen)


def _feature_links(
    lookup: Lookup, name: str, analysis: Analysis, column: str, depth: int, seen: set[tuple[str, str]]
) -> Iterator[Link]:
    """A feature of an analysis, or the columns of predictions."""
    view = f"exploitation.{analysis.view}"
    declared = analysis.features.get(column)
    if isinstance(declared, str):
        yield Link("column", f"{name}.{column} is {declared}, over a row of {view}", depth=depth)
        if declared in lookup.lake.table(view).schema().names:
            yield from column_links(lookup, view, declared, depth + 1, seen)
    elif declared is not None:
        about = f"the {declared.aggregate} of {declared.value or 'rows'} over {declared.window} before the example"
        yield Link("column", f"{name}.{column} is {about}, from exploitation.{declared.history}", depth=depth)
        if declared.value in lookup.lake.table(f"exploitation.{declared.history}").schema().names:
            yield from column_links(lookup, f"exploitation.{declared.history}", declared.value, depth + 1, seen)
    elif column in analysis.key:
        yield Link("column", f"{name}.{column} is part of the key of the example", depth=depth)
        yield from column_links(lookup, view, column, depth + 1, seen)
    else:
        version = lookup.lake.table(name).data_version()
        facts = {"inputs": listed_inputs(inputs_of_version(lookup, name, version))}
        yield Link("column", f"{name}.{column} is made by the analysis {analysis.name}", facts, depth)


def column_link(
    lookup: Lookup, name: str, column: str, traced: ColumnLineage | None, inputs: Mapping[str, int]
) -> Link:
    """How a column of a view is computed, in a sentence."""
    view = lookup.project.views.get(name.partition(".")[2])
    where = f" ({display_path(view.file)})" if view is not None else ""
    if traced is None:
        why = "its code is Python" if view is not None and view.language == "python" else "no SQL of a view makes it"
        if view is not None and view.language == "sql":
            why = "its SQL is not followed"
        return Link(
            "column", f"{name}.{column}{where} cannot be traced: {why}", {"may come from": listed_inputs(inputs)}
        )
    if not traced.sources:
        return Link("column", f"{name}.{column} is {traced.expression}{where}, from no input")
    facts = {f"{one.table}.{one.column}": _passed(one) for one in traced.sources}
    if traced.copied and len(traced.sources) == 1:
        (one,) = traced.sources
        return Link(
            "column", f"{name}.{column} is {one.table}.{one.column}{where}", {k: v for k, v in facts.items() if v}
        )
    return Link("column", f"{name}.{column} is {traced.expression}{where}", facts)


def _passed(source: SourceColumn) -> str:
    """What a value passes on its way from an input to the view."""
    parts = [f"joined on {one}" for one in source.joins] + [f"of several rows: {one}" for one in source.combines]
    return "; ".join(parts) or "of the same row"
