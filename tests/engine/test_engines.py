"""Both engines behind the port, and the guards where the embedded one misleads."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from vertebra.engine import ConnectEngine, Engine, SailEngine, over, start
from vertebra.engine.sail import join_did_not_fit, machine_memory
from vertebra.errors import EngineError, QueryError

SCHEMA = pa.schema([("a", pa.int64()), ("at", pa.timestamp("us", tz="UTC"))])


def test_a_frame_written_and_read_back_is_equal(engine: Engine, tmp_path: Path) -> None:
    frame = engine.session.sql("SELECT id AS a, timestamp'2013-01-01 10:00:00' AS at FROM range(100)")
    files = engine.write_parquet(frame, tmp_path / "new")
    back = engine.read_parquet(files, SCHEMA)
    assert sorted(row.a for row in back.collect()) == list(range(100))
    assert {str(row.t) for row in back.selectExpr("cast(at AS string) AS t").collect()} == {"2013-01-01 10:00:00"}


def test_only_parquet_files_are_left_in_a_written_folder(engine: Engine, tmp_path: Path) -> None:
    files = engine.write_parquet(engine.session.range(10), tmp_path / "new")
    assert sorted(p for p in (tmp_path / "new").rglob("*") if p.is_file()) == files


def test_columns_that_a_file_lacks_are_null(engine: Engine, tmp_path: Path) -> None:
    files = engine.write_parquet(engine.session.range(3).toDF("a"), tmp_path / "new")
    wider = engine.read_parquet(files, pa.schema([("a", pa.int64()), ("b", pa.string())]))
    assert [row.b for row in wider.collect()] == [None] * 3


def test_a_missing_file_is_an_error_and_never_no_rows(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="do not exist"):
        engine.read_parquet([tmp_path / "gone.parquet"], SCHEMA)


def test_no_files_are_an_empty_table_with_the_schema(engine: Engine) -> None:
    empty = engine.read_parquet([], SCHEMA)
    assert empty.columns == ["a", "at"]
    assert empty.count() == 0


def test_an_existing_folder_is_never_overwritten(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(EngineError, match="already exists"):
        engine.write_parquet(engine.session.range(1), tmp_path / "old")


def test_a_materialised_frame_is_computed_once(engine: Engine, tmp_path: Path) -> None:
    frame = engine.materialise(engine.session.sql("SELECT rand() AS r FROM range(5)"), tmp_path / "m")
    assert frame.collect() == frame.collect()


def test_sessions_are_in_utc(engine: Engine) -> None:
    row = engine.session.sql("SELECT cast(timestamp'2013-07-01 10:00:00Z' AS string) AS t").collect()[0]
    assert row.t == "2013-07-01 10:00:00"


def test_the_embedded_engine_listens_on_loopback_only(sail: Engine) -> None:
    psutil = pytest.importorskip("psutil")
    assert sail.session.range(1).count() == 1
    listening = [c for c in psutil.Process().net_connections() if c.status == "LISTEN"]
    assert listening
    assert {c.laddr.ip for c in listening} == {"127.0.0.1"}


def test_the_embedded_engine_bounds_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SailEngine(memory="2g")._settings()
    assert settings["SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE"] == str(2 << 30)
    assert settings["SAIL_RUNTIME__MEMORY_POOL__TYPE"] == "fair"
    assert int(SailEngine()._settings()["SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE"]) < machine_memory()


def test_a_memory_that_is_not_a_size_is_refused_with_what_to_write() -> None:
    with pytest.raises(EngineError, match="'big' is not a size") as refused:
        SailEngine(memory="big")
    assert "memory: 8g" in refused.value.remedy


def test_an_engine_that_is_none_is_refused_with_the_two_forms() -> None:
    with pytest.raises(EngineError, match="sc://host:15002"):
        start("spark://host:7077")


def test_an_address_never_shows_its_token() -> None:
    assert "secret" not in ConnectEngine("sc://host:15002/;token=secret").name


def test_an_engine_that_does_not_answer_is_a_clear_error_at_once() -> None:
    with pytest.raises(EngineError, match="does not answer"):
        _ = ConnectEngine("sc://127.0.0.1:1").session


def test_a_token_in_an_address_is_not_told() -> None:
    with pytest.raises(EngineError) as refused:
        ConnectEngine("spark://host:15002;token=hush")
    assert "hush" not in str(refused.value)
    assert ConnectEngine("sc://host:15002;token=hush").name == "sc://host:15002"
    assert ConnectEngine("sc://host:15002/;token=hush").name == "sc://host:15002"


def test_a_join_that_did_not_fit_is_known_through_what_wraps_it() -> None:
    engine_says = "Failed to allocate additional 128.0 KB for HashJoinInput[0] with 151.6 MB already allocated"
    wrapped = EngineError("the view failed")
    wrapped.__cause__ = RuntimeError(engine_says)
    assert join_did_not_fit(wrapped)
    assert not join_did_not_fit(RuntimeError("another"))
    assert SailEngine(spilling_joins=True)._settings()["SAIL_OPTIMIZER__PREFER_HASH_JOIN"] == "false"


def test_a_server_that_is_sail_is_refused_and_not_taken_for_apache_spark() -> None:
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    served = start(f"sc://127.0.0.1:{server.listening_address[1]}")
    try:
        with pytest.raises(EngineError, match=r"is Sail 0\.[0-9.]+, not Apache Spark") as told:
            _ = served.session
        assert "engine: sail" in told.value.remedy
        served.warm_up()
        with pytest.raises(EngineError, match="is Sail"):
            _ = served.session
    finally:
        served.stop()
        server.stop()


def test_an_engine_over_a_session_is_of_the_kind_of_its_server(engine: Engine) -> None:
    found = over(engine.session)
    assert found.capabilities.dialect == engine.capabilities.dialect
    frame = found.session.sql("SELECT 1 AS a")
    expected = engine.translate_expression("rint(2.5D) + a", frame).text
    assert found.translate_expression("rint(2.5D) + a", frame).text == expected


def test_work_waits_for_the_engine_that_starts_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both import the client, and Python reports a deadlock where two threads import modules that need each other."""
    engine, order, may_end = SailEngine(), list[str](), threading.Event()

    def opened() -> None:
        assert may_end.wait(10)
        order.append("engine")

    monkeypatch.setattr(engine, "_open", opened)
    engine.warm_up()
    threading.Timer(0.2, may_end.set).start()
    engine.attempt(lambda: order.append("work"))
    assert order == ["engine", "work"]


def test_work_whose_session_the_server_has_ended_is_repeated_in_a_new_one(engine: Engine) -> None:
    """Servers end sessions that are idle for long; what a person does next must not fail for it."""
    fresh = SailEngine() if isinstance(engine, SailEngine) else ConnectEngine(engine.name)
    told: list[str] = []
    try:
        assert fresh.attempt(lambda: fresh.session.range(3).count()) == 3
        fresh.session.client.release_session()
        assert fresh.attempt(lambda: fresh.session.range(5).count(), told.append) == 5
        assert told == ["the engine had ended its idle session; repeating in a new one"]
        # only the session was replaced: another end is as harmless, and other failures are none
        fresh.session.client.release_session()
        assert fresh.attempt(lambda: fresh.session.range(7).count()) == 7
        with pytest.raises(QueryError):
            fresh.attempt(lambda: fresh.session.sql("select nope").collect())
    finally:
        fresh.stop()


def test_a_session_of_someone_else_that_has_ended_is_a_clear_error(sail: Engine) -> None:
    theirs = SailEngine()
    given = over(theirs.session)
    theirs.session.client.release_session()
    with pytest.raises(EngineError, match="the engine ended its session") as told:
        given.attempt(lambda: given.session.range(1).count())
    assert "open the project again" in told.value.remedy
    theirs.stop()


def test_the_embedded_engine_keeps_an_idle_session_for_longer_than_people_stay_away() -> None:
    assert int(SailEngine()._settings()["SAIL_SPARK__SESSION_TIMEOUT_SECS"]) > timedelta(days=30).total_seconds()
