"""Other notations of denial constraints: logic, for people, and HoloClean's, for exchange."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from vertebra.denial.ast import DenialConstraint, Operand
from vertebra.denial.parse import parse
from vertebra.denial.recognise import HOLOCLEAN, Notation, recognise
from vertebra.denial.refusal import refuse
from vertebra.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES: Final = {operator: code for code, operator in HOLOCLEAN.items()}


def written(constraint: DenialConstraint, notation: Notation = "vertebra") -> str:
    """A constraint in one of the notations; each is read back as the same constraint, but for variables' names.

    Raises:
        RuleError: HoloClean's notation does not have what the constraint uses.
    """
    if notation == "logic":
        return logic(constraint)
    if notation == "holoclean":
        return to_holoclean(constraint)
    if len(set(constraint.relations)) == 1:
        return constraint.text
    return f"{over(constraint)}: {constraint.text}"


def over(constraint: DenialConstraint) -> str:
    """The relations and their tuple variables: ``flights t, planes p``."""
    return ", ".join(f"{r} {v}" for r, v in zip(constraint.relations, constraint.variables, strict=True))


def logic(constraint: DenialConstraint) -> str:
    """A constraint as logic: ``¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.distance ≠ s.distance``."""
    return str(constraint)


def from_holoclean(text: str, relation: str, columns: Mapping[str, str]) -> DenialConstraint:
    """Read HoloClean's notation, e.g. ``t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)``.

    Raises:
        RuleError: it is not that notation, or names an unknown column.
    """
    if recognise(text).notation != "holoclean":
        refuse(
            text, 0, len(text), "this is not HoloClean's notation",
            cause="it names its tuples and then its predicates",
            remedy="write e.g. t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)",
        )  # fmt: skip
    return parse(text, relation, columns)


def to_holoclean(constraint: DenialConstraint) -> str:
    """Write HoloClean's notation.

    Raises:
        RuleError: the constraint uses what that notation does not have: expressions, conditions, two relations.
    """
    if len(set(constraint.relations)) > 1:
        _not_holoclean(constraint.text, "it is between two relations")
    names = {variable: f"t{place}" for place, variable in enumerate(constraint.variables, 1)}
    parts = list(names.values())
    for predicate in constraint.predicates:
        if predicate.operator is None or predicate.right is None:
            _not_holoclean(constraint.text, f"`{predicate.text}` is not one of its six comparisons")
        sides = [_to_operand(side, names, constraint.text) for side in predicate.operands]
        parts.append(f"{_CODES[predicate.operator]}({','.join(sides)})")
    return "&".join(parts)


def _to_operand(operand: Operand, names: Mapping[str, str], rule: str) -> str:
    if operand.variable is not None:
        if len(operand.columns) != 1 or operand.sql != f"`{operand.columns[0]}`":
            _not_holoclean(rule, f"`{operand.text}` is an expression, not a column")
        if not re.fullmatch(r"\w[\w ]*", operand.columns[0]):
            _not_holoclean(rule, f"the name of the column {operand.columns[0]} has signs that it does not quote")
        return f"{names[operand.variable]}.{operand.columns[0]}"
    literal = re.fullmatch(r"'((?:[^'\\]|\\['\\])*)'", operand.text)
    if literal:
        bare = re.sub(r"\\(.)", r"\1", literal[1])
        quote = '"' if '"' not in bare else "'"
        if quote in bare:
            _not_holoclean(rule, f"{operand.text} has both kinds of quotes")
        return f"{quote}{bare}{quote}"
    if not re.fullmatch(r"-?\d+(\.\d+)?", operand.text):
        _not_holoclean(rule, f"`{operand.text}` is neither a number nor a text")
    return operand.text


def _not_holoclean(rule: str, cause: str) -> NoReturn:
    raise RuleError(
        f"the rule cannot be written in HoloClean's notation\n    {rule}",
        cause=cause, remedy="leave it in Vertebra's own notation",
    )  # fmt: skip
