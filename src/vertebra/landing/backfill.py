"""Backfills: the periods of a dataset, and the status of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from vertebra.declare.period import Period, Unit, parse_period
from vertebra.declare.quantity import parse_duration
from vertebra.declare.web_source import UrlTemplateSource
from vertebra.errors import CollectError
from vertebra.governance.context import silent
from vertebra.landing.collect import redaction
from vertebra.landing.port import Request, Window
from vertebra.landing.refused_payloads import REFUSED
from vertebra.landing.web.targets import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.web_source import Periods
    from vertebra.lake.batches import Batch, Receipt
    from vertebra.landing.web.targets import Target

PeriodState = Literal["landed", "partly landed", "refused", "not published", "missing", "not due", "skipped"]
_MOST: Final = 100_000


@dataclass(frozen=True)
class PeriodStatus:
    """The status of one period of a dataset.

    Attributes:
        period: its name.
        state: ``landed``; ``partly landed`` (some of its parts are); ``refused`` (the source's answer was refused, or
            it gave none); ``not published`` (by the last answer of the source); ``missing`` (due, and not requested
            yet); ``not due`` (the period or its lag has not ended); ``skipped`` (declared as never published).
        batches: numbers of its batches.
        records: number of records in the newest batch of each part.
        bytes: total size of these batches.
        collected_at: when the newest of these batches was collected.
        reason: why it was refused, or when it is due.
    """

    period: str
    state: PeriodState
    batches: tuple[int, ...] = ()
    records: int | None = None
    bytes: int | None = None
    collected_at: datetime | None = None
    reason: str = ""


def window(dataset: Dataset, first: str | None, last: str | None, now: datetime, again: bool = False) -> Window:
    """The periods that a user selected.

    Args:
        first: name of the first period; the first declared one if None.
        last: name of the last period; the last declared one, or the current one, if None.
        now: UTC.
        again: whether landed periods are collected again.

    Raises:
        CollectError: the dataset has no periods, or a name is not that of one.
    """
    declared = _periods(dataset)
    try:
        named = [parse_period(name, declared.unit) for name in (first, last) if name is not None]
    except ValueError as error:
        fact, _, remedy = str(error).partition("; ")
        raise CollectError(fact, remedy=remedy, where=f"dataset {dataset.name}") from None
    if len(named) == 2 and named[1] < named[0]:
        raise CollectError(
            f"the last period, {last}, is before the first, {first}",
            remedy=f"vertebra collect {dataset.name} --from {last} --to {first}",
        )
    asked = Window(first or declared.first, last or declared.last or str(_present(declared.unit, now)), again)
    present = _present(declared.unit, now)
    ends = min(parse_period(declared.last, declared.unit), present) if declared.last else present
    begins = parse_period(declared.first, declared.unit)
    if not (parse_period(asked.first, declared.unit) <= ends and begins <= parse_period(asked.last, declared.unit)):
        raise CollectError(
            f"{dataset.name} has no period from {asked.first} to {asked.last}",
            cause=f"its periods begin with {begins}, and the last one that has begun is {ends}",
            remedy=f"vertebra collect {dataset.name} --from {begins} --dry-run lists them",
            where=f"dataset {dataset.name}",
        )
    # fails before any request if landed periods cannot be collected again
    _first_target(dataset, asked, now)
    return asked


def period_statuses(
    dataset: Dataset,
    landed: Sequence[Batch],
    asked: Window,
    answered: bool,
    home: Path,
    now: datetime,
    secrets: Mapping[str, str],
) -> list[PeriodStatus]:
    """The status of each period of a window, oldest first.

    Args:
        landed: the dataset's batches, oldest first.
        answered: whether the source has just answered for all of them, so that missing periods are not published.
        home: the dataset's folder in the landing zone.
        now: UTC.
        secrets: values of environment variables that the declaration refers to, by name.

    Raises:
        CollectError: the dataset has no periods.
    """
    declared = _periods(dataset)
    receipts = [batch.receipt for batch in landed]
    missing = _missing(dataset, receipts, asked, now, redaction(dataset, secrets))
    refused = _reasons(home)
    by_period: dict[str | None, list[Receipt]] = {}
    for receipt in receipts:
        by_period.setdefault(receipt.period, []).append(receipt)
    found = []
    for one in _within(declared, asked, now):
        name = str(one)
        mine = by_period.get(name, [])
        outstanding = missing.get(name, [])
        due_at = one.end.replace(tzinfo=UTC) + parse_duration(declared.lag)
        reason = next((refused[target.redacted_url] for target in outstanding if target.redacted_url in refused), "")
        state = _state(bool(mine), bool(outstanding), bool(reason), answered, due_at > now)
        if name in declared.skip:
            state, reason = "skipped", ""
        if state == "not due":
            reason = f"due at {due_at:%Y-%m-%d %H:%M} UTC"
        found.append(_situation(name, state, mine, reason))
    return found


def _state(mine: bool, outstanding: bool, refused: bool, answered: bool, early: bool) -> PeriodState:
    if early and not mine:
        return "not due"
    if not outstanding:
        return "landed"
    if refused:
        return "refused"
    if mine:
        return "partly landed"
    return "not published" if answered else "missing"


def _situation(name: str, state: PeriodState, mine: Sequence[Receipt], reason: str) -> PeriodStatus:
    if not mine:
        return PeriodStatus(name, state, reason=reason)
    newest = {receipt.part: receipt for receipt in mine}.values()
    return PeriodStatus(
        name,
        state,
        tuple(receipt.number for receipt in mine),
        sum(receipt.records for receipt in newest),
        sum(receipt.bytes for receipt in newest),
        max(receipt.collected_at for receipt in newest),
        reason,
    )


def _periods(dataset: Dataset) -> Periods:
    collect = dataset.collect
    if not isinstance(collect, UrlTemplateSource) or collect.periods is None:
        raise CollectError(
            f"{dataset.name} has no periods to collect",
            cause=f"its source (from: {collect.kind}) is collected as a whole, not period by period",
            remedy=f"vertebra collect {dataset.name}; or declare the periods it publishes, periods: "
            "{unit: month, from: 2013-01}, with {period:…} in the address",
            where=f"dataset {dataset.name}",
        )
    return collect.periods


def _present(unit: Unit, now: datetime) -> Period:
    """The period that contains a time."""
    start = now.replace(tzinfo=None, minute=0, second=0, microsecond=0)
    if unit != "hour":
        start = start.replace(hour=0)
    match unit:
        case "week":
            start -= timedelta(days=start.weekday())
        case "month":
            start = start.replace(day=1)
        case "quarter":
            start = start.replace(day=1, month=(start.month - 1) // 3 * 3 + 1)
        case "year":
            start = start.replace(day=1, month=1)
    return Period(start, unit)


def _within(declared: Periods, asked: Window, now: datetime) -> Iterator[Period]:
    """The declared periods of a window, up to the present one."""
    unit = declared.unit
    first = max(parse_period(declared.first, unit), parse_period(asked.first, unit))
    last = (
        parse_period(asked.last, unit)
        if declared.last is None
        else min(parse_period(asked.last, unit), parse_period(declared.last, unit))
    )
    one, count = first, 0
    while one <= last and one.start <= now.replace(tzinfo=None) and count < _MOST:
        yield one
        one, count = one.next, count + 1


def _missing(
    dataset: Dataset, receipts: Sequence[Receipt], asked: Window, now: datetime, redact: Callable[[str], str]
) -> dict[str, list[Target]]:
    """The targets that a collection would request now, by period."""
    assert isinstance(dataset.collect, UrlTemplateSource)
    window = Window(asked.first, asked.last)
    request = Request(dataset, Path(), receipts, Path(), now, (), silent, window=window, redact=redact)
    found: dict[str, list[Target]] = {}
    for target in targets(dataset.collect, request):
        if target.period is not None and target.landed is None:
            found.setdefault(target.period, []).append(target)
    return found


def _first_target(dataset: Dataset, asked: Window, now: datetime) -> Target | None:
    assert isinstance(dataset.collect, UrlTemplateSource)
    return next(targets(dataset.collect, Request(dataset, Path(), [], Path(), now, (), silent, window=asked)), None)


def _reasons(home: Path) -> dict[str, str]:
    """Why answers from each address were refused, by address: the newest reason."""
    found = {}
    for file in sorted(home.glob(f"{REFUSED}/*/reason.json"), key=lambda file: file.stat().st_mtime_ns):
        try:
            reason = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        found[reason.get("url")] = reason.get("fact", "")
    return found
