"""A rule translated into Vertebra's notation, with the position of each part in the original text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vertebra.denial.refusal import Refusal


class Translation:
    """Builds the translation, and reports errors in it at their position in the original text.

    Args:
        original: the text to translate.
    """

    def __init__(self, original: str) -> None:
        self.original = original
        self._parts: list[tuple[str, int, int]] = []

    @property
    def text(self) -> str:
        """The translation."""
        return "".join(text for text, _, _ in self._parts)

    def keep(self, start: int, end: int) -> None:
        """Copy ``original[start:end]`` unchanged."""
        self._parts.append((self.original[start:end], start, end))

    def put(self, text: str, start: int, end: int) -> None:
        """Translate ``original[start:end]`` to ``text``."""
        self._parts.append((text, start, end))

    @contextmanager
    def errors_in_original(self) -> Iterator[None]:
        """Context manager: errors in the translation are raised with their position in the original text."""
        try:
            yield
        except Refusal as refusal:
            start = self._origin(refusal.start)
            end = max(start + 1, self._origin(refusal.end - 1, last=True) + 1)
            raise Refusal(
                self.original, start, end, refusal.reason,
                cause=refusal.cause, remedy=refusal.remedy, instead=refusal.instead,
            ) from None  # fmt: skip

    def _origin(self, place: int, *, last: bool = False) -> int:
        """The original position of a character; for a replaced part, its first or last position."""
        at = 0
        for text, start, end in self._parts:
            if place < at + len(text):
                copied = len(text) == end - start and self.original[start:end] == text
                return start + place - at if copied else end - 1 if last else start
            at += len(text)
        return len(self.original)
