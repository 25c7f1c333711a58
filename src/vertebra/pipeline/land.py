"""The landing step: collects new data of a dataset and records how the collection ended.

Schedules depend on this record. It is written after the batches. If the process is killed in between, the collection is
still due; repeating it lands nothing twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from vertebra.governance.row_table import rows_of
from vertebra.governance.step_facts import LandingFacts
from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vertebra.declare.dataset import Dataset
    from vertebra.errors import CollectError
    from vertebra.governance.ledgers import Ledgers
    from vertebra.landing.context import CollectionContext
    from vertebra.landing.outcome import CollectOutcome

CollectionState = Literal["new", "unchanged", "waiting", "refused", "failed"]
_LEDGER: Final = "collections"
_ANSWERED: Final = ("new", "unchanged", "waiting")


@dataclass(frozen=True)
class LandingResult:
    """The result of a landing step.

    Attributes:
        records: in the new batches.
        facts: facts to report.
        changed: whether batches were added or parsed again.
    """

    records: int
    facts: LandingFacts
    changed: bool


@dataclass(frozen=True)
class Collection:
    """The last collection of a dataset.

    Attributes:
        collected_at: its start, UTC.
        complete_at: start of the last collection in which the source answered completely; None if it never did.
        state: ``new`` (batches were landed), ``unchanged``, ``waiting`` (a period that is due is not published yet),
            ``refused`` (some answers were refused; the others are landed), ``failed`` (the source could not be read).
        attempts: number of collections in a row with this state, if it is ``refused``, ``failed`` or ``waiting``.
        batches: number of new batches.
        records: number of records in them.
        bytes: number of bytes in them.
        not_yet: periods that are due and not published yet.
        reason: why answers were refused, or why the source could not be read.
        remedy: what a user can do next.
        seconds: duration.
        warnings: what a person should know about the source, although it was collected.
    """

    run_id: str
    source: str
    dataset: str
    collected_at: datetime
    complete_at: datetime | None
    state: CollectionState
    attempts: int
    batches: int = 0
    records: int = 0
    bytes: int = 0
    not_yet: Sequence[str] = ()
    reason: str | None = None
    remedy: str | None = None
    seconds: float = 0.0
    warnings: Sequence[str] = ()


def land(dataset: Dataset, context: CollectionContext) -> LandingResult:
    """Collect a dataset's new batches, and record how the collection ended.

    Raises:
        CollectError: the source cannot be read, or a payload was refused; batches landed before that stay.
    """
    from vertebra.errors import CollectError
    from vertebra.landing.collect import collect
    from vertebra.landing.outcome import PayloadsRefusedError

    clock = time.perf_counter()
    record = _Record(dataset, context.ledgers, context.run_id, context.now) if context.window is None else _Unrecorded()
    try:
        outcome = collect(dataset, context)
    except PayloadsRefusedError as error:
        record.ended("refused", time.perf_counter() - clock, error.outcome, error)
        raise
    except CollectError as error:
        record.ended("failed", time.perf_counter() - clock, None, error)
        raise
    except Exception as error:
        fact = f"{type(error).__name__}: {context.redact(str(error))}"
        remedy = f"vertebra collect {dataset.name} --debug"
        record.ended("failed", time.perf_counter() - clock, None, CollectError(fact, remedy=remedy))
        raise
    state: CollectionState = "waiting" if outcome.not_published else "new" if outcome.new else "unchanged"
    record.ended(state, time.perf_counter() - clock, outcome)
    return LandingResult(outcome.records, _facts(outcome), bool(outcome.new or outcome.reparsed))


def last_collections(ledgers: Ledgers, dataset: str | None = None) -> dict[str, Collection]:
    """The last collection of each dataset that was ever collected, or of one of them."""
    rows = rows_of(ledgers.read(_LEDGER, list(Collection.__dataclass_fields__), dataset))
    lists = ("not_yet", "warnings")
    return {row["dataset"]: Collection(**row | {name: tuple(row[name] or ()) for name in lists}) for row in rows}


def _facts(outcome: CollectOutcome) -> LandingFacts:
    return LandingFacts(
        new_batches=len(outcome.new),
        records=outcome.records,
        reparsed_batches=outcome.reparsed,
        unpublished_periods=tuple(outcome.not_published),
        drift=tuple(str(one) for one in outcome.drift if one.kind != "undeclared"),
        warnings=tuple(str(one) for one in outcome.warnings),
    )


@dataclass(frozen=True)
class _Record:
    """Records how one collection ended."""

    dataset: Dataset
    ledgers: Ledgers
    run_id: str
    now: datetime

    def ended(
        self, state: CollectionState, seconds: float, outcome: CollectOutcome | None, error: CollectError | None = None
    ) -> None:
        name = self.dataset.name
        before = last_collections(self.ledgers, name).get(name)
        answered = state in _ANSWERED
        again = before is not None and before.state == state
        new = outcome.new if outcome else ()
        row = Collection(
            run_id=self.run_id,
            source=self.dataset.source,
            dataset=name,
            collected_at=self.now,
            complete_at=self.now if answered else before.complete_at if before else None,
            state=state,
            attempts=0 if state in ("new", "unchanged") else 1 + (before.attempts if before and again else 0),
            batches=len(new),
            records=sum(batch.receipt.records for batch in new),
            bytes=sum(batch.receipt.bytes for batch in new),
            not_yet=outcome.not_published if outcome else (),
            reason=error.fact if error else None,
            remedy=error.remedy if error else None,
            seconds=seconds,
            warnings=[str(one) for one in outcome.warnings] if outcome else (),
        )
        self.ledgers.state(_LEDGER, name, [vars(row)], Commit(self.run_id, f"landing.{name}", ""))


class _Unrecorded:
    """Records nothing: after a collection of selected periods, the other periods stay due."""

    def ended(self, *_: object) -> None:
        """Record nothing."""
