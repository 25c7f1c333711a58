"""The cells of a payload that a declared column is read from, and their text as one.

A date or time of several cells is joined to one text. A number whose unit is said elsewhere, by another cell or by the
name of its column, is the number with the unit after it: ``19.25 GJ``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vertebra.blanks import BLANKS
from vertebra.declare.time_parts import BEFORE
from vertebra.unicode_form import nfc

if TYPE_CHECKING:
    import pyarrow as pa

    from vertebra.declare.dataset import Column, Dataset

Cells = str | tuple[str, ...]
"""The column of the records that a declared column is read from; several if its text is in several cells."""


def cell_names(cells: Cells | None) -> tuple[str, ...]:
    """The columns of the records that a declared column is read from; none if there is none."""
    if cells is None:
        return ()
    return (cells,) if isinstance(cells, str) else cells


def is_joined(column: Column) -> bool:
    """Whether the text of a column is made of more than one cell."""
    return isinstance(column.source, dict) or bool(column.unit_cells) or bool(column.units_by_name)


def null_texts(dataset: Dataset, column: Column) -> tuple[str, ...]:
    """The texts, without blanks around them, that mean NULL in each of several cells."""
    declared = [text.strip(BLANKS) for text in (*dataset.parse.null, *column.null)]
    return tuple(dict.fromkeys([*declared, *([""] if dataset.blank_is_null(column) else [])]))


def separators(column: Column, name: str) -> list[str]:
    """What stands before each of several cells in the joined text; nothing before the first."""
    return ["", *(BEFORE.get(part, " ") for part in [*column.cells(name)][1:])]


def optional_cells(column: Column, name: str) -> list[bool]:
    """For each of several cells whether it may be NULL, which leaves it out of the joined text; else all of it is NULL.

    A number without a unit is no missing number, and is rejected.
    """
    return [part == "unit" for part in column.cells(name)]


def unit_of_name(column: Column, source: Cells | None) -> str:
    """What follows the number in the joined text, if the name of its column in the payload says its unit."""
    units = {nfc(name): unit for name, unit in column.units_by_name.items()}
    unit = units.get(nfc(source)) if isinstance(source, str) else None
    return f" {unit}" if unit else ""


def joined_text(dataset: Dataset, name: str, source: Cells | None, texts: Sequence[str | None]) -> str | None:
    """The text of a column that is made of more than one cell; NULL if one of them is, or means NULL.

    Args:
        source: the columns of the records that it is read from.
        texts: of these columns.
    """
    column = dataset.columns[name]
    made = ""
    for before, text, optional in zip(separators(column, name), texts, optional_cells(column, name), strict=True):
        stripped = None if text is None else text.strip(BLANKS)
        missing = stripped is None or stripped in null_texts(dataset, column)
        if missing and not optional:
            return None
        made += "" if missing else f"{before}{stripped}"
    return made + unit_of_name(column, source)


def joined_arrays(dataset: Dataset, name: str, source: Cells, cells: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """The same for Arrow columns."""
    import pyarrow as pa
    import pyarrow.compute as compute

    column = dataset.columns[name]
    null = pa.array(null_texts(dataset, column), pa.string())
    none, empty = pa.scalar(None, pa.string()), pa.scalar("")
    made = None
    for before, cell, optional in zip(separators(column, name), cells, optional_cells(column, name), strict=True):
        text = compute.utf8_trim(cell.cast(pa.string()), BLANKS)
        text = compute.if_else(compute.is_in(text, value_set=null), none, text)
        text = compute.binary_join_element_wise(pa.scalar(before), text, empty)
        text = compute.fill_null(text, "") if optional else text
        made = text if made is None else compute.binary_join_element_wise(made, text, empty)
    return compute.binary_join_element_wise(made, pa.scalar(unit_of_name(column, source)), empty)
