"""Links two tables with Splink as its quickstart does: `python splink_matching.py LEFT RIGHT OUT`, all Parquet.

A Jaro-Winkler comparison for each text, exact ones with term frequencies for columns with few values, distances for
coordinates; blocks on every column that is not too coarse; parameters by random sampling and expectation maximisation.
Each record has at most one partner.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from pathlib import Path

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

FEW = 100
"""Distinct values up to which a column is compared exactly."""
MOST_PAIRS = 3_000_000
THRESHOLD = 0.95


def main(left: Path, right: Path, out: Path) -> None:
    api = DuckDBAPI()
    with duckdb.connect() as db:
        tables = [db.sql(f"select id as unique_id, * exclude (id) from '{file}'").to_arrow_table()
                  for file in (left, right)]  # fmt: skip
        names = [one for one in tables[0].column_names if one in tables[1].column_names and one != "unique_id"]
        for side, table in zip(("a", "b"), tables, strict=True):
            db.register(side, table.select(["unique_id", *names]))
        typed = [f"try_cast({one} as double) as {one}" if one in ("lat", "lon") else one for one in names]
        plain = [db.sql(f"select unique_id, {', '.join(typed)} from {side}").to_arrow_table() for side in ("a", "b")]
        texts = [one for one in names if one not in ("lat", "lon")]
        sure = [pair for pair in itertools.combinations(texts, 2) if _pairs(db, pair)][:3]
        few = {one for one in texts
               if db.sql(f"select count(distinct {one}) from a").fetchall()[0][0] <= FEW}  # fmt: skip
        blocks = [one for one in texts if _pairs(db, [one]) <= MOST_PAIRS]
        if len(blocks) < 2:
            blocks += [pair for pair in itertools.combinations(texts, 2) if _pairs(db, pair) <= MOST_PAIRS]
    comparisons = [
        cl.ExactMatch(one).configure(term_frequency_adjustments=True)
        if one in few
        else cl.JaroWinklerAtThresholds(one, [0.9, 0.7])
        for one in texts
    ]
    if "lat" in names:
        comparisons.append(cl.DistanceInKMAtThresholds("lat", "lon", [1, 10, 50]))
    rules = [block_on(*([one] if isinstance(one, str) else one)) for one in blocks]
    if "lat" in names:
        rules.append(block_on("round(lat, 1)", "round(lon, 1)"))
    settings = SettingsCreator(
        link_type="link_only", comparisons=comparisons, blocking_rules_to_generate_predictions=rules
    )
    inputs = [api.register(table, dataset_display_name=side) for table, side in zip(plain, ("a", "b"), strict=True)]
    linker = Linker(inputs, settings)
    if sure:
        certain = [block_on(*pair) for pair in sure]
        linker.training.estimate_probability_two_random_records_match(certain, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    for rule in rules[:3]:
        with contextlib.suppress(Exception):  # a block may leave a comparison without pairs to learn from
            linker.training.estimate_parameters_using_expectation_maximisation(rule)
    predictions = linker.inference.predict(threshold_match_weight=-10)
    clusters = linker.clustering.cluster_using_single_best_links(
        predictions, duplicate_free_datasets=["a", "b"], threshold_match_probability=THRESHOLD
    )
    found = clusters.as_duckdbpyrelation()
    con = found.query(
        "clusters",
        "select a.unique_id as l, b.unique_id as r from clusters a join clusters b using (cluster_id) "
        "where a.source_dataset = 'a' and b.source_dataset = 'b'",
    )
    con.write_parquet(str(out))


def _pairs(db: duckdb.DuckDBPyConnection, columns: list[str] | tuple[str, ...]) -> int:
    keys = ", ".join(columns)
    absent = " and ".join(f"{one} is not null" for one in columns)
    [(count,)] = db.sql(
        f"select coalesce(sum(x.n * y.n), 0) from (select {keys}, count(*) as n from a where {absent} group by all) x "
        f"join (select {keys}, count(*) as n from b where {absent} group by all) y using ({keys})"
    ).fetchall()
    return int(count)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
