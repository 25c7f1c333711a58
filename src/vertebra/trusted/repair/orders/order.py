"""The order that a rule requires: which column orders the tuples, and which one has to follow that order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.declare.column_type import INTEGERS, column_type
from vertebra.denial import DenialConstraint, classify
from vertebra.denial.ast import CONVERSE
from vertebra.errors import RuleError
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.denial.classify import Shape

MOST_DIGITS: Final = 18
"""Decimals with more digits are not repaired: their values are no 64-bit numbers."""

_ORDERED: Final = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True)
class Order:
    """Tuples of a group, sorted by one operand, have to be sorted by a column as well.

    Attributes:
        column: the column that has to follow; its cells are repaired.
        place: the place of its comparison among the order predicates of the classified rule; the other one is
            ``1 - place``.
        descending: whether it has to fall where the other operand rises.
        free: whether tuples equal on the other operand may have any values of the column.
        strict: whether tuples that differ on the other operand must not be equal on the column.
        type: the declared type of the column.
    """

    column: str
    place: int
    descending: bool
    free: bool
    strict: bool
    type: str

    @property
    def floating(self) -> bool:
        """Whether the column has floating-point numbers."""
        return self.type in ("float", "double")

    def ordinal(self, value: str) -> str:
        """A value of the column as a number: of its smallest unit, or itself if it is a floating-point number; SQL."""
        kind = column_type(self.type)
        if self.floating:
            return f"CAST({value} AS DOUBLE)"
        if kind.name == "date":
            return f"CAST(unix_date({value}) AS BIGINT)"
        if kind.name == "timestamp":
            return f"unix_micros({value})"
        if kind.name == "decimal" and kind.scale:
            return f"CAST({value} * CAST({10**kind.scale} AS DECIMAL({kind.scale + 1},0)) AS BIGINT)"
        return f"CAST({value} AS BIGINT)"

    def value(self, ordinal: str) -> str:
        """The value of a number of :meth:`ordinal`; NULL if the column cannot hold it; SQL."""
        kind = column_type(self.type)
        if kind.name == "date":
            return f"date_from_unix_date(CAST({ordinal} AS INT))"
        if kind.name == "timestamp":
            return f"timestamp_micros({ordinal})"
        if kind.name == "decimal" and kind.scale:
            unit = f"CAST('{'0.'.ljust(kind.scale + 1, '0')}1' AS DECIMAL({kind.scale},{kind.scale}))"
            return f"try_cast(CAST({ordinal} AS DECIMAL(19,0)) * {unit} AS {self.type})"
        return f"try_cast({ordinal} AS {self.type})"


def order_of(rule: NamedRule, dataset: Dataset) -> Order:
    """The order that a rule requires.

    The column of the comparison that is written last is repaired.

    Raises:
        RuleError: the rule is not about the order of two tuples of its dataset by two values, or its last comparison is
            not of a column whose values have a distance.
    """
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint) or classify(constraint).single:
        raise _refusal(rule, dataset, "it is about one tuple, or a reference", "write e.g. `set: {column: null}`")
    if rule.set:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} has `set`, which is for rules about one tuple",
            cause="tuples out of order get the nearest value that the others allow",
            remedy="remove `set`",
        )
    shape = classify(constraint)
    reason = _unfit(shape)
    if reason:
        raise _refusal(rule, dataset, reason)
    last = [p.left for p in constraint.predicates if p.operator in _ORDERED and len(p.variables) == 2][-1]
    operand = last.sql
    column = next((name for name in dataset.columns if spark_identifier(name) == operand), None)
    if column is None:
        raise _refusal(
            rule, dataset, f"{last.text} is computed, and a repair changes the cells of a column",
            "write the comparison of the column to repair last, or `on_violation: quarantine`",
        )  # fmt: skip
    others = [
        name
        for predicate in constraint.predicates
        for one in predicate.operands
        if one.variable and one.sql != operand
        for name in one.columns
    ]
    if column in others:
        raise _refusal(rule, dataset, f"{column} is also in another predicate, which a repair would change")
    _check_type(rule, dataset, column)
    place = next(place for place, p in enumerate(shape.ordered) if p.first == operand)
    one, two = shape.ordered[1 - place].operator, shape.ordered[place].operator
    if one in {">", ">="}:
        one, two = CONVERSE[one], CONVERSE[two]
    return Order(
        column, place, descending=two in {"<", "<="}, free=one == "<", strict=two in {"<=", ">="},
        type=dataset.columns[column].type,
    )  # fmt: skip


def _unfit(shape: Shape) -> str:
    """Why no longest chain is defined for a rule over pairs; empty if one is."""
    kind = f"it is of the class {shape.name}"
    if not shape.one_relation:
        return f"{kind}: both tuples have to be of one relation"
    if shape.succession is not None:
        return f"{kind}: a tuple that changes may be followed by others"
    if len(shape.ordered) != 2 or shape.unequal:
        return f"{kind}: a longest chain is defined for two order predicates, as in t.a < s.a and t.b > s.b"
    if not all(p.same for p in shape.join_predicates) or set(shape.conditions[0]) != set(shape.conditions[1]):
        return f"{kind}, but its tuples are not compared by the same values, under the same conditions"
    return ""


def _check_type(rule: NamedRule, dataset: Dataset, column: str) -> None:
    kind = column_type(dataset.columns[column].type)
    if kind.name == "decimal" and kind.precision > MOST_DIGITS:
        raise _refusal(
            rule, dataset, f"{column} is a {kind}, and only decimals of at most {MOST_DIGITS} digits are repaired"
        )
    if kind.name not in (*INTEGERS, "decimal", "float", "double", "date", "timestamp"):
        raise _refusal(rule, dataset, f"{column} is a {kind}, and the nearest value is one of numbers, dates and times")


def _refusal(rule: NamedRule, dataset: Dataset, cause: str, remedy: str = "") -> RuleError:
    return RuleError(
        f"rule {rule.name} of {dataset.name} cannot be repaired by its longest chain\n    {rule.constraint.text}",
        cause=cause,
        remedy=remedy or "write `on_violation: report` or `quarantine`",
    )
