"""Sources and their common origins: the model against enumeration, what it finds, and the same votes in the engine."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
from trusted.zones import Zone
from vertebra.trusted.repair.dependencies.evidence import FULL, PINNED, SILENT
from vertebra.trusted.repair.dependencies.feeds import Feeds
from vertebra.trusted.repair.dependencies.origins import candidates
from vertebra.trusted.repair.dependencies.source_votes import SourceVotes, source_votes
from vertebra.trusted.repair.dependencies.sources import as_trust, figures
from vertebra.trusted.repair.dependencies.truth import weighed

Row = tuple[int, str, int, str, str, str, int]
SOURCES, VALUES = 4, "abc"


def votes_of(says: list[list[str | None]], true: dict[tuple[int, str, int], str] | None = None) -> SourceVotes:
    """Votes on items, each what the sources say, or None."""
    rows: list[Row] = [
        (0, f"i{item:03}", 0, "c", value, f"s{source:02}", 1)
        for item, values in enumerate(says)
        for source, value in enumerate(values)
        if value is not None
    ]
    return source_votes(rows, true or {}, {})


def enumerated(feeds: Feeds, says: list[str | None]) -> dict[str, float]:
    """The probability of each value that is said, by trying every true value and every value of each origin."""
    seen = sorted({value for value in says if value is not None})
    likely = {}
    for true in [*seen, None]:
        product = 1.0
        for origin in range(feeds.origins):
            mine = [(s, v) for s, v in enumerate(says) if feeds.origin[s] == origin and v is not None]
            product *= sum(_of_origin(feeds, origin, mine, true))
        likely[true] = product
    total = sum(likely.values())
    return {value: likely[value] / total for value in seen}


def _of_origin(feeds: Feeds, origin: int, says: list[tuple[int, str]], true: str | None) -> Iterator[float]:
    sure, wrong = float(feeds.origin_right[origin, 0]), float(feeds.wrong[0])
    said = sorted({value for _, value in says})
    many = max(wrong, len(said))
    others = [value for value in said if value != true]
    has: list[tuple[str | None, float]] = [(true, sure), *[(value, (1 - sure) / many) for value in others]]
    has.append(("another", (1 - sure) * (1 - len(others) / many)))
    for value, chance in has:
        for source, vote in says:
            right, copied = float(feeds.right[source, 0]), float(feeds.copied[source, 0])
            own = right if vote == true else (1 - right) / wrong
            chance *= copied * (vote == value) + (1 - copied) * own
        yield chance


@settings(max_examples=examples(fast=30, thorough=300), deadline=None)
@given(st.data())
def test_what_is_probably_true_agrees_with_enumeration(data: st.DataObject) -> None:
    vote = st.sampled_from([*VALUES, None])
    says = data.draw(st.lists(st.lists(vote, min_size=SOURCES, max_size=SOURCES), min_size=1, max_size=3))
    says = [item for item in says if any(item)]
    sources = {source for item in says for source, value in enumerate(item) if value is not None}
    if not says or len(sources) < SOURCES:
        return
    origin = np.array(data.draw(st.lists(st.integers(0, 2), min_size=SOURCES, max_size=SOURCES)))
    feeds = Feeds(votes_of(says), np.unique(origin, return_inverse=True)[1])
    chance = st.floats(0.05, 0.95)
    feeds.right = np.array([[data.draw(chance)] for _ in range(SOURCES)])
    feeds.copied = np.where(feeds.shared[feeds.origin], data.draw(chance), 0.0)[:, None]
    feeds.origin_right = np.array([[data.draw(chance)] for _ in range(feeds.origins)])
    feeds.wrong = np.array([data.draw(st.floats(1.5, 20))])
    found = feeds.expected().value
    expected = [chance for item in says for _, chance in sorted(enumerated(feeds, item).items())]
    assert found == pytest.approx(np.array(expected), abs=1e-9)


def made(copies: tuple[int, ...], feeds: tuple[float, ...], own: list[float], items: int = 100) -> list[list[str]]:
    """What sources say whose true value is ``T``: copies of feeds that are right with some probability, and others."""
    draw = random.Random(7)

    def said(right: float) -> str:
        return "T" if draw.random() < right else draw.choice("abcd")

    found = []
    for _ in range(items):
        by_feed = [said(right) for right in feeds]
        copied = [
            feed if draw.random() < 0.9 else said(0.6)
            for feed, n in zip(by_feed, copies, strict=True)
            for _ in range(n)
        ]
        found.append([*copied, *[said(right) for right in own]])
    return found


def probable(votes: SourceVotes) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How likely each value is the true one, over all likely assignments."""
    return np.sum([one.share * one.expected.value for one in candidates(votes)], axis=0)


def together(votes: SourceVotes) -> list[set[int]]:
    """The sources with a common origin, in the most likely assignment."""
    origin = candidates(votes)[0].feeds.origin
    return sorted((set(np.flatnonzero(origin == one).tolist()) for one in np.unique(origin)), key=min)


def test_copies_of_feeds_are_found_and_counted_once() -> None:
    says = made((14, 3, 3), (0.5, 0.9, 0.85), [0.95, 0.9, 0.9])
    votes = votes_of(list(map(list, says)))
    groups = [group for group in together(votes) if len(group) > 1]
    assert set(range(14)) <= groups[0]
    assert set(range(14, 17)) <= groups[1]
    shares = {one.source: set(one.shares_with) for one in figures(candidates(votes))}
    assert shares["s14"] == {"s15", "s16"}
    assert not any(shares[f"s{source}"] for source in (20, 21, 22))
    true = probable(votes)
    named = sorted({(item, value) for item, values in enumerate(says) for value in values})
    found = {
        item: max((true[i], value) for i, (at, value) in enumerate(named) if at == item) for item in range(len(says))
    }
    majority = [max("Tabcd", key=values.count) for values in says]
    assert sum(value == "T" for _, value in found.values()) >= 98
    assert sum(value == "T" for value in majority) < 80
    assert all(value == "T" for chance, value in found.values() if chance > 0.95)


@pytest.mark.parametrize("own", [[0.9, 0.8, 0.7, 0.6, 0.9, 0.8, 0.7, 0.6, 0.5, 0.5], [0.95] * 10])
def test_independent_sources_are_not_taken_for_copies(own: list[float]) -> None:
    votes = votes_of(list(map(list, made((), (), own, items=200))))
    likely = candidates(votes)
    assert not likely[0].feeds.shared.any()
    assert not any(one.shares_with for one in figures(likely))
    accuracy = np.sum([one.share * one.feeds.accuracy() for one in likely], axis=0)[:, 0]
    assert accuracy == pytest.approx(np.array(own), abs=0.12)


def test_answers_of_people_decide_what_votes_cannot() -> None:
    """Two feeds contradict each other on many items, and no third source tells which of them is right."""
    draw = random.Random(1)
    says = []
    for _ in range(60):
        pair = ["T", draw.choice("ab")] if draw.random() < 0.8 else [draw.choice("ab"), "T"]
        says.append([value for value in pair for _ in range(4)] + ["T" if draw.random() < 0.5 else draw.choice("ab")])
    asked = {(0, f"i{item:03}", 0): "T" for item in range(15)}
    true = probable(votes_of(list(map(list, says)), asked))
    named = sorted({(item, value) for item, values in enumerate(says) for value in values})
    sure = [value for (item, value), chance in zip(named, true, strict=True) if item >= 15 and chance > 0.7]
    assert sure.count("T") > 25
    assert sure.count("T") >= 0.75 * len(sure)


def test_the_engine_weighs_votes_by_the_same_probabilities(zone: Zone) -> None:
    says = made((4, 3), (0.6, 0.9), [0.9, 0.8], items=12)
    votes = votes_of(list(map(list, says)))
    models = candidates(votes)[:2]
    rows: list[tuple[int, str, int, int, str | None, int, int]] = [
        (0, f"i{item:03}", 1000 * item + source, 0, value, FULL, 0)
        for item, values in enumerate(says)
        for source, value in enumerate(values)
    ]
    rows += [
        (0, "i000", 990, 0, "pinned", PINNED, 0),
        (0, "i000", 991, 0, "silent", SILENT, 0),
        (0, "i000", 992, 0, None, FULL, 0),
    ]
    create = zone.engine.session.createDataFrame
    schema = "determinant int, key string, _rid bigint, place int, value string, weight bigint, sure int"
    sources = create([(row[2], f"s{row[2] % 1000:02}") for row in rows], "_rid bigint, source string")
    trust = as_trust("site", [(0, 0, "c")], sources, models, zone.engine)
    found = weighed(create(rows, schema), trust).collect()
    by_rid = {row["_rid"]: row["weight"] for row in found}
    assert (by_rid[990], by_rid[991]) == (PINNED, SILENT)
    share = sum(one.share for one in models)
    true = np.sum([one.share / share * one.expected.value for one in models], axis=0)
    least = np.min([one.expected.value for one in models], axis=0)
    named = sorted({(item, value) for item, values in enumerate(says) for value in values})
    for item in range(len(says)):
        chances = {value: chance for (at, value), chance in zip(named, true, strict=True) if at == item}
        sure = {value: chance for (at, value), chance in zip(named, least, strict=True) if at == item}
        sums = dict.fromkeys(chances, 0)
        for row in found:
            if row["key"] == f"i{item:03}" and row["value"] in sums:
                sums[row["value"]] += row["weight"]
        (first, won), (_, rival) = [*sorted(sums.items(), key=lambda one: -one[1]), ("", 0)][:2]
        assert chances[first] == max(chances.values())
        lead = 1 / (1 + math.exp(-(won - rival) / FULL))
        assert lead == pytest.approx(max(sure[first], min(chances[first], 0.75), 0.5), abs=1e-4)
