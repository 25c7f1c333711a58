"""Taking back repairs: one that makes other rules break more than before is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from vertebra.trusted.rule_columns import columns_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.rules import NamedRule
    from vertebra.trusted.detect.rule_count import RuleCount


Reversal = Literal["fills", "rows", "columns", "all"]
"""Which repairs are taken back: those of empty cells in rows that violate one of the rules now, of columns that it
reads (a value in a group whose other cells still differ is one more violation); all repairs of these cells; all of
these columns; or all."""

REVERSALS: Final[tuple[Reversal, ...]] = ("fills", "rows", "rows", "rows", "columns", "all")
"""One after the other, until no rule has more violations than before."""


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
    taken: Reversal,
) -> tuple[DataFrame, DataFrame]:
    """Divide repairs into those that are kept and those that are taken back.

    What people decided is kept.

    Args:
        cells: the repairs, ``rule, rid, column_name, …, method, …``.
        violations: ``rule, rid`` after them.
        broken: the rules with more violations than before.
        taken: which repairs are taken back.

    Returns:
        The repairs that are kept, and those taken back, with ``reason`` and the rule in ``evidence``.
    """
    from pyspark.sql import functions as F

    named = {rule.name: rule for rule in rules}
    reads = {name: sorted(columns_of(named[name], table)) for name in broken}
    if taken == "all":
        gone = F.lit(True)
    elif taken == "columns":
        gone = F.col("column_name").isin(sorted({column for names in reads.values() for column in names}))
    else:
        gone = F.lit(False)
        rows = violations.where(F.col("rule").isin(list(broken))).select("rule", "rid").distinct()
        flags = rows.groupBy(F.col("rid").alias("_rid")).agg(F.collect_set("rule").alias("_breaks"))
        cells = cells.join(flags, F.col("rid") == F.col("_rid"), "left").drop("_rid")
        for name in broken:
            in_row = F.coalesce(F.array_contains("_breaks", name), F.lit(False))
            gone = gone | (in_row & F.col("column_name").isin(reads[name]))
        if taken == "fills":
            gone = gone & F.col("old").isNull()
    marked = cells.withColumn("_gone", gone & (F.col("method") != "decision"))
    kept = marked.where(~F.col("_gone")).drop("_gone", "_breaks")
    back = marked.where("_gone").drop("_gone", "_breaks")
    because = f"it would break {', '.join(broken)} in more rows than before"
    return kept, back.withColumns({"reason": F.lit("breaks"), "evidence": F.lit(because)})
