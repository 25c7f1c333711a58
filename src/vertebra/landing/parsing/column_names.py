"""Column names of ``records.parquet``: those of the payload, made unique."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.lake.batches import RAGGED_COLUMN, RAGGED_REASON_COLUMN, RECORD_COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

_RESERVED: Final = (RECORD_COLUMN, RAGGED_COLUMN, RAGGED_REASON_COLUMN)


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Make column names unique, the same way for the same header.

    A blank name becomes ``c<position>``; the second of two equal names gets ``_2``, the third ``_3``. Names that differ
    only in case count as equal, because SQL engines do not distinguish them.
    """
    wanted = [name if name.strip() else f"c{position}" for position, name in enumerate(names)]
    # names that are unique stay, wherever they are
    taken = {*_RESERVED, *(name.casefold() for name in wanted)}
    seen = set(_RESERVED)
    given = []
    for name in wanted:
        if name.casefold() in seen:
            number = 2
            while f"{name}_{number}".casefold() in taken:
                number += 1
            name = f"{name}_{number}"
            taken.add(name.casefold())
        seen.add(name.casefold())
        given.append(name)
    return tuple(given)


def renamed(names: Sequence[str], unique: Sequence[str]) -> dict[str, str]:
    """The names in the payload of columns that have another name."""
    return {new: old for old, new in zip(names, unique, strict=True) if old != new}


def positions(width: int) -> tuple[str, ...]:
    """Names of the columns of a file without header: ``c0``, ``c1``…."""
    return tuple(f"c{position}" for position in range(width))
