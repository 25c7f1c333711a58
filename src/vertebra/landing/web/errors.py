"""Errors of requests to the web.

CollectError
├── RefusedAnswerError   the answer does not have the requested data; it is kept aside
├── RetryableError       no complete answer came, or the host asks to wait; the next attempt may succeed
├── UnreachableError     the host cannot be reached, after all attempts
└── SourceChangedError   the data changed while it was read; reading it again may succeed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.errors import CollectError

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.landing.port import Payload


class RefusedAnswerError(CollectError):
    """An answer does not have the requested data.

    Attributes:
        url: the requested address, without credentials.
        file: the answer, or its beginning; None if there is no answer to keep.
        status: the HTTP status.
    """

    def __init__(
        self,
        fact: str,
        *,
        url: str,
        file: Path | None = None,
        status: int = 200,
        cause: str = "",
        remedy: str = "",
    ) -> None:
        self.url = url
        self.file = file
        self.status = status
        super().__init__(fact, cause=cause, remedy=remedy)


class RetryableError(CollectError):
    """No complete answer came; the next attempt may succeed.

    Attributes:
        retry_after: seconds that the host asks to wait; None if it does not.
        host_reached: whether the declared host was reached.
    """

    def __init__(
        self,
        fact: str,
        *,
        cause: str = "",
        remedy: str = "",
        retry_after: float | None = None,
        host_reached: bool = True,
    ) -> None:
        self.retry_after = retry_after
        self.host_reached = host_reached
        super().__init__(fact, cause=cause, remedy=remedy)


class UnreachableError(CollectError):
    """The declared host cannot be reached, or its certificate is not valid: no other request will succeed."""


class SourceChangedError(CollectError):
    """The data changed between the first page and the last.

    Attributes:
        payload: the data that was read, if it may still be landed; None if the source was never in this state.
    """

    def __init__(self, fact: str, *, remedy: str = "", payload: Payload | None = None) -> None:
        self.payload = payload
        super().__init__(fact, remedy=remedy)
