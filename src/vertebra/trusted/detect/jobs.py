"""The engine jobs of one detection: their scratch folders, their times, and the counts that they collect."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from vertebra.engine.failures import query_error
from vertebra.errors import RuleError
from vertebra.formatting import shortened

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine

_FRAMES_PER_JOB = 3


@dataclass(frozen=True)
class Part:
    """A frame of a job, and the rules that it serves."""

    rules: tuple[str, ...]
    frame: DataFrame


class Jobs:
    """Runs the engine jobs of one detection.

    Args:
        table: the relation that is checked, for messages.
        rules: the names of its rules.
        scratch: an existing folder for intermediate results.

    Attributes:
        seconds: for each rule, the wall-clock seconds of the jobs that it took part in.
        counts: for each rule, the counts collected so far by measure; the rule ``""`` stands for the table.
    """

    def __init__(self, table: str, rules: Sequence[str], engine: Engine, scratch: Path) -> None:
        self.table = table
        self.engine = engine
        self.scratch = scratch
        self.seconds = dict.fromkeys(rules, 0.0)
        self.counts: dict[str, dict[str, int]] = {rule: {} for rule in rules}

    @property
    def rows(self) -> int:
        """The rows of the table, once they have been counted."""
        return self.counts[""]["groups"]

    def folder(self, *parts: str) -> Path:
        """A path in the scratch folder."""
        return self.scratch.joinpath(*parts)

    @contextmanager
    def timed(self, rules: Sequence[str]) -> Iterator[None]:
        """Run a job for some rules: add its time to theirs, and name them in errors of the engine."""
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            failure = query_error(error, f"{_listed(rules)} of {self.table}")
            raise RuleError(
                failure.fact,
                cause=failure.cause,
                remedy="where a value cannot be computed, make it NULL: cast(… as …), try_to_timestamp, nullif",
            ) from error
        for name in rules:
            self.seconds[name] += time.perf_counter() - started

    def collect(self, parts: Sequence[Part]) -> None:
        """Add the few rows of count frames of one form to the counts of their rules. NULLs are ignored."""
        for names, frame in unions(parts):
            with self.timed(names):
                rows = frame.collect()
            for row in rows:
                values: dict[str, Any] = row.asDict()
                measures = self.counts.setdefault(values.pop("rule"), {})
                for name, value in values.items():
                    if value is not None:
                        measures[name] = measures.get(name, 0) + int(value)


def _listed(rules: Sequence[str], most: int = 4) -> str:
    """The names of rules for messages, shortened if there are many."""
    if not rules:
        return "the rules"
    return f"the rule{'s' if len(rules) > 1 else ''} {shortened(rules, most)}"


def unions(parts: Sequence[Part]) -> Iterator[tuple[list[str], DataFrame]]:
    """Unions of frames of one form: a job has a fixed cost, but planning a union of very many frames costs more."""
    for start in range(0, len(parts), _FRAMES_PER_JOB):
        chosen = parts[start : start + _FRAMES_PER_JOB]
        names = [name for part in chosen for name in part.rules]
        yield list(dict.fromkeys(names)), reduce(lambda a, b: a.unionAll(b), [part.frame for part in chosen])
