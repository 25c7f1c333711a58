"""What to write instead of functions that the embedded engine computes otherwise than Apache Spark, or not at all.

The messages of refusals and `docs/reference/sql-support.md` say the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_SORTED_LIST: Final = "array_sort(collect_list(x)) without a window, grouped by the keys"
_PYTHON: Final = "a Python view"
ALTERNATIVES: Final[dict[str, str]] = {
    **dict.fromkeys(("approx_count_distinct", "hll_sketch_agg", "theta_sketch_agg"), "count(distinct x)"),
    **dict.fromkeys(("approx_percentile", "percentile_approx"), "percentile(x, 0.5), which is exact"),
    "percentile_cont": "percentile(x, 0.5), of numbers",
    **dict.fromkeys(
        ("approx_top_k", "count_min_sketch", "histogram_numeric", "kll_sketch_agg_bigint"),
        "group by x with count(*), which is exact",
    ),
    **dict.fromkeys(("tuple_sketch_agg_double", "tuple_sketch_agg_integer"), "group by x with sum(y), which is exact"),
    **dict.fromkeys(("array_agg over", "collect_list over", "collect_set over"), _SORTED_LIST),
    **dict.fromkeys(("corr over", "skewness over", "var_pop over"), "the aggregate grouped by the keys, and a join"),
    "count distinct over": "count(distinct x) grouped by the keys, and a join",
    "sum filter over": "sum(case when y then x end) over (…)",
    **dict.fromkeys(
        ("last over", "nth_value over"),
        "a frame of rows: over (… rows between unbounded preceding and current row), with an order without ties",
    ),
    **dict.fromkeys(("first over", "lead over", "max over", "sum over"), "another frame, or a number in place of x"),
    **dict.fromkeys(("grouping", "grouping over"), "grouping_id(x)"),
    "product": "exp(sum(ln(x))) of positive numbers",
    **dict.fromkeys(("charindex", "position", "field", "locate"), "instr(x, 'a')"),
    "elt": "case when n = 1 then x when n = 2 then y end",
    "mid": "substring(x, 2, 3)",
    "mask": "regexp_replace(x, '[0-9]', 'n')",
    "slice": "slice(x, 1, 3), with numbers",
    **dict.fromkeys(("regexp_count", "regexp_replace"), "the pattern as a text, such as '[0-9]+'"),
    "empty2null": "nullif(x, '')",
    "initcap": "upper(left(x, 1)) and lower(substring(x, 2, 100))",
    **dict.fromkeys(("collate", "collation"), "lower(x), to compare without case"),
    "quote": "concat('\\'', x, '\\'')",
    "sentences": "split(x, ' ')",
    "is_valid_utf8": "a check in landing: the dataset's encoding",
    "conv": "hex(x), or unhex(x)",
    "bround": "round(x, 2)",
    "truncate": "floor(x) of positive numbers, ceil(x) of negative ones",
    "xor": "x != y of booleans",
    "unix_seconds": "unix_micros(x) div 1000000",
    "unix_millis": "unix_micros(x) div 1000",
    **dict.fromkeys(("make_time", "time", "to_time", "try_to_time"), "a timestamp, or hour(x), minute(x), second(x)"),
    **dict.fromkeys(
        ("try_make_timestamp", "try_make_timestamp_ltz", "try_make_timestamp_ntz"),
        "try_cast(x as timestamp), of a text put together with concat(…)",
    ),
    "time_bucket": "date_trunc('hour', x)",
    **dict.fromkeys(
        ("make_interval", "make_dt_interval", "make_ym_interval", "try_make_interval"),
        "add_months(x, n), date_add(x, n), or timestampadd(HOUR, n, x)",
    ),
    **dict.fromkeys(("try_to_date", "try_to_timestamp"), "try_cast(x as date), or try_cast(x as timestamp)"),
    **dict.fromkeys(
        ("from_json", "get_json_object", "json_tuple", "json_array_length", "json_object_keys", "parse_json",
         "try_parse_json", "from_csv", "parse_url", "try_parse_url", "schema_of_xml"),
        "fields of the dataset: `parse` reads JSON, CSV and XML when it is formatted",
    ),
    **dict.fromkeys(("to_json", "to_csv"), "the columns, or a text put together with concat(…)"),
    **dict.fromkeys(("to_binary", "try_to_binary"), "unhex(x), unbase64(x), or cast(x as binary)"),
    **dict.fromkeys(("aes_encrypt", "assert_true"), "a rule of the dataset, or a Python view"),
    "hash": "md5(concat_ws('|', x, y)), which both engines compute alike",
    "xxhash64": "md5(concat_ws('|', x, y)), which both engines compute alike",
    **dict.fromkeys(
        ("bitmap_and_agg", "bitmap_bit_position", "bitmap_bucket_number", "bitmap_count"), "(x - 1) div 32768 + 1"
    ),
    **dict.fromkeys(
        ("transform_keys", "transform_values", "map_zip_with"), "map_from_entries(transform(map_entries(x), …))"
    ),
    "zip_with": "transform(sequence(0, size(x) - 1), i -> x[i] + y[i])",
    **dict.fromkeys(
        ("vector_avg", "vector_norm", "vector_normalize", "vector_sum"), "aggregate(x, 0D, (a, b) -> a + b)"
    ),
    "timestampdiff": "unix_micros(y) - unix_micros(x), divided by the length of the unit",
    "format_number": "round(x, 2)",
}  # fmt: skip
"""What to write instead, by function; of a call in a clause, such as OVER, by function and clause."""


def alternative(variant: str, compared: Iterable[Sequence[str]]) -> str:
    """What to write instead of a call that is refused.

    Args:
        variant: the function with its clauses, such as ``sum over rows``.
        compared: the types of arguments for which both engines are known to agree.

    Example:
        >>> alternative("time_bucket", [])
        "write date_trunc('hour', x)"
        >>> alternative("sign", [("double",), ("int",)])
        'cast the argument to double or int'
    """
    text = _written(variant)
    kinds = _kinds(compared)
    if text and kinds:
        return f"write {text}; or {kinds}"
    if text:
        return f"write {text}"
    return kinds or "compute it in a Python view, or run with --engine sc://host:15002"


def _written(variant: str) -> str:
    words = variant.split()
    for end in range(len(words), 0, -1):
        found = ALTERNATIVES.get(" ".join(words[:end]))
        if found is not None:
            return found
    return ""


_MOST: Final = 4


def _kinds(compared: Iterable[Sequence[str]]) -> str:
    """The types that the arguments can be cast to."""
    signatures = sorted({tuple(one) for one in compared if one and "lambda" not in one and "null" not in one})
    if not signatures:
        return ""
    if all(len(one) == 1 for one in signatures):
        names = [one for (one,) in signatures]
        shown = [one for one in ("double", "decimal", "int", "string", "date", "timestamp") if one in names] or names
        shown = shown[:_MOST]
        return "cast the argument to " + (f"{', '.join(shown[:-1])} or {shown[-1]}" if len(shown) > 1 else shown[0])
    shown = [f"({', '.join(one)})" for one in signatures[:_MOST]]
    return f"cast the arguments to one of {' '.join(shown)}"
