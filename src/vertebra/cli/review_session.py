"""The dialogue of ``vertebra match review``: shows pairs of records, and records what a person says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from vertebra.cli.label_session import is_interactive
from vertebra.cli.options import print_note
from vertebra.errors import DecisionError
from vertebra.escape_control import escape_control
from vertebra.formatting import counted

if TYPE_CHECKING:
    from vertebra import PairToReview, Workspace

_WIDEST: Final = 48
_PROMPT: Final = "the same? (y yes, n no, s skip, u undo, q quit)"


def refuse_scripts(name: str) -> None:
    """Refuse to ask where nobody answers.

    Raises:
        DecisionError: the input is not a terminal.
    """
    if not is_interactive():
        raise DecisionError(
            "pairs are reviewed by a person, and the input is not a terminal",
            cause="a pipe or a scheduler runs the command",
            remedy=f"run it in a terminal, or decide: vertebra match accept {name} LEFT RIGHT",
        )


def ask(space: Workspace, name: str, count: int, *, scores: bool) -> None:
    """Ask about pairs until so many are decided, nothing is left to ask, or the person quits."""
    decided: list[tuple[PairToReview, bool]] = []
    skipped: list[tuple[tuple[str, str], tuple[str, str]]] = []
    while len(decided) < count:
        pair = space.matches.next_pair(name, skipped)
        if pair is None:
            print_note("\nthere is nothing left to ask")
            break
        print_note(f"\n{len(decided) + 1} of {count}\n\n{side_by_side(pair, scores=scores)}\n")
        if not _answered(space, pair, decided, skipped):
            break
    same = sum(alike for _, alike in decided)
    print_note(f"\n{counted(len(decided), 'pair')} decided: {same} the same, {len(decided) - same} different")
    if decided:
        print_note(f"next:  vertebra run --select exploitation.{name}+")


def side_by_side(pair: PairToReview, *, scores: bool = False) -> str:
    """Both records in two columns; a line whose values differ is marked."""
    rows = [("", f"{pair.left[0]}:{pair.left[1]}", f"{pair.right[0]}:{pair.right[1]}", False)]
    rows += [
        (one.name, _value(one.left), _value(one.right), (one.left or "") != (one.right or "")) for one in pair.values
    ]
    name = max(len(row[0]) for row in rows)
    left = max(len(row[1]) for row in rows)
    lines = [f"{'≠' if differs else ' '} {label:{name}}  {a:{left}}  {b}" for label, a, b, differs in rows]
    if scores:
        lines.append(f"\n  probability {pair.probability:.3f}{': ' + pair.reason if pair.reason else ''}")
    return "\n".join(lines)


def _value(text: str | None) -> str:
    shown = escape_control(text) if text else "NULL"
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"


def _answered(
    space: Workspace,
    pair: PairToReview,
    decided: list[tuple[PairToReview, bool]],
    skipped: list[tuple[tuple[str, str], tuple[str, str]]],
) -> bool:
    """Read answers until one is about the pair; whether to go on."""
    left, right = (":".join(member) for member in (pair.left, pair.right))
    while True:
        try:
            answer = typer.prompt(_PROMPT, default="", show_default=False, err=True).strip().lower()
        except typer.Abort:  # the end of the input
            return False
        if answer in ("q", "quit"):
            return False
        if answer in ("s", "skip"):
            skipped.append((pair.left, pair.right))
            return True
        if answer in ("u", "undo"):
            if not decided:
                print_note("there is no answer to take back")
                continue
            last, _ = decided.pop()
            one, other = (":".join(member) for member in (last.left, last.right))
            space.matches.undo(last.reconciliation, one, other, "taken back while reviewing")
            print_note(f"took back the answer about {one} and {other}")
            return True
        if answer in ("y", "yes", "n", "no"):
            alike = answer.startswith("y")
            decide = space.matches.accept if alike else space.matches.reject
            decide(pair.reconciliation, left, right, "reviewed")
            decided.append((pair, alike))
            return True
        print_note("answer y, n, s, u or q")
