"""A download that may break off and go on: only while the source says that the bytes are still the same ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from vertebra.landing.web.credentials import without_query
from vertebra.landing.web.errors import TryAgainError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Partial:
    """What has come of an answer.

    Attributes:
        file: the bytes so far.
        received: their number.
        size: bytes of the whole answer, where the host said so.
    """

    file: Path
    received: int = 0
    size: int | None = None
    _validator: str | None = field(default=None, init=False)

    def resumption(self) -> dict[str, str]:
        """Headers that ask for the rest; none where the answer has to come afresh.

        A strong ETag, or a date, says whether the rest still belongs to the beginning (RFC 9110, 13.1.5 and 14.2).
        """
        if not self.received or self._validator is None:
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": self._validator, "Accept-Encoding": "identity"}

    def answered(self, status: int, headers: dict[str, str], url: str) -> None:
        """Take note of how the next bytes are announced: the rest, or all from the beginning.

        Raises:
            TryAgainError: it is another part than was asked for.
        """
        length = headers.get("content-length", "")
        size = int(length) if length.isdigit() else None
        if status == 206:
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", headers.get("content-range", "").strip())
            if not self.received or found is None or int(found[1]) != self.received:
                self.forget()
                raise TryAgainError(f"{without_query(url)} gives another part than was asked for")
            self.size = int(found[3]) if found[3].isdigit() else int(found[2]) + 1
            return
        self.forget()
        self.size = size
        etag = headers.get("etag", "")
        validator = etag if etag and not etag.startswith("W/") else headers.get("last-modified")
        resumable = headers.get("accept-ranges", "").lower() == "bytes" and not headers.get("content-encoding")
        self._validator = validator if resumable else None

    def open(self) -> BinaryIO:
        """The file, to write the next bytes to."""
        return self.file.open("ab" if self.received else "wb")

    def check_whole(self, url: str) -> None:
        """Check that all announced bytes came.

        Raises:
            TryAgainError: some are missing.
        """
        if self.size is not None and self.received != self.size:
            raise TryAgainError(
                f"{without_query(url)} is cut off",
                cause=f"{self.received:,} of {self.size:,} bytes came",
            )

    def forget(self) -> None:
        """Start afresh."""
        self.received, self.size, self._validator = 0, None, None
        self.file.unlink(missing_ok=True)
