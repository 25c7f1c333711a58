"""The step that formats a dataset: text records of the landing zone become one table of the canonical data model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.dataset as pads

from vertebra.errors import LakeError
from vertebra.formatted.batch_warnings import copy_warnings, source_warnings
from vertebra.formatted.cast import read_cell
from vertebra.formatted.deletions import needs_all_batches
from vertebra.formatted.digest import formatting_digest
from vertebra.formatted.drift import Match, evolved, match_columns, refuse_never_seen
from vertebra.formatted.gathered import Gathered, gather
from vertebra.formatted.intermediates import Intermediates
from vertebra.formatted.measures import Units, found_units
from vertebra.formatted.rejects import (
    castable,
    has_ragged_records,
    ragged_records,
    record_rejects,
    rejects,
    suspects,
    without_cursor,
)
from vertebra.formatted.text import cell_text, cells_text
from vertebra.formatted.trimming import NOTHING_TRIMMED, Trimmed, count_trimmed, merged_keys, trimmed_columns
from vertebra.formatted.upsert import (
    NOTHING_REPLACED,
    Replaced,
    candidates,
    clear_superseded,
    stage_newest,
)
from vertebra.governance.cell_texts import cell_names
from vertebra.governance.context import StepOutcome
from vertebra.governance.drift import batch_sources, record_drift
from vertebra.governance.retractions import retractions
from vertebra.governance.step_facts import FormattedFacts
from vertebra.lake.batches import (
    RECORD_COLUMN,
    RECORDS_PER_BATCH,
    Batch,
    batches,
    batches_digest,
    check_records,
)
from vertebra.lake.effective_batches import counting_batches
from vertebra.lake.staging import StagedFiles

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Column, Dataset
    from vertebra.governance.context import StepContext
    from vertebra.lake.table import LakeTable

_FORMATTING: Final = "formatting"
_BATCHES: Final = "batches"
_FILES_PER_JOB: Final = 100
"""The most files of one job: its plan grows with them, and planning takes more than linear time."""

_NO_COLUMNS: Final[Mapping[str, Column]] = MappingProxyType({})


def format_dataset(dataset: Dataset, ctx: StepContext, *, full_refresh: bool = False) -> StepOutcome:
    """Format the batches of a dataset that its table does not have yet.

    ``append`` adds the rows of new batches; ``snapshot`` keeps only those of the latest batch, for each period and part
    if the source has them; ``upsert`` keeps one row per key: the record of the highest declared ``version``, or the
    last record of the latest batch that has the key; keys that were deleted at the source are removed, if the dataset
    says how that is noticed. All rows with a NULL in the key are kept, because no later record
    can replace them; rules report them. The ledger ``superseded`` has the records that others replaced.

    Retracted batches do not count, nor do batches with the bytes of an earlier one
    (:mod:`vertebra.lake.effective_batches`).

    Every batch is formatted exactly once: the table's application transaction is its last batch. If the part of the
    declaration that concerns formatting has changed, or records were parsed again, all batches are formatted again,
    with the same row ids, and replace the table in one commit.

    If the policy is ``drift: {extra: evolve}``, columns that are not declared become columns of the table, of type
    string; rows of batches without them have NULL there.

    Args:
        full_refresh: always format all batches again.

    Raises:
        LakeError: nothing was collected yet.
        DriftError: a batch does not have the declared columns, and the policy forbids it.
        DeclarationError: a unit conversion does not exist.
    """
    table = ctx.lake.table(f"formatted.{dataset.name}")
    received = _received(dataset, ctx)
    landed = counting_batches(dataset, received, retractions(ctx.ledgers, dataset.name))
    left_out = 0 if dataset.load == "snapshot" else len(received) - len(landed)
    digest = formatting_digest(dataset, landed)
    done = table.transaction_version(ctx.step)
    full_refresh = full_refresh or done is None or done > received[-1].number
    full_refresh = full_refresh or not _formatted_alike(
        table, digest, [batch for batch in landed if batch.number <= (done or 0)], ctx
    )
    new = [batch for batch in landed if full_refresh or batch.number > (done or 0)]
    if new and needs_all_batches(dataset, landed, new):
        full_refresh, new = True, landed
    if new and dataset.load == "snapshot":
        new = landed
    if not new and not full_refresh:
        return _outcome(table, table.version(), [], 0, left_out=left_out)
    record_drift(dataset, landed, ctx.ledgers, ctx.commit())
    more = evolved(dataset, landed)
    for batch in new:
        check_records(batch)
    matches = [match_columns(dataset, batch, more) for batch in new]
    refuse_never_seen(dataset, received)
    added = [name for name in more if full_refresh or name not in table.schema().names]
    declared = dataset.columns
    dataset = dataset.model_copy(update={"columns": {**dataset.columns, **more}})
    ctx.progress(f"formatting {_counted(len(new), 'batch', 'batches')}")
    whole = full_refresh or dataset.load != "append"
    written = _stage(dataset, table, matches or [_without_rows(dataset, received[-1], more)], full_refresh, landed, ctx)
    commit = ctx.commit(app_version=received[-1].number)
    commit = replace(commit, extra={**commit.extra, _FORMATTING: digest, _BATCHES: batches_digest(landed)})
    version = table.commit(
        written.staged,
        commit,
        "overwrite" if whole else "append",
        "replace" if whole else "widen" if more else "same",
        full_refresh=full_refresh,
    )
    without_key = _without_key(dataset, table, version)
    return _outcome(
        table,
        version,
        matches,
        written.rejected,
        without_key,
        added=added,
        declared=declared,
        replaced=written.replaced,
        trimmed=written.trimmed,
        left_out=left_out,
        warnings=(
            *source_warnings(ctx.lake.landing, dataset),
            *copy_warnings(dataset, landed, [batch.number for batch in new]),
        ),
    )


@dataclass(frozen=True)
class _Written:
    """What was written for a table: its files, rejected and trimmed cells, and what was replaced."""

    staged: StagedFiles
    rejected: int
    trimmed: Trimmed
    replaced: Replaced = NOTHING_REPLACED


def _without_rows(dataset: Dataset, batch: Batch, more: Mapping[str, Column]) -> Match:
    """No batch counts: the table has no rows, and none of this batch's columns is read."""
    return Match(batch, dict.fromkeys([*dataset.columns, *more]), ())


def _found(dataset: Dataset, batch: Batch) -> Match:
    """The declared columns of a batch that was matched before."""
    return Match(batch, {**dict.fromkeys(dataset.columns), **batch_sources(dataset, batch.receipt)}, ())


def _received(dataset: Dataset, ctx: StepContext) -> list[Batch]:
    """All batches up to the one that the step reads last, oldest first."""
    last = ctx.inputs.get(f"landing.{dataset.name}")
    found = batches(ctx.lake.landing, dataset.source, dataset.name)
    found = [batch for batch in found if last is None or batch.number <= last]
    if not found:
        raise LakeError(
            f"there is no batch of {dataset.name}",
            cause="nothing was collected yet",
            remedy=f"vertebra collect {dataset.name}",
        )
    return found


def _formatted_alike(table: LakeTable, digest: str, done: Sequence[Batch], ctx: StepContext) -> bool:
    """Whether the table was formatted from the batches ``done``, with the current declaration, as far as is known."""
    # after a restore, the last batch of the table is not known
    newest = table.newest_data()
    if newest is None or newest.step != ctx.step or newest.extra.get(_FORMATTING) != digest:
        return False
    # the landing folder of a dataset may have been removed and filled again
    return newest.extra.get(_BATCHES) == batches_digest(done)


def _stage(
    dataset: Dataset,
    table: LakeTable,
    matches: Sequence[Match],
    full_refresh: bool,
    landed: Sequence[Batch],
    ctx: StepContext,
) -> _Written:
    """Write the table's new files, and the ledgers of rejects and of superseded records."""
    units = gather(matches, dataset, ctx.scratch / "gathered")
    texts = [
        _text(units[at : at + _FILES_PER_JOB], dataset, landed, ctx) for at in range(0, len(units), _FILES_PER_JOB)
    ]
    reading = _Reading(dataset, found_units(dataset, texts))
    replaces_all = full_refresh or dataset.load == "snapshot"
    first = None if replaces_all else matches[0].batch.number
    replaced = NOTHING_REPLACED
    merged: tuple[int, tuple[str, ...]] = (0, ())
    if dataset.load == "upsert":
        present = None if full_refresh else table.frame(ctx.engine)
        rows = candidates(reading.rows(_text(units, dataset, landed, ctx)), present)
        number = sum(match.batch.receipt.records for match in matches) + (0 if full_refresh else table.rows())
        staged, replaced = stage_newest(dataset, table, rows, number if landed else 0, landed, first, ctx)
        in_question = castable(dataset)
        if replaced.lost and trimmed_columns(dataset):

            def text_of(numbers: Sequence[int]) -> DataFrame:
                some = [_found(dataset, batch) for batch in landed if batch.number in numbers]
                return _text(gather(some, dataset, ctx.scratch / "gathered-again"), dataset, landed, ctx)

            merged = merged_keys(dataset, reading.keys, _text(units, dataset, landed, ctx), present, text_of, ctx)
    else:
        staged = _joined([table.stage(ctx.engine, reading.rows(text)) for text in texts])
        in_question = suspects(dataset, staged)
        clear_superseded(dataset, ctx)
    found = [reading.rejects(text, in_question, ctx) for text in texts] if in_question else []
    found += [ragged_records(match.batch, dataset, ctx) for match in matches if has_ragged_records(match.batch)]
    without = (without_cursor(match.batch, dataset, ctx) for match in matches)
    found += [frame for frame in without if frame is not None]
    trimmed = Trimmed(count_trimmed(dataset, texts if landed else []), *merged)
    return _Written(staged, record_rejects(found if landed else [], dataset, first, ctx), trimmed, replaced)


class _Reading:
    """Reads the text of a dataset's records."""

    def __init__(self, dataset: Dataset, units: Mapping[str, Units]) -> None:
        from pyspark.sql import functions as F

        self._dataset = dataset
        self._intermediates = Intermediates()
        self._cells = {
            name: read_cell(
                F.col(name),
                column,
                cell_text(dataset, column),
                self._intermediates,
                [F.col(other) for other in dataset.key if other != name] if name in dataset.key else None,
                units.get(name),
                "" if column.is_received else f" ({column.received(name)})",
            )
            for name, column in dataset.columns.items()
        }

    def rows(self, text: DataFrame) -> DataFrame:
        """The rows of the table."""
        worked = self._intermediates.on(text)
        return worked.select("_rid", *(cell.value.alias(name) for name, cell in self._cells.items()))

    def keys(self, text: DataFrame, more: Mapping[str, SparkColumn]) -> DataFrame:
        """The row ids and keys of records, with further columns of their raw text."""
        cells = (self._cells[name].value.alias(name) for name in self._dataset.key)
        return self._intermediates.on(text).select("_rid", *cells, *(one.alias(name) for name, one in more.items()))

    def rejects(self, text: DataFrame, columns: Sequence[str], ctx: StepContext) -> DataFrame:
        """The rejected cells of some columns."""
        cells = {name: self._cells[name] for name in columns}
        return rejects(self._intermediates.on(text), cells, self._dataset, ctx)


def _text(units: Sequence[Match | Gathered], dataset: Dataset, landed: Sequence[Batch], ctx: StepContext) -> DataFrame:
    """The records of batches: ``_rid`` and the text of each declared column, by its declared name.

    Args:
        units: the batches, small ones gathered.
        landed: the batches that count; if there are none, there are no records.
    """
    frames = [
        ctx.engine.read_parquet([unit.file], unit.schema).toDF("_rid", *dataset.columns)
        if isinstance(unit, Gathered)
        else _text_of(unit, dataset, ctx)
        for unit in units
    ]
    text = reduce(lambda above, below: above.unionAll(below), frames)
    return text if landed else text.where("false")


def _text_of(match: Match, dataset: Dataset, ctx: StepContext) -> DataFrame:
    from pyspark.sql import functions as F

    wanted = list(dict.fromkeys(cell for source in match.sources.values() for cell in cell_names(source)))
    schema = pa.schema([(RECORD_COLUMN, pa.int64()), *((source, pa.string()) for source in wanted)])
    # columns of a payload may have dots, quotes and spaces in their names; positions need no quoting
    if match.batch.receipt.freed_at is None:
        frame = ctx.engine.read_parquet([match.batch.records], schema)
    else:  # it does not count, and has no columns to read
        frame = ctx.engine.session.range(0).toDF(RECORD_COLUMN)
    frame = frame.toDF(RECORD_COLUMN, *(f"_{place}" for place in range(len(wanted))))
    places = {source: F.col(f"_{place}") for place, source in enumerate(wanted)}
    rid = F.lit(match.batch.number * RECORDS_PER_BATCH).cast("bigint") + F.col(RECORD_COLUMN)
    return frame.select(
        rid.alias("_rid"),
        *(
            cells_text(dataset, name, source, [places[cell] for cell in cell_names(source)]).alias(name)
            for name, source in match.sources.items()
        ),
    )


def _joined(parts: Sequence[StagedFiles]) -> StagedFiles:
    files = tuple(file for part in parts for file in part.files)
    return StagedFiles(files, parts[0].schema, sum(part.rows for part in parts))


def _without_key(dataset: Dataset, table: LakeTable, version: int) -> int:
    """Rows of an upserted table that have a NULL in their key."""
    if dataset.load != "upsert":
        return 0
    conditions = [pads.field(name).is_null() for name in dataset.key]
    return int(table.arrow(version).count_rows(filter=reduce(lambda one, other: one | other, conditions)))


def _outcome(
    table: LakeTable,
    version: int,
    matches: Sequence[Match],
    rejected: int,
    without_key: int = 0,
    *,
    added: Sequence[str] = (),
    declared: Mapping[str, Column] = _NO_COLUMNS,
    replaced: Replaced = NOTHING_REPLACED,
    trimmed: Trimmed = NOTHING_TRIMMED,
    left_out: int = 0,
    warnings: tuple[str, ...] = (),
) -> StepOutcome:
    ignored = dict.fromkeys(column for match in matches for column in match.extra)
    missing = dict.fromkeys(
        name
        for match in matches
        if match.batch.receipt.records
        for name, source in match.sources.items()
        if source is None and name in declared
    )
    facts = FormattedFacts(
        batches=len(matches),
        cells_rejected=rejected,
        columns_added=tuple(added),
        columns_ignored=tuple(ignored),
        columns_missing=tuple(missing),
        rows_without_key=without_key,
        records_replaced=replaced.changed,
        replaced_in_batch=replaced.in_batch,
        records_repeated=replaced.repeated,
        records_deleted=replaced.deleted,
        batches_left_out=left_out,
        cells_trimmed=tuple(trimmed.cells.items()),
        keys_merged=trimmed.keys_merged,
        merged=trimmed.merged,
        century_assumed=tuple(name for name, column in declared.items() if column.assumes_century),
        warnings=warnings,
    )
    return StepOutcome(table.rows(version), version, {table.name: version}, facts)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
