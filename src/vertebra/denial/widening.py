"""In which type the columns of an expression are computed: nothing overflows, and both engines give the same.

The embedded engine's integers wrap around, so that a sum of large values is negative and a wrong table is called
clean; Spark's raise, and fail the run. Columns that are added or multiplied are computed in a wider type. A 32-bit
floating-point number equals 0.1 to one engine and not to the other, so it is compared as a 64-bit one, which differs.
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
_OF_ONE_COLUMN: Final = 3
"""Tokens of ``t.column``."""
_NEGATING: Final = frozenset({"abs", "negative"})
"""Functions that the least integer overflows."""
_ARITHMETIC: Final = frozenset({"PLUS", "DASH", "STAR"})
_BITWISE: Final = frozenset({"AMP", "PIPE", "CARET", "TILDE", "LT_LT", "GT_GT"})
_DIVISION: Final = frozenset({"SLASH", "DIV"})
_BEFORE_A_SIGN: Final = frozenset({"COMMA", "EQ", "GT", "GTE", "L_PAREN", "LT", "LTE", "NEQ", "NULLSAFE_EQ"})
_OF_NUMBERS: Final = frozenset(
    {"abs", "ceil", "ceiling", "coalesce", "floor", "greatest", "ifnull", "least", "mod", "negative", "nullif", "nvl",
     "pmod", "positive", "round", "sign", "signum"}
)  # fmt: skip
"""Functions that take numbers of any type."""


def widened(tokens: Sequence[Token], columns: Mapping[int, str], compared: bool = False) -> dict[int, str]:
    """The type to compute with of the columns of an operand: integers that are added, subtracted or multiplied; floats.

    Args:
        tokens: an operand.
        columns: type of each column reference, by the position of its variable's token.
        compared: the operand is compared within its tuple; a column alone is left as it is where it is not.

    Returns:
        Type by position: ``double`` for floats; ``bigint`` where sums and one product of 32-bit integers fit, else
        ``decimal(20,0)``. None for a column alone, for columns beside times, for arguments of functions that want a
        type of their own, and for 64-bit integers that are divided: their quotient is a floating-point number, that of
        decimals would be another.
    """
    if len(tokens) == _OF_ONE_COLUMN and not compared:
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
    """Whether a token is the sign of the number after it."""
    if tokens[place].token_type.name != "DASH" or tokens[place + 1].token_type.name != "NUMBER":
        return False
    before = tokens[place - 1] if place else None
    return before is None or before.text.lower() in _KEYWORDS or before.token_type.name in _BEFORE_A_SIGN


def _is_large(number: str) -> bool:
    return number.isdigit() and int(number) >= 1 << 31


def _takes_numbers(tokens: Sequence[Token], position: int) -> bool:
    """Whether every function around the column at a position takes numbers of any type."""
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
    """Whether a bracket groups, or is that of a function of numbers."""
    name = tokens[bracket - 1].text if bracket else ""
    called = bool(name) and (name[-1].isalnum() or name[-1] in "_`") and name.lower() not in _KEYWORDS
    return not called or name.lower() in _OF_NUMBERS


_KEYWORDS: Final = frozenset({"and", "or", "not", "between", "in", "when", "then", "else", "case", "is", "like"})
"""Words after which a bracket groups."""
