"""Rules without a project: given as texts, a mapping or a file, about tables whose columns are known.

A file has YAML in the form of a dataset's ``rules:``, or one rule per line, in any notation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from vertebra.declare.dataset import Column, Dataset, Declaration, Rule
from vertebra.declare.document import display_path, read_document, read_text
from vertebra.declare.rules import NamedRule, rules_of
from vertebra.declare.table_rule_compiler import TableRule, table_rules_of
from vertebra.declare.validation import validated
from vertebra.denial import DenialConstraint, Finding, Inclusion, relations_named, review
from vertebra.errors import DeclarationError, DeclarationErrors, RuleError, VertebraError

_NAMED: Final = re.compile(r"\s*([A-Za-z]\w*)\s*:\s+(?=\S)")
_DEPENDENCY: Final = re.compile(r"\s*\[?([^=<>'\"()\[\]]+?)\]?\s*->\s*\[?([^=<>'\"()\[\]]+?)\]?\s*")
_YAML: Final = (".yaml", ".yml", ".json")


class _File(Declaration):
    """A file with rules under ``rules``, like a dataset's file."""

    rules: dict[str, Rule]


_FILE: Final[TypeAdapter[_File]] = TypeAdapter(_File)
_RULES: Final[TypeAdapter[dict[str, Rule]]] = TypeAdapter(dict[str, Rule])


@dataclass(frozen=True)
class StandaloneRule:
    """A rule in the form that the user gave.

    Attributes:
        where: file and line, or empty.
    """

    name: str
    rule: Rule
    where: str = ""


Rules = Mapping[str, Any] | Sequence[str | StandaloneRule] | str | Path


def standalone_rules(rules: Rules, prefix: str = "rule") -> tuple[StandaloneRule, ...]:
    """Read rules in any of their forms.

    Args:
        rules: texts, each in any notation, ``name: text`` or ``a, b -> c``; or a mapping of names to texts or to
            mappings with sugar (``{"range": {"distance": [1, 5000]}}``); or the path of a file.
        prefix: of the names of rules without a name: ``rule_1``.

    Raises:
        DeclarationError: a text is not a rule.
    """
    if isinstance(rules, str) and not _is_file(rules):
        rules = [rules]
    if isinstance(rules, str | Path):
        return _of_file(Path(rules))
    if isinstance(rules, Mapping):
        return tuple(StandaloneRule(str(name), _rule(str(name), value)) for name, value in rules.items())
    taken = tuple(rule for rule in rules if isinstance(rule, StandaloneRule))
    return (*taken, *_of_texts([(text, "") for text in rules if isinstance(text, str)], prefix))


def compile_rules(
    given: Sequence[StandaloneRule], relations: Mapping[str, Mapping[str, str]], default: str
) -> dict[str, tuple[NamedRule, ...]]:
    """Compile rules over tables.

    Args:
        relations: the columns of each table with their types; a type that is not known yet is empty.
        default: the table that a rule is about unless it names one.

    Returns:
        The rules by the table that they check; for a rule between two tables, the first one that it names.

    Raises:
        RuleError: a rule is not a denial constraint over these tables.
        DeclarationError: two rules have the same name, or a reference has no target.
    """
    datasets = {
        name: Dataset.model_construct(
            name=name, columns={column: Column.model_construct(type=kind) for column, kind in columns.items()}
        )
        for name, columns in relations.items()
    }
    found: dict[str, list[NamedRule]] = {}
    names: set[str] = set()
    for one in given:
        if one.rule.table_rules() and not one.rule.sugar():
            continue
        table = _table(one.rule, default)
        if table not in datasets:
            table = default
        about = datasets[table].model_copy(update={"rules": {one.name: one.rule}})
        try:
            rules = rules_of(about, datasets)
        except VertebraError as error:
            raise type(error)(error.fact, cause=error.cause, remedy=error.remedy, where=one.where) from None
        for rule in rules:
            if rule.name in names:
                raise DeclarationError(
                    f"two rules are named {rule.name}", remedy="rename one of them", where=one.where
                )  # fmt: skip
            names.add(rule.name)
        found.setdefault(table, []).extend(rules)
    return {table: tuple(rules) for table, rules in found.items()}


def compile_table_rules(given: Sequence[StandaloneRule], columns: Mapping[str, str], table: str) -> list[TableRule]:
    """Compile the rules about a whole table.

    Args:
        columns: the columns of the table with their types; a type that is not known yet is empty.
        table: the name of the table.

    Raises:
        RuleError: a rule names an unknown column.
        DeclarationError: a rule is not declared correctly.
    """
    types = {column: Column.model_construct(type=kind) for column, kind in columns.items()}
    found: list[TableRule] = []
    for one in given:
        if not one.rule.table_rules():
            continue
        about = Dataset.model_construct(name=table, columns=types, key=(), rules={one.name: one.rule})
        try:
            rules_of(about)
            found += table_rules_of(about)
        except VertebraError as error:
            raise type(error)(error.fact, cause=error.cause, remedy=error.remedy, where=one.where) from None
    return found


def review_rules(rules: Mapping[str, Sequence[NamedRule]]) -> tuple[Finding, ...]:
    """Find rules that are redundant or contradict others."""
    return review(
        [
            (rule.name, rule.constraint)
            for own in rules.values()
            for rule in own
            if isinstance(rule.constraint, DenialConstraint)
        ]
    )


def relations_of(constraint: DenialConstraint | Inclusion) -> tuple[str, ...]:
    """The tables that a rule reads, beginning with the table that it checks."""
    if isinstance(constraint, Inclusion):
        return tuple(dict.fromkeys((constraint.relation, constraint.table)))
    return tuple(dict.fromkeys(constraint.relations))


def columns_of(constraint: DenialConstraint | Inclusion, table: str) -> tuple[str, ...]:
    """The columns of a table that a rule reads, in order of appearance."""
    if isinstance(constraint, Inclusion):
        own = constraint.columns if constraint.relation == table else ()
        return tuple(dict.fromkeys((*own, *(constraint.referenced if constraint.table == table else ()))))
    return constraint.columns_of(table)


def _table(rule: Rule, default: str) -> str:
    """The first table that a rule names."""
    deny = rule.sugar().get("deny")
    if deny is None:
        return default
    text = deny if isinstance(deny, str) else f"{deny.over}: {deny.where}"
    try:
        return next(iter(relations_named(text)), default)
    except RuleError:
        return default  # compiling reports the error


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _of_file(file: Path) -> tuple[StandaloneRule, ...]:
    if not file.is_file():
        raise DeclarationError(
            f"there is no file {display_path(file)}",
            remedy="write the path of a YAML file with rules, or of a text file",
        )
    found = _of_yaml(file) if file.suffix.lower() in _YAML else _of_lines(file)
    if not found:
        raise DeclarationError(
            "the file has no rules", cause="a check without rules would accept every table",
            remedy="write e.g. `distance: {range: {distance: [1, 5000]}}`", where=display_path(file),
        )  # fmt: skip
    return found


def _of_yaml(file: Path) -> tuple[StandaloneRule, ...]:
    document = read_document(file)
    errors = list(document.errors)
    value: Any = document.value
    inside: tuple[str, ...] = ()
    if isinstance(value, dict) and isinstance(value.get("rules"), dict):
        others = sorted(set(value) - {"rules"})
        if others:
            errors.append(
                DeclarationError(
                    f"only `rules` of this file would be read, not {', '.join(others)}",
                    cause="the key and the columns of a dataset's file are rules, too, and would be ignored",
                    remedy=f"vertebra check {file.stem} in the project; or write all rules under `rules`",
                    where=document.where((others[0],), key=True),
                )
            )
        value, inside = value["rules"], ("rules",)
    if not isinstance(value, dict) and not errors:
        errors.append(
            DeclarationError(
                "this is not a mapping of names to rules",
                remedy="write e.g. `speed: {deny: t.speed > 600}`",
                where=document.where(),
            )
        )
    if errors:
        raise DeclarationErrors(errors)
    value = {name: {"deny": rule} if isinstance(rule, str) else rule for name, rule in value.items()}
    whole = validated(_FILE, document, {"rules": value}, "rules", errors) if inside else None
    made = whole.rules if whole else None if inside else validated(_RULES, document, value, "rules", errors)
    if errors or made is None:
        raise DeclarationErrors(errors)
    return tuple(StandaloneRule(name, rule, document.where((*inside, name), key=True)) for name, rule in made.items())


def _of_lines(file: Path) -> tuple[StandaloneRule, ...]:
    lines = enumerate(read_text(file).splitlines(), 1)
    return _of_texts(
        [
            (line, f"{display_path(file)}:{number}")
            for number, line in lines
            if line.strip() and not line.lstrip().startswith("#")
        ]
    )


def _of_texts(texts: Sequence[tuple[str, str]], prefix: str = "rule") -> tuple[StandaloneRule, ...]:
    found = []
    for number, (text, where) in enumerate(texts, 1):
        name, written = f"{prefix}_{number}", text
        if named := _NAMED.match(text):
            name, text = named[1], text[named.end() :]
        dependency = _DEPENDENCY.fullmatch(text)
        if dependency and written == text:
            name = "_".join(re.findall(r"\w+", f"{dependency[1]} determines {dependency[2]}"))
        rule = Rule.model_validate({"determines" if dependency else "deny": text})
        found.append(StandaloneRule(name, rule, where))
    return tuple(found)


def _rule(name: str, value: Any) -> Rule:
    """A rule of a mapping in Python."""
    if isinstance(value, Rule):
        return value
    if isinstance(value, str):
        return _of_texts([(value, "")])[0].rule
    try:
        return Rule.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DeclarationError(
            f"rule {name} is invalid: {place + ': ' if place else ''}{first['msg']}",
            remedy="write a text, or e.g. {'range': {'distance': [1, 5000]}}",
        ) from None
