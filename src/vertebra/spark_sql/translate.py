"""Users' SQL in a form that gives Apache Spark's answer on the embedded engine, or the reasons why there is none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.determinism import run_function
from vertebra.spark_sql.dialect import dialect, function_name, parse_expression, parse_query, write
from vertebra.spark_sql.inference import Types
from vertebra.spark_sql.rewrites import checked_by_value, rules
from vertebra.spark_sql.rewrites.call import Call
from vertebra.spark_sql.rewrites.coercion import ordered
from vertebra.spark_sql.rewrites.frames import rewrite_frame
from vertebra.spark_sql.scope import Scope
from vertebra.spark_sql.signatures import called, clauses, plain_arguments, signature
from vertebra.spark_sql.support import require_verified
from vertebra.spark_sql.syntax import check_syntax
from vertebra.spark_sql.types import Columns, SqlType
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


_IN_RULES: Final = frozenset({"/", "weekday", "extract", "rint", "isnan"})
"""Functions and operators of rules that are rewritten as in queries."""


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
    quoted = _doubled_quotes(text)
    if quoted:
        return quoted
    types = Types(tables)
    try:
        query = parse_query(text)
        columns = types.query(query)
        made, problems = _translated(query, types, len(text), _Strictness(complete, verified))
        return Translation(text if made is None else write(made), tuple(problems), columns)
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


def _too_deep(text: str) -> Translation:
    """What is refused because it cannot be read to its end."""
    fact = "this SQL is nested too deeply"
    found = Problem(0, len(text), fact, "its parts cannot be checked", "write it in fewer and simpler parts")
    return Translation(text, (found,))


def translate_functions(text: str, columns: Columns) -> Translation:
    """Translate the functions of an expression, and divisions; its other operators are left as they are.

    The conditions of rules compute and compare in types of their own (:mod:`vertebra.denial.widening`).
    """
    try:
        tree = parse_expression(text)
        types = Types({})
        kind = types.expression(tree, Scope(sources={"": {name.lower(): one for name, one in columns.items()}}))
        made, problems = _translated(tree, types, len(text), _Strictness(complete=False, verified=True, in_rule=True))
        return Translation(text if made is None else write(made), tuple(problems), {"": kind})
    except RecursionError:
        return _too_deep(text)


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
    kind = types.expression(tree, Scope(sources={"": {name.lower(): one for name, one in columns.items()}}))
    made, problems = _translated(tree, types, length, _Strictness(complete, verified))
    return made, tuple(problems), kind


def _translated(
    tree: exp.Expr, types: Types, length: int, strict: _Strictness
) -> tuple[exp.Expr | None, list[Problem]]:
    """The rewritten tree, None if nothing was rewritten, and what is refused."""
    from sqlglot import exp

    root = exp.Paren(this=tree)  # so that the tree itself can be replaced
    problems: list[Problem] = []
    refused_parts: set[int] = set()
    rewritten = False
    for node in reversed(list(tree.walk(bfs=False))):
        if any(id(part) in refused_parts for part in node.iter_expressions()):
            refused_parts.add(id(node))  # what contains a refused part is not refused for it as well
            continue
        try:
            made = _rewritten(node, types, strict)
        except UnsupportedError as refused:
            problems.append(problem(node, refused, length))
            refused_parts.add(id(node))
            continue
        if made is not None and made is not node:
            types.set(made, types.of(node))
            node.replace(made)
            rewritten = True
    problems.sort(key=lambda one: one.start)
    return (root.this if rewritten or _has_doubled_quote(tree) else None), problems


def _matters_in_rules(name: str, function: exp.Expr) -> bool:
    """Whether a rule is about a call: its operators are computed in types of its own."""
    from sqlglot import exp

    return name in _IN_RULES or (name not in rules() and isinstance(function, exp.Anonymous))


def _has_doubled_quote(tree: exp.Expr) -> bool:
    """Whether a text has a quote, which may be written as two: the embedded engine reads 'it\'\'s' as its."""
    from sqlglot import exp

    return any("'" in one.name or '"' in one.name for one in tree.find_all(exp.Literal) if one.is_string)


def _rewritten(node: exp.Expr, types: Types, strict: _Strictness) -> exp.Expr | None:
    from sqlglot import exp

    made: exp.Expr | None = None
    check_syntax(node, types)
    if isinstance(node, exp.Ordered):
        return _with_ordered_key(node, types)
    if isinstance(node, exp.Distinct) and node.expressions:
        return _with_ordered(node, "expressions", types)
    if isinstance(node, exp.Window):
        order = node.args.get("order")
        keys = order.expressions if order is not None else []
        made = rewrite_frame(node, types.of(keys[0]) if len(keys) == 1 else None)
        made = _with_ordered(node if made is None else made, "partition_by", types, node) or made
    if isinstance(node.parent, clauses()) and node.arg_key == "this":
        return made  # the outermost clause is rewritten, with the call
    outer = made if made is not None else node
    function = outer
    while isinstance(function, clauses()):
        function = function.this
    name = function_name(function)
    if (
        not name
        or isinstance(function, exp.Exists)
        or run_function(function)
        or (strict.in_rule and not _matters_in_rules(name, function))
    ):
        return made
    parts = plain_arguments(function)
    kinds: list[SqlType | None] = [types.of(one) for one in plain_arguments(called(node))]
    select = node.find_ancestor(exp.Select)
    rule = rules().get(name)
    rewritten = (
        rule(Call(name, outer, function, parts, kinds, types.of(node), strict.complete, select))
        if rule and parts
        else None
    )
    if strict.verified and name not in checked_by_value() and not (strict.in_rule and name == "/"):
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
