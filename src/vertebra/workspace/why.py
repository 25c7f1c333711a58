"""The origin of a table, a row or a cell: link by link, back to the received record and its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from vertebra.errors import LakeError
from vertebra.formatting import counted, shortened
from vertebra.governance.retractions import retractions
from vertebra.lake.batches import RECORDS_PER_BATCH, batches
from vertebra.lake.effective_batches import counting_batches
from vertebra.workspace.tables import existing
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

RID: Final = "_rid"
_MOST_EARLIER: Final = 10
"""How many earlier versions of a row are shown."""


@dataclass(frozen=True)
class Link:
    """One link of the chain.

    Attributes:
        kind: ``table``, ``view``, ``trusted``, ``repair``, ``quarantine``, ``violation``, ``decision``, ``formatted``,
            ``landing``, ``batch`` or ``superseded``.
        text: the link in a sentence.
        facts: its details, by name.
        depth: the distance from the explained table; a table can be made from several others.
    """

    kind: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True)
class Explanation:
    """The links from a table, row or cell to the data that was received."""

    table: str
    rid: int | None
    column: str | None
    links: tuple[Link, ...]


def explain(
    project: Project, lake: Lake, ledgers: Ledgers, table: str, rid: int | None = None, column: str | None = None
) -> Explanation:
    """Explain a table, one of its rows, or one of its cells.

    Args:
        rid: the row's ``_rid``; None explains the table.
        column: of the row; None explains all.

    Raises:
        LakeError: there is no such table, row or column, or the rows of the table have no ``_rid``.
    """
    name = existing(lake, table)
    zone, _, subject = name.partition(".")
    if rid is None:
        return Explanation(name, None, None, tuple(_follows(project, lake, ledgers, name, 0, set())))
    if zone in DATASET_ZONES and subject in project.datasets:
        links = _dataset_row(project.datasets[subject], lake, ledgers, zone, rid, column)
    else:
        links = _view_row(project, lake, ledgers, name, rid, column)
    return Explanation(name, rid, column, tuple(links))


def _follows(project: Project, lake: Lake, ledgers: Ledgers, name: str, depth: int, seen: set[str]) -> Iterator[Link]:
    """A table, and the tables that its newest data was computed from, by its commits."""
    if name.startswith("landing."):
        yield from _landed(project, lake, ledgers, name.partition(".")[2], depth)
        return
    newest = lake.table(name).newest_data()
    if newest is None:
        yield Link("table", f"{name} was not written yet", depth=depth)
        return
    if name in seen:
        yield Link("table", f"{name} version {newest.version}, as above", depth=depth)
        return
    seen.add(name)
    facts = {
        "version": newest.version, "rows": lake.table(name).rows(), "written": newest.at, "step": newest.step,
        "run": newest.run_id,
    }  # fmt: skip
    yield Link("table", f"{name} version {newest.version}", facts, depth)
    for parent in newest.inputs:
        yield from _follows(project, lake, ledgers, parent, depth + 1, seen)


def _landed(project: Project, lake: Lake, ledgers: Ledgers, subject: str, depth: int) -> Iterator[Link]:
    dataset = project.datasets.get(subject)
    retracted = retractions(ledgers, subject) if dataset else {}
    for batch in batches(lake.landing, dataset.source, subject) if dataset else ():
        receipt = batch.receipt
        facts = {
            "url": receipt.url, "records": receipt.records, "collected": receipt.collected_at, "sha256": receipt.sha256,
        }  # fmt: skip
        one = retracted.get(receipt.number)
        taken_back = f", retracted by {one.decided_by}: {one.reason}" if one else ""
        yield Link("batch", f"landing.{subject} batch {receipt.number}{taken_back}", facts, depth)


def _view_row(
    project: Project, lake: Lake, ledgers: Ledgers, name: str, rid: int, column: str | None
) -> Iterator[Link]:
    """A row of a view with ``_rid``: the row, and its origin."""
    row = _row(lake, name, rid, column)
    newest = lake.table(name).newest_data()
    version = newest.version if newest else 0
    shown = {column: row[column]} if column else {k: v for k, v in row.items() if k != RID}
    yield Link("view", f"{name} version {version} has the row", shown)
    origin = _origin(lake, newest.inputs if newest else {}, row, rid)
    if origin is None:
        yield Link("view", f"none of its inputs has a row {rid}")
        return
    zone, _, subject = origin.partition(".")
    there = column if column in lake.table(origin).schema().names else None
    if column and there is None:
        yield Link("view", f"{column} is computed by {name}, from the row of {origin}")
    if zone in DATASET_ZONES and subject in project.datasets:
        yield from _dataset_row(project.datasets[subject], lake, ledgers, zone, rid, there)
    else:
        yield from _view_row(project, lake, ledgers, origin, rid, there)


def _origin(lake: Lake, inputs: Mapping[str, int], row: Mapping[str, Any], rid: int) -> str | None:
    """The input whose row with this id is most similar to the view's: row ids are unique only within a dataset."""
    best, most = None, -1
    for name in inputs:
        table = lake.table(name)
        if not table.exists() or RID not in table.schema().names:
            continue
        for found in table.arrow().to_table(filter=pc.field(RID) == rid).to_pylist():
            alike = sum(key in row and row[key] == value for key, value in found.items())
            if alike > most:
                best, most = name, alike
    return best


def _row(lake: Lake, name: str, rid: int, column: str | None) -> dict[str, Any]:
    found = _row_or_none(lake, name, rid, column)
    if found is None:
        raise LakeError(
            f"{name} has no row {rid}",
            cause="no row has this _rid at present",
            remedy=f'vertebra sql "select _rid from {name} limit 5"',
        )
    return found


def _row_or_none(lake: Lake, name: str, rid: int, column: str | None) -> dict[str, Any] | None:
    table = lake.table(name)
    names = table.schema().names
    if RID not in names:
        raise LakeError(
            f"the rows of {name} have no {RID}",
            cause="the view aggregates rows, or does not select it",
            remedy=f"vertebra why {name} (what the table was made from), or select {RID} in the view",
        )
    if column is not None and column not in names:
        raise LakeError(f"{name} has no column {column}", remedy=f"its columns are {shortened(names)}")
    rows: list[dict[str, Any]] = table.arrow().to_table(filter=pc.field(RID) == rid).to_pylist()
    return rows[0] if rows else None


def _dataset_row(
    dataset: Dataset, lake: Lake, ledgers: Ledgers, zone: str, rid: int, column: str | None
) -> Iterator[Link]:
    from vertebra.formatted.why import row_origin

    if zone == "trusted":
        yield from _cleaned(dataset, lake, ledgers, rid, column)
    origin = row_origin(dataset, lake, ledgers, rid, column)
    values = {name: cell.value for name, cell in origin.cells.items()}
    there = "has the row" if origin.in_table else f"does not have the row: {_why_absent(dataset, lake, ledgers, rid)}"
    yield Link("formatted", f"formatted.{dataset.name} {there}", values)
    for cell in origin.cells.values():
        if column or cell.rejected:
            yield Link("formatted", f"{cell.column}: {'; '.join(cell.steps)}")
    raw = {cell.source: cell.raw for cell in origin.cells.values() if cell.source}
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
            raw = {cell.source: cell.raw for cell in origin.cells.values() if cell.source}
            where = f"record {row['record']:,} of batch {row['batch']} ({origin.batch.receipt.url})"
            did = "deleted" if row.get("action") == "deleted" else "replaced"
            yield Link("superseded", f"it {did} {where}, which had", raw)


def _cleaned(dataset: Dataset, lake: Lake, ledgers: Ledgers, rid: int, column: str | None) -> Iterator[Link]:
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
    if cleaning.quarantined is not None:
        rules = ", ".join(cleaning.quarantined.rules)
        yield Link("quarantine", f"{name} does not have the row: it is in quarantine for {rules}")
    else:
        row = _row_or_none(lake, name, rid, column)
        version = f"{name} version {lake.table(name).data_version()}"
        if row is None:
            yield Link("trusted", f"{version} does not have the row")
        else:
            shown = {column: row[column]} if column else {k: v for k, v in row.items() if k != RID}
            yield Link("trusted", f"{version} has the row", shown)
    for repair in cleaning.repairs:
        support = f", supported by {counted(repair.support, 'row')}" if repair.support is not None else ""
        yield Link(
            "repair",
            f"{repair.column_name} was repaired from {_text(repair.old)} to {_text(repair.new)} by {repair.rule}",
            {"method": repair.method, "confidence": f"{repair.confidence:.2f}{support}"},
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
