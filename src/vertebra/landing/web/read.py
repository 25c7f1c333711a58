"""Reads targets one by one, and repeats a read if the source changes during it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError
from vertebra.landing.port import CircuitOpen, NotPublished, Refused
from vertebra.landing.web.client import Client
from vertebra.landing.web.credentials import Credentials
from vertebra.landing.web.errors import RefusedAnswerError, SourceChangedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vertebra.declare.web_source import WebSource
    from vertebra.landing.port import Item, Payload, Request
    from vertebra.landing.web.targets import Target

_MAX_READS: Final = 4
_MAX_REFUSALS: Final = 5
"""Wrong answers in a row after which the circuit breaker opens."""

NOT_FOUND: Final = (404, 410)
"""HTTP statuses that say that there is nothing at an address."""


def client_for(source: WebSource, url: str, request: Request) -> Client:
    """A client with the credentials that a dataset declares for an address."""
    credentials = Credentials.of(url, source.headers, source.auth)
    return Client(request.network, source.limits, credentials, request.transferred)


def read_until_stable(url: str, request: Request, read: Callable[[], Payload]) -> Payload:
    """Read until the source does not change during a read, at most four times.

    Args:
        url: what is read, for messages.
        read: reads from the beginning; raises SourceChangedError if the source changed during the read.

    Returns:
        The payload of the first read without a change; of the fourth read if its error has a payload.

    Raises:
        RefusedAnswerError: the source changed during each of four reads.
    """
    for _ in range(_MAX_READS):
        try:
            return read()
        except SourceChangedError as error:
            changed = error
            request.progress(f"{error.fact}; reading it again")
    if changed.payload is not None:
        return changed.payload
    raise RefusedAnswerError(
        changed.fact,
        url=url,
        cause=f"this happened in each of {_MAX_READS} reads",
        remedy=changed.remedy or "collect again when the source is quiet",
    )


def collect_targets(
    targets: Iterable[Target], request: Request, collect: Callable[[Target], Iterator[Item]]
) -> Iterator[Item]:
    """Collect targets one by one. A target that fails does not stop the others.

    After five failures in a row the circuit breaker opens: no more requests are sent, and the next collection begins
    with the remaining targets. Addresses that are not found do not count as failures: they are gaps, or not published
    yet.

    Raises:
        UnreachableError: the host cannot be reached.
    """
    in_order = _resumed(list(targets), request)
    missing: list[tuple[Target, RefusedAnswerError]] = []
    failures = 0
    for number, target in enumerate(in_order, 1):
        try:
            yield from collect(target)
            failures = 0
        except UnreachableError:
            raise
        except CollectError as error:
            if isinstance(error, RefusedAnswerError) and error.status in NOT_FOUND:
                missing.append((target, error))
                continue
            yield refused_target(target, error)
            failures += 1
            if failures == _MAX_REFUSALS and number < len(in_order):
                yield CircuitOpen(target.url, len(in_order) - number)
                break
    yield from _missing(missing, request)


def refused_target(target: Target, error: CollectError) -> Refused:
    """The item for a target with a wrong answer or no answer."""
    file = error.file if isinstance(error, RefusedAnswerError) else None
    return Refused(target.url, error, file, target.period, target.part)


def _resumed(targets: list[Target], request: Request) -> list[Target]:
    """The targets, beginning after the one at which the last collection stopped."""
    if request.resume_after is None:
        return targets
    first = next((place for place, one in enumerate(targets, 1) if one.redacted_url == request.resume_after), 0)
    return targets[first:] + targets[:first]


def _missing(found: Sequence[tuple[Target, RefusedAnswerError]], request: Request) -> Iterator[NotPublished | Refused]:
    """Targets whose address was not found. A period after the newest landed one of its part is not published yet.

    In a part without landed periods, only the newest period is not published yet; the other gaps suggest a wrong
    address.
    """
    newest: dict[str | None, str] = {}
    for receipt in request.landed:
        if receipt.period is not None:
            newest[receipt.part] = max(receipt.period, newest.get(receipt.part, ""))
    for target, error in found:
        last = newest.get(target.part)
        if target.period is not None and (target.is_newest if last is None else target.period > last):
            yield NotPublished(target.period, target.url)
        else:
            yield refused_target(target, error if last is None or target.period is None else _gap(target, error))


def _gap(target: Target, error: RefusedAnswerError) -> RefusedAnswerError:
    """The error for a missing period between landed ones: the address is right, the period is missing."""
    skip = f"periods: {{skip: [{target.period}]}}"
    if target.part is not None:
        skip += ", which leaves the period out for every part"
    return RefusedAnswerError(
        error.fact, url=error.url, file=error.file, status=error.status, cause=error.cause,
        remedy=f"if the source never published it, write {skip}; else ask the source",
    )  # fmt: skip
