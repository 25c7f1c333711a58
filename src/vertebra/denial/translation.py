"""A rule written anew in Vertebra's own notation, which remembers where each part of it stood."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vertebra.denial.refusal import Refusal


class Translation:
    """Builds a text from parts of another one.

    Args:
        original: the text as it was given; what is wrong with the translation is shown in it.
    """

    def __init__(self, original: str) -> None:
        self.original = original
        self._parts: list[tuple[str, int, int]] = []

    @property
    def text(self) -> str:
        """The translation."""
        return "".join(text for text, _, _ in self._parts)

    def keep(self, start: int, end: int) -> None:
        """Take over ``original[start:end]`` as it is."""
        self._parts.append((self.original[start:end], start, end))

    def put(self, text: str, start: int, end: int) -> None:
        """Write ``text`` for ``original[start:end]``."""
        self._parts.append((text, start, end))

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """What is refused in the translation is refused at its place in the original."""
        try:
            yield
        except Refusal as refusal:
            start = self._origin(refusal.start)
            end = max(start + 1, self._origin(refusal.end - 1, last=True) + 1)
            raise Refusal(
                self.original, start, end, refusal.reason, cause=refusal.cause, remedy=refusal.remedy
            ) from None

    def _origin(self, place: int, *, last: bool = False) -> int:
        """Where a character of the translation comes from; of a part written anew, the first or the last one."""
        at = 0
        for text, start, end in self._parts:
            if place < at + len(text):
                copied = len(text) == end - start and self.original[start:end] == text
                return start + place - at if copied else end - 1 if last else start
            at += len(text)
        return len(self.original)
