"""Checks of ``shrink:``: it compares whole snapshots."""

from __future__ import annotations

from collections.abc import Iterator

from vertebra.declare.dataset import Dataset
from vertebra.declare.document import Document
from vertebra.declare.quantity import parse_percentage
from vertebra.errors import DeclarationError


def shrink_errors(dataset: Dataset, document: Document) -> Iterator[DeclarationError]:
    """Find a ``shrink:`` that can compare nothing, or refuses nothing."""
    if dataset.shrink is None:
        return
    where = document.where(("shrink",))
    if parse_percentage(dataset.shrink) >= 100:
        yield DeclarationError(
            f"dataset {dataset.name}: shrink: {dataset.shrink} refuses nothing",
            cause="no snapshot has less than no rows",
            remedy="write a share of less than 100 %, or remove `shrink:`",
            where=where,
        )
    elif dataset.load != "snapshot" and dataset.deleted.by != "snapshot":
        yield DeclarationError(
            f"dataset {dataset.name} limits how much snapshots may shrink, and its batches are not snapshots",
            cause=f"with `load: {dataset.load}`, a batch with few rows removes none"
            + ("" if dataset.load == "append" else " unless `deleted: by snapshot` is declared"),
            remedy="remove `shrink:`, or write `load: snapshot`",
            where=where,
        )
    elif key := next((key for key in ("since", "cursor") if getattr(dataset.collect, key, None) is not None), None):
        yield DeclarationError(
            f"dataset {dataset.name} limits how much snapshots may shrink, and is collected since the last value",
            cause="a batch has what is new since the last collection, so its number of rows says nothing",
            remedy=f"remove `shrink:`, or `collect.{key}`",
            where=where,
        )
    elif getattr(dataset.collect, "deleted", None) == "retract":
        yield DeclarationError(
            f"dataset {dataset.name} limits how much snapshots may shrink, and retracts files that disappear",
            cause="a file that disappears leaves no smaller snapshot to compare with it",
            remedy="remove `shrink:`, or `collect.deleted: retract`",
            where=where,
        )
