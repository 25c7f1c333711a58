"""Examples of violations: the tuples that break a rule, side by side, as they were before cleaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from vertebra.denial import DenialConstraint, Inclusion
from vertebra.workspace.checked_rows import checked_rows
from vertebra.workspace.sql import query

if TYPE_CHECKING:
    from vertebra.declare.rules import NamedRule
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

_EXAMPLES: Final = 3
_MAX_COLUMNS: Final = 12


@dataclass(frozen=True)
class ExampleTuple:
    """One tuple of an example.

    Attributes:
        role: the tuple variable it plays.
        values: the values of the shown columns that the table has.
        repaired: the new values, as text, of the cells that cleaning changed.
        resolution: what happened to the violation; empty for the partner.
    """

    role: str
    table: str
    rid: int
    values: Mapping[str, Any]
    repaired: Mapping[str, str | None] = field(default_factory=dict)
    resolution: str = ""


@dataclass(frozen=True)
class ViolationExample:
    """One or two tuples that break a rule.

    Attributes:
        columns: the columns to show: first those that the rule reads, then those of the key.
        read: the columns the rule reads.
    """

    columns: tuple[str, ...]
    read: frozenset[str]
    tuples: tuple[ExampleTuple, ...]

    def differs(self, column: str) -> bool:
        """Whether the two tuples have different values in a column."""
        if len(self.tuples) < 2 or self.tuples[0].table != self.tuples[1].table:
            return False
        first, second = (shown.values.get(column) for shown in self.tuples)
        return bool(first != second)


def violation_examples(
    lake: Lake, ledgers: Ledgers, dataset: str, key: Sequence[str], rules: Sequence[NamedRule]
) -> dict[str, list[ViolationExample]]:
    """Find a few examples of each broken rule of a dataset; fewer or none if earlier versions were freed.

    Args:
        dataset: its name.
        key: its key columns.
        rules: its rules.
    """
    by_name = {rule.name: rule for rule in rules}
    found = [row for row in _violations(lake, dataset) if row["rule"] in by_name]
    if not found:
        return {}
    wanted: dict[str, set[int]] = {}
    for row in found:
        wanted.setdefault(dataset, set()).add(row["rid"])
        partner = _partner(by_name[row["rule"]], row)
        if partner:
            wanted.setdefault(partner[1], set()).add(partner[2])
    rows = {table: checked_rows(lake, dataset, table, rids) for table, rids in wanted.items()}
    repaired = _repairs(ledgers, dataset, wanted[dataset])
    made: dict[str, list[ViolationExample]] = {}
    for row in found:
        one = _example(by_name[row["rule"]], row, dataset, key, rows, repaired)
        if one is not None:
            made.setdefault(row["rule"], []).append(one)
    return made


def _violations(lake: Lake, dataset: str) -> list[dict[str, Any]]:
    """A few violations of each rule: no pair twice, and preferably with different partners."""
    found = query(
        lake,
        f"""
        WITH pairs AS (
            SELECT rule, rid, role, partner, resolution FROM governance.violations WHERE dataset = '{dataset}'
            QUALIFY row_number() OVER (
                PARTITION BY rule, least(rid, coalesce(partner, rid)), greatest(rid, coalesce(partner, rid))
                ORDER BY role, rid
            ) = 1
        ), spread AS (
            SELECT *, row_number() OVER (PARTITION BY rule, coalesce(partner, rid) ORDER BY rid, role) AS place
            FROM pairs
        )
        SELECT rule, rid, role, partner, resolution FROM spread
        QUALIFY row_number() OVER (PARTITION BY rule ORDER BY place, rid, role) <= {_EXAMPLES}
        ORDER BY rule, rid
        """,
    )
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    return rows


def _partner(rule: NamedRule, row: Mapping[str, Any]) -> tuple[str, str, int] | None:
    """Role, table and row id of the other tuple of a violation."""
    constraint = rule.constraint
    if isinstance(constraint, Inclusion) or row["partner"] is None or len(constraint.variables) < 2:
        return None
    first, second = constraint.variables
    other = first if row["role"] == second else second
    return other, constraint.relations[constraint.variables.index(other)], int(row["partner"])


def _example(
    rule: NamedRule,
    row: Mapping[str, Any],
    dataset: str,
    key: Sequence[str],
    rows: Mapping[str, Mapping[int, Mapping[str, Any]]],
    repaired: Mapping[int, Mapping[str, str | None]],
) -> ViolationExample | None:
    own = rows[dataset].get(row["rid"])
    if own is None:
        return None
    shown = [ExampleTuple(row["role"], dataset, row["rid"], own, repaired.get(row["rid"], {}), row["resolution"])]
    partner = _partner(rule, row)
    if partner is not None:
        role, table, rid = partner
        other = rows[table].get(rid)
        if other is None:
            return None
        shown.append(ExampleTuple(role, table, rid, other, repaired.get(rid, {}) if table == dataset else {}))
    variables = rule.constraint.variables if isinstance(rule.constraint, DenialConstraint) else ()
    shown.sort(key=lambda one: variables.index(one.role) if one.role in variables else 0)
    read = columns_read(rule)
    changed = [column for one in shown for column in one.repaired]
    listed = dict.fromkeys([*read, *key, *changed])
    columns = [column for column in listed if any(column in one.values for one in shown)]
    return ViolationExample(tuple(columns[:_MAX_COLUMNS]), frozenset(read), tuple(shown))


def columns_read(rule: NamedRule) -> list[str]:
    """The columns a rule reads, in the order it names them."""
    constraint = rule.constraint
    if isinstance(constraint, Inclusion):
        return list(constraint.columns)
    columns = [column for relation in dict.fromkeys(constraint.relations) for column in constraint.columns_of(relation)]
    return list(dict.fromkeys(columns))


def _repairs(ledgers: Ledgers, dataset: str, rids: Iterable[int]) -> dict[int, dict[str, str | None]]:
    import pyarrow.compute as pc

    table = ledgers.table("repairs")
    if not table.exists():
        return {}
    only = (pc.field("dataset") == dataset) & pc.field("rid").isin(sorted(rids))
    found: dict[int, dict[str, str | None]] = {}
    for row in table.arrow().to_table(columns=["rid", "column_name", "new"], filter=only).to_pylist():
        found.setdefault(row["rid"], {})[row["column_name"]] = row["new"]
    return found
