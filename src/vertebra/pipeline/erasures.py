"""Erasures as a part of runs: each run continues those that have not ended, and ends them when nothing is left to do.

An erasure goes through three stages. First, decisions and messages about the records are removed, and the batches are
rewritten; a run does this before its first step. Then the steps compute the tables below again. Last, when all of them
are current, the earlier versions of their tables are removed. Only then is it recorded as done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.errors import PublishError
from vertebra.formatting import counted, shortened
from vertebra.governance.forgotten import record_erasure, scrub
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.schemas import LEDGERS
from vertebra.lake.batches import batches
from vertebra.lake.erasure import end_erasure, erase_history, pending_erasures
from vertebra.lake.removal import free_batch, remove_folders
from vertebra.pipeline.plan import decide
from vertebra.pipeline.state import State
from vertebra.pipeline.steps import PUBLISH

if TYPE_CHECKING:
    from datetime import datetime

    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake
    from vertebra.lake.erasure import Erasure
    from vertebra.pipeline.graph import Graph


@dataclass(frozen=True)
class Derived:
    """The tables that may have rows, or parts of rows, of a dataset.

    Attributes:
        steps: the steps that compute them, and those that publish them, in order.
        tables: the tables in the lake that have, or had, the dataset among their inputs.
        orphans: those of them that no step computes: predictions, and tables that are no longer declared.
    """

    steps: tuple[str, ...]
    tables: tuple[str, ...]
    orphans: tuple[str, ...]


def derived_from(graph: Graph, lake: Lake, dataset: str) -> Derived:
    """The tables derived from a dataset, by the declarations of today and by the inputs that their commits name."""
    landing = f"landing.{dataset}"
    below = graph.downstream(landing)
    inputs = {
        table.name: {name for version in table.history() for name in version.inputs}
        for table in lake.tables()
        if not table.name.startswith("governance.")
    }
    found = {landing, *(output for name in below for output in graph.steps[name].outputs)}
    while more := {name for name, read in inputs.items() if read & found} - found:
        found |= more
    steps = [name for name in graph.steps if name in below or found & {*graph.steps[name].outputs}]
    tables = [name for name in inputs if name in found]
    return Derived(
        tuple(name for name in steps if name != landing),
        tuple(tables),
        tuple(name for name in tables if graph.producer(name) is None),
    )


def continue_erasures(project: Project, lake: Lake) -> list[str]:
    """Remove the records of erasures that have not ended from the landing zone. May be repeated.

    The caller holds the lake's lease, and the ledgers of earlier runs are complete.

    Returns:
        A sentence about each erasure that cannot be continued.

    Raises:
        CollectError: a payload cannot be rewritten.
        LakeError: a file of a batch is damaged.
    """
    from vertebra.landing.batch_ledgers import complete_ledgers
    from vertebra.landing.erasure.rewrite import complete_rewrite, is_staged, stage_rewrite

    ledgers = Ledgers(lake)
    told = []
    for erasure in pending_erasures(lake):
        dataset = project.datasets.get(erasure.dataset)
        if dataset is None:
            told.append(
                f"an erasure from {erasure.dataset} has not ended, and {erasure.dataset} is not declared, or its "
                f'declaration is broken; declare it again, or: vertebra retire {erasure.dataset} --reason "…"'
            )
            continue
        scrub(lake, ledgers, erasure)
        for batch in batches(lake.landing, erasure.source, erasure.dataset):
            if batch.receipt.freed_at is not None:
                free_batch(batch, erasure.at)  # by an earlier release, its receipt kept texts of cells
            dropped = erasure.records.get(batch.number)
            if not dropped or batch.receipt.freed_at is not None:
                continue
            done = any(one["erasure"] == erasure.id for one in batch.receipt.forgotten)
            if not done and not is_staged(batch, erasure.id):
                stage_rewrite(batch, dataset, dropped, erasure.about(), erasure.key)
            complete_rewrite(batch, erasure.id)
        _remove_refused(lake, erasure)
        landed = batches(lake.landing, erasure.source, erasure.dataset)
        complete_ledgers(dataset, landed, ledgers, f"forget-{erasure.id}", again=erasure.records.keys())
    return told


def end_erasures(project: Project, lake: Lake, graph: Graph, now: datetime) -> list[str]:
    """Remove the history of all tables that erasures are about, and record them as done, if these tables are current.

    The caller holds the lake's lease.

    Returns:
        A sentence about each erasure: that it is done, or what it waits for.
    """
    told = []
    for erasure in pending_erasures(lake):
        if erasure.dataset not in project.datasets:
            if not _is_left(lake, erasure):  # it was retired, and its files are freed
                _end(lake, erasure, Derived((), (), ()))
            continue
        if project.broken:
            told.append(f"an erasure from {erasure.dataset} has not ended: declarations are broken (vertebra check)")
            continue
        derived = derived_from(graph, lake, erasure.dataset)
        state = State(lake, Ledgers(lake), now)
        decisions = [decide(graph.steps[name], state, project.root) for name in derived.steps]
        stale = [one.step.name for one in decisions if one.action == "run"]
        stale += [one.step.name for one in decisions if one.action == "blocked" and _has_tables(lake, one.step.outputs)]
        if stale:
            told.append(
                f"{counted(erasure.number, 'record')} of {erasure.dataset} are removed from the landing zone, and not "
                f"yet from {shortened(stale, 5)}; the erasure is completed by: vertebra run"
            )
            continue
        try:
            _purge(project, lake, graph, derived)
        except PublishError as error:
            told.append(f"an erasure from {erasure.dataset} has not ended: {error}")
            continue
        _end(lake, erasure, derived)
        told.append(f"{counted(erasure.number, 'record')} of {erasure.dataset} forgotten")
    return told


def _end(lake: Lake, erasure: Erasure, derived: Derived) -> None:
    orphans = {*derived.orphans, *erasure.dropped}
    remove_folders(lake, [lake.table(name).path for name in sorted(orphans)])
    tables = dict.fromkeys([*erasure.tables, *derived.tables])
    present = [lake.table(name) for name in tables if name not in orphans]
    erased = {table.name: erase_history(table) for table in present if table.exists()}
    for ledger in LEDGERS:
        table = lake.table(f"governance.{ledger}")
        if table.exists() and ledger != "forgotten":
            erase_history(table)
    record_erasure(Ledgers(lake), erasure, erased)
    end_erasure(lake, erasure)


def _purge(project: Project, lake: Lake, graph: Graph, derived: Derived) -> None:
    """Remove what earlier contents left at the targets of publications."""
    from vertebra.publish.publish import purge

    settings = project.settings
    for name in derived.steps:
        step = graph.steps[name]
        if step.zone == PUBLISH:
            scratch = lake.root / ".scratch"
            purge(step.declaration, settings.name, project.root, lake.root, settings.schemes, scratch)


def _is_left(lake: Lake, erasure: Erasure) -> bool:
    """Whether the lake has batches or tables that the erasure is about."""
    folder = lake.landing / erasure.source / erasure.dataset
    return any(folder.glob("[0-9]*")) or any(lake.table(name).exists() for name in erasure.tables)


def _has_tables(lake: Lake, outputs: tuple[str, ...]) -> bool:
    return any(lake.table(name).exists() for name in outputs)


def _remove_refused(lake: Lake, erasure: Erasure) -> None:
    """Remove payloads that were refused, downloads that were interrupted, and files that a repair moved aside.

    Nobody can search them.
    """
    from vertebra.lake.erasure import set_aside
    from vertebra.landing.batch_writer import INCOMING
    from vertebra.landing.refused_payloads import REFUSED

    aside = set_aside(lake)
    home = lake.landing / erasure.source / erasure.dataset
    remove_folders(lake, [home / REFUSED, *home.glob(f"{INCOMING}*"), *([aside] if aside else [])])
