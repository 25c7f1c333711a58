"""What gives another result in each run: the time, chance, and where a query runs.

A table of the lake is computed again when its inputs or its declaration change. A query that reads the clock or draws
random numbers would be current for ever with the values of one run, so it is refused. ``run_time()`` and ``run_date()``
are the clock that a view may read: they are part of its fingerprint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.unsupported import Problem, span

if TYPE_CHECKING:
    from sqlglot import exp

RUN_FUNCTIONS: Final = ("run_date", "run_time")
"""``run_time()`` is the time at which the run began, a timestamp; ``run_date()`` is its date, UTC."""

_CLOCK: Final = {
    "current_date": "run_date()", "curdate": "run_date()", "current_timestamp": "run_time()", "now": "run_time()",
    "localtimestamp": "run_time()", "current_time": "run_time()",
}  # fmt: skip
"""Functions that read the clock, and what to write instead."""
_CHANCE: Final = frozenset(
    {"rand", "randn", "random", "randstr", "uniform", "uuid", "shuffle", "monotonically_increasing_id"}
)
_PLACE: Final = frozenset(
    {
        "spark_partition_id", "input_file_name", "input_file_block_start", "input_file_block_length", "current_user",
        "user", "session_user", "current_catalog", "current_database", "current_schema", "current_timezone", "version",
        "reflect", "java_method", "try_reflect",
    }
)  # fmt: skip
NONDETERMINISTIC: Final = frozenset({*_CLOCK, *_CHANCE, *_PLACE})
"""Names of functions whose result is not the same in each run."""
_WORDS_OF_TIME: Final = frozenset({"now", "today", "tomorrow", "yesterday"})
"""Texts that Spark reads as times when they are cast."""
_CONVERT: Final = {
    "date": frozenset({"to_date", "ts_or_ds_to_date", "date"}),
    "timestamp": frozenset({"to_timestamp", "str_to_time", "timestamp", "to_timestamp_ltz", "to_timestamp_ntz"}),
}
"""Functions that cast a text."""


@dataclass(frozen=True)
class Nondeterminism:
    """Why a call is refused.

    Attributes:
        name: of the function, or what it is.
        fact: what it is.
        cause: why it is refused.
        remedy: what to write instead.
    """

    name: str
    fact: str
    cause: str
    remedy: str


def of_function(name: str, arguments: int = 1) -> Nondeterminism | None:
    """Why a function is refused; None if its result depends on its arguments only.

    Args:
        name: in lower case.
        arguments: their number; ``unix_timestamp()`` without one reads the clock.

    Example:
        >>> from vertebra.spark_sql.determinism import of_function
        >>> of_function("current_date").remedy
        'write run_date(), the date of the run'
    """
    if name == "unix_timestamp" and not arguments:
        return _clock("unix_timestamp()", "unix_timestamp(run_time())")
    if name in _CLOCK:
        return _clock(f"{name}()", _CLOCK[name])
    if name in _CHANCE:
        return _chance(f"{name}()")
    if name in _PLACE:
        return Nondeterminism(
            name,
            f"{name}() depends on where and by whom the query runs",
            "the same inputs must give the same table",
            "write the value",
        )
    return None


def nondeterministic(query: exp.Expr, text: str) -> Iterator[Problem]:
    """The parts of a query that give another result in each run.

    Args:
        text: of the query, for the places of the parts.
    """
    for node in query.walk():
        found = _of_node(node)
        if found is not None:
            start, end = span(node) or _named(found.name, text)
            yield Problem(start, end, found.fact, found.cause, found.remedy)


def _named(name: str, text: str) -> tuple[int, int]:
    """Where a text has a name: sqlglot keeps no place of functions that are written without parentheses."""
    found = re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE)
    return found.span() if found else (0, len(text))


def run_functions(query: exp.Expr) -> tuple[str, ...]:
    """The functions of :data:`RUN_FUNCTIONS` that a query calls."""
    return tuple(sorted({name for node in query.walk() if (name := run_function(node))}))


def run_calls(query: exp.Expr, text: str) -> Iterator[tuple[str, int, int]]:
    """The calls of run functions in a text: the function, where the call begins, and the position after it."""
    from sqlglot import exp

    for node in query.find_all(exp.Anonymous):
        name = run_function(node)
        call = re.compile(r"\w+\s*\(\s*\)").match(text, node.meta["start"]) if name else None
        if call:
            yield name, *call.span()


def run_function(node: exp.Expr) -> str:
    """The name of the run function that a node calls; empty if it calls none."""
    from sqlglot import exp

    name = node.name.lower() if isinstance(node, exp.Anonymous) and not node.expressions else ""
    return name if name in RUN_FUNCTIONS else ""


def run_literal(name: str, now: datetime) -> str:
    """The value of a run function as a literal of Spark SQL.

    Args:
        now: the time at which the run began, UTC.
    """
    return f"date'{now:%Y-%m-%d}'" if name == "run_date" else f"timestamp'{now:%Y-%m-%d %H:%M:%S.%f}+00:00'"


def _of_node(node: exp.Expr) -> Nondeterminism | None:
    from sqlglot import exp

    if isinstance(node, exp.TableSample):
        return _chance("TABLESAMPLE")
    if isinstance(node, exp.Cast) and node.to.is_type(*exp.DataType.TEMPORAL_TYPES):
        return _word_of_time(node.this, "date" if node.to.is_type("date") else "timestamp")
    if not isinstance(node, exp.Func):
        return None
    names = {node.name.lower()} if isinstance(node, exp.Anonymous) else {one.lower() for one in node.sql_names()}
    for kind, converting in _CONVERT.items():
        if names & converting and isinstance(node.this, exp.Expr):
            return _word_of_time(node.this, kind)
    arguments = sum(1 for _ in node.iter_expressions())
    return next((found for name in sorted(names) if (found := of_function(name, arguments))), None)


def _word_of_time(value: exp.Expr, kind: str) -> Nondeterminism | None:
    """Why a text such as ``'today'`` is refused where it is read as a time."""
    from sqlglot import exp

    word = value.name.strip().lower() if isinstance(value, exp.Literal) and value.is_string else ""
    return _clock(f"'{word}'", "run_date()" if kind == "date" else "run_time()") if word in _WORDS_OF_TIME else None


def _clock(what: str, instead: str) -> Nondeterminism:
    kind = "the date of the run" if "date" in instead else "the time of the run"
    return Nondeterminism(
        what.removesuffix("()"),
        f"{what} is another value in each run",
        "a table is computed again only when its inputs or its declaration change",
        f"write {instead}, {kind}",
    )


def _chance(what: str) -> Nondeterminism:
    return Nondeterminism(
        what.removesuffix("()"),
        f"{what} gives other values each time it is computed",
        "the same inputs must give the same table",
        "compute it from a key, such as pmod(xxhash64(id), 100) < 10 for a tenth of the rows",
    )
