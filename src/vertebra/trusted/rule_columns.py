"""Which columns a rule reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint

if TYPE_CHECKING:
    from vertebra.declare.rules import NamedRule


def columns_of(rule: NamedRule, table: str) -> frozenset[str]:
    """The columns of a table that a rule reads."""
    constraint = rule.constraint
    if isinstance(constraint, DenialConstraint):
        return frozenset(constraint.columns_of(table))
    referenced = constraint.referenced if constraint.table == table else ()
    return frozenset((*constraint.columns, *referenced))


def readers_of(rules: Sequence[NamedRule], table: str) -> dict[str, list[str]]:
    """For each column of a table that a rule reads, the names of the rules that read it."""
    found: dict[str, list[str]] = {}
    for rule in rules:
        for column in sorted(columns_of(rule, table)):
            found.setdefault(column, []).append(rule.name)
    return found
