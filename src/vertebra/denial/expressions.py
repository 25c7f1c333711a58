"""Checks on the syntax tree of an expression that it uses only what a rule may contain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vertebra.denial.refusal import refuse
from vertebra.denial.tokens import Tokens, span
from vertebra.quoting import rule_column, shown_names, spark_text
from vertebra.spark_sql.determinism import NONDETERMINISTIC
from vertebra.suggestions import nearest

if TYPE_CHECKING:
    from sqlglot import exp

Ranges = Mapping[str, tuple[str, Mapping[str, str]]]
"""Tuple variable → relation and its columns with their types."""

_AGGREGATES: Final = {
    "any_value", "approx_count_distinct", "approx_percentile", "percentile", "percentile_approx", "bit_and", "bit_or",
    "bit_xor", "bool_and", "bool_or", "every", "some", "collect_list", "collect_set", "array_agg", "count_if",
    "count_min_sketch", "first_value", "last_value", "grouping", "histogram_numeric", "kurtosis", "skewness",
    "listagg", "string_agg", "max_by", "min_by", "mean", "median", "mode", "regr_count", "regr_slope", "regr_r2",
    "std", "try_avg", "try_sum", "hll_sketch_agg",
}  # fmt: skip
_CLASSES: Final = {
    "number": r"int|integer|bigint|long|smallint|short|tinyint|byte|float|real|double|decimal|dec|numeric",
    "text": r"string|varchar|char|character",
    "time": r"date|timestamp|timestamp_ntz|timestamp_ltz",
    "boolean": r"boolean|bool",
}


def check_expression(text: str, tokens: Tokens, ranges: Ranges) -> exp.Expr:
    """Parse part of a rule and check it.

    Returns:
        The syntax tree, without outer parentheses.

    Raises:
        RuleError: the text is not an expression, names an unknown column, contains an aggregate, a subquery, a window
            function or a non-deterministic function, or compares values of incompatible types.
    """
    from sqlglot import exp

    tree = _parsed(text, tokens)
    for node in tree.walk():
        if isinstance(node, exp.Column):
            _check_column(text, node, tokens, ranges)
        else:
            _check_node(text, node, tokens)
    for node in tree.walk():
        _check_types(text, node, tokens, ranges)
    return tree.unnest()


def is_comparison(tree: exp.Expr) -> bool:
    """Whether the root is one of the six comparison operators."""
    from sqlglot import exp

    return isinstance(tree, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE)


def _parsed(text: str, tokens: Tokens) -> exp.Expr:
    from sqlglot import exp
    from sqlglot.dialects.spark import Spark
    from sqlglot.errors import ParseError

    start, end = span(tokens)
    try:
        # the tokens know that a reserved word after a dot is a name
        (found_tree,) = Spark().parser().parse(list(tokens), text)
    except ParseError as error:
        found = error.errors[0] if error.errors else {"description": str(error)}
        length = len(str(found.get("highlight") or " "))
        place = max(start, int(found.get("col") or length) - length)
        reason = re.sub(r"Required keyword: '\w+' missing for .*", "an operand is missing", str(found["description"]))
        refuse(
            text, place, place + length, "this is not an expression", cause=reason,
            remedy="write e.g. `t.origin = s.origin and t.distance != s.distance`",
        )  # fmt: skip
    except Exception as error:  # sqlglot documents no complete list of its errors
        refuse(
            text, start, end, "this is not an expression", cause=f"it cannot be parsed: {type(error).__name__}",
            remedy="write fewer and simpler predicates",
        )  # fmt: skip
    tree = found_tree
    if not isinstance(tree, exp.Condition | exp.Predicate) or isinstance(tree, exp.Query):
        refuse(
            text, start, end, "this is not a condition",
            cause="a rule consists of predicates joined by `and`", remedy="write e.g. `t.distance <= 0`",
        )  # fmt: skip
    return tree


def _place(node: exp.Expr, tokens: Tokens) -> tuple[int, int]:
    """Start and end of a node in the text, from the positions that sqlglot keeps of it or its descendants."""
    places = [part.meta for part in node.walk() if "start" in part.meta]
    if not places:
        return span(tokens)
    return min(p["start"] for p in places), max(p["end"] for p in places) + 1


def _check_column(text: str, column: exp.Column, tokens: Tokens, ranges: Ranges) -> None:
    name = column.name
    start, end = _place(column.this, tokens)
    whole, _ = _place(column, tokens)
    variable, (_, first) = next(iter(ranges.items()))
    if column.args.get("db"):
        refuse(
            text, whole, end, f"{text[whole:end]} is not a column of a tuple variable",
            cause="a column is written variable.column", instead=rule_column(column.args["db"].name, column.table),
        )  # fmt: skip
    if not column.table:
        known = _named(name, first)
        refuse(
            text, start, end,
            f"{name} has no tuple variable" if known else f"{name} is neither a column nor a value",
            cause="a rule can have two tuple variables, so each column needs one",
            instead=rule_column(variable, known) if known else spark_text(name),
            remedy="" if known else f"write {spark_text(name)} for a string, {variable}.… for a column",
        )  # fmt: skip
    if column.table not in ranges:
        known = _named(name, first)
        refuse(
            text, whole, end, f"{column.table} is not a tuple variable here",
            cause=f"the tuple variables are {' and '.join(ranges)}",
            instead=rule_column(variable, known or name),
        )  # fmt: skip
    relation, columns = ranges[column.table]
    if not _named(name, columns):
        like = nearest(name, columns)
        meant = rule_column(column.table, like) if like else ""
        refuse(
            text, start, end, f"{relation} has no column {name or '*'}",
            cause=f"its columns are {shown_names(columns)}", instead=meant.partition(".")[2],
            remedy=f"did you mean {meant}?" if like else "write one of its columns",
        )  # fmt: skip


def _named(name: str, columns: Mapping[str, str]) -> str | None:
    """The column with a name, in any case."""
    return next((known for known in columns if known.lower() == name.lower()), None)


def _check_node(text: str, node: exp.Expr, tokens: Tokens) -> None:
    from sqlglot import exp

    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
    names = {name} if name else set(map(str.lower, node.sql_names())) if isinstance(node, exp.Func) else set()
    reason = remedy = ""
    if isinstance(node, exp.Query | exp.Subquery | exp.Exists):
        reason = "a rule cannot contain a subquery"
        remedy = 'name the other relation: {over: "flights t, planes p", where: "t.tailnum = p.tailnum and …"}'
    elif isinstance(node, exp.Window | exp.WindowSpec):
        reason = "a rule cannot contain a window function"
        remedy = "compare two tuples: t.… = s.… and t.… < s.…"
    elif isinstance(node, exp.AggFunc) or names & _AGGREGATES:
        reason = "a rule cannot contain an aggregate"
        remedy = "a rule is about one tuple or two; compute the aggregate in a view and check the view"
    elif isinstance(node, exp.UDTF | exp.Explode):
        reason = "a rule cannot contain a function that returns several rows"
        remedy = "use a function that returns one value for each row"
    elif names & NONDETERMINISTIC or isinstance(node, exp.SessionParameter):
        reason = f"{name or next(iter(sorted(names & NONDETERMINISTIC)))} is not deterministic"
        remedy = "compare with a column or a constant, so that the same data always gives the same violations"
    elif isinstance(node, exp.Placeholder | exp.Parameter):
        reason, remedy = "a rule cannot contain parameters", "write the value"
    elif isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        reason = "a rule cannot contain a NULL-safe comparison; = and != are not true of NULL"
        remedy = "write `=`, and use `required` to forbid NULLs"
    if reason:
        start, end = _place(node, tokens)
        refuse(text, start, end, reason, remedy=remedy)


def _check_types(text: str, node: exp.Expr, tokens: Tokens, ranges: Ranges) -> None:
    """Reject comparisons of different types: Spark would cast one side, which fails on values of another format."""
    from sqlglot import exp

    if is_comparison(node):
        others = [node.expression]
    elif isinstance(node, exp.In):
        others = list(node.expressions)
    elif isinstance(node, exp.Between):
        others = [node.args["low"], node.args["high"]]
    else:
        return
    kind = _class(node.this, ranges)
    for other in others:
        against = _class(other, ranges)
        literal_time = "time" in (kind, against) and isinstance(node.this if against == "time" else other, exp.Literal)
        if kind and against and kind != against and not (literal_time and "text" in (kind, against)):
            start, end = _place(node, tokens)
            first, second = (f"{_sql(e)} is {c}" for e, c in ((node.this, kind), (other, against)))
            refuse(
                text, start, end, "these values cannot be compared", cause=f"{first}, {second}",
                remedy=_comparable(node.this, kind, other, against),
            )  # fmt: skip


def _comparable(left: exp.Expr, kind: str, right: exp.Expr, against: str) -> str:
    from sqlglot import exp

    if isinstance(right, exp.Literal) and kind == "text":
        return f"write {spark_text(right.this)}"
    if isinstance(right, exp.Literal) and re.fullmatch(r"\d+\.?\d*|\.\d+", str(right.this)):
        return f"write {right.this}"
    if isinstance(right, exp.Literal):
        return (
            f"compare with a {'date or timestamp' if kind == 'time' else kind}, or declare another type for the column"
        )
    column = _sql(left if kind == "text" else right)
    target = {"number": "double", "time": "timestamp", "boolean": "boolean"}.get(
        against if kind == "text" else kind, "string"
    )
    return f"write cast({column} as {target}), or declare another type for the column"


def _sql(node: exp.Expr) -> str:
    """An operand as it can be written in a rule."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        return rule_column(node.table, node.name)
    return node.sql(dialect="spark")


def _class(node: exp.Expr, ranges: Ranges) -> str | None:
    """The class of types of a column or a literal; None for other expressions, whose types only the engine knows."""
    from sqlglot import exp

    node = node.unnest()
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    if isinstance(node, exp.Neg):
        return _class(node.this, ranges)
    if not isinstance(node, exp.Column) or node.table not in ranges:
        return None
    types = {name.lower(): declared for name, declared in ranges[node.table][1].items()}
    declared = re.match(r"\w+", types[node.name.lower()].strip().lower())
    for kind, pattern in _CLASSES.items():
        if declared and re.fullmatch(pattern, declared[0]):
            return kind
    return None
