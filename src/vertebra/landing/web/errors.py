"""What can be wrong with an answer.

CollectError
├── RefusedAnswerError   an answer came and is not what was asked for; it is kept aside
├── TryAgainError        no whole answer came, or the host asks for patience; the next try may succeed
├── UnreachableError     the host is not there, however often it is tried
└── ReadMovedError       the data changed while it was read; reading it again may succeed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.errors import CollectError

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.landing.port import Payload


class RefusedAnswerError(CollectError):
    """An answer is not what was asked for.

    Attributes:
        url: what was asked for, without credentials.
        file: the answer, or its beginning; None when there is nothing to look at.
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


class TryAgainError(CollectError):
    """No whole answer came.

    Attributes:
        after: seconds that the host asks to wait, where it does.
        reached: whether the declared host was.
    """

    def __init__(
        self, fact: str, *, cause: str = "", remedy: str = "", after: float | None = None, reached: bool = True
    ) -> None:
        self.after = after
        self.reached = reached
        super().__init__(fact, cause=cause, remedy=remedy)


class UnreachableError(CollectError):
    """The declared host is not there, or cannot prove who it is: whatever else it has cannot be asked for either."""


class ReadMovedError(CollectError):
    """The data changed between the first page and the last.

    Attributes:
        payload: what came, where it may be landed all the same; None where it is no state that the source was in.
    """

    def __init__(self, fact: str, *, remedy: str = "", payload: Payload | None = None) -> None:
        self.payload = payload
        super().__init__(fact, remedy=remedy)
