"""Commands for decisions about single rows: quarantine, decisions.

A decision is stored at once and takes effect with the next run of the dataset's trusted step.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vertebra.cli.help_format import CommandGroup, HelpCommand
from vertebra.cli.options import (
    CURRENT_FOLDER,
    FormatOption,
    ProfileOption,
    ProjectOption,
    open_workspace,
    output_format,
    print_note,
    print_rows,
)

if TYPE_CHECKING:
    from vertebra import Decision, Listing


def group(about: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(cls=CommandGroup, no_args_is_help=True, rich_markup_mode=None, help=about)


quarantine = group("List and release rows that cleaning removed.")
decisions = group("List, accept and withdraw decisions about rows and cells.")

DatasetArgument = Annotated[
    str, typer.Argument(metavar="DATASET", help="The dataset, e.g. flights.", show_default=False)
]
OptionalDataset = Annotated[
    str | None, typer.Argument(metavar="DATASET", help="One dataset; by default all.", show_default=False)
]
RidArgument = Annotated[int, typer.Argument(metavar="RID", help="The row's _rid.", show_default=False)]
ColumnArgument = Annotated[str, typer.Argument(metavar="COLUMN", help="The cell's column.", show_default=False)]
CommentOption = Annotated[
    str, typer.Option("--comment", "-m", metavar="TEXT", help="Why, for other readers.", show_default=False)
]
LimitOption = Annotated[int, typer.Option("--limit", "-n", metavar="ROWS", help="Rows to list; 0 lists all.", min=0)]


@quarantine.command("list", cls=HelpCommand)
def quarantine_list(
    dataset: OptionalDataset = None,
    limit: LimitOption = 20,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """List the rows in quarantine and the rules that put them there.

    \b
    Examples:
      vertebra quarantine list
      vertebra quarantine list weather --format json
    """
    output_format(form)
    found = open_workspace(project, profile).quarantine.list(dataset, limit or None)
    print_listing(found, ["dataset", "rid", "rules", "row"], form, "row", "in quarantine")


@quarantine.command("release", cls=HelpCommand)
def quarantine_release(
    dataset: DatasetArgument,
    rid: RidArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Let a row back into the trusted table.

    It takes effect with the next run.

    \b
    Example:
      vertebra quarantine release weather 10000000042 -m "station confirmed it"
    """
    made = open_workspace(project, profile).quarantine.release(dataset, rid, comment)
    print_decision(f"row {rid} of {made.dataset} will be released", made)


@decisions.command("list", cls=HelpCommand)
def decisions_list(
    dataset: OptionalDataset = None,
    limit: LimitOption = 20,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """List decisions, who took them and why, and whether they still apply, the latest first.

    A row that a later batch brings again is found by its declared key.

    \b
    Example:
      vertebra decisions list
    """
    output_format(form)
    found = open_workspace(project, profile).decisions.list(dataset, limit or None)
    columns = ["decided_at", "decided_by", "decision", "dataset", "rid", "column_name", "rule", "value", "comment"]
    print_listing(found, [*columns, "state", "present_rid"], form, "decision", "")


@decisions.command("accept", cls=HelpCommand)
def decisions_accept(
    dataset: DatasetArgument,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule that the row breaks.", show_default=False)],
    rid: RidArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Accept that a row breaks a rule.

    The rule no longer repairs the row, removes it or fails on it. It takes effect with the next run.

    \b
    Example:
      vertebra decisions accept flights ground_speed 10000054321 -m "tail wind"
    """
    made = open_workspace(project, profile).decisions.accept(dataset, rule, rid, comment)
    print_decision(f"row {rid} of {made.dataset} may break {rule}", made)


@decisions.command("withdraw", cls=HelpCommand)
def decisions_withdraw(
    dataset: DatasetArgument,
    rid: RidArgument,
    column: Annotated[
        str | None, typer.Option("--column", metavar="COLUMN", help="The cell's column.", show_default=False)
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="RULE", help="The accepted rule.", show_default=False)
    ] = None,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Withdraw a decision about a row, a cell or a violation.

    It takes effect with the next run.

    \b
    Examples:
      vertebra decisions withdraw weather 10000000042
      vertebra decisions withdraw planes 10000000017 --column seats
    """
    made = open_workspace(project, profile).decisions.withdraw(dataset, rid, column, rule, comment)
    print_decision(f"the decision about row {rid} of {made.dataset} is withdrawn", made)


def print_listing(found: Listing[Any], columns: list[str], form: str, noun: str, where: str) -> None:
    """Print the entries of a list and their number."""
    from vertebra.formatting import counted

    for warning in found.warnings:
        print_note(f"note: {warning}")
    if found.items or form != "table":
        print_rows([asdict(item) for item in found], columns, form)
    if form == "table":
        shown = f"{len(found)} of " if len(found) < found.total else ""
        print_note(f"{shown}{counted(found.total, noun)} {where}".rstrip())


def print_decision(what: str, decision: Decision) -> None:
    """Print what was decided and how it takes effect."""
    print_note(f"{what}\nnext:  vertebra run --select trusted.{decision.dataset}+")
