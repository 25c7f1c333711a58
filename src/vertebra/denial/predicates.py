"""Parses and checks the predicates of a rule. The grammar:

    rule       = predicate {"and" predicate}
    predicate  = operand ("=" | "!=" | "<" | "<=" | ">" | ">=") operand
               | condition
    operand    = a deterministic Spark SQL scalar expression over one tuple variable, or a constant
    condition  = a deterministic Spark SQL condition over one tuple variable: is null, in, like, between, not (…), …

Any other text raises an error with the position, the reason and the nearest valid form: a misread rule would hide
violations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from vertebra.denial.ast import NEGATION, DenialConstraint, Operand, Operator, Predicate
from vertebra.denial.expressions import check_expression, is_comparison
from vertebra.denial.refusal import refuse
from vertebra.denial.tokens import Tokens, outermost, references, render, span, split_at_and, without_parentheses
from vertebra.spark_sql.translate import translate_comparison, translate_functions
from vertebra.spark_sql.types import FLOATS, parse_type

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

Columns = Mapping[str, str]
"""Column name → declared type."""

OPERATORS: Final[dict[str, Operator]] = {"EQ": "=", "NEQ": "!=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}


@dataclass(frozen=True)
class Predicates:
    """Parses one text; ``ranges`` gives each tuple variable's relation and its columns."""

    text: str
    ranges: Mapping[str, tuple[str, Columns]]

    def constraint(self, tokens: Tokens) -> DenialConstraint:
        """Parse the whole rule."""
        predicates = self.conjunction(tokens)
        return DenialConstraint(
            variables=tuple(self.ranges),
            relations=tuple(relation for relation, _ in self.ranges.values()),
            predicates=tuple(dict.fromkeys(predicates)),
        )

    def conjunction(self, tokens: Tokens, negated: bool = False) -> list[Predicate]:
        """Parse predicates joined by ``and``; with ``negated``, the single predicate under a ``not``."""
        tokens = without_parentheses(tokens)
        self._refuse_disjunction(tokens)
        pieces = split_at_and(self.text, tokens)
        if negated and len(pieces) > 1:
            refuse(
                self.text, *span(tokens), "`not (… and …)` is a disjunction",
                cause="a rule is a conjunction: all its predicates must be true at once",
                remedy="write one rule for each negated predicate",
            )  # fmt: skip
        return [predicate for piece in pieces for predicate in self.predicates(piece, negated)]

    def predicates(self, piece: Tokens, negated: bool) -> list[Predicate]:
        """Parse one conjunct, which may stand for several predicates: ``(… and …)`` and ``between``."""
        bare = without_parentheses(piece)
        if len(bare) < len(piece):
            return self.conjunction(bare, negated)
        expression = check_expression(self.text, piece, self.ranges)
        used = self._used(piece)
        self._refuse_constant(piece, used)
        if len(used) > 1 and piece[0].token_type.name == "NOT":
            return self.conjunction(piece[1:], not negated)
        if len(used) > 1 and outermost(piece, {"BETWEEN"}):
            return self._between(piece, negated)
        signs = outermost(piece, set(OPERATORS))
        if is_comparison(expression) and len(signs) == 1:
            return [self._comparison(piece, signs[0], negated)]
        if len(signs) > 1 and is_comparison(expression):
            refuse(
                self.text, *span(piece), "a predicate has two comparisons",
                cause="the result of the first, true or false, would be compared with the last value",
                remedy="write `between`, or two predicates joined by `and`",
            )  # fmt: skip
        if len(used) > 1:
            self._refuse_mixed(piece, signs)
        operand = self.operand(piece)
        if negated:
            operand = replace(operand, text=f"not ({operand.text})", sql=f"not ({operand.sql})")
        return [Predicate(operand)]

    def operand(self, tokens: Tokens, comparison: Tokens = ()) -> Operand:
        """Parse an operand, which uses at most one tuple variable; outer parentheses are ignored.

        Args:
            comparison: the comparison that the operand is part of, if the comparison uses one tuple variable.
        """
        tokens = without_parentheses(tokens)
        used = self._used(tokens)
        if len(used) > 1:
            self._refuse_mixed(tokens, [])
        named = (*used, *self._used(comparison))
        known = {name.lower(): (name, kind) for one in named for name, kind in self.ranges[one][1].items()}
        start, end = span(tokens)
        columns = []
        for _, variable, column in references(tokens, tuple(self.ranges)):
            if column.text.lower() not in known:
                refuse(
                    self.text, column.start, column.end + 1, f"{column.text} is not a column of {variable}",
                    remedy=f"write {variable}.column",
                )  # fmt: skip
            self._refuse_ambiguous(variable, column)
            columns.append(known[column.text.lower()][0])
        return Operand(
            text=self.text[start:end],
            variable=used[0] if used else None,
            columns=tuple(dict.fromkeys(columns)),
            sql=self._translated(render(self.text, tokens, tuple(self.ranges), known, comparison), known, start, end),
        )

    def _translated(self, sql: str, columns: Mapping[str, tuple[str, str]], start: int, end: int) -> str:
        """The SQL whose functions give Apache Spark's answer on both engines."""
        from sqlglot.errors import ParseError

        try:
            made = translate_functions(sql, {name: parse_type(kind) for name, kind in columns.values()})
        except ParseError as error:  # a part of `between` may be no expression by itself
            found = error.errors[0]["description"] if error.errors else str(error)
            refuse(
                self.text, start, end, "this is not an expression", cause=str(found),
                remedy="write e.g. `t.origin = s.origin and t.distance != s.distance`",
            )  # fmt: skip
        for problem in made.problems:
            refuse(self.text, start, end, problem.fact, cause=problem.cause, remedy=problem.remedy)
        return made.text

    def _comparable(self, first: Operand, second: Operand) -> tuple[Operand, Operand]:
        """Both sides of a comparison within one tuple, in a form that both engines compare alike."""
        columns = {name: parse_type(kind) for _, of in self.ranges.values() for name, kind in of.items()}
        kinds = [translate_functions(one.sql, columns).columns[""] for one in (first, second)]
        floats = {name for name, kind in columns.items() if kind is not None and kind.family in FLOATS}
        made = translate_comparison(
            (first.sql, second.sql), kinds, [bool(floats & {*one.columns}) for one in (first, second)]
        )
        return replace(first, sql=made[0]), replace(second, sql=made[1])

    def _refuse_ambiguous(self, variable: str, column: Token) -> None:
        """Reject a column whose name matches two columns: engines ignore case in column names."""
        relation, columns = self.ranges[variable]
        matching = [name for name in columns if name.lower() == column.text.lower()]
        if len(matching) > 1:
            refuse(
                self.text, column.start, column.end + 1, f"{relation} has the columns {' and '.join(matching)}",
                cause="the names differ only in case", remedy="rename one of them before checking",
            )  # fmt: skip

    def _comparison(self, piece: Tokens, sign: int, negated: bool) -> Predicate:
        operator = OPERATORS[piece[sign].token_type.name]
        left, right = piece[:sign], piece[sign + 1 :]
        for side in (left, right):
            if len(self._used(side)) > 1:
                self._refuse_mixed(piece, [sign])
        comparison = piece if len(self._used(piece)) < 2 else ()
        first, second = self.operand(left, comparison), self.operand(right, comparison)
        if comparison:
            first, second = self._comparable(first, second)
        return Predicate(first, NEGATION[operator] if negated else operator, second)

    def _between(self, piece: Tokens, negated: bool) -> list[Predicate]:
        """``a between b and c`` over two tuples: two comparisons."""
        start = outermost(piece, {"BETWEEN"})[0]
        middle = next((p for p in outermost(piece, {"AND"}) if p > start), len(piece) - 1)
        if negated or piece[start - 1].token_type.name == "NOT":
            refuse(
                self.text, *span(piece), "`not between` over two tuples is a disjunction",
                cause="a rule is a conjunction: all its predicates must be true at once",
                remedy="write two rules, one with `<` and one with `>`",
            )  # fmt: skip
        value, low, high = (self.operand(p) for p in (piece[:start], piece[start + 1 : middle], piece[middle + 1 :]))
        return [Predicate(value, ">=", low), Predicate(value, "<=", high)]

    def _used(self, tokens: Tokens) -> tuple[str, ...]:
        return tuple(dict.fromkeys(variable for _, variable, _ in references(tokens, tuple(self.ranges))))

    def _refuse_disjunction(self, tokens: Tokens) -> None:
        places = outermost(tokens, {"OR"})
        if not places:
            return
        sides = [self._source(part) for part in (tokens[: places[0]], tokens[places[0] + 1 :]) if part]
        refuse(
            self.text, tokens[places[0]].start, tokens[places[0]].end + 1, "a rule cannot contain `or`",
            cause="a denial constraint is a conjunction: all its predicates must be true at once",
            remedy="write two rules: " + " and ".join(f"`deny: {side}`" for side in sides),
        )  # fmt: skip

    def _refuse_constant(self, piece: Tokens, used: tuple[str, ...]) -> None:
        if not used:
            refuse(
                self.text, *span(piece), "this predicate uses no column",
                cause="it is either true for every tuple or for none",
                remedy=f"remove it, or use a column: {next(iter(self.ranges))}.…",
            )  # fmt: skip

    def _refuse_mixed(self, piece: Tokens, signs: list[int]) -> None:
        t, s = self._used(piece)[:2]
        form = self._separated(piece, signs) if signs else None
        refuse(
            self.text, *span(piece), f"one operand uses both {t} and {s}",
            cause="an operand is an expression over one tuple variable; a comparison of two operands needs no join",
            instead=form or "",
            remedy=f"write `{form}`" if form else f"keep {t} on one side of a comparison and {s} on the other",
        )  # fmt: skip

    def _separated(self, piece: Tokens, signs: list[int]) -> str | None:
        """Rewrite ``t.a - s.b > c`` and ``abs(t.a - s.b) > c`` with each variable on its own side."""
        left, sign, right = piece[: signs[0]], piece[signs[0]], piece[signs[0] + 1 :]
        if left and left[0].text.lower() == "abs" and sign.token_type.name in {"GT", "GTE"}:
            left = without_parentheses(left[1:])
        minus = outermost(left, {"DASH"})
        if len(minus) != 1 or not minus[0] or self._used(right):
            return None
        first, second = left[: minus[0]], left[minus[0] + 1 :]
        if len(self._used(first)) != 1 or len(self._used(second)) != 1:
            return None
        operator = OPERATORS[sign.token_type.name]
        return f"{self._source(first)} {operator} {self._source(second)} + {self._source(right)}"

    def _source(self, tokens: Tokens) -> str:
        start, end = span(tokens)
        return self.text[start:end]
