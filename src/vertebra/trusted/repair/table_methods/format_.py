"""Repair of values that are written in another form than most values of their column.

A value is rewritten only where a known transformation takes it to the usual form: another way to write the same number,
date, time, code or text. Different values never become equal, except that a date or a remark beside a time, and words
behind a number with its unit, are left out where the column has none; the confidence says so. Texts and numbers that
stand for NULL become NULL.

The goal for numbers with units is described in :func:`vertebra.trusted.repair.formats.numbers.numbers`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vertebra.quoting import spark_identifier
from vertebra.trusted.repair.formats.codes import codes, one_case
from vertebra.trusted.repair.formats.column_sample import DISTINCT, ColumnSample, Rewriting
from vertebra.trusted.repair.formats.dates import dates
from vertebra.trusted.repair.formats.fixed_words import fixed_words
from vertebra.trusted.repair.formats.masks import masked_digits
from vertebra.trusted.repair.formats.null_texts import is_null_text, null_texts, sentinels
from vertebra.trusted.repair.formats.numbers import numbers
from vertebra.trusted.repair.formats.spellings import folded, usual_spellings
from vertebra.trusted.repair.formats.times import times
from vertebra.trusted.repair.table_port import TABLE_PROPOSAL_COLUMNS, TableRepairMethod, TableToRepair

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import DataFrame

_SAMPLE: Final = 50_000
"""Rows of the sample that shows the usual forms; a smaller table is its own sample."""
_REPEATED: Final = 0.5
"""The share of different values up to which a column may have several spellings of one text."""
_UNTRIMMED: Final = 0.05


class Format(TableRepairMethod):
    """Write values as most values of their column are written."""

    name = "format"
    before_rules = True

    def propose(self, table: TableToRepair) -> DataFrame | None:
        """Other writings for cells of text columns."""
        columns = [
            field.name
            for field in table.schema
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        if not columns:
            return None
        samples = _samples(table, columns)
        parts = []
        rewritings = {name: _rewritings(seen) for name, seen in samples.items()}
        if any(rewritings.values()):
            parts.append(_rewritten(table.frame, rewritings))
        repeated = [name for name, seen in samples.items() if _may_differ_in_spelling(seen)]
        if repeated:
            parts.append(_respelled(table.frame, repeated))
        if not parts:
            return None
        return _one_per_cell(reduce(lambda left, right: left.unionByName(right), parts))


@dataclass(frozen=True)
class _Seen:
    """What a sample shows of a column.

    Attributes:
        sample: its values without those that stand for NULL.
        texts: all its texts as they are.
        complete: the sample is the whole table.
    """

    sample: ColumnSample
    texts: Mapping[str, int]
    complete: bool


def _samples(table: TableToRepair, columns: Sequence[str]) -> dict[str, _Seen]:
    from pyspark.sql import functions as F

    frame = table.frame.select("_rid", *(spark_identifier(name) for name in columns))
    rows = frame.limit(_SAMPLE + 1).toArrow()
    complete = rows.num_rows <= _SAMPLE
    if not complete:
        parts = -(-frame.count() // _SAMPLE)
        rows = frame.where(F.pmod(F.xxhash64("_rid", F.lit(3)), F.lit(parts)) == 0).toArrow()
    found = {}
    for name in columns:
        counted = rows.column(name).drop_null().value_counts()
        texts = dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
        stripped = Counter[str]()
        for text, count in sorted(texts.items(), key=lambda item: (-item[1], item[0]))[:DISTINCT]:
            if text.strip() and not is_null_text(text):
                stripped[text.strip()] += count
        declared = table.dataset.columns.get(name)
        sample = ColumnSample(name, declared.unit if declared else None, dict(stripped))
        found[name] = _Seen(sample, texts, complete)
    return found


def _rewritings(seen: _Seen) -> list[Rewriting]:
    from pyspark.sql import functions as F

    sample, texts = seen.sample, seen.texts
    value = F.col(spark_identifier(sample.name))
    found = sentinels(sample, value)
    if not seen.complete or any(map(is_null_text, texts)):
        found += null_texts(sample, value)
    # the first kind that knows the column's values decides how they are written
    for kind in (times, dates, numbers, codes, one_case):
        of_kind = kind(sample, value)
        found += of_kind
        if of_kind:
            break
    found += fixed_words(sample, value)
    found += masked_digits(sample, value)
    untrimmed = sum(count for text, count in texts.items() if text != text.strip() and text.strip())
    if sample.total and untrimmed < _UNTRIMMED * sum(texts.values()) and (untrimmed or not seen.complete):
        found.append(Rewriting(F.length(value) > 0, value, 0.9, "blanks around the text"))
    return found


def _may_differ_in_spelling(seen: _Seen) -> bool:
    """Whether the column has texts that repeat; if the sample is the whole table, also that two are one text."""
    sample, texts = seen.sample, seen.texts
    lettered = sum(count for text, count in sample.texts.items() if any(map(str.isalpha, text)))
    if 2 * lettered <= sample.total or len(texts) > _REPEATED * sum(texts.values()):
        return False
    return not seen.complete or len({folded(text) for text in texts}) < len(texts)


def _rewritten(frame: DataFrame, rewritings: Mapping[str, Sequence[Rewriting]]) -> DataFrame:
    """The cells that a rewriting changes, from one pass over the rows."""
    from pyspark.sql import functions as F

    used = {name: listed for name, listed in rewritings.items() if listed}
    texts = [F.col(spark_identifier(name)) for name in used]
    blanks = r"^\s+|\s+$"
    trimmed = [F.regexp_replace(text, blanks, "").alias(name) for name, text in zip(used, texts, strict=True)]
    rows = frame.select("_rid", F.array(*texts).alias("_texts"), *trimmed)
    facts: list[Rewriting] = []
    ways, places = [], []
    for place, listed in enumerate(used.values(), 1):
        way, new = F.col(f"_way_{place}"), F.lit(None).cast("string")
        first = len(facts) + 1
        facts += listed
        for number, one in enumerate(listed, first):
            new = F.when(way == number, one.new).otherwise(new)
        ways.append(
            F.coalesce(*(F.when(one.applies, F.lit(number)) for number, one in enumerate(listed, first))).alias(
                f"_way_{place}"
            )
        )
        places.append(F.struct(F.lit(place).alias("place"), way.alias("way"), new.alias("new")))
    exploded = rows.select("*", *ways).select("_rid", "_texts", F.explode(F.array(*places)).alias("cell"))
    confidences = F.array(*(F.lit(one.confidence) for one in facts))
    reasons = F.array(*(F.lit(one.reason) for one in facts))
    found = exploded.where(F.col("cell.way").isNotNull()).select(
        F.col("_rid").alias("rid"),
        F.element_at(F.array(*map(F.lit, used)), F.col("cell.place")).alias("column_name"),
        F.element_at("_texts", F.col("cell.place")).alias("old"),
        F.col("cell.new").alias("new"),
        F.element_at(confidences, F.col("cell.way")).alias("confidence"),
        F.lit(None).cast("bigint").alias("support"),
        F.element_at(reasons, F.col("cell.way")).alias("evidence"),
    )
    return found.where(F.col("old").isNotNull() & ~F.col("old").eqNullSafe(F.col("new")))


def _respelled(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    from pyspark.sql import functions as F

    cells = [F.struct(F.lit(name).alias("column_name"), F.col(spark_identifier(name)).alias("old")) for name in columns]
    exploded = frame.select(F.col("_rid").alias("rid"), F.explode(F.array(*cells)).alias("cell"))
    exploded = exploded.select("rid", "cell.*").where(F.col("old").isNotNull())
    spelled = usual_spellings(exploded).join(exploded, ["column_name", "old"])
    return spelled.select(
        "rid", "column_name", "old", "new", "confidence", F.col("support").cast("bigint").alias("support"),
        F.lit("the usual spelling of the text in the column").alias("evidence"),
    )  # fmt: skip


def _one_per_cell(proposals: DataFrame) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    cell = Window.partitionBy("rid", "column_name")
    order = cell.orderBy(F.col("confidence").desc(), F.col("new"))
    ranked = proposals.withColumn("rank", F.row_number().over(order))
    return ranked.where(F.col("rank") == 1).select(*TABLE_PROPOSAL_COLUMNS)


METHOD: Final = Format()
