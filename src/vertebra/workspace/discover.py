"""Discovering rules of a project's tables."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vertebra.declare.document import display_path
from vertebra.errors import DeclarationError, LakeError
from vertebra.governance.context import Progress, silent
from vertebra.pipeline.selection import did_you_mean
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.trusted.discover import Kind, Proposal
    from vertebra.workspace.workspace import Workspace


def discover(
    space: Workspace,
    table: str,
    limit: int = 20,
    sample: int = 4_000,
    kinds: Collection[Kind] = (),
    declared: bool = True,
    progress: Progress = silent,
) -> list[Proposal]:
    """Propose rules for a table of a declared dataset; nothing is written.

    Args:
        table: ``trusted.x`` or ``formatted.x``; a bare ``x`` is the trusted table, or the formatted one before there is
            a trusted one.
        limit: how many rules at most.
        sample: rows that candidates are sought in.
        kinds: what to look for; empty looks for everything.
        declared: also tell of rules that are declared already, marked as such.

    Raises:
        DeclarationError: there is no such dataset, or the table is in another zone.
        LakeError: the table was not written yet.
    """
    from vertebra.trusted.discover import KINDS, Subject
    from vertebra.trusted.discover import discover as found_in

    zone, name = placed(space, table)
    tables = {name: space.lake.table(f"{zone}.{name}")}
    for other in space.project.datasets:
        # the trusted table is what a declared reference is checked against
        there = space.lake.table(f"trusted.{other}")
        if other != name and there.exists():
            tables[other] = there
    folder = space.lake.root / ".check"
    folder.mkdir(parents=True, exist_ok=True)
    datasets = space.project.datasets

    def discovered() -> list[Proposal]:
        frames = {name: one.frame(space.engine) for name, one in tables.items()}
        with tempfile.TemporaryDirectory(prefix="discover-", dir=folder) as scratch:
            subject = Subject(datasets[name], datasets, frames, space.engine, Path(scratch))
            return found_in(subject, limit, sample, kinds or KINDS, declared, progress)

    return space.engine.attempt(discovered, progress)


def accept(space: Workspace, table: str, chosen: Mapping[str, Proposal]) -> Path:
    """Write proposals into the file of the dataset, as rules that report.

    Args:
        table: the table they were found in.
        chosen: the proposals by the names they get.

    Returns:
        The file.

    Raises:
        DeclarationError: a name is taken, a rule is declared already, or the project would not load; the file stays as
            it was.
    """
    from vertebra.declare.load import load_project
    from vertebra.trusted.discover.accept import accept as write
    from vertebra.trusted.discover.accept import rule_of

    name = dataset_of(space, table)
    for proposal in chosen.values():
        if proposal.declared:
            raise DeclarationError(
                f"proposal {proposal.number} is declared already, as {proposal.declared}",
                remedy="leave it out; --new lists only what is not declared",
            )
    file = _file(space.project.datasets[name])
    before = file.read_bytes()
    write(file, space.project.datasets[name], space.project.datasets, {n: rule_of(p) for n, p in chosen.items()})
    try:
        load_project(space.project.root, space.project.profile)
    except DeclarationError as error:
        file.write_bytes(before)
        raise DeclarationError(
            f"{display_path(file)} was left as it was: the project does not load with the new rules", cause=str(error)
        ) from None
    return file


def _file(dataset: Dataset) -> Path:
    """The file that declares a dataset."""
    if dataset.declared_at is None:
        raise DeclarationError(f"{dataset.name} is not declared in a file", remedy="vertebra ls datasets")
    return dataset.declared_at.file


def dataset_of(space: Workspace, table: str) -> str:
    """The dataset whose table it is.

    Raises:
        DeclarationError: there is no such dataset, or the table is in another zone.
    """
    zone, _, name = table.rpartition(".")
    if zone and zone not in DATASET_ZONES:
        raise DeclarationError(
            f"rules are not sought in the {zone} zone",
            cause="a rule belongs to a dataset: to its formatted and its trusted table",
            remedy=f"name one of {', '.join(f'trusted.{known}' for known in space.project.datasets)}",
        )
    if name not in space.project.datasets:
        known = space.project.datasets
        raise DeclarationError(f"there is no dataset {name}", remedy=did_you_mean(name, known, "vertebra ls datasets"))
    return name


def placed(space: Workspace, table: str) -> tuple[str, str]:
    """The zone and the dataset of a table that exists.

    Raises:
        DeclarationError: there is no such dataset, or the table is in another zone.
        LakeError: the table was not written yet.
    """
    name = dataset_of(space, table)
    asked = table.rpartition(".")[0]
    for zone in (asked,) if asked else reversed(DATASET_ZONES):
        if space.lake.table(f"{zone}.{name}").exists():
            return zone, name
    raise LakeError(
        f"there is no table {asked or 'trusted'}.{name} yet",
        cause="no step has written it",
        remedy=f"vertebra run --select +{asked or 'trusted'}.{name}",
    )
