"""What comes from outside is shown, and does nothing to the terminal it is shown on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from vertebra.errors import CollectError
from vertebra.escape_control import escape_control
from vertebra.governance.step_facts import FormattedFacts
from vertebra.landing.port import Transfer
from vertebra.pipeline.progress import StepResult
from vertebra.report.console import LineConsole, TerminalConsole
from vertebra.report.rows import write_rows
from vertebra.report.transfers import name_of

TITLE = "a\x1b]0;mine\x07\x1b[2Jb"
SHOWN = r"a\x1b]0;mine\x07\x1b[2Jb"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TITLE, SHOWN),
        ("one\ntwo\tthree", "one\ntwo\tthree"),
        ("back\rover", r"back\x0dover"),
        ("Zürich – 日本 🛫", "Zürich – 日本 🛫"),
        ("left\u202eright\u2066", r"left\u202eright\u2066"),
        ("\x9b2J", r"\x9b2J"),
    ],
)
def test_what_a_terminal_would_act_upon_is_written_out(text: str, shown: str) -> None:
    assert escape_control(text) == shown.replace(r"\x0d", r"\r")


def test_messages_quote_a_payload_without_its_control_characters() -> None:
    error = CollectError(f"its columns are {TITLE}", cause=TITLE, remedy=TITLE, where=TITLE)
    assert "\x1b" not in f"{error}{error.fact}{error.cause}{error.remedy}{error.where}"
    assert str(error).count(SHOWN) == 4


@pytest.mark.parametrize("terminal", [False, True])
def test_steps_and_transfers_are_told_without_control_characters(terminal: bool) -> None:
    stream = io.StringIO()
    console = TerminalConsole(Console(file=stream, width=300)) if terminal else LineConsole(stream)
    console.note(TITLE)
    console.started(1, 2, "landing.x")
    console.progress("landing.x", TITLE)
    console.transferred("landing.x", Transfer(f"file:{TITLE}", 1, 2))
    console.ended(
        1,
        2,
        StepResult("landing.x", "failed", "", 1.0, error=TITLE, facts=FormattedFacts(0, 0, columns_ignored=(TITLE,))),
    )
    console.close()
    assert SHOWN in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert name_of("http://host/a%1b%5D0;mine%07.csv") == r"a\x1b]0;mine\x07.csv"


def test_cells_are_shown_without_control_characters_and_given_to_programs_as_they_are() -> None:
    shown, given = io.StringIO(), io.StringIO()
    write_rows([{"a": TITLE}], ["a"], "table", shown)
    write_rows([{"a": TITLE}], ["a"], "csv", given)
    assert SHOWN in shown.getvalue()
    assert "\x1b" not in shown.getvalue()
    assert TITLE in given.getvalue()
