"""Users' SQL in a form that gives Apache Spark's answer on the embedded engine, or the reasons why there is none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.determinism import run_function
from vertebra.spark_sql.dialect import dialect, function_name, parse_expression, parse_query, write
from vertebra.spark_sql.expansion import expand, expand_expression
from vertebra.spark_sql.inference import Types
from vertebra.spark_sql.rewrites import checked_by_value, rules
from vertebra.spark_sql.rewrites.arithmetic import moves_by_interval
from vertebra.spark_sql.rewrites.call import Call, try_cast
from vertebra.spark_sql.rewrites.coercion import checked_cast, ordered, unknown_type
from vertebra.spark_sql.rewrites.collections import rewrite_element
from vertebra.spark_sql.rewrites.frames import rewrite_frame
from vertebra.spark_sql.rewrites.unions import unite
from vertebra.spark_sql.scope import Scope
from vertebra.spark_sql.signatures import called, clauses, plain_arguments, signature
from vertebra.spark_sql.support import require_verified
from vertebra.spark_sql.syntax import check_syntax
from vertebra.spark_sql.types import FLOATS, TIMES, Columns, SqlType, common_type
from vertebra.spark_sql.unsupported import Problem, UnsupportedError, problem

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Translation:
    """What became of a text.

    Attributes:
        text: the SQL to run; the given text where nothing had to be rewritten.
        problems: why it cannot be run on the embedded engine.
        columns: the columns of a query and their types, None where unknown.
    """

    text: str
    problems: tuple[Problem, ...] = ()
    columns: Columns = field(default_factory=dict)


_WIDENED: Final = frozenset(
    {"+", "-", "*", "%", "div", "mod", "pmod", "negative", "positive", "abs", "&", "|", "^", "~", "<<", ">>"}
)
"""Operators and functions that rules compute in wider types (:mod:`vertebra.denial.widening`)."""


@dataclass(frozen=True)
class _Strictness:
    complete: bool
    verified: bool
    in_rule: bool = False


def translate_query(
    text: str, tables: Mapping[str, Columns], *, complete: bool = True, verified: bool = True
) -> Translation:
    """Translate a query.

    Args:
        text: one query, which parses.
        tables: columns of the tables that it reads, by their names as the query writes them.
        complete: the types of all columns are given. Otherwise what depends on an unknown type is not refused.
        verified: refuse functions whose answers are recorded to differ from Apache Spark's.
    """
    quoted = _doubled_quotes(text) or _pipe(text)
    if quoted:
        return quoted
    types = Types(tables)
    try:
        query = parse_query(text)
        _, expanded = expand_expression(query)
        columns = types.query(query)
        if expand(query, types):
            expanded = True
            types = Types(tables)
            columns = types.query(query)
        made, problems = _translated(query, types, len(text), _Strictness(complete, verified))
        if made is None and not expanded and not _begins_with_from(text):
            return Translation(text, tuple(problems), columns)
        return Translation(write(query if made is None else made), tuple(problems), columns)
    except RecursionError:
        return _too_deep(text)


def translate_expression(text: str, columns: Columns, *, complete: bool = True, verified: bool = True) -> Translation:
    """Translate an expression over the columns of one table."""
    quoted = _doubled_quotes(text)
    if quoted:
        return quoted
    try:
        made, problems, kind = translate_tree(
            parse_expression(text), columns, len(text), complete=complete, verified=verified
        )
        return Translation(text if made is None else write(made), problems, {"": kind})
    except RecursionError:
        return _too_deep(text)


def _doubled_quotes(text: str) -> Translation | None:
    """What is refused because a text has two quotes side by side: the embedded engine reads 'it\'\'s' as its."""
    tokens = dialect()().tokenize(text)
    for one, two in itertools.pairwise(tokens):
        if one.token_type.name == two.token_type.name == "STRING" and one.end + 1 == two.start:
            fact = "a quote that is written as two quotes"
            found = Problem(one.start, two.end + 1, fact, "the engines read it differently", "write it as \\'")
            return Translation(text, (found,))
    return None


def _pipe(text: str) -> Translation | None:
    """What is refused because a query is a pipe, such as ``from t |> where x > 1``."""
    pipe = next((one for one in dialect()().tokenize(text) if one.token_type.name == "PIPE_GT"), None)
    if pipe is None:
        return None
    cause = "the embedded engine does not read it"
    remedy = "write select … from … where …, with a subquery for each further step"
    return Translation(text, (Problem(pipe.start, pipe.end + 1, "the operator |>", cause, remedy),))


def _begins_with_from(text: str) -> bool:
    """Whether a query is written as ``from t select x``, which the embedded engine does not read."""
    tokens = dialect()().tokenize(text)
    return bool(tokens) and tokens[0].token_type.name == "FROM"


def _too_deep(text: str) -> Translation:
    """What is refused because it cannot be read to its end."""
    fact = "this SQL is nested too deeply"
    found = Problem(0, len(text), fact, "its parts cannot be checked", "write it in fewer and simpler parts")
    return Translation(text, (found,))


def translate_functions(text: str, columns: Columns) -> Translation:
    """Translate an expression of a rule: everything but its arithmetic, which rules compute in types of their own.

    A cast that fails gives NULL, so that bad data cannot fail a rule.
    """
    from sqlglot import exp

    try:
        tree, expanded = expand_expression(parse_expression(text))
        types = Types({})
        kind = types.expression(tree, Scope(sources={"": {name.lower(): one for name, one in columns.items()}}))
        made, problems = _translated(tree, types, len(text), _Strictness(complete=False, verified=True, in_rule=True))
        if made is None and not expanded:
            return Translation(text, tuple(problems), {"": kind})
        tolerant = (tree if made is None else made).transform(
            lambda node: try_cast(node.this, node.to.sql(dialect())) if type(node) is exp.Cast else node
        )
        return Translation(write(tolerant), tuple(problems), {"": kind})
    except RecursionError:
        return _too_deep(text)


def translate_comparison(
    operands: Sequence[str], kinds: Sequence[SqlType | None], has_floats: Sequence[bool]
) -> list[str]:
    """Both sides of a comparison within one tuple of a rule: NaN as Spark orders it, numbers and times in one type.

    Args:
        operands: the sides, translated.
        kinds: their types, None where unknown.
        has_floats: whether a side has a column of floats, which may be NaN.
    """
    common = common_type(kinds)
    families = {kind.family for kind in kinds if kind is not None}
    if common is None or not (common.family in FLOATS or (len(families) > 1 and families <= {*TIMES})):
        return list(operands)
    made = []
    for text, kind, floats in zip(operands, kinds, has_floats, strict=True):
        tree = parse_expression(text)
        new = tree
        if kind is not None and kind.family in ("decimal", *TIMES) and kind != common:
            new = try_cast(tree, common)
        elif floats:
            new = ordered(tree, kind)
        made.append(text if new is tree else write(new))
    return made


def translate_tree(
    tree: exp.Expr, columns: Columns, length: int = 0, *, complete: bool = True, verified: bool = True
) -> tuple[exp.Expr | None, tuple[Problem, ...], SqlType | None]:
    """Translate the syntax tree of an expression over the columns of one table.

    Args:
        length: characters of the text that it was parsed from.

    Returns:
        The tree to run, None if it needs no change; what is refused; and the type.
    """
    types = Types({})
    tree, expanded = expand_expression(tree)
    kind = types.expression(tree, Scope(sources={"": {name.lower(): one for name, one in columns.items()}}))
    made, problems = _translated(tree, types, length, _Strictness(complete, verified))
    return tree if made is None and expanded else made, tuple(problems), kind


def _translated(
    tree: exp.Expr, types: Types, length: int, strict: _Strictness
) -> tuple[exp.Expr | None, list[Problem]]:
    """The rewritten tree, None if nothing was rewritten, and what is refused."""
    from sqlglot import exp

    root = exp.Paren(this=tree)  # so that the tree itself can be replaced
    problems: list[Problem] = []
    refused_parts: set[int] = set()
    correlated = _correlated(tree, types)
    rewritten = False
    for node in reversed(list(tree.walk(bfs=False))):
        if any(id(part) in refused_parts for part in node.iter_expressions()):
            refused_parts.add(id(node))  # what contains a refused part is not refused for it as well
            continue
        try:
            made = _rewritten(node, types, strict, correlated=id(node) in correlated)
        except UnsupportedError as refused:
            problems.append(problem(node, refused, length))
            refused_parts.add(id(node))
            continue
        if made is node and isinstance(node, exp.SetOperation):
            rewritten = True  # in place
        elif made is not None and made is not node:
            types.set(made, types.of(node))
            node.replace(made)
            rewritten = True
    rewritten |= not problems and not strict.in_rule and _check_casts_of_subqueries(root)
    problems.sort(key=lambda one: one.start)
    return (root.this if rewritten or _has_doubled_quote(tree) else None), problems


def _check_casts_of_subqueries(root: exp.Expr) -> bool:
    """Have casts to integers made that a subquery selects, though only the query around it compares them.

    Args:
        root: a node around the query.

    Returns:
        Whether there are any.
    """
    from sqlglot import exp

    found = False
    for select in list(root.find_all(exp.Select)):
        for item in select.expressions if select.parent is not root else ():
            value = item.this if isinstance(item, exp.Alias) else item
            made = checked_cast(value)
            if made is not value:
                value.replace(made)
                found = True
    return found


def _has_doubled_quote(tree: exp.Expr) -> bool:
    """Whether a text has a quote, which may be written as two: the embedded engine reads 'it\'\'s' as its."""
    from sqlglot import exp

    return any("'" in one.name or '"' in one.name for one in tree.find_all(exp.Literal) if one.is_string)


def _correlated(tree: exp.Expr, types: Types) -> set[int]:
    """The nodes of scalar subqueries that have a column of the query around them."""
    from sqlglot import exp

    found: set[int] = set()
    for column in tree.find_all(exp.Column):
        if not types.is_outer(column):
            continue
        select = column.find_ancestor(exp.Select)
        within = select.parent if select is not None else None
        sources = exp.From | exp.Join | exp.In | exp.Lateral
        if isinstance(within, exp.Subquery) and not isinstance(within.parent, sources):
            node: exp.Expr | None = column
            while node is not None and node is not select:
                found.add(id(node))
                node = node.parent
    return found


def _rewritten(node: exp.Expr, types: Types, strict: _Strictness, *, correlated: bool = False) -> exp.Expr | None:
    from sqlglot import exp

    made: exp.Expr | None = None
    check_syntax(node, types)
    if isinstance(node, exp.Ordered):
        if strict.complete and types.of(node.this) is None and node.this.name.lower() != "all":
            raise unknown_type("order by", node.this)
        return _with_ordered_key(node, types)
    if isinstance(node, exp.SetOperation):
        return unite(node, types)
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        return rewrite_element(node, types.of(node.this), types.of(node.expressions[0]))
    if isinstance(node, exp.Distinct) and node.expressions:
        return _with_ordered(node, "expressions", types)
    if isinstance(node, exp.Window):
        order = node.args.get("order")
        keys = order.expressions if order is not None else []
        made = rewrite_frame(node, types.of(keys[0]) if len(keys) == 1 else None, complete=strict.complete)
        made = _with_ordered(node if made is None else made, "partition_by", types, node) or made
    if isinstance(node.parent, clauses()) and node.arg_key == "this":
        return made  # the outermost clause is rewritten, with the call
    outer = made if made is not None else node
    function = outer
    while isinstance(function, clauses()):
        function = function.this
    name = function_name(function)
    if isinstance(function, exp.If) and isinstance(function.parent, exp.Case):
        return made  # a branch
    computed_once = isinstance(function, exp.Exists) or run_function(function)
    if not name or computed_once or (strict.in_rule and name in _WIDENED):
        return made
    parts = plain_arguments(function)
    kinds: list[SqlType | None] = [types.of(one) for one in plain_arguments(called(node))]
    select = node.find_ancestor(exp.Select)
    rule = rules().get(name)
    call = Call(
        name, outer, function, parts, kinds, types.of(node), strict.complete, select, correlated, strict.in_rule
    )
    rewritten = rule(call) if rule and parts else None
    checked = name in checked_by_value() or moves_by_interval(name, plain_arguments(called(node)), kinds)
    by_name = isinstance(function, exp.Anonymous | exp.Cast)
    if strict.verified and not checked and (by_name or not strict.in_rule):
        require_verified(signature(node, types.of), complete=strict.complete)
    return rewritten or made


def _with_ordered(node: exp.Expr, key: str, types: Types, typed: exp.Expr | None = None) -> exp.Expr | None:
    """A list of keys, floats in the form in which equal ones have equal bits; None if there are no floats."""
    keys, known = node.args.get(key) or [], (typed or node).args.get(key) or []
    kinds = [types.of(one) for one in known]
    made = [ordered(one, kind) for one, kind in zip(keys, kinds, strict=True)]
    if all(new is old for new, old in zip(made, keys, strict=True)):
        return None
    copy = node.copy()
    copy.set(key, made)
    for new, kind in zip(made, kinds, strict=True):
        types.set(new, kind)
    return copy


def _with_ordered_key(node: exp.Ordered, types: Types) -> exp.Expr | None:
    """ORDER BY a float: in the form whose bits are ordered as Spark orders floats."""
    key = ordered(node.this, types.of(node.this))
    if key is node.this:
        return None
    made = node.copy()
    made.set("this", key)
    return made
