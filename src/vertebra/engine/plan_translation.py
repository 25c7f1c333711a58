"""A user's DataFrame on the embedded engine: its plan is inspected before it runs.

Every expression of the plan is translated like that of a query (:mod:`vertebra.spark_sql`). What has to be rewritten
goes back into the plan as SQL text, under the name that the column had.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from vertebra.engine.plan_expressions import ExpressionTree
from vertebra.spark_sql.dialect import write
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
        expressions = list(_messages(body, "Expression"))
        if expressions:
            columns = self._columns(below)
            for one in expressions:
                self._expression(one, columns, below)

    def _columns(self, relations: list[Any]) -> Columns:
        found: dict[str, Any] = {}
        for one in relations:
            for field in self._schema(one).fields:
                found[field.name] = parse_type(field.dataType.simpleString())
        return found

    def _schema(self, relation: Any) -> Any:
        from pyspark.sql.connect.proto import Plan

        return self._client.schema(Plan(root=relation))

    def _expression(self, message: Any, columns: Columns, below: list[Any]) -> None:
        which = message.WhichOneof("expr_type")
        if which in ("alias", "sort_order"):
            inner = message.alias.expr if which == "alias" else message.sort_order.child
            self._expression(inner, columns, [] if which == "alias" else below)
            return
        tree = ExpressionTree(message)
        made, problems, _ = translate_tree(tree.root, {**columns, **tree.opaque})
        if problems:
            first = problems[0]
            raise UnsupportedError(f"{first.fact}, in {write(tree.root)}", cause=first.cause, remedy=first.remedy)
        if made is None:
            return
        if tree.opaque or (tree.has_plan_ids and len(below) > 1):
            raise UnsupportedError(
                f"{write(tree.root)} cannot be checked for overflow",
                cause="it mixes arithmetic with a Python function, a nested literal, or columns named through a frame",
                remedy="compute that part in a column of its own first, with withColumn",
            )
        name = self._name(message, below)
        message.Clear()
        text = write(made.unalias())
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
