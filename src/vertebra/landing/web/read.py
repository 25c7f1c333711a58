"""Reading something from beginning to end although it may change meanwhile: again, until it holds still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.landing.web.client import Client
from vertebra.landing.web.credentials import Credentials
from vertebra.landing.web.errors import ReadMovedError, RefusedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vertebra.declare.web_source import Web
    from vertebra.landing.port import Item, Payload, Request
    from vertebra.landing.web.targets import Target

_READS: Final = 4
_REFUSALS: Final = 5


def client_for(source: Web, url: str, request: Request) -> Client:
    """A client with the credentials that a dataset declares for an address."""
    credentials = Credentials.of(url, source.headers, source.auth)
    return Client(request.network, source.limits, credentials, request.transferred)


def held_still(url: str, request: Request, read: Callable[[], Payload]) -> Payload:
    """The result of a read during which nothing moved.

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
    raise RefusedAnswerError(
        moved.fact,
        url=url,
        cause=f"so it was in each of {_READS} reads",
        remedy="collect again when the source is quiet",
    )


def each(targets: Iterable[Target], one: Callable[[Target], Iterator[Item]]) -> Iterator[Item]:
    """Collect targets one by one. What one of them answers wrongly does not keep the others from being landed.

    After five wrong answers in a row it is the source that is wrong, and it is left alone.
    """
    from vertebra.landing.port import NotYet, Refused

    refused = 0
    for target in targets:
        try:
            yield from one(target)
            refused = 0
        except RefusedAnswerError as error:
            if target.newest and target.landed is None and error.status in (404, 410):
                yield NotYet(target.period or "", target.url)
                continue
            yield Refused(error.url, error, error.file)
            refused += 1
            if refused == _REFUSALS:
                return
