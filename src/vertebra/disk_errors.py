"""Errors of a disk that is full, limited or read-only, whoever raised them: fact, cause, next command."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from typing import Final

from vertebra.errors import VertebraError

_NUMBERS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_TEXTS: Final = {
    number: re.compile(rf"{re.escape(os.strerror(number))}|os error {number}\b|errno {number}\b") for number in _NUMBERS
}
REMEDY: Final = "free disk space, or mount the disk for writing, then repeat the command"


def disk_error(error: BaseException, what: str = "") -> VertebraError | None:
    """The error for an exception that a disk caused, or None for any other.

    Libraries in Rust and C++ raise such failures as errors of their own, with the system's message in the text.

    Args:
        what: what was being written; the file by default.
    """
    for one in _chain(error):
        if isinstance(one, VertebraError):
            return None
        number = one.errno if isinstance(one, OSError) and one.errno in _NUMBERS else _number_in(str(one))
        if number is not None:
            file = one.filename if isinstance(one, OSError) else None
            where = f" ({file})" if file and what else ""
            return VertebraError(
                f"{what or file or 'a file'} could not be written",
                cause=f"{os.strerror(number)}{where}; what was committed before is kept",
                remedy=REMEDY,
            )
    return None


def is_about_disk(text: str) -> bool:
    """Whether the message of a library says that the disk did not take bytes."""
    return _number_in(text) is not None


def _number_in(text: str) -> int | None:
    return next((number for number, pattern in _TEXTS.items() if pattern.search(text)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
