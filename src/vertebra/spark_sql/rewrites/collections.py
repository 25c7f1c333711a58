"""Arrays and maps: arguments that Apache Spark refuses, keys that are floats, and elements by a computed index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.calls import GENERATORS
from vertebra.spark_sql.rewrites.call import Call, Rule, expression
from vertebra.spark_sql.types import FLOATS, INTEGERS, SqlType, common_type, contains
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp


def rewrite_element(node: exp.Bracket, of: SqlType | None, index: SqlType | None) -> exp.Expr | None:
    """``x[i]``: the embedded engine takes an index that is not a literal for the name of a field.

    Args:
        of: the type of ``x``.
        index: the type of ``i``.
    """
    if len(node.expressions) != 1 or of is None or of.family != "array":
        return None
    place = node.expressions[0]
    if place.unnest().key == "literal":
        return None
    if place.unnest().key == "neg" or (index is not None and index.family not in (*INTEGERS, "null")):
        raise UnsupportedError(
            f"the index {place.sql(dialect='spark')} of an array",
            cause="Apache Spark takes whole numbers from 0",
            remedy="write x[0] for the first element, element_at(x, -1) for the last one",
        )
    return expression(
        "case when __x is null or __i is null then null when __i < 0 then element_at(__x, 0)"
        " else element_at(__x, __i + 1) end",
        x=node.this,
        i=place,
    )


def _flatten(call: Call) -> exp.Expr | None:
    element = call.kinds[0].element if len(call.kinds) == 1 and call.kinds[0] is not None else None
    if element is not None and element.family not in ("array", "null"):
        raise UnsupportedError(
            f"flatten of {call.kinds[0]}",
            cause="Apache Spark flattens arrays of arrays only",
            remedy="leave flatten out, or write flatten(array(x, y)) of two arrays",
        )
    return None


def _element_at(call: Call) -> exp.Expr | None:
    kind, key = call.kinds if len(call.kinds) == 2 else (None, None)
    if kind is not None and kind.family == "array" and call.arguments[1].unnest().name == "0":
        raise UnsupportedError(
            f"{call.name} at position 0",
            cause="positions of arrays begin with 1 there, and the engines stop",
            remedy=f"write {call.name}(x, 1), or x[0]",
        )
    if kind is None or key is None or kind.family != "map" or kind.key is None:
        return None
    common = common_type((kind.key, key))
    if common is None or common != kind.key:
        raise UnsupportedError(
            f"a key of {key} in a {kind}",
            cause="Apache Spark refuses a key of another type",
            remedy=f"write {call.name}(x, cast(… as {kind.key}))",
        )
    return None


def _slice(call: Call) -> exp.Expr | None:
    """A part of an array by positions from 1 and lengths from 0, as literals."""
    kind = call.kinds[0] if call.kinds else None
    if kind is not None and kind.family not in ("array", "null"):
        raise UnsupportedError(f"slice of {kind}", cause="Apache Spark refuses it", remedy="write slice of an array")
    for least, one in zip((1, 0), call.arguments[1:], strict=False):
        node = one.unnest()
        if node.key != "literal" or not node.name.isdigit() or int(node.name) < least:
            raise UnsupportedError(
                f"slice with a position or length that is not a literal from {least}",
                cause="the embedded engine counts otherwise beyond the ends of an array",
                remedy="write the numbers, e.g. slice(x, 1, 3); the last element is element_at(x, -1)",
            )
    return None


def _generator(call: Call) -> exp.Expr | None:
    kind = call.kinds[0] if len(call.kinds) == 1 else None
    empty = kind is not None and kind.element is not None and kind.element.family == "null"
    if kind is not None and (empty or kind.family not in ("array", "map", "null")):
        raise UnsupportedError(
            f"{call.name} of {kind}", cause="Apache Spark refuses it", remedy=f"write {call.name} of an array or a map"
        )
    return None


def _of_one_type(call: Call) -> exp.Expr | None:
    elements = {kind.element for kind in call.kinds if kind is not None and kind.element is not None}
    if len(elements - {SqlType("null")}) > 1:
        raise UnsupportedError(
            f"{call.name} of {' and '.join(map(str, call.kinds))}",
            cause="Apache Spark casts or refuses elements of different types, and the embedded engine does otherwise",
            remedy=f"cast one array, e.g. cast(x as {call.kinds[0]})",
        )
    return None


def _map(call: Call) -> exp.Expr | None:
    """Keys that are floats: Apache Spark takes zeros of two signs, and all NaN, for one key."""
    keys = call.kinds[::2] if call.name == "map" else call.kinds[:1]
    if call.name == "transform_keys":
        keys = call.kinds[1:]
    if any(contains(_key(call.name, one), FLOATS) for one in keys):
        raise UnsupportedError(
            f"{call.name} with keys that are floats",
            cause="the embedded engine takes 0.0 and -0.0, and each NaN, for different keys",
            remedy="cast the keys to a decimal or a string",
        )
    return None


def _key(name: str, kind: SqlType | None) -> SqlType | None:
    """The type of the keys that an argument gives."""
    if kind is None or name in ("map", "transform_keys"):
        return kind
    if name == "map_concat":
        return kind.key
    element = kind.element
    return element.fields[0][1] if name == "map_from_entries" and element is not None and element.fields else element


RULES: Final[dict[str, Rule]] = {
    "flatten": _flatten,
    "slice": _slice,
    **dict.fromkeys(("explode", "explode_outer", "posexplode", "posexplode_outer"), _generator),
    **dict.fromkeys(("inline", "inline_outer"), _generator),
    **dict.fromkeys(("element_at", "try_element_at"), _element_at),
    **dict.fromkeys(("array_union", "array_except", "array_intersect", "arrays_overlap"), _of_one_type),
    **dict.fromkeys(("map", "map_from_arrays", "map_from_entries", "map_concat", "transform_keys"), _map),
}
CHECKED: Final = frozenset({"slice", *GENERATORS} - {"json_tuple"})
"""Functions whose rules decide by the values of their arguments; those that make rows are asked about in queries."""
