"""The rules of a dataset about its whole table, compiled to conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.table_rule import TABLE_RULES, TableCondition
from vertebra.errors import DeclarationError

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset, Rule


@dataclass(frozen=True)
class TableRule:
    """One rule of a dataset about its whole table.

    Attributes:
        name: unique among all rules of the dataset.
        kind: the name of its kind, e.g. ``rows``.
        condition: what the table has to be like.
        on_violation: ``report``, or ``fail``: the trusted table is not written.
        loc: the keys that lead to it in the dataset's YAML.
    """

    name: str
    kind: str
    condition: TableCondition
    on_violation: Literal["report", "fail"] = "report"
    description: str = ""
    loc: tuple[str, ...] = ()


def table_rules_of(dataset: Dataset) -> tuple[TableRule, ...]:
    """The rules of a dataset about its whole table, those of its columns first.

    Raises:
        RuleError: a rule names an unknown column.
        DeclarationError: a rule is not declared correctly.
    """
    return tuple(_rules(dataset))


def _rules(dataset: Dataset) -> Iterator[TableRule]:
    types = {name: column.type for name, column in dataset.columns.items()}
    for name, column in dataset.columns.items():
        for kind, value in column.table_rules().items():
            scope = RuleScope(f"{name}_{kind}", dataset.name, types)
            loc = ("columns", name, kind)
            for derived, condition in TABLE_RULES[kind].conditions({name: value}, scope):
                yield TableRule(derived, kind, condition, _reaction(scope, column.on_violation), loc=loc)
    for name, rule in dataset.rules.items():
        for kind, value in rule.table_rules().items():
            scope = RuleScope(name, dataset.name, types)
            _refuse_repair(scope, rule)
            description = " ".join(rule.description.split())
            for derived, condition in TABLE_RULES[kind].conditions(value, scope):
                reaction = _reaction(scope, rule.on_violation)
                yield TableRule(derived, kind, condition, reaction, description, ("rules", name, kind))


def _reaction(scope: RuleScope, declared: str) -> Literal["report", "fail"]:
    if declared not in ("report", "fail"):
        raise DeclarationError(
            f"{scope.label} is declared with on_violation: {declared}",
            cause="it is about the whole table, so there is no wrong row or cell",
            remedy="write on_violation: fail, which keeps the table before, or report; a rule about the table "
            "can be written under `rules:`",
        )
    return cast("Literal['report', 'fail']", declared)


def _refuse_repair(scope: RuleScope, rule: Rule) -> None:
    written = [name for name in ("set", "repair_method") if getattr(rule, name) is not None]
    if written:
        raise DeclarationError(
            f"{scope.label} has {' and '.join(written)}",
            cause="it is about the whole table, so there is no wrong cell to repair",
            remedy=f"remove {' and '.join(written)}",
        )
