"""Rules with two order predicates: one pass over the tuples of a group, in the order of the first.

For each tuple ``t``, a tuple ``s`` of the same group with ``t.o0 < s.o0`` and ``t.o1 > s.o1`` is searched for. Sorted
by ``o0`` in descending order, every ``s`` that meets the first predicate precedes ``t``; the least ``o1`` of these
decides the second. Each row enters twice, as probe and as target; the order of the two at equal values makes
predicates strict or not. Window frames only look back, because looking forward is quadratic on Apache Spark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vertebra.trusted.detect.roles import all_of, compare
from vertebra.trusted.detect.single_tuple import group_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.window import WindowSpec

    from vertebra.trusted.detect.roles import Pairs


def sweep_violations(
    probes: DataFrame, targets: DataFrame, keys: Sequence[str], operators: tuple[str, str], unequal: str | None
) -> DataFrame:
    """The probes for which a witness exists.

    Args:
        probes: rows of one role: ``x…, d…, o0, o1, rid``.
        targets: rows of the other.
        operators: ``probe.o0 operators[0] witness.o0``, and the same for ``o1``.
        unequal: the attribute that must differ; ``rid`` if a row may meet the predicates with itself.

    Returns:
        ``rid, partner, grp``.
    """
    rows = events(probes, targets, keys, [unequal] if unequal else [])
    return sweep_events(rows, keys, operators, unequal, keys)


def sweep_events(
    rows: DataFrame, keys: Sequence[str], operators: tuple[str, str], unequal: str | None, shown: Sequence[str]
) -> DataFrame:
    """A sweep over the events of both roles, ``x…, d…, a, b, rid, is_probe``; ``shown`` are the keys in ``grp``."""
    from pyspark.sql import functions as F

    before = ordered(keys, "a", operators[0]).rowsBetween(ALL, -1)
    if unequal is None:
        rows = rows.withColumn("s", F.when(~F.col("is_probe"), F.col("b")))
        best, best_by = (F.max, F.max_by) if operators[1] in {"<", "<="} else (F.min, F.min_by)
        rows = rows.select(*keys, "b", "rid", "is_probe", best("s").over(before).alias("w_b"),
                           best_by("rid", "s").over(before).alias("w_rid"))  # fmt: skip
        return _found(rows.where("is_probe"), ["w"], shown, operators[1], "b", None)
    return _found(_two_best(rows, keys, operators, unequal), ["w", "v"], shown, operators[1], "b", unequal)


def suspect_groups(rule: Pairs) -> DataFrame:
    """The keys of the groups that may violate a rule; few in clean data.

    This pass does not search for partners. The passes that do can then skip all other groups. If both roles compare the
    same first value, a row enters once, and the result may have groups without a violation: rows that tie are compared
    too, and if ties violate the rule, every group with a tie is listed.
    """
    from pyspark.sql import functions as F

    one, two = rule.shape.ordered[:2]
    keys = rule.keys
    best = F.max if two.operator in {"<", "<="} else F.min
    in_place = rule.shape.one_relation and one.same and all(predicate.same for predicate in rule.shape.equal)
    if in_place:
        first, second = rule.values(0), rule.values(1)
        rows = rule.frames[0].select(
            *[first[key].alias(key) for key in keys],
            first["o0"].alias("a"),
            F.when(rule.member(0), first["o1"]).alias("b"),
            F.when(rule.member(1), second["o1"]).alias("s"),
        )
        rows = rows.where(F.col("b").isNotNull() | F.col("s").isNotNull())
        order = ordered(keys, "a", one.operator, F.col("b").isNull())
    else:
        rows = events(rule.first, rule.second, keys, [])
        order = ordered(keys, "a", one.operator)
        rows = rows.select(
            *keys,
            "a",
            "is_probe",
            F.when(F.col("is_probe"), F.col("b")).alias("b"),
            F.when(~F.col("is_probe"), F.col("b")).alias("s"),
        )
    named = compare(F.col("b"), two.operator, best("s").over(order.rowsBetween(ALL, -1)))
    if in_place and not one.strict:
        named = named | (F.col("a") == F.lag("a").over(order))
    return rows.select(*keys, named.alias("named")).where("named").select(*keys).distinct()


def sweep_in_place(rows: DataFrame, keys: Sequence[str], operators: tuple[str, str]) -> DataFrame:
    """A sweep for probes and targets that are the same rows with the same values, and strict predicates.

    Rows enter once: rows with equal ``o0`` are sorted so that an earlier row cannot meet the second predicate.
    """
    from pyspark.sql import functions as F

    greatest = operators[1] == "<"
    best, best_by = (F.max, F.max_by) if greatest else (F.min, F.min_by)
    tie = F.col("o1").asc() if greatest else F.col("o1").desc()
    before = ordered(keys, "o0", operators[0], tie).rowsBetween(ALL, -1)
    rows = rows.select(*keys, "o1", "rid", best("o1").over(before).alias("w_b"),
                       best_by("rid", "o1").over(before).alias("w_rid"))  # fmt: skip
    return _found(rows, ["w"], keys, operators[1], "o1", None)


def _two_best(rows: DataFrame, keys: Sequence[str], operators: tuple[str, str], unequal: str) -> DataFrame:
    """The probes with the best tuple so far, ``w``, and the best so far with another value of ``unequal``, ``v``.

    At each row that differs from the best one before it, the lesser of the two is a candidate; the best of the
    candidates is ``v``. Ranks without ties make "the best" one tuple.
    """
    from pyspark.sql import functions as F

    before = ordered(keys, "a", operators[0]).rowsBetween(ALL, -1)
    fields = list(dict.fromkeys(["b", unequal, "rid"]))
    upwards = [F.col("b").asc() if operators[1] in {"<", "<="} else F.col("b").desc(), F.col("rid"), F.col("is_probe")]
    rank = F.row_number().over(partitioned(keys).orderBy(*upwards))
    rows = rows.withColumn("s", rank).withColumn("s", F.when(~F.col("is_probe"), F.col("s")))
    rows = rows.select(
        "*", F.max("s").over(before).alias("w"),
        *[F.max_by(field, "s").over(before).alias(f"w_{field}") for field in fields],
    )  # fmt: skip
    given = F.when(F.col(unequal) != F.col(f"w_{unequal}"), F.least("s", "w"))
    rows = rows.withColumn("l", F.when(~F.col("is_probe"), given))
    for field in fields:
        rows = rows.withColumn(
            f"l_{field}", F.when(F.col("s") < F.col("w"), F.col(field)).otherwise(F.col(f"w_{field}"))
        )
    seconds = [F.max_by(f"l_{field}", "l").over(before).alias(f"v_{field}") for field in fields]
    return rows.select("*", *seconds).where("is_probe")


ALL = -(1 << 63)


def events(probes: DataFrame, targets: DataFrame, keys: Sequence[str], unequal: Sequence[str]) -> DataFrame:
    """Both roles in one frame: ``x…, d…, a, b, rid, is_probe``; ``a`` is the first ordered value, ``b`` the second."""
    from pyspark.sql import functions as F

    kept = [*keys, *[name for name in unequal if name != "rid"], "rid"]
    carried = [*[F.col(name) for name in kept], F.col("o0").alias("a"), F.col("o1").alias("b")]
    first = probes.select(*carried, F.lit(True).alias("is_probe"))
    return first.unionAll(targets.select(*carried, F.lit(False).alias("is_probe")))


def ordered(keys: Sequence[str], value: str, operator: str, tie: Column | None = None) -> WindowSpec:
    """The order in which exactly the target rows of ``probe.value operator target.value`` precede the probe."""
    from pyspark.sql import functions as F

    column = F.col(value).desc() if operator in {"<", "<="} else F.col(value).asc()
    if tie is None:
        # strict: at equal values the probe comes first, so that equal values are not found
        tie = F.col("is_probe").desc() if operator in {"<", ">"} else F.col("is_probe").asc()
    return partitioned(keys).orderBy(column, tie)


def running(keys: Sequence[str], value: str, operator: str) -> WindowSpec:
    """The window frame of the rows that precede a probe with ``probe.value operator``, and itself."""
    return ordered(keys, value, operator).rowsBetween(ALL, 0)


def partitioned(keys: Sequence[str]) -> WindowSpec:
    """The window of a group; without keys, of all rows."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    return Window.partitionBy(*[F.col(key) for key in keys] or [F.lit(1)])


def _found(
    rows: DataFrame, candidates: Sequence[str], keys: Sequence[str], operator: str, value: str, unequal: str | None
) -> DataFrame:
    from pyspark.sql import functions as F

    fits = {
        name: all_of(
            [compare(F.col(value), operator, F.col(f"{name}_b")), F.col(f"{name}_rid").isNotNull()]
            + ([F.col(unequal) != F.col(f"{name}_{unequal}")] if unequal else [])
        )
        for name in candidates
    }
    partner = F.coalesce(*[F.when(fit, F.col(f"{name}_rid")) for name, fit in fits.items()])
    found = rows.select("rid", partner.alias("partner"), group_text(keys).alias("grp"))
    return found.where(F.col("partner").isNotNull())
