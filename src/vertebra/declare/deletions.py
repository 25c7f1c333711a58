"""``deleted:`` of an upserted dataset: what becomes of rows that were deleted at the source."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import model_validator

from vertebra.declare.declaration import Declaration

FORMS: Final = "keep, by snapshot, or {column: NAME, values: [VALUE]}"

_IN_A_WORD: Final[dict[str, dict[str, Any]]] = {"keep": {}, "by snapshot": {"by": "snapshot"}}


class Deletions(Declaration):
    """How an upserted dataset notices that a row was deleted at its source; the row is then removed.

    ``keep``: it is not noticed, and rows stay. ``by snapshot``: each batch is a whole snapshot of the source, or of its
    period and part of it, and removes the keys that it lacks. ``{column: NAME}``: a column marks deleted records.

    Attributes:
        by: ``snapshot``, if each batch is a whole snapshot.
        column: the column that marks a record as deleted.
        values: its values that mean deleted, as text: ``[D, delete]``. For a boolean column, ``true``.
    """

    by: Literal["snapshot"] | None = None
    column: str | None = None
    values: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _in_words(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in _IN_A_WORD:
                raise ValueError(f"{value!r} is not a way to notice deleted rows; write {FORMS}")
            return _IN_A_WORD[value]
        if isinstance(value, dict) and "values" in value:
            written = value["values"]
            listed = written if isinstance(written, list | tuple) else [written]
            return value | {"values": tuple(one if isinstance(one, str) else _text(one) for one in listed)}
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.by is not None and self.column is not None:
            raise ValueError("a deleted row is noticed by snapshot or by a column, not by both")
        if self.values and self.column is None:
            raise ValueError(f"values are those of a column; write {FORMS}")
        return self

    @property
    def kept(self) -> bool:
        """Whether rows that were deleted at the source stay."""
        return self.by is None and self.column is None


def _text(value: Any) -> str:
    # YAML reads an unquoted true or N as a value of another type
    return str(value).lower() if isinstance(value, bool) else str(value)
