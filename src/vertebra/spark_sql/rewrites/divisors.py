"""Divisors: a written zero is refused, NULL divided by zero is NULL, and a condition before a division guards it.

The embedded engine divides before it looks at NULL, and stops: ``sum(x) / count(x)`` of no values is NULL / 0. It also
computes both sides of AND and OR, and all branches of a CASE that gives a boolean, where Apache Spark computes those
that it needs: ``y != 0 and x / y > 1``. A CASE that gives a number is computed branch by branch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, expression
from vertebra.spark_sql.types import NUMBERS
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_LARGE: Final = 200
"""Nodes of a dividend that is not written twice: a chain of divisions would double with each."""


def guarded(rule: Rule) -> Rule:
    """The rule of an operator or function that divides its first argument by its second."""

    def divided(call: Call) -> exp.Expr | None:
        if call.in_rule or len(call.arguments) != 2:  # rules divide by NULL in place of zero
            return rule(call)
        _refuse_zero(call)
        safe = _null_by_zero(call)
        return rule(call) if safe is None else rule(safe) or safe.function

    return divided


def _conjunction(call: Call) -> exp.Expr | None:
    """``y != 0 and x / y > 1``: the right side where the left one is not false."""
    return _guarded_by_left(call, "case when not __a then 0 else cast((__a and __b) as int) end")


def _disjunction(call: Call) -> exp.Expr | None:
    """``y = 0 or x / y > 1``: the right side where the left one is not true."""
    return _guarded_by_left(call, "case when __a then 1 else cast((__a or __b) as int) end")


def _guarded_by_left(call: Call, template: str) -> exp.Expr | None:
    if call.in_rule or len(call.arguments) != 2:
        return None
    left, right = call.arguments
    if not _divisors(right) & _columns(left):
        return None
    return expression(f"cast({template} as boolean)", a=left, b=right)


def has_division(node: exp.Expr) -> bool:
    """Whether an expression divides by a value that may be zero."""
    return bool(_divisors(node))


def _divisors(node: exp.Expr) -> set[str]:
    """The columns that an expression divides by."""
    from sqlglot import exp

    found: set[str] = set()
    for part in node.find_all(exp.Div, exp.Mod, exp.IntDiv, exp.Anonymous):
        if not isinstance(part, exp.Anonymous):
            found |= _columns(part.expression)
        elif part.name.lower() in ("mod", "pmod") and len(part.expressions) == 2:
            found |= _columns(part.expressions[1])
    return found


def _columns(node: exp.Expr) -> set[str]:
    from sqlglot import exp

    return {column.name.lower() for column in node.find_all(exp.Column)}


def with_both(call: Call, first: exp.Expr, second: exp.Expr) -> exp.Expr:
    """The call with two other arguments."""
    from sqlglot import exp

    node = call.function.copy()
    if isinstance(node, exp.Anonymous):
        node.set("expressions", [first, second])
    else:
        node.set("this", first)
        node.set("expression", second)
    return node


def _refuse_zero(call: Call) -> None:
    if _number(call.arguments[1]) == 0:
        raise UnsupportedError(
            f"{call.name} of a number by 0",
            cause="it stops with an error for every value that is not NULL",
            remedy="write null, or a divisor that can be another number",
        )


def _null_by_zero(call: Call) -> Call | None:
    """The call with NULL for the divisor where the dividend is NULL; None where that cannot matter."""
    first, second = call.arguments
    if any(kind is not None and kind.family not in (*NUMBERS, "string", "null") for kind in call.kinds):
        return None
    if _number(second) is not None or _number(first) is not None or sum(1 for _ in first.walk()) > _LARGE:
        return None
    divisor = expression("case when __first is null then null else __second end", first=first, second=second)
    made = with_both(call, first.copy(), divisor)
    return replace(call, function=made, node=made, arguments=[first, divisor])


def _number(node: exp.Expr) -> float | None:
    """The value of a number that is written, as ``2``, ``2D`` or ``-2``."""
    node = node.unnest()
    sign = -1 if node.key == "neg" else 1
    node = node.this.unnest() if node.key == "neg" else node
    node = node.this.unnest() if node.key in ("cast", "trycast") else node  # 2D
    return sign * float(node.name) if node.key == "literal" and not node.args.get("is_string") else None


RULES: Final[dict[str, Rule]] = {"and": _conjunction, "or": _disjunction}
