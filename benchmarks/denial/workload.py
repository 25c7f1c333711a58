"""What is measured: a made table with few errors of every kind, a rule of each class over it, and hard cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

COLUMNS: Final = {
    "k": "bigint", "a": "int", "c": "string", "lo": "int", "u": "bigint", "start": "bigint", "stop": "bigint",
    "total": "bigint", "one": "int", "half": "int", "value": "int",
}  # fmt: skip

_ROWS_PER_GROUP: Final = 10
_ROWS_PER_ERROR: Final = 100_003


@dataclass(frozen=True)
class Case:
    """A rule and what its cost is compared with.

    Attributes:
        name: of the class, or of the hard case.
        deny: the rule over the made table.
        columns: the columns it reads, keys first: what a sort of the same columns sorts.
        keys: how many of them are the left-hand side of a dependency; 0 where the measure is a sort.
        joined: also run as a self-join by the peers.
        between: the rule is about the made table ``r`` as ``t`` and the same table, as another relation ``o``, as ``p``.
    """

    name: str
    deny: tuple[str, ...]
    columns: tuple[str, ...]
    keys: int = 0
    joined: bool = True
    between: bool = False

    @property
    def predicate(self) -> str:
        """What the peers' self-join asks for."""
        return self.deny[0]


CLASSES: Final = (
    Case("one tuple", ("t.a > 1000", "t.stop <= t.start", "t.c is null", "t.lo < 0", "t.c not like 'v%'"),
         ("a", "c", "lo", "start", "stop"), joined=False),
    Case("{=}", ("t.k = s.k and t.u = s.u",), ("k", "u")),
    Case("{=, ≠}", ("t.k = s.k and t.a != s.a",), ("k", "a"), keys=1),
    Case("{=, ≠}, three rules of one key",
         ("t.k = s.k and t.a != s.a", "t.k = s.k and t.c != s.c", "t.k = s.k and t.lo != s.lo"),
         ("k", "a", "c", "lo"), keys=1, joined=False),
    Case("{=, ≠×2}", ("t.k = s.k and t.a != s.a and t.lo != s.lo",), ("k", "a", "lo")),
    Case("{=, <}", ("t.k = s.k and t.lo < s.lo",), ("k", "lo")),
    Case("{=, <, ≠}", ("t.k = s.k and t.start < s.start and t.a != s.a",), ("k", "start", "a")),
    Case("{=, <, >}", ("t.k = s.k and t.start < s.start and t.stop > s.start",), ("k", "start", "stop")),
    Case("{=, <, >}, ties", ("t.k = s.k and t.start <= s.start and t.stop >= s.start",), ("k", "start", "stop")),
    Case("{≠}", ("t.one != s.one",), ("one",)),
    Case("{<}", ("t.stop < s.lo",), ("stop", "lo")),
    Case("{<, >}", ("t.start < s.start and t.total > s.total",), ("start", "total")),
    Case("{=, <, >, <}", ("t.k = s.k and t.start < s.start and t.stop > s.stop and t.u < s.u",),
         ("k", "start", "stop", "u")),
    Case("{<, >, >}", ("t.start < s.start and t.total > s.total and t.u > s.u",), ("start", "total", "u"),
         joined=False),
    Case("{=}, across columns", ("t.lo = s.start",), ("lo", "start"), joined=False),
    Case("{=, <}, across columns", ("t.k = s.k and t.stop < s.lo",), ("k", "stop", "lo"), joined=False),
    Case("{=, ≠} between two relations", ("t.k = p.k and t.a != p.a",), ("k", "a"), joined=False, between=True),
    Case("{=, <, <} between two relations", ("t.k = p.k and t.stop < p.start and p.u < t.lo",), ("k", "stop", "start"),
         joined=False, between=True),
)  # fmt: skip
"""One rule of each class; all but a few rows satisfy it."""

HARD: Final = (
    Case("half of all rows have one key", ("t.half = s.half and t.a != s.a",), ("half", "a"), keys=1, joined=False),
    Case("all rows are one group, ordered", ("t.one = s.one and t.start < s.start and t.total > s.total",),
         ("one", "start", "total"), joined=False),
    Case("every tuple violates", ("t.one = s.one and t.value != s.value",), ("one", "value"), keys=1, joined=False),
    Case("every tuple violates an order", ("t.one = s.one and t.value < s.value",), ("one", "value"), joined=False),
)  # fmt: skip
"""Skewed keys, and rules that more pairs violate than could be made: at 100,000 rows 2.5 · 10⁹."""


def make_table(folder: Path, rows: int) -> Path:
    """Write the made table as Parquet; made once per folder."""
    target = folder / f"made-{rows}.parquet"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    groups = max(1, rows // _ROWS_PER_GROUP)
    wrong = f"(i % {_ROWS_PER_ERROR} = {{}})::INTEGER"
    with duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = '{folder / 'spill'}'")
        connection.execute(
            f"""
            COPY (
              SELECT i AS _rid, k, (k % 1000 + {wrong.format(11)})::INTEGER AS a,
                'v' || (k % 500 + {wrong.format(12)}) AS c, (k % 2000 + {wrong.format(13)})::INTEGER AS lo,
                i + {wrong.format(14)} * {groups} AS u,
                100 * (i + 1000) AS start, 100 * (i + 1000) + 50 + {wrong.format(15)} * 1000::BIGINT * {rows} AS stop,
                3 * i - {wrong.format(16)} * 4 AS total, 1 AS one,
                CASE WHEN i % 2 = 0 THEN 0 ELSE (i % {groups})::INTEGER END AS half, (i % 2)::INTEGER AS value
              FROM (SELECT i, (i * 7919) % {groups} AS k FROM range({rows}) AS r(i))
              ORDER BY hash(i)
            ) TO '{target}' (FORMAT parquet, ROW_GROUP_SIZE 500000)
            """
        )
    return target


def record(case: Case) -> Mapping[str, object]:
    """What a case is, for the results."""
    return {"case": case.name, "deny": list(case.deny), "columns": list(case.columns)}
