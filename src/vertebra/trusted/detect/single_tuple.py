"""Rules about one tuple, in one scan, and references, with one anti-join each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vertebra.denial import DenialConstraint, Inclusion, classify
from vertebra.quoting import spark_identifier
from vertebra.trusted.detect.roles import ROW_ID, Expressions, all_of, any_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.declare.rules import NamedRule


def single_violations(frame: DataFrame, rules: Sequence[tuple[NamedRule, DenialConstraint]]) -> DataFrame:
    """The violations of all one-tuple rules of a table, in one scan.

    Returns:
        ``rule, rid, role, partner, grp``; partner and group are NULL.
    """
    from pyspark.sql import functions as F

    conditions: list[Column] = []
    for _, constraint in rules:
        conditions.append(all_of([F.expr(sql) for sql in classify(constraint).conditions[0]]))
    broken = [
        F.when(condition, F.struct(F.lit(rule.name).alias("rule"), F.lit(constraint.variables[0]).alias("role")))
        for condition, (rule, constraint) in zip(conditions, rules, strict=True)
    ]
    return (
        frame.where(any_of(conditions))
        .select(F.col(ROW_ID).alias("rid"), F.explode(F.array(*broken)).alias("broken"))
        .where(F.col("broken").isNotNull())
        .select(
            F.col("broken.rule").alias("rule"),
            F.col("rid"),
            F.col("broken.role").alias("role"),
            F.lit(None).cast("bigint").alias("partner"),
            F.lit(None).cast("string").alias("grp"),
        )
    )


class Reference:
    """A reference: tuples of a relation and the values of another relation that they refer to.

    Args:
        frame: the referring relation.
        referenced: the referenced relation.
    """

    def __init__(
        self, rule: NamedRule, inclusion: Inclusion, frame: DataFrame, referenced: DataFrame, expressions: Expressions
    ) -> None:
        self.rule, self.inclusion = rule, inclusion
        self.keys = [f"x{i}" for i in range(len(inclusion.columns))]
        self._frame, self._referenced, self._expressions = frame, referenced, expressions

    @property
    def name(self) -> str:
        """The rule's."""
        return self.rule.name

    def folded(self) -> DataFrame:
        """A row for each value that is not found, and one for all others: ``x…, tuples, groups, lost``."""
        from pyspark.sql import functions as F

        known = self._values(self._referenced, self.inclusion.table, self.inclusion.referenced).distinct()
        values = self._referring().groupBy(*self.keys).agg(F.count("*").alias("n"))
        values = values.join(known.withColumn("known", F.lit(True)), self.keys, "left")
        values = values.withColumn("lost", F.col("known").isNull())
        kept = values.select(*[F.when(F.col("lost"), F.col(key)).alias(key) for key in self.keys], "lost", "n")
        return kept.groupBy(*self.keys, "lost").agg(F.sum("n").alias("tuples"), F.count("n").alias("groups"))

    def summary(self, folded: DataFrame) -> DataFrame:
        """One row: ``rule`` and :data:`~vertebra.trusted.detect.groups.GROUP_MEASURES`, of distinct values."""
        from pyspark.sql import functions as F

        lost = F.col("lost")
        values = {
            "doubled_lhs_pairs": F.sum(F.lit(0)),
            "groups": F.sum("groups"),
            "suspects": F.count(F.when(lost, F.lit(1))),
            "suspect_rows": F.sum(F.when(lost, F.col("tuples"))),
            "duplicates": F.max(F.lit(0)),
        }
        totals = folded.agg(*[value.cast("decimal(38,0)").alias(name) for name, value in values.items()])
        return totals.select(F.lit(self.name).alias("rule"), *values)

    def dangling(self, folded: DataFrame) -> DataFrame:
        """The tuples whose referenced value does not exist: ``rid, grp``; :meth:`summary` counts the groups."""
        from pyspark.sql import functions as F

        lost = folded.where("lost").select(*self.keys)
        rows = self._referring().join(lost, self.keys, "left_semi")
        return rows.select("rid", F.lit(None).cast("string").alias("grp"))

    def _referring(self) -> DataFrame:
        from pyspark.sql import functions as F

        rows = self._values(self._frame, self.inclusion.relation, self.inclusion.columns, ROW_ID)
        return rows.where(all_of([F.col(key).isNotNull() for key in self.keys]))

    def _values(self, frame: DataFrame, relation: str, columns: Sequence[str], *rid: str) -> DataFrame:
        from pyspark.sql import functions as F

        named = zip(self.keys, columns, strict=True)
        values = [self._expressions.comparable(relation, spark_identifier(column)).alias(key) for key, column in named]
        return frame.select(*values, *[F.col(name).alias("rid") for name in rid])


def group_text(keys: Sequence[str]) -> Column:
    """The group of a tuple as text, for counting groups."""
    from pyspark.sql import functions as F

    return F.concat_ws("\x01", F.lit(""), *[F.col(key).cast("string") for key in keys])
