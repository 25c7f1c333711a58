"""Other notations of denial constraints: logic, for people, and HoloClean's, for exchange."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from vertebra.denial.ast import SYMBOL, DenialConstraint, Operand, Operator
from vertebra.denial.parse import parse
from vertebra.denial.refusal import refuse
from vertebra.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOLOCLEAN: Final[dict[str, Operator]] = {
    "EQ": "=", "IQ": "!=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=",
}  # fmt: skip
_CODES: Final = {operator: code for code, operator in _HOLOCLEAN.items()}
_PREDICATE = re.compile(r"\s*(EQ|IQ|LTE|LT|GTE|GT)\s*\(\s*([^,]+?)\s*,\s*(.+?)\s*\)\s*")
_REFERENCE = re.compile(r"(\w+)\.(\w[\w ]*)")


def logic(constraint: DenialConstraint) -> str:
    """A constraint as logic: ``¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.distance ≠ s.distance``."""
    predicates = " ∧ ".join(
        f"{p.left.text} {SYMBOL[p.operator]} {p.right.text}" if p.operator and p.right else p.left.text
        for p in constraint.predicates
    )
    if len(set(constraint.relations)) > 1:
        ranges = ", ".join(f"{v} ∈ {r}" for v, r in zip(constraint.variables, constraint.relations, strict=True))
    else:
        ranges = f"{','.join(constraint.variables)} ∈ {constraint.relations[0]}"
        if len(constraint.variables) == 2:
            ranges += f", {'≠'.join(constraint.variables)}"
    return f"¬∃ {ranges}: {predicates}"


def from_holoclean(text: str, relation: str, columns: Mapping[str, str]) -> DenialConstraint:
    """Read HoloClean's notation, e.g. ``t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)``.

    Raises:
        RuleError: it is not that notation, or names an unknown column.
    """
    parts = [part.strip() for part in re.split(r"&(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text)]
    variables = [part for part in parts if re.fullmatch(r"\w+", part)]
    predicates = parts[len(variables) :]
    if not variables or not predicates:
        refuse(
            text, 0, len(text), "this is not HoloClean's notation",
            cause="it names its tuples and then its predicates",
            remedy="write e.g. t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.state,t2.state)",
        )  # fmt: skip
    written = []
    for part in predicates:
        found = _PREDICATE.fullmatch(part)
        if not found:
            place = text.index(part)
            refuse(
                text, place, place + len(part), f"{part!r} is not a predicate of HoloClean's notation",
                remedy=f"write one of {', '.join(f'{code}(a,b)' for code in _HOLOCLEAN)}",
            )  # fmt: skip
        left, right = (_from_operand(side, variables) for side in (found[2], found[3]))
        written.append(f"{left} {_HOLOCLEAN[found[1]]} {right}")
    return parse(" and ".join(written), relation, columns)


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


def _from_operand(text: str, variables: list[str]) -> str:
    found = _REFERENCE.fullmatch(text)
    if found and found[1] in variables:
        return f"{found[1]}.`{found[2]}`" if " " in found[2] else text
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return text
    bare = text.strip("\"'").replace("\\", "\\\\").replace("'", "\\'")
    return f"'{bare}'"


def _to_operand(operand: Operand, names: Mapping[str, str], rule: str) -> str:
    if operand.variable is not None:
        if len(operand.columns) != 1 or operand.sql != f"`{operand.columns[0]}`":
            _not_holoclean(rule, f"`{operand.text}` is an expression, not a column")
        return f"{names[operand.variable]}.{operand.columns[0]}"
    literal = re.fullmatch(r"'((?:[^'\\]|\\.)*)'", operand.text)
    if literal:
        return '"' + re.sub(r"\\(.)", r"\1", literal[1]) + '"'
    return operand.text


def _not_holoclean(rule: str, cause: str) -> NoReturn:
    raise RuleError(
        f"the rule cannot be written in HoloClean's notation\n    {rule}",
        cause=cause, remedy="leave it in Vertebra's own notation",
    )  # fmt: skip
