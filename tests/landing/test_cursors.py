"""Where an incremental collection continues: in the order of what values mean, never after now, and set by a person."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from landing.readings import records, source
from portals.stand_in import Reply
from vertebra.errors import CollectError
from vertebra.governance.cursor_resets import CursorReset, record_reset
from vertebra.landing.collect import collector_of
from vertebra.landing.watermark import is_future, kind_of, time_of

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def table(project):
    """Writes rows to the table ``t`` of a database; ``at`` has no declared type."""
    with closing(sqlite3.connect(project / "t.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER, at)")

        def write(*rows):
            connection.executemany("INSERT INTO t VALUES (?, ?)", rows)

        write.sql = connection.execute
        yield write


def of_table(cursor="at", load="append", **more):
    return source({"from": "sql", "database": "sqlite:///t.db", "table": "t", "cursor": cursor}, load, **more)


def ids(outcome):
    return [int(row["id"]) for batch in outcome.new for row in records(batch)]


def watermark(outcome, dataset):
    return collector_of(dataset).shown_cursor(outcome.new[-1].receipt.cursor)


def reset(ledgers, batch, value):
    record_reset(ledgers, CursorReset(NOW, "ana", "station", "readings", batch, None, value))


class TestATable:
    @pytest.mark.parametrize(
        "texts",
        [
            ["8", "9"],
            ["1.5", "2.5"],
            ["v9", "v10"],
            ["31/12/2024", "01/01/2025"],
            ["2024-01-01 10:00:00", "2024-01-01T11:00:00"],
            ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5Z"],
            ["2024-01-01T00:00:00+01:00", "2024-07-01T00:00:00+02:00"],
            ["v10", "v100", "v20"],
        ],
        ids=str,
    )
    def test_texts_that_do_not_rise_as_what_they_mean_are_refused(self, table, gathered, texts):
        table(*enumerate(texts))
        with pytest.raises(CollectError, match="do not rise as what they mean") as told:
            gathered(of_table())
        assert "CAST(at AS BIGINT) AS at_number FROM t" in told.value.remedy

    @pytest.mark.parametrize(
        "texts",
        [
            ["0d9f5c1a-8d1b-4c3e-9a57-0d1f6b2c3e4a", "9f0c5a2e-1111-4c3e-8a57-0d1f6b2c3e4a"],
            ["0a4d55a8d778e5022fab701977c5d840bbc486d0", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
        ],
        ids=["uuid", "sha1"],
    )
    def test_random_identifiers_are_refused(self, table, gathered, texts):
        table(*enumerate(texts))
        with pytest.raises(CollectError, match="they are random identifiers") as told:
            gathered(of_table())
        assert "or collect the whole table: load: snapshot" in told.value.remedy

    def test_identifiers_that_begin_with_their_time_are_in_order(self, table, gathered):
        table((1, "01890a5d-ac96-774b-bcce-b302099a8057"), (2, "01890a5d-ac97-7000-8000-000000000000"))
        assert ids(gathered(of_table())) == [1, 2]

    def test_a_text_of_another_form_that_comes_later_is_refused(self, table, gathered):
        table((1, "v8"), (2, "v9"))
        gathered(of_table())
        table((3, "v10"))
        with pytest.raises(CollectError, match="do not rise"):
            gathered(of_table())

    def test_days_without_separators_are_in_order_where_they_are_declared(self, table, gathered):
        table((1, "20240101"), (2, "20240102"))
        dataset = of_table(columns={"at": {"type": "date", "format": "yyyyMMdd"}})
        assert ids(gathered(dataset)) == [1, 2]

    def test_times_with_and_without_fractions_are_in_order(self, table, gathered):
        table((1, "2024-01-01T10:00:00"), (2, "2024-01-01T10:00:00.500000"))
        assert ids(gathered(of_table())) == [1, 2]
        table((3, "2024-01-01T10:00:01"))
        assert ids(gathered(of_table())) == [3]

    def test_values_of_several_types_are_refused(self, table, gathered):
        table((1, 5), (2, "4"))
        with pytest.raises(CollectError, match="5 is a number, 4 a text"):
            gathered(of_table())

    def test_a_row_in_the_future_is_landed_once_and_does_not_move_the_watermark(self, table, gathered):
        table((1, "2026-01-15T10:00:00Z"), (2, "2099-01-01T00:00:00Z"))
        first = gathered(of_table())
        assert (ids(first), watermark(first, of_table())) == ([1, 2], "2026-01-15T10:00:00Z")
        assert "1 row has a at in the future, up to 2099-01-01T00:00:00Z" in first.warnings[0].fact
        assert gathered(of_table()).new == ()
        table((3, "2026-01-15T11:00:00Z"))
        second = gathered(of_table())
        assert (ids(second), watermark(second, of_table())) == ([3], "2026-01-15T11:00:00Z")
        assert gathered(of_table()).new == ()

    def test_if_all_rows_are_in_the_future_the_watermark_is_now(self, table, gathered):
        table((1, "2099-01-01T00:00:00Z"))
        first = gathered(of_table())
        assert (ids(first), watermark(first, of_table())) == ([1], "2026-01-15T12:00:00Z")
        table((2, "2026-01-15T12:00:01Z"))
        assert ids(gathered(of_table())) == [2]

    def test_a_table_that_was_reloaded_below_the_watermark_is_told_until_the_cursor_is_reset(
        self, table, gathered, ledgers
    ):
        table((100, 100), (101, 101))
        gathered(of_table())
        table.sql("DELETE FROM t")
        (warning,) = gathered(of_table()).warnings
        assert warning.fact == "the row at the watermark 101 is gone: the table is empty"
        table((1, 1), (2, 2))
        (warning,) = gathered(of_table()).warnings
        assert warning.fact == "the row at the watermark 101 is gone: the highest at is 2"
        assert warning.remedy == "vertebra collect readings --reset-cursor 1"
        reset(ledgers, 1, "1")
        outcome = gathered(of_table())
        assert (ids(outcome), outcome.warnings, watermark(outcome, of_table())) == ([1, 2], (), "2")
        assert gathered(of_table()).new == ()

    def test_a_table_that_was_reloaded_with_more_rows_is_told(self, table, gathered):
        table((1, 1), (2, 2))
        gathered(of_table())
        table.sql("DELETE FROM t")
        table((11, 1), (12, 3))
        (warning,) = gathered(of_table()).warnings
        assert warning.fact == "the row at the watermark 2 is gone or was changed"

    def test_an_updated_row_of_an_upserted_table_is_no_reason_for_a_warning(self, table, gathered):
        dataset = of_table(load="upsert", key=["id"], columns={"id": "int"})
        table((1, "2024-01-01"), (2, "2024-01-02"))
        gathered(dataset)
        table.sql("UPDATE t SET at = '2024-01-03' WHERE id = 2")
        outcome = gathered(dataset)
        assert (ids(outcome), outcome.warnings) == ([2], ())

    def test_another_cursor_does_not_continue_from_the_value_of_the_former(self, table, gathered, ledgers):
        table((1, 10), (2, 20))
        gathered(of_table("at"))
        with pytest.raises(CollectError, match="the watermark 20 is one of at"):
            gathered(of_table("id"))
        reset(ledgers, 1, "0")
        assert ids(gathered(of_table("id"))) == [1, 2]

    def test_a_column_that_changes_its_type_is_told(self, table, gathered):
        table((1, "2024-01-01"))
        gathered(of_table())
        table.sql("UPDATE t SET at = 5")
        with pytest.raises(CollectError, match="the watermark 2024-01-01 is a text"):
            gathered(of_table())

    def test_a_reset_to_what_is_no_value_is_refused(self, table, gathered):
        table((1, 10))
        (batch,) = gathered(of_table()).new
        with pytest.raises(CollectError, match="the cursor cannot be set to 'x'"):
            collector_of(of_table()).check_cursor("x", of_table(), batch.receipt.cursor)


class Changes:
    """Answers with the records at or after the time that it is asked for."""

    def __init__(self, *rows):
        self.rows, self.asked = list(rows), []

    def __call__(self, asked):
        self.asked.append(asked.query["since"])
        return Reply(json.dumps(self.rows).encode(), headers={"Content-Type": "application/json"})


def of_api(host, start="2000", **more):
    since = {"param": "since", "field": "at", "start": start}
    return source({"from": "rest", "url": f"{host.url}/d", "since": since}, "upsert", key=["id"], **more)


class TestAnApi:
    @pytest.mark.parametrize(
        ("start", "values", "expected"),
        [
            ("2000", ["2024-01-01T00:00:00Z"], "2024-01-01T00:00:00Z"),
            ("2000-01", ["2024-01-01"], "2024-01-01"),
            ("0", [9, 10], "10"),
            ("0", ["9", "10"], "10"),
            ("2000-01-01", ["2024-01-01T00:30:00+02:00", "2024-01-01T00:00:00Z"], "2024-01-01T00:00:00Z"),
            ("01AAA", ["01HZX", "01HZB"], "01HZX"),
            ("2025-01-01", ["2024-01-01"], "2025-01-01"),
        ],
        ids=str,
    )
    def test_the_watermark_is_the_newest_value_by_what_it_means(self, portal, gathered, start, values, expected):
        app = Changes(*({"id": n, "at": value} for n, value in enumerate(values)))
        dataset = of_api(portal(app), start)
        assert gathered(dataset).new[0].receipt.cursor == expected
        gathered(dataset)
        assert app.asked[-1] == expected

    @pytest.mark.parametrize(
        ("start", "values", "says"),
        [
            ("today", ["2024-01-01"], "at is a time, and the watermark 'today' is none"),
            ("2000-01-01", [1704067200], "at is a number, and the watermark '2000-01-01' is none"),
            ("v1", ["v9", "v10"], "do not rise with time"),
            ("01/01/2000", ["31/12/2024"], "do not rise with time"),
            ("0", ["9f0c5a2e-1111-4c3e-8a57-0d1f6b2c3e4a"], "do not rise with time"),
            ("2000", ["2024-01-01", 5], "numbers and times"),
        ],
        ids=str,
    )
    def test_values_that_cannot_be_compared_are_refused(self, portal, gathered, start, values, says):
        app = Changes(*({"id": n, "at": value} for n, value in enumerate(values)))
        with pytest.raises(CollectError, match=says):
            gathered(of_api(portal(app), start))

    def test_a_record_in_the_future_does_not_move_the_watermark(self, portal, gathered):
        app = Changes({"id": 1, "at": "2024-01-01T00:00:00Z"}, {"id": 2, "at": "2099-01-01T00:00:00Z"})
        outcome = gathered(of_api(portal(app)))
        assert outcome.new[0].receipt.cursor == "2024-01-01T00:00:00Z"
        assert "1 record has a at in the future, up to 2099-01-01T00:00:00Z" in outcome.warnings[0].fact

    def test_records_without_the_field_are_landed_and_told(self, portal, gathered):
        app = Changes({"id": 1, "at": "2024-01-01"}, {"id": 2}, {"id": 3, "at": None}, {"id": 4, "at": " "})
        outcome = gathered(of_api(portal(app)))
        assert (ids(outcome), outcome.new[0].receipt.cursor) == ([1, 2, 3, 4], "2024-01-01")
        assert outcome.warnings[0].fact.startswith("3 records have no at that can be compared")

    def test_a_watermark_in_the_future_is_told(self, portal, gathered):
        outcome = gathered(of_api(portal(Changes({"id": 1, "at": "2024-01-01"})), "2099-01-01"))
        assert outcome.warnings[0].fact == "the watermark 2099-01-01 is in the future"

    def test_the_cursor_can_be_set(self, portal, gathered, ledgers):
        app = Changes({"id": 1, "at": "2024-01-05"})
        dataset = of_api(portal(app))
        gathered(dataset)
        reset(ledgers, 1, "2023-06-01")
        gathered(dataset)
        assert app.asked == ["2000", "2023-06-01"]

    @pytest.mark.parametrize(
        ("kind", "start", "says"),
        [("timestamp", "v1", "is not a time in ISO 8601"), ("bigint", "2000-01-01", "is not a number")],
    )
    def test_a_start_of_another_type_is_refused_when_the_project_is_loaded(self, portal, kind, start, says):
        with pytest.raises(ValidationError, match=says):
            of_api(portal(Changes()), start, columns={"at": kind})


@pytest.mark.parametrize(
    ("text", "kind"),
    [("10", "number"), ("1e3", "number"), ("2024-01", "time"), ("20240101T10", "time"), ("a", "text"), ("10a", "text")],
)
def test_the_kind_of_a_text(text, kind):
    assert kind_of(text) == kind


def test_a_local_time_of_an_unknown_zone_may_be_ahead_of_utc():
    assert not is_future("2026-01-16T01:00:00", NOW)
    assert is_future("2026-01-16T01:00:00", NOW, "UTC")
    assert is_future("2026-01-15T12:00:01Z", NOW)
    assert is_future(datetime(2026, 1, 15, 12, 0, 1, tzinfo=UTC), NOW)
    assert time_of("2024-13-01") is None
