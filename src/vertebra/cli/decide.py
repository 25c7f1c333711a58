"""Commands by which people decide about single rows and cells: quarantine, repairs, decisions.

A decision is stored at once and takes effect with the next run of the dataset's trusted step.
"""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vertebra.cli.groups import Commands
from vertebra.cli.options import (
    HERE,
    Profile,
    Root,
    Shape,
    known_dataset,
    opened,
    put,
    say,
    shape,
    warn_ledger_mismatch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vertebra.workspace.workspace import Workspace


def _group(about: str) -> typer.Typer:
    return typer.Typer(cls=Commands, no_args_is_help=True, rich_markup_mode=None, help=about)


quarantine = _group("Rows that cleaning took out: list them, let them back in.")
repairs = _group("Cells that cleaning changed: list them, undo them, set your own.")
decisions = _group("What people decided: list it, accept a violation, take it back.")

Dataset = Annotated[str, typer.Argument(help="The dataset, e.g. flights.")]
Datasets = Annotated[str | None, typer.Argument(help="One dataset; none lists all.", show_default=False)]
Rid = Annotated[int, typer.Argument(help="The row's _rid.")]
Column = Annotated[str, typer.Argument(help="The cell's column.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="Why, for those who come after.")]
Most = Annotated[int, typer.Option("--limit", "-n", help="Rows to list; 0 lists all.", min=0)]


@quarantine.command("list")
def quarantine_list(
    dataset: Datasets = None,
    limit: Most = 20,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """List the rows in quarantine and the rules that put them there.

    \b
    vertebra quarantine list
    vertebra quarantine list weather --format json
    """
    from vertebra.trusted.decisions import quarantined

    space = opened(project, profile)
    known = _known(space, dataset)
    warn_ledger_mismatch(space, known)
    found = quarantined(space.ledgers, known)
    _list(found, ["dataset", "rid", "rules", "row"], limit, form, "row", "in quarantine")


@quarantine.command("release")
def quarantine_release(
    dataset: Dataset, rid: Rid, comment: Comment = "", project: Root = HERE, profile: Profile = None
) -> None:
    """Let a row back into the trusted table.

    \b
    vertebra quarantine release weather 10000000042 -m "confirmed by the station"
    """
    from vertebra.trusted.decisions import release

    with _deciding(project, profile, dataset) as (space, name, about):
        release(space.lake, name, rid, comment, **about)
    _told(f"row {rid} of {name} will be released", name)


@repairs.command("list")
def repairs_list(
    dataset: Datasets = None,
    limit: Most = 20,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """List the repaired cells: rule, old and new value, method, confidence.

    \b
    vertebra repairs list flights
    vertebra repairs list --limit 0 --format csv > repairs.csv
    """
    from vertebra.trusted.decisions import repaired

    space = opened(project, profile)
    known = _known(space, dataset)
    warn_ledger_mismatch(space, known)
    found = repaired(space.ledgers, known)
    columns = ["dataset", "rid", "column_name", "old", "new", "rule", "confidence", "support", "method"]
    _list(found, columns, limit, form, "repaired cell", "")


@repairs.command("undo")
def repairs_undo(
    dataset: Dataset,
    rid: Rid,
    column: Column,
    comment: Comment = "",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Give a repaired cell its formatted value back, and keep the rules off it.

    \b
    vertebra repairs undo flights 10000012345 distance -m "flew a detour"
    """
    from vertebra.trusted.decisions import undo

    with _deciding(project, profile, dataset) as (space, name, about):
        undo(space.lake, name, rid, column, comment, **about)
    _told(f"the repair of {column} in row {rid} of {name} will be undone", name)


@repairs.command("set")
def repairs_set(
    dataset: Dataset,
    rid: Rid,
    column: Column,
    value: Annotated[str | None, typer.Argument(help="The value; left out, NULL.", show_default=False)] = None,
    comment: Comment = "",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Set a cell to a value you know to be right.

    \b
    vertebra repairs set planes 10000000017 seats 149 -m "manufacturer's data sheet"
    """
    from vertebra.trusted.decisions import override

    with _deciding(project, profile, dataset) as (space, name, about):
        override(space.lake, name, rid, column, value, comment, **about)
    _told(f"{column} of row {rid} of {name} will be {'NULL' if value is None else value}", name)


@decisions.command("list")
def decisions_list(
    dataset: Datasets = None,
    limit: Most = 20,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """List what was decided, by whom and why, the latest first.

    \b
    vertebra decisions list
    """
    space = opened(project, profile)
    found = space.ledgers.read("decisions").sort_by([("decided_at", "descending")])
    name = _known(space, dataset)
    if name:
        import pyarrow.compute as pc

        found = found.filter(pc.field("dataset") == name)
    columns = ["decided_at", "decided_by", "decision", "dataset", "rid", "column_name", "rule", "value", "comment"]
    _list(found, columns, limit, form, "decision", "")


@decisions.command("accept")
def decisions_accept(
    dataset: Dataset,
    rule: Annotated[str, typer.Argument(help="The rule the row breaks.")],
    rid: Rid,
    comment: Comment = "",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Accept that a row breaks a rule: the rule no longer repairs, removes or fails on it.

    \b
    vertebra decisions accept flights ground_speed 10000054321 -m "tail wind"
    """
    from vertebra.trusted.decisions import accept

    with _deciding(project, profile, dataset) as (space, name, about):
        accept(space.lake, name, rule, rid, comment, **about)
    _told(f"row {rid} of {name} may break {rule}", name)


@decisions.command("withdraw")
def decisions_withdraw(
    dataset: Dataset,
    rid: Rid,
    column: Annotated[str | None, typer.Option("--column", help="The cell's column.", show_default=False)] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="The accepted rule.", show_default=False)] = None,
    comment: Comment = "",
    project: Root = HERE,
    profile: Profile = None,
) -> None:
    """Take back what was decided about a row, a cell or a violation.

    \b
    vertebra decisions withdraw weather 10000000042
    vertebra decisions withdraw planes 10000000017 --column seats
    """
    from vertebra.trusted.decisions import withdraw

    with _deciding(project, profile, dataset) as (space, name, about):
        withdraw(space.lake, name, rid, column, rule, comment, **about)
    _told(f"the decision about row {rid} of {name} is withdrawn", name)


@contextmanager
def _deciding(project: Path, profile: str | None, dataset: str) -> Iterator[tuple[Workspace, str, dict[str, Any]]]:
    """The open project under its lease, the dataset's name, and who decides when."""
    from vertebra.lake.lease import lease

    space = opened(project, profile)
    name = known_dataset(space, dataset)
    about = {"by": getpass.getuser(), "at": datetime.now(UTC)}
    with lease(space.lake.root, f"a decision about {name}"):
        yield space, name, about


def _known(space: Workspace, dataset: str | None) -> str | None:
    return known_dataset(space, dataset) if dataset else None


def _list(found: Any, columns: list[str], limit: int, form: str, thing: str, where: str) -> None:
    from vertebra.report.formatting import many

    shape(form)
    rows = found.slice(0, limit or None).to_pylist()
    if rows or form != "table":
        put(rows, columns, form)
    if form == "table":
        shown = f"{len(rows)} of " if len(rows) < found.num_rows else ""
        say(f"{shown}{many(found.num_rows, thing)} {where}".rstrip())


def _told(what: str, dataset: str) -> None:
    say(f"{what}\nnext:  vertebra run --select trusted.{dataset}+")
