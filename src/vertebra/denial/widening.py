"""Chooses wider types for the columns of an expression, so that nothing overflows and both engines agree.

On overflow, integers wrap around in the embedded engine, which would hide violations, and raise an error in Spark,
which would fail the run. Columns that are added or multiplied are therefore cast to a wider type. The engines disagree
whether the 32-bit float 0.1 equals the literal 0.1, so floats are cast to double; they are then not equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_NARROW: Final = frozenset({"tinyint", "byte", "smallint", "short", "int", "integer"})
_FLOAT: Final = frozenset({"float", "real"})
FLOATING: Final = _FLOAT | {"double"}
"""Types of floating-point numbers."""
_WIDE: Final = frozenset({"bigint", "long"})
_TOKENS_OF_COLUMN: Final = 3
"""Tokens of ``t.column``."""
_NEGATING: Final = frozenset({"abs", "negative"})
"""Functions that overflow on the smallest integer."""
_ARITHMETIC: Final = frozenset({"PLUS", "DASH", "STAR"})
_BITWISE: Final = frozenset({"AMP", "PIPE", "CARET", "TILDE", "LT_LT", "GT_GT"})
_DIVISION: Final = frozenset({"SLASH", "DIV"})
_BEFORE_A_SIGN: Final = frozenset({"COMMA", "EQ", "GT", "GTE", "L_PAREN", "LT", "LTE", "NEQ", "NULLSAFE_EQ"})
_NUMERIC_FUNCTIONS: Final = frozenset(
    {"abs", "ceil", "ceiling", "coalesce", "floor", "greatest", "ifnull", "least", "mod", "negative", "nullif", "nvl",
     "pmod", "positive", "round", "sign", "signum"}
)  # fmt: skip
"""Functions that accept numbers of any type."""


def widened(tokens: Sequence[Token], columns: Mapping[int, str], compared: bool = False) -> dict[int, str]:
    """The types to cast the columns of an operand to: floats, and integers that are added, subtracted or multiplied.

    Args:
        tokens: the operand.
        columns: index of the variable's token of each column reference → type of the column.
        compared: whether the operand is compared within its tuple; if not, a single column is not cast.

    Returns:
        Index → type: ``double`` for floats; for integers ``bigint`` if the result fits, else ``decimal(20,0)``. Not
        cast are single columns, expressions with dates or times, arguments of functions that require a type, and
        divided 64-bit integers, whose quotient is a double, while that of decimals would be a decimal.
    """
    if len(tokens) == _TOKENS_OF_COLUMN and not compared:
        return {}
    floats = {
        position: "double" for position, kind in columns.items() if kind in _FLOAT and _takes_numbers(tokens, position)
    }
    return floats | _wider_integers(tokens, columns)


def _wider_integers(tokens: Sequence[Token], columns: Mapping[int, str]) -> dict[int, str]:
    kinds = [token.token_type.name for token in tokens]
    timed = any(kind.startswith(("date", "timestamp", "interval")) for kind in columns.values())
    computed = any(kind in _ARITHMETIC and not _is_sign(tokens, place) for place, kind in enumerate(kinds))
    computed |= any(token.text.lower() in _NEGATING for token in tokens)
    if timed or "INTERVAL" in kinds or not computed or _BITWISE & set(kinds):
        return {}
    divided = bool(_DIVISION & set(kinds))
    large = kinds.count("STAR") > 1 or any(
        _is_large(token.text) for token in tokens if token.token_type.name == "NUMBER"
    )
    found = {}
    for position, kind in columns.items():
        if not _takes_numbers(tokens, position):
            continue
        if kind in _NARROW and (divided or not large):
            found[position] = "bigint"
        elif kind in _NARROW | _WIDE and not divided:
            found[position] = "decimal(20,0)"
    return found


def _is_sign(tokens: Sequence[Token], place: int) -> bool:
    """Whether a token is the minus sign of a number."""
    if tokens[place].token_type.name != "DASH" or tokens[place + 1].token_type.name != "NUMBER":
        return False
    before = tokens[place - 1] if place else None
    return before is None or before.text.lower() in _KEYWORDS or before.token_type.name in _BEFORE_A_SIGN


def _is_large(number: str) -> bool:
    return number.isdigit() and int(number) >= 1 << 31


def _takes_numbers(tokens: Sequence[Token], position: int) -> bool:
    """Whether every function around a column accepts numbers of any type."""
    depth = 0
    for place in range(position - 1, -1, -1):
        kind = tokens[place].token_type.name
        depth += (kind in {"R_PAREN", "R_BRACKET"}) - (kind in {"L_PAREN", "L_BRACKET"})
        if depth < 0:
            depth = 0
            if kind == "L_BRACKET" or not _opens_for_numbers(tokens, place):
                return False
    return True


def _opens_for_numbers(tokens: Sequence[Token], bracket: int) -> bool:
    """Whether a bracket groups, or belongs to a function that accepts numbers of any type."""
    name = tokens[bracket - 1].text if bracket else ""
    called = bool(name) and (name[-1].isalnum() or name[-1] in "_`") and name.lower() not in _KEYWORDS
    return not called or name.lower() in _NUMERIC_FUNCTIONS


_KEYWORDS: Final = frozenset({"and", "or", "not", "between", "in", "when", "then", "else", "case", "is", "like"})
"""Keywords after which a bracket groups."""
