"""Bounds the columns among which rules are discovered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.errors import ProposalError
from vertebra.formatting import shortened
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from vertebra.trusted.discover.subject import Subject

MOST_COLUMNS: Final = 100
"""The most columns among which rules are discovered: all pairs of them are compared."""

_NAMED: Final = 20
"""Columns that a message names."""


def narrowed(subject: Subject, columns: Collection[str]) -> Subject:
    """The subject with only some columns of its table.

    Args:
        columns: their names; none for all.

    Raises:
        ProposalError: the table has no such column, or there are more than :data:`MOST_COLUMNS`.
    """
    from pyspark.sql import functions as F

    name = subject.dataset.name
    every = [column for column in subject.frame.columns if column != "_rid"]
    unknown = [column for column in columns if column not in every]
    if unknown:
        raise ProposalError(f"{name} has no column {unknown[0]}", remedy=f"its columns are {shortened(every, _NAMED)}")
    wanted = [column for column in every if column in columns] if columns else every
    if len(wanted) > MOST_COLUMNS:
        raise ProposalError(
            f"{name} has {len(wanted):,} columns, and rules are discovered among {MOST_COLUMNS} at most",
            cause=f"all pairs of columns are compared; the columns are {shortened(wanted, _NAMED)}",
            remedy=f"name those that belong together: vertebra discover {name} --columns {','.join(wanted[:3])}",
        )
    if len(wanted) == len(every):
        return subject
    frame = subject.frame.select("_rid", *(F.col(spark_identifier(column)) for column in wanted))
    return replace(subject, frames={**subject.frames, name: frame})
