"""The signature of a call: its function with its clauses, the types of its arguments, and its literals.

The conformance corpus is recorded under the same signatures (:mod:`vertebra.spark_sql.support`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.calls import arguments
from vertebra.spark_sql.determinism import run_function
from vertebra.spark_sql.dialect import function_name, write
from vertebra.spark_sql.types import SqlType, from_tree

if TYPE_CHECKING:
    from sqlglot import exp

_ANY: Final = SqlType("any")
_LAMBDA: Final = SqlType("lambda")
CASTS: Final = frozenset(
    {"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "date", "timestamp", "string", "binary"}
)
"""Functions named after a type: ``int(x)`` is ``cast(x as int)``."""
_UNARY: Final = {"negative": "unary -", "~": "unary ~", "not": "unary not"}


@dataclass(frozen=True)
class Signature:
    """The signature of a call.

    Attributes:
        name: the function or operator in lower case.
        variant: the same with its clauses, such as ``sum over rows``.
        kinds: types of the arguments, None where unknown.
        literals: the arguments that are equal in all rows, as text.
        is_function: whether it is called by name, in contrast to an operator or a part of the syntax.
    """

    name: str
    variant: str
    kinds: tuple[SqlType | None, ...]
    literals: tuple[str, ...]
    is_function: bool


def clauses() -> tuple[type[exp.Expr], ...]:
    """Clauses around a call."""
    from sqlglot import exp

    return (exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)


def called(node: exp.Expr) -> exp.Expr:
    """The call within its clauses."""
    while isinstance(node, clauses()):
        node = node.this
    return node


def plain_arguments(function: exp.Expr) -> list[exp.Expr]:
    """The arguments of a call, without DISTINCT."""
    from sqlglot import exp

    found = arguments(function)
    return list(found[0].expressions) if len(found) == 1 and isinstance(found[0], exp.Distinct) else found


def signature(node: exp.Expr, type_of: Callable[[exp.Expr], SqlType | None]) -> Signature:
    """The signature of a call in its clauses."""
    from sqlglot import exp

    function = called(node)
    name = function_name(function)
    parts = plain_arguments(function)
    kinds = [_kind(one, type_of) for one in parts]
    literals = [_text(one) for one in parts if isinstance(one, exp.Lambda) or not _varies(one)]
    if isinstance(function, exp.Cast):
        kinds.append(from_tree(function.to))
        literals = [write(function.to).lower().replace(", ", ",")]
    elif isinstance(function, exp.Extract):
        literals = [function.this.name.lower()]
    elif name in CASTS and len(parts) == 1:
        name, literals = "cast", [name]
        kinds.append(SqlType(literals[0]))
    units = parts[:1] if name in _WITH_UNITS and len(parts) == _UNIT_AND_TWO and _is_unit(parts[0]) else []
    kinds = [kind for kind, one in zip(kinds, [*parts, None], strict=False) if one not in units]
    literals = [*[one.name.upper() for one in units if isinstance(one.unnest(), exp.Column)], *literals]
    variant = _UNARY.get(name, name) + (" distinct" if _is_distinct(function) else "") + _clauses_of(node)
    return Signature(
        name, variant, tuple(kinds), tuple(literals), isinstance(function, exp.Anonymous) and name != "cast"
    )


def _kind(node: exp.Expr, type_of: Callable[[exp.Expr], SqlType | None]) -> SqlType | None:
    from sqlglot import exp

    if isinstance(node, exp.Star):
        return _ANY
    return _LAMBDA if isinstance(node, exp.Lambda) else type_of(node)


_WITH_UNITS: Final = frozenset({"timestampadd", "timestampdiff", "dateadd", "datediff", "date_add", "date_diff"})
_UNIT_AND_TWO: Final = 3
_UNITS: Final = frozenset(
    {"microsecond", "millisecond", "second", "minute", "hour", "day", "dayofyear", "week", "month", "quarter", "year"}
)


def _is_unit(node: exp.Expr) -> bool:
    """Whether an argument is a word such as the DAY of ``datediff(DAY, a, b)``."""
    from sqlglot import exp

    plain = isinstance(node, exp.Column) and not node.table
    return isinstance(node, exp.Var) or (plain and node.name.lower() in _UNITS)


def _varies(node: exp.Expr) -> bool:
    """Whether an argument has other values in other rows, or in other runs."""
    from sqlglot import exp

    return any(isinstance(part, exp.Column) or run_function(part) for part in node.walk())


def _text(node: exp.Expr) -> str:
    return write(node.unnest())


def _is_distinct(function: exp.Expr) -> bool:
    from sqlglot import exp

    found: Sequence[exp.Expr] = arguments(function)
    return bool(found) and isinstance(found[0], exp.Distinct)


def _clauses_of(node: exp.Expr) -> str:
    from sqlglot import exp

    found = set()
    frame = ""
    while isinstance(node, clauses()):
        found.add(type(node))
        if isinstance(node, exp.Window):
            frame = _frame(node)
        node = node.this
    names = {exp.IgnoreNulls: "ignore nulls", exp.Filter: "filter", exp.WithinGroup: "within group", exp.Window: "over"}
    text = "".join(f" {name}" for kind, name in names.items() if kind in found)
    return text + frame


def _frame(window: exp.Window) -> str:
    spec = window.args.get("spec")
    if spec is None:
        return ""
    kind = str(spec.args.get("kind") or "").lower()
    named = {"UNBOUNDED", "CURRENT ROW", ""}
    by_value = any(str(spec.args.get(side) or "").upper() not in named for side in ("start", "end"))
    return f" {kind}" + (" by value" if kind == "range" and by_value else "")
