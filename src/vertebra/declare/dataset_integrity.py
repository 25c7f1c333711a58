"""Checks of a dataset: its key, the version of its records, its rules and their repairs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vertebra.declare.dataset import Dataset
from vertebra.declare.declarations import Declarations
from vertebra.declare.document import Document, Loc
from vertebra.declare.repair import repair_method_of, repair_options
from vertebra.declare.rule_role import RoleRefusal
from vertebra.declare.rule_sugar import SUGARS
from vertebra.declare.rules import NamedRule, rules_of
from vertebra.declare.shrink_checks import shrink_errors
from vertebra.declare.table_methods import table_repair_of
from vertebra.declare.upsert_checks import upsert_errors
from vertebra.errors import DeclarationError, RegistryError, RuleError, VertebraError
from vertebra.formatting import shortened
from vertebra.suggestions import did_you_mean


def dataset_errors(dataset: Dataset, document: Document, declared: Declarations) -> list[DeclarationError]:
    """Find the errors of a dataset that is valid by itself."""
    errors = []
    for number, column in enumerate(dataset.key):
        if column not in dataset.columns:
            errors.append(no_column(f"dataset {dataset.name}: key", column, dataset, document.where(("key", number))))
    errors += [*upsert_errors(dataset, document), *shrink_errors(dataset, document)]
    if not errors:
        errors += rule_errors(dataset, document, declared)
    return errors


def rule_errors(dataset: Dataset, document: Document, declared: Declarations) -> list[DeclarationError]:
    """The errors of the rules of a dataset. The rules are compiled one by one only if there is an error."""
    try:
        rules = rules_of(dataset, declared.datasets)
    except (RuleError, DeclarationError) as error:
        whole = error
    else:
        return [*_repair_errors(dataset, rules, document), *_table_repair_errors(dataset, document)]
    found = []
    for loc, part in _single_rules(dataset):
        try:
            rules_of(part, declared.datasets)
        except (RuleError, DeclarationError) as error:
            if not _about_failed(error, declared):
                loc = (*loc[:2], error.key) if isinstance(error, RoleRefusal) else loc
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


def _table_repair_errors(dataset: Dataset, document: Document) -> list[DeclarationError]:
    """The error of the repair of the whole table, if any."""
    try:
        table_repair_of(dataset)
    except (DeclarationError, RegistryError) as error:
        return [_located(error, document.where(("repair",)))]
    return []


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
        for kind, value in column.table_rules().items():
            one = plain[name].model_copy(update={kind: value})
            yield ("columns", name, kind), dataset.model_copy(update=bare | {"columns": plain | {name: one}})
    for name, rule in dataset.rules.items():
        places: list[tuple[str, ...]] = [(kind,) for kind in rule.table_rules()]
        places = [*((sugar, *SUGARS[sugar].error_place(value)) for sugar, value in rule.sugar().items()), *places]
        yield ("rules", name, *(places[0] if places else ())), dataset.model_copy(update=bare | {"rules": {name: rule}})


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


def no_column(what: str, column: str, dataset: Dataset, where: str) -> DeclarationError:
    """The error of a name that is no column of a dataset."""
    return DeclarationError(
        f"{what}: {dataset.name} has no column {column}",
        cause=f"its columns are {shortened(dataset.columns)}",
        remedy=did_you_mean(column, dataset.columns, f"declare {column} in {dataset.declared_in}"),
        where=where,
    )
