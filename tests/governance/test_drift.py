"""Drift: what is different in the columns of batches, since when and until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vertebra.declare.dataset import Dataset
from vertebra.governance.drift import ColumnDrift, drift_of, schema_rows
from vertebra.lake.batches import Batch, Receipt
from vertebra.lake.column_profile import KINDS, ColumnProfile
from vertebra.landing.parsing.value_kinds import KindCounter

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def dataset(columns: Mapping[str, Any], **more: Any) -> Dataset:
    about = {"name": "cells", "source": "test", "collect": {"from": "files", "path": "x"}, "parse": {"format": "csv"}}
    return Dataset.model_validate(about | {"columns": columns} | more)


@pytest.fixture
def batch(tmp_path: Path) -> Callable[..., Batch]:
    """A batch as it landed: ``batch(1, {"a": ["1", "2"]})``."""

    def make(number: int, cells: Mapping[str, Sequence[str | None]]) -> Batch:
        seen = {}
        for name, texts in cells.items():
            counter = KindCounter()
            counter.add(pa.array(texts, pa.string()))
            seen[name] = counter.profile().to_receipt()
        records = len(next(iter(cells.values()), ()))
        receipt = Receipt(
            number=number, collected_at=FIRST + timedelta(days=number), url="file:x", sha256="", bytes=1, payload="x",
            records=records, columns=tuple(cells), parse={}, collector="files/1", seen=seen,
        )  # fmt: skip
        folder = tmp_path / f"{number:08d}"
        folder.mkdir()
        pq.write_table(pa.table({name: pa.array(texts, pa.string()) for name, texts in cells.items()}), folder / "records.parquet")  # fmt: skip
        return Batch(folder, receipt)

    return make


def told(found: Sequence[ColumnDrift]) -> list[tuple[str, int, int]]:
    return [(str(one), one.first_batch, one.last_batch) for one in found]


def test_batches_as_declared_have_no_drift(batch):
    landed = [batch(n, {"a": ["1"], "b": ["x"], "c": ["2013-01-01"]}) for n in (1, 2)]
    assert drift_of(dataset({"c": "date", "a": "double", "b": "string"}), landed) == []


def test_a_column_that_comes_and_goes_has_its_first_and_last_batch(batch):
    with_new, without = {"a": ["1"], "new": ["x"]}, {"a": ["1"]}
    landed = [batch(n, cells) for n, cells in enumerate([without, with_new, with_new, without, with_new], 1)]
    found = drift_of(dataset({"a": "int"}), landed)
    assert told(found) == [("added new", 2, 3), ("added new", 5, 5)]
    assert (found[0].first_seen, found[0].last_seen) == (FIRST + timedelta(days=2), FIRST + timedelta(days=3))
    assert found[0].policy == "ignore"


def test_what_was_never_declared_is_told_from_what_is_new(batch):
    landed = [batch(1, {"a": ["1"], "b": ["1"]}), batch(2, {"a": ["1"], "b": ["2"], "c": ["3"]})]
    assert told(drift_of(dataset({"a": "int"}), landed)) == [("undeclared b", 1, 2), ("added c", 2, 2)]


class TestRenames:
    def test_a_declared_alias_is_a_rename(self, batch):
        landed = [batch(1, {"Codi": ["1"]}), batch(2, {"CODI": ["1"]}), batch(3, {"CODI": ["1"]})]
        declared = dataset({"codi": {"type": "int", "source": ["CODI", "Codi"]}})
        assert told(drift_of(declared, landed)) == [("renamed codi (CODI, was Codi)", 2, 3)]

    def test_a_like_name_is_suggested(self, batch):
        landed = [batch(1, {"dep_time": ["517"], "z": [""]}), batch(2, {"DepTime": ["517"], "z": [""]})]
        missing = drift_of(dataset({"dep_time": "int", "z": "string"}), landed)[-1]
        assert str(missing) == "missing dep_time (perhaps renamed to DepTime)"
        assert missing.suggestion == "dep_time: {type: int, source: [dep_time, DepTime]}"

    def test_a_suggested_name_keeps_its_blanks_in_yaml(self, batch):
        (missing,) = [one for one in drift_of(dataset({"v": "int"}), [batch(1, {"V ": ["517"]})]) if one.suggestion]
        assert str(missing) == 'missing v (perhaps renamed to "V ")'
        assert yaml.safe_load(missing.suggestion) == {"v": {"type": "int", "source": ["v", "V "]}}

    def test_like_values_are_suggested_whatever_the_name(self, batch):
        stations = ["EWR", "JFK", "LGA", "SWF"]
        before = batch(1, {"origin": stations, "n": ["1", "2", "3", "4"]})
        after = batch(2, {"n": ["5", "6", "7", "8"], "other": ["a", "b", "c", "d"], "aeropuerto": stations})
        found = drift_of(dataset({"origin": "string", "n": "int"}), [before, after])
        assert [one.suggestion for one in found if one.kind == "missing"] == [
            "origin: {type: string, source: [origin, aeropuerto]}"
        ]

    def test_nothing_is_suggested_where_values_differ(self, batch):
        before, after = batch(1, {"origin": ["EWR", "JFK", "LGA"]}), batch(2, {"price": ["1", "2", "3"]})
        assert told(drift_of(dataset({"origin": "string"}), [before, after]))[1] == ("missing origin", 2, 2)


class TestOrder:
    def test_a_column_that_moved_is_told(self, batch):
        one = ["1"]
        landed = [
            batch(1, {"a": one, "b": one, "c": one, "d": one}),
            batch(2, {"a": one, "c": one, "d": one, "b": one}),
        ]
        columns = dict.fromkeys("abcd", "int")
        assert told(drift_of(dataset(columns), landed)) == [("reordered b (column 4, was 2)", 2, 2)]

    def test_a_column_in_between_moves_no_other(self, batch):
        landed = [batch(1, {"a": ["1"], "b": ["1"]}), batch(2, {"a": ["1"], "new": ["1"], "b": ["1"]})]
        assert told(drift_of(dataset({"a": "int", "b": "int"}), landed)) == [("added new", 2, 2)]


class TestTypes:
    def test_a_declared_type_that_cells_are_not_written_as_is_told(self, batch):
        landed = [batch(1, {"n": ["1", "NA"]}), batch(2, {"n": ["1.5", "2.5"]}), batch(3, {"n": ["", "NA"]})]
        declared = dataset({"n": "int"}, parse={"format": "csv", "null": ["NA"]})
        # the third batch has no values that say otherwise
        assert told(drift_of(declared, landed)) == [("retyped n (decimal, declared int)", 2, 3)]

    def test_text_is_compared_with_the_first_batch(self, batch):
        landed = [batch(1, {"zip": ["08001", "08002"]}), batch(2, {"zip": ["8001", "8002"]})]
        assert told(drift_of(dataset({"zip": "string"}), landed)) == [("retyped zip (int, was digits)", 2, 2)]

    def test_a_few_cells_that_do_not_fit_are_rejects_and_no_drift(self, batch):
        landed = [batch(1, {"n": ["1"] * 20 + ["x"]})]
        assert drift_of(dataset({"n": "int"}), landed) == []

    def test_a_declared_way_of_writing_is_believed(self, batch):
        landed = [batch(1, {"d": ["20130101"], "n": ["1.234,5"], "b": ["oui"]})]
        columns = {
            "d": {"type": "date", "format": "yyyyMMdd"},
            "n": {"type": "double", "decimal": ",", "thousands": "."},
            "b": {"type": "boolean", "true_values": ["oui"]},
        }
        assert drift_of(dataset(columns), landed) == []

    @given(st.lists(st.sampled_from(KINDS), min_size=1))
    def test_the_type_is_that_of_nine_values_in_ten(self, kinds):
        counts = {kind: kinds.count(kind) for kind in KINDS}
        observed = ColumnProfile(counts)
        kind = observed.type(())
        values = [one for one in kinds if one not in ("blank", "null")]
        wider = {"digits": {"int"}, "decimal": {"int", "digits"}, "timestamp": {"date"}}
        if kind == "empty":
            assert not values
        elif kind != "text":
            fitting = {kind} | wider.get(kind, set())
            assert sum(one in fitting for one in values) >= 0.9 * len(values)
        assert ColumnProfile.from_receipt(observed.to_receipt()).type(()) == kind


def test_schemas_name_each_column_its_type_and_share_of_nulls(batch):
    landed = [batch(1, {"A": ["1", "NA", "", None], "b": ["x", "y", "x", "z"]})]
    declared = dataset({"a": {"type": "int", "source": "A"}}, parse={"format": "csv", "null": ["NA"]})
    rows = schema_rows(declared, landed, "run-1")
    assert [(r["column_name"], r["declared_as"], r["type"], r["nulls"]) for r in rows] == [
        ("A", "a", "int", 0.75), ("b", None, "text", 0.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "policies"),
    [("evolve", ("evolve", "null", "ignore")), ("ignore", ("ignore", "null", "ignore")), ("fail", ("fail",) * 3)],
)
def test_a_policy_can_be_said_in_a_word(word, policies):
    drift = dataset({"a": "int"}, drift=word).drift
    assert (drift.extra, drift.missing, drift.retyped) == policies


def test_another_word_is_refused():
    with pytest.raises(ValidationError, match="'merge' is not one of evolve, ignore, fail"):
        dataset({"a": "int"}, drift="merge")
