"""When a dataset is collected: ``@monthly``, cron as ``0 6 * * mon-fri``, or a duration such as ``15 min``.

A schedule is an increasing sequence of times. They depend only on the schedule and its time zone, never on when
something ran, so every process computes the same times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator

from vertebra.declare.quantity import parse_duration

_NAMED: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * sun",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 1,4,7,10 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SHORTEST: Final = timedelta(minutes=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLE: Final = datetime(2013, 1, 1)
_FORMS: Final = "write @hourly, @daily, @weekly, @monthly, cron such as '0 6 * * mon-fri', or a duration such as 15 min"


@dataclass(frozen=True)
class Schedule:
    """A schedule: an increasing sequence of times.

    Attributes:
        text: as declared, checked with :func:`checked_schedule`.
        zone: time zone that cron's clock is in.
    """

    text: str
    zone: str = "UTC"

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after a moment, in order, UTC; ends if there are no more.

        As in Debian's cron, times in an hour that the clock skips come right after it, and times in a repeated hour
        come once, unless the schedule is hourly.

        Args:
            moment: a time with its zone.
        """
        cron = _cron(self.text)
        if cron is None:
            yield from _multiples(parse_duration(self.text), moment)
            return
        for found in CronSim(cron, moment.astimezone(ZoneInfo(self.zone))):
            yield found.astimezone(UTC)

    def next(self, moment: datetime) -> datetime | None:
        """The first time after a moment; None if there is none."""
        return next(self.after(moment), None)

    def between(self, after: datetime, until: datetime, most: int = 1000) -> list[datetime]:
        """The first ``most`` times after one moment and up to another, in order."""
        found: list[datetime] = []
        for moment in self.after(after):
            if moment > until or len(found) == most:
                break
            found.append(moment)
        return found

    def __str__(self) -> str:
        return self.text if self.zone == "UTC" else f"{self.text} {self.zone}"


def checked_schedule(text: str) -> str:
    """Check the text of a :class:`Schedule` and return it.

    Raises:
        ValueError: the text is not a schedule.
    """
    wanted = text.strip()
    cron = _cron(wanted)
    if cron is None:
        try:
            span = parse_duration(wanted)
        except ValueError:
            raise ValueError(f"{text!r} is not a schedule; {_FORMS}") from None
        if span < _SHORTEST:
            raise ValueError(f"{text!r} is too often; a schedule has at most one moment a minute")
        return wanted
    if wanted.startswith("@") and wanted not in _NAMED:
        raise ValueError(f"there is no schedule {text!r}; {_FORMS}")
    if len(cron.split()) != 5:
        raise ValueError(f"{text!r} is not cron, which has five fields; {_FORMS}")
    try:
        never = next(CronSim(cron, _SAMPLE), None) is None
    except CronSimError as error:
        what = str(error).removeprefix("Bad ")
        raise ValueError(f"the {what} of the schedule {text!r} is wrong; {_FORMS}") from None
    if never:
        raise ValueError(f"the schedule {text!r} has no day of the calendar; correct its day or month")
    return wanted


def checked_zone(text: str) -> str:
    """Check the name of a time zone and return it.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not a time zone; use a name such as Europe/Madrid") from None
    return text


def _cron(text: str) -> str | None:
    """A schedule as cron; None where it is a duration."""
    words = text.split()
    if text.startswith("@"):
        return _NAMED.get(text, text)
    return None if len(words) <= 2 else text


def _multiples(span: timedelta, moment: datetime) -> Iterator[datetime]:
    """The multiples of a duration since 1970, so that they do not depend on when counting starts."""
    count = (moment - _EPOCH) // span
    while True:
        count += 1
        try:
            yield _EPOCH + count * span
        except OverflowError:
            return


Every = Annotated[str, AfterValidator(checked_schedule)]
"""A text that is a :class:`Schedule`."""

Zone = Annotated[str, AfterValidator(checked_zone)]
"""The name of a time zone."""
