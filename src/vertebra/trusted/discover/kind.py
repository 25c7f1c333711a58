"""The registry of the kinds of rules that discovery proposes, such as keys and functional dependencies.

Each kind is one module in :mod:`vertebra.trusted.discover.kinds`: where its candidates come from, when one of them is a
rule, how interesting it is, and its sentence. Everything else reads the registry :data:`KINDS`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from vertebra.governance.context import Progress
from vertebra.registry import Registry
from vertebra.trusted.discover.proposal import CandidateRule, Verified
from vertebra.trusted.discover.sample import Sample
from vertebra.trusted.discover.subject import Subject

if TYPE_CHECKING:
    from vertebra.trusted.discover.pair_evidence import PairEvidence

FLAW: Final = 0.01
"""At twice this share, dirty rows are exceptions rather than errors."""
BONUS: Final = 1.25
"""A rule with a few violations is more interesting than one with none: it shows errors."""


@dataclass
class Evidence:
    """What one search knows when it asks a kind for candidates.

    Attributes:
        differing: for each column with several values, the probability that two rows differ on it.
        pairs: the sampled rows compared pair by pair; None unless a kind uses them.
        dependent: the functional dependencies that were verified; none unless a kind uses them.
    """

    subject: Subject
    sample: Sample
    differing: Mapping[str, float]
    progress: Progress
    pairs: PairEvidence | None = None
    dependent: Sequence[Verified] = field(default=())


class DiscoveryKind(ABC):
    """One kind of rules.

    Attributes:
        name: its name in ``--kinds`` and in :attr:`Proposal.kind`, and the name of its module.
        position: its place in the search and in lists, the lowest first.
        most_dirty: the largest share of dirty rows that a rule may have.
        uses_pairs: whether its candidates come from pairs of sampled rows.
        uses_dependencies: whether they depend on the functional dependencies that hold.
        minimal: whether a shorter left-hand side makes a longer one redundant.
        weight: how much its rules count in the ranking.
        one_topic: whether all its rules are about one topic, of which the ranking shows only a few.
    """

    name: ClassVar[str]
    position: ClassVar[int]
    most_dirty: ClassVar[float]
    uses_pairs: ClassVar[bool] = False
    uses_dependencies: ClassVar[bool] = False
    minimal: ClassVar[bool] = False
    weight: ClassVar[float] = 0.9
    one_topic: ClassVar[bool] = False

    @abstractmethod
    def candidates(self, evidence: Evidence) -> list[CandidateRule]:
        """Rules that hold, or nearly hold, on the sample, the most promising first."""

    @abstractmethod
    def said(self, found: Verified) -> tuple[str, str]:
        """A rule in words, and how well it holds; both together are a sentence without its full stop."""

    def is_rule(self, found: Verified) -> bool:
        """Whether a verified candidate is a rule and does not hold by accident."""
        return bool(found.applies) and found.dirty <= self.most_dirty * found.applies

    def worth(self, found: Verified) -> float:
        """How interesting a rule is apart from its violations, 0 to about 1."""
        return found.candidate.promise * math.sqrt(found.applies / found.rows) * self.weight

    def with_violations(self, worth: float, found: Verified) -> float:
        """How interesting a rule of some worth is with its violations."""
        return worth * BONUS * math.exp(-found.dirty / found.applies / FLAW / 2)


KINDS: Final[Registry[DiscoveryKind]] = Registry(
    "kind of rules", "vertebra.trusted.discover.kinds", "KIND", "vertebra.trusted.discover.kind:DiscoveryKind"
)
"""Every kind of rules by name."""


def in_order() -> tuple[DiscoveryKind, ...]:
    """The kinds in the order of the search, lists and error messages."""
    return tuple(sorted(KINDS.values(), key=lambda kind: kind.position))
