"""Rules of a view: ``views/<name>.yaml`` beside ``views/<name>.sql`` or ``.py``.

The declared columns are part of the contract: the view has them, in these types.
"""

from __future__ import annotations

from pydantic import Field

from vertebra.declare.dataset import Column, Dataset, Rule
from vertebra.declare.declaration import Declaration, Name


class ViewRules(Declaration):
    """The rules of a view in SQL or Python, declared in a YAML file beside it.

    Attributes:
        columns: columns that the view has, with their types and rules; it may have others.
        key: the columns that identify a row.
        rules: its rules, as of a dataset. ``on_violation`` is ``report`` or ``fail``.
    """

    name: Name
    columns: dict[Name, Column] = Field(min_length=1)
    key: tuple[str, ...] = ()
    rules: dict[Name, Rule] = Field(default_factory=dict)


def checked_as(declared: ViewRules) -> Dataset:
    """A dataset with the columns and rules of a view."""
    return Dataset.model_construct(
        name=declared.name, columns=declared.columns, key=declared.key, rules=declared.rules, load="snapshot"
    )
