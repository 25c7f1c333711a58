"""The dialogue of ``vertebra repairs label``: shows cells, and records what a person says of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import typer

from vertebra.cli.options import print_note
from vertebra.errors import DecisionError
from vertebra.escape_control import escape_control
from vertebra.formatting import counted

if TYPE_CHECKING:
    from vertebra import Question, Workspace

_WIDEST: Final = 70
"""Characters of a value that are shown."""
_PROMPT: Final = "right value (Enter keeps it; e empty, s skip, u undo, q quit)"
_PROMPT_NUMBERED: Final = "right value (Enter keeps it; a number, e empty, s skip, u undo, q quit)"


@dataclass
class _Session:
    """The answers so far.

    Attributes:
        labelled: the question of each answer, and whether its value was right.
    """

    labelled: list[tuple[Question, bool]] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)


def refuse_scripts(dataset: str) -> None:
    """Refuse to ask where nobody answers.

    Raises:
        DecisionError: the input is not a terminal.
    """
    if not is_interactive():
        raise DecisionError(
            "cells are labelled by a person, and the input is not a terminal",
            cause="a pipe or a scheduler runs the command",
            remedy=f"run it in a terminal, or set cells: vertebra repairs set {dataset} RID COLUMN VALUE",
        )


def is_interactive() -> bool:
    """Whether a person can answer."""
    return sys.stdin.isatty()


def ask(space: Workspace, dataset: str, count: int) -> None:
    """Ask about cells until there are so many labels, nothing is left to ask, or the person quits."""
    session = _Session()
    while len(session.labelled) < count:
        question = space.repairs.next_question(dataset, session.skipped)
        if question is None:
            print_note("\nthere is nothing left to ask")
            break
        print_note(
            f"\n{len(session.labelled) + 1} of {count}  {question.dataset}, row {question.rid}\n{question.reason}\n"
        )
        print_note(shown(question) + "\n")
        if not _answered(space, session, question):
            break
    _print_summary(space, dataset, session)


def shown(question: Question) -> str:
    """The row of a question with its cell marked, and the proposals with their numbers."""
    width = max(len(name) for name in question.row)
    lines = [
        f"{'>' if name == question.column_name else ' '} {name:{width}}  {_value(value)}"
        for name, value in question.row.items()
    ]
    if question.suggestions:
        lines.append("")
    longest = max((len(_value(one.value)) for one in question.suggestions), default=0)
    for number, one in enumerate(question.suggestions, 1):
        done = "repaired" if one.made else "proposed"
        evidence = f": {one.evidence}" if one.evidence else ""
        lines.append(
            f"  {number}  {_value(one.value):{longest}}  {done} by {one.method}, {one.confidence:.2f}{evidence}"
        )
    return "\n".join(lines)


def _value(text: str | None) -> str:
    if text is None:
        return "NULL"
    visible = escape_control(text) if text == text.strip() and text else repr(text)
    return visible if len(visible) <= _WIDEST else f"{visible[: _WIDEST - 1]}…"


def _answered(space: Workspace, session: _Session, question: Question) -> bool:
    """Read answers until one is about the question; whether to go on."""
    prompt = _PROMPT_NUMBERED if question.suggestions else _PROMPT
    while True:
        try:
            answer = typer.prompt(prompt, default="", show_default=False, err=True)
        except typer.Abort:  # the end of the input
            return False
        if answer == "q":
            return False
        if answer == "s":
            session.skipped.append((question.rid, question.column_name))
            return True
        if answer == "u":
            if not session.labelled:
                print_note("there is no answer to take back")
                continue
            last, _ = session.labelled.pop()
            space.decisions.withdraw(last.dataset, last.rid, last.column_name, comment="taken back while labelling")
            print_note(f"took back {last.column_name} of row {last.rid}")
            return True
        try:
            value = _right_value(question, answer)
            space.repairs.label(question, value)
        except DecisionError as error:
            print_note(f"{error.fact}\n  {error.cause}")
            continue
        session.labelled.append((question, value == question.value))
        return True


def _right_value(question: Question, answer: str) -> str | None:
    """The value that an answer means.

    Raises:
        DecisionError: it is the number of no proposal.
    """
    if answer in ("", "k"):
        return question.value
    if answer == "e":
        return None
    if answer.startswith("="):
        return answer[1:]
    if answer.isascii() and answer.isdigit() and len(answer) == 1 and question.suggestions:
        if not 1 <= int(answer) <= len(question.suggestions):
            raise DecisionError(
                f"there is no proposal {answer}",
                cause=f"there {'is' if len(question.suggestions) == 1 else 'are'}"
                f" {counted(len(question.suggestions), 'proposal')}; write ={answer} if {answer} is the right value",
            )
        return question.suggestions[int(answer) - 1].value
    return answer


def _print_summary(space: Workspace, dataset: str, session: _Session) -> None:
    right = sum(confirmed for _, confirmed in session.labelled)
    corrected = len(session.labelled) - right
    print_note(f"\n{counted(len(session.labelled), 'cell')} labelled: {corrected} corrected, {right} right")
    if not session.labelled:
        return
    declared = space.project.datasets[session.labelled[0][0].dataset]
    if declared.repair is None:
        print_note(f"note: to learn from labels, write `repair: auto` in {declared.declared_in}")
    print_note(f"next:  vertebra run --select trusted.{dataset}+")
