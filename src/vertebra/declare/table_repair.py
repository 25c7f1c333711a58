"""The declaration of how the table of a dataset is repaired besides its rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vertebra.declare.declaration import Declaration


class Trust(Declaration):
    """How far the sources of a table are trusted, ``trust:``.

    Attributes:
        column: its values tell the sources apart, such as web sites or agencies.
        accuracy: by source, how often its cells are right, between 0 and 1; estimated for the others.
    """

    column: str
    accuracy: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)


class TableRepair(Declaration):
    """How the table of a dataset is repaired besides its rules, ``repair:``. ``auto`` stands for the defaults.

    Attributes:
        methods: the methods, by name; by default all that need no more than the table.
        precision: repairs with a lower confidence, 0 to 1, are proposed and not made, those of rules too.
        fill: whether dependencies with ``on_violation: repair`` fill empty cells.
        columns: the columns that the methods may change; by default all but the key.
        trust: the column that tells sources apart, whose votes then weigh by their accuracy; ``true``, the default,
            looks for a column whose values differ in how often they agree with the rest of their groups, ``false``
            weighs all sources alike.
    """

    methods: tuple[str, ...] | None = None
    precision: float = Field(default=0.9, ge=0, le=1)
    fill: bool = True
    columns: tuple[str, ...] | None = None
    trust: bool | str | Trust = True
