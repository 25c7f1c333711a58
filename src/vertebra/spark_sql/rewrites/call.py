"""A call of a function or operator, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.spark_sql.dialect import dialect, parse_expression
from vertebra.spark_sql.types import SqlType

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Call:
    """A call, with its FILTER and OVER clauses around it.

    Attributes:
        name: the function or operator, in lower case.
        node: the call with the clauses around it; the rule's result takes its place.
        function: the call itself.
        arguments: its arguments, already rewritten.
        kinds: their types, None where unknown.
        kind: the type of the result.
        complete: the columns of all tables are known, so that an unknown type is a limit of the inference.
        select: the query around the call; it may define windows by name.
        correlated: it is in a scalar subquery, and has a column of the query around that.
        in_rule: it is in a rule, whose comparisons of integers and decimals the engines compute alike.
    """

    name: str
    node: exp.Expr
    function: exp.Expr
    arguments: Sequence[exp.Expr]
    kinds: Sequence[SqlType | None]
    kind: SqlType | None
    complete: bool
    select: exp.Select | None = None
    correlated: bool = False
    in_rule: bool = False

    @property
    def frame(self) -> exp.WindowSpec | None:
        """The frame of its OVER clause, None if there is none or it is the default one."""
        from sqlglot import exp

        if not isinstance(self.node, exp.Window):
            return None
        spec: exp.WindowSpec | None = self.node.args.get("spec")
        name = self.node.args.get("alias")
        select = self.select
        if spec is None and name is not None and select is not None:
            named = next((one for one in select.args.get("windows") or () if one.name == name.name), None)
            spec = named.args.get("spec") if named is not None else None
        return spec


Rule = Callable[[Call], "exp.Expr | None"]


def expression(template: str, **parts: exp.Expr | str) -> exp.Expr:
    """An expression from a text in which ``__name`` stands for a part.

    Example:
        >>> from vertebra.spark_sql.dialect import write
        >>> write(expression("cast(__x as bigint)", x="a + 1"))
        'CAST((a + 1) AS BIGINT)'
    """
    from sqlglot import exp

    root = exp.Paren(this=parse_expression(template))
    for hole in list(root.find_all(exp.Column, exp.Identifier)):
        if not hole.name.startswith("__") or isinstance(hole.parent, exp.Column):
            continue
        part = parts[hole.name.removeprefix("__")]
        node = parse_expression(part) if isinstance(part, str) else part.copy()
        hole.replace(exp.Paren(this=node) if isinstance(node, exp.Binary | exp.Unary | exp.Predicate) else node)
    made: exp.Expr = root.this
    return made


def cast(node: exp.Expr, kind: SqlType | str) -> exp.Expr:
    """``cast(node as kind)``."""
    from sqlglot import exp

    return exp.Cast(this=node.copy(), to=exp.DataType.build(str(kind), dialect=dialect()))


def narrowed(node: exp.Expr, kind: SqlType | None, target: SqlType) -> exp.Expr | None:
    """A decimal rounded or cut to the digits that a cast keeps; None if the cast keeps all.

    Where a cast is compared with a literal, the embedded engine compares what is cast with it instead, as if no cast
    lost digits: ``cast(1.49 as decimal(2,1)) = 1.5`` would be false.

    Args:
        kind: the type of the node, None for a decimal of more digits than the target.
    """
    if target.family == "decimal":
        if kind is not None and kind.scale <= target.scale:
            return None
        return expression(f"round(__x, {target.scale})", x=node)
    if kind is not None and kind.scale == 0:
        return None
    return expression("case when __x < 0 then ceil(__x) else floor(__x) end", x=node)


def try_cast(node: exp.Expr, kind: SqlType | str) -> exp.Expr:
    """``try_cast(node as kind)``."""
    from sqlglot import exp

    return exp.TryCast(this=node.copy(), to=exp.DataType.build(str(kind), dialect=dialect()), safe=True)
