"""Datasets, and tables of views and analyses, that are no longer declared: finding, retiring and restoring them."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from vertebra.errors import DecisionError
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.retirements import Retirement, record_retirement, retirements
from vertebra.lake.batches import batches
from vertebra.lake.owner import hold
from vertebra.suggestions import did_you_mean
from vertebra.zones import DATASET_ZONES, Zone

if TYPE_CHECKING:
    from collections.abc import Collection

    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake


_COMPUTED_ZONES: Final = (str(Zone.EXPLOITATION), str(Zone.ANALYSIS))


@dataclass(frozen=True)
class UndeclaredDataset:
    """A dataset, or a table of a view or an analysis, that the lake has and the project no longer declares.

    Attributes:
        dataset: its name; of a table the qualified name, such as ``exploitation.sales``.
        batches: how many batches the landing zone has.
        tables: its tables.
        retired: whether it was retired.
    """

    dataset: str
    batches: int
    tables: tuple[str, ...]
    retired: bool


def undeclared_datasets(project: Project, lake: Lake, ledgers: Ledgers) -> list[UndeclaredDataset]:
    """The datasets that the lake has and the project does not declare, by name; then such tables of other zones."""
    # a dataset whose declaration is broken is declared
    declared = {*project.datasets, *(one.name for one in project.broken if one.kind == "dataset")}
    landed = {folder.name for folder in lake.landing.glob("*/*") if any(folder.glob("[0-9]*/receipt.json"))}
    tables = [table.name for zone in DATASET_ZONES for table in lake.tables(zone)]
    names = {*landed, *(name.partition(".")[2] for name in tables)} - declared
    others = _undeclared_tables(project, lake)
    retired = retirements(ledgers) if names or others else {}
    found = [
        UndeclaredDataset(
            name,
            sum(len(batches(lake.landing, folder.parent.name, name)) for folder in lake.landing.glob(f"*/{name}")),
            tuple(table for table in tables if table.partition(".")[2] == name),
            name in retired,
        )
        for name in sorted(names)
    ]
    return found + [UndeclaredDataset(name, 0, (name,), name in retired) for name in others]


def _undeclared_tables(project: Project, lake: Lake) -> list[str]:
    """The tables of the exploitation and the analysis zone that no declared step writes."""
    from vertebra.pipeline.plan import graph_of

    tables = [table.name for zone in _COMPUTED_ZONES for table in lake.tables(zone)]
    # nobody knows which tables a broken declaration has
    if not tables or any(one.kind not in ("dataset", "publication") for one in project.broken):
        return []
    graph = graph_of(project)
    predicted = {f"{Zone.ANALYSIS}.{name}_predictions" for name in project.analyses}
    return [name for name in tables if graph.producer(name) is None and name not in predicted]


def retired_name(text: str) -> str:
    """What is retired by a name: a dataset, without its zone, or a table of the exploitation or the analysis zone."""
    zone, _, table = text.rpartition(".")
    return text if zone in _COMPUTED_ZONES else table


def undeclared_notes(found: Collection[UndeclaredDataset]) -> list[str]:
    """What to say about datasets that are not declared and not retired."""
    return [
        f"{one.dataset} is no longer declared, and the lake has {_what(one)}; vertebra retire {one.dataset} "
        '--reason "…" removes it from lists, and vertebra gc later from disk'
        for one in found
        if not one.retired
    ]


def _what(one: UndeclaredDataset) -> str:
    if one.tables == (one.dataset,):
        return "its table"
    parts = [*([f"{one.batches:,} of its batches"] if one.batches else []), *one.tables]
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


def decide(
    project: Project, lake: Lake, name: str, reason: str, by: str | None, action: Literal["retire", "restore"]
) -> Retirement:
    """Retire a dataset that is no longer declared, or restore it.

    Raises:
        DecisionError: it is declared, the lake has nothing of it, it is retired already or was not, or no reason is
            given.
        BusyError: another run holds the lake.
    """
    undo = action == "restore"
    command = f"vertebra retire {name}{' --undo' if undo else ''}"
    if not reason.strip():
        raise DecisionError(
            f"why {action} {name}?",
            cause="the reason is recorded, for those who look for the dataset later",
            remedy=f'{command} --reason "…"',
        )
    with hold(lake.root, project.settings.name, f"{action} {name}"):
        ledgers = Ledgers(lake)
        known = retirements(ledgers).get(name)
        _check(project, lake, ledgers, name, known)
        if undo and known is None:
            raise DecisionError(f"{name} is not retired", remedy=f'vertebra retire {name} --reason "…", to retire it')
        if not undo and known is not None:
            raise DecisionError(
                f"{name} is retired already",
                cause=f"{known.decided_by} retired it on {known.decided_at:%Y-%m-%d}: {known.reason}",
                remedy=f'vertebra retire {name} --undo --reason "…" restores it, until vertebra gc frees its files',
            )
        made = Retirement(datetime.now(UTC), by or getpass.getuser(), action, name, reason.strip())
        record_retirement(ledgers, made)
        return made


def _check(project: Project, lake: Lake, ledgers: Ledgers, name: str, known: Retirement | None) -> None:
    broken = next((one for one in project.broken if one.kind == "dataset" and one.name == name), None)
    if name in project.datasets or broken is not None:
        place = project.datasets[name].declared_in if broken is None else "its declaration, which is broken"
        raise DecisionError(
            f"{name} is declared",
            cause="a declared dataset is collected again by the next run",
            remedy=f"remove {place} first, and what reads the dataset",
        )
    found = [one.dataset for one in undeclared_datasets(project, lake, ledgers)]
    if name in found:
        return
    if known is not None and known.action == "free":
        raise DecisionError(
            f"nothing is left of {name}",
            cause=f"vertebra gc freed its files on {known.decided_at:%Y-%m-%d}",
            remedy="declare it and collect it again",
        )
    raise DecisionError(
        f"the lake has no {'table' if '.' in name else 'dataset'} {name} that is not declared",
        cause=f"those are {', '.join(found)}" if found else "it has none",
        remedy=did_you_mean(name, found, "vertebra ls tables"),
    )
