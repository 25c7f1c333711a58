"""The command that finds rules in a table and, when told to, declares them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vertebra.cli.options import HERE, EngineName, Profile, Root, opened, say

if TYPE_CHECKING:
    from vertebra.report.proposals import Form
    from vertebra.trusted.discover import Kind, Proposal
    from vertebra.workspace.workspace import Workspace


def discover(
    table: Annotated[
        str | None,
        typer.Argument(help="A table of a dataset: trusted.flights or formatted.flights.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="Without a project: FILE, 'PATTERN' or a Delta folder.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Rules to propose.", min=1)] = 20,
    kinds: Annotated[
        str | None, typer.Option("--kinds", "-k", help="What to look for, e.g. fd,key.", show_default=False)
    ] = None,
    sample: Annotated[int, typer.Option("--sample", help="Rows that candidates are sought in.", min=100)] = 4000,
    new: Annotated[bool, typer.Option("--new", help="Leave out what is declared already.")] = False,
    accept: Annotated[
        str | None,
        typer.Option("--accept", help="Declare these: numbers or names, comma-separated.", show_default=False),
    ] = None,
    accept_all: Annotated[bool, typer.Option("--accept-all", help="Declare all that are listed.")] = False,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="Call an accepted rule otherwise: NUMBER=NAME; repeatable.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--type", help="With --data, the type of a column: zip=string; repeatable.")
    ] = None,
    null: Annotated[list[str] | None, typer.Option("--null", help="With --data, a text that means NULL: NA.")] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="Of CSV files; else found in the header.", show_default=False)
    ] = None,
    form: Annotated[str, typer.Option("--format", "-f", help="table, json or yaml.")] = "table",
    project: Root = HERE,
    profile: Profile = None,
    engine: EngineName = None,
) -> None:
    """Find the rules that a table keeps, or nearly: a rule with a few exceptions shows errors.

    Candidates come from a sample, every figure from the whole table. Accepted rules are written into the dataset's
    file; they report, and change no data. The same table gives the same proposals in the same order.

    \b
    vertebra discover trusted.flights
    vertebra discover planes --kinds fd,key --limit 10
    vertebra discover planes --format yaml
    vertebra discover planes --new --accept 2,4 --name 2=tailnum_code
    vertebra discover --data planes.csv --null NA --format yaml > rules.yaml

    \b
    Kinds:  key          no two rows agree on these columns
            fd           rows with the same a have the same b
            conditional  the same, or one value, where a column has some value
            order        where a grows, b never falls; also among rows with the same c
            comparison   a is at most b in every row
            reference    every a is a key of another table
            range values pattern required   of single columns
    """
    shape, wanted, names = _form(form), _kinds(kinds), _names(name)
    if (table is None) == (data is None):
        raise typer.BadParameter("name a table of a project, or data with --data", param_hint="TABLE")
    if accept is not None and accept_all:
        raise typer.BadParameter("either --accept or --accept-all", param_hint="--accept")
    accepting = accept is not None or accept_all
    if names and not accepting:
        raise typer.BadParameter("it names what is accepted: say --accept as well", param_hint="--name")
    if data is not None:
        if accepting or new:
            raise typer.BadParameter("data without a project have no declarations", param_hint="--data")
        _of_data(data, limit, sample, wanted, kind, null, delimiter, shape, engine or "sail")
    elif table is not None:
        if kind or null or delimiter:
            raise typer.BadParameter("--type, --null and --delimiter are for --data", param_hint="--data")
        find = partial(_found, limit=limit, sample=sample, kinds=wanted, declared=not new)
        with opened(project, profile, engine) as space:
            if accepting:
                _accept(space, table, find, accept, names)
            else:
                _show(space, table, find, shape)


Find = Callable[["Workspace", str], "list[Proposal]"]


def _found(
    space: Workspace, table: str, limit: int, sample: int, kinds: Sequence[Kind], declared: bool
) -> list[Proposal]:
    from vertebra.report.data_check import telling

    with telling(sys.stderr) as tell:
        return space.discover(table, limit, sample, kinds, declared, tell)


def _show(space: Workspace, table: str, find: Find, form: Form) -> None:
    from vertebra.report.proposals import write_proposals
    from vertebra.workspace.discover import placed

    zone, dataset = placed(space, table)
    file = space.project.datasets[dataset].declared_in
    write_proposals(find(space, table), f"{zone}.{dataset}", file, form, sys.stdout, sys.stderr)


def _accept(space: Workspace, table: str, find: Find, accept: str | None, names: Mapping[str, str]) -> None:
    from vertebra.report.proposals import accepted
    from vertebra.workspace.discover import accept as declare
    from vertebra.workspace.discover import dataset_of

    chosen = _chosen(find(space, table), accept, names)
    if not chosen:
        say("nothing to accept: every rule that was found is declared already")
        return
    file = declare(space, table, chosen)
    sys.stderr.write(accepted(chosen, file, dataset_of(space, table)))


def _of_data(
    data: str,
    limit: int,
    sample: int,
    kinds: Sequence[Kind],
    types: list[str] | None,
    null: Sequence[str] | None,
    delimiter: str | None,
    form: Form,
    engine: str,
) -> None:
    from vertebra.cli.check import column_types
    from vertebra.report.data_check import telling
    from vertebra.report.proposals import write_data_proposals
    from vertebra.workspace.check_data import name_of
    from vertebra.workspace.discover_data import discover_data

    with telling(sys.stderr) as tell:
        found = discover_data(
            data, name_of(data), limit=limit, sample=sample, kinds=kinds, types=column_types(types),
            null=null or (), delimiter=delimiter, engine=engine, tell=tell,
        )  # fmt: skip
    said = ["--data", data, *(word for text in null or () for word in ("--null", text))]
    said += [word for text in types or () for word in ("--type", text)]
    said += ["--delimiter", delimiter] if delimiter else []
    write_data_proposals(found, said, form, sys.stdout, sys.stderr)


def _form(text: str) -> Form:
    from vertebra.report.proposals import FORMS

    for form in FORMS:
        if form == text:
            return form
    raise typer.BadParameter(f"{text!r} is not one of {', '.join(FORMS)}", param_hint="--format")


def _kinds(text: str | None) -> tuple[Kind, ...]:
    from vertebra.trusted.discover.proposal import KINDS

    asked = [part.strip() for part in (text or "").split(",") if part.strip()]
    unknown = [part for part in asked if part not in KINDS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(KINDS)}", param_hint="--kinds")
    return tuple(kind for kind in KINDS if kind in asked)


def _names(given: Sequence[str] | None) -> dict[str, str]:
    """``2=tailnum_code``: names by number, or by the name that is proposed."""
    names = {}
    for text in given or ():
        which, equals, name = (part.strip() for part in text.partition("="))
        if not (which and equals and name):
            raise typer.BadParameter(f"{text!r} is not NUMBER=NAME", param_hint="--name")
        names[which] = name
    return names


def _chosen(found: Sequence[Proposal], accept: str | None, names: Mapping[str, str]) -> dict[str, Proposal]:
    """The accepted proposals by the names they get; all that are not declared when none is named."""
    known = {str(proposal.number): proposal for proposal in found} | {proposal.name: proposal for proposal in found}
    if accept is None:
        wanted = [proposal for proposal in found if not proposal.declared]
    else:
        wanted = [_known(known, part.strip(), "--accept", len(found)) for part in accept.split(",") if part.strip()]
    renamed = {_known(known, which, "--name", len(found)).number: name for which, name in names.items()}
    idle = set(renamed) - {proposal.number for proposal in wanted}
    if idle:
        raise typer.BadParameter(f"{min(idle)} is not accepted", param_hint="--name")
    chosen: dict[str, Proposal] = {}
    for proposal in dict.fromkeys(proposal.number for proposal in wanted):
        one = known[str(proposal)]
        name = renamed.get(proposal, one.name)
        if name in chosen:
            raise typer.BadParameter(f"two accepted rules are named {name}", param_hint="--name")
        chosen[name] = one
    return chosen


def _known(known: Mapping[str, Proposal], which: str, option: str, count: int) -> Proposal:
    if which not in known:
        said = f"a number from 1 to {count}, or a name that is listed" if count else "anything: nothing was found"
        raise typer.BadParameter(f"{which!r} is not {said}", param_hint=option)
    return known[which]


COMMANDS = {"discover": discover}
