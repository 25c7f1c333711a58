"""The functions that the plan of a user's DataFrame calls, of which none may read the clock or draw numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from vertebra.spark_sql.determinism import of_function
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def functions_called(frame: DataFrame, inputs: Collection[DataFrame]) -> Iterator[tuple[str, int]]:
    """The functions that a frame calls, in lower case, with the number of their arguments.

    Args:
        frame: made from ``inputs``; only what was done to them is looked at. Functions in texts of SQL are included,
            such as those of ``expr`` and ``selectExpr``.
    """
    plan: Any = frame
    known = {number for one in inputs if (number := _plan_id(one)) is not None}
    yield from _of_message(plan._plan.to_proto(plan.sparkSession.client).root, known)


def require_deterministic(frame: DataFrame, inputs: Collection[DataFrame]) -> None:
    """Refuse a frame whose rows are not the same in each run.

    Args:
        frame: made from ``inputs``; only what was done to them is looked at.

    Raises:
        UnsupportedError: it reads the clock, or draws random numbers.
    """
    for name, arguments in functions_called(frame, inputs):
        found = of_function(name, arguments)
        if found:
            remedy = found.remedy.replace("write", "in a SQL view, write") if "run_" in found.remedy else found.remedy
            raise UnsupportedError(found.fact, cause=found.cause, remedy=remedy)


def _plan_id(frame: Any) -> int | None:
    return getattr(frame._plan, "_plan_id", None)


def _of_message(message: Any, known: Collection[int]) -> Iterator[tuple[str, int]]:
    kind = message.DESCRIPTOR.name
    if kind == "Relation" and message.common.plan_id in known:
        return
    if kind == "UnresolvedFunction":
        yield message.function_name.lower(), len(message.arguments)
    elif kind == "ExpressionString":
        yield from _of_text(message.expression)
    elif kind == "Sample":
        yield "sample", 1
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        parts = value if isinstance(value, Collection) else [value]
        for part in parts:
            yield from _of_message(part, known)


def _of_text(text: str) -> Iterator[tuple[str, int]]:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    from vertebra.spark_sql.dialect import function_name, parse_expression

    try:
        tree = parse_expression(text)
    except SqlglotError:
        return  # the engine refuses it
    for node in tree.find_all(exp.Func):
        yield function_name(node), sum(1 for _ in node.iter_expressions())
