"""Checks of what an upserted dataset declares: its key, the order of versions, and how deleted rows are noticed."""

from __future__ import annotations

from collections.abc import Iterator

from vertebra.declare.column_type import INTEGERS, column_type
from vertebra.declare.dataset import FILE_VERSIONS, Dataset
from vertebra.declare.document import Document
from vertebra.errors import DeclarationError
from vertebra.formatting import shortened
from vertebra.suggestions import did_you_mean


def upsert_errors(dataset: Dataset, document: Document) -> Iterator[DeclarationError]:
    """Find errors in ``load: upsert`` and in the keys that belong to it."""
    if dataset.load == "upsert" and not dataset.key:
        yield DeclarationError(
            f"dataset {dataset.name} is loaded by upsert and has no key",
            cause="upsert replaces rows that have the same key as a new one",
            remedy="add `key: […]`, or write `load: append`",
            where=document.where(("load",)),
        )
    yield from _version_errors(dataset, document)
    yield from _deletion_errors(dataset, document)


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


def _deletion_errors(dataset: Dataset, document: Document) -> Iterator[DeclarationError]:
    """Find ways of noticing deleted rows that cannot work."""
    deleted = dataset.deleted
    if deleted.kept:
        return
    where = document.where(("deleted",))
    if dataset.load != "upsert":
        yield DeclarationError(
            f"dataset {dataset.name} says what becomes of deleted rows, and is loaded by {dataset.load}",
            cause="only upsert keeps rows of earlier batches by key; snapshot keeps those of the newest batch",
            remedy="write `load: upsert`, or remove `deleted:`",
            where=where,
        )
    elif deleted.by == "snapshot" and (key := _continues_by(dataset)):
        yield DeclarationError(
            f"dataset {dataset.name} is collected since the last value, and says that each batch is a whole snapshot",
            cause="a batch of changes lacks most keys, and all of them would be removed",
            remedy="write `deleted: {column: …}` if a column marks deleted records, or `deleted: keep`, "
            f"or remove `collect.{key}`",
            where=where,
        )
    elif deleted.column is not None and deleted.column not in dataset.columns:
        yield DeclarationError(
            f"dataset {dataset.name}: deleted: {dataset.name} has no column {deleted.column}",
            remedy=did_you_mean(deleted.column, dataset.columns, f"write one of {shortened(dataset.columns)}"),
            where=where,
        )
    elif deleted.column is not None:
        yield from _flag_errors(dataset, deleted.column, where)


def _flag_errors(dataset: Dataset, name: str, where: str) -> Iterator[DeclarationError]:
    kind = column_type(dataset.columns[name].type).name
    if kind not in ("boolean", "string", *INTEGERS):
        yield DeclarationError(
            f"dataset {dataset.name}: deleted: {name} is a {kind}",
            cause="a column that marks deleted records is a boolean, a text or an integer",
            remedy=f"declare {name} as boolean, with true_values, or as string",
            where=where,
        )
    elif kind != "boolean" and not dataset.deleted.values:
        yield DeclarationError(
            f"dataset {dataset.name}: deleted: which values of {name} mean that a record is deleted?",
            cause=f"{name} is a {kind}; only a boolean needs no values",
            remedy=f"write `deleted: {{column: {name}, values: [D]}}`",
            where=where,
        )
    elif kind == "boolean" and set(dataset.deleted.values) - {"true", "false"}:
        yield DeclarationError(
            f"dataset {dataset.name}: deleted: {name} is a boolean, and has no value "
            f"{shortened(sorted(set(dataset.deleted.values) - {'true', 'false'}))}",
            remedy=f"write `deleted: {{column: {name}}}`; `true_values` of the column say which texts mean true",
            where=where,
        )
    elif name in dataset.key:
        yield DeclarationError(
            f"dataset {dataset.name}: deleted: {name} is part of the key",
            cause="the record that marks a row as deleted would have another key than the row",
            remedy="remove it from `key:`",
            where=where,
        )


def _continues_by(dataset: Dataset) -> str | None:
    """The key of ``collect:`` that makes the source give only what is new."""
    return next((key for key in ("since", "cursor") if getattr(dataset.collect, key, None) is not None), None)
