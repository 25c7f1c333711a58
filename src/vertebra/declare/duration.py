"""Lengths of time as people write them: ``90 s``, ``10 min``, ``60 days``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator

_UNITS: Final = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "hour": 3600, "day": 86400, "week": 604800}
_WRITTEN: Final = re.compile(r"(\d{1,6}(?:\.\d+)?) ?(ms|s|min|h|hours?|days?|weeks?)")


def duration(text: str) -> timedelta:
    """The length of time that a text says.

    Args:
        text: a number and a unit: ``ms``, ``s``, ``min``, ``h`` or ``hours``, ``days``, ``weeks``.

    Raises:
        ValueError: it says none.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a length of time; write a number and a unit, e.g. 90 s, 10 min or 60 days")
    return timedelta(seconds=float(found[1]) * (_UNITS.get(found[2]) or _UNITS[found[2].rstrip("s")]))


def _checked(text: str) -> str:
    duration(text)
    return text


Duration = Annotated[str, AfterValidator(_checked)]
"""A text that :func:`duration` understands."""
