"""Candidates for references: columns nearly all of whose values are keys of another table.

Reference: Bauckmann, Leser, Naumann and Tietz, "Efficiently Detecting Inclusion Dependencies", ICDE 2007.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.plausible import Numbers, names_agree, weight
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.subject import Subject, SubjectColumn, value_type_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.trusted.discover.sample import Sample

_LEAST_SHARE: Final = 0.75
_WHOLE: Final = re.compile(r"^-?[0-9]{1,18}$")
_FEW: Final = 5
_OF_FEW: Final = 0.8
"""With fewer distinct values than this, that they occur in the other table is weaker evidence."""


def references(subject: Subject, sample: Sample) -> list[CandidateRule]:
    """References of single columns to keys of one column, and of columns to a longer key with the same names."""
    found: list[CandidateRule] = []
    for table, frame in subject.frames.items():
        other = subject.datasets.get(table)
        if other is None or table == subject.dataset.name:
            continue
        types = dict(frame.dtypes)
        unique = [name for name, column in other.columns.items() if "unique" in column.sugar() or other.key == (name,)]
        for key in unique:
            if key in types and value_type_of(types[key]) in ("text", "integer"):
                found += _single(subject, sample, frame, table, key, value_type_of(types[key]) or "text")
        if len(other.key) > 1:
            found += _composite(subject, sample, frame, table, other.key)
    return found


def _single(
    subject: Subject, sample: Sample, frame: DataFrame, table: str, key: str, value_type: str
) -> Iterator[CandidateRule]:
    from pyspark.sql import functions as F

    able = [c for c in subject.columns.values() if c.value_type == value_type and not c.constant]
    values = {c.name: _texts(sample, c) for c in able}
    rows = [(name, text) for name, texts in values.items() for text in sorted(set(texts))]
    if not rows:
        return
    asked = subject.engine.session.createDataFrame(rows, "name STRING, value STRING")
    keys = (
        frame.select(F.col(spark_identifier(key)).cast("string").alias("value")).where("value is not null").distinct()
    )
    hits: dict[str, set[str]] = {}
    for row in asked.join(keys, "value", "left_semi").collect():
        hits.setdefault(row["name"], set()).add(row["value"])
    numbers = _numbers(subject, keys, values, hits)
    for name, found in hits.items():
        texts = values[name]
        share = sum(1 for text in texts if text in found) / len(texts)
        plausible = weight(names_agree(name, table, key), numbers.get(name))
        if share >= _LEAST_SHARE and plausible and len(found) > 1:
            yield _candidate((name,), table, (key,), share, plausible * (1.0 if len(found) > _FEW else _OF_FEW))


def _numbers(
    subject: Subject, keys: DataFrame, values: Mapping[str, Sequence[str]], hits: Mapping[str, set[str]]
) -> dict[str, Numbers]:
    """The columns whose values are whole numbers, also if they are written as texts."""
    from pyspark.sql import functions as F

    ranges = {}
    for name in hits:
        if all(_WHOLE.fullmatch(text) for text in values[name]):
            drawn = [int(text) for text in values[name]]
            column = subject.columns[name]
            whole = column.value_type == "integer"
            ranges[name] = (int(column.low), int(column.high)) if whole else (min(drawn), max(drawn))
    if not ranges:
        return {}
    number = F.when(F.col("value").rlike(_WHOLE.pattern), F.col("value")).cast("bigint")
    between = [F.count_if(number.between(low, high)).alias(f"k{i}") for i, (low, high) in enumerate(ranges.values())]
    row = keys.agg(F.count(number).alias("keys"), F.min(number).alias("first"), F.max(number).alias("last"), *between)
    found = row.collect()[0]
    if not found["keys"]:
        return {}
    return {
        name: Numbers(
            low, high, subject.columns[name].distinct, len(set(values[name])), len(hits[name]), int(found[f"k{i}"]),
            int(found["keys"]), int(found["first"]), int(found["last"]),
        )
        for i, (name, (low, high)) in enumerate(ranges.items())
    }  # fmt: skip


def _composite(
    subject: Subject, sample: Sample, frame: DataFrame, table: str, key: tuple[str, ...]
) -> Iterator[CandidateRule]:
    from pyspark.sql import functions as F

    types = dict(frame.dtypes)
    if any(
        name not in subject.columns or value_type_of(types[name]) != subject.columns[name].value_type for name in key
    ):
        return
    asked = subject.frame.select(*[spark_identifier(name) for name in key]).dropna().distinct().limit(sample.rows)
    there = frame.select(*[spark_identifier(name) for name in key]).withColumn("there", F.lit(1))
    joined = asked.join(there, list(key), "left").agg(F.count("*").alias("asked"), F.count("there").alias("met"))
    row = joined.collect()[0]
    if row["asked"] and row["met"] / row["asked"] >= _LEAST_SHARE:
        yield _candidate(key, table, key, row["met"] / row["asked"])


def _candidate(
    columns: tuple[str, ...], table: str, key: tuple[str, ...], share: float, plausible: float = 1.0
) -> CandidateRule:
    here = columns[0] if len(columns) == 1 else ", ".join(columns)
    there = f"{table}.{', '.join(key)}"
    return CandidateRule(
        kind="reference",
        name=named(*columns, "in", table, *(() if columns == key else key)),
        body={"references": {here: there}},
        lhs=columns,
        promise=0.9 * (share - 0.5) * 2 * plausible,
        hint=there,
    )


def _texts(sample: Sample, column: SubjectColumn) -> list[str]:
    values = zip(sample.values[column.name], sample.uniform, strict=True)
    return [str(value) for value, even in values if even and value is not None]
