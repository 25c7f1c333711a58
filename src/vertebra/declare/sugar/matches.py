"""``matches: {dest: "[A-Z]{3}"}`` denies values that do not match a pattern as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from vertebra.declare.rule_scope import RuleScope, column_of, string_literal
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.errors import DeclarationError

_LOOK_AROUND: Final = re.compile(r"\(\?<?[=!]")


class Matches(Sugar):
    """Columns whose values match a regular expression from beginning to end."""

    name = "matches"
    position = 50
    summary = "Every value matches this regular expression, from its beginning to its end."
    rule_type = dict[str, str]
    column_type = str
    example = {"dest": "[A-Z]{3}"}  # noqa: RUF012

    def compile(self, value: Mapping[str, str], scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """``t.dest not rlike '^(?:[A-Z]{3})$'``."""
        for column, pattern in value.items():
            scope.check_columns([column])
            if _LOOK_AROUND.search(pattern):
                raise DeclarationError(
                    f"{scope.label} has a pattern with look-ahead or look-behind: {pattern}",
                    cause="the embedded engine's regular expressions have neither",
                    remedy="write two rules, or one `deny` with two predicates",
                )
            anchored = pattern.startswith("^") and pattern.endswith("$") and "|" not in pattern
            whole = string_literal(pattern if anchored else f"^(?:{pattern})$")
            text = f"{column_of('t', column)} not rlike {whole}"
            yield scope.constraint_name(column, value), scope.parse(text)


SUGAR = Matches()
