"""Writes denial constraints in other notations: logic, to read, and HoloClean's, to exchange rules."""

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


def format_constraint(constraint: DenialConstraint, notation: Notation = "vertebra") -> str:
    """Write a constraint in a notation; :func:`parse` reads it as the same constraint, except for variable names.

    Raises:
        RuleError: HoloClean's notation cannot express the constraint.
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
    """Parse HoloClean's notation, e.g. ``t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)``.

    Raises:
        RuleError: the text is not in HoloClean's notation, or names an unknown column.
    """
    if recognise(text).notation != "holoclean":
        refuse(
            text, 0, len(text), "this is not HoloClean's notation",
            cause="HoloClean's notation is tuple variables, then predicates, joined by &",
            remedy="write e.g. t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)",
        )  # fmt: skip
    return parse(text, relation, columns)


def to_holoclean(constraint: DenialConstraint) -> str:
    """Write a constraint in HoloClean's notation.

    Raises:
        RuleError: the constraint has expressions, conditions or two relations, which HoloClean's notation lacks, or is
            about consecutive tuples.
    """
    if constraint.succession is not None:
        _not_holoclean(constraint.text, "it is about consecutive tuples")
    if len(set(constraint.relations)) > 1:
        _not_holoclean(constraint.text, "it has two relations")
    names = {variable: f"t{place}" for place, variable in enumerate(constraint.variables, 1)}
    parts = list(names.values())
    for predicate in constraint.predicates:
        if predicate.operator is None or predicate.right is None:
            _not_holoclean(constraint.text, f"`{predicate.text}` is not one of the six comparisons")
        sides = [_to_operand(side, names, constraint.text) for side in predicate.operands]
        parts.append(f"{_CODES[predicate.operator]}({','.join(sides)})")
    return "&".join(parts)


def _to_operand(operand: Operand, names: Mapping[str, str], rule: str) -> str:
    if operand.variable is not None:
        if len(operand.columns) != 1 or operand.sql != f"`{operand.columns[0]}`":
            _not_holoclean(rule, f"`{operand.text}` is an expression, not a column")
        if not re.fullmatch(r"\w[\w ]*", operand.columns[0]):
            _not_holoclean(rule, f"column {operand.columns[0]} has characters in its name that it cannot quote")
        return f"{names[operand.variable]}.{operand.columns[0]}"
    literal = re.fullmatch(r"'((?:[^'\\]|\\['\\])*)'", operand.text)
    if literal:
        bare = re.sub(r"\\(.)", r"\1", literal[1])
        quote = '"' if '"' not in bare else "'"
        if quote in bare:
            _not_holoclean(rule, f"{operand.text} has both kinds of quotes")
        return f"{quote}{bare}{quote}"
    if not re.fullmatch(r"-?\d+(\.\d+)?", operand.text):
        _not_holoclean(rule, f"`{operand.text}` is neither a number nor a string")
    return operand.text


def _not_holoclean(rule: str, cause: str) -> NoReturn:
    raise RuleError(
        f"the rule cannot be written in HoloClean's notation\n    {rule}",
        cause=cause, remedy="keep it in Vertebra's notation",
    )  # fmt: skip
