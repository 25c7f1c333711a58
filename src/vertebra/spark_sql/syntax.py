"""Syntax that the embedded engine reads or answers otherwise than Apache Spark; refused before a query runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.dialect import function_name
from vertebra.spark_sql.inference import Types
from vertebra.spark_sql.types import FLOATS, SqlType, contains
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_RANKING: Final = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead")
_MAX_BIGINT: Final = 2**63 - 1


def check_syntax(node: exp.Expr, types: Types) -> None:
    """Refuse a node of a query.

    Raises:
        UnsupportedError: it is such syntax.
    """
    from sqlglot import exp

    _check_spark_only(node)
    match node:
        case exp.Window() if node.this.name.lower() in _RANKING and not _is_ordered(node):
            raise UnsupportedError(
                f"{node.this.name.lower()} without an order",
                cause="rows have no order of their own, and Apache Spark refuses it",
                remedy="add order by to the window",
            )
        case exp.Literal() if not node.is_string and node.name.isdigit() and int(node.name) > _MAX_BIGINT:
            raise UnsupportedError(
                f"{node.name} is greater than any bigint",
                cause="the engines give it different types",
                remedy=f"write cast('{node.name}' as decimal(38,0))",
            )
        case exp.WithinGroup() if function_name(node.this) == "mode":
            _check_mode(types.of(node.expression.expressions[0].this))
        case exp.Kwarg():
            raise UnsupportedError(
                f"the argument {node.this.name} by its name",
                cause="Apache Spark takes arguments of most functions by their places only",
                remedy="write the arguments in their order, without names",
            )
        case exp.Where() | exp.Having():
            _check_condition(types.of(node.this), node.key)
        case exp.Join() if node.args.get("on") is not None:
            _check_condition(types.of(node.args["on"]), "on")
        case exp.If() if (kind := types.of(node.this)) is not None and kind.family != "null":
            _check_condition(kind, "case" if isinstance(node.parent, exp.Case) else "if")
        case exp.Ordered():
            _check_order(types.of(node.this))
            _check_window_order(node, types.of(node.this))
        case exp.Select() if node.args.get("distinct") is not None:
            _check_compared(types.columns_of(node).values(), "select distinct")
        case exp.SetOperation():
            _check_set_operation(node, types)


def _check_mode(kind: SqlType | None) -> None:
    if kind is not None and kind.family == "decimal":
        raise UnsupportedError(
            f"mode of {kind}",
            cause="the embedded engine does not compute it of decimals",
            remedy="cast to a text or to an integer: mode() within group (order by cast(x as string))",
        )


def _check_spark_only(node: exp.Expr) -> None:
    """Refuse what only Apache Spark reads."""
    from sqlglot import exp

    fact = remedy = ""
    match node:
        case exp.Pivot():
            fact, remedy = "PIVOT and UNPIVOT", "aggregate with filter: sum(x) filter (where y = 'a') as a"
        case exp.Qualify():
            fact = "QUALIFY"
            remedy = "write select … from (select …, row_number() over (…) as r from …) where r = 1"
        case exp.Group() if node.args.get("all"):
            fact, remedy = "GROUP BY ALL", "write the columns: group by a, b"
        case exp.Order() if [one.name.lower() for one in node.expressions] == ["all"] and _is_word(node.expressions[0]):
            fact, remedy = "ORDER BY ALL", "write the columns: order by a, b"
        case exp.QueryTransform():
            fact, remedy = "TRANSFORM … USING", "write functions, or a Python view"
        case exp.Lateral() if isinstance(node.this, exp.Subquery):
            fact, remedy = "a LATERAL subquery", "join the table, or a subquery of it with group by"
        case exp.Lateral() if not node.args.get("view"):
            fact, remedy = "LATERAL of a function", "write lateral view: from t lateral view explode(x) e as value"
        case exp.Star() if node.args.get("except_"):
            fact, remedy = "* except (…) of columns that are not known", "write the columns"
        case exp.With() if node.args.get("recursive"):
            fact, remedy = "WITH RECURSIVE", "write a Python view, or join the table with itself for each level"
        case exp.In() if node.args.get("query") is not None and _is_in_select_list(node):
            fact, remedy = "a subquery of IN outside of WHERE", "write exists (select * from s where s.k = t.k)"
    if fact:
        are = "are" if " and " in fact else "is"
        raise UnsupportedError(
            f"{fact} {are} only available on Apache Spark",
            cause="the embedded engine refuses it, or keeps other rows",
            remedy=remedy,
        )


def _is_word(node: exp.Expr) -> bool:
    from sqlglot import exp

    quoted = any(one.args.get("quoted") for one in node.find_all(exp.Identifier))
    return isinstance(node.this, exp.Column | exp.Var) and not quoted


def _is_in_select_list(node: exp.Expr) -> bool:
    from sqlglot import exp

    here: exp.Expr | None = node
    while here is not None and not isinstance(here.parent, exp.Select | None):
        here = here.parent
    return here is not None and here.arg_key == "expressions"


def _is_ordered(window: exp.Window) -> bool:
    return window.args.get("order") is not None or window.args.get("alias") is not None


def _check_condition(kind: SqlType | None, clause: str) -> None:
    if kind is not None and kind.family != "boolean":
        raise UnsupportedError(
            f"the condition of {clause} is {kind}, not boolean",
            cause="Apache Spark refuses it",
            remedy="compare it with a value, e.g. x != 0 or x is not null",
        )


def _check_order(kind: SqlType | None) -> None:
    if contains(kind, ("map",)):
        raise _not_compared("order by", kind)
    if kind is not None and kind.family not in FLOATS and contains(kind, FLOATS):
        raise UnsupportedError(
            f"order by {kind}",
            cause="the embedded engine orders NaN and zeros in it by their bits",
            remedy="order by its parts, e.g. order by x[0]",
        )


def _check_window_order(node: exp.Ordered, kind: SqlType | None) -> None:
    from sqlglot import exp

    if isinstance(node.find_ancestor(exp.Window, exp.Select), exp.Window) and contains(kind, ("binary", "struct")):
        raise UnsupportedError(
            f"a window that is ordered by {kind}",
            cause="the embedded engine cannot order windows by it",
            remedy="order by hex(x) of bytes, or by the fields of a struct",
        )


def _check_compared(kinds: Iterable[SqlType | None], clause: str) -> None:
    """Maps have no order and cannot be compared."""
    found = next((kind for kind in kinds if contains(kind, ("map",))), None)
    if found is not None:
        raise _not_compared(clause, found)


def _not_compared(clause: str, kind: SqlType | None) -> UnsupportedError:
    return UnsupportedError(
        f"{clause} of {kind}",
        cause="maps cannot be compared, and Apache Spark refuses it",
        remedy="use arrays instead: array_sort(map_keys(x)), or array_sort(map_entries(x))",
    )


def _check_set_operation(operation: exp.SetOperation, types: Types) -> None:
    from sqlglot import exp

    kinds = [*types.columns_of(operation.this).values(), *types.columns_of(operation.expression).values()]
    name = f"{operation.key} {'' if operation.args.get('distinct') else 'all'}".strip()
    if not isinstance(operation, exp.Union):
        check_compared_rows(kinds, operation.key, every=not operation.args.get("distinct"))
    elif name != "union all":
        _check_compared(kinds, name)


def check_compared_rows(kinds: Sequence[SqlType | None], operation: str, *, every: bool) -> None:
    """Refuse INTERSECT and EXCEPT of maps, and with ALL of floats.

    Args:
        kinds: the types of the columns.
        operation: ``intersect`` or ``except``.
        every: whether it is with ALL.

    Raises:
        UnsupportedError: it is refused.
    """
    _check_compared(kinds, operation)
    if every and any(contains(one, FLOATS) for one in kinds):
        raise UnsupportedError(
            f"{operation} all of floats",
            cause="the embedded engine compares NaN and zeros by their bits there",
            remedy=f"write {operation} without all, or cast the floats to decimals",
        )
