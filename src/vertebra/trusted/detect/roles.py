"""The rows that can play each tuple of a rule, with the values that the rule compares under short names.

``x0, x1, …`` are the equality keys, ``d0, …`` the values that must differ, ``o0, o1`` the ordered values, ``rid`` the
row's id. A row with a NULL in one of them cannot meet the predicates in this role and is left out of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import and_, or_
from typing import TYPE_CHECKING, Final

from vertebra.denial import DenialConstraint, JoinPredicate, Shape, classify
from vertebra.denial.refusal import Refusal
from vertebra.engine.failures import query_error
from vertebra.errors import RuleError
from vertebra.quoting import spark_identifier
from vertebra.trusted.detect.common_type import common_type
from vertebra.trusted.detect.plan import Planned

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from vertebra.declare.rules import NamedRule

ROW_ID = "_rid"

_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Expressions:
    """The types of the expressions of rules, as the engine reports them: by relation, then by SQL."""

    types: Mapping[str, Mapping[str, DataType]]

    def comparable(self, relation: str, sql: str) -> Column:
        """The expression with one NaN and one zero, so that it sorts, groups and joins as it compares.

        In Spark's ``=``, NaN equals itself and -0.0 equals 0.0; in the order of structs and windows they may differ.
        """
        from pyspark.sql import functions as F

        value = F.expr(sql)
        if self.floating(relation, sql):
            value = value.cast("double")
            return F.when(F.isnan(value), F.lit(float("nan"))).when(value == 0, F.lit(0.0)).otherwise(value)
        return value

    def compared(self, relations: Sequence[str], predicate: JoinPredicate, side: int) -> Column:
        """One side of a predicate between two tuples, in the type in which both are compared."""
        operands = (predicate.first, predicate.second)
        value = self.comparable(relations[side], operands[side])
        one, two = (self.types[relation][sql] for relation, sql in zip(relations, operands, strict=True))
        kind = common_type(one, two)
        assert kind is not None, "refused when the rules were analysed"
        return value if one == two else value.cast(kind)

    def floating(self, relation: str, sql: str) -> bool:
        """Whether the expression is a floating-point number, which may be NaN."""
        from pyspark.sql.types import DoubleType, FloatType

        return isinstance(self.types[relation][sql], DoubleType | FloatType)

    def text(self, relation: str, sql: str) -> bool:
        """Whether the expression is a text."""
        from pyspark.sql.types import StringType

        return isinstance(self.types[relation][sql], StringType)


@dataclass(frozen=True)
class Pairs:
    """A rule about two tuples and the frames its variables range over.

    Attributes:
        frames: the relations of its two variables.
        groups: the keys of the groups to check; None for all.
        fetched: the rows that can play each role, if they were fetched.
    """

    planned: Planned
    frames: tuple[DataFrame, DataFrame]
    expressions: Expressions
    groups: DataFrame | None = None
    fetched: tuple[DataFrame, DataFrame] | None = None

    @property
    def rule(self) -> NamedRule:
        """The rule."""
        return self.planned.rule

    @property
    def name(self) -> str:
        """The rule's."""
        return self.planned.name

    @property
    def constraint(self) -> DenialConstraint:
        """The denial constraint of the rule."""
        return self.planned.constraint

    @property
    def shape(self) -> Shape:
        """Its predicates by kind."""
        return self.planned.shape

    @property
    def keys(self) -> list[str]:
        """Short names of the equality keys."""
        return [f"x{i}" for i in range(len(self.shape.equal))]

    @property
    def unequal(self) -> list[str]:
        """Short names of the values that must differ."""
        return [f"d{i}" for i in range(len(self.shape.unequal))]

    @property
    def ordered(self) -> list[str]:
        """Short names of the ordered values."""
        return [f"o{i}" for i in range(len(self.shape.ordered))]

    @cached_property
    def first(self) -> DataFrame:
        """The rows that can be the constraint's first tuple."""
        return self.role(0)

    @cached_property
    def second(self) -> DataFrame:
        """The rows that can be its second tuple; the same frame if both roles compare the same values."""
        return self.first if self.alike and self.fetched is None else self.role(1)

    @property
    def alike(self) -> bool:
        """Whether both roles are played by the same rows with the same values."""
        first, second = (set(own) for own in self.shape.conditions)
        same = all(predicate.same for predicate in self.shape.join_predicates)
        return self.shape.one_relation and first == second and same

    @property
    def meets_itself(self) -> bool:
        """Whether a tuple may meet the predicates with itself, which is not a violation."""
        return not self.shape.self_excluded

    def role(self, side: int) -> DataFrame:
        """``x…, d…, o…, rid`` of the rows that can play one tuple; ``itself`` where a row may meet itself."""
        from pyspark.sql import functions as F

        if self.fetched is not None:
            return self.fetched[side]
        frame = self.frames[side]
        for condition in self.shape.conditions[side]:
            frame = frame.where(F.expr(condition))
        named = self.values(side)
        itself = [self.with_itself().alias("itself")] if self.meets_itself else []
        chosen = frame.select(
            *[value.alias(name) for name, value in named.items()], F.col(ROW_ID).alias("rid"), *itself
        )
        for name in named:
            chosen = chosen.where(F.col(name).isNotNull())
        return chosen if self.groups is None else chosen.join(self.groups, self.keys, "left_semi")

    def key_operands(self, side: int) -> dict[str, str]:
        """The equality keys of a role, by short name, as SQL."""
        return _named(self.keys, self.shape.equal, side)

    def operands(self, side: int) -> dict[str, str]:
        """The other compared values of a role, by short name, as SQL."""
        return _named(self.unequal, self.shape.unequal, side) | _named(self.ordered, self.shape.ordered, side)

    def values(self, side: int) -> dict[str, Column]:
        """The compared values of a role, by short name."""
        predicates = zip(
            [*self.keys, *self.unequal, *self.ordered],
            [*self.shape.equal, *self.shape.unequal, *self.shape.ordered],
            strict=True,
        )
        return {name: self.expressions.compared(self.constraint.relations, one, side) for name, one in predicates}

    @property
    def floating(self) -> frozenset[str]:
        """The short names of floating-point values."""
        one, two = self.constraint.relations
        groups = ((self.unequal, self.shape.unequal), (self.ordered, self.shape.ordered))
        return frozenset(
            name
            for names, predicates in groups
            for name, p in zip(names, predicates, strict=True)
            if self.expressions.floating(one, p.first) or self.expressions.floating(two, p.second)
        )

    def member(self, side: int) -> Column:
        """Whether a row can play one tuple, as a condition on its relation."""
        from pyspark.sql import functions as F

        parts = [F.expr(condition) for condition in self.shape.conditions[side]]
        parts += [value.isNotNull() for value in self.values(side).values()]
        return F.coalesce(all_of(parts), F.lit(False))

    def with_itself(self, predicates: Sequence[JoinPredicate] | None = None) -> Column:
        """Whether a row satisfies predicates (by default all of the rule) with itself as both tuples."""
        from pyspark.sql import functions as F

        both, expressions = self.constraint.relations, self.expressions
        chosen = self.shape.join_predicates if predicates is None else predicates
        parts = [
            compare(expressions.compared(both, one, 0), one.operator, expressions.compared(both, one, 1))
            for one in chosen
        ]
        if predicates is None:
            parts += [F.expr(condition) for conditions in self.shape.conditions for condition in conditions]
        return F.coalesce(all_of(parts), F.lit(False))


def _named(names: Sequence[str], predicates: Sequence[JoinPredicate], side: int) -> dict[str, str]:
    return {name: p.second if side else p.first for name, p in zip(names, predicates, strict=True)}


def all_of(conditions: Sequence[Column]) -> Column:
    """The conjunction of conditions; true if there are none."""
    return _halved(conditions, and_) if conditions else _literal(True)


def any_of(conditions: Sequence[Column]) -> Column:
    """The disjunction of conditions; false if there are none."""
    return _halved(conditions, or_) if conditions else _literal(False)


def _halved(conditions: Sequence[Column], both: Callable[[Column, Column], Column]) -> Column:
    """Combine conditions as a balanced tree: a chain of one per rule would exceed the depth that engines allow."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return both(_halved(conditions[:middle], both), _halved(conditions[middle:], both))


def _literal(value: bool) -> Column:
    from pyspark.sql import functions as F

    return F.lit(value)


def greatest(column: Column, floating: bool) -> Column:
    """The greatest value of a group; NaN is greater than any number.

    The embedded engine's ``max`` by group loses numbers that come before a NaN, and makes -∞ the least number.
    """
    from pyspark.sql import functions as F

    return F.max_by(column, column) if floating else F.max(column)


def least(column: Column, floating: bool) -> Column:
    """The least value of a group; see :func:`greatest`."""
    from pyspark.sql import functions as F

    return F.min_by(column, column) if floating else F.min(column)


def compare(left: Column, operator: str, right: Column) -> Column:
    """``left operator right``."""
    comparisons = {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return comparisons[operator]


def joined(frame: DataFrame, other: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Inner join on the keys; without keys, a cross join with the only row of the other frame."""
    return frame.join(other, list(keys)) if keys else frame.crossJoin(other)


def analysed(rules: Sequence[NamedRule], frames: Mapping[str, DataFrame]) -> Expressions:
    """Get the types of all expressions of the rules from the engine, in one request per relation.

    Raises:
        RuleError: a row id is missing, the engine does not know a function, or a condition is not boolean.
    """
    wanted: dict[str, dict[str, tuple[str, bool]]] = {}
    for rule in rules:
        for relation, sql, boolean in _expressions(rule):
            wanted.setdefault(relation, {}).setdefault(sql, (rule.name, boolean))
    types: dict[str, dict[str, DataType]] = {}
    for relation, asked in wanted.items():
        types[relation] = _types(relation, frames[relation], asked)
    for rule in rules:
        _refuse_incomparable(rule, types)
    return Expressions(types)


def _refuse_incomparable(rule: NamedRule, types: Mapping[str, Mapping[str, DataType]]) -> None:
    for (relation, sql), operator, (other, other_sql) in _comparisons(rule):
        one, two = types[relation][sql], types[other][other_sql]
        if common_type(one, two) is None:
            raise RuleError(
                f"rule {rule.name} compares {one.simpleString()} with {two.simpleString()}",
                cause=f"in {sql} of {relation} {operator} {other_sql} of {other}: no type holds the values of both "
                "without loss",
                remedy="cast one of them in a rule of the form deny, as in cast(t.code as bigint), or declare one type",
            )


def _comparisons(rule: NamedRule) -> list[tuple[tuple[str, str], str, tuple[str, str]]]:
    """The comparisons of a rule between two tuples: relation and SQL of both sides, and the operator."""
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint):
        columns = zip(constraint.columns, constraint.referenced, strict=True)
        return [
            ((constraint.relation, spark_identifier(a)), "=", (constraint.table, spark_identifier(b)))
            for a, b in columns
        ]
    one, two = (*constraint.relations, *constraint.relations)[:2]
    return [((one, p.first), p.operator, (two, p.second)) for p in classify(constraint).join_predicates]


def _expressions(rule: NamedRule) -> list[tuple[str, str, bool]]:
    """Every expression that a rule evaluates: its relation, its SQL, and whether it is a condition."""
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint):
        here = [(constraint.relation, spark_identifier(column), False) for column in constraint.columns]
        return here + [(constraint.table, spark_identifier(column), False) for column in constraint.referenced]
    shape = classify(constraint)
    found = []
    if constraint.succession is not None:
        sorted_by = [*constraint.succession.by, *(key.operand for key in constraint.succession.order)]
        found += [(constraint.relations[0], one.sql, False) for one in sorted_by]
        found += [(constraint.relations[0], one.sql, True) for one in constraint.succession.among]
    for side, relation in enumerate(constraint.relations):
        found += [(relation, condition, True) for condition in shape.conditions[side]]
        for predicate in shape.join_predicates:
            found.append((relation, predicate.second if side else predicate.first, False))
        found.append((relation, spark_identifier(ROW_ID), False))
    return found


def _types(relation: str, frame: DataFrame, asked: Mapping[str, tuple[str, bool]]) -> dict[str, DataType]:
    from pyspark.sql import functions as F
    from pyspark.sql.types import BooleanType

    try:
        schema = frame.select(*[F.expr(sql).alias(f"e{i}") for i, sql in enumerate(asked)]).schema
    except Exception as error:
        failure = query_error(error, f"the rules of {relation}")
        _blame(relation, frame, asked)
        raise RuleError(f"the rules of {relation} cannot be planned", cause=failure.cause) from error
    found = {sql: field.dataType for sql, field in zip(asked, schema.fields, strict=True)}
    for sql, (name, boolean) in asked.items():
        if boolean and not isinstance(found[sql], BooleanType):
            raise RuleError(
                f"rule {name}: {sql} is not a condition",
                cause=f"it is of type {found[sql].simpleString()}", remedy="compare it with a value",
            )  # fmt: skip
    return found


def _blame(relation: str, frame: DataFrame, asked: Mapping[str, tuple[str, bool]]) -> None:
    """Find the rule whose expression the engine refuses."""
    from pyspark.sql import functions as F

    for sql, (name, _) in asked.items():
        try:
            _ = frame.select(F.expr(sql)).schema
        except Exception as error:
            cause = query_error(error, f"rule {name} of {relation}").cause
            called = next((found for word in _WORD.findall(cause) if (found := _call(sql, word))), (0, len(sql)))
            raise Refusal(
                sql, *called, f"rule {name}: the engine refuses this over {relation}", cause=cause,
                remedy="check its functions and the types of its columns",
            ) from error  # fmt: skip


def _call(sql: str, name: str) -> tuple[int, int] | None:
    """The place of a call of a function in an expression."""
    found = re.search(rf"\b{re.escape(name)}(?=\()", sql, re.IGNORECASE)
    return found.span() if found else None
