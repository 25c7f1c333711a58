"""Every rule that a dataset declares, compiled to named denial constraints and references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.rule_role import check_reaction, wrong_tuple
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.rule_sugar import SUGARS, in_order
from vertebra.declare.table_rule_compiler import table_rules_of
from vertebra.denial import DenialConstraint, Inclusion, always_violated, classify, never_violated
from vertebra.denial.refusal import underlined
from vertebra.errors import DeclarationError, RuleError

if TYPE_CHECKING:
    from vertebra.declare.dataset import Column, Dataset, OnViolation, Rule


@dataclass(frozen=True)
class RuleOrigin:
    """Where in a dataset's file a rule is declared: under ``rules:``, on a column, or as part of the key.

    Attributes:
        rule: its name under ``rules:``; empty for a rule that is declared elsewhere.
        column: the column that it is declared on, or the key column that must not be NULL; empty for others.
        sugar: how it is declared, e.g. ``range``; ``key`` for the key.
    """

    rule: str = ""
    column: str = ""
    sugar: str = ""

    @property
    def loc(self) -> tuple[str, ...]:
        """The keys that lead to it in the dataset's YAML."""
        if self.rule:
            return ("rules", self.rule)
        if self.sugar == "key":
            return ("key",)
        return ("columns", self.column, self.sugar) if self.column else ()


@dataclass(frozen=True)
class NamedRule:
    """One rule of a dataset.

    Attributes:
        name: unique in the dataset; derived for sugar, e.g. ``distance_range``, ``tailnum_references_planes``.
        kind: the name of its sugar, e.g. ``range``; ``key`` for the key of a dataset.
        constraint: the condition that must not be true.
        on_violation: what cleaning does.
        confidence: least confidence of repairs, 0 to 1; violations with less confident repairs are only reported.
        repair_method: the repair method that the rule names; None for the default, see
            :func:`vertebra.declare.repair.default_method`.
        fill: whether a repair of a dependency gives empty cells the value of their group.
        set: for a repair by the method ``set``, the new value of each column as SQL text; None for NULL.
        role: the tuple variable of the rows that are removed or changed; None for both.
        origin: where it is declared; one declaration can make several rules.
    """

    name: str
    kind: str
    constraint: DenialConstraint | Inclusion
    on_violation: OnViolation = "report"
    confidence: float = 0.5
    repair_method: str | None = None
    fill: bool = False
    set: Mapping[str, str | None] = field(default_factory=dict)
    role: str | None = None
    description: str = ""
    origin: RuleOrigin = RuleOrigin()


_MOST_COMPILED: Final = 256
_compiled_before: Final[dict[int, tuple[Dataset, Mapping[str, Mapping[str, str]] | None, tuple[NamedRule, ...]]]] = {}
"""Rules by the identity of their dataset, which does not change, with what else they depend on. Loading a project,
planning and cleaning compile the same rules."""


def rules_of(dataset: Dataset, datasets: Mapping[str, Dataset] | None = None) -> tuple[NamedRule, ...]:
    """All rules of a dataset about rows: its key, the rules declared on its columns, and its ``rules``.

    Those about the whole table, which are checked here too, are compiled by
    :mod:`vertebra.declare.table_rule_compiler`. A key declares one rule that its columns together are unique, and one
    rule for each column that it is not NULL.

    Args:
        datasets: all datasets of the project by name, to check relations and columns in references and in rules between
            relations. Without them these are checked when the rule runs.

    Raises:
        RuleError: a rule is not a denial constraint over the declared columns, or no exact plan exists for it.
        DeclarationError: a rule has no sugar or more than one, two rules have the same name, or a reference has no
            target.
    """
    relations = None if datasets is None else {name: _types(other) for name, other in datasets.items()}
    known = _compiled_before.get(id(dataset))
    if known is not None and known[0] is dataset and known[1] == relations:
        return known[2]
    rules = _rules_of(dataset, relations)
    if len(_compiled_before) >= _MOST_COMPILED:
        _compiled_before.clear()
    _compiled_before[id(dataset)] = dataset, relations, rules
    return rules


def _rules_of(dataset: Dataset, relations: Mapping[str, Mapping[str, str]] | None) -> tuple[NamedRule, ...]:
    found: dict[str, NamedRule] = {}
    for rule in _Compiler(dataset, _types(dataset), relations).rules():
        if rule.name in found:
            raise DeclarationError(
                f"dataset {dataset.name} has two rules named {rule.name}",
                cause="columns and keys make rules too, named <column>_range, <dataset>_key and so on",
                remedy=f"rename the rule {rule.name}",
            )
        found[rule.name] = rule
    names = list(found)
    for about_table in table_rules_of(dataset):
        if about_table.name in names:
            raise DeclarationError(
                f"dataset {dataset.name} has two rules named {about_table.name}",
                cause="columns and keys make rules too, named <column>_range, <column>_fresh and so on",
                remedy=f"rename the rule {about_table.name}",
            )
        names.append(about_table.name)
    return tuple(found.values())


@dataclass(frozen=True)
class _Compiler:
    dataset: Dataset
    columns: Mapping[str, str]
    relations: Mapping[str, Mapping[str, str]] | None

    def rules(self) -> Iterator[NamedRule]:
        yield from self._of_key()
        for name, column in self.dataset.columns.items():
            yield from self._of_column(name, column)
        for name, rule in self.dataset.rules.items():
            for compiled in self._of_rule(name, rule):
                self._check(compiled)
                yield compiled

    def _of_key(self) -> Iterator[NamedRule]:
        key = self.dataset.key
        if not key:
            return
        for name, constraint in self._compiled("unique", key, f"{self.dataset.name}_key"):
            yield NamedRule(name, "key", constraint, origin=RuleOrigin(sugar="key"))
        for column in key:
            if "required" not in self.dataset.columns[column].sugar():
                for name, constraint in self._compiled("required", (column,), f"{column}_required"):
                    origin = RuleOrigin(column=column, sugar="key")
                    yield NamedRule(name, "required", constraint, origin=origin)

    def _of_column(self, name: str, column: Column) -> Iterator[NamedRule]:
        for kind, value in column.sugar().items():
            sugar = SUGARS[kind]
            compiled = self._compiled(kind, sugar.rule_value(name, value), sugar.rule_name(name, value))
            check_reaction(sugar, column.on_violation, self._scope(sugar.rule_name(name, value)))
            for derived, constraint in compiled:
                yield NamedRule(
                    derived, kind, constraint, column.on_violation, origin=RuleOrigin(column=name, sugar=kind)
                )

    def _of_rule(self, name: str, rule: Rule) -> Iterator[NamedRule]:
        written = rule.sugar()
        whole = rule.table_rules()
        if len(written) + len(whole) != 1:
            kinds = [*(sugar.name for sugar in in_order()), *rule.table_rule_names]
            raise DeclarationError(
                f"rule {name} of {self.dataset.name} has {' and '.join([*written, *whole]) or 'no condition'}",
                cause=f"a rule has exactly one of {', '.join(kinds)}",
                remedy="write one rule for each" if written else "write one of them, or remove the rule",
            )
        for kind, value in written.items():
            compiled = self._compiled(kind, value, name)
            check_reaction(SUGARS[kind], rule.on_violation, self._scope(name))
            for derived, constraint in compiled:
                role, new_values = wrong_tuple(rule, constraint, [one for _, one in compiled], self._scope(name))
                yield NamedRule(
                    name=derived,
                    kind=kind,
                    constraint=constraint,
                    on_violation=rule.on_violation,
                    confidence=rule.confidence,
                    repair_method=rule.repair_method,
                    fill=rule.fill,
                    set=new_values,
                    role=role,
                    description=" ".join(rule.description.split()),
                    origin=RuleOrigin(rule=name, sugar=kind),
                )

    def _compiled(self, kind: str, value: Any, name: str) -> list[tuple[str, DenialConstraint | Inclusion]]:
        """Names and constraints of one value of a sugar; all are compiled before the first is used."""
        return list(dict(SUGARS[kind].compile(value, self._scope(name))).items())

    def _scope(self, rule: str) -> RuleScope:
        zones = {name: column.zone for name, column in self.dataset.columns.items() if isinstance(column.zone, str)}
        return RuleScope(rule, self.dataset.name, self.columns, self.relations, zones)

    def _check(self, rule: NamedRule) -> None:
        """Refuse a rule without an exact plan, and a rule with the same result on every table.

        A rule that no row can violate would pass every table, and a rule that every row violates would pass none.
        """
        if not isinstance(rule.constraint, DenialConstraint):
            return
        text = _underlined(rule.constraint)
        with self._scope(rule.name).named_in_errors():
            unsupported = classify(rule.constraint).unsupported
            if unsupported:
                raise RuleError(
                    f"no exact plan exists for this rule\n{text}",
                    cause=unsupported, remedy="split the rule, or use fewer predicates between the two tuples",
                )  # fmt: skip
            never = never_violated(rule.constraint)
            if never:
                raise RuleError(
                    f"nothing can violate this rule\n{text}",
                    cause=never, remedy="correct the predicates, or remove the rule",
                )  # fmt: skip
            always = always_violated(rule.constraint)
            if always:
                raise RuleError(
                    f"every value violates this rule\n{text}",
                    cause=always, remedy="correct the predicates; a column that must be empty: `t.column is not null`",
                )  # fmt: skip


def _types(dataset: Dataset) -> dict[str, str]:
    return {name: column.type for name, column in dataset.columns.items()}


def _underlined(constraint: DenialConstraint) -> str:
    """The text of a rule with carets under all of it."""
    return underlined(constraint.text, 0, len(constraint.text))
