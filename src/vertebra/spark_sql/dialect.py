"""How users' SQL is parsed and written: SparkSQL in which every function call keeps its name and its arguments.

The general Spark dialect of sqlglot turns calls into its own functions and writes them in another form. Here a call
stays a call, so that the check finds functions by the names that Spark documents, and the text that is generated
calls what the user called.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.spark import Spark

_SPECIAL_SYNTAX: Final = ("CAST", "TRY_CAST", "EXTRACT", "OVERLAY", "POSITION", "SUBSTR", "SUBSTRING", "TRIM")
"""Functions with a syntax of their own, such as ``extract(year from d)``."""


@cache
def dialect() -> type[Spark]:
    """The dialect of users' SQL, for sqlglot."""
    from sqlglot import exp
    from sqlglot.dialects.spark import Spark
    from sqlglot.parsers.spark import SparkParser
    from sqlglot.tokenizer_core import TokenType

    def positive(parser: SparkParser) -> exp.Expr | None:
        """``+x`` is ``positive(x)``; the sign of a number is left out."""
        operand = parser._parse_unary()
        if operand is None or (isinstance(operand, exp.Literal) and not operand.is_string):
            return operand
        return exp.Anonymous(this="positive", expressions=[operand])

    class UserSqlParser(SparkParser):
        FUNCTIONS: ClassVar = {}
        ARRAY_CONSTRUCTORS: ClassVar = {}  # array(1, 2)[0] is an element, not an array of one
        UNARY_PARSERS: ClassVar = {**SparkParser.UNARY_PARSERS, TokenType.PLUS: positive}
        FUNCTION_PARSERS: ClassVar = {name: SparkParser.FUNCTION_PARSERS[name] for name in _SPECIAL_SYNTAX}

    class UserSql(Spark):
        Parser = UserSqlParser

    return UserSql


def write(tree: exp.Expr) -> str:
    """The text of a syntax tree."""
    return tree.sql(dialect=dialect())


def parse_query(text: str) -> exp.Query:
    """Parse one query.

    Raises:
        sqlglot.errors.SqlglotError: the text does not parse.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError

    tree = sqlglot.parse_one(text, dialect=dialect())
    if not isinstance(tree, exp.Query):
        raise ParseError(f"it is {tree.key.upper()}, not a query")
    return tree


def parse_expression(text: str) -> exp.Expr:
    """Parse one expression, such as a feature or a part of a rule.

    Raises:
        sqlglot.errors.SqlglotError: the text does not parse.
    """
    import sqlglot

    return sqlglot.parse_one(text, dialect=dialect())


def function_name(node: exp.Expr) -> str:
    """The name of the function or operator of a node in lower case, ``""`` for other nodes.

    Operators are named as Spark's documentation lists them: ``+``, ``div``, ``between``, ``<=>``, ``cast``.
    """
    from sqlglot import exp

    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if isinstance(node, exp.Cast):
        return "try_cast" if node.args.get("safe") else "cast"
    return _names().get(type(node), node.sql_name().lower() if isinstance(node, exp.Func) else "")


@cache
def _names() -> dict[type[exp.Expr], str]:
    from sqlglot import exp

    return {
        exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "div", exp.Mod: "%", exp.Neg: "negative",
        exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.NullSafeEQ: "<=>",
        exp.NullSafeNEQ: "is distinct from", exp.And: "and", exp.Or: "or", exp.Not: "not", exp.Is: "is",
        exp.In: "in", exp.Between: "between", exp.Like: "like", exp.ILike: "ilike", exp.RegexpLike: "rlike",
        exp.DPipe: "||", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^", exp.BitwiseNot: "~",
        exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>", exp.Case: "case", exp.If: "if",
        exp.Extract: "extract", exp.Substring: "substring", exp.StrPosition: "position",
        exp.Trim: "trim", exp.Overlay: "overlay", exp.Transform: "transform", exp.Concat: "concat",
        exp.CurrentDate: "current_date", exp.CurrentTimestamp: "current_timestamp", exp.CurrentUser: "current_user",
        exp.Exists: "exists", exp.Interval: "interval", exp.Array: "array", exp.AtTimeZone: "at time zone",
    }  # fmt: skip
