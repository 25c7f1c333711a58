"""Accepting proposals: rules written into a dataset's file, which keeps its comments and its layout.

The text is inserted; nothing else in the file changes. The new file must declare what the old one did plus the new
rules, and the project must load; otherwise the file is left unchanged or restored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from vertebra.declare.dataset import Dataset, Rule
from vertebra.declare.document import Document, display_path, read_text
from vertebra.declare.repair import repair_method_of
from vertebra.declare.rule_sugar import SUGARS
from vertebra.declare.rules import rules_of
from vertebra.declare.yaml_flow import flow
from vertebra.durable import replace_file
from vertebra.errors import DeclarationError, RuleError
from vertebra.trusted.discover.proposal import Proposal

_INDENT: Final = 2
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


def rule_of(proposal: Proposal, repair_method: str = "") -> dict[str, Any]:
    """A proposal in the form of a rule under ``rules:``.

    Args:
        repair_method: the method that repairs violations; empty if the rule only reports them.
    """
    does = {"on_violation": "repair", "repair_method": repair_method} if repair_method else {"on_violation": "report"}
    return {"description": proposal.statement, **proposal.body, **does}


def repair_method(proposal: Proposal, dataset: Dataset, datasets: Mapping[str, Dataset]) -> str:
    """The name of the method that repairs violations of a proposal.

    Raises:
        DeclarationError: no method can, without being told the right values.
    """
    rule = Rule.model_validate({**proposal.body, "on_violation": "repair"})
    plain = {name: column.without_sugar() for name, column in dataset.columns.items()}
    alone = dataset.model_copy(update={"columns": plain, "key": (), "rules": {proposal.name: rule}})
    try:
        methods = [repair_method_of(part, alone) for part in rules_of(alone, {**datasets, dataset.name: alone})]
    except RuleError as error:
        raise DeclarationError(
            f"proposal {proposal.number}, {proposal.name}, cannot be declared with a repair",
            cause=error.cause or error.fact,
            remedy="accept it without --repair, and the others with it",
        ) from None
    return next(method.name for method in methods if method is not None)


def as_yaml(rules: Mapping[str, Mapping[str, Any]], indent: int = _INDENT) -> str:
    """Rules as YAML, each after an empty line, indented for ``rules:``."""
    margin = " " * indent
    parts = []
    for name, rule in rules.items():
        lines = [f"{margin}{name}:", *(f"{margin}  {entry}" for entry in yaml_entries(rule))]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def accept(
    file: Path, dataset: Dataset, datasets: Mapping[str, Dataset], rules: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write rules into a dataset's file.

    Args:
        file: the dataset's YAML.
        dataset: the dataset that the file declares.
        rules: new rules by name, as :func:`rule_of` gives them.

    Raises:
        DeclarationError: a name is taken or invalid, the file has changed, or its layout does not allow adding a rule.
    """
    _check_names(dataset, datasets, rules)
    before = Document(file, read_text(file))
    text = file.read_bytes().decode("utf-8-sig")
    changed = inserted(text, rules)
    after = Document(file, changed)
    if before.errors or not isinstance(before.value, dict):
        raise DeclarationError(
            f"{display_path(file)} cannot be changed", cause="it is not the declaration that was loaded",
            remedy="run the command again",
        )  # fmt: skip
    wanted = before.value | {"rules": (before.value.get("rules") or {}) | {n: dict(r) for n, r in rules.items()}}
    if after.errors or after.value != wanted:
        raise DeclarationError(
            f"rules cannot be added to {display_path(file)} without changing its layout",
            remedy="write them under `rules:` by hand; vertebra discover TABLE --format yaml prints them",
        )
    _check_rules(dataset, datasets, rules)
    _replaced(file, changed)


def inserted(text: str, rules: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of a dataset's file with rules added at the end of its ``rules:``, or of the file."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    root = yaml.compose("\n".join(lines), Loader=yaml.SafeLoader)
    key, node = _entry(root, "rules")
    if key is None:
        while lines and not lines[-1].strip():
            lines.pop()
        new = [*lines, "", "rules:", *as_yaml(rules).split("\n")]
    elif isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        indent = node.value[0][0].start_mark.column
        end = _last_line(lines, node, indent)
        new = [*lines[:end], "", *as_yaml(rules, indent).rstrip("\n").split("\n"), *lines[end:]]
    elif isinstance(node, yaml.MappingNode) and node.value:
        new = _into_flow(lines, node, rules)
    else:
        # `rules:` without a value, or `rules: {}`
        line = key.start_mark.line
        kept = lines[line][: key.end_mark.column] + ":"
        comment = re.search(r"\s+#.*$", lines[line])
        indent = key.start_mark.column + _INDENT
        body = as_yaml(rules, indent).rstrip("\n").split("\n")
        new = [*lines[:line], kept + (comment[0] if comment else ""), *body, *lines[line + 1 :]]
    return newline.join(new)


def _entry(root: yaml.Node | None, name: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    if isinstance(root, yaml.MappingNode) and not root.flow_style:
        for key, value in root.value:
            if isinstance(key, yaml.ScalarNode) and key.value == name:
                return key, value
    return None, None


def _last_line(lines: Sequence[str], node: yaml.Node, indent: int) -> int:
    """The number of lines up to the end of a block; comments that are indented less belong to the next block."""
    end = min(node.end_mark.line + (1 if node.end_mark.column else 0), len(lines))
    while end > node.start_mark.line + 1:
        line = lines[end - 1]
        outside = line.lstrip().startswith("#") and len(line) - len(line.lstrip()) < indent
        if line.strip() and not outside:
            break
        end -= 1
    return end


def _into_flow(lines: list[str], node: yaml.Node, rules: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Add to ``rules: {a: {…}}`` before its closing brace."""
    line, column = node.end_mark.line, node.end_mark.column - 1
    before = lines[line][:column].rstrip()
    comma = "" if "".join([*lines[:line], before]).rstrip().endswith(",") else ","
    entries = ", ".join(f"{name}: {{{', '.join(yaml_entries(rule))}}}" for name, rule in rules.items())
    return [*lines[:line], f"{before}{comma} {entries}{lines[line][column:]}", *lines[line + 1 :]]


def yaml_entries(rule: Mapping[str, Any]) -> Iterator[str]:
    """The keys and values of a rule as they are written in YAML, each in one line."""
    for key, value in rule.items():
        yield f"{key}: {SUGARS[key].to_yaml(value) if key in SUGARS else flow(value)}"


def _check_names(dataset: Dataset, datasets: Mapping[str, Dataset], rules: Mapping[str, Any]) -> None:
    taken = {rule.name for rule in rules_of(dataset, datasets)} | set(dataset.rules)
    for name in rules:
        if not _NAME.fullmatch(name):
            raise DeclarationError(
                f"{name!r} cannot be the name of a rule",
                cause="it has lower-case letters, digits and _, a letter first",
                remedy="choose another with --name NUMBER=NAME",
            )  # fmt: skip
        if name in taken:
            raise DeclarationError(
                f"dataset {dataset.name} already has a rule named {name}",
                remedy="choose another with --name NUMBER=NAME",
            )


def _check_rules(dataset: Dataset, datasets: Mapping[str, Dataset], rules: Mapping[str, Mapping[str, Any]]) -> None:
    """The dataset with the new rules, as it will be loaded."""
    made = {name: Rule.model_validate(dict(rule)) for name, rule in rules.items()}
    changed = dataset.model_copy(update={"rules": {**dataset.rules, **made}})
    try:
        rules_of(changed, {**datasets, dataset.name: changed})
    except RuleError as error:
        raise DeclarationError(error.fact, cause=error.cause, remedy=error.remedy) from None


def _replaced(file: Path, text: str) -> None:
    """Replace a file in one step; readers see the old or the new file. Its mode and byte order mark are kept."""
    start = b"\xef\xbb\xbf" if file.read_bytes().startswith(b"\xef\xbb\xbf") else b""
    replace_file(file, start + text.encode())
