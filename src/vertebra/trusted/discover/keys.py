"""Candidates for keys: minimal sets of columns on which no two rows, or hardly any, agree.

Far more sets are unique in a sample than in the table. So the minimal sets are counted on the full table, and pairs of
rows that agree on them are added to the evidence, which makes the next candidates longer. The method follows Birnick et
al., "Hitting Set Enumeration with Partial Information for Unique Column Combination Discovery", PVLDB 13(11), 2020, and
Papenbrock and Naumann, "A Hybrid Approach to Functional Dependency Discovery", SIGMOD 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.quoting import spark_identifier
from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.lattice import Places, uncovered
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.subject import Subject

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.trusted.discover.pair_evidence import PairEvidence

_MAX_COLUMNS: Final = 5
_ROUNDS: Final = 4
_PER_ROUND: Final = 12
_COUNTEREXAMPLES: Final = 6
_NEAR: Final = 0.005
"""A near-key has at most this share of duplicate rows."""
_SURPRISE: Final = 10.0
"""A key of several columns is not accidental if chance would make this many times its duplicates."""
_FRAMES_PER_JOB: Final = 3


def keys(subject: Subject, found: PairEvidence, differing: Mapping[str, float]) -> list[CandidateRule]:
    """Keys and near-keys, the most promising first.

    Columns with NULLs and fractional numbers are in no key: NULL identifies nothing, and fractions are measurements.

    Args:
        found: evidence of a sample.
        differing: of each column, the probability that two rows differ on it.
    """
    names = found.columns
    able = [
        place
        for place, name in enumerate(names)
        if subject.columns[name].nulls == 0 and subject.columns[name].value_type not in ("number", "boolean")
    ]
    duplicates: dict[Places, int] = {}
    counted: set[Places] = set()
    for _ in range(_ROUNDS):
        open_ = [
            columns
            for columns in uncovered(found, able, _MAX_COLUMNS)
            if columns not in counted and not _accidental(subject, names, columns, differing)
        ]
        open_.sort(key=lambda columns: (len(columns), sum(columns), columns))
        if not open_:
            break
        counted |= set(open_[:_PER_ROUND])
        counts, pairs = _duplicates(subject, names, open_[:_PER_ROUND])
        duplicates |= counts
        if pairs:
            found = found.joined(*_counterexamples(subject, names, pairs))
    return _candidates(subject, names, duplicates, differing)


def expected_duplicates(rows: int, columns: Sequence[str], differing: Mapping[str, float]) -> float:
    """The pairs of rows that would agree on all columns if these were independent."""
    return math.prod((1 - differing[name] for name in columns), start=rows * (rows - 1) / 2)


def _accidental(
    subject: Subject, names: Sequence[str], places: Places, differing: Mapping[str, float], surplus: int = 0
) -> bool:
    """Whether a set of several columns would have as few duplicates by chance."""
    columns = [names[place] for place in places]
    expected = expected_duplicates(subject.rows, columns, differing)
    return len(columns) > 1 and expected < _SURPRISE * (surplus + 1)


def _duplicates(
    subject: Subject, names: Sequence[str], sets: Sequence[Places]
) -> tuple[dict[Places, int], list[tuple[int, int]]]:
    """The duplicate rows for each set of columns, and a few pairs of rows that agree on one of them."""
    from pyspark.sql import functions as F

    parts = []
    for place, columns in enumerate(sets):
        groups = subject.frame.groupBy(*[spark_identifier(names[column]) for column in columns]).agg(
            F.count("*").alias("size"), F.min("_rid").alias("one"), F.max("_rid").alias("two")
        )
        groups = groups.where("size > 1")
        drawn = [
            F.max_by(side, F.xxhash64("one", F.lit(draw))).alias(f"{side}{draw}")
            for draw in range(_COUNTEREXAMPLES)
            for side in ("one", "two")
        ]
        parts.append(groups.agg(F.lit(place).alias("place"), F.sum(F.col("size") - 1).alias("surplus"), *drawn))
    counts, pairs = dict.fromkeys(sets, 0), set()
    for row in (row for job in _jobs(parts) for row in job.collect()):
        if row["surplus"]:
            counts[sets[row["place"]]] = int(row["surplus"])
            pairs |= {(row[f"one{draw}"], row[f"two{draw}"]) for draw in range(_COUNTEREXAMPLES)}
    return counts, sorted(pairs)


def _counterexamples(
    subject: Subject, names: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """On which columns the rows of each pair agree, and on which they differ."""
    from pyspark.sql import functions as F

    wanted = sorted({rid for pair in pairs for rid in pair})
    rows = (
        subject.frame.where(F.col("_rid").isin(wanted))
        .select("_rid", *[spark_identifier(name) for name in names])
        .toArrow()
    )
    place = {rid: at for at, rid in enumerate(rows.column("_rid").to_pylist())}
    values = [rows.column(name).to_pylist() for name in names]
    equal = np.array([[v[place[a]] == v[place[b]] is not None for v in values] for a, b in pairs], dtype=bool)
    differ = np.array(
        [[None not in (v[place[a]], v[place[b]]) and v[place[a]] != v[place[b]] for v in values] for a, b in pairs],
        dtype=bool,
    )
    return equal.reshape(-1, len(names)), differ.reshape(-1, len(names))


def _jobs(parts: Sequence[DataFrame]) -> list[DataFrame]:
    return [
        reduce(lambda a, b: a.unionAll(b), parts[start : start + _FRAMES_PER_JOB])
        for start in range(0, len(parts), _FRAMES_PER_JOB)
    ]


def _candidates(
    subject: Subject, names: Sequence[str], duplicates: Mapping[Places, int], differing: Mapping[str, float]
) -> list[CandidateRule]:
    found = []
    for places, surplus in duplicates.items():
        columns = tuple(names[place] for place in places)
        expected = expected_duplicates(subject.rows, columns, differing)
        if surplus > _NEAR * subject.rows or _accidental(subject, names, places, differing, surplus):
            continue
        clear = 1.0 if len(columns) == 1 else min(1.0, math.log10(expected / (surplus + 1)) / 3)
        found.append(
            CandidateRule(
                kind="key",
                name=named(*columns, "key"),
                body={"unique": columns[0] if len(columns) == 1 else list(columns)},
                lhs=columns,
                chance=expected,
                promise=clear * 0.93 ** (len(columns) - 1),
            )
        )
    return sorted(found, key=lambda c: (-c.promise, len(c.lhs), c.lhs))
