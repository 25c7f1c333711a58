"""Reading something from beginning to end although it may change meanwhile: again, until it holds still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError
from vertebra.landing.web.client import Client
from vertebra.landing.web.credentials import Credentials
from vertebra.landing.web.errors import ReadMovedError, RefusedAnswerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vertebra.declare.web_source import WebSource
    from vertebra.landing.port import Item, NotYet, Payload, Refused, Request
    from vertebra.landing.web.targets import Target

_READS: Final = 4
_REFUSALS: Final = 5
ABSENT: Final = (404, 410)
"""Answers that say that there is nothing at an address."""


def client_for(source: WebSource, url: str, request: Request) -> Client:
    """A client with the credentials that a dataset declares for an address."""
    credentials = Credentials.of(url, source.headers, source.auth)
    return Client(request.network, source.limits, credentials, request.transferred)


def held_still(url: str, request: Request, read: Callable[[], Payload]) -> Payload:
    """The result of a read during which nothing moved; of the fourth one, where it may be landed all the same.

    Args:
        url: what is read, for messages.
        read: reads from the beginning; raises ReadMovedError when something moved.

    Raises:
        RefusedAnswerError: it moved in each of four reads.
    """
    for _ in range(_READS):
        try:
            return read()
        except ReadMovedError as error:
            moved = error
            request.progress(f"{error.fact}; reading it again")
    if moved.payload is not None:
        return moved.payload
    raise RefusedAnswerError(
        moved.fact,
        url=url,
        cause=f"so it was in each of {_READS} reads",
        remedy=moved.remedy or "collect again when the source is quiet",
    )


def each(targets: Iterable[Target], request: Request, one: Callable[[Target], Iterator[Item]]) -> Iterator[Item]:
    """Collect targets one by one. What one of them answers wrongly, or not at all, keeps no other from being landed.

    After five wrong answers in a row it is the source that is wrong, and it is left alone; the next collection begins
    with what was not asked then. An address at which there is nothing does not count: it is a gap, or still to come.

    Raises:
        UnreachableError: the host is not there.
    """
    from vertebra.landing.port import LeftAlone

    in_turn = _in_turn(list(targets), request)
    absent: list[tuple[Target, RefusedAnswerError]] = []
    refused = 0
    for place, target in enumerate(in_turn, 1):
        try:
            yield from one(target)
            refused = 0
        except UnreachableError:
            raise
        except CollectError as error:
            if isinstance(error, RefusedAnswerError) and error.status in ABSENT:
                absent.append((target, error))
                continue
            yield refusal(target, error)
            refused += 1
            if refused == _REFUSALS and place < len(in_turn):
                yield LeftAlone(target.url, len(in_turn) - place)
                break
    yield from _absent(absent, request)


def refusal(target: Target, error: CollectError) -> Refused:
    """What a source answered wrongly, or did not answer, as an item."""
    from vertebra.landing.port import Refused

    file = error.file if isinstance(error, RefusedAnswerError) else None
    return Refused(target.url, error, file, target.period, target.part)


def _in_turn(targets: list[Target], request: Request) -> list[Target]:
    """The targets, beginning after the one at which the last collection left the source alone."""
    if request.left_off is None:
        return targets
    first = next((place for place, one in enumerate(targets, 1) if one.shown == request.left_off), 0)
    return targets[first:] + targets[:first]


def _absent(found: Sequence[tuple[Target, RefusedAnswerError]], request: Request) -> Iterator[NotYet | Refused]:
    """Periods at whose address there is nothing: those after the newest landed one of their part are to come.

    Of a part that never gave anything only the newest period is: its address may be wrong.
    """
    from vertebra.landing.port import NotYet

    newest: dict[str | None, str] = {}
    for receipt in request.landed:
        if receipt.period is not None:
            newest[receipt.part] = max(receipt.period, newest.get(receipt.part, ""))
    for target, error in found:
        last = newest.get(target.part)
        if target.period is not None and (target.newest if last is None else target.period > last):
            yield NotYet(target.period, target.url)
        else:
            yield refusal(target, error if last is None or target.period is None else _gap(target, error))


def _gap(target: Target, error: RefusedAnswerError) -> RefusedAnswerError:
    """The refusal of a period between landed ones: the address is right."""
    skip = f"periods: {{skip: [{target.period}]}}"
    if target.part is not None:
        skip += ", which leaves the period out for every part"
    return RefusedAnswerError(
        error.fact, url=error.url, file=error.file, status=error.status, cause=error.cause,
        remedy=f"if the source never published it, write {skip}; else ask the source",
    )  # fmt: skip
