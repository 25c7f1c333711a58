"""The conditions of rules have the same answer on both engines, or are refused when the project is loaded."""

from __future__ import annotations

import pytest

from vertebra.denial import parse
from vertebra.engine import Engine
from vertebra.errors import RuleError

COLUMNS = {
    "i": "int", "b": "bigint", "x": "double", "y": "double", "f": "float", "d": "decimal(10,2)", "s": "string",
    "dt": "date", "ts": "timestamp",
}  # fmt: skip
ROWS = """select id, i, b, -x as x, y, f, d, s, dt, ts from values
    (1, 2000000000, 9000000000000000000, -1.5D, 1.005D, float(0.1), cast(1.50 as decimal(10,2)), '1.5', date'2024-03-03',
     timestamp'2024-03-03 10:20:30'),
    (2, -7, 8, double('NaN'), 2.5D, float(2), 10.00, '7', date'9999-12-31', timestamp'9999-12-31 23:59:59'),
    (3, 7, 7, 0D, -0.0D, float('NaN'), 0.05, '٣', date'0001-01-01', timestamp'0001-01-01 00:00:00'),
    (4, 8, -8, -3D, 1e-7D, null, null, null, null, null) as t(id, i, b, x, y, f, d, s, dt, ts)"""


def violating(engine: Engine, rule: str) -> list[int]:
    """The rows for which the condition of a rule is true."""
    condition = " and ".join(one.sql for one in parse(rule, "t", COLUMNS).predicates)
    rows = engine.session.sql(ROWS).where(condition).collect()
    return sorted(row["id"] for row in rows)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("weekday(t.dt) = 6", [1]),
        ("t.i + t.i > 3000000000", [1]),
        ("t.b * 2 > 9000000000000000000", [1]),
        ("abs(t.i) = 7", [2, 3]),
        ("t.i % 5 = -2", [2]),
        ("cast(t.s as int) = 7", [2]),
        ("cast(t.s as int) is null", [1, 3, 4]),
        ("t.x > 100", [2]),
        ("t.x < 0", []),
        ("t.x = 0", [3]),
        ("not (t.x <= 100)", [2]),
        ("t.x in (1.5, 3)", [1, 4]),
        ("t.x between 1 and 2", [1]),
        ("t.x >= t.d", [1, 2]),
        ("t.f > 1", [2, 3]),
        ("t.f = 0.1", []),
        ("rint(t.y) = 2", [2]),
        ("round(t.y, 2) = 1.01", [1]),
        ("round(t.y, 6) = 0 and t.i > 0", [3, 4]),
        ("t.d / 3 = 3.333333", [2]),
        ("t.s rlike '^\\\\d$'", [2]),
        ("trunc(t.dt, 'year') = t.dt", [3]),
        ("date_trunc('hour', t.ts) = t.ts", [3]),
        ("extract(dow from t.dt) = 1", [1]),
        ("t.dt > t.ts", []),
        ("case when t.x > 1 then 1 else 0 end = 1", [1, 2, 4]),
        ("isnan(t.x)", [2]),
        ("date_format(t.dt, 'yyyy-MM') = '2024-03'", [1]),
        ("case t.s when '7' then true end", [2]),
    ],
)
def test_a_condition_is_true_for_the_same_rows_on_both_engines(engine: Engine, rule: str, expected: list[int]) -> None:
    assert violating(engine, rule) == expected


@pytest.mark.parametrize(
    ("rule", "fact", "remedy"),
    [
        ("substring(t.s, 0, 2) = 'a'", "not a literal from 1", "substring(x, 1, 3)"),
        ("cast(t.x as string) = '1.5'", "try_cast of double, string", "cast the argument"),
        ("initcap(t.s) = t.s", "initcap of string", "write upper"),
        ("date_format(t.dt, 'w') = '1'", "has w", "yyyy"),
        ("t.s rlike t.s", "is not a text", "write the pattern"),
        ("t.s rlike '[[a]]'", "classes within classes", "use classes"),
        ("trunc(t.dt, 'decade') = t.dt", "no unit", "year, quarter"),
        ("round(t.x, -1) = 10", "-1 digits", "write round(x, 2)"),
        ("hash(t.s, t.dt, array(1)) = 1", "hash of", "md5"),
        ("uper(t.s) = 'A'", "uper is not a function", "upper"),
    ],
)
def test_a_condition_that_the_engines_compute_differently_is_refused(rule: str, fact: str, remedy: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse(rule, "t", COLUMNS)
    assert fact in str(refused.value)
    assert remedy in str(refused.value)
