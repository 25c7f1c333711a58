"""The origin of a row of a formatted or trusted table: repairs, decisions, parsing, the received record, its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from vertebra.errors import LakeError
from vertebra.formatting import counted, shortened
from vertebra.governance.retractions import retractions
from vertebra.governance.row_table import rows_of
from vertebra.lake.batches import RECORDS_PER_BATCH, batches
from vertebra.lake.effective_batches import counting_batches
from vertebra.workspace.explanation import Link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

RID: Final = "_rid"
_MOST_EARLIER: Final = 10
"""How many earlier versions of a row are shown."""

_MOST_ROWS: Final = 5
"""How many rows with one row id are shown."""


def dataset_row(
    dataset: Dataset,
    lake: Lake,
    ledgers: Ledgers,
    zone: str,
    rid: int,
    column: str | None,
    version: int | None = None,
) -> Iterator[Link]:
    """A row, or one cell of it, and everything that happened to it since it was received.

    Args:
        zone: ``formatted`` or ``trusted``.
        version: the version of the table that has the row; None is the present one.
    """
    from vertebra.formatted.why import row_origin

    if zone == "trusted":
        yield from _cleaned(dataset, lake, ledgers, rid, column, version)
    origin = row_origin(dataset, lake, ledgers, rid, column)
    values = {name: cell.value for name, cell in origin.cells.items()}
    there = "has the row" if origin.in_table else f"does not have the row: {_why_absent(dataset, lake, ledgers, rid)}"
    yield Link("formatted", f"formatted.{dataset.name} {there}", values)
    for cell in origin.cells.values():
        if column or cell.rejected:
            yield Link("formatted", f"{cell.column}: {'; '.join(cell.steps)}")
    raw = {name: text for cell in origin.cells.values() for name, text in cell.received.items()}
    yield Link("landing", f"record {origin.record:,} of batch {origin.batch.number} was received as", raw)
    receipt = origin.batch.receipt
    yield Link(
        "batch",
        f"batch {receipt.number} of {dataset.source}.{dataset.name}",
        {
            "url": receipt.url,
            "collected": receipt.collected_at,
            "collector": receipt.collector,
            "sha256": receipt.sha256,
            "payload": str(origin.batch.payload),
        },
    )
    yield from _earlier(dataset, lake, ledgers, rid, column)


def _why_absent(dataset: Dataset, lake: Lake, ledgers: Ledgers, rid: int) -> str:
    """Why a formatted table does not have a record that landed."""
    found = _superseded(ledgers, dataset, pc.field("rid") == rid)
    if found:
        return _why_superseded(found[0])
    number, retracted = rid // RECORDS_PER_BATCH, retractions(ledgers, dataset.name)
    if number in retracted:
        return f"{retracted[number].decided_by} retracted batch {number}: {retracted[number].reason}"
    landed = batches(lake.landing, dataset.source, dataset.name)
    counting = counting_batches(dataset, landed, retracted)
    if number in {batch.number for batch in counting}:
        return "a record with the same key and the same values replaced it, or the table was not written since"
    if dataset.load == "snapshot":
        return f"a later batch replaced batch {number}"
    return f"batch {number} has the bytes of an earlier one, which counts"


def _why_superseded(row: Mapping[str, Any]) -> str:
    by = f"row {row['replaced_by']} of batch {row['replaced_by_batch']}"
    match row.get("action"):
        case "marks deleted":
            return "the record says that its key was deleted at the source"
        case "deleted" if row["replaced_by"] is None:
            return f"the snapshot of batch {row['replaced_by_batch']} lacks its key: it was deleted at the source"
        case "deleted":
            return f"it was deleted at the source: {by} says so"
    return f"{by} replaced it"


def _superseded(ledgers: Ledgers, dataset: Dataset, condition: pc.Expression) -> list[dict[str, Any]]:
    table = ledgers.table("superseded")
    if not table.exists():
        return []
    rows = table.arrow().to_table(filter=(pc.field("dataset") == dataset.name) & condition)
    found: list[dict[str, Any]] = sorted(rows.to_pylist(), key=lambda row: -row["rid"])
    return found


def _earlier(dataset: Dataset, lake: Lake, ledgers: Ledgers, rid: int, column: str | None) -> Iterator[Link]:
    """The records that a row replaced, the last one first, with the values that they had."""
    from vertebra.formatted.why import row_origin

    seen, waiting = {rid}, [rid]
    while waiting and len(seen) <= _MOST_EARLIER:
        for row in _superseded(ledgers, dataset, pc.field("replaced_by") == waiting.pop(0)):
            if row["rid"] in seen:
                continue
            seen.add(row["rid"])
            waiting.append(row["rid"])
            origin = row_origin(dataset, lake, ledgers, row["rid"], column)
            raw = {name: text for cell in origin.cells.values() for name, text in cell.received.items()}
            where = f"record {row['record']:,} of batch {row['batch']} ({origin.batch.receipt.url})"
            did = "deleted" if row.get("action") == "deleted" else "replaced"
            yield Link("superseded", f"it {did} {where}, which had", raw)


def _cleaned(
    dataset: Dataset, lake: Lake, ledgers: Ledgers, rid: int, column: str | None, version: int | None
) -> Iterator[Link]:
    """The row in the trusted table, and the effects of rules, repairs and decisions on it."""
    from vertebra.trusted.decided_rows import identify
    from vertebra.trusted.decisions import version_read
    from vertebra.trusted.ledger_commit import ledger_mismatch
    from vertebra.trusted.why import cleaning_of

    name = f"trusted.{dataset.name}"
    differ = ledger_mismatch(lake, ledgers, dataset.name)
    if differ:
        yield Link("trusted", f"{differ}; vertebra run --select {name} updates them")
    read = version_read(lake, dataset.name)
    identity = None
    if read is not None:
        identity = identify(dataset, lake.table(f"formatted.{dataset.name}"), read, rid, ())
    cleaning = cleaning_of(ledgers, dataset.name, rid, column, identity.key if identity else None)
    present = lake.table(name).data_version()
    if version is not None and data_version(lake, name, version) != present:
        yield from found_in(lake, name, version, rid, column, "trusted")
        yield Link("trusted", f"{name} is at version {present} now; what follows is about that version")
    if cleaning.quarantined is not None:
        rules = ", ".join(cleaning.quarantined.rules)
        yield Link("quarantine", f"{name} does not have the row: it is in quarantine for {rules}")
    else:
        yield from found_in(lake, name, present, rid, column, "trusted")
    for repair in cleaning.repairs:
        grounds = f", {repair.evidence}" if repair.evidence else ""
        if not grounds and repair.support is not None:
            grounds = f", supported by {counted(repair.support, 'row')}"
        yield Link(
            "repair",
            f"{repair.column_name} was repaired from {_text(repair.old)} to {_text(repair.new)} by {repair.rule}",
            {"method": repair.method, "confidence": f"{repair.confidence:.2f}{grounds}"},
        )
    for found in cleaning.violations:
        other = f", with row {found.partner}" if found.partner is not None else ""
        yield Link("violation", f"it broke {found.rule}{other}: {found.resolution}")
    for taken in cleaning.decisions:
        subject = taken.column_name or taken.rule or "the row"
        facts = {"comment": taken.comment} if taken.comment else {}
        yield Link(
            "decision",
            f"{taken.decided_by} decided to {taken.decision} {subject} on {taken.decided_at:%Y-%m-%d}",
            facts,
        )


def _text(value: str | None) -> str:
    return "NULL" if value is None else value


def found_in(lake: Lake, name: str, version: int, rid: int, column: str | None, kind: str) -> Iterator[Link]:
    """The rows with a row id in a version of a table."""
    rows = rows_with(lake, name, rid, version)
    where = f"{name} version {version}"
    if rows is None:
        yield Link(kind, f"{where} was removed by vertebra gc")
    elif not rows:
        yield Link(kind, f"{where} does not have the row")
    elif len(rows) == 1:
        yield Link(kind, f"{where} has the row", shown(rows[0], column))
    else:
        yield Link(kind, f"{where} has {counted(len(rows), 'row')} with this {RID}")
        for number, row in enumerate(rows[:_MOST_ROWS], 1):
            yield Link(kind, f"row {number} of {len(rows):,}", shown(row, column))


def data_version(lake: Lake, name: str, version: int) -> int:
    """The version of a table that wrote the rows of a version: compaction writes a version with the same rows."""
    before = [one.version for one in lake.table(name).history() if one.version <= version and one.changed_rows]
    return max(before, default=version)


def rows_with(lake: Lake, name: str, rid: int, version: int) -> list[dict[str, Any]] | None:
    """The rows with a row id in a version of a table; None if its files are gone."""
    try:
        data = lake.table(name).arrow(version)
        return rows_of(data.to_table(filter=pc.field(RID) == rid))
    except (LakeError, OSError):
        return None


def shown(row: Mapping[str, Any], column: str | None) -> dict[str, Any]:
    """The cells of a row that are shown."""
    return {column: row[column]} if column is not None and column in row else {k: v for k, v in row.items() if k != RID}


def require_rows(lake: Lake, name: str, column: str | None) -> None:
    """Require that the rows of a table have row ids, and that it has a column.

    Raises:
        LakeError: they do not, or it does not.
    """
    names = lake.table(name).schema().names
    if RID not in names:
        raise LakeError(
            f"the rows of {name} have no {RID}",
            cause="the view aggregates rows, or does not select it",
            remedy=f'vertebra why {name} --where "…" (a condition on the row), or select {RID} in the view',
        )
    require_column(lake, name, column)


def require_column(lake: Lake, name: str, column: str | None) -> None:
    """Require that a table has a column.

    Raises:
        LakeError: it does not.
    """
    names = lake.table(name).schema().names
    if column is not None and column not in names:
        raise LakeError(f"{name} has no column {column}", remedy=f"its columns are {shortened(names)}")
