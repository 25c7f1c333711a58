"""The result types of functions and operators.

Types that follow from the arguments' types are computed here, by Spark's rules. The other functions always give the
same type, which is recorded from Apache Spark with the conformance corpus (:mod:`vertebra.spark_sql.support`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.arithmetic_types import Kinds, families, product, quotient, remainder, sum_or_difference
from vertebra.spark_sql.recorded import recorded_result
from vertebra.spark_sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    INTEGERS,
    STRING,
    TIMESTAMP,
    SqlType,
    array,
    common_type,
    decimal,
    parse_type,
)

if TYPE_CHECKING:
    from sqlglot import exp

_Rule = Callable[[Kinds, Sequence["exp.Expr"]], "SqlType | None"]

_START_AND_END: Final = 2


def result_type(name: str, kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """The type of a call.

    Args:
        name: the function or operator in lower case.
        kinds: types of the arguments, None where unknown.
        arguments: the arguments; some types depend on a literal, such as the digits of ``round``.

    Returns:
        None if the type is not known.
    """
    rule = _RULES.get(name)
    return rule(kinds, arguments) if rule else recorded_result(name)


def lambda_parameters(name: str, kinds: Kinds, count: int) -> list[SqlType | None]:
    """The types of the parameters of a lambda.

    Args:
        kinds: types of the call's arguments; those of lambdas are not known yet.
        count: the number of parameters of the lambda.
    """
    first = kinds[0] if kinds else None
    element = first.element if first else None
    match name:
        case "aggregate" | "reduce":
            start = kinds[1] if len(kinds) > 1 else None
            return [start] if count == 1 else [start, element]
        case "zip_with":
            second = kinds[1] if len(kinds) > 1 else None
            return [element, second.element if second else None]
        case "map_zip_with":
            second = kinds[1] if len(kinds) > 1 else None
            return [first.key if first else None, element, second.element if second else None]
        case "map_filter" | "transform_keys" | "transform_values":
            return [first.key if first else None, element]
        case "array_sort":
            return [element, element]
        case _:
            return [element, INT][:count]


# -- numbers -----------------------------------------------------------------------------------------------------------


def _number(kind: SqlType | None) -> SqlType | None:
    return DOUBLE if kind is not None and kind.family in ("string", "null") else kind


def _whole(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """``ceil`` and ``floor``."""
    kind = _number(kinds[0]) if kinds else None
    if kind is None or len(kinds) > 1:
        return _rounded(kinds, arguments)
    return decimal(kind.precision - kind.scale + 1, 0) if kind.family == "decimal" else BIGINT


def _rounded(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    from sqlglot import exp

    kind = _number(kinds[0]) if kinds else None
    if kind is None or kind.family != "decimal":
        return kind
    digits = arguments[1].unnest() if len(arguments) > 1 else None
    if digits is None:
        places = 0
    elif isinstance(digits, exp.Neg) and digits.this.name.isdigit():
        places = -int(digits.this.name)
    elif digits.name.isdigit():
        places = int(digits.name)
    else:
        return None
    scale = min(kind.scale, max(places, 0))
    whole = kind.precision - kind.scale + 1
    return SqlType("decimal", min(max(whole, 1 - places) + scale, 38), scale)


def _total(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    kind = kinds[0] if kinds else None
    if kind is None or kind.family == "interval":
        return kind
    if kind.family == "decimal":
        return SqlType("decimal", min(kind.precision + 10, 38), kind.scale)
    return BIGINT if kind.family in INTEGERS else DOUBLE


def _average(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    kind = kinds[0] if kinds else None
    if kind is None or kind.family == "interval":
        return kind
    if kind.family == "decimal":
        return SqlType("decimal", min(kind.precision + 4, 38), min(kind.scale + 4, 38))
    return DOUBLE


# -- values of any type ------------------------------------------------------------------------------------------------


def _first(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return kinds[0] if kinds else None


def _element(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return kinds[0].element if kinds and kinds[0] else None


def _list_of(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return array(kinds[0] if kinds else None)


def _transformed(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return array(kinds[-1] if kinds else None)


def _map(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return SqlType("map", key=common_type(kinds[::2]), element=common_type(kinds[1::2]))


def _named_struct(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return SqlType(
        "struct", fields=tuple((one.name, kind) for one, kind in zip(arguments[::2], kinds[1::2], strict=False))
    )


def _struct(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    names = [
        one.parent.alias if one.parent is not None and one.parent.key == "alias" else one.alias_or_name
        for one in arguments
    ]
    return SqlType("struct", fields=tuple((name or f"col{i + 1}", kinds[i]) for i, name in enumerate(names)))


def _zipped(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    names = [one.name or str(place) for place, one in enumerate(arguments)]
    elements = [kind.element if kind else None for kind in kinds]
    return array(SqlType("struct", fields=tuple(zip(names, elements, strict=True))))


def _map_part(part: str) -> _Rule:
    def of(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
        return array(getattr(kinds[0], part)) if kinds and kinds[0] else None

    return of


def _map_of_arrays(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    keys, values = ((kind.element if kind else None) for kind in kinds)
    return SqlType("map", key=keys, element=values)


def _map_of_entries(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    entry = kinds[0].element if kinds and kinds[0] else None
    kept = [kind for _, kind in entry.fields] if entry and len(entry.fields) == 2 else [None, None]
    return SqlType("map", key=kept[0], element=kept[1])


def _entries(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    kind = kinds[0] if kinds else None
    return array(SqlType("struct", fields=(("key", kind.key), ("value", kind.element)))) if kind else None


def _changed_map(changed: str) -> _Rule:
    def of(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
        kind = kinds[0] if kinds else None
        made = kinds[-1] if kinds else None
        if kind is None:
            return None
        keys = changed == "key"
        return SqlType("map", key=made if keys else kind.key, element=kind.element if keys else made)

    return of


def _reduced(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return kinds[3] if len(kinds) > 3 else kinds[1] if len(kinds) > 1 else None


def _joined(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """``concat`` and ``||``: of arrays an array, of bytes bytes, of anything else text."""
    known = families(kinds)
    if "array" in known:
        return common_type(kinds)
    return SqlType("binary") if known == {"binary"} else STRING


def _parsed_json(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    schema = arguments[1] if len(arguments) > 1 else None
    if schema is None or not schema.is_string:
        return None
    return parse_type(schema.name) or parse_type(f"struct<{schema.name}>")


def _common(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return common_type(kinds)


def _common_of_rest(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return common_type(kinds[1:])


def _moved(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """``timestampadd``: a timestamp, of the kind that was moved."""
    kind = kinds[-1] if kinds else None
    if kind is None:
        return None
    return kind if kind.family == "timestamp_ntz" else SqlType("timestamp")


def _difference(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return INT if len(arguments) == _START_AND_END else BIGINT


def _part_of_text(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    return SqlType("binary") if families(kinds[:1]) == {"binary"} else STRING


def _part_of_time(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    """``extract`` and ``date_part``: an int, but for seconds."""
    return None if arguments and arguments[0].name.lower().startswith("s") else INT


def _percentile(kinds: Kinds, arguments: Sequence[exp.Expr]) -> SqlType | None:
    several = len(kinds) > 1 and kinds[1] is not None and kinds[1].family == "array"
    return array(DOUBLE) if several else DOUBLE


def _always(kind: SqlType) -> _Rule:
    return lambda kinds, arguments: kind


_RULES: Final[dict[str, _Rule]] = {
    "run_date": _always(DATE), "run_time": _always(TIMESTAMP),
    "+": sum_or_difference, "-": sum_or_difference, "*": product, "/": quotient, "%": remainder,
    "mod": remainder, "pmod": remainder, "try_add": sum_or_difference, "try_subtract": sum_or_difference,
    "try_multiply": product, "try_divide": quotient, "try_mod": remainder, "div": _always(BIGINT),
    **dict.fromkeys(("&", "|", "^"), _common),
    **dict.fromkeys(("negative", "positive", "abs"), lambda kinds, _: _number(kinds[0]) if kinds else None),
    **dict.fromkeys(("ceil", "ceiling", "floor"), _whole),
    **dict.fromkeys(("round", "bround"), _rounded),
    **dict.fromkeys(("sum", "try_sum"), _total),
    **dict.fromkeys(("avg", "mean", "try_avg"), _average),
    **dict.fromkeys(("greatest", "least", "coalesce", "ifnull", "nvl"), _common),
    "nvl2": _common_of_rest,
    **dict.fromkeys(
        ("min", "max", "first", "first_value", "last", "last_value", "any_value", "mode", "lag", "lead", "nth_value",
         "max_by", "min_by", "nullif", "~", "<<", ">>", "shiftleft", "shiftright", "shiftrightunsigned",
         "slice", "reverse", "sort_array", "array_sort", "array_distinct", "array_except", "array_remove",
         "array_compact", "shuffle", "filter", "map_filter", "array_append", "array_prepend", "array_insert",
         "array_intersect", "array_union"), _first,
    ),
    "map_concat": _common, "nanvl": _common,
    **dict.fromkeys(("timestampadd", "dateadd"), _moved), **dict.fromkeys(("datediff", "date_diff"), _difference),
    **dict.fromkeys(("substring", "substr", "left", "right", "lpad", "rpad"), _part_of_text),
    **dict.fromkeys(("extract", "date_part", "datepart"), _part_of_time), "percentile": _percentile,
    **dict.fromkeys(("bit_and", "bit_or", "bit_xor"), _first),
    **dict.fromkeys(("element_at", "try_element_at", "get", "array_min", "array_max", "flatten"), _element),
    **dict.fromkeys(("collect_list", "collect_set", "array_agg", "array_repeat", "sequence"), _list_of),
    "array": lambda kinds, _: array(common_type(kinds)), "arrays_zip": _zipped,
    "transform": _transformed, "zip_with": _transformed,
    "transform_values": _changed_map("element"), "transform_keys": _changed_map("key"),
    "map": _map, "map_keys": _map_part("key"), "map_values": _map_part("element"),
    "map_from_arrays": _map_of_arrays, "map_from_entries": _map_of_entries, "map_entries": _entries,
    "named_struct": _named_struct, "struct": _struct,
    "aggregate": _reduced, "reduce": _reduced,
    "concat": _joined, "||": _joined, "from_json": _parsed_json,
    **{name: _always(SqlType(name)) for name in
       ("boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "date", "timestamp", "string", "binary")},
    "decimal": _always(decimal(10, 0)),
    **dict.fromkeys(
        ("=", "!=", "<", "<=", ">", ">=", "<=>", "is distinct from", "and", "or", "not", "is", "in", "between", "like",
         "ilike", "rlike", "exists"), _always(BOOLEAN),
    ),
}  # fmt: skip
