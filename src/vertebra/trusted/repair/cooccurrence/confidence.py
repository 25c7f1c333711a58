"""The best candidate of each suspicious cell, and the probability that it is right.

The probability is a logistic model of what speaks for the candidate and for the cell's own value. It has few
coefficients, fitted on made tables with slips, masked characters, values of other rows and empty cells in 1 to 10 % of
the cells, each table with the same weight. The benchmark ``benchmarks.cleaning`` shows how well it is calibrated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine

_MOST: Final = 0.99
_CONTESTED: Final = 0.5
"""Factor for a cell whose only evidence stands in a row with another wrong cell, which may be the evidence itself, and
for a value that no other row has beside another such value: together they are rather something new than two slips."""
_EITHER: Final = 0.5
"""The most for a candidate that is as rare as the cell's own value, in the table and beside each value of the row: the
other tuples with the candidate may be the wrong ones."""
_SLIP: Final = 0.6
"""The similarity from which a value may be a slip of another one."""

_WRONG: Final = {
    "1": -0.17,
    "ahead_forward": 0.21,
    "ahead_reverse": 0.23,
    "similarity": -0.61,
    "more_frequent": 0.67,
    "unique": -3.1,
    "unique * similarity": 6.48,
    "unique * uniqueness": -0.37,
    "best": 2.67,
    "own_share": -5.18,
    "tuples": -1.23,
    "one_column": 0.32,
    "one_tuple": -3.43,
}
"""For a cell with a value. A value that no other row has is likely a slip if it is similar to the candidate, and a rare
value otherwise, the more so the more such values the column has."""

_EMPTY: Final = {
    "1": 2.26,
    "forward": 0.34,
    "reverse": 0.18,
    "unusually_empty": 3.32,
    "share": 1.69,
    "best": 3.75,
    "tuples": -0.45,
    "one_column": -2.56,
    "one_tuple": -1.52,
}
"""For an empty cell. Where the cells of the rows with the same evidence are empty more often than others of the column,
being empty is the right value."""


def best_candidates(scored: DataFrame, rows: int, engine: Engine, folder: Path) -> DataFrame:
    """The best candidate for each cell.

    Args:
        scored: as of :func:`~vertebra.trusted.repair.cooccurrence.scores.scored_candidates`.
        rows: of the table.

    Returns:
        ``rid, target, text, confidence, support, agreeing, evidence``.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    liking = F.col("forward") + F.col("reverse") + 0.3 * F.log("n") + 2 * F.col("similarity")
    scored = scored.withColumn("similarity", _similarity()).withColumn("liking", F.round(liking, 9))
    scored = engine.materialise(scored, folder / "scored")
    cell = Window.partitionBy("rid", "target")
    is_own = F.col("own").isNotNull() & (F.col("own") == F.col("value"))
    with_own = scored.select(
        "*",
        is_own.alias("is_own"),
        *(
            F.max(F.when(is_own, F.col(name))).over(cell).alias(f"own_{name}")
            for name in ("forward", "reverse", "agreeing", "support")
        ),
    ).where(~F.col("is_own"))
    order = cell.orderBy(F.col("liking").desc(), F.col("text"))
    ranked = with_own.withColumn("rank", F.row_number().over(order)).where(F.col("rank") == 1)
    features = ranked.select("*", *(column.alias(name) for name, column in _features(rows).items()))
    empty = F.col("own").isNull()
    judged = features.withColumn("probability", F.when(empty, _logistic(_EMPTY)).otherwise(_logistic(_WRONG)))
    row = Window.partitionBy("rid")
    likely = F.when(F.col("probability") >= 0.5, 1).otherwise(0)
    others = F.sum(likely).over(row) - likely
    strange = F.when((F.col("own_n") == 1) & (F.col("similarity") < _SLIP), 1).otherwise(0)
    strangers = F.sum(strange).over(row) - strange
    contested = (F.col("own_n") > 1) & (F.col("evidence") == 1) & (others > 0)
    contested = ~empty & (contested | ((F.col("own_n") == 1) & (strangers > 0)))
    confidence = F.when(contested, F.col("probability") * _CONTESTED).otherwise(F.col("probability"))
    # the support of the cell's own value does not count the tuple itself
    either = (F.col("n") <= F.col("own_n")) & (F.col("support") <= F.col("own_support") + 1)
    confidence = F.when(either, F.least(confidence, F.lit(_EITHER))).otherwise(confidence)
    return judged.select(
        "rid",
        "target",
        "text",
        F.least(confidence, F.lit(_MOST)).alias("confidence"),
        "support",
        "agreeing",
        "evidence",
    )


def _features(rows: int) -> dict[str, Column]:
    from pyspark.sql import functions as F

    def bounded(value: Column, least: float, most: float) -> Column:
        return F.greatest(F.least(value, F.lit(most)), F.lit(least))

    def flag(condition: Column) -> Column:
        return F.when(condition, 1.0).otherwise(0.0)

    def own(name: str) -> Column:
        return F.coalesce(F.col(f"own_{name}"), F.lit(0))

    unusual = F.col("filled") - F.col("weight") * F.log(F.greatest(F.col("known") / F.lit(float(rows)), F.lit(0.01)))
    return {
        "ahead_forward": bounded(F.col("forward") - own("forward"), -20, 20),
        "ahead_reverse": bounded(F.col("reverse") - own("reverse"), -20, 20),
        "more_frequent": bounded(F.log(F.col("n") / F.coalesce(F.col("own_n"), F.lit(1))), -4, 6),
        "unique": flag(F.col("own_n") == 1),
        "uniqueness": bounded(F.log((F.col("single") + 1) / F.col("known")), -7, 0),
        "own_share": own("agreeing") / F.greatest(F.col("evidence"), F.lit(1)),
        "share": F.col("agreeing") / F.greatest(F.col("evidence"), F.lit(1)),
        "tuples": F.log(F.least(F.col("support"), F.lit(20)) + 1),
        "one_column": flag(F.col("evidence") == 1),
        "one_tuple": flag(F.col("support") <= 1),
        "unusually_empty": bounded(unusual, -20, 0),
    }


def _logistic(coefficients: dict[str, float]) -> Column:
    from pyspark.sql import functions as F

    total = F.lit(0.0)
    for names, coefficient in coefficients.items():
        term = F.lit(coefficient)
        for name in names.split(" * "):
            term = term * (F.lit(1.0) if name == "1" else F.col(name))
        total = total + term
    return 1 / (1 + F.exp(-total))


def _similarity() -> Column:
    """1 for equal texts, 0 for texts that share nothing or differ by half in length; case and blanks are ignored."""
    from pyspark.sql import functions as F

    left, right = F.lower(F.trim("own_text")), F.lower(F.trim("text"))
    longer = F.greatest(F.length(left), F.length(right))
    close = F.abs(F.length(left) - F.length(right)) * 2 <= longer
    return F.when(close & (longer > 0), 1 - F.levenshtein(left, right) / longer).otherwise(0.0)
