"""Parses the clauses of ``next(t)``: ``by device order by read_at desc where counter is not null``.

    rule       = [relation variable ","] "next(" variable ")" variable clauses ":" predicates
    clauses    = ["by" expression {"," expression}] "order by" key {"," key} ["where" conditions]
    key        = expression ["asc" | "desc"]

The clauses are about one tuple, so columns are written without a tuple variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.denial.ast import Operand, Predicate, SortKey, Succession
from vertebra.denial.predicates import Columns, Predicates
from vertebra.denial.recognise import QUOTED
from vertebra.denial.refusal import refuse
from vertebra.denial.tokens import tokenise
from vertebra.denial.translation import Translation
from vertebra.suggestions import did_you_mean

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_PART: Final = re.compile(rf"{QUOTED}|([(\[])|([)\]])|(,)|\b(order\s+by|by|where)\b", re.DOTALL | re.IGNORECASE)
_DIRECTION: Final = re.compile(r"\s+(asc|desc)\s*$", re.IGNORECASE)
_NULLS: Final = re.compile(r"\s+nulls\s+(first|last)\s*$", re.IGNORECASE)
_RESERVED: Final = {
    "and", "or", "not", "in", "is", "null", "like", "ilike", "rlike", "regexp", "between", "case", "when", "then",
    "else", "end", "true", "false", "as", "interval", "div", "distinct",
}  # fmt: skip
"""Words of expressions; a column with such a name is written in backticks."""
_CLAUSES: Final = ("by", "order by", "where")

Span = tuple[int, int]


def succession(clauses: Translation, variable: str, relation: str, columns: Columns) -> Succession:
    """Parse the clauses of ``next``.

    Args:
        clauses: their text.
        variable: the first tuple variable.
        relation: the relation of both tuples.
        columns: its columns and their declared types.

    Raises:
        RuleError: a clause is missing, comes twice or is not valid.
    """
    text = clauses.text
    with clauses.errors_in_original():
        found = _clauses(text)
        parser = _Clauses(text, variable, relation, columns)
        among = found.get("where")
        return Succession(
            by=tuple(parser.operand(*span) for span in found.get("by", ())),
            order=tuple(parser.sort_key(*span) for span in found["order by"]),
            among=parser.conditions(*among[0]) if among else (),
            among_text=text[slice(*_stripped(text, *among[0]))] if among else "",
        )


def over_variable(text: str, variable: str, relation: str, columns: Columns) -> str:
    """An expression over the columns of one tuple, with a tuple variable before each column.

    Raises:
        RuleError: the text is one word that is no column.
    """
    return _Clauses(text, variable, relation, columns).qualified(0, len(text)).text


def _clauses(text: str) -> dict[str, list[Span]]:
    """The items of each clause, by the clause's words; ``where`` has one item."""
    found: dict[str, list[Span]] = {}
    name, start, depth = "", 0, 0
    for part in _PART.finditer(text):
        opening, closing, comma, word = part.groups()
        depth += bool(opening) - bool(closing)
        if depth or not (comma or word) or (comma and name == "where"):
            continue
        if name:
            found[name].append((start, part.start()))
        elif text[: part.start()].strip():
            _refuse_clauses(text, 0, part.start(), "this is not a clause of next(…)")
        start = part.end()
        if word:
            name = " ".join(word.lower().split())
            if name in found or any(_CLAUSES.index(name) < _CLAUSES.index(other) for other in found):
                _refuse_clauses(text, *part.span(), f"`{name}` is not expected here")
            found[name] = []
    if name:
        found[name].append((start, len(text)))
    if "order by" not in found:
        _refuse_clauses(text, 0, len(text), "next(…) has no order")
    for word, spans in found.items():
        for begin, end in spans:
            if not text[begin:end].strip():
                _refuse_clauses(text, max(0, begin - 1), max(end, begin), f"an expression of `{word}` is missing")
    return found


def _refuse_clauses(text: str, start: int, end: int, fact: str) -> None:
    refuse(
        text, start, max(end, start + 1), fact, cause="it has the clauses by …, order by … and where …, in this order",
        remedy="write e.g. next(t) s by device order by read_at: s.counter < t.counter",
    )  # fmt: skip


def _stripped(text: str, start: int, end: int) -> Span:
    """The span without blanks at its ends."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))


class _Clauses:
    """Parses the items of clauses: columns get the tuple variable, and the grammar of rules does the rest."""

    def __init__(self, text: str, variable: str, relation: str, columns: Columns) -> None:
        self.text, self.variable, self.relation, self.columns = text, variable, relation, columns
        self.names = {name.lower(): name for name in columns}

    def sort_key(self, start: int, end: int) -> SortKey:
        start, end = _stripped(self.text, start, end)
        nulls = _NULLS.search(self.text, start, end)
        if nulls:
            refuse(
                self.text, nulls.start(1) - 6, end, "NULLs have no place in the order",
                cause="a tuple with NULL in it takes no part", remedy="remove `nulls`, or order by coalesce(…)",
            )  # fmt: skip
        direction = _DIRECTION.search(self.text, start, end)
        operand = self.operand(start, direction.start() if direction else end)
        return SortKey(operand, direction is not None and direction[1].lower() == "desc")

    def operand(self, start: int, end: int) -> Operand:
        """An expression over one tuple that uses a column."""
        start, end = _stripped(self.text, start, end)
        body = self.qualified(start, end)
        with body.errors_in_original():
            parser = self._parser(body)
            tokens = tokenise(body.text)
            parser.predicates(tokens, negated=False)
            operand = parser.operand(tokens)
        return replace(operand, text=self.text[start:end])

    def conditions(self, start: int, end: int) -> tuple[Predicate, ...]:
        """Conditions over one tuple."""
        body = self.qualified(*_stripped(self.text, start, end))
        with body.errors_in_original():
            return tuple(self._parser(body).conjunction(tokenise(body.text)))

    def _parser(self, body: Translation) -> Predicates:
        return Predicates(body.text, {self.variable: (self.relation, self.columns)})

    def qualified(self, start: int, end: int) -> Translation:
        """The text with the tuple variable before each column that has none."""
        body, at = Translation(self.text), start
        for place in self._bare_columns(start, end):
            body.keep(at, place)
            body.put(f"{self.variable}.", place, place)
            at = place
        body.keep(at, end)
        return body

    def _bare_columns(self, start: int, end: int) -> Iterator[int]:
        part = Translation(self.text)
        part.keep(start, end)
        with part.errors_in_original():
            tokens = tokenise(part.text)
        for position, token in enumerate(tokens):
            before = tokens[position - 1] if position else None
            after = tokens[position + 1].token_type.name if position + 1 < len(tokens) else ""
            quoted = part.text[token.start] == "`"
            if token.token_type.name in {"STRING", "NUMBER"} or _is_name_part(before) or after in {"DOT", "L_PAREN"}:
                continue
            if not quoted and token.text.lower() in _RESERVED:
                continue
            if token.text.lower() in self.names:
                yield start + token.start
            elif quoted or len(tokens) == 1:
                refuse(
                    self.text, start + token.start, start + token.end + 1,
                    f"{self.relation} has no column {token.text}",
                    remedy=did_you_mean(token.text, self.columns, "write one of its columns"),
                )  # fmt: skip


def _is_name_part(before: Token | None) -> bool:
    """Whether a name belongs to what is before it: ``t.`` of a column, or ``as`` of a type."""
    return before is not None and (before.token_type.name == "DOT" or before.text.lower() == "as")
