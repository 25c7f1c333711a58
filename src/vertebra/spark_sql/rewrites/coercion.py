"""Values of several types in one place: cast to the type that Apache Spark casts them to.

The embedded engine follows other rules: ``if(b, int, bigint)`` is an int there, and ``float + int`` a float. Floats are
compared as Spark compares them: NaN equals NaN and is greater than any other number, and -0.0 equals 0.0. The embedded
engine compares their bits, in which a NaN may be less than every number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast, expression
from vertebra.spark_sql.rewrites.divisors import has_division
from vertebra.spark_sql.types import FLOATS, INT, INTEGERS, NUMBERS, TIMES, SqlType, common_type
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|\s*[+-]?(NaN|Infinity|Inf)\s*", re.IGNORECASE)


_TIME: Final = re.compile(r"\s*([+-]?\d{4,7}(-\d{1,2}.*)?|T?\d{1,2}:.*)\s*")
_WRITTEN: Final = {
    **dict.fromkeys(TIMES, _TIME),
    "boolean": re.compile(r"\s*(true|t|yes|y|1|false|f|no|n|0)\s*", re.IGNORECASE),
}
"""Texts that may be cast to a type."""
_AS_WRITTEN: Final = {"boolean": "write true or false", "timestamp": "write timestamp'2024-02-29 12:30:00'"}


def coerced(arguments: Sequence[exp.Expr], kinds: Sequence[SqlType | None]) -> list[exp.Expr] | None:
    """Arguments cast to their common type; None if nothing has to be cast, or a type is not known.

    Raises:
        UnsupportedError: a text literal cannot be cast to the type of the others.
    """
    common = common_type(kinds)
    if common is None or common.family in ("null", "map", "struct", "interval"):
        return None
    made = [
        one if kind == common or kind is None or kind.family == "null" else _cast(one, kind, common)
        for one, kind in zip(arguments, kinds, strict=True)
    ]
    return made if any(new is not old for new, old in zip(made, arguments, strict=True)) else None


def _cast(node: exp.Expr, kind: SqlType, common: SqlType) -> exp.Expr:
    literal = node.unnest()
    text = literal.name if literal.key == "literal" and kind.family == "string" else None
    if text is not None and common.family in NUMBERS and not _NUMBER.fullmatch(text):
        raise UnsupportedError(
            f"the text {text!r} stands where a number is expected",
            cause="it cannot be cast to a number",
            remedy="cast the number to a text: cast(… as string)",
        )
    if text is not None and common.family in _WRITTEN and not _WRITTEN[common.family].fullmatch(text):
        raise UnsupportedError(
            f"the text {text!r} stands where a {common.family} is expected",
            cause=f"it cannot be cast to a {common.family}",
            remedy=_AS_WRITTEN.get(common.family, "write a date, e.g. date'2024-02-29'"),
        )
    return cast(node, common)


def ordered(node: exp.Expr, kind: SqlType | None) -> exp.Expr:
    """A float in the form whose bits are ordered as Spark orders floats; other values as they are."""
    if kind is None or kind.family not in FLOATS or _is_number(node):
        return node
    nan = f"cast('NaN' as {kind.family})"
    return expression(f"case when isnan(__x) then {nan} else __x + cast(0 as {kind.family}) end", x=node)


def _is_number(node: exp.Expr) -> bool:
    """Whether a node is a number that is written, as ``2``, ``2D`` or ``-2``; -0.0 is not in the ordered form."""
    node = node.unnest()
    negative = node.key == "neg"
    node = node.this.unnest() if negative else node
    node = node.this.unnest() if node.key in ("cast", "trycast") else node  # 2D
    return node.key == "literal" and not node.args.get("is_string") and not (negative and float(node.name) == 0)


def _replaced(call: Call, arguments: Sequence[exp.Expr]) -> exp.Expr:
    """The call with other arguments."""
    from sqlglot import exp

    node = call.function.copy()
    copies = [one.copy() for one in arguments]
    match node:
        case exp.Anonymous():
            node.set("expressions", copies)
        case exp.In():
            node.set("this", copies[0])
            node.set("expressions", copies[1:])
        case exp.Between():
            for key, value in zip(("this", "low", "high"), copies, strict=True):
                node.set(key, value)
        case _:
            for key, value in zip(("this", "expression"), copies, strict=True):
                node.set(key, exp.paren(value) if isinstance(value, exp.Binary | exp.Unary) else value)
    return node


def _compared(call: Call) -> exp.Expr | None:
    """Operands of a comparison in a common type, floats in the form that is ordered as Spark orders them."""
    if _has_query(call):
        return None
    if call.in_rule:
        families = {kind.family for kind in call.kinds if kind is not None}
        if not families & {*FLOATS} and not (len(families) > 1 and families <= {*TIMES}):
            return None
    else:
        _refuse_different_types(call)
        _refuse_unknown_type(call)
    arguments = coerced(call.arguments, call.kinds) or list(call.arguments)
    common = common_type(call.kinds)
    if not call.in_rule and any(map(_is_number, arguments)):
        arguments = [checked_cast(one) for one in arguments]
    if common is not None and common.family in FLOATS:
        _refuse_correlated(call)
        arguments = [ordered(one, common) for one in arguments]
    changed = any(new is not old for new, old in zip(arguments, call.arguments, strict=True))
    if not changed:
        return None
    if call.name == "in" and not _are_literals(call.arguments[1:]):
        return _one_of(arguments)
    return _replaced(call, arguments)


def _refuse_different_types(call: Call) -> None:
    """Refuse a comparison of values that have no common type."""
    known = [kind for kind in call.kinds if kind is not None and kind.family != "null"]
    if len(known) == len(call.kinds) and common_type(known) is None:
        raise UnsupportedError(
            f"{' and '.join(dict.fromkeys(map(str, known)))} cannot be compared",
            cause="Apache Spark refuses it, and the embedded engine may compare them as texts",
            remedy=f"cast one of them, e.g. cast(… as {known[0]})",
        )


def _refuse_unknown_type(call: Call) -> None:
    """Refuse a comparison of a value whose type is not known: it may be a float, or have to be cast."""
    if call.complete and None in call.kinds:
        raise unknown_type(call.name, call.arguments[call.kinds.index(None)])


_SHORT: Final = 40


def unknown_type(clause: str, node: exp.Expr) -> UnsupportedError:
    """The refusal of a value whose type is not known in a place where values are compared."""
    text = node.sql(dialect="spark")
    text = text if len(text) < _SHORT else "…"
    return UnsupportedError(
        f"the type of {text} is not known, in {clause}",
        cause="values of different types are compared in different ways",
        remedy=f"give the type: cast({text} as string)",
    )


def _refuse_correlated(call: Call) -> None:
    """Refuse a comparison of floats that ties a scalar subquery to the query around it."""
    if call.correlated:
        raise UnsupportedError(
            "a subquery that is tied to its query by a comparison of floats",
            cause="the embedded engine cannot compute it",
            remedy="join the table instead: left join (select k, max(v) as v from … group by k) s on s.k = t.k",
        )


def checked_cast(node: exp.Expr) -> exp.Expr:
    """A cast to an integer that is still made, and checked, where it is compared with a number.

    The embedded engine compares what is cast with the number instead, also where the cast is in a subquery and the
    comparison around it.
    """
    plain = node.unnest()
    target = plain.args.get("to") if plain.key in ("cast", "trycast") else None
    if target is None or target.sql().lower() not in INTEGERS or _is_number(plain):
        return node
    return expression("greatest(__x, __x)", x=node)


def _are_literals(nodes: Sequence[exp.Expr]) -> bool:
    return all(one.unnest().key in ("literal", "null", "boolean") or _is_number(one) for one in nodes)


def _one_of(arguments: Sequence[exp.Expr]) -> exp.Expr:
    """``x in (a, b)`` as ``x = a or x = b``: the embedded engine finds other values where CASE is in the list."""
    from sqlglot import exp

    first, *others = (exp.paren(one.copy(), copy=False) for one in arguments)
    parts: list[exp.Expr] = [exp.EQ(this=first.copy(), expression=one) for one in others]
    return exp.paren(exp.or_(*parts, copy=False), copy=False)


def _has_query(call: Call) -> bool:
    from sqlglot import exp

    return any(isinstance(one, exp.Query) for one in call.arguments)


def _united(call: Call) -> exp.Expr | None:
    """``coalesce`` and other functions whose arguments have a common type."""
    _refuse_unknown_type(call)
    arguments = coerced(call.arguments, call.kinds)
    return _replaced(call, arguments) if arguments else None


def _first_known(call: Call) -> exp.Expr | None:
    """``ifnull`` and ``nvl``, which the embedded engine takes for functions of texts."""
    from sqlglot import exp

    arguments = coerced(call.arguments, call.kinds) or call.arguments
    return exp.Anonymous(this="coalesce", expressions=[one.copy() for one in arguments])


def _nvl2(call: Call) -> exp.Expr | None:
    if len(call.arguments) != 3:
        return None
    branches = coerced(call.arguments[1:], call.kinds[1:]) or call.arguments[1:]
    return expression("if(__x is not null, __yes, __no)", x=call.arguments[0], yes=branches[0], no=branches[1])


def _greatest(call: Call) -> exp.Expr | None:
    if any(kind is not None and kind.family in ("array", "struct") for kind in call.kinds):
        raise UnsupportedError(
            f"{call.name} of arrays or structs is not supported here",
            cause="the embedded engine orders NULLs in them otherwise",
            remedy="compare their parts",
        )
    arguments = coerced(call.arguments, call.kinds) or list(call.arguments)
    common = common_type(call.kinds)
    if common is not None and common.family in FLOATS:
        arguments = [ordered(one, common) for one in arguments]
    return _replaced(call, arguments)


def _branches(call: Call) -> exp.Expr | None:
    """``if`` and ``case``: the branches in the common type, and so the operand of ``case x when …``."""
    from sqlglot import exp

    node = call.function
    kind = call.kind
    if kind is None or kind.family in ("null", "map", "struct", "interval", "array"):
        return None
    if kind.family == "boolean" and not call.in_rule and has_division(node):
        return _branch_by_branch(node)
    made = node.copy()
    changed = False
    parts = made.args["ifs"] if isinstance(made, exp.Case) else [made]
    for one in parts:
        changed |= _set_cast(one, "true", call, kind)
        if isinstance(made, exp.If):
            changed |= _set_cast(one, "false", call, kind)
    if isinstance(made, exp.Case):
        changed |= _set_cast(made, "default", call, kind)
    return made if changed else None


def _branch_by_branch(node: exp.Expr) -> exp.Expr:
    """``if`` or ``case`` that gives a boolean, as a number, of which only the branches are computed that are needed."""
    from sqlglot import exp

    made = node.copy()
    parts = [*made.args["ifs"], made] if isinstance(made, exp.Case) else [made]
    for part in parts:
        for key in ("true", "false", "default"):
            branch = part.args.get(key)
            if branch is not None and not isinstance(branch.unnest(), exp.Null):
                part.set(key, cast(branch, "int"))
    return cast(made, "boolean")


def _set_cast(node: exp.Expr, key: str, call: Call, kind: SqlType) -> bool:
    from sqlglot import exp

    part = node.args.get(key)
    if part is None or isinstance(part.unnest(), exp.Null):
        return False
    if all(one is None or one == kind or one.family == "null" for one in call.kinds):
        return False
    text = SqlType("string") if part.unnest().key == "literal" and part.unnest().is_string else kind
    node.set(key, _cast(part, text, kind) if text != kind else cast(part, kind))
    return True


def _by_order(call: Call) -> exp.Expr | None:
    """``max_by`` and ``min_by``: by a float."""
    if len(call.kinds) != 2 or call.kinds[1] is None or call.kinds[1].family not in FLOATS:
        return None
    node = call.node.copy()
    _innermost(node).set("expressions", [call.arguments[0].copy(), ordered(call.arguments[1], call.kinds[1])])
    return node


def _zero_if_null(call: Call) -> exp.Expr | None:
    kind = common_type((*call.kinds, INT))
    return (
        expression("coalesce(__x, __zero)", x=cast(call.arguments[0], kind), zero=f"cast(0 as {kind})")
        if kind
        else None
    )


def _null_if_zero(call: Call) -> exp.Expr | None:
    kind = call.kinds[0]
    return expression("nullif(__x, 0)", x=ordered(call.arguments[0], kind)) if kind and kind.family in FLOATS else None


def _extreme(call: Call) -> exp.Expr | None:
    """``min`` and ``max`` of floats."""
    if len(call.kinds) == 1:
        _refuse_unknown_type(call)
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    if kind is None or kind.family not in FLOATS:
        return None
    x = call.arguments[0]
    number = _with_argument(call, call.name, expression("case when isnan(__x) then null else __x end", x=x))
    has_nan = _with_argument(call, "max", expression("case when isnan(__x) then 1 end", x=x))
    nan = f"cast('NaN' as {kind.family})"
    if call.name == "max":
        return expression(f"case when __nan = 1 then {nan} else __number end", nan=has_nan, number=number)
    return expression(f"coalesce(__number, case when __nan = 1 then {nan} end)", nan=has_nan, number=number)


def _with_argument(call: Call, name: str, argument: exp.Expr) -> exp.Expr:
    """Another function of one argument in the clauses of a call."""
    node = call.node.copy()
    function = _innermost(node)
    function.set("this", name)
    function.set("expressions", [argument])
    return node


def _innermost(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    while isinstance(node, exp.Window | exp.Filter):
        node = node.this
    return node


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "<=>", "is distinct from", "in", "between"), _compared),
    "nullif": _compared,
    **dict.fromkeys(("greatest", "least"), _greatest),
    **dict.fromkeys(("coalesce", "array"), _united),
    **dict.fromkeys(("ifnull", "nvl"), _first_known),
    "nvl2": _nvl2,
    "zeroifnull": _zero_if_null,
    "nullifzero": _null_if_zero,
    **dict.fromkeys(("if", "case"), _branches),
    **dict.fromkeys(("min", "max"), _extreme),
    **dict.fromkeys(("min_by", "max_by"), _by_order),
}
