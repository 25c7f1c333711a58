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
class SortKey:
    """An expression that tuples are sorted by."""

    operand: Operand
    descending: bool = False

    @property
    def text(self) -> str:
        """``read_at`` or ``read_at desc``."""
        return f"{self.operand.text} desc" if self.descending else self.operand.text


@dataclass(frozen=True)
class Succession:
    """Which tuple follows a tuple: ``next(t) by device order by read_at where counter is not null``.

    The tuples that meet ``among``, and have no NULL in ``by`` and ``order``, are divided by ``by`` and sorted by
    ``order``. A tuple is followed by all tuples of the next distinct value of ``order``: tuples with an equal value do
    not follow each other, so the order of rows does not matter.

    Attributes:
        by: what divides the tuples, over the first variable; may be empty.
        order: what sorts them, over the first variable; at least one.
        among: the conditions of the tuples that take part.
        among_text: these as they are written.
    """

    by: tuple[Operand, ...]
    order: tuple[SortKey, ...]
    among: tuple[Predicate, ...] = ()
    among_text: str = ""

    @property
    def text(self) -> str:
        """The clauses after ``next(t)``."""
        parts = [f"by {', '.join(one.text for one in self.by)}"] if self.by else []
        parts.append(f"order by {', '.join(key.text for key in self.order)}")
        return " ".join([*parts, f"where {self.among_text}"] if self.among else parts)

    @property
    def identity(self) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...], tuple[str, ...]]:
        """Equal for successions in which the same tuples follow each other."""
        order = tuple((key.operand.sql, key.descending) for key in self.order)
        return tuple(one.sql for one in self.by), order, tuple(one.sql for one in self.among)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads, in order of appearance."""
        operands = [*self.by, *(key.operand for key in self.order)]
        operands += [operand for predicate in self.among for operand in predicate.operands]
        return tuple(dict.fromkeys(column for operand in operands for column in operand.columns))


@dataclass(frozen=True)
class DenialConstraint:
    """A conjunction of predicates that no tuple, or no pair of different tuples, may satisfy.

    Attributes:
        variables: one or two tuple variables, in order of appearance.
        relations: the relation each variable ranges over.
        predicates: in a violation all of them are true; a predicate that is NULL is not true.
        succession: for a rule about consecutive tuples, which tuples can be the second one.
    """

    variables: tuple[str, ...]
    relations: tuple[str, ...]
    predicates: tuple[Predicate, ...]
    succession: Succession | None = None

    @property
    def text(self) -> str:
        """The constraint in Vertebra's notation: ``t.a = s.a and t.b != s.b``."""
        predicates = " and ".join(predicate.text for predicate in self.predicates)
        if self.succession is None:
            return predicates
        return f"next({self.variables[0]}) {self.variables[1]} {self.succession.text}: {predicates}"

    def columns_of(self, relation: str) -> tuple[str, ...]:
        """The columns of a relation that it reads, in order of appearance."""
        ranges = dict(zip(self.variables, self.relations, strict=True))
        operands = [operand for predicate in self.predicates for operand in predicate.operands]
        found = [c for one in operands if one.variable and ranges[one.variable] == relation for c in one.columns]
        if self.succession is not None and relation == self.relations[0]:
            found = [*self.succession.columns, *found]
        return tuple(dict.fromkeys(found))

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
            if self.succession is not None:
                ranges += f", {self.variables[1]} = next({self.variables[0]}) {self.succession.text}"
            elif len(self.variables) == 2:
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
