"""What values a condition is true of, where that can be read off its form; and which conditions imply which.

Sound, not complete: a condition of another form is true of nobody knows what, and implies nothing. Numbers are compared
as numbers; of texts only the same literal is known to be the same value, for a date may be written in several ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp

_EXACT_DIGITS: Final = 15
"""Numbers of at most so many digits stay apart when the engine compares them as doubles."""


@dataclass(frozen=True)
class Interval:
    """Numbers between two ends; None is no end."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        """Whether no number is between the ends."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meet(self, other: Interval) -> Interval:
        """The numbers in both."""
        lows = [(i.low, i.low_open) for i in (self, other) if i.low is not None]
        highs = [(i.high, not i.high_open) for i in (self, other) if i.high is not None]
        low, low_open = max(lows, default=(None, False))
        high, high_closed = min(highs, default=(None, True))
        return Interval(low, high, low_open, not high_closed)

    def within(self, other: Interval) -> bool:
        """Whether all its numbers are in the other."""
        return self.empty or self.meet(other) == self


@dataclass(frozen=True)
class Outside:
    """Numbers that are not in an interval."""

    interval: Interval


@dataclass(frozen=True)
class OneOf:
    """Some values, by their literals."""

    literals: frozenset[str]


@dataclass(frozen=True)
class NoneOf:
    """All values but some."""

    literals: frozenset[str]


@dataclass(frozen=True)
class Missing:
    """NULL."""


@dataclass(frozen=True)
class Present:
    """Any value that is not NULL."""


Values = Interval | Outside | OneOf | NoneOf | Missing | Present


@dataclass(frozen=True)
class Condition:
    """A condition that is true when an expression has certain values."""

    expression: str
    values: Values


@lru_cache(maxsize=4096)
def condition(sql: str) -> Condition | None:
    """The condition that an SQL text is; None where its form is none of those that are understood."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
    except SqlglotError:
        return None
    return _read(tree.unnest(), negated=False)


def implies(values: Values, asked: Values) -> bool:
    """Whether every one of some values is among those asked for."""
    if values == asked:
        return True
    if isinstance(values, Missing) or isinstance(asked, Missing):
        return False
    if isinstance(asked, Present):
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
            return values.within(asked)
        case Interval(), Outside():
            return values.meet(asked.interval).empty
        case Interval(), NoneOf():
            numbers = _numbers(asked)
            return numbers is not None and all(values.meet(Interval(n, n)).empty for n in numbers)
        case Outside(), Outside():
            return asked.interval.within(values.interval)
    return False


def exclude(first: Values, second: Values) -> bool:
    """Whether no value is among both."""
    if isinstance(first, Missing) != isinstance(second, Missing):
        return True
    other = complement(second)
    return other is not None and not isinstance(first, Missing) and implies(first, other)


def complement(values: Values) -> Values | None:
    """All other values that are not NULL; for NULL, all values. None where no form has them."""
    match values:
        case Missing():
            return Present()
        case Present():
            return Missing()
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


def _read(tree: exp.Expr, *, negated: bool) -> Condition | None:
    from sqlglot import exp

    if isinstance(tree, exp.Not):
        return _read(tree.this.unnest(), negated=not negated)
    if isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null):
        return _about(tree.this, Present() if negated else Missing())
    if isinstance(tree, exp.In) and tree.expressions:
        literals = [_literal(one) for one in tree.expressions]
        known = frozenset(one for one in literals if one is not None)
        if len(known) < len(set(map(str, tree.expressions))):
            return None
        return _about(tree.this, NoneOf(known) if negated else OneOf(known))
    if isinstance(tree, exp.Between):
        low, high = (_number(_literal(tree.args[end])) for end in ("low", "high"))
        if low is None or high is None:
            return None
        return _about(tree.this, Outside(Interval(low, high)) if negated else Interval(low, high))
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
        return _about(left, OneOf(frozenset([literal])) if sign == "=" else NoneOf(frozenset([literal])))
    number = _number(literal)
    if number is None:
        return None
    below = sign in ("<", "<=")
    ends = Interval(high=number, high_open=sign == "<") if below else Interval(low=number, low_open=sign == ">")
    return _about(left, ends)


def _about(expression: exp.Expr, values: Values) -> Condition:
    return Condition(expression.unnest().sql(dialect="spark"), values)


def _literal(node: exp.Expr) -> str | None:
    """A constant as text; numbers that are equal are written alike."""
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
