"""Columns that a view asks of tables that do not have them: told when it is certain, and only then."""

from __future__ import annotations

import pytest

from vertebra.declare.sql_text import one_query
from vertebra.declare.view_columns import unknown_columns

TABLES = {
    "trusted.flights": ["origin", "dest", "carrier", "tailnum", "time_hour", "minute", "delays", "place", "_rid"],
    "trusted.planes": ["tailnum", "seats"],
}


def unknown(sql: str) -> list[tuple[str, str]]:
    found = list(unknown_columns(one_query(sql, "views/v.sql"), TABLES))
    assert all(sql[one.start : one.end].strip("`") == one.column for one in found)
    return [(" ".join(table.partition(".")[2] or table for table in one.tables), one.column) for one in found]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select orign from trusted.flights", [("flights", "orign")]),
        ("select f.orign, f.dest from trusted.flights f", [("flights", "orign")]),
        ("select f.`orign` from trusted.flights f join trusted.planes p on p.tailnumm = f.tailnum",
         [("flights", "orign"), ("planes", "tailnumm")]),
        ("with a as (select seat from trusted.planes) select * from a", [("planes", "seat")]),
        ("select * from trusted.flights f left join x.other o on o.anything = f.orign", [("flights", "orign")]),
        ("select origin from trusted.flights where dst = 'IAH' group by origin", [("flights", "dst")]),
        ("select origin from trusted.flights f where exists (select 1 from trusted.planes p where p.tail = f.orign)",
         [("planes", "tail"), ("flights", "orign")]),
        ("select seats from trusted.planes union all select seets from trusted.planes", [("planes", "seets")]),
        ("select `flights`.orign from trusted.flights", [("flights", "orign")]),
        ("select seat from trusted.flights f join trusted.planes p on p.tailnum = f.tailnum",
         [("flights planes", "seat")]),
        ("with a as (select *, 1 as extra from trusted.flights) select extra, anything, a.more from a",
         [("a", "anything"), ("a", "more")]),
        ("with a as (select origin as o from trusted.flights) select origin from a", [("a", "origin")]),
        ("select t.o from (select origin from trusted.flights union all select dest from trusted.flights) t",
         [("t", "o")]),
        ("with a as (select f.* from trusted.flights f), b as (select a.*, p.seats from a join trusted.planes p "
         "on p.tailnum = a.tailnum) select seats, seat from b", [("b", "seat")]),
    ],
)  # fmt: skip
def test_told(sql: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(unknown(sql)) == sorted(expected)


@pytest.mark.parametrize(
    "sql",
    [
        "select ORIGIN, f.Dest from trusted.flights as f",
        "select _rid, origin || dest as pair, pair || '!' as loud from trusted.flights order by pair",
        "select timestampadd(MINUTE, minute, time_hour) from trusted.flights",
        "select timestampdiff(HOUR, time_hour, time_hour), date_trunc('hour', time_hour) from trusted.flights",
        "select extract(year from time_hour), current_date, current_timestamp() from trusted.flights",
        "select transform(delays, x -> x + 1), aggregate(delays, 0, (a, x) -> a + x) from trusted.flights",
        "select place.lat, f.place.lon from trusted.flights f",
        "select origin, one from trusted.flights lateral view explode(delays) as one",
        "select origin from trusted.flights f where exists (select 1 from trusted.planes where tailnum = f.tailnum)",
        "select origin, (select max(seats) from trusted.planes p where p.tailnum = f.tailnum) from trusted.flights f",
        "select * except (origin) from trusted.flights",
        "select origin, row_number() over w as n from trusted.flights window w as (partition by origin order by dest)",
        "select origin, row_number() over (order by dest) as n from trusted.flights qualify n = 1",
        "with a as (select origin as o from trusted.flights) select o, f.origin from a, trusted.flights f",
        "with a as (select *, 1 as extra from trusted.flights) select extra, ORIGIN, a._rid from a",
        "with a as (select * except (dest) from trusted.flights) select dest from a",
        "with a as (select * from x.other) select anything from a",
        "with a(p, q) as (select origin, dest from trusted.flights) select p, q, a.q from a",
        "select t.p from (select origin from trusted.flights) as t(p)",
        "select p from trusted.planes as t(p, q)",
        "with a as (select origin, one from trusted.flights lateral view explode(delays) as one) select one from a",
        "with a as (select origin, count(*) from trusted.flights group by origin) select `count(1)` from a",
        "with recursive a as (select 1 as n union all select n + 1 from a where n < 3) select n from a",
        "select origin, seats from trusted.flights f, trusted.planes p order by 1, seats",
        "select f.tailnum, p.* from trusted.flights f join trusted.planes p using (tailnum) where seats > 3",
        "select seats, tailnum from trusted.planes join trusted.flights using (tailnum)",
        "select count(*) filter (where origin = 'JFK') as n, interval '1' hour from trusted.flights having n > 1",
        "select carrier, sum(minute) as total from trusted.flights group by all order by total",
        "select v.a, orign from exploitation.v",
        "select id from range(10)",
        "select f.* from trusted.flights f tablesample (10 percent)",
        "select * from trusted.flights pivot (count(*) for origin in ('JFK' as jfk, 'LGA' as lga))",
        "select e.col from trusted.flights f, lateral explode(f.delays) as e",
        "select named_struct('a', origin).a, cast(minute as int) from trusted.flights",
    ],
)
def test_nothing_is_said_of_what_may_be_right(sql: str) -> None:
    assert unknown(sql) == []
