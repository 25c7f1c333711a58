"""Writes the status of the data sources: last collection, next due time, and problems."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from vertebra.formatting import counted, size
from vertebra.report.tables import grid, rich_console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.landing.backfill import PeriodStatus
    from vertebra.workspace.sources import SourceStatus

_GAP: Final = 2
_UNBOUNDED: Final = 1000

Rows = list[dict[str, Any]]

SOURCES: Final = (
    "dataset", "state", "from", "every", "next", "checked", "batch", "received", "period", "records", "watermark",
    "cursor", "batches", "missed", "again", "reason", "remedy",
    "warnings",
)  # fmt: skip
PERIODS: Final = ("period", "state", "batches", "records", "bytes", "collected", "reason")

_SHOWN: Final = (
    "dataset",
    "state",
    "from",
    "every",
    "next",
    "checked",
    "received",
    "period",
    "watermark",
    "batch",
    "records",
)
_STYLES: Final = {
    "refused": "red", "failed": "red", "late": "yellow", "never": "yellow", "due": "cyan", "waiting": "cyan",
    "missing": "yellow", "partly landed": "yellow", "not published": "cyan", "not due": "dim", "skipped": "dim",
}  # fmt: skip


def source_rows(statuses: Sequence[SourceStatus]) -> Rows:
    """The status of each source as a row with the columns of :data:`SOURCES`."""
    return [
        {name: getattr(one, "collector" if name == "from" else name) for name in SOURCES}
        | {"warnings": "; ".join(one.warnings) or None}
        for one in statuses
    ]


def write_sources(sources: Sequence[SourceStatus], stream: TextIO, notes: TextIO) -> None:
    """Write the sources as a table, then a line for each source with a problem, and the next command."""
    rows = source_rows(sources)
    now = next((one.next for one in sources if one.due and one.next), datetime.now(UTC))
    shown = [name for name in _SHOWN if any(row[name] is not None for row in rows) or name in _SHOWN[:5]]
    texts = {name: [_cell(name, row[name], now) for row in rows] for name in shown}
    rich = rich_console(stream)
    if not stream.isatty():
        rich.width = _UNBOUNDED
    fitting = _fitting(texts, rich.width)
    table = grid(*fitting, numeric=len({"batch", "records"}.intersection(fitting)))
    for column in table.columns:
        column.no_wrap = True
    for place in range(len(rows)):
        table.add_row(*(_styled(name, texts[name][place]) for name in fitting))
    rich.print(table)
    stream.flush()
    if len(fitting) < len(shown):
        notes.write(f"{len(shown) - len(fitting)} more columns do not fit: {', '.join(shown[len(fitting) :])}\n")
    for line in _about(rows, now):
        notes.write(f"{line}\n")


def _fitting(texts: Mapping[str, Sequence[str]], room: int) -> list[str]:
    """The leftmost columns that fit."""
    found: list[str] = []
    used = 0
    for name, cells in texts.items():
        used += max(map(len, (name, *cells))) + _GAP
        if used - _GAP > room and found:
            break
        found.append(name)
    return found


def _about(rows: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    lines = []
    for row in rows:
        if row["warnings"]:
            lines.append(f"{row['dataset']} warning: {row['warnings']}")
        if not row["reason"]:
            continue
        again = f"; next attempt at {short_time(row['again'])} UTC" if row["again"] and row["again"] > now else ""
        lines.append(f"{row['dataset']} {row['state']}: {row['reason']}{again}")
        if row["state"] in ("refused", "failed") and row["remedy"]:
            lines.append(f"  next:  {row['remedy']}")
    by_hand = [row["dataset"] for row in rows if row["every"] is None and row["state"] == "never"]
    if by_hand:
        lines.append(
            f"never collected, and without a schedule: {', '.join(by_hand)}; next: vertebra collect {by_hand[0]}"
        )
    due = sum(row["next"] == now for row in rows)
    if due:
        lines.append(f"{counted(due, 'source is', 'sources are')} due; next: vertebra collect --due")
    return lines


def period_rows(found: Sequence[PeriodStatus]) -> Rows:
    """The status of each period as a row with the columns of :data:`PERIODS`."""
    return [
        {
            "period": one.period,
            "state": one.state,
            "batches": ", ".join(map(str, one.batches)) or None,
            "records": one.records,
            "bytes": one.bytes,
            "collected": one.collected_at,
            "reason": one.reason or None,
        }
        for one in found
    ]


def write_periods(dataset: str, rows: Rows, options: str, stream: TextIO, notes: TextIO) -> None:
    """Write the periods of a dataset as a table, with totals and the next command.

    Args:
        dataset: the name of the dataset.
        rows: the rows of :func:`period_rows`.
        options: the options that selected the periods, for the next command.
        stream: receives the table.
        notes: receives the totals and the next command.
    """
    shown = ["period", "state", "collected", "reason", "batches", "records", "bytes"]
    if not any(row["reason"] for row in rows):
        shown.remove("reason")
    table = grid(*shown, numeric=3)
    for row in rows:
        cells = [
            size(row[name]) if name == "bytes" and row[name] is not None else _cell(name, row[name]) for name in shown
        ]
        table.add_row(*(_styled(name, cell) for name, cell in zip(shown, cells, strict=True)))
    rich_console(stream).print(table)
    stream.flush()
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    what = ", ".join(f"{count} {state}" for state, count in counts.items())
    notes.write(f"{dataset}: {counted(len(rows), 'period')}, {what}\n")
    if any(state in counts for state in ("missing", "partly landed", "refused", "not published")):
        notes.write(f"next:  vertebra collect {dataset} {options}\n")


def short_time(at: datetime) -> str:
    """A time in UTC with minutes."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _cell(name: str, value: Any, now: datetime | None = None) -> str:
    if value is None:
        return "–" if name in ("every", "state") else ""
    if isinstance(value, datetime):
        return "now" if value == now else short_time(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _styled(name: str, text: str) -> Any:
    from rich.text import Text

    return Text(text, _STYLES.get(text, "") if name == "state" else "cyan" if text == "now" else "")
