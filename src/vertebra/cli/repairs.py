"""Commands about cells that cleaning changed or proposes to change.

Nothing in the lake changes before the next run; it then applies all decisions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vertebra.cli.decide import (
    ColumnArgument,
    CommentOption,
    DatasetArgument,
    LimitOption,
    OptionalDataset,
    RidArgument,
    group,
    print_decision,
    print_listing,
)
from vertebra.cli.help_format import HelpCommand
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

repairs = group("List, label, undo, set and evaluate cells that cleaning changes.")


@repairs.command("list", cls=HelpCommand)
def repairs_list(
    dataset: OptionalDataset = None,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="List those that are left to people, and why.", show_default=False)
    ] = False,
    limit: LimitOption = 20,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """List repaired cells: old and new value, rule, method, confidence, evidence.

    \b
    Examples:
      vertebra repairs list flights
      vertebra repairs list flights --proposed
      vertebra repairs list --limit 0 --format csv > repairs.csv
    """
    output_format(form)
    repairs_of = open_workspace(project, profile).repairs
    columns = ["dataset", "rid", "column_name", "old", "new", "rule", "confidence", "support", "method", "evidence"]
    if proposed:
        left = repairs_of.proposed(dataset, limit or None)
        print_listing(left, [*columns[:5], "reason", *columns[5:]], form, "proposed repair", "")
    else:
        print_listing(repairs_of.list(dataset, limit or None), columns, form, "repaired cell", "")


@repairs.command("sources", cls=HelpCommand)
def repairs_sources(
    dataset: OptionalDataset = None,
    limit: LimitOption = 20,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """List how accurate the sources of rows are, and which of them share an origin.

    For datasets whose `repair:` weighs votes by source, see `trust:`. `copied` is the share of cells that a source
    takes from an origin which it shares with others.

    \b
    Examples:
      vertebra repairs sources flights
      vertebra repairs sources --limit 0 --format csv > sources.csv
    """
    output_format(form)
    found = open_workspace(project, profile).repairs.sources(dataset, limit or None)
    columns = [
        "dataset", "source_column", "source", "column_name", "accuracy", "cells", "copied", "shares_with", "declared",
    ]  # fmt: skip
    print_listing(found, columns, form, "source", "")


@repairs.command("accept", cls=HelpCommand)
def repairs_accept(
    dataset: DatasetArgument,
    rid: RidArgument,
    column: ColumnArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Make a proposed repair.

    It takes effect with the next run. The new value counts as one that you set: it outweighs all others of its group.

    \b
    Example:
      vertebra repairs accept planes 10000000017 seats -m "from the data sheet"
    """
    made = open_workspace(project, profile).repairs.accept(dataset, rid, column, comment)
    print_decision(
        f"{column} of row {rid} of {made.dataset} will be {'NULL' if made.value is None else made.value}", made
    )


@repairs.command("reject", cls=HelpCommand)
def repairs_reject(
    dataset: DatasetArgument,
    rid: RidArgument,
    column: ColumnArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Keep the value of a cell for which a repair is proposed.

    The cell is neither repaired nor proposed again.

    \b
    Example:
      vertebra repairs reject planes 10000000017 seats -m "a cargo version"
    """
    made = open_workspace(project, profile).repairs.reject(dataset, rid, column, comment)
    print_decision(f"{column} of row {rid} of {made.dataset} stays as it is", made)


@repairs.command("label", cls=HelpCommand)
def repairs_label(
    dataset: DatasetArgument,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="CELLS", help="How many cells to ask about.", min=1)
    ] = 20,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Answer questions about cells, from which repairs are learned.

    Shows cells whose right value teaches most about other cells, each with its row and what methods propose. Answers
    are decisions: the cell gets the value with the next run. With `repair: auto`, values are repaired like those that
    you corrected, and methods that were right, or wrong, are trusted more, or less.

    \b
    Answers:
      Enter or k   the value is right        e   the cell should be empty
      1, 2, …      that proposal is right    s   skip the cell
      a text       is the right value        u   take the last answer back
      =text        the same, for a text such as 1 or e         q   quit

    \b
    Examples:
      vertebra repairs label planes
      vertebra repairs label planes --count 5
    """  # fmt: skip
    from vertebra.cli.label_session import ask, refuse_scripts

    refuse_scripts(dataset)
    ask(open_workspace(project, profile), dataset, count)


@repairs.command("evaluate", cls=HelpCommand)
def repairs_evaluate(
    dataset: DatasetArgument,
    truth: Annotated[
        Path, typer.Option("--truth", metavar="FILE", help="A CSV file with the right values.", show_default=False)
    ],
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Measure how right the repairs are: precision, recall and F1 by column and method.

    The file has the columns of the dataset, or those of its source. Its rows are found by the key of the dataset, or
    are in the order of the records.

    \b
    Example:
      vertebra repairs evaluate hospital --truth clean.csv
    """
    output_format(form)
    found = open_workspace(project, profile).repairs.evaluate(dataset, truth)
    scores = {("all", ""): found.total}
    scores |= {("column", name): score for name, score in found.columns.items()}
    scores |= {("method", name): score for name, score in found.methods.items()}
    rows = [
        {
            "of": kind, "name": name, "errors": score.errors, "repaired": score.repaired, "right": score.right,
            "broken": score.broken, "precision": _share(score.precision), "recall": _share(score.recall),
            "f1": _share(score.f1),
        }
        for (kind, name), score in scores.items()
    ]  # fmt: skip
    print_rows(rows, list(rows[0]), form)
    if form == "table":
        print_note(f"compared {found.rows:,} rows of trusted.{dataset}, {found.cells:,} cells")
        if found.without_truth:
            print_note(f"not compared: {found.without_truth:,} rows that the file does not have")
        for name, reason in found.left_out.items():
            print_note(f"not compared: {name}, because {reason}")
        print_note("errors: wrong cells of the formatted table; broken: repaired cells that were right before")


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


@repairs.command("undo", cls=HelpCommand)
def repairs_undo(
    dataset: DatasetArgument,
    rid: RidArgument,
    column: ColumnArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Undo a repair: the cell gets its formatted value back.

    Rules no longer repair the cell. It takes effect with the next run.

    \b
    Example:
      vertebra repairs undo flights 10000012345 distance -m "flew a detour"
    """
    made = open_workspace(project, profile).repairs.undo(dataset, rid, column, comment)
    print_decision(f"the repair of {column} in row {rid} of {made.dataset} will be undone", made)


@repairs.command("set", cls=HelpCommand)
def repairs_set(
    dataset: DatasetArgument,
    rid: RidArgument,
    column: ColumnArgument,
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="The value; without one, NULL.", show_default=False)
    ] = None,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Set a cell to a value you know to be right.

    It takes effect with the next run.

    \b
    Example:
      vertebra repairs set planes 10000000017 seats 149 -m "from the data sheet"
    """
    made = open_workspace(project, profile).repairs.set(dataset, rid, column, value, comment)
    print_decision(f"{column} of row {rid} of {made.dataset} will be {'NULL' if value is None else value}", made)
