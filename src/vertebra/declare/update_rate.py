"""Update rates: how often the things that a dataset describes change, e.g. ``@monthly`` or ``10 min``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator

from vertebra.declare.quantity import parse_duration

_NAMED: Final = {
    "@hourly": timedelta(hours=1),
    "@daily": timedelta(days=1),
    "@weekly": timedelta(weeks=1),
    "@monthly": timedelta(days=365.2425 / 12),
    "@quarterly": timedelta(days=365.2425 / 4),
    "@yearly": timedelta(days=365.2425),
}


def update_interval(text: str) -> timedelta:
    """The mean time between two updates; its reciprocal is the update rate.

    Args:
        text: ``@hourly @daily @weekly @monthly @quarterly @yearly``, or a duration: ``10 min``, ``14 days``.

    Raises:
        ValueError: the text is neither of these, or the duration is zero.
    """
    wanted = text.strip()
    if wanted in _NAMED:
        return _NAMED[wanted]
    try:
        span = parse_duration(wanted)
    except ValueError:
        span = timedelta()
    if not span:
        raise ValueError(f"{text!r} is not an update rate; write {', '.join(_NAMED)}, or a duration such as 10 min")
    return span


def _checked(text: str) -> str:
    update_interval(text)
    return text


UpdateRate = Annotated[str, AfterValidator(_checked)]
"""A text that :func:`update_interval` accepts."""
