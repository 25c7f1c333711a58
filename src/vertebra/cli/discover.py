"""The command that discovers rules in a table and, on request, declares them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vertebra.cli.check import DelimiterOption, NullOption, TypeOption, column_types
from vertebra.cli.options import (
    CURRENT_FOLDER,
    EngineOption,
    ProfileOption,
    ProjectOption,
    open_workspace,
    print_note,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra import Proposal, Workspace
    from vertebra.report.proposals import Form


def discover(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE", help="A table of a dataset: trusted.flights or formatted.flights.", show_default=False
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "-d", metavar="FILE", help="Read FILE, 'PATTERN' or a Delta folder instead.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="Rules to propose.", min=1)] = 20,
    kinds: Annotated[
        str | None,
        typer.Option("--kinds", "-k", metavar="KINDS", help="Kinds of rules, e.g. fd,key.", show_default=False),
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", metavar="ROWS", help="Rows to search for candidates.", min=100)
    ] = 4000,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="COLUMNS", help="Only rules about these columns.", show_default=False),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Leave out rules that are already declared.")] = False,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            metavar="RULES",
            help="Declare these: numbers or names, separated by commas.",
            show_default=False,
        ),
    ] = None,
    accept_all: Annotated[bool, typer.Option("--accept-all", help="Declare all that are listed.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Accepted rules repair violations.")] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", metavar="NUMBER=NAME", help="Give an accepted rule another name; repeatable.", show_default=False
        ),
    ] = None,
    kind: TypeOption = None,
    null: NullOption = None,
    delimiter: DelimiterOption = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="Print as table, json or yaml.")
    ] = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Discover rules in a table or any file, and declare them.

    Lists rules that the data satisfy exactly or with few exceptions; exceptions may be errors. Candidates come from a
    sample, every figure from the whole table. Accepted rules are written into the dataset's file; they report
    violations and change no data, unless --repair is given. The same table gives the same proposals in the same order.

    \b
    Examples:
      vertebra discover trusted.flights
      vertebra discover planes --kinds fd,key --limit 10
      vertebra discover planes --format yaml
      vertebra discover planes --new --accept 2,4 --name 2=tailnum_code
      vertebra discover formatted.planes --kinds fd --accept 1 --repair
      vertebra discover --data planes.csv --null NA --format yaml > rules.yaml

    \b
    Kinds:
      key          no two rows have the same values in these columns
      fd           rows with the same a have the same b
      conditional  an fd, or one value of b, in rows where c has some value
      order        when a grows, b does not fall; also among rows with the same c
      comparison   a is at most b in every row
      reference    every a is a key of another table
      range, values, pattern, required   of single columns
    """  # fmt: skip
    shape, wanted, names = _form(form), _kinds(kinds), _names(name)
    about = [part.strip() for part in (columns or "").split(",") if part.strip()]
    if (table is None) == (data is None):
        raise typer.BadParameter("name a table of a project, or give --data", param_hint="TABLE")
    if accept is not None and accept_all:
        raise typer.BadParameter("use either --accept or --accept-all", param_hint="--accept")
    accepting = accept is not None or accept_all
    if names and not accepting:
        raise typer.BadParameter("it names accepted rules: use --accept, too", param_hint="--name")
    if repair and not accepting:
        raise typer.BadParameter("it is about accepted rules: use --accept, too", param_hint="--repair")
    if data is not None:
        if accepting or new:
            raise typer.BadParameter("data without a project have no declarations", param_hint="--data")
        _discover_data(data, limit, sample, wanted, kind, null, delimiter, shape, engine or "sail", about)
        return
    assert table is not None
    if kind or null or delimiter:
        raise typer.BadParameter("--type, --null and --delimiter are for --data", param_hint="--data")
    from vertebra.report.data_check import progress_on

    with open_workspace(project, profile, engine, strict=accepting) as space:
        with progress_on(sys.stderr) as progress:
            found = space.discover(table, limit, sample, wanted, not new, progress, about)
        options = f"--profile {profile}" if profile else ""
        if accepting:
            _accept(space, table, found, None if accept is None else accept.split(","), names, options, repair=repair)
        else:
            _print_proposals(space, table, found, shape, options)


def _print_proposals(space: Workspace, table: str, found: Sequence[Proposal], form: Form, options: str) -> None:
    from vertebra.report.proposals import write_proposals

    name = space.dataset_table(table)
    file = space.project.datasets[name.partition(".")[2]].declared_in
    write_proposals(found, name, file, form, sys.stdout, sys.stderr, options)


def _accept(
    space: Workspace,
    table: str,
    found: Sequence[Proposal],
    wanted: list[str] | None,
    names: Mapping[str, str],
    options: str,
    *,
    repair: bool,
) -> None:
    from vertebra import ProposalError
    from vertebra.report.proposals import accepted
    from vertebra.workspace.discover import choose

    try:
        listed = None if wanted is None else [part.strip() for part in wanted if part.strip()]
        chosen = choose(found, listed, names)
    except ProposalError as error:
        raise typer.BadParameter(error.fact, param_hint=error.where) from None
    if not chosen:
        print_note("nothing to accept: every rule that was found is already declared")
        return
    file = space.accept(table, chosen, repair=repair)
    sys.stderr.write(accepted(chosen, file, table.rpartition(".")[2], options, repair=repair))


def _discover_data(
    data: str,
    limit: int,
    sample: int,
    kinds: Sequence[str],
    types: list[str] | None,
    null: Sequence[str] | None,
    delimiter: str | None,
    form: Form,
    engine: str,
    columns: Sequence[str],
) -> None:
    import vertebra
    from vertebra.report.data_check import progress_on
    from vertebra.report.proposals import write_data_proposals

    with progress_on(sys.stderr) as progress:
        found = vertebra.discover(
            data, limit=limit, sample=sample, kinds=kinds, types=column_types(types), null=null or (),
            delimiter=delimiter, engine=engine, progress=progress, columns=columns,
        )  # fmt: skip
    options = ["--data", data, *(word for text in null or () for word in ("--null", text))]
    options += [word for text in types or () for word in ("--type", text)]
    options += ["--delimiter", delimiter] if delimiter else []
    write_data_proposals(found, options, form, sys.stdout, sys.stderr)


def _form(text: str) -> Form:
    from vertebra.report.proposals import FORMS

    for form in FORMS:
        if form == text:
            return form
    raise typer.BadParameter(f"{text!r} is not one of {', '.join(FORMS)}", param_hint="--format")


def _kinds(text: str | None) -> tuple[str, ...]:
    """The kinds of rules that an option names."""
    if text is None:
        return ()
    from vertebra.workspace.discover import kind_names

    known, wanted = kind_names(), [part.strip() for part in text.split(",") if part.strip()]
    unknown = [part for part in wanted if part not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(known)}", param_hint="--kinds")
    return tuple(wanted)


def _names(given: Sequence[str] | None) -> dict[str, str]:
    """``2=tailnum_code``: names by number, or by the name that is proposed."""
    names = {}
    for text in given or ():
        which, equals, name = (part.strip() for part in text.partition("="))
        if not (which and equals and name):
            raise typer.BadParameter(f"{text!r} is not NUMBER=NAME", param_hint="--name")
        names[which] = name
    return names


COMMANDS = {"discover": discover}
