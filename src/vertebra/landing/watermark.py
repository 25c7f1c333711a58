"""The order of the values that incremental collections continue from.

Numbers are compared by value, times by the instant that they mean, other texts character by character. A time after the
present is no watermark, because everything that changes before it would be skipped.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from vertebra.declare.column_type import INTEGERS

if TYPE_CHECKING:
    from vertebra.declare.dataset import Column
    from vertebra.declare.source import WithColumns

Kind = Literal["number", "time", "text"]

CLOCK_DIFFERENCE: Final = timedelta(hours=1)
"""A time that is later than the present by less is no reason for a warning: clocks differ."""

_LOCAL: Final = timedelta(hours=14)
"""The largest offset from UTC, by which a local time without a known zone may be later than the present."""

_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_YEAR_OR_MONTH: Final = re.compile(r"(\d{4})(?:-(\d\d))?")
_OFFSET: Final = re.compile(r":\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$", re.IGNORECASE)
_DAY_FIRST: Final = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*")
_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?([0-9a-f])[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_TIME_ORDERED: Final = ("6", "7")
"""The versions of UUIDs that begin with their time (RFC 9562)."""

_DIGEST: Final = re.compile(r"(?=.*[a-f])([0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})", re.IGNORECASE)


def kind_of(text: str) -> Kind:
    """How a value is compared.

    Example:
        >>> [kind_of(text) for text in ("10", "2024-01-31T12:00Z", "2024-01", "01HZX")]
        ['number', 'time', 'time', 'text']
    """
    if number_of(text) is not None:
        return "number"
    return "time" if time_of(text) is not None else "text"


def number_of(text: str) -> Decimal | None:
    """The number that a text is; None if it is no number."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def time_of(text: str, zone: str | None = None) -> datetime | None:
    """The instant that a text in ISO 8601 means, also a year or a month alone; None if it is none.

    Args:
        zone: of times without an offset; UTC if None.

    Example:
        >>> time_of("2000").isoformat(), time_of("2024-07-01T12:00", "Europe/Madrid").isoformat()
        ('2000-01-01T00:00:00+00:00', '2024-07-01T10:00:00+00:00')
    """
    short = _YEAR_OR_MONTH.fullmatch(text)
    try:
        found = datetime(int(short[1]), int(short[2] or 1), 1) if short else datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def present(value: Any, now: datetime, zone: str | None) -> datetime:
    """The latest time that is not in the future for a value, UTC.

    A time without an offset may be a local time. If its zone is not declared, it may be that of any place.
    """
    if isinstance(value, str):
        local = not _OFFSET.search(value)
    else:
        local = isinstance(value, date) and getattr(value, "tzinfo", None) is None
    return now + _LOCAL if local and zone is None else now


def is_future(value: Any, now: datetime, zone: str | None = None) -> bool:
    """Whether a time is later than the present; numbers and other texts are not.

    Args:
        value: a text in ISO 8601, a ``date`` or a ``datetime``; anything else is not in the future.
        now: the present, UTC.
        zone: of times without an offset.
    """
    at = instant_of(value, zone)
    return at is not None and at > present(value, now, zone)


def instant_of(value: Any, zone: str | None = None) -> datetime | None:
    """The instant of a time, UTC; None if the value is no time."""
    if isinstance(value, str):
        return time_of(value, zone) if number_of(value) is None else None
    return time_of(value.isoformat(), zone) if isinstance(value, date) else None


def offset_of(text: str) -> str:
    """The offset from UTC at the end of a time; empty if it has none."""
    found = _OFFSET.search(text)
    return found[2] if found else ""


def disorder(text: str) -> str:
    """Why texts of its form do not rise, in words; empty if they may.

    Example:
        >>> disorder("31/12/2024"), disorder("9f0c5a2e-8d1b-4c3e-9a57-0d1f6b2c3e4a"), disorder("01HZX")
        ('they begin with the day', 'they are random identifiers, and a new one may come before the others', '')
    """
    if _DAY_FIRST.fullmatch(text):
        return "they begin with the day"
    return "they are random identifiers, and a new one may come before the others" if is_random(text) else ""


def is_random(text: str) -> bool:
    """Whether a text is a random identifier or a hash: a UUID that does not begin with its time, or an SHA digest."""
    uuid = _UUID.fullmatch(text)
    return bool(_DIGEST.fullmatch(text)) or (uuid is not None and uuid[1] not in _TIME_ORDERED)


def cursor_column(dataset: WithColumns, field: str) -> Column | None:
    """The declared column that is read from a field of the source; None if there is none."""
    return next((column for name, column in dataset.columns.items() if field in column.sources(name)), None)


def declared_kind(column: Column | None) -> Kind | None:
    """How a column's values are compared according to its type; None if the values tell."""
    if column is None or column.type == "string":
        return None
    if column.type in ("date", "timestamp"):
        return "time"
    numeric = column.type in INTEGERS or column.type in ("float", "double") or column.type.startswith("decimal")
    return "number" if numeric else None
