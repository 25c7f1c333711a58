"""Syntax that the embedded engine reads or answers otherwise than Apache Spark; refused before a query runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.inference import Types
from vertebra.spark_sql.types import INTEGERS, SqlType
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

    match node:
        case exp.Pivot():
            raise UnsupportedError(
                "PIVOT and UNPIVOT are only available on Apache Spark",
                cause="the embedded engine refuses them, or keeps other rows",
                remedy="aggregate with filter: sum(x) filter (where y = 'a') as a",
            )
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
        case exp.SetOperation():
            _check_columns(node, types)


def _is_ordered(window: exp.Window) -> bool:
    return window.args.get("order") is not None or window.args.get("alias") is not None


def _check_columns(operation: exp.SetOperation, types: Types) -> None:
    """The columns of both sides of UNION and the like have one type."""
    left, right = types.columns_of(operation.this), types.columns_of(operation.expression)
    for (name, one), two in zip(left.items(), right.values(), strict=False):
        if one is not None and two is not None and not _alike(one, two):
            raise UnsupportedError(
                f"the column {name} is {one} in one part and {two} in the other",
                cause="the engines unite values of different types in different ways",
                remedy=f"cast it in both parts, e.g. cast({name} as {one})",
            )


def _alike(one: SqlType, two: SqlType) -> bool:
    integers = one.family in INTEGERS and two.family in INTEGERS
    nested = one.family == two.family in ("array", "map", "struct")
    return one == two or integers or nested or "null" in (one.family, two.family)
