"""Tokenises the text of a rule, splits it into predicates, and renders operands as Spark SQL.

Rendering edits the user's text and does not generate SQL from a syntax tree, which could change the meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from vertebra.denial.refusal import refuse
from vertebra.denial.widening import FLOATING, widened
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_OPENING: Final = {"L_PAREN", "L_BRACKET", "L_BRACE", "CASE"}
_CLOSING: Final = {"R_PAREN", "R_BRACKET", "R_BRACE", "END"}
_MAX_DEPTH: Final = 50
_DIVISIONS: Final = {"SLASH", "MOD", "DIV"}
_DIVIDING: Final = {"mod", "pmod", "div"}
_CASTS: Final = {
    "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "date", "timestamp", "boolean", "binary",
}  # fmt: skip
"""Functions that cast to the type they are named after."""
_UNREAD_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\[^\\'\"%_0nrtZu])")
_LOOK_AROUND = re.compile(r"\(\?<?[=!]")

Tokens = Sequence["Token"]


def tokenise(text: str) -> list[Token]:
    """Tokenise the text of a rule.

    Raises:
        RuleError: the text is not SQL, has a comment, or has a string that Spark reads in an unexpected way.
    """
    from sqlglot.dialects.spark import Spark

    try:
        found: list[Token] = list(Spark().tokenize(text))
    except Exception as error:  # sqlglot documents no complete list of its errors
        refuse(
            text, len(text) - 1, len(text), "the rule cannot be parsed", cause=str(error).split(" at ")[0],
            remedy="close every quote and bracket",
        )  # fmt: skip
    if not found:
        refuse(text, 0, len(text), "the rule is empty", remedy="write predicates, e.g. `t.distance <= 0`")
    _name_columns(found)
    for token in found:
        if token.comments:
            refuse(
                text, token.end + 1, len(text), "a rule cannot contain comments",
                remedy="write the comment in the rule's `description`",
            )  # fmt: skip
        if token.token_type.name == "STRING":
            _check_string(text, token)
        if text[token.start : token.end + 1] == "::":
            refuse(
                text, token.start, token.end + 1, "a rule cannot contain ::",
                cause=":: fails on the first value that cannot be cast",
                remedy="write cast(… as type), which gives NULL",
            )  # fmt: skip
        if token.token_type.name == "SEMICOLON":
            refuse(
                text, token.start, token.end + 1, "a rule cannot contain ;", cause="a rule is a condition",
                remedy="remove it; write two rules as two entries",
            )  # fmt: skip
    for before, token in pairwise(found):
        if before.token_type.name == token.token_type.name == "STRING":
            refuse(
                text, before.end, token.start + 1, "two strings follow each other",
                cause="doubled quotes in a string do not mean the same in all versions of Spark SQL",
                remedy=f"write \\{text[before.end]} for a quote in a string",
            )  # fmt: skip
    _check_brackets(text, found)
    _check_betweens(text, found)
    return found


def _name_columns(tokens: Sequence[Token]) -> None:
    """Treat a keyword after a dot, such as ``t.end``, as a column name."""
    from sqlglot.tokenizer_core import TokenType

    for before, token in pairwise(tokens):
        if before.token_type.name == "DOT" and re.match(r"[^\W\d]", token.text):
            token.token_type = TokenType.VAR


def _check_string(text: str, token: Token) -> None:
    raw = text[token.start : token.end + 1]
    control = next((place for place, letter in enumerate(raw) if ord(letter) < 32), None)
    if control is not None:
        refuse(
            text, token.start + control, token.start + control + 1, "a string contains a line break or a tab",
            cause="YAML and editors may change white space in it", remedy="write \\n or \\t",
        )  # fmt: skip
    escape = _UNREAD_ESCAPE.search(raw)
    if escape:
        refuse(
            text, token.start + escape.start(1), token.start + escape.end(1),
            f"{escape[1]} in a string means {escape[1][1]!r}",
            cause="Spark SQL interprets the backslash before the regular expression does",
            remedy=f"write \\{escape[1]}",
        )  # fmt: skip
    around = _LOOK_AROUND.search(raw)
    if around and re.search(r"\b(rlike|regexp\w*)\b", text, re.IGNORECASE):
        refuse(
            text, token.start + around.start(), token.start + around.end(),
            "a regular expression uses look-ahead or look-behind",
            cause="the embedded engine does not support them",
            remedy="write two predicates: `rlike '…' and t.x not rlike '…'`",
        )  # fmt: skip


def _check_brackets(text: str, tokens: Tokens) -> None:
    depth = 0
    for token in tokens:
        depth += change(token)
        if depth > _MAX_DEPTH:
            refuse(
                text, token.start, token.end + 1, f"brackets are nested more than {_MAX_DEPTH} levels deep",
                remedy="remove some",
            )  # fmt: skip
        if depth < 0:
            refuse(text, token.start, token.end + 1, "this bracket has no opening bracket", remedy="remove it")
    if depth:
        refuse(text, len(text), len(text) + 1, "a bracket is not closed", remedy="add `)`")


def _check_betweens(text: str, tokens: Tokens) -> None:
    """Each ``between`` needs an ``and`` in the same brackets: the SQL parser accepts ``t.a between 1 5``."""
    pending: list[list[Token]] = [[]]
    for token in tokens:
        step, kind = change(token), token.token_type.name
        if step > 0:
            pending.append([])
        elif step < 0:
            _check_complete(text, pending.pop())
        elif kind == "BETWEEN":
            pending[-1].append(token)
        elif kind == "AND" and pending[-1]:
            pending[-1].pop()
    _check_complete(text, pending.pop())


def _check_complete(text: str, betweens: Sequence[Token]) -> None:
    for token in betweens:
        refuse(
            text, token.start, token.end + 1, "`between` without `and`",
            remedy="write e.g. `t.distance between 1 and 5000`",
        )  # fmt: skip


def change(token: Token) -> int:
    """By how much a token changes the depth of nesting."""
    kind = token.token_type.name
    return 1 if kind in _OPENING else -1 if kind in _CLOSING else 0


def outermost(tokens: Tokens, kinds: set[str]) -> list[int]:
    """Indexes of the tokens of these kinds that are not in brackets."""
    found, depth = [], 0
    for position, token in enumerate(tokens):
        depth += change(token)
        if depth == 0 and token.token_type.name in kinds:
            found.append(position)
    return found


def split_at_and(text: str, tokens: Tokens) -> list[Tokens]:
    """The conjuncts of a condition: split at each outermost ``and`` that does not belong to a ``between``."""
    pieces: list[Tokens] = []
    start, pending = 0, 0
    for position in outermost(tokens, {"AND", "BETWEEN"}):
        if tokens[position].token_type.name == "BETWEEN":
            pending += 1
        elif pending:
            pending -= 1
        else:
            pieces.append(tokens[start:position])
            start = position + 1
    pieces.append(tokens[start:])
    for place, piece in enumerate(pieces):
        if not piece:
            at = start if place == len(pieces) - 1 else 0
            token = tokens[max(0, at - 1)] if tokens else None
            where = (token.start, token.end + 1) if token else (0, 1)
            refuse(text, *where, "a predicate is missing", remedy="write one on each side of `and`")
    return pieces


def without_parentheses(tokens: Tokens) -> Tokens:
    """The tokens without outer parentheses."""
    while len(tokens) > 1 and tokens[0].token_type.name == "L_PAREN" and _closes_last(tokens):
        tokens = tokens[1:-1]
    return tokens


def _closes_last(tokens: Tokens) -> bool:
    depth = 0
    for position, token in enumerate(tokens):
        depth += change(token)
        if depth == 0:
            return position == len(tokens) - 1
    return False


def span(tokens: Tokens) -> tuple[int, int]:
    """Start and end of the tokens in the text."""
    return tokens[0].start, tokens[-1].end + 1


def references(tokens: Tokens, variables: Sequence[str]) -> list[tuple[int, str, Token]]:
    """The column references: position of the variable's token, the variable, the column's token."""
    found = []
    for position in range(len(tokens) - 2):
        head, dot, column = tokens[position : position + 3]
        starts = position == 0 or tokens[position - 1].token_type.name != "DOT"
        if starts and dot.token_type.name == "DOT" and head.text in variables:
            found.append((position, head.text, column))
    return found


def render(
    text: str, tokens: Tokens, variables: Sequence[str], columns: Mapping[str, tuple[str, str]], comparison: Tokens = ()
) -> str:
    """The tokens as Spark SQL over the relation.

    Failing casts and divisions by zero give NULL, so that one bad row cannot fail a run. Integers are added and
    multiplied in a type in which they cannot overflow.

    Args:
        text: the text of the rule.
        tokens: the operand.
        variables: the tuple variables.
        columns: lower-case column name → declared name and type.
        comparison: the comparison that the operand is part of, if the comparison uses one tuple variable.
    """
    edits: list[tuple[int, int, str]] = []
    found = references(tokens, variables)
    types = {position: columns[column.text.lower()][1].lower() for position, _, column in found}
    wider = widened(tokens, types, compared=bool(comparison))
    around = {columns[column.text.lower()][1].lower() for _, _, column in references(comparison, variables)}
    if FLOATING & (around | set(types.values())):
        edits += [(end, end, "D") for end in _decimal_literals(text, tokens)]
    for position, _, column in found:
        name = spark_identifier(columns[column.text.lower()][0])
        value = f"cast({name} as {wider[position]})" if position in wider else name
        edits.append((tokens[position].start, column.end + 1, value))
    for position, token in enumerate(tokens[:-1]):
        if tokens[position + 1].token_type.name == "L_PAREN" and not _is_column(tokens, position):
            edits.extend(_guarded_call(tokens, position))
        if token.token_type.name in _DIVISIONS and not follows_function_name(tokens, position):
            edits.extend(_guarded(tokens, position))
    start, end = span(tokens)
    rendered, at = [], start
    for first, last, replacement in sorted(edits):
        rendered += [text[at:first], replacement]
        at = last
    return "".join([*rendered, text[at:end]])


def _decimal_literals(text: str, tokens: Tokens) -> Iterator[int]:
    """The end positions of decimal literals such as ``0.1``; a ``D`` there makes them doubles.

    To compare a floating-point column with a decimal literal, the embedded engine would cast the column to decimal,
    which rounds, and fails on NaN. Spark casts the literal to double.
    """
    for position, token in enumerate(tokens):
        end = token.end + 1
        fractional = "." in token.text or text[token.start - 1 : token.start] == "."
        typed = position + 1 < len(tokens) and tokens[position + 1].token_type.name == "DCOLON"
        if token.token_type.name == "NUMBER" and fractional and not typed and "e" not in token.text.lower():
            yield end


def follows_function_name(tokens: Tokens, position: int) -> bool:
    """Whether ``mod`` or ``div`` is a function, as in ``mod(a, b)``, and not an operator."""
    before = tokens[position - 1].token_type.name if position else "L_PAREN"
    return before in {"L_PAREN", "COMMA", "AND", "EQ"} and tokens[position + 1].token_type.name == "L_PAREN"


def _is_column(tokens: Tokens, position: int) -> bool:
    return position > 0 and tokens[position - 1].token_type.name == "DOT"


def _guarded_call(tokens: Tokens, position: int) -> list[tuple[int, int, str]]:
    """Edits that make a call return NULL if its argument cannot be cast, or if its divisor is zero."""
    token, name = tokens[position], tokens[position].text.lower()
    if name == "cast":
        return [(token.start, token.end + 1, "try_cast")]
    of_a_cast = position > 0 and tokens[position - 1].text.lower() == "as"
    if of_a_cast or (name not in _CASTS and name not in _DIVIDING):
        return []
    inner, depth = position + 2, 0
    last, close = inner, inner
    for close in range(inner, len(tokens)):
        depth += change(tokens[close])
        if depth < 0:
            break
        if depth == 0 and tokens[close].token_type.name == "COMMA":
            last = close + 1
    ending = tokens[close].start
    if name in _CASTS:
        return [(token.start, token.end + 1, "try_cast"), (ending, ending, f" as {name}")]
    opening = tokens[last].start
    return [(opening, opening, "nullif("), (ending, ending, ", 0)")]


def _guarded(tokens: Tokens, position: int) -> list[tuple[int, int, str]]:
    """Edits that replace a divisor of zero after ``position`` by NULL."""
    first = position + 1
    last = _operand_end(tokens, first)
    if first == last and tokens[first].token_type.name == "NUMBER" and float(tokens[first].text) != 0:
        return []
    opening, closing = tokens[first].start, tokens[last].end + 1
    return [(opening, opening, "nullif("), (closing, closing, ", 0)")]


def _operand_end(tokens: Tokens, first: int) -> int:
    """Position of the last token of the factor that starts at ``first``."""
    position = first
    while tokens[position].token_type.name in {"DASH", "PLUS"} and position < len(tokens) - 1:
        position += 1
    depth = change(tokens[position])
    while position < len(tokens) - 1:
        following = tokens[position + 1]
        kind = following.token_type.name
        if depth == 0 and kind not in {"DOT", "L_PAREN", "L_BRACKET"} and tokens[position].text != ".":
            return position
        depth += change(following)
        position += 1
    return position
