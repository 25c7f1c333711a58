"""Forgetting a person: erasing the records of a key from the landing zone and from everything below it."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from vertebra.errors import BusyError, CollectError, DecisionError, VertebraError
from vertebra.formatting import counted
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import batches
from vertebra.lake.erasure import Erasure, begin_erasure, joined_key, key_hash, make_secret_key, pending_erasures
from vertebra.lake.owner import hold
from vertebra.workspace.forget_effects import Effects, effects_of
from vertebra.workspace.forget_key import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.lake.batches import Batch
    from vertebra.lake.catalog import Lake
    from vertebra.pipeline.progress import Console, RunReport

_WAIT: Final = 60.0
_SHORTEST: Final = 4
"""Characters of the shortest cell that a message is searched for; shorter ones are not about one person."""


@dataclass(frozen=True)
class RewrittenBatch:
    """A batch that records are removed from.

    Attributes:
        number: of the batch.
        payload: where it came from.
        removed: number of records that are removed.
        left: number of records that are left.
    """

    number: int
    payload: str
    removed: int
    left: int


@dataclass(frozen=True)
class ErasureReport:
    """What :meth:`Workspace.forget` removed, or would remove.

    Attributes:
        dataset: its name.
        columns: the columns of the key.
        batches: the batches that are rewritten.
        effects: what follows in tables, publications, models and other datasets.
        dry_run: nothing was removed.
        done: nothing is left to do; otherwise the next run continues.
        run: how the steps ended that computed the tables again; None for a dry run.
    """

    dataset: str
    columns: tuple[str, ...]
    batches: tuple[RewrittenBatch, ...]
    effects: Effects
    dry_run: bool
    done: bool = False
    run: RunReport | None = None

    @property
    def records(self) -> int:
        """Number of records."""
        return sum(batch.removed for batch in self.batches)


def forget(
    project: Project,
    lake: Lake,
    engine: Engine,
    name: str,
    given: str | Sequence[str] | Mapping[str, object],
    reason: str = "",
    by: str | None = None,
    *,
    dry_run: bool = False,
    wait: float = 0,
    console: Console | None = None,
) -> ErasureReport:
    """Erase the records of a key; see :meth:`vertebra.Workspace.forget`.

    Raises:
        DecisionError: no record has the key, it is not written as the dataset's key, no reason is given, a payload
            cannot be rewritten, or a declaration below the dataset is broken.
        BusyError: another run holds the lake.
    """
    dataset = project.datasets[name]
    key = key_of(dataset, given)
    if not reason.strip() and not dry_run:
        raise DecisionError(
            f"why forget records of {name}?",
            cause="the reason is recorded, without the key, for those who look at the tables later",
            remedy=f'vertebra forget {name} … --reason "…"',
        )
    with hold(lake.root, project.settings.name, f"forget a key of {name}", wait):
        work = _Forgetting(project, lake, engine, dataset, key)
        erasure, report = work.decide(reason.strip(), by or getpass.getuser(), dry_run=dry_run)
    if dry_run:
        return report
    return _complete(project, lake, engine, erasure, report, console)


def _complete(
    project: Project, lake: Lake, engine: Engine, erasure: Erasure, report: ErasureReport, console: Console | None
) -> ErasureReport:
    """Compute the tables below again, without collecting, which also continues and ends the erasure."""
    from vertebra.pipeline.context import RunOptions
    from vertebra.pipeline.run import run

    try:
        ran = run(project, RunOptions(report.effects.steps, wait=_WAIT), console=console, engine=engine)
    except BusyError:  # the erasure is decided, and the next run continues it
        return report
    done = all(one.id != erasure.id for one in pending_erasures(lake))
    return replace(report, done=done, run=ran)


@dataclass(frozen=True)
class _Forgetting:
    """One erasure in the making; the caller holds the lake's lease."""

    project: Project
    lake: Lake
    engine: Engine
    dataset: Dataset
    key: Mapping[str, str]

    def decide(self, reason: str, by: str, *, dry_run: bool) -> tuple[Erasure, ErasureReport]:
        """Find the records, check that their batches can be rewritten, and write the decision down."""
        from vertebra.governance.unended_runs import complete_runs
        from vertebra.landing.erasure.recognise import record_texts
        from vertebra.pipeline.erasures import continue_erasures

        name = self.dataset.name
        if dry_run and pending_erasures(self.lake):
            raise DecisionError(
                "an earlier erasure has not ended", cause="it changes the same files", remedy="vertebra run"
            )
        if not dry_run:
            complete_runs(self.lake, Ledgers(self.lake))
            continue_erasures(self.project, self.lake)
        landed = batches(self.lake.landing, self.dataset.source, name)
        records = self._records(landed)
        if not records:
            raise self._nothing(landed)
        effects = effects_of(self.project, self.lake, self.dataset, self.key)
        of_number = {batch.number: batch for batch in landed}
        texts = dict.fromkeys(
            text for number, mine in records.items() for text in record_texts(of_number[number].records, mine)
        )
        erasure = Erasure(
            id=f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
            at=datetime.now(UTC),
            by=by,
            reason=reason,
            source=self.dataset.source,
            dataset=name,
            key=self.key,
            hashes=(),
            records=records,
            texts=[text for text in texts if len(text) >= _SHORTEST or text in self.key.values()],
            dropped=effects.dropped,
            tables=effects.tables,
        )
        self._stage(erasure, of_number, dry_run=dry_run)
        if not dry_run:
            begin_erasure(self.lake, replace(erasure, hashes=self._hashes(of_number, records)))
        rewritten = (
            RewrittenBatch(number, batch.receipt.url, len(mine), batch.receipt.records - len(mine))
            for number, mine in records.items()
            if (batch := of_number[number])
        )
        return erasure, ErasureReport(name, tuple(self.key), tuple(rewritten), effects, dry_run)

    def _records(self, landed: Sequence[Batch]) -> dict[int, list[int]]:
        from vertebra.formatted.matching import matching_records
        from vertebra.landing.erasure.recognise import ragged_matches

        found = self.engine.attempt(lambda: matching_records(self.dataset, self.lake, landed, self.key, self.engine))
        for batch in landed:
            more = ragged_matches(batch, self.dataset, self.key)
            if more:
                found[batch.number] = sorted({*found.get(batch.number, ()), *more})
        return dict(sorted(found.items()))

    def _hashes(self, of_number: Mapping[int, Batch], records: Mapping[int, Sequence[int]]) -> list[str]:
        """Hashes of the key in every way in which it is written: as given, and in the records."""
        from vertebra.landing.erasure.recognise import key_texts

        written = {joined_key(list(self.key.values()))}
        for number, mine in records.items():
            batch, wanted = of_number[number], set(mine)
            texts = key_texts(batch.records, batch.receipt, self.dataset, list(self.key))
            written |= {joined for ordinal, joined in texts if ordinal in wanted and joined.strip("\x00\x1f")}
        secret = make_secret_key(self.lake)
        return sorted(key_hash(secret, joined) for joined in written)

    def _stage(self, erasure: Erasure, of_number: Mapping[int, Batch], *, dry_run: bool) -> None:
        """Make the files of the batches without the records, and check them; nothing is replaced yet.

        Raises:
            DecisionError: a batch cannot be rewritten.
        """
        from vertebra.landing.erasure.rewrite import discard_rewrite, stage_rewrite

        staged = []
        try:
            for number, mine in erasure.records.items():
                staged.append(of_number[number])
                stage_rewrite(of_number[number], self.dataset, mine, erasure.about(), self.key)
        except VertebraError as error:
            for batch in staged:
                discard_rewrite(batch)
            number = staged[-1].number
            remedy = error.remedy
            if isinstance(error, CollectError):
                retract = f'vertebra retract {self.dataset.name} {number} --reason "…"'
                remedy = f'remove the whole batch: {retract}, then vertebra run, and vertebra gc --keep "0 days"'
            raise DecisionError(
                f"nothing was forgotten: batch {number} of {self.dataset.name} cannot be rewritten: {error.fact}",
                cause=error.cause,
                remedy=remedy,
            ) from error
        for batch in staged if dry_run else ():
            discard_rewrite(batch)

    def _nothing(self, landed: Sequence[Batch]) -> DecisionError:
        from vertebra.governance.forgotten import tombstones

        name = self.dataset.name
        known = tombstones(self.lake, Ledgers(self.lake), name)
        digest = key_hash(known.secret, joined_key(list(self.key.values()))) if known else ""
        before = next((one for one in known.keys if digest in one.hashes), None) if known else None
        searched = sum(batch.receipt.records for batch in landed if batch.receipt.freed_at is None)
        return DecisionError(
            f"no record of {name} has {_listed(self.key)}",
            cause=f"searched: {counted(searched, 'record')} in {counted(len(landed), 'batch', 'batches')}"
            + (f"; the key was forgotten before: {before.reason}" if before else ""),
            remedy=f'vertebra sql "select {", ".join(self.key)} from formatted.{name} limit 5" shows how it is written',
        )


def _listed(key: Mapping[str, str]) -> str:
    return " and ".join(f"{column} = {text}" for column, text in key.items())
