"""Taking back repairs: one that makes other rules break more than before is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vertebra.trusted.rule_columns import columns_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.rules import NamedRule
    from vertebra.trusted.detect.rule_count import RuleCount


def raised(before: Iterable[RuleCount], after: Iterable[RuleCount]) -> list[str]:
    """The rules with more violating tuples, or more violating pairs, than before, by name."""
    was = {count.rule: count for count in before}
    return sorted(
        count.rule
        for count in after
        if count.violating_tuples > was[count.rule].violating_tuples
        or (count.violating_pairs or 0) > (was[count.rule].violating_pairs or 0)
    )


def reverted(
    cells: DataFrame,
    violations: DataFrame,
    broken: Sequence[str],
    rules: Sequence[NamedRule],
    table: str,
    *,
    every: bool,
    all_columns: bool,
) -> tuple[DataFrame, DataFrame]:
    """Divide repairs into those that are kept and those that are taken back.

    Taken back are the repairs in rows that violate one of the rules now, of columns that it reads. What people decided
    is kept.

    Args:
        cells: the repairs, ``rule, rid, column_name, …, method, …``.
        violations: ``rule, rid`` after them.
        broken: the rules with more violations than before.
        every: take back the repairs of these columns in every row.
        all_columns: take back all repairs.

    Returns:
        The repairs that are kept, and those taken back, with ``reason`` and the rule in ``evidence``.
    """
    from pyspark.sql import functions as F

    decided = F.col("method") == "decision"
    named = {rule.name: rule for rule in rules}
    reads = {name: sorted(columns_of(named[name], table)) for name in broken}
    columns = sorted({column for names in reads.values() for column in names})
    if all_columns:
        gone = ~decided
    elif every:
        gone = ~decided & F.col("column_name").isin(columns)
    else:
        touched = F.lit(False)
        rows = violations.where(F.col("rule").isin(list(broken))).select("rule", "rid").distinct()
        flags = rows.groupBy(F.col("rid").alias("_rid")).agg(F.collect_set("rule").alias("_breaks"))
        cells = cells.join(flags, F.col("rid") == F.col("_rid"), "left").drop("_rid")
        for name in broken:
            in_row = F.coalesce(F.array_contains("_breaks", name), F.lit(False))
            touched = touched | (in_row & F.col("column_name").isin(reads[name]))
        gone = ~decided & touched
    marked = cells.withColumn("_gone", gone)
    kept = marked.where(~F.col("_gone")).drop("_gone", "_breaks")
    taken = marked.where("_gone").drop("_gone", "_breaks")
    because = f"it would break {', '.join(broken)} in more rows than before"
    return kept, taken.withColumns({"reason": F.lit("breaks"), "evidence": F.lit(because)})
