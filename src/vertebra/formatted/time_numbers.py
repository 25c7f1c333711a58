"""Casting numbers to times: seconds, milliseconds and microseconds since 1970, and days as Excel counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.declare.time_numbers import EPOCHS, EXCEL

if TYPE_CHECKING:
    from pyspark.sql import Column

_EPOCH: Final = r"\A[+-]?[0-9]{1,17}(?:\.[0-9]*)?\z"
_SERIAL: Final = r"\A[0-9]{1,7}(?:\.[0-9]*)?\z"
_MOST_DIGITS: Final = 18
_FIRST_SERIAL: Final = 61
"""Excel has a 29 February 1900, so that earlier numbers are not what they seem."""

_END_SERIAL: Final = 2_958_466
"""1 January 10000."""

_UNIX_SERIAL: Final = 25_569
_DAY: Final = 86_400_000


def read_number(content: Column, form: str, *, rounds: bool) -> tuple[Column, Column, Column, str]:
    """The time of a number.

    Args:
        form: ``epoch seconds``, ``epoch milliseconds``, ``epoch microseconds`` or ``excel``.
        rounds: whether a number that is finer than a microsecond is rounded.

    Returns:
        Whether the text is such a number, its time, whether it is too fine, and why other texts are refused.
    """
    from pyspark.sql import functions as F

    if form == EXCEL:
        days = F.when(content.rlike(_SERIAL), content.try_cast("double"))
        shaped = days.isNotNull() & (days >= F.lit(float(_FIRST_SERIAL))) & (days < F.lit(float(_END_SERIAL)))
        # Excel shows milliseconds, and a double has not many more
        milliseconds = F.round(days * F.lit(float(_DAY))).cast("bigint") - F.lit(_UNIX_SERIAL * _DAY)
        looks = "is not a date as Excel counts days, from 61 (1900-03-01) to 2958465 (9999-12-31)"
        return shaped, F.timestamp_micros(milliseconds * F.lit(1000)), F.lit(False), looks
    digits = EPOCHS[form]
    shaped = content.rlike(_EPOCH)
    written = F.regexp_extract(content, r"\A[+-]?([0-9]+)", 1)
    # more would not fit into the years of a timestamp, and overflow
    whole = F.when(F.length(written) <= _MOST_DIGITS - digits, written.try_cast("bigint"))
    fraction = F.regexp_extract(content, r"\.([0-9]*)", 1)
    kept = F.rpad(F.substring(fraction, 1, digits), digits, "0").try_cast("bigint") if digits else F.lit(0)
    size = whole * F.lit(10**digits) + kept
    if rounds:
        size = size + F.when(F.substring(fraction, digits + 1, 1) >= "5", 1).otherwise(0)
    micros = F.when(F.startswith(content, F.lit("-")), -size).otherwise(size)
    finer = F.lit(False) if rounds else fraction.rlike(rf"\A[0-9]{{{digits}}}[0-9]*[1-9]")
    return shaped, F.timestamp_micros(micros), finer, f"is not a number of {form.removeprefix('epoch ')}"
