"""Formats of dates and times that are numbers: seconds since 1970, or days as Excel counts them."""

from __future__ import annotations

from typing import Final

EXCEL: Final = "excel"
"""Days since 1899-12-30; the fraction is the time of day."""

EPOCHS: Final = {"epoch seconds": 6, "epoch milliseconds": 3, "epoch microseconds": 0}
"""Formats of instants as a number since 1970-01-01 in UTC, and how many digits after the point make microseconds."""

NUMBERS: Final = (*EPOCHS, EXCEL)


def check_number_format(text: str, kind: str, zone: str | None) -> None:
    """Check that a number of this format can be a value of a type.

    Raises:
        ValueError: it cannot.
    """
    if text in EPOCHS and kind == "date":
        raise ValueError(f"{text} is an instant, which has another date in each zone; declare type: timestamp")
    if text in EPOCHS and zone is not None:
        raise ValueError(f"{text} is an instant, so that zone changes nothing; remove it")
