"""The declaration of how the table of a dataset is repaired besides its rules."""

from __future__ import annotations

from pydantic import Field

from vertebra.declare.declaration import Declaration


class TableRepair(Declaration):
    """How the table of a dataset is repaired besides its rules, ``repair:``. ``auto`` stands for the defaults.

    Attributes:
        methods: the methods, by name; by default all that need no more than the table.
        precision: repairs with a lower confidence, 0 to 1, are proposed and not made, those of rules too.
        fill: whether dependencies with ``on_violation: repair`` fill empty cells.
        columns: the columns that the methods may change; by default all but the key.
    """

    methods: tuple[str, ...] | None = None
    precision: float = Field(default=0.9, ge=0, le=1)
    fill: bool = True
    columns: tuple[str, ...] | None = None
