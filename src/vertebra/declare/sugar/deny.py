"""``deny: t.dep_time > 2400`` is a denial constraint itself, in any notation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vertebra.declare.declaration import Declaration
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.denial import parse, parse_between, relations_over
from vertebra.errors import DeclarationError, RuleError


class Between(Declaration):
    """A denial constraint between relations: ``{over: "flights t, planes p", where: "…"}``, or about consecutive tuples
    of one: ``{over: "meters t, next(t) s by device order by read_at", where: "…"}``.

    Attributes:
        over: the relations, each with its tuple variable.
        where: what no tuples of them may meet.
    """

    over: str
    where: str


class Deny(Sugar):
    """A denial constraint over the dataset, or between it and another."""

    name = "deny"
    position = 0
    summary = "What must not be true of a tuple t, or of two tuples t and s: a denial constraint."
    rule_type = str | Between
    example = "t.dep_time > 2400"

    def compile(self, value: str | Between, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """Parse the constraint as it is written."""
        with scope.named_in_errors():
            if isinstance(value, str):
                constraint = parse(value, scope.dataset, scope.columns, scope.relations)
            else:
                relations = {**(scope.relations or {}), scope.dataset: scope.columns}
                constraint = parse_between(value.over, value.where, relations)
        if scope.dataset not in constraint.relations:
            raise DeclarationError(
                f"{scope.label} is not about {scope.dataset}",
                cause=f"it ranges over {' and '.join(constraint.relations)}",
                remedy=f"move it to {constraint.relations[0]}, or name {scope.dataset} in it",
            )
        yield scope.rule, constraint

    def datasets_read(self, value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
        """The relations of ``over``."""
        if isinstance(value, Between):
            try:
                relations = relations_over(value.over)
            except RuleError:  # compiling reports the error
                relations = ()
            for relation in dict.fromkeys(relations):
                yield ("over",), relation

    def error_place(self, value: Any) -> tuple[str, ...]:
        """The predicates."""
        return ("where",) if isinstance(value, Between) else ()


SUGAR = Deny()
