"""A user's DataFrame on the embedded engine: its plan is inspected before it runs.

Every expression of the plan is translated like that of a query (:mod:`vertebra.spark_sql`). What has to be rewritten
goes back into the plan as SQL text, under the name that the column had.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from vertebra.engine.plan_expressions import ExpressionTree
from vertebra.spark_sql.dialect import write
from vertebra.spark_sql.rewrites.coercion import checked_cast
from vertebra.spark_sql.rewrites.unions import check_united
from vertebra.spark_sql.syntax import check_compared_rows
from vertebra.spark_sql.translate import translate_tree
from vertebra.spark_sql.types import Columns, parse_type
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_UNVERIFIED: Final = {
    "pivot": "pivot(…)",
    "sql": "session.sql(…)", "sample": "sample(…)", "sample_by": "sampleBy(…)", "summary": "summary(…)",
    "describe": "describe(…)", "crosstab": "crosstab(…)", "cov": "cov(…)", "corr": "corr(…)",
    "approx_quantile": "approxQuantile(…)", "freq_items": "freqItems(…)",
    "unpivot": "unpivot(…)", "transpose": "transpose(…)",
}  # fmt: skip
"""Operations that are refused: their answers are random, approximate, or not compared with Apache Spark's."""


def translated_frame(frame: DataFrame, inputs: Collection[DataFrame]) -> DataFrame:
    """The frame that gives Apache Spark's answer on the embedded engine.

    Args:
        frame: made from ``inputs``; only what was done to them is inspected.

    Returns:
        The same frame if its plan needs no change.

    Raises:
        UnsupportedError: the embedded engine cannot compute a part of it as Apache Spark does.
    """
    return _Plan(frame, {id_ for one in inputs if (id_ := _plan_id(one)) is not None}).translated()


class _Plan:
    def __init__(self, frame: DataFrame, inputs: set[int]) -> None:
        self._frame: Any = frame  # of Spark Connect, whose plan the types of PySpark do not show
        self._inputs = inputs
        self._client: Any = self._frame.sparkSession.client
        self._changed = False

    def translated(self) -> DataFrame:
        from pyspark.sql.connect.dataframe import DataFrame as ConnectFrame
        from pyspark.sql.connect.plan import LogicalPlan

        plan = self._frame._plan.to_proto(self._client)
        self._relation(plan.root)
        if not self._changed:
            return cast("DataFrame", self._frame)
        root = plan.root

        class Translated(LogicalPlan):
            def plan(self, session: Any) -> Any:  # noqa: ARG002 - the plan is made already
                return root

        return cast("DataFrame", ConnectFrame(Translated(None), self._frame.sparkSession))

    def _relation(self, relation: Any) -> None:
        """Translate the expressions of a relation and of those below it, the lowest first."""
        if relation.common.plan_id in self._inputs and relation.common.HasField("plan_id"):
            return
        kind = relation.WhichOneof("rel_type")
        if kind == "aggregate" and relation.aggregate.HasField("pivot"):
            kind = "pivot"
        if kind in _UNVERIFIED:
            raise UnsupportedError(
                f"{_UNVERIFIED[kind]} is not supported",
                cause="its answer on the embedded engine is not known to be Apache Spark's",
                remedy="compute it with functions of pyspark.sql.functions, or in views/<name>.sql",
            )
        body = getattr(relation, kind)
        below = list(_messages(body, "Relation"))
        for one in below:
            self._relation(one)
        if kind == "set_op":
            self._check_set_operation(body)
        expressions = list(_messages(body, "Expression"))
        if expressions:
            columns = self._columns(below)
            for one in expressions:
                self._expression(one, columns, below, key=kind == "sort")

    def _check_set_operation(self, operation: Any) -> None:
        """The columns of both sides have one type: the embedded engine casts to the types of the first side."""
        left, right = (
            {field.name: parse_type(field.dataType.simpleString()) for field in self._schema(one).fields}
            for one in (operation.left_input, operation.right_input)
        )
        pairs = (
            [(name, kind, right[name]) for name, kind in left.items() if name in right]
            if operation.by_name
            else [(name, kind, other) for (name, kind), other in zip(left.items(), right.values(), strict=False)]
        )
        for name, one, two in pairs:
            check_united(name, one, two)
        if operation.set_op_type != operation.SET_OP_TYPE_UNION:
            word = "intersect" if operation.set_op_type == operation.SET_OP_TYPE_INTERSECT else "except"
            check_compared_rows([*left.values(), *right.values()], word, every=operation.is_all)

    def _columns(self, relations: list[Any]) -> Columns:
        found: dict[str, Any] = {}
        for one in relations:
            for field in self._schema(one).fields:
                found[field.name] = parse_type(field.dataType.simpleString())
        return found

    def _schema(self, relation: Any) -> Any:
        from pyspark.sql.connect.proto import Plan

        return self._client.schema(Plan(root=relation))

    def _expression(self, message: Any, columns: Columns, below: list[Any], *, key: bool = False) -> None:
        """Translate an expression in place; a key of a sort is put into the form in which Spark orders it."""
        from sqlglot import exp

        which = message.WhichOneof("expr_type")
        if which == "alias":
            self._expression(message.alias.expr, columns, [])
            return
        if which == "sort_order":
            self._expression(message.sort_order.child, columns, below, key=True)
            return
        tree = ExpressionTree(message)
        root = exp.Ordered(this=tree.root) if key else tree.root
        made, problems, _ = translate_tree(root, {**columns, **tree.opaque})
        if problems:
            first = problems[0]
            raise UnsupportedError(f"{first.fact}, in {write(tree.root)}", cause=first.cause, remedy=first.remedy)
        apart = tree.opaque or (tree.has_plan_ids and len(below) > 1)
        if made is None and not key and not apart and checked_cast(root) is not root:
            made = root
        if made is None:
            return
        if apart:
            raise UnsupportedError(
                f"{write(tree.root)} cannot be checked for overflow",
                cause="it mixes arithmetic with a Python function, a nested literal, or columns named through a frame",
                remedy="compute that part in a column of its own first, with withColumn",
            )
        name = None if key else self._name(message, below)
        message.Clear()
        text = write(made.this if key else checked_cast(made.unalias()))
        if name is None:
            message.expression_string.expression = text
        else:
            message.alias.expr.expression_string.expression = text
            message.alias.name.append(name)
        self._changed = True

    def _name(self, message: Any, below: list[Any]) -> str | None:
        """The name of the column that an expression makes without an alias."""
        from pyspark.sql.connect.proto import Relation

        if len(below) != 1:
            return None
        asked = Relation()
        asked.project.input.CopyFrom(below[0])
        asked.project.expressions.add().CopyFrom(message)
        return str(self._schema(asked).fields[0].name)


def _plan_id(frame: DataFrame) -> int | None:
    plan = getattr(frame, "_plan", None)
    return getattr(plan, "_plan_id", None)


def _messages(message: Any, name: str) -> Iterator[Any]:
    """The messages of a type within another one, the outermost only."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
        for one in value if repeated else [value]:
            if not hasattr(one, "DESCRIPTOR"):
                continue  # a map of settings
            if one.DESCRIPTOR.full_name == f"spark.connect.{name}":
                yield one
            elif one.DESCRIPTOR.full_name not in ("spark.connect.Relation", "spark.connect.Expression"):
                yield from _messages(one, name)
