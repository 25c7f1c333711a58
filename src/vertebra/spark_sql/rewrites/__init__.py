"""How functions and operators are rewritten that the embedded engine computes otherwise than Apache Spark.

Each module is about one subject and exports ``RULES``: the rule of a function or operator by its name. A rule returns
an equal expression, None to leave a call as it is, or raises :class:`~vertebra.spark_sql.unsupported.UnsupportedError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from vertebra.spark_sql.rewrites.call import Rule


@cache
def checked_by_value() -> frozenset[str]:
    """Functions whose rules decide by the values of their arguments; what is recorded of their types says nothing."""
    from vertebra.spark_sql.rewrites import arithmetic, collections, dates, patterns, texts

    return arithmetic.CHECKED | collections.CHECKED | dates.CHECKED | patterns.CHECKED | texts.CHECKED


@cache
def rules() -> Mapping[str, Rule]:
    """The rule of each function and operator that is rewritten or refused, by its name."""
    from vertebra.spark_sql.rewrites import (
        arithmetic,
        casts,
        coercion,
        collections,
        dates,
        divisors,
        frames,
        patterns,
        sums,
        texts,
        values,
    )

    found: dict[str, Rule] = {}
    for module in (arithmetic, casts, coercion, collections, dates, divisors, frames, patterns, sums, texts, values):
        for name, rule in module.RULES.items():
            assert name not in found, name
            found[name] = rule
    return found
