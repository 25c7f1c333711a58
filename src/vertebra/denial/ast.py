"""What a rule is, once parsed: predicates over tuple variables, and the relations these range over."""

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
        text: as written, the columns qualified by the variable: ``abs(t.dep_delay)``.
        variable: the tuple variable; None for a constant.
        columns: the columns it uses, in order of appearance.
        sql: the same over the relation itself: columns unqualified and quoted, casts and divisions that fail give NULL.
    """

    text: str
    variable: str | None
    columns: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Predicate:
    """``left operator right``; without an operator, ``left`` is itself a condition over one tuple variable."""

    left: Operand
    operator: Operator | None = None
    right: Operand | None = None

    @property
    def operands(self) -> tuple[Operand, ...]:
        """One or two."""
        return (self.left,) if self.right is None else (self.left, self.right)

    @property
    def variables(self) -> tuple[str, ...]:
        """The tuple variables it uses: one, or two."""
        return tuple(dict.fromkeys(o.variable for o in self.operands if o.variable is not None))

    @property
    def sql(self) -> str:
        """A predicate over one tuple variable as a condition on its relation."""
        if self.operator is None or self.right is None:
            return f"({self.left.sql})"
        return f"({self.left.sql} {self.operator} {self.right.sql})"

    @property
    def text(self) -> str:
        """The predicate as it is declared."""
        if self.operator is None or self.right is None:
            return self.left.text
        return f"{self.left.text} {self.operator} {self.right.text}"


@dataclass(frozen=True)
class DenialConstraint:
    """What must not be true of one tuple, or of two different tuples.

    Attributes:
        variables: one or two names, in order of appearance.
        relations: the relation each variable ranges over.
        predicates: a violation makes all of them true; one that is NULL is not true.
    """

    variables: tuple[str, ...]
    relations: tuple[str, ...]
    predicates: tuple[Predicate, ...]

    @property
    def text(self) -> str:
        """The constraint as it is declared: ``t.a = s.a and t.b != s.b``."""
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
    """A reference: every combination of non-NULL values of ``columns`` occurs in ``referenced``.

    The one kind of rule that no denial constraint expresses, for it says that a tuple must exist.
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
