"""From the text of a rule to its predicates.

    rule       = predicate {"and" predicate}
    predicate  = operand ("=" | "!=" | "<" | "<=" | ">" | ">=") operand
               | condition
    operand    = a deterministic Spark SQL scalar expression over one tuple variable, or a constant
    condition  = a deterministic Spark SQL condition over one tuple variable: is null, in, like, between, not (…), …

Whatever is not of this form is refused with its place, the reason and the nearest valid form: a rule that was read
in another way than it was meant would call a wrong table clean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from vertebra.denial.ast import NEGATION, DenialConstraint, Operand, Operator, Predicate
from vertebra.denial.expressions import check_expression, is_comparison
from vertebra.denial.refusal import nearest, refuse
from vertebra.denial.tokens import (
    Tokens,
    outermost,
    references,
    render,
    span,
    split_at_and,
    tokenise,
    unwrapped,
)

Columns = Mapping[str, str]
"""Column name to declared type."""

_OPERATORS: Final[dict[str, Operator]] = {"EQ": "=", "NEQ": "!=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_NOTATION: Final = {"∧": "and", "≠": "!=", "≤": "<=", "≥": ">=", "&&": "and", "||": "or", "¬": "not"}


def parse(text: str, relation: str, columns: Columns) -> DenialConstraint:
    """Parse a rule over one relation, e.g. ``t.zip = s.zip and t.city != s.city``.

    Args:
        text: the predicates; the tuple variables have any one or two names.
        relation: the name of the relation.
        columns: its columns and their declared types.

    Raises:
        RuleError: the text is not a denial constraint over these columns.
    """
    flat = re.sub(r"\s", " ", text)
    tokens = _tokens(flat)
    variables = _variables(flat, tokens, columns)
    return _Parser(flat, dict.fromkeys(variables, (relation, columns))).constraint(tokens)


def parse_between(over: str, where: str, relations: Mapping[str, Columns]) -> DenialConstraint:
    """Parse a rule between two relations.

    Args:
        over: the relations and their tuple variables, e.g. ``flights t, planes p``.
        where: the predicates.
        relations: the columns of each relation that may be named.

    Raises:
        RuleError: one of the texts is not valid.
    """
    found = re.fullmatch(r"\s*(\w+)\s+(?:as\s+)?(\w+)\s*,\s*(\w+)\s+(?:as\s+)?(\w+)\s*", over, re.IGNORECASE)
    if not found or found[2] == found[4]:
        refuse(
            over, 0, len(over), "`over` does not name two relations, each with a tuple variable of its own",
            remedy="over: flights t, planes p",
        )  # fmt: skip
    ranges: dict[str, tuple[str, Columns]] = {}
    for relation, variable in ((found[1], found[2]), (found[3], found[4])):
        if relation not in relations:
            place = over.index(relation)
            like = nearest(relation, relations)
            refuse(
                over, place, place + len(relation), f"there is no relation {relation}",
                cause=f"the datasets are {', '.join(sorted(relations))}",
                remedy=f"did you mean {like}?" if like else "vertebra ls datasets",
            )  # fmt: skip
        ranges[variable] = (relation, relations[relation])
    flat = re.sub(r"\s", " ", where)
    return _Parser(flat, ranges).constraint(_tokens(flat))


def _tokens(text: str) -> Tokens:
    if not text.strip():
        refuse(text, 0, 1, "the rule is empty", remedy="write predicates, e.g. `t.distance <= 0`")
    for symbol, word in _NOTATION.items():
        # `||` is also concatenation, which a string may contain or an operand use
        place = text.find(symbol)
        if place >= 0 and symbol != "||" and text[:place].count("'") % 2 == 0:
            refuse(text, place, place + len(symbol), f"{symbol} is not an operator here", remedy=f"write `{word}`")
    return tokenise(text)


def _variables(text: str, tokens: Tokens, columns: Columns) -> tuple[str, ...]:
    """The tuple variables: the qualifiers of the columns, in order of appearance."""
    qualifiers: dict[str, int] = {}
    for position in range(len(tokens) - 2):
        before = tokens[position - 1].token_type.name if position else ""
        head, dot, name = tokens[position : position + 3]
        is_qualifier = dot.token_type.name == "DOT" and re.match(r"\w|`", text[name.start])
        if is_qualifier and before != "DOT" and not head.text.isdigit():
            qualifiers.setdefault(head.text, position)
    names = tuple(qualifiers)
    if not names:
        first = next((token for token in tokens if token.text.lower() in columns), tokens[0])
        remedy = f"write t.{first.text}" if first.text.lower() in columns else "write e.g. t.distance <= 0"
        refuse(
            text, first.start, first.end + 1, "the rule names no tuple",
            cause="a denial constraint says what must not be true of a tuple t, or of two tuples t and s",
            remedy=remedy,
        )  # fmt: skip
    if len(names) > 2:
        third = tokens[qualifiers[names[2]]]
        like = nearest(third.text, names[:2])
        refuse(
            text, third.start, third.end + 1, f"{third.text} is a third tuple variable",
            cause=f"a denial constraint is about one tuple or two; {names[0]} and {names[1]} are taken",
            remedy=f"did you mean {like}?" if like else f"write the predicate with {names[0]} or {names[1]}",
        )  # fmt: skip
    return names


@dataclass(frozen=True)
class _Parser:
    """Parses one text; ``ranges`` gives each tuple variable's relation and its columns."""

    text: str
    ranges: Mapping[str, tuple[str, Columns]]

    def constraint(self, tokens: Tokens) -> DenialConstraint:
        predicates = self.conjunction(tokens)
        return DenialConstraint(
            variables=tuple(self.ranges),
            relations=tuple(relation for relation, _ in self.ranges.values()),
            predicates=tuple(dict.fromkeys(predicates)),
        )

    def conjunction(self, tokens: Tokens, negated: bool = False) -> list[Predicate]:
        tokens = unwrapped(tokens)
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
        bare = unwrapped(piece)
        if len(bare) < len(piece):
            return self.conjunction(bare, negated)
        expression = check_expression(self.text, piece, self.ranges)
        used = self._used(piece)
        self._refuse_constant(piece, used)
        if len(used) > 1 and piece[0].token_type.name == "NOT":
            return self.conjunction(piece[1:], not negated)
        if len(used) > 1 and outermost(piece, {"BETWEEN"}):
            return self._between(piece, negated)
        signs = outermost(piece, set(_OPERATORS))
        if is_comparison(expression) and len(signs) == 1:
            return [self._comparison(piece, signs[0], negated)]
        if len(signs) > 1 and is_comparison(expression):
            refuse(
                self.text, *span(piece), "two comparisons in one",
                cause="the result of the first, true or false, would be compared with the last value",
                remedy="write `between`, or two predicates joined by `and`",
            )  # fmt: skip
        if len(used) > 1:
            self._refuse_mixed(piece, signs)
        operand = self.operand(piece)
        if negated:
            operand = replace(operand, text=f"not ({operand.text})", sql=f"not ({operand.sql})")
        return [Predicate(operand)]

    def operand(self, tokens: Tokens) -> Operand:
        """An operand, over at most one tuple variable."""
        used = self._used(tokens)
        if len(used) > 1:
            self._refuse_mixed(tokens, [])
        known = {name.lower(): name for variable in used for name in self.ranges[variable][1]}
        start, end = span(tokens)
        columns = [known[column.text.lower()] for _, _, column in references(tokens, tuple(self.ranges))]
        return Operand(
            text=self.text[start:end],
            variable=used[0] if used else None,
            columns=tuple(dict.fromkeys(columns)),
            sql=render(self.text, tokens, tuple(self.ranges), known),
        )

    def _comparison(self, piece: Tokens, sign: int, negated: bool) -> Predicate:
        operator = _OPERATORS[piece[sign].token_type.name]
        left, right = piece[:sign], piece[sign + 1 :]
        for side in (left, right):
            if len(self._used(side)) > 1:
                self._refuse_mixed(piece, [sign])
        return Predicate(self.operand(left), NEGATION[operator] if negated else operator, self.operand(right))

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
            self.text, tokens[places[0]].start, tokens[places[0]].end + 1, "a rule has no `or`",
            cause="a denial constraint is a conjunction: all its predicates must be true at once",
            remedy="write two rules: " + " and ".join(f"`deny: {side}`" for side in sides),
        )  # fmt: skip

    def _refuse_constant(self, piece: Tokens, used: tuple[str, ...]) -> None:
        if not used:
            refuse(
                self.text, *span(piece), "this predicate is about no tuple",
                cause="it is true of every tuple, or of none",
                remedy=f"remove it, or name a column: {next(iter(self.ranges))}.…",
            )  # fmt: skip

    def _refuse_mixed(self, piece: Tokens, signs: list[int]) -> None:
        t, s = self._used(piece)[:2]
        form = self._separated(piece, signs) if signs else None
        refuse(
            self.text, *span(piece), f"one operand uses both {t} and {s}",
            cause="an operand is an expression over one tuple variable; a comparison of two operands needs no join",
            remedy=f"write `{form}`" if form else f"keep {t} on one side of a comparison and {s} on the other",
        )  # fmt: skip

    def _separated(self, piece: Tokens, signs: list[int]) -> str | None:
        """``t.a - s.b > c`` and ``abs(t.a - s.b) > c`` with each variable on its own side."""
        left, sign, right = piece[: signs[0]], piece[signs[0]], piece[signs[0] + 1 :]
        if left and left[0].text.lower() == "abs" and sign.token_type.name in {"GT", "GTE"}:
            left = unwrapped(left[1:])
        minus = outermost(left, {"DASH"})
        if len(minus) != 1 or not minus[0] or self._used(right):
            return None
        first, second = left[: minus[0]], left[minus[0] + 1 :]
        if len(self._used(first)) != 1 or len(self._used(second)) != 1:
            return None
        operator = _OPERATORS[sign.token_type.name]
        return f"{self._source(first)} {operator} {self._source(second)} + {self._source(right)}"

    def _source(self, tokens: Tokens) -> str:
        start, end = span(tokens)
        return self.text[start:end]
