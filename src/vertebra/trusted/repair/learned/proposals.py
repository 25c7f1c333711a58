"""Proposals for the cells that labelled ones are like, computed over the different values of each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.repair.learned.transformation import LETTERS
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.learned.ways import Entry, Way

_FAILURES: Final = 0.25
"""Of the beta distribution of a transformation before any label; one label then makes it about as sure as 0.89."""
_FAILURES_BY_SHARE: Final = 1.0
"""What is added if all values of the column would change: the usual writing is rarely wrong."""
_CONFIRMED: Final = 0.3
"""Factor for values that become a more frequent value of the column, or get its usual shape."""
_LOOSE: Final = 2.0
"""Factor for each step by which a transformation is wider than its labels."""
_OWN_VALUE: Final = 2.0
"""Failures of a value that may be a value of its own: the right one elsewhere, and wrong in the labelled row only."""
_TIMES: Final = 5
_USUAL: Final = 0.5
_MOST: Final = 0.99


def learned_proposals(
    frame: DataFrame, ways: Mapping[str, Sequence[Way]], entries: Mapping[str, Sequence[Entry]], engine: Engine,
    folder: Path,
) -> DataFrame:  # fmt: skip
    """The surest new value of each cell that the labels say something about, as a method for tables returns it.

    A transformation is the less sure the more values of the column it would change, the fewer labels show it, and
    surer where the result is a value, or has a shape, that the column mostly has. Where two make different values of
    one, and are about as sure, nothing is proposed.

    Args:
        frame: the table.
        ways: transformations, by column.
        entries: single values, by column.
    """
    from pyspark.sql import functions as F

    columns = sorted({*ways, *entries})
    cells = [F.struct(F.lit(name).alias("column_name"), F.col(spark_identifier(name)).alias("old")) for name in columns]
    exploded = frame.select(F.col("_rid").alias("rid"), F.explode(F.array(*cells)).alias("cell"))
    exploded = exploded.select("rid", "cell.*").where(F.col("old").isNotNull())
    values = exploded.groupBy("column_name", "old").agg(F.count(F.lit(1)).alias("n"))
    values = engine.materialise(values.withColumn("shape", _shape(F.col("old"))), folder / "values")
    made = engine.materialise(_made(values, ways, entries, engine), folder / "made")
    best = engine.materialise(_best(_judged(made, values)), folder / "best")
    return exploded.join(best, ["column_name", "old"]).select(*TABLE_PROPOSAL_COLUMNS)


def _made(
    values: DataFrame, ways: Mapping[str, Sequence[Way]], entries: Mapping[str, Sequence[Entry]], engine: Engine
) -> DataFrame:
    """What may become of each value, and what the labels say of the way.

    Returns:
        ``column_name, old, n, shape, way, new, shown, against, failures, loose, evidence``; the failures of a way are
        -1 if they depend on the values.
    """
    from pyspark.sql import functions as F

    parts, facts, number = [], [], 0
    for name in sorted(ways):
        cases = []
        for way in ways[name]:
            number += 1
            new = way.transformation.column(F.col("old"))
            cases.append(F.struct(F.lit(number).alias("way"), new.alias("new")))
            facts.append((number, way.shown, way.against, -1.0, way.transformation.loose, way.evidence))
        if cases:
            own = values.where(F.col("column_name") == F.lit(name)).select(
                "*", F.explode(F.array(*cases)).alias("case")
            )
            parts.append(own.where(F.col("case.new").isNotNull()).select("column_name", "old", "n", "shape", "case.*"))
    listed = []
    for name in sorted(entries):
        for entry in entries[name]:
            number += 1
            failures = _FAILURES if entry.slip else _OWN_VALUE
            facts.append((number, entry.cells, entry.against, failures, 0, entry.evidence))
            listed.append((name, entry.old, number, entry.new))
    if listed:
        given = engine.session.createDataFrame(listed, "column_name string, old string, way int, new string")
        own = values.join(given, ["column_name", "old"])
        parts.append(own.select("column_name", "old", "n", "shape", "way", "new"))
    about = engine.session.createDataFrame(
        facts, "way int, shown int, against int, failures double, loose int, evidence string"
    )
    return reduce(lambda one, other: one.unionByName(other), parts).join(about, "way")


def _judged(made: DataFrame, values: DataFrame) -> DataFrame:
    """The candidates with their confidence."""
    from pyspark.sql import functions as F

    totals = values.groupBy("column_name").agg(F.sum("n").alias("total"))
    changed = made.groupBy("way").agg(F.sum("n").alias("changed"))
    known = values.select("column_name", F.col("old").alias("new"), F.col("n").alias("n_new"))
    shapes = values.groupBy("column_name", "shape").agg(F.sum("n").alias("of_shape"))
    found = made.join(totals, "column_name").join(changed, "way").withColumn("shape_new", _shape(F.col("new")))
    found = found.join(known, ["column_name", "new"], "left").join(shapes, ["column_name", "shape"])
    after = shapes.select("column_name", F.col("shape").alias("shape_new"), F.col("of_shape").alias("of_shape_new"))
    found = found.join(after, ["column_name", "shape_new"], "left")
    share = F.col("changed") / F.col("total")
    frequent = (F.col("n_new") >= 2) & (F.col("n_new") >= _TIMES * F.col("n"))
    shaped = (F.col("of_shape_new") >= _USUAL * F.col("total")) & (F.col("of_shape") < _USUAL * F.col("total"))
    is_entry = F.col("failures") >= 0
    failures = F.when(is_entry, F.col("failures")).otherwise(
        (F.lit(_FAILURES) + F.lit(_FAILURES_BY_SHARE) * share)
        * F.when(F.coalesce(frequent, F.lit(False)) | F.coalesce(shaped, F.lit(False)), _CONFIRMED).otherwise(1.0)
        * F.pow(F.lit(_LOOSE), F.col("loose"))
    )
    # labels that all agree make an accident ever less likely
    failures = F.when(F.col("against") == 0, failures / F.col("shown")).otherwise(failures)
    shown = F.col("shown") + F.lit(1.0)
    confidence = F.least(F.lit(_MOST), shown / (shown + F.col("against") + failures))
    return found.withColumn("confidence", F.round(confidence, 4))


def _best(judged: DataFrame) -> DataFrame:
    """The surest value for each value; none where another one is about as sure."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    value = Window.partitionBy("column_name", "old")
    same = Window.partitionBy("column_name", "old", F.coalesce("new", F.lit("")), F.col("new").isNull())
    order = [F.col("confidence").desc(), F.col("shown").desc(), F.col("loose"), F.col("way")]
    ranked = judged.withColumn("place", F.row_number().over(same.orderBy(*order))).where(F.col("place") == 1)
    ranked = ranked.withColumns(
        {"rank": F.row_number().over(value.orderBy(*order)), "next": F.lead("confidence").over(value.orderBy(*order))}
    )
    sole = (F.col("rank") == 1) & (F.col("next").isNull() | (F.col("next") < F.col("confidence") - _APART))
    return ranked.where(sole).select(
        "column_name", "old", "new", "confidence", F.col("shown").cast("bigint").alias("support"), "evidence"
    )


_APART: Final = 0.02


def _shape(text: Column) -> Column:
    """A text with 9 for its numbers and a for its words."""
    from pyspark.sql import functions as F

    return F.regexp_replace(F.regexp_replace(text, "[0-9]+", "9"), f"{LETTERS}+", "a")
