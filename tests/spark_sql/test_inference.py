"""Types are inferred without an engine, as Apache Spark gives them."""

from __future__ import annotations

import pytest

from vertebra.spark_sql.dialect import parse_query
from vertebra.spark_sql.inference import Types
from vertebra.spark_sql.types import parse_type

COLUMNS = {
    "id": "int", "i": "int", "b": "bigint", "t": "tinyint", "f": "float", "x": "double", "d": "decimal(10,2)", "s": "string",
    "dt": "date", "ts": "timestamp", "arr": "array<int>", "st": "struct<a:int,b:string>", "m": "map<string,double>",
}  # fmt: skip
TABLES = {"trusted.t": {name: parse_type(kind) for name, kind in COLUMNS.items()}}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("i + b", "bigint"), ("t + t", "tinyint"), ("i + f", "double"), ("f + f", "float"), ("d + x", "double"),
        ("d + 1", "decimal(11,2)"), ("d + -3", "decimal(11,2)"), ("d * d", "decimal(21,4)"), ("d / 3", "decimal(14,6)"),
        ("d % 3", "decimal(3,2)"), ("i / i", "double"), ("i div b", "bigint"), ("1.50", "decimal(3,2)"), ("1e3", "double"),
        ("3000000000", "bigint"), ("sum(i) over ()", "bigint"), ("sum(d) over ()", "decimal(20,2)"),
        ("avg(d) over ()", "decimal(14,6)"), ("round(d, 1)", "decimal(10,1)"), ("floor(d)", "decimal(9,0)"),
        ("case when i > 0 then 1 else 2.5 end", "decimal(11,1)"), ("coalesce(i, x)", "double"), ("if(i > 1, d, i)", "decimal(12,2)"),
        ("arr[0]", "int"), ("m['a']", "double"), ("st.a", "int"), ("t.st.b", "string"),
        ("transform(arr, e -> e + 1L)", "array<bigint>"), ("aggregate(arr, 0D, (a, e) -> a + e)", "double"),
        ("dt + interval 1 day", "date"), ("dt + interval 1 hour", "timestamp"), ("dt + 1", "date"), ("ts - ts", "interval"),
        ("named_struct('p', i, 'q', s)", "struct<p:int,q:string>"), ("map('a', 1, 'b', 2.5)", "map<string,decimal(11,1)>"),
        ("(select max(b) from trusted.t)", "bigint"), ("i in (1, 2)", "boolean"), ("s || 'x'", "string"), ("upper(s)", "string"),
        ("no_such_function(i)", None),
    ],
)  # fmt: skip
def test_the_type_of_an_expression(expression: str, kind: str | None) -> None:
    columns = Types(TABLES).query(parse_query(f"select {expression} as it from trusted.t t"))
    assert (str(columns["it"]) if columns["it"] else None) == kind


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("select * from trusted.t where i > 1", COLUMNS),
        ("select t.i, x.* from trusted.t t join (select b, d as e from trusted.t) x on t.b = x.b", {"i": "int", "b": "bigint", "e": "decimal(10,2)"}),
        ("with c(p, q) as (select i, s from trusted.t) select q, p from c", {"q": "string", "p": "int"}),
        ("select y from trusted.t lateral view explode(arr) e as y", {"y": "int"}),
        ("select k, v from trusted.t lateral view explode(m) e as k, v", {"k": "string", "v": "double"}),
        ("select posexplode(arr) from trusted.t", {"pos": "int", "col": "int"}),
        ("select i from trusted.t union all select b from trusted.t", {"i": "bigint"}),
        ("select p, q from values (1, 'a'), (2.5, 'b') as v(p, q)", {"p": "decimal(11,1)", "q": "string"}),
        ("select i as j, count(*) as n from trusted.t group by i having n > 1 order by j", {"j": "int", "n": "bigint"}),
    ],
)  # fmt: skip
def test_the_columns_of_a_query(query: str, columns: dict[str, str]) -> None:
    found = Types(TABLES).query(parse_query(query))
    assert {name: str(kind) for name, kind in found.items()} == columns


def test_what_is_not_known_is_not_guessed() -> None:
    found = Types({"trusted.t": {"i": None}}).query(
        parse_query("select i + 1 as j, upper(i) as u, q.z from trusted.t, other q")
    )
    assert {name: kind and str(kind) for name, kind in found.items()} == {"j": None, "u": "string", "z": None}
