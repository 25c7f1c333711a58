"""The layout of the help of commands and groups of commands.

It is plain text: richer text takes longer to import.
"""

from __future__ import annotations

import re
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

_TYPE: Final = re.compile(r" <[^>]*>$")
_OBVIOUS: Final = re.compile(r"(; )?(\bx>=\d+|\brequired)(?=[;\]])")


class HelpCommand(TyperCommand):
    """A command whose help describes values in words, without their Python types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line; required arguments have no braces."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for arguments and one for options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                name, text = record
                section = "Arguments" if parameter.param_type_name == "argument" else "Options"
                sections[section].append((_TYPE.sub("", name), _without_obvious(text)))
        for section, records in sections.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


class CommandGroup(TyperGroup):
    """A group whose help lists its commands under headings."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section per heading."""
        panels: dict[str, list[tuple[str, str]]] = {}
        widest = max(map(len, self.commands))
        for name in self.list_commands(ctx):
            command = self.commands[name]
            panel = getattr(command, "rich_help_panel", None) or "Commands"
            panels.setdefault(panel, []).append((name.ljust(widest), _first_sentence(command.help or "")))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


def _without_obvious(text: str) -> str:
    """The help of a parameter without the lower bound of a number, and without ``[required]``."""
    return re.sub(r"\s*\[\]", "", _OBVIOUS.sub("", text)).replace("[; ", "[")


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".")
