"""One pass over groups serves several rules, of every type of value, and looks closely only at the groups it must."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection_truth import check, stored, unhurried
from effort import spread
from vertebra.declare.rules import NamedRule
from vertebra.denial import Inclusion, parse
from vertebra.engine import Engine
from vertebra.trusted.detect import Detection, detect

COLUMNS = {
    "k": "int", "flag": "boolean", "price": "decimal(12,2)", "at": "timestamp", "day": "date", "x": "double",
    "name": "string", "code": "string", "n": "int",
}  # fmt: skip
SCHEMA = pa.schema(
    [("_rid", pa.int64()), ("k", pa.int32()), ("flag", pa.bool_()), ("price", pa.decimal128(12, 2)),
     ("at", pa.timestamp("us", tz="UTC")), ("day", pa.date32()), ("x", pa.float64()), ("name", pa.string()),
     ("code", pa.string()), ("n", pa.int32())]
)  # fmt: skip

RULES = {
    "key": "t.k = s.k and t.n = s.n",
    "key_of_half": "t.k = s.k and t.n = s.n and t.flag and s.flag",
    "key_where_the_other_is_flagged": "t.k = s.k and t.n = s.n and s.flag",
    "flag": "t.k = s.k and t.flag != s.flag",
    "price": "t.k = s.k and t.price != s.price",
    "at": "t.k = s.k and t.at != s.at",
    "day": "t.k = s.k and t.day != s.day",
    "x": "t.k = s.k and t.x != s.x",
    "name": "t.k = s.k and t.name != s.name",
    "code": "t.k = s.k and t.code != s.code",
    "name_of_half": "t.k = s.k and t.name != s.name and t.flag and s.flag",
    "name_unlike_code": "t.k = s.k and t.name != s.code",
    "name_and_x": "t.k = s.k and t.name != s.name and t.x != s.x",
    "price_up": "t.k = s.k and t.price < s.price and t.flag",
    "at_ties": "t.k = s.k and t.at <= s.at",
    "x_down": "t.k = s.k and t.x > s.x and t.code != s.code",
    "overlap": "t.k = s.k and t.at < s.at and t.price > s.price",
    "overlap_ties": "t.k = s.k and t.x <= s.x and t.day >= s.day",
    "across": "t.k = s.n and t.flag != s.flag",
    "across_with_itself": "t.k = s.n and t.price <= s.price",
    "by_price": "t.price = s.price and t.name != s.name",
    "by_x": "t.x = s.x and t.flag != s.flag",
    "by_flag_and_day": "t.flag = s.flag and t.day = s.day and t.code != s.code",
    "flagged": "t.flag and t.x is null",
    "dear": "t.price > 1.00 and t.name != t.code",
}

values = {
    "k": st.integers(0, 6),
    "flag": st.none() | st.booleans(),
    "price": st.none() | st.sampled_from([Decimal("0.10"), Decimal("1.00"), Decimal("-7.25")]),
    "at": st.none() | st.integers(0, 2).map(lambda s: dt.datetime(2020, 1, 1, 0, 0, s, 5, tzinfo=dt.UTC)),
    "day": st.none() | st.integers(1, 3).map(lambda day: dt.date(2020, 1, day)),
    "x": st.none() | st.sampled_from([0.0, -0.0, 2.5, float("nan"), float("inf"), -float("inf")]),
    "name": st.none() | st.sampled_from(["", "p", "P", "é"]),
    "code": st.none() | st.sampled_from(["p", "q"]),
    "n": st.none() | st.integers(0, 3),
}
rows = st.fixed_dictionaries(values)


def rules(texts: dict[str, str]) -> list[NamedRule]:
    return [NamedRule(name, "deny", parse(text, "r", COLUMNS)) for name, text in texts.items()]


def table(records: list[dict[str, Any]], clean: int = 0) -> pa.Table:
    """The records among clean rows, each alone in its group."""
    alone = dict.fromkeys(COLUMNS) | {"name": "p", "flag": True, "x": 1.0, "at": dt.datetime(2021, 1, 1, tzinfo=dt.UTC)}
    padding = [alone | {"k": 1000 + i, "n": 5000 + i, "price": Decimal(100 + i)} for i in range(clean)]
    shuffled = random.Random(0).sample([*records, *padding], len(records) + clean)
    return pa.Table.from_pylist([{"_rid": 7 * i, **record} for i, record in enumerate(shuffled)], schema=SCHEMA)


def random_records(count: int, seed: int = 1) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    choices: dict[str, list[Any]] = {
        "k": list(range(7)),
        "flag": [None, True, False],
        "price": [None, Decimal("0.10"), Decimal("1.00"), Decimal("-7.25")],
        "at": [None, *(dt.datetime(2020, 1, 1, 0, 0, s, tzinfo=dt.UTC) for s in range(3))],
        "day": [None, *(dt.date(2020, 1, day) for day in range(1, 4))],
        "x": [None, 0.0, -0.0, 2.5, float("nan"), float("inf"), -float("inf")],
        "name": [None, "", "p", "P", "é"],
        "code": [None, "p", "q"],
        "n": [None, 0, 1, 2, 3],
    }
    return [{name: chance.choice(own) for name, own in choices.items()} for _ in range(count)]


@unhurried
@given(records=st.lists(rows, min_size=20, max_size=50))
def test_most_groups_violate(records: list[dict[str, Any]], sail: Engine) -> None:
    check(rules(spread(RULES, fast=13)), {"r": table(records)}, sail)


@unhurried
@given(records=st.lists(rows, min_size=1, max_size=40))
def test_few_groups_violate(records: list[dict[str, Any]], sail: Engine) -> None:
    check(rules(spread(RULES, fast=9)), {"r": table(records, clean=400)}, sail)


@pytest.mark.parametrize("copies", [0, 1, 3])
def test_no_rows_one_row_and_rows_that_are_all_equal(copies: int, sail: Engine) -> None:
    (record,) = random_records(1, seed=5)
    record |= {"n": record["k"], "x": float("nan"), "flag": True, "price": Decimal("1.00")}
    check(rules(spread(RULES, fast=9)), {"r": table([record] * copies)}, sail)


@pytest.mark.spark
@pytest.mark.slow
def test_on_apache_spark_too(apache_spark: Engine) -> None:
    chosen = spread(dict(list(RULES.items())[::2]), fast=5)
    check(rules(chosen), {"r": table(random_records(40), clean=200)}, apache_spark)


def test_sharing_a_pass_changes_nothing(sail: Engine, tmp_path: Path) -> None:
    frame = stored(table(random_records(60), clean=300), tmp_path / "r.parquet", sail)

    def detected(texts: dict[str, str], folder: str) -> Detection:
        (tmp_path / folder).mkdir()
        return detect("r", {"r": frame}, rules(texts), sail, tmp_path / folder)

    together = {count.rule: count for count in detected(RULES, "together").counts}
    for name, text in spread(dict(list(RULES.items())[::3]), fast=4).items():
        assert detected({name: text}, name).counts == (together[name],)


def test_pairs_that_match_the_left_hand_side_are_those_a_join_would_count(sail: Engine) -> None:
    data = table(random_records(80), clean=50)
    chosen = ("flag", "name", "name_and_x", "at_ties", "overlap", "by_price")
    counts = check(rules({name: RULES[name] for name in chosen}), {"r": data}, sail)
    records = data.to_pylist()

    def matching(rule: str, key: str, *known: str, orders: int = 1) -> None:
        sizes: dict[Any, int] = {}
        for record in records:
            if all(record[name] is not None for name in (key, *known)):
                sizes[record[key]] = sizes.get(record[key], 0) + 1
        assert counts[rule].lhs_pairs == sum(n * (n - 1) * orders // 2 for n in sizes.values())
        assert counts[rule].groups == len(sizes)

    matching("flag", "k", "flag")
    matching("name", "k", "name")
    matching("name_and_x", "k", "name", "x")
    matching("at_ties", "k", "at", orders=2)
    matching("overlap", "k", "at", "price")
    matching("by_price", "price", "name")


@pytest.mark.parametrize("rows", [0, 2, 30])
def test_no_more_pairs_violate_than_match_the_left_hand_side(rows: int, sail: Engine) -> None:
    equal = [random_records(1, seed=3)[0] | {"k": 1, "x": 2.5, "n": 1, "flag": True}] * rows
    for records in (equal, random_records(rows)):
        for name, count in check(rules(spread(RULES, fast=9)), {"r": table(records, clean=5)}, sail).items():
            if count.lhs_pairs is not None:
                assert (count.violating_pairs or 0) <= count.lhs_pairs, name


def test_a_rule_that_billions_of_pairs_violate_is_counted_exactly(sail: Engine, tmp_path: Path) -> None:
    rows = 100_000
    numbers = pa.array(range(rows), pa.int64())
    data = pa.table({
        "_rid": numbers, "k": pa.array([0 if i % 2 else i for i in range(rows)], pa.int32()),
        "n": pa.array([i % 2 for i in range(rows)], pa.int32()),
        "name": pa.array(["pq"[i // 2 % 2] for i in range(rows)]),
    })  # fmt: skip
    frame = stored(data, tmp_path / "r.parquet", sail)
    texts = {
        "constant_key": "t.n != s.n",
        "skewed_key": "t.k = s.k and t.name != s.name",
        "skewed_order": "t.k = s.k and t.name < s.name",
        "equal": "t.n = s.n",
    }
    found = detect("r", {"r": frame}, rules(texts), sail, tmp_path)
    constant, skewed, order, equal = found.counts
    half, quarter = rows // 2, rows // 4
    assert (constant.violating_pairs, constant.violating_tuples) == (half * half, rows)
    # the row with k = 0 and an even number is in the group too
    assert skewed.violating_pairs == order.violating_pairs == quarter * (quarter + 1)
    assert skewed.g3_rows == quarter
    assert skewed.violating_groups == order.violating_groups == 1
    assert equal.violating_pairs == 2 * (half * (half - 1) // 2)
    assert found.violations.count() == 2 * rows + 2 * (half + 1)


def test_a_reference_names_the_values_it_does_not_find(sail: Engine, tmp_path: Path) -> None:
    frames = {
        "r": stored(table(random_records(60), clean=100), tmp_path / "r.parquet", sail),
        "q": stored(table(random_records(3)), tmp_path / "q.parquet", sail),
    }
    texts = {"n": ("n",), "pair": ("name", "code"), "x": ("x",)}
    references = [NamedRule(n, "references", Inclusion("r", columns, "q", columns)) for n, columns in texts.items()]
    found = detect("r", frames, references, sail, tmp_path)
    data = {name: frame.toArrow().to_pylist() for name, frame in frames.items()}
    listed = [(row["rule"], row["rid"]) for row in found.violations.collect()]
    for count in found.counts:
        columns = texts[count.rule]

        def value(record: dict[str, Any], columns: tuple[str, ...] = columns) -> tuple[str, ...] | None:
            own = [record[name] for name in columns]
            return None if None in own else tuple(str(v + 0.0 if isinstance(v, float) else v) for v in own)

        known = {value(record) for record in data["q"]}
        referring = [(record["_rid"], value(record)) for record in data["r"] if value(record) is not None]
        lost = [(rid, own) for rid, own in referring if own not in known]
        assert sorted(rid for rule, rid in listed if rule == count.rule) == sorted(rid for rid, _ in lost)
        assert count.violating_tuples == len(lost) > 0
        assert count.groups == len({own for _, own in referring})
        assert count.violating_groups == len({own for _, own in lost})
