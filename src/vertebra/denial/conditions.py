"""The set of values that satisfy a condition, and implication between conditions.

Sound, but not complete: only the forms below are understood; for any other condition :func:`condition` returns None.
Numbers are compared by value. Strings are equal only if their literals are the same, because a date can be written in
several ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp

_EXACT_DIGITS: Final = 15
"""Different numbers of at most 15 digits are different doubles, so the engine does not confuse them."""


@dataclass(frozen=True)
class Interval:
    """The numbers between two bounds; None means unbounded."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        """Whether the interval has no numbers."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def intersection(self, other: Interval) -> Interval:
        """The intersection of the two intervals."""
        lows = [(i.low, i.low_open) for i in (self, other) if i.low is not None]
        highs = [(i.high, not i.high_open) for i in (self, other) if i.high is not None]
        low, low_open = max(lows, default=(None, False))
        high, high_closed = min(highs, default=(None, True))
        return Interval(low, high, low_open, not high_closed)

    def is_subset(self, other: Interval) -> bool:
        """Whether the interval is a subset of the other one."""
        return self.empty or self.intersection(other) == self


@dataclass(frozen=True)
class Outside:
    """Numbers that are not in an interval."""

    interval: Interval


@dataclass(frozen=True)
class OneOf:
    """The listed values, as literals."""

    literals: frozenset[str]


@dataclass(frozen=True)
class NoneOf:
    """All non-NULL values except the listed ones."""

    literals: frozenset[str]


@dataclass(frozen=True)
class IsNull:
    """NULL."""


@dataclass(frozen=True)
class NotNull:
    """Any value that is not NULL."""


Values = Interval | Outside | OneOf | NoneOf | IsNull | NotNull


@dataclass(frozen=True)
class Condition:
    """A condition that is true if an expression has one of a set of values."""

    expression: str
    values: Values


@lru_cache(maxsize=4096)
def condition(sql: str) -> Condition | None:
    """Parse an SQL condition; None if its form is not understood."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
    except SqlglotError:
        return None
    return _parsed(tree.unnest(), negated=False)


def implies(values: Values, asked: Values) -> bool:
    """Whether the first set of values is a subset of the second."""
    if values == asked:
        return True
    if isinstance(values, IsNull) or isinstance(asked, IsNull):
        return False
    if isinstance(asked, NotNull):
        return True
    match values, asked:
        case OneOf(), OneOf():
            return values.literals <= asked.literals
        case NoneOf(), NoneOf():
            return values.literals >= asked.literals
        case OneOf(), NoneOf():
            return not (_numbers(values) is None or _numbers(asked) is None) and not (
                set(_numbers(values) or ()) & set(_numbers(asked) or ())
            )
        case OneOf(), _:
            numbers = _numbers(values)
            return numbers is not None and all(implies(Interval(n, n), asked) for n in numbers)
        case Interval(), Interval():
            return values.is_subset(asked)
        case Interval(), Outside():
            return values.intersection(asked.interval).empty
        case Interval(), NoneOf():
            numbers = _numbers(asked)
            return numbers is not None and all(values.intersection(Interval(n, n)).empty for n in numbers)
        case Outside(), Outside():
            return asked.interval.is_subset(values.interval)
    return False


def disjoint(first: Values, second: Values) -> bool:
    """Whether the two sets of values are disjoint."""
    if isinstance(first, IsNull) != isinstance(second, IsNull):
        return True
    other = complement(second)
    return other is not None and not isinstance(first, IsNull) and implies(first, other)


def complement(values: Values) -> Values | None:
    """All other non-NULL values; for NULL, all non-NULL values. None if they cannot be expressed."""
    match values:
        case IsNull():
            return NotNull()
        case NotNull():
            return IsNull()
        case OneOf(literals):
            return NoneOf(literals)
        case NoneOf(literals):
            return OneOf(literals)
        case Outside(interval):
            return interval
        case Interval(low, None, low_open, _) if low is not None:
            return Interval(high=low, high_open=not low_open)
        case Interval(None, high, _, high_open) if high is not None:
            return Interval(low=high, low_open=not high_open)
        case Interval():
            return Outside(values)
    return None


def _parsed(tree: exp.Expr, *, negated: bool) -> Condition | None:
    from sqlglot import exp

    if isinstance(tree, exp.Not):
        return _parsed(tree.this.unnest(), negated=not negated)
    if isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null):
        return _condition_on(tree.this, NotNull() if negated else IsNull())
    if isinstance(tree, exp.In) and tree.expressions:
        literals = [_literal(one) for one in tree.expressions]
        known = frozenset(one for one in literals if one is not None)
        if len(known) < len(set(map(str, tree.expressions))):
            return None
        return _condition_on(tree.this, NoneOf(known) if negated else OneOf(known))
    if isinstance(tree, exp.Between):
        low, high = (_number(_literal(tree.args[end])) for end in ("low", "high"))
        if low is None or high is None:
            return None
        return _condition_on(tree.this, Outside(Interval(low, high)) if negated else Interval(low, high))
    return _comparison(tree, negated)


def _comparison(tree: exp.Expr, negated: bool) -> Condition | None:
    from sqlglot import exp

    kinds: dict[type[exp.Expr], str] = {
        exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    }  # fmt: skip
    sign = kinds.get(type(tree))
    if sign is None:
        return None
    left, right = tree.this.unnest(), tree.expression.unnest()
    if _literal(right) is None:
        left, right = right, left
        sign = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
    literal = _literal(right)
    if literal is None or _literal(left) is not None:
        return None
    if negated:
        sign = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}[sign]
    if sign in ("=", "!="):
        return _condition_on(left, OneOf(frozenset([literal])) if sign == "=" else NoneOf(frozenset([literal])))
    number = _number(literal)
    if number is None:
        return None
    below = sign in ("<", "<=")
    ends = Interval(high=number, high_open=sign == "<") if below else Interval(low=number, low_open=sign == ">")
    return _condition_on(left, ends)


def _condition_on(expression: exp.Expr, values: Values) -> Condition:
    return Condition(expression.unnest().sql(dialect="spark"), values)


def _literal(node: exp.Expr) -> str | None:
    """A constant as text, with numbers in a canonical form; None if the node is not a constant."""
    from sqlglot import exp

    node = node.unnest()
    if isinstance(node, exp.Neg):
        inner = _literal(node.this)
        return f"-{inner}" if inner is not None and _number(inner) is not None and inner != "0" else inner
    if isinstance(node, exp.Boolean):
        return str(node.sql()).lower()
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return repr(str(node.this))
    number = _number(str(node.this))
    return str(node.this) if number is None else format(number.normalize(), "f")


def _number(text: str | None) -> Decimal | None:
    if text is None or text[:1] == "'" or text[:1] == '"':
        return None
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    return number if number.is_finite() and len(number.normalize().as_tuple().digits) <= _EXACT_DIGITS else None


def _numbers(values: OneOf | NoneOf) -> list[Decimal] | None:
    found = [_number(literal) for literal in values.literals]
    known = [number for number in found if number is not None]
    return known if len(known) == len(found) else None
