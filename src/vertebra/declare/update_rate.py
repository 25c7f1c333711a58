"""How often what a dataset is about changes: ``@monthly``, or ``10 min``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator

from vertebra.declare.duration import duration

_NAMED: Final = {
    "@hourly": timedelta(hours=1),
    "@daily": timedelta(days=1),
    "@weekly": timedelta(weeks=1),
    "@monthly": timedelta(days=365.2425 / 12),
    "@quarterly": timedelta(days=365.2425 / 4),
    "@yearly": timedelta(days=365.2425),
}


def between_updates(text: str) -> timedelta:
    """The mean time between two changes; its reciprocal is the update rate.

    Args:
        text: ``@hourly @daily @weekly @monthly @quarterly @yearly``, or a length of time: ``10 min``, ``14 days``.

    Raises:
        ValueError: it says no such time.
    """
    wanted = text.strip()
    if wanted in _NAMED:
        return _NAMED[wanted]
    try:
        span = duration(wanted)
    except ValueError:
        span = timedelta()
    if not span:
        raise ValueError(f"{text!r} is not how often something changes; write {', '.join(_NAMED)}, 10 min or 14 days")
    return span


def _checked(text: str) -> str:
    between_updates(text)
    return text


UpdateRate = Annotated[str, AfterValidator(_checked)]
"""A text that :func:`between_updates` understands."""
