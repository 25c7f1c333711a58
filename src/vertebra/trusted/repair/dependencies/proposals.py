"""Proposals for cells from the votes of their groups, and which of them go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from vertebra.trusted.repair.dependencies.chances import MOST, dependent_is_wrong, is_the_value, rounded
from vertebra.trusted.repair.dependencies.evidence import FULL

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.chances import Chances
    from vertebra.trusted.repair.dependencies.evidence import SourceTrust
    from vertebra.trusted.repair.dependencies.standing import Standing
    from vertebra.trusted.repair.dependency import Determinant

CELL: Final = ("rule", "rid", "column_name", "old", "new", "method", "confidence", "support", "evidence")
"""The columns of a repair."""
PLACE: Final = ["determinant", "place"]
"""What tells a dependent from the others."""
_AS_GOOD_AS_NOT: Final = 0.5
_NOTHING: Final = -1e9
"""The log-odds of an alternative that does not exist."""


def rule_table(
    determinants: Sequence[Determinant], chances: Chances, engine: Engine, trust: SourceTrust | None = None
) -> DataFrame:
    """What is declared about each dependent, by determinant and place, and how often its cells are wrong.

    Args:
        trust: the sources by which votes are weighed; None if they are not.

    Returns:
        ``determinant, place, rule, column_name, method, least, fills, implied, same, reads, chance`` and ``unit``, the
        log-odds that a vote of weight :data:`FULL` adds; None for what ``chance`` says.
    """
    rows = [
        (
            one.number, place, rule.rule.name, rule.dependency.column, rule.method, rule.least,
            rule.fills, rule.implied, _same(one, rule.dependency.column, trust), sorted(one.reads),
            chances.dependent.get(one.number, MOST), 1.0 if _is_weighed(rule.dependency.column, trust) else None,
        )
        for one in determinants
        for place, rule in enumerate(one.rules)
    ]  # fmt: skip
    return engine.session.createDataFrame(
        rows,
        "determinant int, place int, rule string, column_name string, method string, least double, fills boolean, "
        "implied boolean, same string, reads array<string>, chance double, unit double",
    )


def determinant_table(determinants: Sequence[Determinant], chances: Chances, engine: Engine) -> DataFrame:
    """What is declared about each column of determinants: the first rule speaks for all.

    Returns:
        ``determinant, part`` (the place of the column), ``rule, column_name, method, least, reads, others`` (the other
        columns, in words) and ``chance``.
    """
    rows = []
    for one in determinants:
        first, columns = one.declared[0], one.parts or ((one.column,) if one.column is not None else ())
        least = max(rule.least for rule in one.declared)
        reads = [*[rule.dependency.column for rule in one.declared], *one.parts]
        for part, column in enumerate(columns):
            others = " and ".join(name for name in columns if name != column)
            rows.append(
                (one.number, part, first.rule.name, column, first.method, float(least), reads, others,
                 chances.dependent[one.number])
            )  # fmt: skip
    return engine.session.createDataFrame(
        rows,
        "determinant int, part int, rule string, column_name string, method string, least double, "
        "reads array<string>, others string, chance double",
    )


def proposed(standing: Standing, rules: DataFrame, chances: Chances, searched: Sequence[int] = ()) -> DataFrame:
    """What groups propose for cells that they contradict, or fill, and what speaks against it.

    Args:
        rules: as of :func:`rule_table`.
        searched: determinants for whose tuples a better group was looked for, by number: that some group has the value
            of a dependent says nothing more there.

    Returns:
        :data:`CELL`, ``least`` (the least confidence that the rule accepts), ``reads`` (the columns it relies on),
        ``change`` (false where the group supports the cell as it is), and ``moves`` (whether it is a determinant,
        chosen by what it determines).
    """
    from pyspark.sql import functions as F

    cells = standing.voted()
    if searched:
        cells = cells.withColumn("known", F.col("known") & ~F.col("determinant").isin(list(searched)))
    cells = cells.join(rules.where("not implied"), PLACE)
    empty, differs = F.col("value").isNull(), F.col("value") != F.col("winner")
    change = F.when(empty, F.col("fills")).otherwise(differs)
    supported = ~empty & ~differs & (F.col("support") > 1)
    cells = cells.withColumn("change", change).where(F.col("change") | supported)
    lead = (F.col("won") - F.col("rival")) / F.lit(float(FULL))
    # of sources that are often wrong, the cells of a tuple may all be wrong
    attributed = F.when(F.col("change") & F.col("unit").isNull(), dependent_is_wrong(chances.determinant))
    attributed = attributed.otherwise(F.lit(1.0))
    first = F.coalesce(F.lit(1.0) / (F.lit(1.0) + F.exp(-lead * F.col("unit"))), is_the_value(lead))
    return cells.select(
        "rule",
        F.col("_rid").alias("rid"),
        "column_name",
        F.col("value").alias("old"),
        F.col("winner").alias("new"),
        "method",
        rounded(first * attributed).alias("confidence"),
        "support",
        F.concat(F.col("support").cast("string"), F.lit(" of "), F.col("voters").cast("string"), F.col("same")).alias(
            "evidence"
        ),
        "least",
        "reads",
        "change",
        F.lit(False).alias("moves"),
    )


def one_per_cell(proposals: DataFrame, gains: DataFrame | None = None) -> DataFrame:
    """The best proposal for each cell: all that rules say about it taken together.

    The evidence for a value is the sum of its log-odds. Of two values with equal evidence none is chosen, and none is
    if the evidence for the present value is as good.

    Args:
        proposals: as of :func:`proposed`.
        gains: ``rid, column_name, new, gain``: what the dependents of a column say about new values.

    Returns:
        :data:`CELL`, ``least``, ``reads`` and ``reason``: empty, ``tie``, ``unsure`` below the least confidence, or
        ``unlikely``.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    odds = F.log(F.col("confidence") / (F.lit(1.0) - F.col("confidence")))
    changes = proposals.where("change").withColumn("odds", odds)
    best = Window.partitionBy("rid", "column_name", "new").orderBy(F.col("confidence").desc(), F.col("rule"))
    ranked = changes.withColumn("place", F.row_number().over(best))
    carried = [name for name in (*CELL, "least", "reads") if name not in {"rid", "column_name", "new"}]
    values = ranked.groupBy("rid", "column_name", "new").agg(
        *[F.max(F.when(F.col("place") == 1, F.col(name))).alias(name) for name in carried if name != "reads"],
        F.flatten(F.collect_set("reads")).alias("reads"),
        F.count(F.lit(1)).alias("rules"),
        F.round(F.sum("odds"), 3).alias("total"),
    )
    if gains is not None:
        values = values.join(gains, ["rid", "column_name", "new"], "left")
        values = values.withColumn("total", F.col("total") + F.coalesce("gain", F.lit(0.0)))
    else:
        values = values.withColumn("gain", F.lit(None).cast("double"))
    kept = proposals.where(~F.col("change")).withColumn("odds", odds).groupBy("rid", "column_name")
    values = values.join(kept.agg(F.round(F.sum("odds"), 3).alias("kept")), ["rid", "column_name"], "left")
    cell = Window.partitionBy("rid", "column_name")
    order = cell.orderBy(F.col("total").desc(), F.col("new"))
    values = values.withColumn("place", F.row_number().over(order)).withColumn("second", F.lead("total").over(order))
    first = values.where(F.col("place") == 1)
    # a rule that accepts any confidence accepts what is less likely than not, and never what less speaks for
    even = F.when(F.col("least") > 0, F.lit(0.0)).otherwise(F.lit(_NOTHING))
    rival = F.greatest(F.coalesce("second", F.lit(_NOTHING)), F.coalesce("kept", F.lit(_NOTHING)), even)
    alone = (F.col("rules") == 1) & F.col("second").isNull() & F.col("kept").isNull() & F.col("gain").isNull()
    others = F.lit(1.0) + _exp("second") + _exp("kept")
    together = F.lit(1.0) / (F.lit(1.0) + F.exp(-F.col("total")) * others)
    confidence = F.when(alone, F.col("confidence")).otherwise(rounded(together))
    first = first.withColumn("confidence", confidence)
    unsure = (F.col("total") < rival) | (F.col("confidence") < F.col("least"))
    # the present value is more likely to be right, and there is nothing to propose
    unlikely = F.col("confidence") < F.least(F.lit(_AS_GOOD_AS_NOT), F.col("least"))
    reason = F.when(F.col("total") == rival, "tie").when(unlikely, "unlikely").when(unsure, "unsure").otherwise("")
    return first.select(*CELL, "least", "reads", reason.alias("reason"))


def _exp(evidence: str) -> Column:
    """What an alternative weighs, by its log-odds; nearly nothing where there is none."""
    from pyspark.sql import functions as F

    return F.exp(F.coalesce(evidence, F.lit(-30.0)))


def without_conflicts(cells: DataFrame) -> DataFrame:
    """The proposals that can be applied together.

    A proposal that relies on a cell which another one changes waits for the next round. Two that rely on each other's
    cells are alternatives: the surer one is applied, and neither if both are equally sure.

    Args:
        cells: as of :func:`one_per_cell`.

    Returns:
        :data:`CELL` and ``reason``: empty for those to apply, else ``tie``, ``unsure``, ``unlikely`` or ``waits``.
    """
    from pyspark.sql import functions as F

    applied = cells.where(F.col("reason") == "")
    others = applied.select(
        F.col("rid").alias("other_rid"),
        F.col("column_name").alias("other_column"),
        F.col("confidence").alias("other_confidence"),
        F.col("reads").alias("other_reads"),
    )
    meets = (F.col("rid") == F.col("other_rid")) & F.expr("array_contains(reads, other_column)")
    pairs = applied.join(others, meets).where(F.col("column_name") != F.col("other_column"))
    mutual = F.expr("array_contains(other_reads, column_name)")
    waits = ~mutual | (F.col("confidence") < F.col("other_confidence"))
    tie = mutual & (F.col("confidence") == F.col("other_confidence"))
    blocked = pairs.groupBy("rid", "column_name").agg(
        F.max(waits.cast("int")).alias("waits"), F.max(tie.cast("int")).alias("ties")
    )
    reason = (
        F.when(F.col("reason") != "", F.col("reason"))
        .when(F.col("waits") == 1, "waits")
        .when(F.col("ties") == 1, "tie")
        .otherwise("")
    )
    joined = cells.join(blocked, ["rid", "column_name"], "left").withColumn("reason", reason)
    # of two alternatives that exclude each other, neither is more likely than not
    excluded = F.col("reason") == "tie"
    sure = F.when(excluded, F.least("confidence", F.lit(_AS_GOOD_AS_NOT))).otherwise(F.col("confidence"))
    return joined.withColumn("confidence", sure).select(*CELL, "reason")


def _same(one: Determinant, column: str, trust: SourceTrust | None) -> str:
    names = " and ".join(sorted(one.reads))
    weighed = f", weighed by {trust.column}" if trust is not None and _is_weighed(column, trust) else ""
    return (f" with the same {names}" if names else " rows") + weighed


def _is_weighed(column: str, trust: SourceTrust | None) -> bool:
    return trust is not None and column in trust.columns
