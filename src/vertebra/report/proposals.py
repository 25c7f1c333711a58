"""Writes the rules that discovery proposes, as a table, JSON or YAML."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from vertebra.declare.document import display_path
from vertebra.formatting import counted
from vertebra.report.tables import rich_console

if TYPE_CHECKING:
    from vertebra.trusted.discover import Proposal

Form = Literal["table", "json", "yaml"]
_MAX_LENGTH: Final = 220
FORMS: Final[tuple[Form, ...]] = ("table", "json", "yaml")


def write_proposals(
    proposals: Sequence[Proposal],
    table: str,
    file: str,
    form: Form,
    stream: TextIO,
    notes: TextIO,
    options: str = "",
) -> None:
    """Write proposals.

    Args:
        proposals: the proposed rules.
        table: the table they were found in.
        file: the dataset's file, into which accepted rules are written.
        form: ``yaml`` gives the text that would be written into the dataset's file, without declared rules.
        stream: receives the proposals.
        notes: receives the next command.
        options: options that the next command needs, such as ``--profile dev``.
    """
    match form:
        case "json":
            rows = [asdict(proposal) | {"body": dict(proposal.body)} for proposal in proposals]
            stream.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        case "yaml":
            stream.write(as_rules(proposals))
        case "table":
            _print(proposals, table, stream)
            notes.write(_next(proposals, table, file, options))


def write_data_proposals(
    proposals: Sequence[Proposal], options: Sequence[str], form: Form, stream: TextIO, notes: TextIO
) -> None:
    """Write the proposals for data without a project.

    Args:
        proposals: the proposed rules.
        options: the options of the command that name the data: ``--data planes.csv --null NA``.
        form: ``table``, ``json`` or ``yaml``.
        stream: receives the proposals.
        notes: receives the next commands.
    """
    name = Path(options[1]).name
    if form != "table":
        write_proposals(proposals, name, "", form, stream, notes)
        return
    _print(proposals, name, stream)
    if proposals:
        arguments = shlex.join(options)
        notes.write(
            f"\nnext:  vertebra discover {arguments} --format yaml > rules.yaml\n"
            f"       vertebra check {arguments} --rules rules.yaml\n"
        )


def as_rules(proposals: Sequence[Proposal]) -> str:
    """The proposals that are not declared yet, as the ``rules:`` of a dataset's file."""
    from vertebra.trusted.discover.accept import as_yaml, rule_of

    rules = {proposal.name: rule_of(proposal) for proposal in proposals if not proposal.declared}
    return f"rules:\n{as_yaml(rules)}" if rules else "rules: {}\n"


def _print(proposals: Sequence[Proposal], table: str, stream: TextIO) -> None:
    from rich.padding import Padding
    from rich.text import Text

    rich = rich_console(stream)
    if not proposals:
        rich.print(f"No rules to propose for {table}.")
        return
    rows = proposals[0].rows
    broken = sum(1 for proposal in proposals if proposal.dirty_rows)
    hold = counted(len(proposals), "rule that holds or almost holds", "rules that hold or almost hold")
    title = f"{hold} in {table}; {rows:,} rows"
    rich.print(Text(title, "bold"))
    if broken:
        rich.print(
            Text(f"{counted(broken, 'has', 'have')} exceptions, which may be errors: look at these first", "dim")
        )
    width = len(str(proposals[-1].number))
    for proposal in proposals:
        rich.print(_heading(proposal, width), soft_wrap=True)
        margin = (0, 0, 0, width + 2)
        rich.print(Padding(Text(proposal.sentence), margin, expand=False))
        for line in proposal.logic[:1] if len(proposal.logic) > 1 else proposal.logic:
            more = f"  (and {len(proposal.logic) - 1} more)" if len(proposal.logic) > 1 else ""
            rich.print(Padding(Text(_short(line) + more, "dim"), margin, expand=False))
        rich.print(Padding(Text(_short(_form(proposal.body)), "dim"), margin, expand=False))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 1].rstrip()}…"


def _heading(proposal: Proposal, width: int) -> Any:
    from rich.text import Text

    dirty = (counted(proposal.dirty_rows, "dirty row"), "yellow") if proposal.dirty_rows else ("holds", "green")
    parts: list[Any] = [
        "\n", (f"{proposal.number:>{width}}", "bold"), "  ", (proposal.name, "bold cyan"), "  ", dirty,
        (f"  {_WORDS[proposal.kind]}", "dim"),
    ]  # fmt: skip
    if proposal.declared:
        parts.append((f"  declared as {proposal.declared}", "magenta"))
    return Text.assemble(*parts)


_WORDS: Final[Mapping[str, str]] = {
    "key": "key", "fd": "functional dependency", "conditional": "under a condition", "order": "order of rows",
    "comparison": "order of columns", "reference": "reference", "range": "range", "values": "list of values",
    "pattern": "pattern", "required": "no NULL",
}  # fmt: skip


def _form(body: Mapping[str, Any]) -> str:
    """The rule in one line of YAML."""
    from vertebra.trusted.discover.accept import yaml_entries

    return ", ".join(yaml_entries(body))


def _next(proposals: Sequence[Proposal], table: str, file: str, options: str) -> str:
    new = [proposal for proposal in proposals if not proposal.declared]
    if not new:
        return ""
    first = ",".join(str(proposal.number) for proposal in new[:2])
    return (
        f"\nnext:  vertebra discover {table} --accept {first}{options and f' {options}'}\n"
        f"       writes them into {file} as rules that only report violations\n"
    )


def accepted(
    chosen: Mapping[str, Proposal], file: Path, dataset: str, options: str = "", *, repair: bool = False
) -> str:
    """A message with the accepted rules, the file they were written into, and the next command."""
    command = f"vertebra run --select trusted.{dataset}" if repair else f"vertebra check {dataset}"
    return (
        f"{counted(len(chosen), 'rule')} written into {display_path(file)}: {', '.join(chosen)}\n"
        f"next:  {command}{options and f' {options}'}\n"
    )
