"""Checks rules about a whole table: each is a figure of the cleaned table that has to be within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vertebra.declare.table_rule import NOW
from vertebra.governance.row_table import rows_of
from vertebra.trusted.assess import Measure

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame

    from vertebra.declare.table_rule_compiler import TableRule
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.commit import TableVersion

VIOLATED = "violated"
FIGURE = "figure"
NEWEST = "newest"
"""Measures of a table rule: 1 if it is violated, with the reason as note; what was measured, for ``fresh`` the age in
days; and for ``fresh`` the newest time, in seconds since 1970."""

_DAY = 86400


@dataclass(frozen=True)
class TableFinding:
    """The result of one table rule.

    Attributes:
        value: the figure; None if the table has none.
        reason: how the rule is violated; empty if it holds.
        at: when it was checked, seconds since 1970.
    """

    rule: TableRule
    value: float | None
    reason: str
    at: float

    def measures(self) -> list[Measure]:
        """As measures of an assessment."""
        name, condition = self.rule.name, self.rule.condition
        made = [Measure("rule", name, VIOLATED, float(bool(self.reason)), self.reason or str(condition))]
        if condition.oldest is None:
            return [*made, Measure("rule", name, FIGURE, self.value, condition.figure)]
        days = None if self.value is None else (self.at - self.value) / _DAY
        return [
            *made,
            Measure("rule", name, FIGURE, days, f"age in days of {condition.figure}"),
            Measure("rule", name, NEWEST, self.value, condition.figure),
        ]


def check_table(
    rules: Sequence[TableRule], table: DataFrame, now: datetime, before: DataFrame | None = None
) -> tuple[TableFinding, ...]:
    """Check rules about a whole table, in one engine job; in two if the table before is compared with.

    Args:
        table: the table.
        now: the time of the run, UTC.
        before: the version of the table before; None if there is none.
    """
    figures = _figures(rules, table, now)
    known = set(before.columns) if before is not None else set()
    compared = [one for one in rules if one.condition.change is not None and known.issuperset(one.condition.columns)]
    earlier = _figures(compared, before, now) if before is not None else {}
    at = now.timestamp()
    return tuple(
        TableFinding(one, value, one.condition.violated(value, earlier.get(one.name), at), at)
        for one in rules
        for value in (figures[one.name],)
    )


def _figures(rules: Sequence[TableRule], table: DataFrame, now: datetime) -> dict[str, float | None]:
    """The figure of each rule, by the name of the rule."""
    from pyspark.sql import functions as F

    if not rules:
        return {}
    aggregates = [F.expr(_text(one, now)).alias(f"f{number}") for number, one in enumerate(rules)]
    row: Any = table.agg(*aggregates).collect()[0]
    return {one.name: row[f"f{number}"] for number, one in enumerate(rules)}


def _text(rule: TableRule, now: datetime) -> str:
    dated = rule.condition.aggregate.replace(f"date '{NOW}'", f"date '{now:%Y-%m-%d}'")
    return dated.replace(NOW, f"{now:%Y-%m-%d %H:%M:%S.%f}+00:00")


def last_assessment(ledgers: Ledgers, table: str) -> list[dict[str, Any]]:
    """The rows of the last assessment of a table in the ledger ``quality``."""
    import pyarrow.compute as pc

    ledger = ledgers.read("quality")
    mine = ledger.filter(pc.equal(ledger.column("table_name"), table))
    last = pc.max(mine.column("run_id"))
    return rows_of(mine.filter(pc.equal(mine.column("run_id"), last))) if last.is_valid else []


def lapsed(rules: Sequence[TableRule], assessment: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """The rules about freshness whose result is another now than in an assessment, though the table is the same.

    Args:
        assessment: its rows in the ledger ``quality``.
        now: UTC.
    """
    measured = {(row["subject"], row["measure"]): row["value"] for row in assessment if row["scope"] == "rule"}
    return [
        one.name
        for one in rules
        if one.condition.oldest is not None
        and measured.get((one.name, VIOLATED)) is not None
        and bool(measured[one.name, VIOLATED])
        != bool(one.condition.violated(measured.get((one.name, NEWEST)), None, now.timestamp()))
    ]


def renewed(
    assessment: Sequence[Mapping[str, Any]], findings: Sequence[TableFinding], run_id: str, now: datetime
) -> list[dict[str, Any]]:
    """An assessment of the same version of a table in another run: all measures but those of the findings are the same.

    No violation of a row is new or gone, because the rows are the same.
    """
    again = {one.rule.name for one in findings}
    counts = {row["subject"]: row["value"] for row in assessment if row["measure"] == "violations"}
    same = {"violations_new": 0.0, "violations_gone": 0.0}
    rows = []
    for row in assessment:
        if row["scope"] == "rule" and row["subject"] in again:
            continue
        value = row["value"]
        if value is not None and row["measure"].startswith("violations_"):
            value = same.get(row["measure"], counts.get(row["subject"], value))
        rows.append({**row, "run_id": run_id, "recorded_at": now, "value": value})
    about = {name: assessment[0][name] for name in ("table_name", "table_version")}
    about |= {"run_id": run_id, "recorded_at": now, "stage": "after"}
    for finding in findings:
        rows += [about | vars(measure) for measure in finding.measures()]
    return rows


def is_current(newest: TableVersion | None, fingerprint: str) -> bool:
    """Whether a version of a table is the one that a step with this fingerprint would write."""
    return newest is not None and bool(fingerprint) and newest.fingerprint == fingerprint
