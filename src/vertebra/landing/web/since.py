"""The watermark of a JSON API that is asked for what changed since the last collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.port import Warned
from vertebra.landing.watermark import (
    CLOCK_DIFFERENCE,
    declared_kind,
    disorder,
    kind_of,
    number_of,
    present,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from vertebra.declare.dataset import Column
    from vertebra.landing.watermark import Kind


@dataclass
class Since:
    """The watermark while pages are read.

    Attributes:
        dataset: its name, for messages.
        name: the field of the records.
        column: the declared column that is read from it, if there is one.
        before: the watermark so far; what the source is asked with.
        now: the start of the collection, UTC.
        missing: number of records without a value that can be compared.
    """

    dataset: str
    name: str
    column: Column | None
    before: str
    now: datetime
    missing: int = 0
    _best: dict[Kind, tuple[Any, str]] = field(default_factory=dict)
    _counts: dict[Kind, int] = field(default_factory=dict)
    _future: list[tuple[datetime, str]] = field(default_factory=list)
    _lengths: set[int] = field(default_factory=set)

    def add(self, value: Any) -> None:
        """Take note of a record's value; numbers of JSON are texts."""
        if not isinstance(value, str) or not value.strip():
            self.missing += 1
            return
        kind, zone = kind_of(value), self.column.zone if self.column else None
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if kind == "time":
            at = time_of(value, zone)
            assert at is not None
            if at > present(value, self.now, zone):
                self._future.append((at, value))
                return
            key: Any = (at, value)
        elif kind == "number":
            key = (number_of(value), value)
        else:
            key = value
            self._lengths.add(len(value))
        if kind not in self._best or key > self._best[kind][0]:
            self._best[kind] = (key, value)

    def newest(self) -> str:
        """The watermark from which the next collection continues. It never goes back, and is never in the future.

        Raises:
            CollectError: the values cannot be compared with the watermark so far, or with each other.
        """
        kind = self._kind()
        if kind is None:
            return self.before
        for other, count in self._counts.items():
            self.missing += count if other != kind else 0
        self._counts = {kind: self._counts[kind]}
        if kind == "text":
            self._refuse_unordered()
        found = self._best.get(kind)
        before = self._key(self.before, kind)
        return self.before if found is None or found[0] <= before else found[1]

    def warnings(self) -> Iterator[Warned]:
        """What a person should know about the values; call it after :meth:`newest`."""
        if self.missing:
            yield Warned(
                f"{counted(self.missing, 'record has', 'records have')} no {self.name} that can be compared: "
                "rejected in that column",
                cause="collect.since continues from its value, so later changes of them may not be collected",
                remedy=f"vertebra sql \"select * from governance.rejects where dataset = '{self.dataset}'\" lists them",
            )
        if self._future and max(self._future)[0] > self.now + CLOCK_DIFFERENCE:
            yield Warned(
                f"{counted(len(self._future), 'record has', 'records have')} a {self.name} "
                f"in the future, up to {max(self._future)[1]}; the watermark stays below it",
                cause="everything that changes before that time would never be collected",
                remedy="correct the value at the source",
            )
        at = time_of(self.before, self.column.zone if self.column else None)
        if kind_of(self.before) == "time" and at is not None and at > self.now + CLOCK_DIFFERENCE:
            yield Warned(
                f"the watermark {self.before} is in the future",
                cause="what changes before that time is not collected",
                remedy=f"vertebra collect {self.dataset} --reset-cursor VALUE, the time from which records are missing",
            )

    def _kind(self) -> Kind | None:
        """How the values are compared; None if no record has one."""
        declared = declared_kind(self.column)
        if declared == "number" or ("number" in self._counts and "time" not in self._counts):
            return "number" if "number" in self._counts else None
        if "time" in self._counts and "number" in self._counts and declared is None:
            raise CollectError(
                f"the records have numbers and times as {self.name}: {self._best['number'][1]} and others",
                cause="they cannot be compared with each other",
                remedy="declare the type of the column, or choose another field for collect.since",
            )
        if "time" in self._counts:
            return "time"
        return "text" if "text" in self._counts else None

    def _key(self, text: str, kind: Kind) -> Any:
        """The watermark so far, in the order of the values."""
        if kind == "text":
            self._lengths.add(len(text))
            return text
        if kind == "number":
            number = number_of(text)
            found: Any = (number, text) if number is not None else None
        else:
            at = time_of(text, self.column.zone if self.column else None)
            found = (at, text) if at is not None else None
        if found is None:
            raise CollectError(
                f"{self.name} is a {kind}, and the watermark {text!r} is none",
                cause="they cannot be compared, so the collection would not advance",
                remedy=f"correct collect.since.start, or: vertebra collect {self.dataset} --reset-cursor VALUE",
            )
        return found

    def _refuse_unordered(self) -> None:
        example = self._best["text"][1]
        wrong = disorder(example)
        if not wrong and len(self._lengths) == 1:
            return
        raise CollectError(
            f"the texts of {self.name}, such as {example!r}, do not rise with time",
            cause=f"{wrong or 'they have different lengths'}; they are neither numbers nor times in ISO 8601",
            remedy="choose another field for collect.since, or remove since and write load: snapshot",
        )
