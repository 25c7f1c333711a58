"""Which columns are evidence for which: the pairs that are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vertebra.trusted.repair.cooccurrence.weights import Weights

LEAST_WEIGHT: Final = 0.3
"""The weight from which a pair of columns is used."""
_GIVEN: Final = 5
_CHECKS: Final = 4


@dataclass(frozen=True)
class Evidence:
    """Column ``given`` as evidence for the value of column ``target``.

    Attributes:
        number: of this direction of the pair; the other one is ``number ^ 1``.
        forward: the weight of (given, target), 0 if it is too weak: the value of ``given`` says which values
            ``target`` may have.
        reverse: the weight of (target, given), 0 if it is too weak: a value of ``target`` says what ``given`` must be,
            so a candidate that stands with another value is unlikely.
    """

    number: int
    given: str
    target: str
    forward: float
    reverse: float

    @property
    def pair(self) -> int:
        """The number of the pair of columns, the same for both directions."""
        return self.number // 2


def chosen_evidence(weights: Weights, columns: Sequence[str]) -> list[Evidence]:
    """For each column that some other one determines, the columns that say most about it.

    At most five columns that determine it and four that it determines, so that the work grows with the number of
    columns and not with its square.
    """
    strong = {pair: weight for pair, weight in weights.items() if weight > LEAST_WEIGHT}
    pairs: dict[frozenset[str], int] = {}
    found = []
    for target in columns:
        given = _best({a: weight for (a, b), weight in strong.items() if b == target}, _GIVEN)
        if not given:
            continue
        checks = _best({b: weight for (a, b), weight in strong.items() if a == target}, _CHECKS)
        for name in [*given, *(name for name in checks if name not in given)]:
            number = 2 * pairs.setdefault(frozenset((name, target)), len(pairs)) + (name > target)
            found.append(
                Evidence(number, name, target, strong.get((name, target), 0.0), strong.get((target, name), 0.0))
            )
    return found


def targets_of(evidence: Sequence[Evidence]) -> list[str]:
    """The columns that there is evidence for; queries use their positions in this list."""
    return list(dict.fromkeys(one.target for one in evidence))


def _best(weights: dict[str, float], most: int) -> list[str]:
    return sorted(weights, key=lambda name: (-weights[name], name))[:most]
