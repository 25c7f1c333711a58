"""How right the other methods are, by what people labelled.

A method states how sure it is of each proposal. Labels show whether it is surer than it should be, or less sure: for
all columns, for one column, for one kind of evidence in it, and for the same change of a value. Each is a shift of the
log-odds that is zero before any label and has a normal prior, so that a single label moves it a little and several that
agree move it far: a logistic regression with the method's own log-odds as offset.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.labels import Label

_PRIOR_VARIANCES: Final = (0.5, 0.5, 0.5, 0.25)
"""Of the shifts of a method, column, kind and change: methods are calibrated, so that they are rarely far off."""
_DOUBTED: Final = 0.98
"""The most that a method is taken to know where labels say that it is less sure than it states: its reasons may hold
for no cell of a column."""
SLIP: Final = 4
"""A new value is a small change of the old one if at most one in so many characters differs."""
_STEPS: Final = 50
_SURE: Final = 0.9999
_ARROW: Final = " -> "
_LEVELS: Final = tuple(("method", "column_name", "_kind", "_change")[:length] for length in range(1, 5))
_UNTAUGHT: Final = ("learned", "decision")
"""Their confidence comes from the labels themselves."""

Group = tuple[str, ...]
"""A method, and perhaps a column, a kind of evidence, and a change."""


@dataclass(frozen=True)
class _Outcome:
    groups: tuple[Group, ...]
    odds: float
    right: bool


@dataclass(frozen=True)
class Calibration:
    """Shifts of the log-odds of proposals.

    Attributes:
        shifts: the sum of the shifts that apply, by group; groups without labels have that of the wider group.
    """

    shifts: Mapping[Group, float]

    def confidence(self, method: str, column: str, kind: str, confidence: float, change: str = "") -> float:
        """The confidence of a proposal, after what labels taught.

        Args:
            kind: as of :func:`kind_of`.
            change: as of :func:`change_of`.
        """
        for group in ((method, column, kind, change), (method, column, kind), (method, column), (method,)):
            if group in self.shifts:
                shift = self.shifts[group]
                return _probability(_odds(min(confidence, _DOUBTED) if shift < 0 else confidence) + shift)
        return confidence

    def applied(self, proposals: DataFrame, engine: Engine) -> DataFrame:
        """Proposals with the confidence after what labels taught.

        Args:
            proposals: with ``method, rule, column_name, old, new, confidence, evidence``.
        """
        from pyspark.sql import functions as F

        columns = proposals.columns
        evidence = F.regexp_replace(F.coalesce("evidence", F.lit("")), "[0-9]+", "#")
        longer = F.greatest(F.length("old"), F.length("new"))
        small = F.levenshtein("old", "new") * SLIP <= longer
        change = F.when(F.coalesce(F.col("old"), F.lit("")) == "", "fill").when(small, "slip").otherwise("other")
        kind = F.concat(F.col("rule"), F.lit(": "), evidence, F.lit(", "), change)
        old, new = F.coalesce(F.col("old"), F.lit("")), F.coalesce(F.col("new"), F.lit(""))
        found = proposals.withColumns({"_kind": kind, "_change": F.concat(old, F.lit(_ARROW), new)})
        shift = F.lit(0.0)
        for number, names in enumerate(_LEVELS):
            rows: list[tuple[str | float, ...]] = [
                (*group, value) for group, value in sorted(self.shifts.items()) if len(group) == len(names)
            ]
            shifts = engine.session.createDataFrame(
                rows, ", ".join(f"{name} string" for name in names) + f", _shift{number} double"
            )
            found = found.join(shifts, list(names), "left")
            shift = F.coalesce(F.col(f"_shift{number}"), shift)
        most = F.when(shift < 0, _DOUBTED).otherwise(_SURE)
        sure = F.greatest(F.lit(1 - _SURE), F.least(most, F.col("confidence")))
        odds = F.log(sure / (F.lit(1.0) - sure)) + shift
        shifted = F.round(F.lit(1.0) / (F.lit(1.0) + F.exp(-odds)), 4)
        confidence = F.when(shift == 0, F.col("confidence")).otherwise(F.least(F.lit(_SURE), shifted))
        return found.withColumn("confidence", confidence).select(*columns)


def calibration_of(labels: Sequence[Label]) -> Calibration | None:
    """What labels say of the methods that had made or proposed a repair of a labelled cell; None if they say nothing.

    Args:
        labels: in any order.
    """
    outcomes = [
        _Outcome(
            tuple(
                _wider(
                    (
                        one.method,
                        label.column_name,
                        kind_of(one.rule, one.evidence, label.old, one.new),
                        change_of(label.old, one.new),
                    )
                )
            ),
            _odds(min(one.confidence, _DOUBTED)),
            (one.new or "") == (label.new or ""),
        )
        for label in labels
        for one in label.suggested
        if one.method not in _UNTAUGHT
    ]
    return Calibration(_fitted(outcomes)) if outcomes else None


def kind_of(rule: str, evidence: str | None, old: str | None, new: str | None) -> str:
    """The kind of a proposal: the rule, or method, the words of its evidence without numbers, and the kind of change.

    Example:
        >>> kind_of("city", "7 of 8 with the same ccn", "Miam", "Miami")
        'city: # of # with the same ccn, slip'
    """
    if not old:
        change = "fill"
    elif new is not None and distance(old, new) * SLIP <= max(len(old), len(new)):
        change = "slip"
    else:
        change = "other"
    return f"{rule}: {re.sub('[0-9]+', '#', evidence or '')}, {change}"


def change_of(old: str | None, new: str | None) -> str:
    """The change that a proposal makes.

    Example:
        >>> change_of("Miam", "Miami")
        'Miam -> Miami'
    """
    return f"{old or ''}{_ARROW}{new or ''}"


def distance(left: str, right: str) -> int:
    """The Levenshtein distance of two texts."""
    row = list(range(len(right) + 1))
    for place, char in enumerate(left, 1):
        before, row[0] = row[0], place
        for position, other in enumerate(right, 1):
            change = before + (char != other)
            before, row[position] = row[position], min(row[position] + 1, row[position - 1] + 1, change)
    return row[-1]


def _fitted(outcomes: Sequence[_Outcome]) -> dict[Group, float]:
    """The most probable shifts, by one Newton step for each group in turn."""
    single = dict.fromkeys(sorted({group for one in outcomes for group in one.groups}), 0.0)
    for _ in range(_STEPS):
        for group in single:
            variance = _PRIOR_VARIANCES[len(group) - 1]
            slope, curvature = -single[group] / variance, 1 / variance
            for one in outcomes:
                if group in one.groups:
                    chance = _probability(one.odds + sum(single[part] for part in one.groups))
                    slope += one.right - chance
                    curvature += chance * (1 - chance)
            single[group] += slope / curvature
    return {group: round(sum(single[part] for part in _wider(group)), 4) for group in single}


def _wider(group: Group) -> Iterable[Group]:
    return (group[: end + 1] for end in range(len(group)))


def _odds(confidence: float) -> float:
    bounded = min(_SURE, max(1 - _SURE, confidence))
    return math.log(bounded / (1 - bounded))


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
