"""``references: {tailnum: planes.tailnum}`` requires that each value occurs in a column of another dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vertebra.declare.rule_scope import RuleScope, column_names
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.denial import Inclusion
from vertebra.errors import DeclarationError


class References(Sugar):
    """Columns whose values occur in other columns: an inclusion, which no denial constraint expresses."""

    name = "references"
    position = 60
    summary = "Every value that is not NULL occurs in this column: table.column."
    rule_type = dict[str, str]
    column_type = str
    example = {"tailnum": "planes.tailnum"}  # noqa: RUF012

    def compile(self, value: Mapping[str, str], scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``∀ t ∈ flights ∃ s ∈ planes: (t.tailnum) = (s.tailnum)``."""
        for here, there in value.items():
            columns = column_names(here)
            scope.check_columns(columns)
            table, _, rest = there.partition(".")
            referenced = tuple(part.rpartition(".")[2] for part in column_names(rest))
            if not table or len(referenced) != len(columns) or not all(referenced):
                raise DeclarationError(
                    f"{scope.label} does not say what {here} references: {there!r}",
                    remedy=f"write `references: {{{', '.join(columns)}: table.{', '.join(columns)}}}`",
                )
            scope.check_referenced(table, referenced)
            name = scope.constraint_name("_".join(columns), value)
            yield name, Inclusion(scope.dataset, columns, table, referenced)

    def rule_name(self, column: str, value: Any) -> str:
        """Has the referenced table too: ``tailnum_references_planes``."""
        return f"{column}_references_{str(value).partition('.')[0]}"

    def datasets_read(self, value: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
        """The referenced tables."""
        for here, there in value.items():
            yield (here,), there.partition(".")[0]


SUGAR = References()
