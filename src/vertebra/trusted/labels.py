"""Labels: what people's decisions about cells say of right values. The repair method ``learned`` learns from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Suggested:
    """A repair that a method had made or proposed for a cell when a person decided about the cell.

    Attributes:
        new: the value that the method suggested, as text; None is NULL.
        confidence: as the method stated it, 0 to 1.
    """

    method: str
    rule: str
    new: str | None
    confidence: float
    evidence: str | None = None


@dataclass(frozen=True)
class Label:
    """The right value of a cell, as a person stated it.

    Attributes:
        rid: the row's ``_rid`` in the formatted table.
        old: the formatted value as text; None is NULL.
        new: the right value as text; None is NULL.
        suggested: what methods had made or proposed of the cell.
    """

    rid: int
    column_name: str
    old: str | None
    new: str | None
    suggested: tuple[Suggested, ...] = ()

    @property
    def confirms(self) -> bool:
        """Whether the formatted value is the right one."""
        return self.old == self.new


def label_of(
    rid: int, column: str | None, decision: str, value: str | None, row_values: str | None, proposed: str | None
) -> Label | None:
    """The label that a decision gives: the value that a person set, or the formatted one where a repair was undone.

    Args:
        rid: the row's ``_rid`` now.
        column: of the cell; None if the decision is not about a cell.
        decision: its kind.
        value: as set.
        row_values: JSON, the formatted values that the decision was about.
        proposed: JSON, as of :func:`suggested_text`.
    """
    if column is None or decision not in ("undo", "override") or row_values is None:
        return None
    values = json.loads(row_values)
    if column not in values:
        return None
    old = values[column]
    return Label(rid, column, old, old if decision == "undo" else value, suggested_in(proposed))


def suggested_text(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """Rows of the ledgers ``repairs`` and ``proposals`` about a cell as JSON; None if no method says anything."""
    found = [
        Suggested(row["method"], row["rule"], row["new"], row["confidence"], row["evidence"])
        for row in rows
        if row["method"] != "decision"
    ]
    return json.dumps([asdict(one) for one in found], ensure_ascii=False) if found else None


def suggested_in(text: str | None) -> tuple[Suggested, ...]:
    """What :func:`suggested_text` wrote."""
    return tuple(Suggested(**one) for one in json.loads(text)) if text else ()
