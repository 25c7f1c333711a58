"""The origin of a table, a row or a cell: link by link, back to the received record and its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.errors import LakeError
from vertebra.formatting import counted
from vertebra.governance.retractions import retractions
from vertebra.lake.batches import batches
from vertebra.workspace.explanation import Explanation, Link
from vertebra.workspace.tables import existing
from vertebra.workspace.why_columns import column_links
from vertebra.workspace.why_lookup import Lookup
from vertebra.workspace.why_rows import data_version, dataset_row, require_column, require_rows
from vertebra.workspace.why_views import selected_rows, view_row
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import TableVersion


def explain(
    project: Project,
    lake: Lake,
    ledgers: Ledgers,
    table: str,
    rid: int | None = None,
    column: str | None = None,
    where: str | None = None,
) -> Explanation:
    """Explain a table, a column, rows, or a cell.

    Args:
        rid: the row's ``_rid``; None explains the table or the column.
        column: a column; None explains all of the row.
        where: a condition in SQL that selects rows, for tables whose rows have no ``_rid``.

    Raises:
        LakeError: there is no such table, row or column, or the rows of the table have no ``_rid``.
        SqlError: the condition is wrong.
    """
    name = existing(lake, table)
    zone, _, subject = name.partition(".")
    lookup = Lookup(project, lake, ledgers)
    if where is not None:
        if rid is not None:
            raise LakeError("a row is given by its _rid and by a condition", remedy="give one of them")
        require_column(lake, name, column)
        return Explanation(name, None, column, tuple(selected_rows(lookup, name, where, column)))
    if rid is None and column is None:
        return Explanation(name, None, None, tuple(_follows(lookup, name, None, 0, set())))
    if rid is None:
        require_column(lake, name, column)
        return Explanation(name, None, column, tuple(column_links(lookup, name, column or "", 0, set())))
    if zone in DATASET_ZONES and subject in project.datasets:
        return Explanation(
            name, rid, column, tuple(dataset_row(project.datasets[subject], lake, ledgers, zone, rid, column))
        )
    require_rows(lake, name, column)
    return Explanation(name, rid, column, tuple(view_row(lookup, name, rid, column)))


def _follows(lookup: Lookup, name: str, pinned: int | None, depth: int, seen: set[str]) -> Iterator[Link]:
    """A table, and the versions of tables that it was computed from, by its commits.

    Args:
        pinned: the version that was read; None is the present one.
    """
    lake = lookup.lake
    if name.startswith("landing."):
        yield from _landed(lookup, name.partition(".")[2], depth)
        return
    version = _version(lookup, name, pinned)
    if version is None:
        yield Link("table", f"{name} was not written yet", depth=depth)
        return
    label = f"{name} version {version.version}"
    if label in seen:
        yield Link("table", f"{label}, as above", depth=depth)
        return
    seen.add(label)
    present = lake.table(name).data_version()
    facts = {
        "version": version.version, "rows": lake.table(name).rows(version.version), "written": version.at,
        "step": version.step, "run": version.run_id,
    }  # fmt: skip
    later = "" if version.version == present else f" (version {present} is newer)"
    yield Link("table", f"{label}{later}", facts, depth)
    for parent, read in version.inputs.items():
        yield from _follows(lookup, parent, read, depth + 1, seen)


def _version(lookup: Lookup, name: str, pinned: int | None) -> TableVersion | None:
    """The version that wrote the rows of a version of a table."""
    table = lookup.lake.table(name)
    if pinned is None or not table.exists():
        return table.newest_data()
    wrote = data_version(lookup.lake, name, pinned)
    return next((one for one in table.history() if one.version == wrote), None)


def _landed(lookup: Lookup, subject: str, depth: int) -> Iterator[Link]:
    dataset = lookup.project.datasets.get(subject)
    retracted = retractions(lookup.ledgers, subject) if dataset else {}
    for batch in batches(lookup.lake.landing, dataset.source, subject) if dataset else ():
        receipt = batch.receipt
        facts = {
            "url": receipt.url, "records": receipt.records, "collected": receipt.collected_at, "sha256": receipt.sha256,
        }  # fmt: skip
        one = retracted.get(receipt.number)
        taken_back = f", retracted by {one.decided_by}: {one.reason}" if one else ""
        gone = len(receipt.forgotten_records)
        taken_back += f", {counted(gone, 'record')} forgotten" if gone else ""
        yield Link("batch", f"landing.{subject} batch {receipt.number}{taken_back}", facts, depth)
