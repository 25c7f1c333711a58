"""The arguments of calls and operators, and the columns that functions make rows with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.dialect import function_name
from vertebra.spark_sql.types import BIGINT, INT, STRING, SqlType, common_type

if TYPE_CHECKING:
    from sqlglot import exp


def arguments(call: exp.Expr) -> list[exp.Expr]:
    """The operands of an operator or the arguments of a call, in the order in which they are written."""
    from sqlglot import exp

    if isinstance(call, exp.Anonymous):
        return [one.unalias() if isinstance(one, exp.Alias) else one for one in call.expressions]
    if isinstance(call, exp.In):
        return [call.this, *call.expressions, *([call.args["query"]] if call.args.get("query") else [])]
    if isinstance(call, exp.Between):
        return [call.this, call.args["low"], call.args["high"]]
    if isinstance(call, exp.Extract):
        return [call.this, call.expression]
    return [child for child in call.iter_expressions() if not isinstance(child, exp.DataType | exp.Var)]


GENERATORS: Final = frozenset(
    {
        "explode",
        "explode_outer",
        "posexplode",
        "posexplode_outer",
        "inline",
        "inline_outer",
        "stack",
        "json_tuple",
        "range",
    }
)
"""Functions that make rows."""


def generated_columns(call: exp.Expr, kinds: Sequence[SqlType | None]) -> dict[str, SqlType | None]:
    """The columns of a function that makes rows, with the names that they have without an alias."""
    name, first = function_name(call), (kinds[0] if kinds else None)
    position: dict[str, SqlType | None] = {"pos": INT} if name.startswith("pos") else {}
    match name.removesuffix("_outer").removeprefix("pos"):
        case "explode" if first is not None and first.family == "map":
            return {**position, "key": first.key, "value": first.element}
        case "explode":
            return {**position, "col": first.element if first else None}
        case "inline":
            fields = first.element.fields if first and first.element else ()
            return {field.lower(): kind for field, kind in fields}
        case "range":
            return {"id": BIGINT}
        case "stack":
            rows = arguments(call)
            count = int(rows[0].name) if rows and rows[0].name.isdigit() else 1
            width = -(-(len(kinds) - 1) // max(count, 1))
            return {f"col{i}": common_type(kinds[1 + i :: width]) for i in range(width)}
        case "json_tuple":
            return {f"c{i}": STRING for i in range(max(len(kinds) - 1, 0))}
        case _:
            return {}
