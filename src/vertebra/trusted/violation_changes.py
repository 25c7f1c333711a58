"""Changes of violations since the last run: new, persisting and gone violations.

A violation is identified by its rule, its row and the role of the row. The ledger has the present violations; those of
the last assessed run are read by time travel, so nothing is stored twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from vertebra.governance.ledgers import Ledgers, wrote
from vertebra.governance.schemas import STATES
from vertebra.lake.batches import RECORDS_PER_BATCH
from vertebra.trusted.resolution import without_introduced

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.engine.port import Engine
    from vertebra.governance.context import StepContext
    from vertebra.lake.table import LakeTable

_RECENT = 16

BEFORE: Final = 1
NOW: Final = 2
BOTH: Final = BEFORE + NOW


@dataclass(frozen=True)
class Change:
    """The violations of a run compared with those of the previous run.

    Attributes:
        since: the id of the previous run; empty if nothing can be compared.
        reason: why nothing can be compared; empty otherwise.
        found: violations of this run per rule; rules without any are left out, here and below.
        new, persisting, gone: violations per rule.
    """

    since: str = ""
    reason: str = ""
    found: Mapping[str, int] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)
    persisting: Mapping[str, int] = field(default_factory=dict)
    gone: Mapping[str, int] = field(default_factory=dict)


def changes_since_last_run(dataset: Dataset, ctx: StepContext, now: Sequence[Path]) -> Change:
    """Compare the violations of this run with those of the last run that was assessed.

    Args:
        now: the staged files of the ledger for this run.
    """
    assessed = _assessed(ctx.ledgers, f"trusted.{dataset.name}")
    ledger = ctx.ledgers.table("violations")
    version = _version_after(ledger, dataset.name, set(assessed)) if assessed and ledger.exists() else None
    before = ctx.ledgers.files("violations", dataset.name, version) if version is not None else []
    reason = "" if assessed else "it is the first run"
    if not all(file.is_file() for file in before):
        before, reason = [], "vertebra gc has freed the violations of the run before"
    if dataset.load == "snapshot" and _rows(before) and _rows(now) and _batches(before).isdisjoint(_batches(now)):
        before, reason = [], "the rows of a new snapshot have new row ids"
    frames = [_found(files, ctx.engine) if _rows(files) else None for files in (before, now)]
    new, persisting, gone = _compared(*frames)
    found = {rule: new.get(rule, 0) + persisting.get(rule, 0) for rule in new | persisting}
    if reason:
        return Change("", reason, found)
    return Change(assessed[-1], "", found, new, persisting, gone)


def _found(files: Sequence[Path], engine: Engine) -> DataFrame:
    """The violations before cleaning, of all those in files of the ledger."""
    return without_introduced(engine.read_parquet(files, STATES["violations"]))


def _compared(before: DataFrame | None, now: DataFrame | None) -> Sequence[dict[str, int]]:
    """Violations per rule only in this run, in both runs, and only in the previous one; in at most one engine job."""
    from pyspark.sql import functions as F

    found: dict[int, dict[str, int]] = {BEFORE: {}, NOW: {}, BOTH: {}}
    sided = sides(before, now, ("rule", "rid", "role"))
    if sided is None:
        return {}, {}, {}
    for row in sided.groupBy("rule", "sides").agg(F.count(F.lit(1)).alias("violations")).collect():
        found[int(row["sides"])][row["rule"]] = int(row["violations"])
    return found[NOW], found[BOTH], found[BEFORE]


def sides(before: DataFrame | None, now: DataFrame | None, about: Sequence[str]) -> DataFrame | None:
    """The rows of two frames, with the frames that contain each.

    Args:
        before, now: frames with the columns ``about``, whose values occur at most once in each; None if there are no
            rows.

    Returns:
        ``about`` and ``sides``: :data:`BEFORE`, :data:`NOW` or :data:`BOTH`; None when there are no rows at all.
    """
    from functools import reduce

    from pyspark.sql import functions as F

    marked = [
        frame.select(*about, F.lit(side).alias("side"))
        for side, frame in ((BEFORE, before), (NOW, now))
        if frame is not None
    ]
    if not marked:
        return None
    both = reduce(lambda first, second: first.unionByName(second), marked)
    return both.groupBy(*about).agg(F.sum(F.col("side")).alias("sides"))


def _assessed(ledgers: Ledgers, table: str) -> list[str]:
    """The runs whose assessment of a table is on record, oldest first."""
    quality = ledgers.table("quality")
    if not quality.exists():
        return []
    wanted = (pc.field("table_name") == table) & (pc.field("measure") == "rows") & (pc.field("stage") == "before")
    return sorted(quality.arrow().to_table(columns=["run_id"], filter=wanted).column("run_id").to_pylist())


def _version_after(ledger: LakeTable, dataset: str, assessed: set[str]) -> int | None:
    """The version of a ledger after the last assessed run of a dataset.

    A run of an earlier release that was killed may have written the ledger, but has no assessment; it is skipped.
    """
    for limit in (_RECENT, None):
        for entry in ledger.history(limit):
            if entry.run_id in assessed and wrote(entry, dataset):
                return entry.version
    return None


def _rows(files: Sequence[Path]) -> int:
    return sum(pq.read_metadata(file).num_rows for file in files)


def _batches(files: Sequence[Path]) -> set[int]:
    """The batches that the first and the last row in the files come from, by the files' statistics."""
    found = set()
    for file in files:
        metadata = pq.read_metadata(file)
        column = metadata.schema.to_arrow_schema().get_field_index("rid")
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(column).statistics
            if statistics is not None and statistics.has_min_max:
                found |= {statistics.min // RECORDS_PER_BATCH, statistics.max // RECORDS_PER_BATCH}
    return found
