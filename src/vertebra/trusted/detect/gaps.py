"""The gaps that violate a rule ``gap_free``: between which rows steps of time have no row, and how many.

The rule compares the number of the step of a row, plus one, with that of the next row. Their difference is the number
of steps between them, so missing rows are counted without being made.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.detect.roles import ROW_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

    from vertebra.declare.rules import NamedRule
    from vertebra.denial import DenialConstraint

GAP_FREE: Final = "gap_free"
"""The kind of these rules."""


def gaps(frame: DataFrame, rules: Sequence[tuple[NamedRule, DenialConstraint]], violations: DataFrame) -> DataFrame:
    """The gaps of some rules.

    Args:
        frame: the table.
        rules: rules of this kind.
        violations: ``rule, rid, role, partner, …`` of them.

    Returns:
        ``rule STRING, series ARRAY<STRING>`` (the values of ``by`` as text), ``rid BIGINT, partner BIGINT`` (a row
        before the gap, and one after it), ``last_before TIMESTAMP, first_after TIMESTAMP`` (their times), and
        ``missing BIGINT``, the number of steps without a row.
    """
    return reduce(lambda a, b: a.unionAll(b), [_gaps(frame, rule, one, violations) for rule, one in rules])


def _gaps(frame: DataFrame, rule: NamedRule, constraint: DenialConstraint, violations: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    succession, (predicate,) = constraint.succession, constraint.predicates
    assert succession is not None
    assert predicate.right is not None
    time = succession.order[0].operand.columns
    by = [F.col(spark_identifier(column)).cast("string") for one in succession.by for column in one.columns]
    series = F.array(*by) if by else F.expr("cast(array() as array<string>)")
    before = frame.select(
        F.col(ROW_ID).alias("rid"), series.alias("series"),
        F.col(spark_identifier(time[0])).cast("timestamp").alias("last_before"),
        F.expr(predicate.left.sql).cast("bigint").alias("coming"),
    )  # fmt: skip
    after = frame.select(
        F.col(ROW_ID).alias("partner"), F.col(spark_identifier(time[0])).cast("timestamp").alias("first_after"),
        F.expr(predicate.right.sql).cast("bigint").alias("found"),
    )  # fmt: skip
    first = violations.where((F.col("rule") == rule.name) & (F.col("role") == constraint.variables[0]))
    rows = first.select("rid", "partner").join(before, "rid").join(after, "partner")
    # rows of one time are each before the same gap
    found = rows.groupBy("series", "last_before").agg(
        F.max("rid").alias("rid"),
        F.max("partner").alias("partner"),
        F.max("first_after").alias("first_after"),
        F.max(F.col("found") - F.col("coming")).alias("missing"),
    )
    columns = ("series", "rid", "partner", "last_before", "first_after", "missing")
    return found.select(F.lit(rule.name).alias("rule"), *columns)
