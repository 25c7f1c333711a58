"""A download that can be resumed after it breaks off, if the source confirms that its bytes have not changed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from vertebra.durable import check_size
from vertebra.landing.web.credentials import without_query
from vertebra.landing.web.errors import RetryableError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class PartialDownload:
    """The part of an answer that has arrived.

    Attributes:
        file: the bytes so far.
        received: their number.
        size: bytes of the whole answer; None if the host does not say.
    """

    file: Path
    received: int = 0
    size: int | None = None
    _validator: str | None = field(default=None, init=False)

    def resume_headers(self) -> dict[str, str]:
        """Headers that request the rest; none if the download has to start again.

        ``If-Range`` makes the host send the rest only if it belongs to the part that has arrived. It takes a strong
        ETag or a date; a weak ETag (``W/"…"``) does not promise the same bytes (RFC 9110, 13.1.5 and 14.2).
        """
        if not self.received or self._validator is None:
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": self._validator, "Accept-Encoding": "identity"}

    def start_response(self, status: int, headers: dict[str, str], url: str) -> None:
        """Prepare for the body of a response: the rest of the answer, or all of it from the beginning.

        Raises:
            RetryableError: the host sends another part than the requested one.
        """
        length = headers.get("content-length", "")
        size = int(length) if length.isdigit() else None
        if status == 206:
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", headers.get("content-range", "").strip())
            if not self.received or found is None or int(found[1]) != self.received:
                self.reset()
                raise RetryableError(f"{without_query(url)} sends another part than was requested")
            self.size = int(found[3]) if found[3].isdigit() else int(found[2]) + 1
            return
        self.reset()
        self.size = size
        etag = headers.get("etag", "")
        validator = etag if etag and not etag.startswith("W/") else headers.get("last-modified")
        resumable = headers.get("accept-ranges", "").lower() == "bytes" and not headers.get("content-encoding")
        self._validator = validator if resumable else None

    def open(self) -> BinaryIO:
        """The file, to write the next bytes to."""
        return self.file.open("ab" if self.received else "wb")

    def check_complete(self, url: str) -> None:
        """Check that all announced bytes arrived, and are in the file.

        Raises:
            RetryableError: some are missing.
            OSError: the disk did not store all of them.
        """
        if self.size is not None and self.received != self.size:
            raise RetryableError(
                f"{without_query(url)} is cut off",
                cause=f"{self.received:,} of {self.size:,} bytes arrived",
            )
        check_size(self.file, self.received)

    def reset(self) -> None:
        """Discard the bytes that have arrived; the download starts again."""
        self.received, self.size, self._validator = 0, None, None
        self.file.unlink(missing_ok=True)
