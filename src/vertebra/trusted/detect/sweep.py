"""Rules with two order predicates: one pass over the tuples of a group, in the order of the first.

Asked for: a tuple ``s`` of the same group with ``t.o0 < s.o0`` and ``t.o1 > s.o1``. Sorted by ``o0`` from high to low,
every ``s`` that meets the first predicate precedes ``t``; the least ``o1`` among them decides the second. Each row
enters the order twice, as one that seeks and as one that is sought, and at equal values the one comes first that makes
strict predicates strict. Frames look back only: looking forward is quadratic on Apache Spark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vertebra.trusted.detect.roles import all_of, compare
from vertebra.trusted.detect.singles import group_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.window import WindowSpec


def swept(
    seekers: DataFrame, sought: DataFrame, keys: Sequence[str], operators: tuple[str, str], unequal: str | None
) -> DataFrame:
    """The seekers for which a witness exists.

    Args:
        seekers: rows of one role: ``x…, d…, o0, o1, rid``.
        sought: rows of the other.
        operators: ``seeker.o0 operators[0] witness.o0``, and the same for ``o1``.
        unequal: the one attribute that must differ, ``rid`` when a row may satisfy the rule with itself.

    Returns:
        ``rid, partner, grp``.
    """
    from pyspark.sql import functions as F

    rows = events(seekers, sought, keys, [unequal] if unequal else [])
    before = ordered(keys, "a", operators[0]).rowsBetween(_ALL, -1)
    greatest = operators[1] in {"<", "<="}
    fields = ["b", *([unequal] if unequal and unequal != "rid" else []), "rid"]
    rows = rows.withColumn("s", F.when(~F.col("seeks"), F.struct(*fields)))
    rows = rows.withColumn("w", _best("s", greatest).over(before))
    candidates = ["w"]
    if unequal:
        # the best that differs from the best so far: each newcomer that differs gives the lesser of the two
        lesser = (F.least if greatest else F.greatest)("s", "w")
        rows = rows.withColumn("l", F.when(F.col("s")[unequal] != F.col("w")[unequal], lesser))
        rows = rows.withColumn("w2", _best("l", greatest).over(before))
        candidates.append("w2")
    return _found(rows.where("seeks"), candidates, keys, operators[1], "b", unequal)


def swept_in_place(rows: DataFrame, keys: Sequence[str], operators: tuple[str, str]) -> DataFrame:
    """:func:`swept` where seekers and sought are the same rows with the same values and both predicates are strict.

    Rows need not enter twice: at equal ``o0``, sort so that whoever precedes cannot meet the second predicate.
    """
    from pyspark.sql import functions as F

    greatest = operators[1] == "<"
    tie = F.col("o1").asc() if greatest else F.col("o1").desc()
    before = ordered(keys, "o0", operators[0], tie).rowsBetween(_ALL, -1)
    rows = rows.withColumn("s", F.struct(F.col("o1").alias("b"), F.col("rid")))
    rows = rows.withColumn("w", _best("s", greatest).over(before))
    return _found(rows, ["w"], keys, operators[1], "o1", None)


_ALL = -(1 << 63)


def events(seekers: DataFrame, sought: DataFrame, keys: Sequence[str], unequal: Sequence[str]) -> DataFrame:
    """Both roles in one frame: ``x…, d…, a, b, rid, seeks``; ``a`` is the first ordered value, ``b`` the second."""
    from pyspark.sql import functions as F

    kept = [*keys, *[name for name in unequal if name != "rid"], "rid"]
    carried = [*[F.col(name) for name in kept], F.col("o0").alias("a"), F.col("o1").alias("b")]
    first = seekers.select(*carried, F.lit(True).alias("seeks"))
    return first.unionAll(sought.select(*carried, F.lit(False).alias("seeks")))


def ordered(keys: Sequence[str], value: str, operator: str, tie: Column | None = None) -> WindowSpec:
    """The order in which all that is sought, and only that, precedes who seeks it with ``seeker.value operator``."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    column = F.col(value).desc() if operator in {"<", "<="} else F.col(value).asc()
    if tie is None:
        # strict: at equal values the seeker comes first and does not see its equals
        tie = F.col("seeks").desc() if operator in {"<", ">"} else F.col("seeks").asc()
    return Window.partitionBy(*keys).orderBy(column, tie) if keys else Window.orderBy(column, tie)


def _best(column: str, greatest: bool) -> Column:
    from pyspark.sql import functions as F

    return F.max(column) if greatest else F.min(column)


def _found(
    rows: DataFrame, candidates: Sequence[str], keys: Sequence[str], operator: str, value: str, unequal: str | None
) -> DataFrame:
    from pyspark.sql import functions as F

    fits = {
        name: all_of(
            [compare(F.col(value), operator, F.col(name)["b"]), F.col(name).isNotNull()]
            + ([F.col(unequal) != F.col(name)[unequal]] if unequal else [])
        )
        for name in candidates
    }
    partner = F.coalesce(*[F.when(fit, F.col(name)["rid"]) for name, fit in fits.items()])
    found = rows.select("rid", partner.alias("partner"), group_text(keys).alias("grp"))
    return found.where(F.col("partner").isNotNull())
