"""Expressions of a Spark Connect plan as syntax trees of SQL."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from vertebra.spark_sql.dialect import parse_expression
from vertebra.spark_sql.types import SqlType, parse_type

if TYPE_CHECKING:
    from sqlglot import exp

_EPOCH: Final = dt.datetime(1970, 1, 1)


class ExpressionTree:
    """The syntax tree of one expression of a plan.

    What SQL cannot say, such as a call of a Python function, becomes a column of a name of its own in :attr:`opaque`.

    Attributes:
        opaque: types of such columns by name, None where unknown.
        root: the tree.
        has_plan_ids: whether a column says which frame it is of, as in ``left["key"]``; SQL text cannot say that.
    """

    def __init__(self, message: Any) -> None:
        self.opaque: dict[str, SqlType | None] = {}
        self.has_plan_ids = False
        self.root = self._tree(message)

    def _opaque(self, kind: SqlType | None = None) -> exp.Expr:
        from sqlglot import exp

        name = f"__opaque_{len(self.opaque)}"
        self.opaque[name] = kind
        return exp.column(name)

    def _tree(self, message: Any) -> exp.Expr:
        from sqlglot import exp

        which = message.WhichOneof("expr_type")
        value: Any = getattr(message, which) if which else None
        match which:
            case "literal":
                return _literal(value) or self._opaque()
            case "unresolved_attribute":
                self.has_plan_ids |= value.HasField("plan_id")
                return _named(value.unparsed_identifier)
            case "unresolved_function" | "call_function":
                return self._function(value)
            case "expression_string":
                return parse_expression(value.expression)
            case "unresolved_star":
                return exp.Star()
            case "alias":
                return self._tree(value.expr)
            case "cast":
                return self._cast(value)
            case "sort_order":
                return self._tree(value.child)
            case "lambda_function":
                names = [exp.to_identifier(".".join(one.name_parts)) for one in value.arguments]
                return exp.Lambda(this=self._tree(value.function), expressions=names)
            case "unresolved_named_lambda_variable":
                return exp.to_identifier(".".join(value.name_parts))
            case "window":
                return self._window(value)
            case "unresolved_extract_value":
                return self._extracted(value)
            case "common_inline_user_defined_function" if value.HasField("python_udf"):
                text = _type_text(value.python_udf.output_type)
                return self._opaque(parse_type(text) if text else None)
            case _:
                return self._opaque()

    def _cast(self, value: Any) -> exp.Expr:
        from sqlglot import exp

        text = value.type_str if value.HasField("type_str") else _type_text(value.type)
        if text is None:
            return self._opaque()
        tried = value.eval_mode == value.EVAL_MODE_TRY
        made: exp.Expr = parse_expression(f"{'try_cast' if tried else 'cast'}(null as {text})")
        made.set("this", self._tree(value.expr))
        assert isinstance(made, exp.Cast)
        return made

    def _function(self, value: Any) -> exp.Expr:
        from sqlglot import exp

        name = value.function_name.lower()
        arguments = [self._tree(one) for one in value.arguments]
        operator = _binary().get(name)
        if operator is not None and len(arguments) == 2:
            return operator(this=exp.paren(arguments[0], copy=False), expression=exp.paren(arguments[1], copy=False))
        match name, arguments:
            case "not", [one]:
                return exp.Not(this=exp.paren(one))
            case "~", [one]:
                return exp.BitwiseNot(this=exp.paren(one))
            case "negative", [one]:
                return exp.Neg(this=exp.paren(one))
            case "isnull", [one]:
                return exp.Is(this=exp.paren(one), expression=exp.Null())
            case "isnotnull", [one]:
                return exp.Not(this=exp.paren(exp.Is(this=exp.paren(one), expression=exp.Null())))
            case "in", [one, *others]:
                return exp.In(this=exp.paren(one), expressions=others)
            case "when", _:
                pairs = zip(arguments[::2], arguments[1::2], strict=False)
                default = arguments[-1] if len(arguments) % 2 else None
                return exp.Case(ifs=[exp.If(this=one, true=two) for one, two in pairs], default=default)
        if getattr(value, "is_distinct", False):
            arguments = [exp.Distinct(expressions=arguments)]
        return exp.Anonymous(this=value.function_name, expressions=arguments)

    def _window(self, value: Any) -> exp.Expr:
        from sqlglot import exp

        order = [self._ordered(one) for one in value.order_spec]
        spec = self._frame(value.frame_spec) if value.HasField("frame_spec") else None
        return exp.Window(
            this=self._tree(value.window_function),
            partition_by=[self._tree(one) for one in value.partition_spec],
            order=exp.Order(expressions=order) if order else None,
            spec=spec,
            over="OVER",
        )

    def _ordered(self, value: Any) -> exp.Expr:
        from sqlglot import exp

        first = value.null_ordering == value.SORT_NULLS_FIRST
        down = value.direction == value.SORT_DIRECTION_DESCENDING
        return exp.Ordered(this=self._tree(value.child), desc=down, nulls_first=first)

    def _frame(self, value: Any) -> exp.Expr:
        from sqlglot import exp

        start, start_side = self._boundary(value.lower, "PRECEDING")
        end, end_side = self._boundary(value.upper, "FOLLOWING")
        kind = "ROWS" if value.frame_type == value.FRAME_TYPE_ROW else "RANGE"
        return exp.WindowSpec(kind=kind, start=start, start_side=start_side, end=end, end_side=end_side)

    def _boundary(self, value: Any, side: str) -> tuple[exp.Expr | str, str | None]:
        from sqlglot import exp

        match value.WhichOneof("boundary"):
            case "current_row":
                return "CURRENT ROW", None
            case "unbounded":
                return "UNBOUNDED", side
        tree = self._tree(value.value)
        number = tree.this if isinstance(tree, exp.Cast) else tree
        text = number.sql().strip("'")  # a bigint is a cast text
        if text.startswith("-"):
            return exp.Literal.number(text.removeprefix("-")), "PRECEDING"
        whole = exp.Literal.number(text) if text.isdigit() else number
        return ("CURRENT ROW", None) if text == "0" else (whole, "FOLLOWING")

    def _extracted(self, value: Any) -> exp.Expr:
        from sqlglot import exp

        child, key = self._tree(value.child), self._tree(value.extraction)
        if isinstance(key, exp.Literal) and key.is_string:
            return exp.Dot(this=child, expression=exp.to_identifier(key.name, quoted=True))
        return exp.Bracket(this=child, expressions=[key])


def _named(text: str) -> exp.Expr:
    """The column of a name, whose parts are separated by points and may be in backticks."""
    from sqlglot import exp

    parts = [quoted.replace("``", "`") or plain for quoted, plain in re.findall(r"`((?:[^`]|``)*)`|([^.`]+)", text)]
    return exp.column(*[exp.to_identifier(part, quoted=True) for part in reversed(parts)][:4])


@cache
def _binary() -> dict[str, Callable[..., exp.Expr]]:
    from sqlglot import exp

    return {
        "+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div, "%": exp.Mod, "==": exp.EQ, "=": exp.EQ, "!=": exp.NEQ,
        "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE, "<=>": exp.NullSafeEQ, "and": exp.And, "or": exp.Or,
        "&": exp.BitwiseAnd, "|": exp.BitwiseOr, "^": exp.BitwiseXor, "like": exp.Like, "ilike": exp.ILike,
        "rlike": exp.RegexpLike,
    }  # fmt: skip


def _literal(value: Any) -> exp.Expr | None:
    """The text of a literal as a tree; None for those that SQL cannot write in a short form."""
    which = value.WhichOneof("literal_type")
    given: Any = getattr(value, which) if which else None
    match which:
        case "null":
            return parse_expression("null")
        case "boolean":
            return parse_expression("true" if given else "false")
        case "integer":
            return parse_expression(str(given))
        case "byte" | "short" | "long":
            name = {"byte": "tinyint", "short": "smallint", "long": "bigint"}[which]
            return parse_expression(f"cast('{given}' as {name})")
        case "float" | "double":
            return parse_expression(f"cast('{_float_text(given)}' as {which})")
        case "decimal":
            return parse_expression(f"cast('{given.value}' as decimal({given.precision},{given.scale}))")
        case "string":
            from sqlglot import exp

            return exp.Literal.string(given)
        case "date":
            return parse_expression(f"cast('{(_EPOCH + dt.timedelta(days=given)).date()}' as date)")
        case "timestamp":
            return parse_expression(f"timestamp_micros(cast('{given}' as bigint))")
        case _:
            return None


def _float_text(value: float) -> str:
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))


def _type_text(message: Any) -> str | None:
    """The SQL of a type of a plan; None for types that the translation does not know."""
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    try:
        return str(proto_schema_to_pyspark_data_type(message).simpleString())
    except Exception:
        return None
