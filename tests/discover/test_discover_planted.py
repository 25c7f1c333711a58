"""Rules planted in random tables are found, with exact figures; what was not planted is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from discover.planted import PLANTED, shop, subject
from effort import cases
from vertebra.engine import Engine
from vertebra.trusted.discover import Proposal, discover
from vertebra.trusted.discover.plausible import names_agree


def said(proposals: list[Proposal]) -> dict[tuple[str, tuple[str, ...]], Proposal]:
    return {(one.kind, one.columns): one for one in proposals}


SHOPS = pa.table({"shop": pa.array(range(14), pa.int64()), "opened": pa.array(range(2000, 2014), pa.int64())})
PRODUCTS = pa.table({"name": [f"product {p}" for p in range(60)], "maker": [f"maker {p % 7}" for p in range(60)]})

REAL = {
    ("key", ("sale",)), ("key", ("number",)), ("key", ("total",)), ("key", ("sku",)),
    ("fd", ("zip", "city")), ("fd", ("shop", "product", "price")),
    ("order", ("number", "total")), ("comparison", ("ordered", "shipped")), ("comparison", ("number", "total")),
    ("reference", ("shop",)), ("reference", ("product",)),
}  # fmt: skip


@pytest.mark.parametrize("seed", cases([1, 2, 3], fast=[1]))
def test_planted_rules_are_found_and_no_others(sail: Engine, tmp_path: Path, seed: int) -> None:
    data = shop(seed)
    found = discover(subject(sail, tmp_path, data, {"shops": SHOPS, "products": PRODUCTS}), limit=20)
    by_rule = said(found)
    wanted = {(kind, (*lhs, rhs) if rhs else lhs) for kind, lhs, rhs in PLANTED}
    assert wanted <= set(by_rule)
    between_columns = [one for one in found if one.kind in ("key", "fd", "conditional", "order", "comparison")]
    assert {(one.kind, one.columns) for one in between_columns} <= REAL
    assert {("reference", ("shop",)), ("reference", ("product",))} <= set(by_rule)

    frame = data.to_pandas()
    majority = frame.groupby("zip")["city"].transform(lambda cities: cities.mode()[0])
    assert by_rule["fd", ("zip", "city")].dirty_rows == (frame["city"] != majority).sum() > 0
    late = by_rule["comparison", ("ordered", "shipped")]
    assert late.dirty_rows == (frame["ordered"] > frame["shipped"]).sum() > 0
    assert by_rule["values", ("country",)].dirty_rows == 3
    assert by_rule["reference", ("shop",)].dirty_rows == (frame["shop"] == 14).sum()


def test_small_numbers_are_no_references_unless_a_name_or_rare_keys_say_so(sail: Engine, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    rows = 2_000
    rare = random.choice(10_000_000, 300, replace=False)
    many = random.permutation(5_000)
    data = pa.table(
        {
            "id": pa.array(range(1, rows + 1), pa.int64()),
            "quantity": pa.array(random.integers(1, 10, rows), pa.int64()),
            "stars": [str(n) for n in random.integers(1, 6, rows)],
            "shop_id": pa.array(random.integers(1, 10, rows), pa.int64()),
            "seller": pa.array(random.choice(rare, rows), pa.int64()),
            "buyer": pa.array(random.choice(many, rows), pa.int64()),
            "grams": pa.array(random.integers(1, 900, rows), pa.int64()),
        }
    )
    others = {
        "shops": pa.table({"id": pa.array(range(1, 51), pa.int64())}),
        "grades": pa.table({"grade": [str(n) for n in range(10)]}),
        "people": pa.table({"id": pa.array(rare, pa.int64())}),
        "users": pa.table({"id": pa.array(many, pa.int64())}),
        "log": pa.table({"id": pa.array(range(1, 4_001), pa.int64())}),
    }
    found = discover(subject(sail, tmp_path, data, others), kinds=("reference",))
    told = [(one.columns[0], one.body["references"][one.columns[0]]) for one in found]
    assert set(told[:2]) == {("shop_id", "shops.id"), ("seller", "people.id")}
    # as wide as the keys of users, of which it has a third; no name says so, so it comes last
    assert told[2:] == [("buyer", "users.id")]


@pytest.mark.parametrize(
    ("column", "table", "key", "agree"),
    [
        ("shop", "shops", "id", True), ("ShopID", "shops", "id", True), ("home_shop", "shops", "code", True),
        ("category_id", "product_categories", "id", True), ("cust_no", "customers", "number", True),
        ("tailnum", "planes", "tailnum", True), ("seller", "people", "person", False), ("id", "shops", "id", False),
        ("number", "invoices", "number", False), ("quantity", "shops", "shop_id", False), ("hops", "shops", "id", False),
    ],
)  # fmt: skip
def test_a_name_is_evidence_if_it_has_the_word_for_the_thing(column: str, table: str, key: str, agree: bool) -> None:
    assert names_agree(column, table, key) is agree


def test_noise_alone_gives_no_rule_between_columns(sail: Engine, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    data = pa.table({f"c{i}": pa.array(random.integers(0, 3**i + 1, 3_000), pa.int64()) for i in range(1, 8)})
    found = discover(subject(sail, tmp_path, data), kinds=("fd", "order", "comparison", "conditional", "reference"))
    assert found == []


def test_a_rule_that_holds_where_a_column_has_a_value_is_found_with_its_condition(sail: Engine, tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    rows = 4_000
    country = random.choice(["ES", "FR", "PT"], rows)
    code = random.integers(0, 40, rows)
    town = np.where(country == "ES", code % 13, random.integers(0, 13, rows))
    currency = np.where(country == "PT", "EUR", random.choice(["EUR", "USD", "GBP"], rows))
    data = pa.table(
        {
            "country": country.tolist(),
            "code": pa.array(code, pa.int64()),
            "town": [f"town {t}" for t in town],
            "currency": currency.tolist(),
        }
    )
    texts = [one.body["deny"] for one in discover(subject(sail, tmp_path, data), kinds=("conditional",))]
    assert sorted(texts) == [
        "t.country = 'ES' and t.country = s.country and t.code = s.code and t.town != s.town",
        "t.country = 'PT' and t.currency != 'EUR'",
    ]


def test_what_follows_from_other_rules_is_left_out(sail: Engine, tmp_path: Path) -> None:
    """street → town and town → county: street → county follows, and so does every longer left-hand side."""
    street = np.random.default_rng(3).integers(0, 200, 3_000)
    data = pa.table(
        {
            "street": [f"s{s}" for s in street],
            "town": [f"t{s % 40}" for s in street],
            "county": [f"c{s % 40 % 8}" for s in street],
            "noise": pa.array(np.random.default_rng(4).integers(0, 9, 3_000), pa.int64()),
        }
    )
    found = [one.columns for one in discover(subject(sail, tmp_path, data), kinds=("fd",))]
    assert sorted(found) == [("street", "town"), ("town", "county")]


def test_declared_rules_are_marked_and_what_they_imply_is_left_out(sail: Engine, tmp_path: Path) -> None:
    data = shop(1, 2_000, errors=0)
    rules = {"town": {"determines": "zip -> city"}, "sent": {"deny": "t.ordered > t.shipped"}}
    table = subject(sail, tmp_path, data, key=("sale",), rules=rules)
    by_rule = said(discover(table, limit=50))
    assert by_rule["fd", ("zip", "city")].declared == "town"
    assert by_rule["comparison", ("ordered", "shipped")].declared == "sent"
    assert by_rule["key", ("sale",)].declared == "data_key"
    assert not any("sale" in one.columns for one in by_rule.values() if one.kind == "required")
    new = discover(table, limit=50, declared=False)
    assert not {one.name for one in new} & {one.name for one in by_rule.values() if one.declared}
    assert [one.number for one in new] == list(range(1, len(new) + 1))


def test_the_same_table_gives_the_same_proposals(sail: Engine, tmp_path: Path) -> None:
    data = shop(4, 3_000)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (discover(subject(sail, tmp_path / name, data), sample=1_000) for name in "ab")
    assert first == second


EMPTY = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.float64())])
ODD = {
    "no rows": EMPTY.empty_table(),
    "one row": pa.table({"a": [1], "b": ["x"], "c": [1.5]}),
    "all rows equal": pa.table({"a": [1] * 50, "b": ["x"] * 50, "c": [1.5] * 50}),
    "nothing but NULL": pa.Table.from_pylist([{"a": None, "b": None, "c": None}] * 50, schema=EMPTY),
    "no finite number": pa.table({"a": list(range(80)), "c": [float("nan"), float("inf")] * 40}),
    "booleans and dates": pa.table(
        {"a": [True, False, None, True] * 30, "d": pa.array([1, 2, 3, None] * 30, pa.date32())}
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_tables_give_proposals_that_are_true_or_none(sail: Engine, tmp_path: Path, case: str) -> None:
    for one in discover(subject(sail, tmp_path, ODD[case])):
        assert one.violating_tuples == 0, one.sentence


def test_quotes_in_values_and_words_of_the_language_as_names_do_no_harm(sail: Engine, tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    kind = random.choice(["o'clock", "back\\slash", 'say "so"'], 2_000)
    order = np.where(kind == "o'clock", "it's", random.choice(["it's", "b", "c"], 2_000))
    data = pa.table({"case": kind.tolist(), "between": order.tolist()})
    found = said(discover(subject(sail, tmp_path, data)))
    assert found["conditional", ("case", "between")].violating_tuples == 0
    assert found["values", ("case",)].violating_tuples == 0


@pytest.mark.spark
def test_both_engines_propose_the_same(sail: Engine, apache_spark: Engine, tmp_path: Path) -> None:
    found = []
    for name, one in (("sail", sail), ("spark", apache_spark)):
        (tmp_path / name).mkdir()
        found.append(discover(subject(one, tmp_path / name, shop(9, 2_500), {"shops": SHOPS}), sample=800))
    assert found[0] == found[1]
