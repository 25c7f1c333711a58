"""The role of the tuple that is wrong: which of the two tuples of a rule is removed or changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from vertebra.denial import DenialConstraint, Inclusion, classify
from vertebra.errors import RuleError

if TYPE_CHECKING:
    from vertebra.declare.dataset import Rule
    from vertebra.declare.rule_scope import RuleScope
    from vertebra.declare.rule_sugar import Sugar


class RoleRefusal(RuleError):  # noqa: N818 - it is a RuleError with a place
    """An error of the role that a rule names.

    Attributes:
        key: the key of the rule that is wrong: ``role``, ``set`` or ``on_violation``.
    """

    def __init__(
        self, fact: str, *, cause: str = "", remedy: str = "", where: str = "", key: str = "on_violation"
    ) -> None:
        super().__init__(fact, cause=cause, remedy=remedy, where=where)
        self.key = key


def wrong_tuple(
    rule: Rule,
    constraint: DenialConstraint | Inclusion,
    declared: Sequence[DenialConstraint | Inclusion],
    scope: RuleScope,
) -> tuple[str | None, dict[str, str | None]]:
    """The role of the rows that a rule removes or changes, and their new values by column.

    Args:
        constraint: of the rule.
        declared: all constraints that its declaration stands for; a role is a variable of one of them.

    Returns:
        The tuple variable, None if the rule names none; and ``set`` without tuple variables.

    Raises:
        RuleError: the rule names a column or role that it does not have.
    """
    every = [one.variables if isinstance(one, DenialConstraint) else ("t",) for one in declared]
    variables = tuple(dict.fromkeys(name for names in every for name in names))
    role, values = rule.role, dict[str, "str | None"]()
    for written, value in (rule.set or {}).items():
        named, dot, column = written.partition(".")
        if written in scope.columns or not dot:
            column = written
        else:
            if role not in (None, named):
                _refuse(scope, "set", f"names {named} in `set` beside {role}", "one tuple is wrong",
                        f"write {role}.{column}, or a second rule for {named}")  # fmt: skip
            if named not in variables:
                _unknown(scope, "set", named, variables)
            role = named
        scope.check_columns([column])
        values[column] = value
    if role is None:
        return None, values
    key = "role" if rule.role is not None else "set"
    if role not in variables:
        _unknown(scope, key, role, variables)
    _check_role(rule, role, constraint, scope, key)
    two = isinstance(constraint, DenialConstraint) and len(constraint.variables) > 1
    return (role if two else None), values


def check_reaction(sugar: Sugar, on_violation: str, scope: RuleScope) -> None:
    """Refuse to remove or change rows for a rule that says of no row that it is wrong.

    Raises:
        RuleError: the rule is declared with ``quarantine`` or ``repair``.
    """
    if not sugar.removable and on_violation not in ("report", "fail"):
        _refuse(
            scope, "on_violation", f"is declared with on_violation: {on_violation}",
            f"`{sugar.name}` is violated by rows that are missing, so there is no wrong one",
            "write on_violation: fail, which keeps the table before, or report",
        )  # fmt: skip


def _check_role(rule: Rule, role: str, constraint: DenialConstraint | Inclusion, scope: RuleScope, key: str) -> None:
    if rule.on_violation not in ("repair", "quarantine"):
        _refuse(
            scope, key, f"has the role {role}, but removes and changes nothing",
            f"its on_violation is {rule.on_violation}", f"write `on_violation: quarantine`, or remove `{key}`",
        )  # fmt: skip
    if not isinstance(constraint, DenialConstraint) or len(constraint.variables) < 2:
        return
    relation = constraint.relations[constraint.variables.index(role)]
    if relation != scope.dataset:
        _refuse(
            scope, key, f"has the role {role}, whose rows are of {relation}",
            f"the rule cleans {scope.dataset}", "name the other variable, or declare the rule there",
        )  # fmt: skip
    if classify(constraint).symmetric:
        _refuse(
            scope, key, f"has the role {role}, which is no different from the other one",
            "the rule is the same with its tuples exchanged, so both tuples play both roles",
            f"remove `{key}`, or write what makes {role} the wrong one, e.g. an order",
        )  # fmt: skip


def _unknown(scope: RuleScope, key: str, role: str, variables: tuple[str, ...]) -> NoReturn:
    _refuse(
        scope, key, f"names the role {role}, which it does not have",
        f"its tuple variables are {' and '.join(variables)}", f"write {' or '.join(variables)}",
    )  # fmt: skip


def _refuse(scope: RuleScope, key: str, fact: str, cause: str, remedy: str) -> NoReturn:
    raise RoleRefusal(f"{scope.label} {fact}", cause=cause, remedy=remedy, key=key)
