"""The addresses to request: each period that is due and not landed, with each combination of the declared values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

from vertebra.declare.period import Period, parse_period, periods_until
from vertebra.declare.placeholders import fill_placeholders
from vertebra.declare.quantity import parse_duration
from vertebra.declare.web_source import ValueRange
from vertebra.errors import CollectError
from vertebra.landing.parsing.format import format_named
from vertebra.landing.web.credentials import with_query

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
    from datetime import datetime

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.web_source import Periods, UrlTemplateSource, Values
    from vertebra.lake.batches import Receipt
    from vertebra.landing.port import Request

_ARCHIVES: Final = (".zip", ".gz")

_Place = tuple[str | None, str | None]
"""A period and a part."""


@dataclass(frozen=True)
class Target:
    """One address to request.

    Attributes:
        url: the address with all placeholders filled in, without credentials.
        redacted_url: the address for receipts and messages, without secrets.
        period: name of the period.
        part: the values of ``over``, ``station=JFK,year=2013``.
        is_newest: whether it is the newest period that is due, which may not be published yet.
        landed: receipt of the newest batch of the period and part.
    """

    url: str
    redacted_url: str
    period: str | None
    part: str | None
    is_newest: bool
    landed: Receipt | None

    @property
    def validators(self) -> Mapping[str, str]:
        """Headers of the landed answer, which ask for a newer one only; none if it came from another address."""
        return self.landed.headers if self.landed is not None and self.landed.url == self.redacted_url else {}


def targets(source: UrlTemplateSource, request: Request) -> Iterator[Target]:
    """The addresses to request now, oldest period first.

    Raises:
        CollectError: the window does not fit the declared periods.
    """
    landed = {(one.period, one.part): one for one in request.landed}
    parts = [(_part(values, request), values) for values in _combinations(source.over)]
    if source.periods is None:
        due: list[Period | None] = [None]
        newest, again = None, set(landed)
    else:
        due = list(_due(source.periods, request))
        newest = str(_newest(source.periods, request))
        every = request.window is not None and request.window.again
        again = set(landed) if every else _revisited(source.periods.revisit, due, [part for part, _ in parts], landed)
    for one in due:
        name = None if one is None else str(one)
        for part, values in parts:
            last = landed.get((name, part))
            if last is None or (name, part) in again:
                url = _address(source, one, values)
                yield Target(url, request.redact(url), name, part, name is not None and name == newest, last)


def _revisited(
    number: int, due: Sequence[Period | None], parts: Sequence[str | None], landed: Container[_Place]
) -> set[_Place]:
    """The newest landed periods of each part; periods that are due and not published yet do not count."""
    found: set[_Place] = set()
    for part in parts if number else ():
        there = [place for one in due if (place := (str(one), part)) in landed]
        found.update(there[-number:])
    return found


def file_name(url: str, dataset: Dataset) -> str:
    """A file name for the answer of an address, with an ending that tells its format."""
    last = unquote(urlsplit(url).path.rpartition("/")[2])
    wanted = format_named(dataset.parse.format)
    is_file = last.lower().endswith((*_ARCHIVES, *wanted.endings)) and not last.startswith(".")
    return last if is_file else f"{dataset.name}{(*wanted.endings, '')[0]}"


def _due(declared: Periods, request: Request) -> Iterator[Period]:
    skipped = set(declared.skip)
    first, last = _window(declared, request)
    for one in periods_until(parse_period(declared.first, declared.unit), _until(declared, request)):
        if last is not None and one > last:
            return
        if str(one) not in skipped and (first is None or one >= first):
            yield one


def _newest(declared: Periods, request: Request) -> Period | None:
    last = None if declared.last is None else parse_period(declared.last, declared.unit)
    newest = None
    for one in periods_until(parse_period(declared.first, declared.unit), _until(declared, request)):
        if last is not None and one > last:
            break
        newest = one
    return newest


def _until(declared: Periods, request: Request) -> datetime:
    return request.now.replace(tzinfo=None) - parse_duration(declared.lag)


def _window(declared: Periods, request: Request) -> tuple[Period | None, Period | None]:
    """The first and the last period to request, from the declaration and the window."""
    last = None if declared.last is None else parse_period(declared.last, declared.unit)
    window = request.window
    if window is None:
        return None, last
    if window.again and request.dataset.load == "append":
        raise CollectError(
            f"the periods {window.first} to {window.last} of {request.dataset.name} cannot be collected again",
            cause="load: append would keep the records of both batches",
            remedy="declare load: upsert and a key",
        )
    try:
        asked = parse_period(window.first, declared.unit), parse_period(window.last, declared.unit)
    except ValueError as error:
        fact, _, remedy = str(error).partition("; ")
        raise CollectError(fact, remedy=remedy, where=f"dataset {request.dataset.name}") from None
    return asked[0], asked[1] if last is None else min(asked[1], last)


def _part(values: Mapping[str, str], request: Request) -> str | None:
    """The name of a combination of values for receipts, without secrets."""
    return request.redact(",".join(f"{key}={value}" for key, value in values.items())) or None


def _combinations(over: Mapping[str, Values]) -> Iterator[dict[str, str]]:
    lists = [
        [str(number) for number in range(values.first, values.last + 1)] if isinstance(values, ValueRange) else values
        for values in over.values()
    ]
    for combination in product(*lists):
        yield dict(zip(over, combination, strict=True))


def _address(source: UrlTemplateSource, one: Period | None, values: Mapping[str, str]) -> str:
    url = fill_placeholders(source.url, one, values, lambda text: quote(text, safe=""))
    params = [
        (name, fill_placeholders(text, one, values))
        for name, given in source.params.items()
        for text in ((given,) if isinstance(given, str) else given)
    ]
    return with_query(url, tuple(params))
