"""The parsed form of a rule: predicates over tuple variables, and the relations these variables range over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Operator = Literal["=", "!=", "<", "<=", ">", ">="]

CONVERSE: Final[dict[Operator, Operator]] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""``a op b`` is ``b CONVERSE[op] a``."""

NEGATION: Final[dict[Operator, Operator]] = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
"""``not (a op b)`` is ``a NEGATION[op] b``, NULLs included."""

SYMBOL: Final[dict[Operator, str]] = {"=": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}


@dataclass(frozen=True)
class Operand:
    """A deterministic scalar expression over one tuple variable, or a constant.

    Attributes:
        text: the source text, with columns qualified by the variable: ``abs(t.dep_delay)``.
        variable: the tuple variable; None for a constant.
        columns: the columns it uses, in order of appearance.
        sql: the expression as SQL over the relation: columns are unqualified and quoted; failing casts and divisions
            by zero give NULL.
    """

    text: str
    variable: str | None
    columns: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Predicate:
    """``left operator right``; without an operator, ``left`` is a condition over one tuple variable."""

    left: Operand
    operator: Operator | None = None
    right: Operand | None = None

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The one or two operands."""
        return (self.left,) if self.right is None else (self.left, self.right)

    @property
    def variables(self) -> tuple[str, ...]:
        """The one or two tuple variables it uses."""
        return tuple(dict.fromkeys(o.variable for o in self.operands if o.variable is not None))

    @property
    def sql(self) -> str:
        """The SQL condition on the relation, for a predicate over one tuple variable."""
        if self.operator is None or self.right is None:
            return f"({self.left.sql})"
        return f"({self.left.sql} {self.operator} {self.right.sql})"

    @property
    def text(self) -> str:
        """The predicate in Vertebra's notation."""
        if self.operator is None or self.right is None:
            return self.left.text
        return f"{self.left.text} {self.operator} {self.right.text}"


@dataclass(frozen=True)
class DenialConstraint:
    """A conjunction of predicates that no tuple, or no pair of different tuples, may satisfy.

    Attributes:
        variables: one or two tuple variables, in order of appearance.
        relations: the relation each variable ranges over.
        predicates: in a violation all of them are true; a predicate that is NULL is not true.
    """

    variables: tuple[str, ...]
    relations: tuple[str, ...]
    predicates: tuple[Predicate, ...]

    @property
    def text(self) -> str:
        """The constraint in Vertebra's notation: ``t.a = s.a and t.b != s.b``."""
        return " and ".join(predicate.text for predicate in self.predicates)

    def __str__(self) -> str:
        """The constraint as logic: ``¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.distance ≠ s.distance``."""
        predicates = " ∧ ".join(
            f"{p.left.text} {SYMBOL[p.operator]} {p.right.text}" if p.operator and p.right else p.left.text
            for p in self.predicates
        )
        if len(set(self.relations)) > 1:
            ranges = ", ".join(f"{v} ∈ {r}" for v, r in zip(self.variables, self.relations, strict=True))
        else:
            ranges = f"{','.join(self.variables)} ∈ {self.relations[0]}"
            if len(self.variables) == 2:
                ranges += f", {'≠'.join(self.variables)}"
        return f"¬∃ {ranges}: {predicates}"


@dataclass(frozen=True)
class Inclusion:
    """An inclusion dependency: every combination of non-NULL values of ``columns`` occurs in ``referenced``.

    No denial constraint can express it, because it requires that a tuple exists.
    """

    relation: str
    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]

    @property
    def text(self) -> str:
        """The reference in words."""
        return f"{', '.join(self.columns)} references {self.table}.{', '.join(self.referenced)}"

    def __str__(self) -> str:
        here = ", ".join(f"t.{column}" for column in self.columns)
        there = ", ".join(f"s.{column}" for column in self.referenced)
        return f"∀ t ∈ {self.relation} ∃ s ∈ {self.table}: ({here}) = ({there})"
