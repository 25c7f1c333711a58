"""Pairs of a rare and a frequent value of a column that are one slip apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine

_FREQUENT: Final = 3
_TIMES: Final = 5
"""How many times as often as the rare value the frequent one occurs, at least."""
_WHOLE: Final = 24
"""Characters up to which single ones are left out to find neighbours."""
_THIRDS: Final = 10
"""Characters from which equal thirds are looked for, too."""
_LONG: Final = 40
_PER_SLIP: Final = 20
_MOST: Final = 8
_SHORT_WORD: Final = 2


def slip_pairs(values: DataFrame, engine: Engine, folder: Path) -> DataFrame:
    """Rare values with the frequent values that they may be slips of.

    Two values one slip apart have a text in common if one character is left out of each (a deletion neighbourhood; T.
    Bocek et al., *Fast Similarity Search in Large Dictionaries*, 2007); long texts with two slips have a third in
    common. So no value is compared with all others.

    Args:
        values: ``target, value, text, n``.

    Returns:
        ``target, rare, frequent, value, n_rare, n, distance``, texts and the hash of the frequent one.
    """
    from pyspark.sql import functions as F

    keyed = values.where(F.length("text") >= _SHORT_WORD).select("*", F.explode(_keys(F.col("text"))).alias("key"))
    frequent = keyed.where(F.col("n") >= _FREQUENT).select(
        "target", "key", F.col("text").alias("frequent"), "value", "n", F.length("text").alias("length")
    )
    rare = keyed.select("target", "key", F.col("text").alias("rare"), F.col("n").alias("n_rare"))
    near = rare.join(frequent, ["target", "key"]).where(
        (F.col("n") >= _TIMES * F.col("n_rare")) & (F.abs(F.length("rare") - F.col("length")) <= _MOST)
    )
    pairs = near.select("target", "rare", "frequent", "value", "n_rare", "n").distinct()
    pairs = engine.materialise(pairs, folder / "near")
    measured = pairs.withColumn("distance", F.levenshtein("rare", "frequent"))
    return measured.where(is_slip(F.col("rare"), F.col("frequent"), F.col("distance")))


def _keys(text: Column) -> Column:
    """Hashes of what a text has in common with its neighbours."""
    from pyspark.sql import functions as F

    size = F.length(text)
    without = F.transform(
        F.sequence(F.lit(1), F.greatest(size, F.lit(1))),
        lambda place: F.xxhash64(
            F.lit(0), F.concat(F.substring(text, F.lit(1), place - 1), F.substring(text, place + 1, F.lit(_WHOLE)))
        ),
    )
    short = F.when(size <= _WHOLE, F.concat(F.array(F.xxhash64(F.lit(0), text)), without)).otherwise(F.array())
    # lengths may differ by one or two, so that a third of either length counts, at its place or near it
    third = F.floor(size / 3).cast("int")
    parts = []
    for change in (-1, 0, 1):
        length = third + change
        parts.append(F.xxhash64(F.lit(1), F.substring(text, F.lit(1), length)))
        parts.append(F.xxhash64(F.lit(2), F.substring(text, size - length + 1, length)))
        parts += [F.xxhash64(F.lit(3), F.substring(text, third + 1 + shift, length)) for shift in (-2, -1, 0, 1, 2)]
    long = F.when(size >= _THIRDS, F.array(*parts)).otherwise(F.array().cast("array<bigint>"))
    return F.array_distinct(F.concat(short.cast("array<bigint>"), long))


def is_slip(rare: Column, frequent: Column, distance: Column) -> Column:
    """Whether a rare value may be a slip of a frequent one.

    Args:
        distance: the edit distance of the two.
    """
    from pyspark.sql import functions as F

    size = F.least(F.length(rare), F.length(frequent))
    allowed = (
        F.when(size < _THIRDS, 1)
        .when(size < _LONG, 2)
        .otherwise(F.least(F.floor(size / _PER_SLIP), F.lit(_MOST)).cast("int"))
    )
    # two neighbours exchanged are two changes
    same_letters = F.array_sort(F.split(rare, "")) == F.array_sort(F.split(frequent, ""))
    exchanged = (distance == 2) & (F.length(rare) == F.length(frequent)) & same_letters
    return (
        ((distance <= allowed) | exchanged)
        & (distance > 0)
        & (F.lower(rare) != F.lower(frequent))
        & _digits_agree(rare, frequent)
        & ~_is_inflected(rare, frequent)
        & ~_differ_in_short_words(rare, frequent)
    )


def _digits_agree(rare: Column, frequent: Column) -> Column:
    """Whether both have the same digits, or the rare value has other characters in the place of some.

    Numbers, dates and codes with other digits are other values.
    """
    from pyspark.sql import functions as F

    def digits(text: Column) -> Column:
        return F.regexp_replace(text, "[^0-9]", "")

    def others(text: Column) -> Column:
        return F.length(F.regexp_replace(text, "[0-9]", ""))

    replaced = (
        (F.length(digits(rare)) < F.length(digits(frequent)))
        & (others(rare) > others(frequent))
        & (F.length(rare) == F.length(frequent))
    )
    return (digits(rare) == digits(frequent)) | replaced


def _is_inflected(rare: Column, frequent: Column) -> Column:
    """Whether one is the other with an ending or a prefix: plurals and negations are values of their own."""
    from pyspark.sql import functions as F

    def follows(longer: Column, shorter: Column) -> Column:
        ended = longer == F.concat(shorter, F.lit("s"))
        added = F.length(longer) - F.length(shorter)
        return ended | (added.between(1, 3) & longer.endswith(shorter)) | ((added == 2) & longer.startswith(shorter))

    return follows(rare, frequent) | follows(frequent, rare)


def _differ_in_short_words(rare: Column, frequent: Column) -> Column:
    """Whether the short words differ, as in `Phase I` and `Phase II`, where the numbers of words are equal."""
    from pyspark.sql import functions as F

    def short(text: Column) -> Column:
        return F.regexp_replace(F.regexp_replace(text, r"\S{3,}", ""), r"\s+", " ")

    words = F.size(F.split(rare, r"\s+"))
    several = (words > 1) & (words == F.size(F.split(frequent, r"\s+")))
    return several & (short(rare) != short(frequent))
