"""``fresh: {placed_at: 2 days}`` requires that the newest value of a time is not older."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vertebra.declare.quantity import Duration, parse_duration
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.table_rule import NOW, TableCondition, TableRuleKind
from vertebra.errors import DeclarationError
from vertebra.quoting import spark_identifier


class Fresh(TableRuleKind):
    """The age of the newest time, when the run begins.

    Times after that are ignored: one row of the year 2999 would keep a table fresh for ever. A date is as new as the
    end of its day, UTC.
    """

    name = "fresh"
    position = 20
    summary = "The newest value of a timestamp or date is not older than a duration when a run begins."
    rule_type = dict[str, Duration]
    column_type = Duration
    example = {"time_hour": "2 days"}  # noqa: RUF012

    def conditions(self, value: Mapping[str, str], scope: RuleScope) -> Iterator[tuple[str, TableCondition]]:
        """``max(placed_at)``, of those that are not later than the run."""
        for column, oldest in value.items():
            scope.check_columns([column])
            kind = scope.columns[column].strip().lower()
            if kind not in ("", "timestamp", "date"):
                raise DeclarationError(
                    f"{scope.label}: {column} is a {kind}, and has no age",
                    remedy="name a column of type timestamp or date",
                )
            name = spark_identifier(column)
            if kind == "date":
                newest = f"max(case when {name} <= date '{NOW}' then {name} end)"
                seconds = f"cast(datediff({newest}, date '1970-01-01') + 1 as double) * 86400"
            else:
                newest = f"max(case when {name} <= timestamp '{NOW}' then {name} end)"
                seconds = f"cast(unix_micros({newest}) as double) / 1000000"
            yield (
                scope.constraint_name(column, value),
                TableCondition(f"the newest {column}", seconds, (column,), oldest=parse_duration(oldest)),
            )


KIND = Fresh()
