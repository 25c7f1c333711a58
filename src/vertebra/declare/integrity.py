"""Checks across declarations: references, columns, table names, cycles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vertebra.declare.analysis_file import location_in
from vertebra.declare.dataset_integrity import dataset_errors, no_column
from vertebra.declare.declarations import Declarations, datasets_read_by, tables_of, views_read
from vertebra.declare.document import Document, Loc, display_path
from vertebra.declare.reconciliation import EntityResolution, LookupTable, inputs_of, outputs_of, survivor_column
from vertebra.declare.series import Series
from vertebra.declare.series_checks import series_problems
from vertebra.declare.sql_text import place, quote
from vertebra.declare.view_columns import output_columns, unknown_columns
from vertebra.errors import DeclarationError
from vertebra.formatting import shortened
from vertebra.suggestions import did_you_mean
from vertebra.zones import Zone

_FOLDERS: Final = {Zone.TRUSTED: "datasets/{}.yaml", Zone.EXPLOITATION: "views/{}.sql", Zone.ANALYSIS: "analyses/{}.py"}
"""The file that declares a table, by zone."""


def check(declared: Declarations) -> list[DeclarationError]:
    """Find errors across declarations that are valid by themselves."""
    errors: list[DeclarationError] = []
    for name, dataset in declared.datasets.items():
        errors += dataset_errors(dataset, declared.documents["dataset", name], declared)
    for name, reconciliation in declared.reconciliations.items():
        document = declared.documents["reconciliation", name]
        errors += _reconciliation_errors(reconciliation, document, declared)
    errors += _same_output_errors(declared)
    errors += _input_errors(declared)
    errors += _view_column_errors(declared)
    errors += _publication_errors(declared)
    errors += _cycle_errors(declared)
    return errors


# -- reconciliations ---------------------------------------------------------------------------------------------------


def _reconciliation_errors(
    one: EntityResolution | LookupTable, document: Document, declared: Declarations
) -> Iterator[DeclarationError]:
    what = f"reconciliation {one.name}"
    if isinstance(one, EntityResolution):
        yield from _view_errors(one, document, declared)
    for loc, table, column in _named_columns(one):
        dataset = declared.datasets.get(table)
        if f"trusted.{table}" in declared.failed:
            continue
        if column is None and dataset is None:
            yield DeclarationError(
                f"{what}: there is no dataset {table}",
                cause=f"the datasets are {shortened(declared.datasets)}",
                remedy=did_you_mean(table, declared.datasets, f"add datasets/{table}.yaml"),
                where=document.where(loc),
            )
        elif column is not None and dataset is not None and column not in dataset.columns:
            yield no_column(what, column, dataset, document.where(loc))


def _view_errors(one: EntityResolution, document: Document, declared: Declarations) -> Iterator[DeclarationError]:
    """The sources of an entity resolution that name a view that does not exist."""
    golden = [name for name, other in declared.reconciliations.items() if isinstance(other, EntityResolution)]
    known = [*declared.views, *golden]
    for name, source in one.records.items():
        if source.view is not None and source.view not in known and source.input not in declared.failed:
            yield DeclarationError(
                f"reconciliation {one.name}: there is no view {source.view}",
                cause=f"the views and entity resolutions are {shortened(known)}",
                remedy=did_you_mean(source.view, known, f"add views/{source.view}.sql"),
                where=document.where(("sources", name, "view")),
            )


def _named_columns(one: EntityResolution | LookupTable) -> Iterator[tuple[Loc, str, str | None]]:
    """The datasets (with column None) and columns that a reconciliation names, with their paths."""
    if isinstance(one, LookupTable):
        yield ("table",), one.table, None
        yield ("column",), one.table, one.column
        return
    prefixes: dict[str, Loc] = {name: ("sources", name) for name in one.records}
    if one.left and one.right:
        prefixes = {one.left.table: ("left",), one.right.table: ("right",)}
    for name, source in one.records.items():
        if source.dataset is None:
            continue
        yield (*prefixes[name], "table" if source.table is not None else "values"), source.dataset, None
        for number, column in enumerate(source.identified_by):
            place = ("key", number) if source.key else ("values",)
            yield (*prefixes[name], *place), source.dataset, column
        for compared in () if one.compare == "auto" else one.compare:
            for number, column in enumerate(one.compared_columns(compared, name)):
                yield _written_at(one, compared, name, number), source.dataset, column
    for name, survivor in one.golden.items():
        for number, written in enumerate(survivor.sources):
            source_name, column = survivor_column(written, name)
            table = one.records[source_name].dataset
            if table is not None:
                yield ("golden", name, "from", number), table, column


def _written_at(one: EntityResolution, compared: str, source: str, number: int) -> Loc:
    """Where a comparison names a column of a source."""
    place = ("compare", compared)
    if one.left is not None:
        return (*place, "left" if source == one.left.table else "right", number)
    assert one.compare != "auto"
    columns = one.compare[compared].columns
    return (*place, "from", source, number) if isinstance(columns, dict) else (*place, "from", number)


# -- tables and views --------------------------------------------------------------------------------------------------


def _same_output_errors(declared: Declarations) -> Iterator[DeclarationError]:
    writers = {
        output: (f"reconciliation {name}", declared.documents["reconciliation", name].where())
        for name, one in declared.reconciliations.items()
        for output in outputs_of(one)
    }
    seen: dict[str, str] = {}
    for name, one in declared.reconciliations.items():
        for output in outputs_of(one):
            other = seen.setdefault(output, name)
            if other != name:
                yield _written_twice(output, f"reconciliation {other}", f"reconciliation {name}", writers[output][1])
    for name, read in declared.views.items():
        output = f"exploitation.{name}"
        if output in writers:
            yield _written_twice(output, writers[output][0], f"view {name}", f"{display_path(read.view.file)}:1:1")


def _written_twice(table: str, first: str, second: str, where: str) -> DeclarationError:
    return DeclarationError(
        f"two declarations write {table}",
        cause=f"{first} and {second} have a table of this name",
        remedy="rename the file of one of them",
        where=where,
    )


def _input_errors(declared: Declarations) -> Iterator[DeclarationError]:
    """Find views and analyses that read tables which nothing writes."""
    known = declared.outputs()
    for name, read in declared.views.items():
        for table in read.view.inputs:
            if table not in known and table not in declared.failed:
                others = {other: by for other, by in known.items() if other != f"exploitation.{name}"}
                yield _undeclared(f"view {name}", table, others, read.places[table])

    for name, analysis in declared.analyses.items():
        for loc, view in views_read(analysis):
            table = f"exploitation.{view}"
            if table not in known and table not in declared.failed and analysis.file is not None:
                known_views = [other.partition(".")[2] for other in known if other.startswith("exploitation.")]
                yield DeclarationError(
                    f"analysis {name} reads the view {view}, which nothing declares",
                    cause=f"the views are {shortened(sorted(known_views)) or 'none'}",
                    remedy=did_you_mean(view.rpartition(".")[2], known_views, f"add views/{view}.sql"),
                    where=location_in(analysis.file, loc),
                )


def _view_column_errors(declared: Declarations) -> Iterator[DeclarationError]:
    """Find views that read columns which no table has that they read them from."""
    tables = _known_columns(declared)
    for name, read in declared.views.items():
        if read.view.series is not None:
            yield from _series_errors(name, read.view.series, declared, tables)
        if read.query is None or read.view.series is not None:
            continue
        sql, file = read.view.sql or "", display_path(read.view.file)
        for one in unknown_columns(read.query, tables):
            names = list(dict.fromkeys(column for columns in one.tables.values() for column in columns))
            datasets = [declared.datasets.get(table.partition(".")[2]) for table in one.tables]
            add = (
                f"declare {one.column} in {datasets[0].declared_in}" if datasets[0] is not None else "correct the name"
            )
            none = "none of them has it: " if len(one.tables) > 1 else ""
            subject = " and ".join(one.tables) if len(one.tables) == 1 else "no table it reads"
            verb = "has no" if len(one.tables) == 1 else "has the"
            yield DeclarationError(
                f"view {name}: {subject} {verb} column {one.column}{quote(sql, one.start, one.end)}",
                cause=none + "; ".join(_columns_of(table, columns) for table, columns in one.tables.items())
                if none
                else f"its columns are {shortened(names)}",
                remedy=did_you_mean(one.column, names, add),
                where=place(sql, one.start, file),
            )


def _series_errors(
    name: str, series: Series, declared: Declarations, tables: Mapping[str, Sequence[str]]
) -> Iterator[DeclarationError]:
    """The columns that a series reads and its table does not have, or whose declared types do not fit."""
    document = declared.documents["view", name]
    dataset = declared.datasets.get(series.source.partition(".")[2]) if series.source.startswith("trusted.") else None
    if series.source not in tables:
        return
    types = {column: str(one.type) for column, one in dataset.columns.items()} if dataset is not None else {}
    columns = {column: types.get(column, "") for column in tables[series.source]}
    for one in series_problems(series, columns):
        yield DeclarationError(
            f"view {name}: {one.fact}", cause=one.cause, remedy=one.remedy, where=document.where(("series", *one.loc))
        )


def _columns_of(table: str, columns: Sequence[str]) -> str:
    return f"{table} has {shortened(columns)}"


def _known_columns(declared: Declarations) -> dict[str, Sequence[str]]:
    """The columns of the tables that views read, where declarations tell them all."""
    tables: dict[str, Sequence[str]] = {
        f"trusted.{name}": [*dataset.columns, "_rid"]
        for name, dataset in declared.datasets.items()
        if dataset.drift.extra != "evolve"
    }
    waiting = {f"exploitation.{name}": read.query for name, read in declared.views.items() if read.query is not None}
    while waiting:  # views are followed in the order in which they read each other
        ready = [table for table in waiting if not waiting.keys() & _tables_in(declared, table)]
        if not ready:
            return tables
        for table in ready:
            columns = output_columns(waiting.pop(table), tables)
            if columns is not None:
                tables[table] = columns
    return tables


def _tables_in(declared: Declarations, table: str) -> set[str]:
    return set(declared.views[table.partition(".")[2]].view.inputs)


def _publication_errors(declared: Declarations) -> Iterator[DeclarationError]:
    """Find publications of tables that nothing writes, or of columns that their dataset does not declare."""
    known = declared.outputs()
    for name, one in declared.publications.items():
        document = declared.documents["publication", name]
        if one.table in declared.failed:
            continue
        if one.table not in known:
            yield _undeclared(f"publication {name}", one.table, known, document.where(("table",)))
        zone, _, subject = one.table.partition(".")
        dataset = declared.datasets.get(subject) if zone == "trusted" else None
        if dataset is None or dataset.drift.extra == "evolve":
            continue
        for number, column in enumerate(one.columns or ()):
            if column not in dataset.columns and column != "_rid":
                where = document.where(("columns", number))
                yield no_column(f"publication {name}: columns", column, dataset, where)


def _undeclared(what: str, table: str, known: Mapping[str, str], where: str) -> DeclarationError:
    short = table.partition(".")[2]
    elsewhere = [other for other in known if other.partition(".")[2] == short]
    folder = _FOLDERS[Zone(table.partition(".")[0])]
    if table.startswith("analysis."):
        short = re.sub("_(predictions|train|test)$", "", short)
    remedy = f"write {elsewhere[0]}" if elsewhere else did_you_mean(table, known, f"add {folder.format(short)}")
    return DeclarationError(
        f"{what} reads {table}, which nothing declares",
        cause=f"there are {shortened(sorted(known)) or 'no tables'}",
        remedy=remedy,
        where=where,
    )


# -- cycles ------------------------------------------------------------------------------------------------------------


def _cycle_errors(declared: Declarations) -> Iterator[DeclarationError]:
    """Find tables that depend on themselves; each cycle is reported once."""
    edges = _edges(declared)
    done: set[str] = set()
    for start in edges:
        yield from _cycles(start, [], edges, done)


def _cycles(
    table: str, path: list[str], edges: Mapping[str, Mapping[str, str]], done: set[str]
) -> Iterator[DeclarationError]:
    if table in path:
        circle = [*path[path.index(table) :], table]
        yield DeclarationError(
            f"these tables depend on each other: {' → '.join(circle)}",
            cause="each reads or references the next, so that none can be written first",
            remedy="remove one of the references, or split a view in two",
            where=edges[circle[0]][circle[1]],
        )
    elif table not in done:
        for other in edges.get(table, ()):
            yield from _cycles(other, [*path, table], edges, done)
        done.add(table)


def _edges(declared: Declarations) -> dict[str, dict[str, str]]:
    """For each table, the tables it reads or references, with the locations of the references."""
    edges: dict[str, dict[str, str]] = {}
    for name, dataset in declared.datasets.items():
        document = declared.documents["dataset", name]
        edges[f"trusted.{name}"] = {
            f"trusted.{other}": document.where(loc) for loc, other in datasets_read_by(dataset) if other != name
        }
    for name, one in declared.reconciliations.items():
        where = declared.documents["reconciliation", name].where()
        edges |= dict.fromkeys(outputs_of(one), dict.fromkeys(inputs_of(one), where))
    for name, read in declared.views.items():
        edges[f"exploitation.{name}"] = dict(read.places)
    for name, analysis in declared.analyses.items():
        if analysis.file is not None:
            reads = {f"exploitation.{view}": location_in(analysis.file, loc) for loc, view in views_read(analysis)}
            edges |= dict.fromkeys(tables_of(name), reads)
    return edges
