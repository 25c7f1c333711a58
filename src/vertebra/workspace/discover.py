"""Discovering rules of a project's tables, and declaring those that are accepted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vertebra.declare.source_location import display_path
from vertebra.durable import replace_file
from vertebra.errors import DeclarationError, LakeError, ProposalError
from vertebra.governance.context import Progress, silent
from vertebra.workspace.lookup import dataset_name
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.lake.catalog import Lake
    from vertebra.trusted.discover import Proposal


def kind_names() -> tuple[str, ...]:
    """The kinds of rules that discovery proposes."""
    from vertebra.trusted.discover.kind import in_order

    return tuple(kind.name for kind in in_order())


def discover(
    project: Project,
    lake: Lake,
    engine: Engine,
    table: str,
    limit: int = 20,
    sample: int = 4_000,
    kinds: Collection[str] = (),
    declared: bool = True,
    progress: Progress = silent,
    columns: Collection[str] = (),
) -> list[Proposal]:
    """Propose rules for a table of a declared dataset; nothing is written.

    Args:
        table: as in :func:`table_of_dataset`.
        limit: how many rules at most.
        sample: how many rows are searched for candidates.
        kinds: the kinds of rules to look for; all by default.
        declared: also list rules that are declared already, marked as such.
        progress: receives what is being done.
        columns: propose only rules about these columns; all by default.

    Raises:
        ProposalError: there is no such column, or more than 100.
        DeclarationError: there is no such dataset, or the table is in another zone.
        LakeError: the table was not written yet.
    """
    from vertebra.trusted.discover import KINDS, Subject
    from vertebra.trusted.discover import discover as found_in

    zone, name = table_of_dataset(project, lake, table).split(".")
    datasets = project.datasets
    tables = {name: lake.table(f"{zone}.{name}")}
    for other in datasets:
        # a declared reference is checked against the trusted table
        there = lake.table(f"trusted.{other}")
        if other != name and there.exists():
            tables[other] = there
    folder = lake.root / ".check"
    folder.mkdir(parents=True, exist_ok=True)

    def discovered() -> list[Proposal]:
        frames = {name: one.frame(engine) for name, one in tables.items()}
        with tempfile.TemporaryDirectory(prefix="discover-", dir=folder) as scratch:
            subject = Subject(datasets[name], datasets, frames, engine, Path(scratch))
            return found_in(subject, limit, sample, kinds or KINDS, declared, progress, columns)

    return engine.attempt(discovered, progress)


def choose(
    proposals: Sequence[Proposal], wanted: Iterable[str | int] | None = None, names: Mapping[str, str] | None = None
) -> dict[str, Proposal]:
    """Choose proposals, by the names their rules get.

    Args:
        proposals: the proposals of discovery.
        wanted: numbers or names of proposals; None takes all that are not declared yet.
        names: other names for rules, by number or proposed name.

    Raises:
        ProposalError: there is no such proposal, a name is for one that is not wanted, or two rules get the same name.
    """
    if wanted is None:
        chosen = [proposal for proposal in proposals if not proposal.declared]
    else:
        chosen = [_find(proposals, which) for which in wanted]
    renamed = {_find(proposals, which, "--name").number: name for which, name in (names or {}).items()}
    unused = set(renamed) - {proposal.number for proposal in chosen}
    if unused:
        raise ProposalError(f"{min(unused)} is not accepted", where="--name")
    found: dict[str, Proposal] = {}
    for proposal in {one.number: one for one in chosen}.values():
        name = renamed.get(proposal.number, proposal.name)
        if name in found:
            raise ProposalError(f"two accepted rules are named {name}", where="--name")
        found[name] = proposal
    return found


def accept(
    project: Project, table: str, chosen: Mapping[str, Proposal], load: Callable[[], Project], *, repair: bool = False
) -> tuple[Path, Project]:
    """Write proposals into the file that declares the dataset, as rules that report or repair violations.

    Args:
        table: the table they were found in.
        chosen: the proposals by the names their rules get.
        load: loads the project, with the new rules.
        repair: whether the rules repair violations.

    Returns:
        The file, and the project with the new rules.

    Raises:
        DeclarationError: a name is taken, a rule is declared already or cannot repair, or the project would not load;
            the file stays as it was.
    """
    from vertebra.trusted.discover.accept import accept as write
    from vertebra.trusted.discover.accept import repair_method, rule_of

    dataset = project.datasets[dataset_of(project, table)]
    for proposal in chosen.values():
        if proposal.declared:
            raise DeclarationError(
                f"proposal {proposal.number} is already declared, as {proposal.declared}",
                remedy="leave it out; --new lists only what is not declared",
            )
    methods = {name: repair_method(one, dataset, project.datasets) if repair else "" for name, one in chosen.items()}
    file = _file(dataset)
    before = file.read_bytes()
    write(file, dataset, project.datasets, {name: rule_of(one, methods[name]) for name, one in chosen.items()})
    try:
        return file, load()
    except DeclarationError as error:
        replace_file(file, before)
        raise DeclarationError(
            f"{display_path(file)} was left as it was: the project does not load with the new rules", cause=str(error)
        ) from None


def dataset_of(project: Project, table: str) -> str:
    """The dataset that a table belongs to.

    Raises:
        DeclarationError: there is no such dataset, or the table is in another zone.
    """
    zone = table.rpartition(".")[0]
    if zone and zone not in DATASET_ZONES:
        raise DeclarationError(
            f"discovery does not read the {zone} zone",
            cause="a rule belongs to a dataset: to its formatted and its trusted table",
            remedy=f"name one of {', '.join(f'trusted.{known}' for known in project.datasets)}",
        )
    return dataset_name(project, table)


def table_of_dataset(project: Project, lake: Lake, table: str) -> str:
    """The qualified name of a dataset's table.

    Args:
        table: ``trusted.x`` or ``formatted.x``; a bare ``x`` is the trusted table, or the formatted one before there is
            a trusted one.

    Raises:
        DeclarationError: there is no such dataset, or the table is in another zone.
        LakeError: the table was not written yet.
    """
    name = dataset_of(project, table)
    zone = table.rpartition(".")[0]
    candidates = [f"{one}.{name}" for one in ((zone,) if zone else reversed(DATASET_ZONES))]
    for candidate in candidates:
        if lake.table(candidate).exists():
            return candidate
    raise LakeError(
        f"there is no table {candidates[0]} yet",
        cause="no step has written it",
        remedy=f"vertebra run --select +{candidates[0]}",
    )


def _file(dataset: Dataset) -> Path:
    """The file that declares a dataset."""
    if dataset.declared_at is None:
        raise DeclarationError(f"{dataset.name} is not declared in a file", remedy="vertebra ls datasets")
    return dataset.declared_at.file


def _find(proposals: Sequence[Proposal], which: str | int, option: str = "--accept") -> Proposal:
    for proposal in proposals:
        if str(which) in (str(proposal.number), proposal.name):
            return proposal
    if not proposals:
        raise ProposalError(f"{str(which)!r} cannot be chosen: no rule was found", where=option)
    listed = f"a number from 1 to {len(proposals)}, or a name that is listed"
    raise ProposalError(f"{str(which)!r} is not {listed}", where=option)
