"""Checks across declarations: references, columns, table names, cycles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from vertebra.declare.analysis import Analysis, AsOf
from vertebra.declare.analysis_file import location_in
from vertebra.declare.dataset import FILE_VERSIONS, Dataset
from vertebra.declare.document import Document, Loc, display_path
from vertebra.declare.publication import Publication
from vertebra.declare.reconciliation import EntityResolution, LookupTable, inputs_of, outputs_of
from vertebra.declare.repair import repair_method_of, repair_options
from vertebra.declare.rule_sugar import SUGARS
from vertebra.declare.rules import NamedRule, rules_of
from vertebra.declare.sql_text import place, quote
from vertebra.declare.view_columns import unknown_columns
from vertebra.declare.view_file import ReadView
from vertebra.errors import DeclarationError, RegistryError, RuleError, VertebraError
from vertebra.formatting import shortened
from vertebra.suggestions import did_you_mean

Kind = Literal["dataset", "reconciliation", "view", "analysis", "publication"]
"""The kinds of declarations."""


@dataclass
class Declarations:
    """The declarations of a project that could be read.

    Attributes:
        documents: the YAML of each dataset, reconciliation and publication, by kind and name.
        failed: qualified tables whose declaration is wrong; errors about declarations that read them are left out.
    """

    datasets: dict[str, Dataset] = field(default_factory=dict)
    reconciliations: dict[str, EntityResolution | LookupTable] = field(default_factory=dict)
    views: dict[str, ReadView] = field(default_factory=dict)
    analyses: dict[str, Analysis] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def outputs(self) -> dict[str, str]:
        """Every table that views may read, and the declaration that writes it (``dataset flights``)."""
        found = {f"trusted.{name}": f"dataset {name}" for name in self.datasets}
        for name, reconciliation in self.reconciliations.items():
            found |= dict.fromkeys(outputs_of(reconciliation), f"reconciliation {name}")
        return found | {f"exploitation.{name}": f"view {name}" for name in self.views}

    def only(self, wanted: Callable[[Kind, str], bool]) -> Declarations:
        """The declarations of which ``wanted(kind, name)`` is true;"""
        return Declarations(
            {name: one for name, one in self.datasets.items() if wanted("dataset", name)},
            {name: one for name, one in self.reconciliations.items() if wanted("reconciliation", name)},
            {name: one for name, one in self.views.items() if wanted("view", name)},
            {name: one for name, one in self.analyses.items() if wanted("analysis", name)},
            {name: one for name, one in self.publications.items() if wanted("publication", name)},
            self.documents,
            self.failed,
        )


def tables_read(declared: Declarations) -> dict[tuple[Kind, str], tuple[str, ...]]:
    """The qualified tables that each declaration reads or references, by the declaration's kind and name."""
    found: dict[tuple[Kind, str], tuple[str, ...]] = {}
    for name, dataset in declared.datasets.items():
        found["dataset", name] = tuple(dict.fromkeys(f"trusted.{other}" for _, other in _referenced(dataset)))
    for name, one in declared.reconciliations.items():
        found["reconciliation", name] = inputs_of(one)
    for name, read in declared.views.items():
        found["view", name] = tuple(read.view.inputs)
    for name, analysis in declared.analyses.items():
        found["analysis", name] = tuple(dict.fromkeys(f"exploitation.{view}" for _, view in _views_read(analysis)))
    for name, publication in declared.publications.items():
        found["publication", name] = (publication.table,)
    return found


def check(declared: Declarations) -> list[DeclarationError]:
    """Find errors across declarations that are valid by themselves."""
    errors: list[DeclarationError] = []
    for name, dataset in declared.datasets.items():
        errors += _dataset_errors(dataset, declared.documents["dataset", name], declared)
    for name, reconciliation in declared.reconciliations.items():
        document = declared.documents["reconciliation", name]
        errors += _reconciliation_errors(reconciliation, document, declared)
    errors += _same_output_errors(declared)
    errors += _input_errors(declared)
    errors += _view_column_errors(declared)
    errors += _publication_errors(declared)
    errors += _cycle_errors(declared)
    return errors


# -- datasets ----------------------------------------------------------------------------------------------------------


def _dataset_errors(dataset: Dataset, document: Document, declared: Declarations) -> list[DeclarationError]:
    errors = []
    for number, column in enumerate(dataset.key):
        if column not in dataset.columns:
            errors.append(_no_column(f"dataset {dataset.name}: key", column, dataset, document.where(("key", number))))
    if dataset.load == "upsert" and not dataset.key:
        errors.append(
            DeclarationError(
                f"dataset {dataset.name} is loaded by upsert and has no key",
                cause="upsert replaces rows that have the same key as a new one",
                remedy="add `key: […]`, or write `load: append`",
                where=document.where(("load",)),
            )
        )
    errors += _version_errors(dataset, document)
    if not errors:
        errors += _rule_errors(dataset, document, declared)
    return errors


def _version_errors(dataset: Dataset, document: Document) -> Iterator[DeclarationError]:
    """Find versions of records that cannot be told."""
    if dataset.version is None:
        return
    where = document.where(("version",))
    if dataset.load != "upsert":
        yield DeclarationError(
            f"dataset {dataset.name} has a version and is loaded by {dataset.load}",
            cause="the version decides which of two records with one key is kept, and only upsert keeps one of them",
            remedy="write `load: upsert`, or remove `version:`",
            where=where,
        )
    elif dataset.version not in FILE_VERSIONS and dataset.version not in dataset.columns:
        known = [*dataset.columns, *FILE_VERSIONS]
        yield DeclarationError(
            f"dataset {dataset.name}: version: {dataset.name} has no column {dataset.version}",
            cause=f"a version is a column, or one of {', '.join(FILE_VERSIONS)}",
            remedy=did_you_mean(dataset.version, known, f"write one of {shortened(known)}"),
            where=where,
        )


def _rule_errors(dataset: Dataset, document: Document, declared: Declarations) -> list[DeclarationError]:
    """The errors of the rules of a dataset. The rules are compiled one by one only if there is an error."""
    try:
        rules = rules_of(dataset, declared.datasets)
    except (RuleError, DeclarationError) as error:
        whole = error
    else:
        return _repair_errors(dataset, rules, document)
    found = []
    for loc, part in _single_rules(dataset):
        try:
            rules_of(part, declared.datasets)
        except (RuleError, DeclarationError) as error:
            if not _about_failed(error, declared):
                found.append(_located(error, document.where(loc)))
    if not found and not _about_failed(whole, declared):
        found.append(_located(whole, document.where(_rule_named(dataset, whole), key=True)))
    return found


def _repair_errors(dataset: Dataset, rules: Sequence[NamedRule], document: Document) -> list[DeclarationError]:
    """The rules that cannot be repaired as declared, one error for each declaration."""
    errors = {rule.origin.loc: error for rule in reversed(rules) if (error := _repair_error(rule, dataset))}
    return [_located(error, document.where(_repair_place(loc, document))) for loc, error in reversed(errors.items())]


def _repair_error(rule: NamedRule, dataset: Dataset) -> VertebraError | None:
    try:
        repair_method_of(rule, dataset)
    except (RuleError, RegistryError) as error:
        return error
    return None


def _repair_place(loc: Loc, document: Document) -> Loc:
    """Where a rule or a column declares its repair."""
    rule = tuple(loc[:2])
    keys = ("repair_method", *repair_options(), "on_violation")
    return next((place for key in keys if document.path(place := (*rule, key)) == place), loc)


def _single_rules(dataset: Dataset) -> Iterator[tuple[Loc, Dataset]]:
    """For each rule of a dataset, the path of the rule and the dataset with this rule alone."""
    plain = {name: column.without_sugar() for name, column in dataset.columns.items()}
    bare = {"columns": plain, "key": (), "rules": {}}
    if dataset.key:
        yield ("key",), dataset.model_copy(update=bare | {"key": dataset.key})
    for name, column in dataset.columns.items():
        for sugar, value in column.sugar().items():
            one = plain[name].model_copy(update={sugar: value})
            yield ("columns", name, sugar), dataset.model_copy(update=bare | {"columns": plain | {name: one}})
    for name, rule in dataset.rules.items():
        first = [(sugar, *SUGARS[sugar].error_place(value)) for sugar, value in rule.sugar().items()][:1]
        yield ("rules", name, *(first[0] if first else ())), dataset.model_copy(update=bare | {"rules": {name: rule}})


def _located(error: VertebraError, where: str) -> DeclarationError:
    return DeclarationError(error.fact, cause=error.cause, remedy=error.remedy, where=where)


def _rule_named(dataset: Dataset, error: RuleError | DeclarationError) -> Loc:
    """The path of the rule that an error names: two rules may have the same name."""
    named = [name for name in dataset.rules if re.search(rf"\b{name}\b", error.fact)]
    return ("rules", named[-1]) if named else ("rules",)


def _about_failed(error: RuleError | DeclarationError, declared: Declarations) -> bool:
    """Whether an error is a consequence of a dataset that could not be read."""
    names = [table.partition(".")[2] for table in declared.failed if table.startswith("trusted.")]
    return any(re.search(rf"\b{name}\b", f"{error.fact} {error.cause}") for name in names)


def _no_column(what: str, column: str, dataset: Dataset, where: str) -> DeclarationError:
    return DeclarationError(
        f"{what}: {dataset.name} has no column {column}",
        cause=f"its columns are {shortened(dataset.columns)}",
        remedy=did_you_mean(column, dataset.columns, f"declare {column} in {dataset.declared_in}"),
        where=where,
    )


# -- reconciliations ---------------------------------------------------------------------------------------------------


def _reconciliation_errors(
    one: EntityResolution | LookupTable, document: Document, declared: Declarations
) -> Iterator[DeclarationError]:
    what = f"reconciliation {one.name}"
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
            yield _no_column(what, column, dataset, document.where(loc))


def _named_columns(one: EntityResolution | LookupTable) -> Iterator[tuple[Loc, str, str | None]]:
    """The datasets (with column None) and columns that a reconciliation names, with their paths."""
    if isinstance(one, LookupTable):
        yield ("table",), one.table, None
        yield ("column",), one.table, one.column
        return
    for side in ("left", "right"):
        table, key = getattr(one, side).table, getattr(one, side).key
        yield (side, "table"), table, None
        for number, column in enumerate(key):
            yield (side, "key", number), table, column
        for name, comparison in one.compare.items():
            for number, column in enumerate(getattr(comparison, side)):
                yield ("compare", name, side, number), table, column
    for name, survivor in one.golden.items():
        for number, source in enumerate(survivor.sources):
            table, _, column = source.partition(".")
            yield ("golden", name, "from", number), table, column


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
        for loc, view in _views_read(analysis):
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
    """Find views that read columns which their dataset does not declare and its drift policy cannot add."""
    tables = {
        f"trusted.{name}": [*dataset.columns, "_rid"]
        for name, dataset in declared.datasets.items()
        if dataset.drift.extra != "evolve"
    }
    for name, read in declared.views.items():
        if read.query is None:
            continue
        sql, file = read.view.sql or "", display_path(read.view.file)
        for one in unknown_columns(read.query, tables):
            dataset = declared.datasets[one.table.partition(".")[2]]
            yield DeclarationError(
                f"view {name}: {one.table} has no column {one.column}{quote(sql, one.start, one.end)}",
                cause=f"its columns are {shortened(tables[one.table])}",
                remedy=did_you_mean(one.column, tables[one.table], f"declare {one.column} in {dataset.declared_in}"),
                where=place(sql, one.start, file),
            )


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
                yield _no_column(f"publication {name}: columns", column, dataset, where)


def _views_read(analysis: Analysis) -> Iterator[tuple[Loc, str]]:
    """The views that an analysis reads, with the paths where it names them."""
    yield ("view",), analysis.view
    for name, feature in analysis.features.items():
        if isinstance(feature, AsOf):
            yield ("features", name, "history"), feature.history


def _undeclared(what: str, table: str, known: Mapping[str, str], where: str) -> DeclarationError:
    short = table.partition(".")[2]
    elsewhere = [other for other in known if other.partition(".")[2] == short]
    folder = "datasets/{}.yaml" if table.startswith("trusted.") else "views/{}.sql"
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
            f"trusted.{other}": document.where(loc) for loc, other in _referenced(dataset) if other != name
        }
    for name, one in declared.reconciliations.items():
        where = declared.documents["reconciliation", name].where()
        edges |= dict.fromkeys(outputs_of(one), dict.fromkeys(inputs_of(one), where))
    for name, read in declared.views.items():
        edges[f"exploitation.{name}"] = dict(read.places)
    return edges


def _referenced(dataset: Dataset) -> Iterator[tuple[Loc, str]]:
    """The datasets that the rules of a dataset read, and where each is named."""
    for name, column in dataset.columns.items():
        for sugar, value in column.sugar().items():
            for _, other in SUGARS[sugar].datasets_read(SUGARS[sugar].rule_value(name, value)):
                yield ("columns", name, sugar), other
    for name, rule in dataset.rules.items():
        for sugar, value in rule.sugar().items():
            for keys, other in SUGARS[sugar].datasets_read(value):
                yield ("rules", name, sugar, *keys), other
