"""How right the other methods are, by what people labelled.

A method states how sure it is of each proposal. Labels show whether it is surer than it should be, or less sure: for
all columns, for one column, and for one kind of evidence in it. Each is a shift of the log-odds that is zero before any
label and has a normal prior, so that a single label moves it a little and several that agree move it far: a logistic
regression with the method's own log-odds as offset.
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

_PRIOR_VARIANCE: Final = 0.5
"""Of each of the three shifts: methods are calibrated, so that they are rarely wrong by more than a factor of 3."""
_DOUBTED: Final = 0.98
"""The most that a method is taken to know where labels say that it is less sure than it states: its reasons may hold
for no cell of a column."""
_STEPS: Final = 50
_SURE: Final = 0.9999
_UNTAUGHT: Final = ("learned", "decision")
"""Their confidence comes from the labels themselves."""

Group = tuple[str, ...]
"""A method, perhaps a column, and perhaps a kind of evidence."""


@dataclass(frozen=True)
class _Outcome:
    groups: tuple[Group, Group, Group]
    odds: float
    right: bool


@dataclass(frozen=True)
class Calibration:
    """Shifts of the log-odds of proposals.

    Attributes:
        shifts: the sum of the shifts that apply, by group; groups without labels have that of the wider group.
    """

    shifts: Mapping[Group, float]

    def confidence(self, method: str, column: str, kind: str, confidence: float) -> float:
        """The confidence of a proposal, after what labels taught."""
        for group in ((method, column, kind), (method, column), (method,)):
            if group in self.shifts:
                shift = self.shifts[group]
                return _probability(_odds(min(confidence, _DOUBTED) if shift < 0 else confidence) + shift)
        return confidence

    def applied(self, proposals: DataFrame, engine: Engine) -> DataFrame:
        """Proposals with the confidence after what labels taught.

        Args:
            proposals: with ``method, rule, column_name, confidence, evidence``.
        """
        from pyspark.sql import functions as F

        columns = proposals.columns
        evidence = F.regexp_replace(F.coalesce("evidence", F.lit("")), "[0-9]+", "#")
        found = proposals.withColumn("_kind", F.concat(F.col("rule"), F.lit(": "), evidence))
        shift = F.lit(0.0)
        for number, names in enumerate((("method",), ("method", "column_name"), ("method", "column_name", "_kind"))):
            rows = [(*group, value) for group, value in sorted(self.shifts.items()) if len(group) == len(names)]
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
            _groups(one.method, label.column_name, kind_of(one.rule, one.evidence)),
            _odds(min(one.confidence, _DOUBTED)),
            (one.new or "") == (label.new or ""),
        )
        for label in labels
        for one in label.suggested
        if one.method not in _UNTAUGHT
    ]
    return Calibration(_fitted(outcomes)) if outcomes else None


def kind_of(rule: str, evidence: str | None) -> str:
    """The kind of evidence: the rule, or method, and its words without numbers.

    Example:
        >>> kind_of("city", "7 of 8 with the same ccn")
        'city: # of # with the same ccn'
    """
    return f"{rule}: {re.sub('[0-9]+', '#', evidence or '')}"


def _fitted(outcomes: Sequence[_Outcome]) -> dict[Group, float]:
    """The most probable shifts, by one Newton step for each group in turn."""
    single = dict.fromkeys(sorted({group for one in outcomes for group in one.groups}), 0.0)
    for _ in range(_STEPS):
        for group in single:
            slope, curvature = -single[group] / _PRIOR_VARIANCE, 1 / _PRIOR_VARIANCE
            for one in outcomes:
                if group in one.groups:
                    chance = _probability(one.odds + sum(single[part] for part in one.groups))
                    slope += one.right - chance
                    curvature += chance * (1 - chance)
            single[group] += slope / curvature
    return {group: round(sum(single[part] for part in _wider(group)), 4) for group in single}


def _groups(method: str, column: str, kind: str) -> tuple[Group, Group, Group]:
    return (method,), (method, column), (method, column, kind)


def _wider(group: Group) -> Iterable[Group]:
    return (group[: end + 1] for end in range(len(group)))


def _odds(confidence: float) -> float:
    bounded = min(_SURE, max(1 - _SURE, confidence))
    return math.log(bounded / (1 - bounded))


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
