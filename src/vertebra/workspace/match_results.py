"""What is said about matches: pairs to review, scores, estimates, explanations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ComparedValues:
    """One comparison of a pair.

    Attributes:
        name: of the comparison.
        left, right: the values, as text; None is NULL.
        level: the level of agreement.
    """

    name: str
    left: str | None
    right: str | None
    level: str


@dataclass(frozen=True)
class PairToReview:
    """A pair of records that a person is asked about.

    Attributes:
        left, right: the source and the key of each record.
        values: what is compared, side by side.
        probability: of a match; not shown to a person who reviews blind.
        decision: what holds without the person: ``match`` or ``review``.
        reason: why it is reviewed; empty for a match.
    """

    reconciliation: str
    left: tuple[str, str]
    right: tuple[str, str]
    values: tuple[ComparedValues, ...]
    probability: float
    decision: str
    reason: str


@dataclass(frozen=True)
class MatchScore:
    """How right the matches are at a threshold.

    Attributes:
        threshold: pairs are matches from this probability; None for the decisions as they are.
        matches: pairs of records of one entity.
        right: those that the truth has.
    """

    threshold: float | None
    matches: int
    right: int
    true_pairs: int

    @property
    def precision(self) -> float | None:
        """The share of matches that are right; None without matches."""
        return self.right / self.matches if self.matches else None

    @property
    def recall(self) -> float | None:
        """The share of true pairs that are matched; None without true pairs."""
        return self.right / self.true_pairs if self.true_pairs else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall."""
        total = self.matches + self.true_pairs
        return 2 * self.right / total if total else None


@dataclass(frozen=True)
class MatchEvaluation:
    """Measured against a file with the true pairs.

    Attributes:
        total: the decisions as they are.
        by_threshold: the score if pairs matched from other probabilities.
        missed_by_blocking: true pairs that are no candidates.
        missed_by_decision: true pairs that are candidates and were not matched.
        unknown: true pairs of records that the sources do not have.
    """

    total: MatchScore
    by_threshold: tuple[MatchScore, ...]
    missed_by_blocking: int
    missed_by_decision: int
    unknown: int


@dataclass(frozen=True)
class EstimatedPrecision:
    """The precision of the matches as their probabilities have it: an estimate, not a measurement.

    Attributes:
        low, high: the bounds within which it is in 19 of 20 cases if the probabilities are right.
    """

    matches: int
    precision: float
    low: float
    high: float


@dataclass(frozen=True)
class MatchEvidence:
    """What one comparison adds to the log-odds of a pair.

    Attributes:
        name: of the comparison, or ``whole record`` for all texts together.
        weight: log-odds; positive speaks for a match.
    """

    name: str
    left: str | None
    right: str | None
    level: str
    weight: float


@dataclass(frozen=True)
class MatchExplanation:
    """Why two records are a match, or are none.

    Attributes:
        decision: ``match``, ``review``, ``no match`` or ``no candidate``.
        reason: why it is no plain match; empty if it is.
        trust: where the probability comes from: ``learned`` weights, ``assumed`` ones, or ``both``.
        evidence: in the order of the comparisons, then the whole record.
    """

    reconciliation: str
    left: tuple[str, str]
    right: tuple[str, str]
    decision: str
    reason: str
    probability: float
    weight: float
    trust: str
    evidence: tuple[MatchEvidence, ...]
