"""How often sources are right, where some of them have their values from a common origin.

Sources that copy each other, or the same feed, agree about wrong values too, so that many copies of one error look like
much evidence. Each source belongs to an *origin*. An origin with several sources has a value of its own for each item,
which is right with some probability; each of its sources repeats that value with some probability, and otherwise
reports what it found itself. The true values, those of the origins, and all probabilities are estimated together by
expectation maximisation. The likelihood tells how well origins explain what the sources say.

After the idea of Dong, Berti-Équille and Srivastava, *Integrating conflicting data: the role of source dependence*,
VLDB 2009: sources that share wrong values depend on each other, and right ones they may share because both are
accurate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from vertebra.trusted.repair.dependencies.source_votes import Numbers, Reals, SourceVotes

PRIOR: Final = 5.0
"""How many cells the accuracy of all counts for, in the estimate of one source; and its own, in that of one column."""
ACCURACY: Final = (0.02, 0.98)
_COPIED: Final = (0.001, 0.999)
"""No source is right all the time, but one may repeat another all the time."""
_START: Final = 0.8
_ALIKE: Final = 1 / 3
_ALIKE_PRIOR: Final = 20.0
"""How likely two wrong values are equal by chance, and how many pairs of wrong values this counts for."""
_FEWEST_WRONG: Final = 1.5
_MOST_WRONG: Final = 1000.0
_LARGEST: Final = 200.0


@dataclass(frozen=True)
class Expected:
    """What follows from the votes, for given probabilities.

    Attributes:
        value: of each value: the probability that it is the true one.
        none: of each item: the probability that no source says the true value.
        likelihood: the logarithm of that of all votes.
        repeated: of each pair of a value and an origin: how likely the origin has the value where it is true, and
            where another is.
        inverse: of each pair of an item and an origin: what an origin's value weighs, in the mean over true values.
    """

    value: Reals
    none: Reals
    likelihood: float
    repeated: tuple[Reals, Reals]
    inverse: Reals
    right_origin: Reals

    def origin_value(self) -> Reals:
        """Of each pair of a value and an origin: the probability that the origin has the value."""
        return self.repeated[0] + self.repeated[1]


class Feeds:
    """The model for one assignment of sources to origins.

    Args:
        votes: at least one.
        origin: of each source: the index of its origin.

    Attributes:
        right: how often a source is right where it repeats nothing, by source and column.
        copied: how often it repeats the value of its origin; 0 where the origin has no other source.
        origin_right: how often the value of an origin is right, by origin and column.
        wrong: by column: how many wrong values of an item there are to choose from.
    """

    def __init__(self, votes: SourceVotes, origin: Numbers) -> None:
        self.votes, self.origin = votes, origin
        self.origins = int(origin.max()) + 1
        sources, columns = len(votes.sources), len(votes.columns)
        values, items = len(votes.value_item), len(votes.item_column)
        self._of = (sources, columns, values, items)
        self._item_column, self._value_item = votes.item_column, votes.value_item
        pairs, self._pair = np.unique(votes.value * self.origins + origin[votes.source], return_inverse=True)
        self.pair_value, self.pair_origin = pairs // self.origins, pairs % self.origins
        pair_item = votes.value_item[self.pair_value]
        self.sides, self._side = np.unique(pair_item * self.origins + self.pair_origin, return_inverse=True)
        self.pairs = pairs
        self._side_item, self._side_origin = self.sides // self.origins, self.sides % self.origins
        self._side_column = votes.item_column[self._side_item]
        self._cell = votes.source * columns + votes.column
        self.members = np.bincount(origin, minlength=self.origins)
        self.shared = self.members > 1
        self.right = np.full((sources, columns), _START)
        self.copied = np.where(self.shared[origin], 0.5, 0.0)[:, None].repeat(columns, 1)
        self.origin_right = np.full((self.origins, columns), _START)
        self.wrong = np.full(columns, 1 / _ALIKE)
        self._declared = ~np.isnan(votes.declared)
        self._state_declared()
        self._never_against()
        self._known = ~np.isnan(votes.truth)
        self._answered = np.zeros(items, dtype=bool)
        self._answered[votes.value_item[self._known]] = True

    def _state_declared(self) -> None:
        given = self.votes.declared[self._declared]
        self.right[self._declared] = np.clip(given, *ACCURACY)[:, None]
        self.copied[self._declared] = 0.0

    def _never_against(self) -> None:
        """A source that is wrong more often than by chance says nothing; its votes do not count against a value."""
        chance = 1.0 / (1.0 + self.wrong)
        self.right = np.maximum(self.right, chance)
        self.origin_right = np.maximum(self.origin_right, chance)

    def fitted(self, rounds: int) -> Expected:
        """Estimate the probabilities; the expectation after the last round."""
        last, found = -math.inf, self.expected()
        for _ in range(rounds):
            if abs(found.likelihood - last) <= 1e-5 * max(1.0, abs(found.likelihood)):
                break
            last = found.likelihood
            self._maximise(found)
            found = self.expected()
        return found

    def terms(self) -> tuple[Reals, Reals, Reals, Reals]:
        """By source and column: the logarithms of what a vote says if it is right, and if it is wrong, where it was not
        repeated; and by how much more likely it is where its origin has the value, in both cases."""
        wrong = (1.0 - self.right) / self.wrong
        own = 1.0 - self.copied
        return (
            np.log(own * self.right), np.log(own * wrong),
            np.log1p(self.copied / (own * self.right)), np.log1p(self.copied / (own * wrong)),
        )  # fmt: skip

    def expected(self, heard: Reals | None = None) -> Expected:
        """What is probably true.

        Args:
            heard: of each source: 1 if its votes count, 0 if not; all count by default.
        """
        votes = self.votes
        _, _, values, items = self._of
        count = votes.count if heard is None else votes.count * heard[votes.source]
        right, wrong, more_right, more_wrong = (
            np.bincount(self._pair, term[votes.source, votes.column] * count, minlength=len(self.pairs))
            for term in self.terms()
        )
        said = (np.bincount(self._pair, count, minlength=len(self.pairs)) > 0).astype(np.float64)
        side, sides = self._side, len(self.sides)
        if_right = np.exp(np.minimum(more_right, _LARGEST))
        if_wrong = np.exp(np.minimum(more_wrong, _LARGEST)) * said
        different = np.bincount(side, said, minlength=sides)
        sure = self.origin_right[self._side_origin, self._side_column]
        many = np.maximum(self.wrong[self._side_column], different)
        every = np.bincount(side, if_wrong, minlength=sides)
        outside = sure + (1 - sure) * (1 - different / many) + (1 - sure) / many * every
        own, each = sure[side], ((1 - sure) / many)[side]
        inside = own * if_right + each * (every[side] - if_wrong) + (1 - own) - each * (different[side] - 1)
        inside = np.where(said > 0, inside, outside[side])
        says = np.where(said > 0, right - wrong + np.log(inside) - np.log(outside[side]), 0.0)
        score = np.bincount(self.pair_value, says, minlength=values)
        heard_of = np.bincount(self.pair_value, said, minlength=values) > 0
        highest = np.zeros(items)
        np.maximum.at(highest, self._value_item, score)
        weight = np.exp(score - highest[self._value_item]) * heard_of
        none = np.exp(-highest)
        total = np.bincount(self._value_item, weight, minlength=items) + none
        value, none = weight / total[self._value_item], none / total
        base = np.bincount(
            self._side_item, np.bincount(side, wrong, minlength=sides) + np.log(outside), minlength=items
        )
        likely = base + np.log(total) + highest
        if self._answered.any():
            value = np.where(self._known, np.nan_to_num(votes.truth), value)
            named = np.bincount(self._value_item, value, minlength=items)
            none = np.where(self._answered, 1 - named, none)
            true = votes.truth == 1
            answer = base + np.bincount(self._value_item[true], score[true], minlength=items)
            likely = np.where(self._answered, answer, likely)
        mine = value[self.pair_value]
        weighed = np.bincount(side, mine / inside, minlength=sides)
        beyond = np.maximum(0.0, 1 - np.bincount(side, mine, minlength=sides))
        inverse = weighed + beyond / outside
        true_too = mine * own * if_right / inside
        other = each * if_wrong * (inverse[side] - mine / inside)
        right_origin = np.bincount(side, true_too, minlength=sides) + beyond * sure / outside
        return Expected(value, none, float(likely.sum()), (true_too, other), inverse, right_origin)

    def _maximise(self, found: Expected) -> None:
        votes = self.votes
        _, columns, values, items = self._of
        mine = found.value[self.pair_value][self._pair]
        right, copied = self.right[votes.source, votes.column], self.copied[votes.source, votes.column]
        wrong = (1 - right) / self.wrong[votes.column]
        from_right = found.repeated[0][self._pair] * copied / (copied + (1 - copied) * right)
        from_wrong = found.repeated[1][self._pair] * copied / (copied + (1 - copied) * wrong)
        own = self._cells(mine - from_right)
        other = self._cells(1 - mine - from_wrong)
        repeated = self._cells(from_right + from_wrong)
        every = own.sum() / max(1e-9, (own + other).sum())
        usual = (own.sum(1) + PRIOR * every) / ((own + other).sum(1) + PRIOR)
        self.right = np.clip((own + PRIOR * usual[:, None]) / (own + other + PRIOR), *ACCURACY)
        said = own + other + repeated
        often = (repeated.sum(1) + 0.5) / (said.sum(1) + 1)
        share = np.clip((repeated + PRIOR * often[:, None]) / (said + PRIOR), *_COPIED)
        self.copied = np.where(self.shared[self.origin][:, None], share, 0.0)
        self._state_declared()
        cell = self._side_origin * columns + self._side_column
        shape = (self.origins, columns)
        sure = np.bincount(cell, found.right_origin, minlength=self.origins * columns).reshape(shape)
        asked = np.bincount(cell, minlength=self.origins * columns).reshape(shape)
        usual = (sure.sum(1) + PRIOR * every) / (asked.sum(1) + PRIOR)
        self.origin_right = np.clip((sure + PRIOR * usual[:, None]) / (asked + PRIOR), *ACCURACY)
        self.wrong = self._choices(found, values, items, columns)
        self._never_against()

    def _cells(self, weights: Reals) -> Reals:
        sources, columns = self._of[:2]
        sums = np.bincount(self._cell, weights * self.votes.count, minlength=sources * columns).astype(np.float64)
        return sums.reshape(sources, columns)

    def _choices(self, found: Expected, values: int, items: int, columns: int) -> Reals:
        """How many wrong values there are, by how often origins agree about one."""
        named = np.bincount(self.pair_value, minlength=values).astype(np.float64)
        same = np.bincount(self._value_item, (1 - found.value) * named * (named - 1), minlength=items)
        total = np.bincount(self._value_item, named, minlength=items)
        true = np.bincount(self._value_item, found.value * named, minlength=items)
        square = np.bincount(self._value_item, found.value * named * named, minlength=items)
        pairs = np.maximum(0.0, total * total - 2 * total * true + square - (total - true))
        alike = np.bincount(self._item_column, same, minlength=columns) + _ALIKE_PRIOR * _ALIKE
        of = np.bincount(self._item_column, pairs, minlength=columns) + _ALIKE_PRIOR
        choices: Reals = np.clip(of / np.maximum(alike, 1e-9), _FEWEST_WRONG, _MOST_WRONG)
        return choices

    def accuracy(self) -> Reals:
        """How often the cells of each source are right, repeated or not, by source and column."""
        right: Reals = self.copied * self.origin_right[self.origin] + (1 - self.copied) * self.right
        return right

    def criterion(self, found: Expected) -> float:
        """How well the origins explain the votes: the likelihood, less for each origin (Schwarz, *Estimating the
        dimension of a model*, 1978). It counts in how many ways the wrong values may be named, so that assignments with
        another number of them can be compared."""
        _, columns, _, items = self._of
        different = np.bincount(self._value_item, minlength=items)
        kinds, kind = np.unique(np.stack([different, self._item_column]), axis=1, return_inverse=True)
        kind = kind.reshape(-1)
        named, unnamed = (
            np.array([_ways(self.wrong[column], count - less) for count, column in kinds.T]) for less in (1, 0)
        )
        ways = (1 - found.none) * named[kind] + found.none * unnamed[kind]
        return found.likelihood + float(ways.sum()) - 0.5 * columns * int(self.shared.sum()) * math.log(max(2, items))


def _ways(choices: float, different: int) -> float:
    """The logarithm of the number of ways to name so many different values."""
    most = max(choices, float(different))
    return math.lgamma(most + 1) - math.lgamma(most - different + 1)
