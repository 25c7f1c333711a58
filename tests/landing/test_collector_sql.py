"""Tables and queries of databases: one state, every row once, also where many rows have the newest value."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from effort import examples
from landing.readings import records, source
from portals.mariadb import running_mariadb
from portals.postgres import running_postgres
from vertebra.errors import CollectError
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import batches
from vertebra.lake.catalog import Lake
from vertebra.landing.collect import collect
from vertebra.landing.context import CollectionContext
from vertebra.landing.databases.cursor import Cursor
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.value_text import text_of


@pytest.fixture
def database(project):
    with closing(sqlite3.connect(project / "trips.db", isolation_level=None)) as connection:
        connection.execute('CREATE TABLE trips (id INTEGER PRIMARY KEY, at TEXT, "km a day" REAL, note TEXT)')
        yield connection


def add(database, *rows):
    database.execute("BEGIN")
    database.executemany("INSERT INTO trips VALUES (?, ?, ?, ?)", rows)
    database.execute("COMMIT")


def in_two(gathered, dataset, write):
    """The first two batches of a table that is written while it is read for the first."""
    written = []

    def once(_):
        if not written:
            written.append(True)
            write()

    (first,) = gathered(dataset, transferred=once).new
    (second,) = gathered(dataset).new
    assert written
    assert gathered(dataset).unchanged == 1
    return first, second


def trips(load="append", **more):
    return source({"from": "sql", "database": "sqlite:///trips.db"} | ({"table": "trips"} | more), load)


class TestATable:
    def test_every_value_is_text_and_null_is_not_empty(self, database, gathered):
        add(database, (1, "2024-01-01", 0.1, None), (2, "2024-01-02", 2.0, ""))
        (batch,) = gathered(trips("snapshot")).new
        assert records(batch) == [
            {"id": "1", "at": "2024-01-01", "km a day": "0.1", "note": None},
            {"id": "2", "at": "2024-01-02", "km a day": "2.0", "note": ""},
        ]
        assert (batch.receipt.url, batch.receipt.collector) == ("sqlite:trips.db/trips", "sql/1")

    def test_the_same_rows_are_no_new_batch(self, database, gathered):
        add(database, *((n, str(n), n / 3, "x") for n in range(25_000)))
        assert gathered(trips("snapshot")).new[0].receipt.records == 25_000
        assert gathered(trips("snapshot")).unchanged == 1
        database.execute("UPDATE trips SET note = 'y' WHERE id = 24999")
        assert len(gathered(trips("snapshot")).new) == 1

    def test_a_table_that_is_suddenly_empty_is_refused(self, database, gathered, lake):
        add(database, (1, "a", 1.0, "x"))
        gathered(trips("snapshot"))
        database.execute("DELETE FROM trips")
        with pytest.raises(PayloadsRefusedError, match="has no records; the batch before had 1"):
            gathered(trips("snapshot"))
        assert len(batches(lake.landing, "station", "readings")) == 1

    def test_a_query_is_read_as_it_is_written(self, database, gathered):
        add(database, (1, "12:30", 1.0, "100%"), (2, "12:45", 2.0, "x"))
        query = "select id, at as \"the time\" from trips where at = '12:30' and note like '100%' -- :newest"
        (batch,) = gathered(trips("snapshot", table=None, query=query)).new
        assert records(batch) == [{"id": "1", "the time": "12:30"}]

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"table": "trip"}, "no such table"),
            ({"table": "trips", "cursor": "updated"}, "there is no column updated"),
            ({"table": None, "query": "with x as (select 1) delete from trips"}, "syntax error"),
            ({"database": "sqlite:///none.db"}, "there is no database"),
        ],
        ids=str,
    )
    def test_what_cannot_be_read_is_told(self, database, gathered, change, says):
        add(database, (1, "a", 1.0, "x"))
        with pytest.raises(CollectError) as told:
            gathered(trips("snapshot", **change))
        assert says in str(told.value)
        assert database.execute("select count(*) from trips").fetchone() == (1,)

    def test_the_database_is_not_written(self, database, gathered):
        add(database, (1, "a", 1.0, "x"))
        for query in ("delete from trips", "-- select\n drop table trips", "/* select */ (update trips set id = 1)"):
            with pytest.raises(ValidationError, match="query: is not a SELECT"):
                trips("snapshot", table=None, query=query)
        query = "with x as (select 1) delete from trips returning id"
        with pytest.raises(CollectError):
            gathered(trips("snapshot", table=None, query=query))
        assert database.execute("select count(*) from trips").fetchone() == (1,)

    def test_rows_written_while_it_is_read_belong_to_the_next_batch(self, database, gathered):
        database.execute("PRAGMA journal_mode=WAL")
        add(database, *((n, str(n), 1.0, "x") for n in range(30_000)))
        written = []

        def write(_):
            if not written:
                written.append(add(database, (-1, "new", 1.0, "x"), (99_999, "new", 1.0, "x")))

        assert gathered(trips("snapshot"), transferred=write).new[0].receipt.records == 30_000
        assert gathered(trips("snapshot")).new[0].receipt.records == 30_002


class TestACursor:
    def test_only_what_is_new_is_read(self, database, gathered):
        add(database, (1, "a", 1.0, "x"), (2, "b", 1.0, "x"))
        dataset = trips(cursor="id")
        first = gathered(dataset).new[0]
        assert gathered(dataset).unchanged == 1
        add(database, (3, "c", 1.0, "x"))
        (second,) = gathered(dataset).new
        assert [row["id"] for row in records(first) + records(second)] == ["1", "2", "3"]
        assert Cursor.from_text(second.receipt.cursor).value == 3

    def test_rows_that_come_later_with_the_newest_value_are_not_lost_and_the_others_not_doubled(
        self, database, gathered
    ):
        add(database, (1, "2024-01-01", 1.0, "x"), (2, "2024-01-02", 1.0, "x"), (3, "2024-01-02", 1.0, "x"))
        dataset = trips(cursor="at")
        gathered(dataset)
        add(database, (4, "2024-01-02", 1.0, "x"))
        (second,) = gathered(dataset).new
        add(database, (5, "2024-01-03", 1.0, "x"))
        (third,) = gathered(dataset).new
        assert [[row["id"] for row in records(batch)] for batch in (second, third)] == [["4"], ["5"]]
        assert gathered(dataset).new == ()

    def test_equal_rows_with_the_newest_value_are_counted(self, project, gathered):
        with closing(sqlite3.connect(project / "trips.db", isolation_level=None)) as database:
            database.execute("CREATE TABLE trips (at TEXT)")
            database.executemany("INSERT INTO trips VALUES (?)", [("b",), ("b",)])
            dataset = trips(cursor="at")
            assert gathered(dataset).records == 2
            database.execute("INSERT INTO trips VALUES ('b')")
            assert gathered(dataset).records == 1

    def test_a_row_that_equals_the_one_before_is_landed(self, project, gathered):
        with closing(sqlite3.connect(project / "trips.db", isolation_level=None)) as database:
            database.execute("CREATE TABLE trips (at TEXT)")
            for expected in (1, 1, 0):
                database.executemany("INSERT INTO trips VALUES (?)", [("b",)] * expected)
                assert gathered(trips(cursor="at")).records == expected

    def test_a_row_without_a_value_is_told(self, database, gathered):
        add(database, (1, None, 1.0, "x"), (2, "2024-01-01", 1.0, "x"))
        outcome = gathered(trips(cursor="at"))
        assert [row["id"] for row in records(outcome.new[0])] == ["2"]
        assert "1 row has no at: rejected, not collected" in str(outcome.warnings[0])

    def test_too_many_rows_with_the_newest_value_are_told(self, database, gathered):
        add(database, *((n, "now", 1.0, "x") for n in range(10_001)))
        with pytest.raises(CollectError, match="more than 10,000 rows have at = now"):
            gathered(trips(cursor="at"))

    def test_many_rows_may_have_an_older_value(self, database, gathered):
        add(database, *((n, "2024-01-01", 1.0, "x") for n in range(25_000)), (25_000, "2024-01-02", 1.0, "x"))
        assert gathered(trips(cursor="at")).records == 25_001
        add(database, (25_001, "2024-01-02", 1.0, "x"))
        assert gathered(trips(cursor="at")).records == 1

    @settings(
        max_examples=examples(fast=4, thorough=10),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        steps=st.lists(
            st.lists(st.tuples(st.integers(0, 2), st.sampled_from("xy")), max_size=4), min_size=1, max_size=5
        )
    )
    def test_however_rows_arrive_each_is_landed_once(self, tmp_path_factory, steps):
        root = tmp_path_factory.mktemp("sql")
        lake = Lake(root / "lake")
        newest, written = 0, []
        with closing(sqlite3.connect(root / "trips.db", isolation_level=None)) as database:
            database.execute("CREATE TABLE trips (at INTEGER, note TEXT)")
            for number, step in enumerate(steps):
                # The cursor never goes back, as is asked of it; it may stand still.
                rows = sorted((newest + ahead, note) for ahead, note in step)
                newest = max([newest, *(at for at, _ in rows)])
                database.executemany("INSERT INTO trips VALUES (?, ?)", rows)
                written += rows
                now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
                collect(trips(cursor="at"), CollectionContext(root, lake, Ledgers(lake), f"run-{number}", now))
        landed = [row for batch in batches(lake.landing, "station", "readings") for row in records(batch)]
        assert Counter((int(row["at"]), row["note"]) for row in landed) == Counter(written)


class TestValues:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, None),
            (True, "true"),
            (2**70, str(2**70)),
            (0.1, "0.1"),
            (1e300, "1e+300"),
            (Decimal("1E+3"), "1000"),
            (Decimal("0.10"), "0.10"),
            (date(2024, 1, 31), "2024-01-31"),
            (datetime(2024, 1, 31, 12, 0, 0, 5, UTC), "2024-01-31T12:00:00.000005+00:00"),
            (b"\x00\xff", "00ff"),
            ({"a": [1, Decimal("0.5")]}, '{"a": [1, "0.5"]}'),
            (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ],
    )
    def test_their_text_loses_nothing(self, value, text):
        assert text_of(value) == text

    @pytest.mark.parametrize(
        "value", [1, 1.5, Decimal("1.50"), "x", date(2024, 1, 31), datetime(2024, 1, 31, tzinfo=UTC)]
    )
    def test_a_cursor_comes_back_as_it_was(self, value):
        kept = Cursor.from_text(Cursor(value, {"h": 2}).to_text())
        assert (kept.value, type(kept.value), kept.ties) == (value, type(value), {"h": 2})

    def test_the_cursor_of_another_collector_is_told(self):
        with pytest.raises(CollectError, match="no cursor of a database"):
            Cursor.from_text("2024-01-05")


class TestPostgres:
    """On a real server, where one and a driver are installed."""

    @pytest.fixture(scope="class")
    def server(self):
        with running_postgres() as (address, driver):
            yield address, driver

    def test_one_state_is_read_with_every_type(self, server, gathered):
        from sqlalchemy import NullPool, create_engine, text

        address, driver = server
        engine = create_engine(address.replace("://", f"+{driver}://"), poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA city"))
            connection.execute(
                text(
                    "CREATE TABLE city.trips AS SELECT n AS id, n / 8.0::float8 AS v, (n / 3.0)::numeric(12,4) AS m, "
                    "timestamptz '2024-01-01 00:00:00+00' + n * interval '1 second' AS at, "
                    "CASE WHEN n % 2 = 0 THEN jsonb_build_object('n', n) END AS j FROM generate_series(1, 25000) n"
                )
            )
        dataset = source({"from": "sql", "database": address, "table": "city.trips", "cursor": "at"}, "append")

        def write():
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO city.trips SELECT 25001, 1, 1, max(at) FROM city.trips"))

        first, second = in_two(gathered, dataset, write)
        assert (first.receipt.records, [row["id"] for row in records(second)]) == (25_000, ["25001"])
        assert records(first)[1] == {
            "id": "2",
            "v": "0.25",
            "m": "0.6667",
            "at": "2024-01-01T00:00:02+00:00",
            "j": '{"n": 2}',
        }


class TestMySql:
    """MariaDB stands in: it speaks the protocol and the dialect of MySQL."""

    @pytest.fixture(scope="class")
    def address(self):
        with running_mariadb() as address:
            yield address

    @pytest.fixture
    def execute(self, address):
        from sqlalchemy import NullPool, create_engine

        engine = create_engine(address.replace("mysql:", "mysql+pymysql:"), poolclass=NullPool)

        def run(*statements):
            with engine.begin() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement.replace("%", "%%"))

        return run

    def test_one_state_is_read_with_every_type(self, address, execute, gathered):
        execute(
            "CREATE TABLE trips AS SELECT seq AS id, seq / 8e0 AS v, CAST(seq / 3 AS DECIMAL(12, 4)) AS m, "
            "TIMESTAMP '2024-01-01 00:00:00' + INTERVAL seq SECOND AS at, CAST('12:30:00' AS TIME) AS hour, "
            "CASE WHEN seq % 2 = 0 THEN JSON_OBJECT('n', seq) END AS `what, else?`, "
            "_utf8mb4 'Sant Andreu de Palomar ñ 🚲' AS place, UNHEX('00FF') AS raw FROM seq_1_to_25000"
        )
        dataset = source({"from": "sql", "database": address, "table": "trips", "cursor": "at"}, "append")
        write = "INSERT INTO trips SELECT 25001, 1, 1, max(at), NULL, NULL, '', NULL FROM trips"
        first, second = in_two(gathered, dataset, lambda: execute(write))
        assert (first.receipt.records, [row["id"] for row in records(second)]) == (25_000, ["25001"])
        assert records(first)[1] == {
            "id": "2",
            "v": "0.25",
            "m": "0.6667",
            "at": "2024-01-01T00:00:02",
            "hour": "12:30:00",
            "what, else?": '{"n": 2}',
            "place": "Sant Andreu de Palomar ñ 🚲",
            "raw": "00ff",
        }
        assert records(second) == [
            {
                "id": "25001",
                "v": "1.0",
                "m": "1.0000",
                "at": "2024-01-01T06:56:40",
                "hour": None,
                "what, else?": None,
                "place": "",
                "raw": None,
            }
        ]

    def test_a_query_is_read_as_it_is_written_and_cannot_write(self, address, execute, gathered):
        execute("CREATE TABLE stops (id INT, note TEXT)", "INSERT INTO stops VALUES (1, '100%'), (2, 'x:y')")
        about = {"from": "sql", "database": address}
        query = "select id, note as `the note` from stops where note like '%:y' or note like '100%' order by id"
        (batch,) = gathered(source(about | {"query": query}, "snapshot")).new
        assert records(batch) == [{"id": "1", "the note": "100%"}, {"id": "2", "the note": "x:y"}]
        with pytest.raises(CollectError, match=r"mysql at 127\.0\.0\.1/city cannot be read"):
            gathered(source(about | {"query": "select 1) AS t; delete from stops; -- "}, "snapshot"))
        with pytest.raises(CollectError) as told:
            gathered(source(about | {"table": "stop"}, "snapshot"))
        assert "doesn't exist" in str(told.value)
        assert gathered(source(about | {"query": query}, "snapshot")).unchanged == 1

    def test_a_server_that_is_not_there_is_told_without_the_password(self, gathered, monkeypatch):
        monkeypatch.setenv("PASSWORD", "se/cret")
        with pytest.raises(CollectError) as told:
            gathered(source({"from": "sql", "database": "mysql://u:se%2Fcret@127.0.0.1:9/city", "table": "t"}))
        assert "cannot be read" in str(told.value)
        assert "cret" not in str(told.value)
