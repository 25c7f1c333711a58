"""Commands about matches of entity resolutions.

A decision is stored at once and takes effect with the next run of the reconciliation.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vertebra.cli.decide import CommentOption, group
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

if TYPE_CHECKING:
    from vertebra import MatchDecision, MatchExplanation

match = group("Review, decide, measure and explain matches of records.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The entity resolution, e.g. airports.", show_default=False)
]
LeftArgument = Annotated[
    str, typer.Argument(metavar="LEFT", help="A record: source:key, or the key of a left record.", show_default=False)
]
RightArgument = Annotated[
    str, typer.Argument(metavar="RIGHT", help="Another: source:key, or the key of a right record.", show_default=False)
]

_WIDEST = 32
_BAR = 24


@match.command("suggest", cls=HelpCommand)
def match_suggest(name: NameArgument, project: ProjectOption = CURRENT_FOLDER, profile: ProfileOption = None) -> None:
    """Write out the comparisons that compare: auto chooses, to declare and change them.

    \b
    Example:
      vertebra match suggest customers
    """
    found = open_workspace(project, profile).matches.suggest(name)
    typer.echo("compare:")
    width = max(map(len, found)) + 1
    for column, one in found.items():
        options = ", ".join(f"{key}: {_yaml(value)}" for key, value in one.items())
        typer.echo(f"  {column + ':':{width}} {{{options}}}")


def _yaml(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)


@match.command("review", cls=HelpCommand)
def match_review(
    name: NameArgument,
    count: Annotated[int, typer.Option("--count", "-n", metavar="PAIRS", help="How many to ask about.", min=1)] = 20,
    scores: Annotated[bool, typer.Option("--scores", help="Show the probability; by default it is hidden.")] = False,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Decide about pairs in the terminal, the ones first whose answer helps most.

    Both records are shown side by side, differences marked. About 20 answers correct the probability of all other pairs
    with the next run.

    \b
    Example:
      vertebra match review customers
    """
    from vertebra.cli import review_session

    review_session.refuse_scripts(name)
    review_session.ask(open_workspace(project, profile), name, count, scores=scores)


@match.command("accept", cls=HelpCommand)
def match_accept(
    name: NameArgument,
    left: LeftArgument,
    right: RightArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Say that two records are the same entity.

    \b
    Examples:
      vertebra match accept airports DVT KDVT -m "longitude lost its sign"
      vertebra match accept customers crm:17 web:forum,ann
    """
    _print(open_workspace(project, profile).matches.accept(name, left, right, comment))


@match.command("reject", cls=HelpCommand)
def match_reject(
    name: NameArgument,
    left: LeftArgument,
    right: RightArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Say that two records are different entities.

    \b
    Example:
      vertebra match reject customers 17 204 -m "father and son"
    """
    _print(open_workspace(project, profile).matches.reject(name, left, right, comment))


@match.command("merge", cls=HelpCommand)
def match_merge(
    name: NameArgument,
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="An entity_id.", show_default=False)],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another entity_id.", show_default=False)],
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Say that two entities are one.

    \b
    Example:
      vertebra match merge customers 1f0c0d5a2b7e9c44 9a30b1c2d3e4f506
    """
    _print(open_workspace(project, profile).matches.merge(name, entity, other, comment))


@match.command("split", cls=HelpCommand)
def match_split(
    name: NameArgument,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="A record: source:key.", show_default=False)],
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Take a record out of its entity.

    \b
    Example:
      vertebra match split customers crm:17 -m "a test account"
    """
    for one in open_workspace(project, profile).matches.split(name, record, comment):
        _print(one)


@match.command("undo", cls=HelpCommand)
def match_undo(
    name: NameArgument,
    left: LeftArgument,
    right: RightArgument,
    comment: CommentOption = "",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Take back what was decided about two records.

    \b
    Example:
      vertebra match undo customers 17 204
    """
    _print(open_workspace(project, profile).matches.undo(name, left, right, comment))


def _print(decision: MatchDecision) -> None:
    said = {
        "same": "will be one entity",
        "different": "will be different entities",
        "withdraw": "are decided by their probability again",
    }[decision.verdict]
    left = f"{decision.left_source}:{decision.left_key}"
    right = f"{decision.right_source}:{decision.right_key}"
    print_note(f"{left} and {right} {said}")
    print_note(f"next:  vertebra run --select exploitation.{decision.reconciliation}+")


@match.command("decisions", cls=HelpCommand)
def match_decisions(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One entity resolution; by default all.", show_default=False)
    ] = None,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """List what people decided about pairs, the latest first.

    \b
    Example:
      vertebra match decisions customers
    """
    output_format(form)
    rows = [asdict(one) for one in open_workspace(project, profile).matches.decisions(name)]
    columns = ["decided_at", "decided_by", "reconciliation", "verdict", "left_source", "left_key", "right_source"]
    print_rows(rows, [*columns, "right_key", "comment"], form)


@match.command("evaluate", cls=HelpCommand)
def match_evaluate(
    name: NameArgument,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help="A CSV file with the keys of true pairs.", show_default=False),
    ] = None,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Measure how right the matches are: precision, recall and F1, also at other thresholds.

    The columns of the file are the key of the left record and the key of the right one; or left_source, left_key,
    right_source, right_key. Without a file, the precision is estimated from the probabilities.

    \b
    Examples:
      vertebra match evaluate products --truth pairs.csv
      vertebra match evaluate products
    """
    output_format(form)
    matches = open_workspace(project, profile).matches
    if truth is None:
        estimate = matches.estimate(name)
        rows = [asdict(estimate)] if estimate else []
        print_rows(rows, ["matches", "precision", "low", "high"], form)
        if form == "table":
            print_note("an estimate from the probabilities of the matches, not a measurement")
        return
    found = matches.evaluate(name, truth)
    rows = [
        {
            "match": "as decided" if score.threshold is None else f"{score.threshold:g}",
            "matches": score.matches, "right": score.right, "precision": _share(score.precision),
            "recall": _share(score.recall), "f1": _share(score.f1),
        }
        for score in (found.total, *found.by_threshold)
    ]  # fmt: skip
    print_rows(rows, list(rows[0]), form)
    if form == "table":
        print_note(
            f"{found.total.true_pairs:,} true pairs: {found.missed_by_blocking:,} are no candidates, "
            f"{found.missed_by_decision:,} were compared and not matched"
        )
        if found.unknown:
            print_note(f"not counted: {found.unknown:,} true pairs of records that the sources do not have")


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


@match.command("why", cls=HelpCommand)
def match_why(
    name: NameArgument,
    left: LeftArgument,
    right: RightArgument,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it as an HTML page with a picture.", show_default=False),
    ] = None,
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
) -> None:
    """Explain what speaks for and against a match of two records.

    Each comparison adds to the log-odds of a match, or takes from them.

    \b
    Examples:
      vertebra match why airports JFK KJFK
      vertebra match why airports JFK KJFK --html why.html
    """
    found = open_workspace(project, profile).matches.why(name, left, right)
    if html is not None:
        from vertebra.report.match_page import write_match_page

        write_match_page(found, html)
        print_note(f"wrote {html}: open it in a browser")
        return
    for line in waterfall(found):
        typer.echo(line)


def waterfall(found: MatchExplanation) -> list[str]:
    """An explanation as lines of text: one for each comparison, with a bar for what it adds."""
    left, right = (f"{source}:{key}" for source, key in (found.left, found.right))
    lines = [f"{left} and {right}: {found.decision}, probability {found.probability:.3f}"]
    if found.reason:
        lines.append(f"  {found.reason}")
    if found.trust != "learned":
        lines.append("  little to learn from: weights are assumed" + (" in part" if found.trust == "both" else ""))
    lines.append("")
    width = max(len(one.name) for one in found.evidence)
    longest = max((abs(one.weight) for one in found.evidence), default=0) or 1
    for one in found.evidence:
        bar = "█" * round(abs(one.weight) / longest * _BAR)
        values = f"{_cut(one.left)} | {_cut(one.right)}  {one.level}" if one.level else ""
        lines.append(f"  {one.name:{width}}  {one.weight:+8.2f}  {bar:{_BAR}}  {values}".rstrip())
    return lines


def _cut(text: str | None) -> str:
    from vertebra.escape_control import escape_control

    shown = "NULL" if not text else escape_control(text)
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"
