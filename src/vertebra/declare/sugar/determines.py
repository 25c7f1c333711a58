"""``determines: origin, dest -> distance`` is a functional dependency."""

from __future__ import annotations

from collections.abc import Iterator

from vertebra.declare.rule_scope import RuleScope, column_names, column_of, equal_in
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.errors import DeclarationError


class Determines(Sugar):
    """Columns that decide the values of others: rows that are equal in the first are equal in the second."""

    name = "determines"
    position = 70
    summary = "Rows with the same values left of the arrow have the same values right of it: a, b -> c."
    rule_type = str
    example = "origin, dest -> distance"

    def compile(self, value: str, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``t.origin = s.origin and t.dest = s.dest and t.distance != s.distance``, for each column on the right."""
        left, arrow, right = value.partition("->")
        determinant, dependent = column_names(left), column_names(right)
        if not arrow or not all(determinant) or not all(dependent):
            raise DeclarationError(
                f"{scope.label} is not a functional dependency: {value!r}",
                cause="it says which columns determine which",
                remedy="write `determines: origin, dest -> distance`",
            )
        scope.check_columns((*determinant, *dependent))
        for column in dependent:
            text = f"{equal_in(determinant)} and {column_of('t', column)} != {column_of('s', column)}"
            yield scope.constraint_name(column, dependent), scope.parse(text)


SUGAR = Determines()
