"""Which sources have a common origin: assignments of sources to origins, and how likely each of them is.

Candidates come from a hierarchical clustering of the sources by how often they agree. From each, sources move to the
origin that predicts best what they say, judged by what the other sources say, until none moves. The candidates are then
compared by the criterion of :class:`~vertebra.trusted.repair.dependencies.feeds.Feeds`; those that explain the votes
about equally well all count, so that a vote is sure only where they agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vertebra.trusted.repair.dependencies.feeds import Expected, Feeds

if TYPE_CHECKING:
    from vertebra.trusted.repair.dependencies.source_votes import Numbers, Reals, SourceVotes

MOST_COMPARED: Final = 300
"""With more sources, pairs of them have little in common, and each is its own origin."""
_SHARES: Final = (0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)
"""Numbers of clusters to begin with, as shares of the number of sources."""
_FEWEST_ORIGINS: Final = 3
"""What two origins disagree about, nobody decides."""
_ALIKE: Final = 10.0
"""Votes on the columns of one tuple depend on each other, and the likelihood counts each of them: smaller differences
of its logarithm say little."""
_LEAST_SHARE: Final = 0.02
_VARIED: Final = 3
_FOLDS: Final = 10
_SWEEPS: Final = 8
_FIRST_ROUNDS: Final = 8
_ROUNDS: Final = 30
_PART: Final = 2000


Key = tuple[int, ...]
Fitted = tuple[Feeds, Expected]


@dataclass(frozen=True)
class Candidate:
    """One assignment of sources to origins.

    Attributes:
        share: how likely it is, among all that are considered.
    """

    feeds: Feeds
    expected: Expected
    share: float


def candidates(votes: SourceVotes) -> list[Candidate]:
    """The likely assignments of sources to origins, the most likely first. Each source has its own in one of them."""
    alone = np.arange(len(votes.sources), dtype=np.int64)
    found = {_key(alone): _fitted(votes, alone)}
    if _FEWEST_ORIGINS < len(votes.sources) <= MOST_COMPARED:
        for keeps in (False, True):
            _settle(votes, _starts(votes), found, set(), keeps=keeps)
        varied = [start for one in _best(found, _VARIED) for start in _apart(votes, _array(one))]
        _settle(votes, varied, found, set(found), keeps=True)
    every = [fitted for key, fitted in found.items() if len(set(key)) >= min(_FEWEST_ORIGINS, len(votes.sources))]
    scored = [(feeds.criterion(expected), feeds, expected) for feeds, expected in every]
    best = max(score for score, _, _ in scored)
    weights = [float(np.exp((score - best) / _ALIKE)) for score, _, _ in scored]
    likely = [
        Candidate(feeds, expected, weight)
        for weight, (_, feeds, expected) in zip(weights, scored, strict=True)
        if weight >= _LEAST_SHARE
    ]
    total = sum(one.share for one in likely)
    likely = [Candidate(one.feeds, one.expected, one.share / total) for one in likely]
    return sorted(likely, key=lambda one: (-one.share, one.feeds.origin.tolist()))


def _best(found: Mapping[Key, Fitted], number: int) -> list[Key]:
    """The assignments that explain the votes best."""
    score = {key: feeds.criterion(expected) for key, (feeds, expected) in found.items()}
    return sorted(found, key=lambda key: (-score[key], key))[:number]


def _apart(votes: SourceVotes, origin: Numbers) -> Iterator[Numbers]:
    """The assignment with the sources of one shared origin apart, for each: accurate sources agree without copying."""
    for one in np.flatnonzero(np.bincount(origin) > 1):
        yield _numbered(votes, np.where(origin == one, origin.max() + 1 + np.arange(len(origin)), origin))


def _key(origin: Numbers) -> Key:
    return tuple(origin.tolist())


def _array(key: Key) -> Numbers:
    return np.array(key, dtype=np.int64)


def _fitted(votes: SourceVotes, origin: Numbers, rounds: int = _ROUNDS, before: Feeds | None = None) -> Fitted:
    feeds = Feeds(votes, origin)
    if before is not None:
        feeds.wrong = before.wrong
    return feeds, feeds.fitted(rounds)


def _settle(
    votes: SourceVotes, starts: Iterable[Numbers], found: dict[Key, Fitted], seen: set[Key], *, keeps: bool
) -> None:
    """Move sources from each start until none moves any more, and add the assignments that this ends with.

    Args:
        found: the assignments so far.
        seen: those that were on the way already, from which nothing new follows.
        keeps: whether a source moves only where that is clearly better; otherwise it leaves an origin that does not
            clearly explain it.
    """
    for origin in starts:
        feeds: Feeds | None = None
        for _ in range(_SWEEPS):
            if _key(origin) in seen:
                break
            seen.add(_key(origin))
            feeds, _ = _fitted(votes, origin, _FIRST_ROUNDS, feeds)
            origin = _moved(feeds, keeps=keeps)
        if _key(origin) not in found:
            found[_key(origin)] = _fitted(votes, origin, _ROUNDS, feeds)


def _moved(feeds: Feeds, *, keeps: bool) -> Numbers:
    """Each source in the origin that predicts it best, or in one of its own."""
    shared = np.flatnonzero(feeds.shared)
    if not len(shared):
        return feeds.origin
    true, repeated = _predicted(feeds, shared)
    votes = feeds.votes
    other = (1 - true) / feeds.wrong[votes.column]
    heard = np.bincount(votes.source, votes.count, minlength=len(votes.sources))
    price = 0.5 * np.log(np.maximum(heard, 2.0))
    itself = _predictive(votes, None, true, other)
    with_origin = np.stack([_predictive(votes, one, true, other) for one in repeated.T], 1)
    if keeps:
        every = np.concatenate([with_origin, itself[:, None]], 1)
        place = {int(origin): i for i, origin in enumerate(shared)}
        now = np.array([place.get(int(origin), len(shared)) for origin in feeds.origin])
        every[np.arange(len(now)), now] += price
    else:
        every = np.concatenate([with_origin - price[:, None], itself[:, None]], 1)
    best = every.argmax(1)
    own = feeds.origins + np.arange(len(best))
    return _numbered(votes, np.where(best == len(shared), own, np.append(shared, 0)[best]))


def _predicted(feeds: Feeds, shared: Numbers) -> tuple[Reals, Reals]:
    """Of each vote: how likely its value is the true one, and that of each shared origin, as other sources say.

    A tenth of the sources is left out at a time.
    """
    votes = feeds.votes
    true = np.zeros(len(votes.source))
    repeated = np.zeros((len(votes.source), len(shared)))
    folds = min(_FOLDS, len(votes.sources))
    for fold in range(folds):
        left = np.arange(len(votes.sources)) % folds == fold
        out = np.flatnonzero(left[votes.source])
        if not len(out):
            continue
        found = feeds.expected((~left).astype(np.float64))
        true[out] = found.value[votes.value[out]]
        has = found.origin_value()
        for i, origin in enumerate(shared):
            pair, said = _places(feeds.pairs, votes.value[out] * feeds.origins + origin)
            side, known = _places(feeds.sides, votes.item[out] * feeds.origins + origin)
            sure = feeds.origin_right[origin, votes.column[out]]
            # what nobody says of an origin that is silent, or says something else
            weighs = np.where(known, found.inverse[side], 1.0)
            unsaid = (true[out] * sure + (1 - true[out]) * (1 - sure) / feeds.wrong[votes.column[out]]) * weighs
            repeated[out, i] = np.minimum(1.0, np.where(said & (has[pair] > 0), has[pair], unsaid))
    return true, repeated


def _places(sorted_: Numbers, wanted: Numbers) -> tuple[Numbers, np.ndarray[Any, np.dtype[np.bool_]]]:
    place = np.minimum(np.searchsorted(sorted_, wanted), len(sorted_) - 1)
    return place, sorted_[place] == wanted


def _predictive(votes: SourceVotes, repeated: Reals | None, true: Reals, other: Reals) -> Reals:
    """How well a mixture of what an origin has, the true value and wrong ones predicts each source."""
    sources = len(votes.sources)
    parts = np.stack([true, other] if repeated is None else [true, other, repeated])
    shares = np.array([0.75, 0.25] if repeated is None else [0.45, 0.15, 0.4])[:, None].repeat(sources, 1)
    said = np.bincount(votes.source, votes.count, minlength=sources)
    for _ in range(12):
        mixed = parts * shares[:, votes.source]
        mixed = mixed / (mixed.sum(0) + 1e-12) * votes.count
        sums = np.stack([np.bincount(votes.source, part, minlength=sources) for part in mixed])
        shares = (sums + 0.5) / (said + 0.5 * len(parts))
    whole = (parts * shares[:, votes.source]).sum(0)
    return np.bincount(votes.source, np.log(whole + 1e-12) * votes.count, minlength=sources).astype(np.float64)


def _starts(votes: SourceVotes) -> Iterator[Numbers]:
    """Clusters of sources that agree often, from many to few."""
    sources = len(votes.sources)
    wanted = sorted({max(2, round(sources * share)) for share in _SHARES}, reverse=True)
    merged = _merges(_distances(votes))
    for number in wanted:
        parent = list(range(sources))
        for one, two in merged[: sources - number]:
            parent = [one if each == two else each for each in parent]
        yield _numbered(votes, np.array(parent, dtype=np.int64))


def _distances(votes: SourceVotes) -> Reals:
    """How often two sources disagree about an item, drawn to the mean of all pairs."""
    agree = _together(votes, votes.value, len(votes.value_item))
    both = _together(votes, votes.item, len(votes.item_column))
    upper = np.triu_indices(len(votes.sources), 1)
    mean = agree[upper].sum() / max(1.0, both[upper].sum())
    found: Reals = 1 - (agree + 3 * mean) / (both + 3)
    return found


def _together(votes: SourceVotes, what: Numbers, number: int) -> Reals:
    """For each two sources, how many values, or items, both have."""
    sources = len(votes.sources)
    found = np.zeros((sources, sources))
    order = np.argsort(what, kind="stable")
    bounds = np.searchsorted(what[order], np.arange(0, number + _PART, _PART))
    for begin, first, last in zip(range(0, number, _PART), bounds, bounds[1:], strict=False):
        part = order[first:last]
        has = np.zeros((sources, _PART), dtype=np.float32)
        has[votes.source[part], what[part] - begin] = 1.0
        found += has @ has.T
    return found


def _merges(distance: Reals) -> list[tuple[int, int]]:
    """The steps of an average-linkage clustering: the second cluster of each pair joins the first."""
    distance = distance.copy()
    np.fill_diagonal(distance, np.inf)
    size = np.ones(len(distance))
    steps = []
    for _ in range(len(distance) - 1):
        one, two = sorted(divmod(int(distance.argmin()), len(distance)))
        steps.append((one, two))
        merged = (distance[one] * size[one] + distance[two] * size[two]) / (size[one] + size[two])
        distance[one], distance[:, one] = merged, merged
        distance[two], distance[:, two] = np.inf, np.inf
        distance[one, one] = np.inf
        size[one] += size[two]
    return steps


def _numbered(votes: SourceVotes, origin: Numbers) -> Numbers:
    """Numbers from 0 in the order in which they occur. A source whose accuracy is declared has an origin of its own."""
    own = origin.max() + 1 + np.arange(len(origin))
    origin = np.where(np.isnan(votes.declared), origin, own)
    first: dict[int, int] = {}
    return np.array([first.setdefault(int(one), len(first)) for one in origin], dtype=np.int64)
