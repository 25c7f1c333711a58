"""Exceptions of Spark become errors with a fact, its cause in one line, and the next command."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from vertebra.engine import Engine
from vertebra.engine.failures import cause_of, query_error, translated
from vertebra.errors import EngineError, EngineMemoryError, QueryError, VertebraError

LOST = """<_MultiThreadedRendezvous of RPC that terminated with:
\tstatus = StatusCode.UNAVAILABLE
\tdetails = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:15002: Connection refused"
\tdebug_error_string = "UNKNOWN:Error received from peer {grpc_status:14}"
>"""
PANIC = """task failed: index out of bounds: the len is 1 but the index is 1
stack backtrace:
   0: rust_begin_unwind
   1: core::panicking::panic_fmt"""


def memory(operator: str) -> str:
    return f"Failed to allocate additional 97.7 KB for {operator}[0] with 31.4 MB already allocated"


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("select nope from range(3)", "nope"),
        ("select cast('abc' as int) from range(3)", "abc"),
        ("selec 1", "selec"),
        ("select id / 0 from range(3)", "zero"),
        ("select * from nowhere", "nowhere"),
    ],
)
def test_a_query_that_fails_is_a_query_error(engine: Engine, sql: str, cause: str) -> None:
    with pytest.raises(QueryError, match="the engine failed on a query") as failed:
        engine.attempt(lambda: engine.session.sql(sql).collect())
    assert cause in failed.value.cause.lower()
    assert "\n" not in failed.value.cause
    assert failed.value.remedy
    assert failed.value.__cause__ is not None


def test_names_are_written_as_in_sql(sail: Engine) -> None:
    with pytest.raises(QueryError) as failed:
        sail.attempt(lambda: sail.session.sql("select a.nope from range(3) as a").collect())
    assert '"a.nope"' in failed.value.cause
    assert "Identifier" not in failed.value.cause


def test_stack_traces_of_the_server_are_left_out() -> None:
    failure = translated(SparkConnectGrpcException(PANIC), "the view best")
    assert str(failure) == (
        "the engine stopped the view best\n"
        "  cause: a defect of the engine, not of the data: "
        "task failed: index out of bounds: the len is 1 but the index is 1\n"
        "  next:  write the expression in another way, or use Apache Spark (--engine sc://host:15002); "
        "--debug shows what the engine said"
    )


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("select zip_with(array(1), array(2), (x, y) -> x + y)", "the engine has no function zip_with"),
        ("select nope(1)", "the engine has no function nope"),
        ("select id, sum(id) from range(3)", "a column is used that is neither grouped nor aggregated"),
        ("select 1 +", "the SQL ends where the engine expects more"),
        (
            "select * from (select 1 i, 2 m) pivot (sum(m) for i in (1))",
            "the SQL has i at character 50, where the engine",
        ),
        (
            "select decode(1, 1, 'a', 'b')",
            "the arguments do not fit: Spark `decode` function requires 2 arguments, got 4",
        ),
        ("select log(2.5)", "a function has another number of arguments than it takes"),
        ("select id from range(3) where regexp_like('a', '(?=a)')", "the pattern is not valid: look-around"),
        ("select coalesce(date'2020-01-01', timestamp'2020-01-01 00:00:00')", "such as dates and timestamps"),
    ],
)
def test_messages_of_the_engine_are_in_words_of_sql(sail: Engine, sql: str, cause: str) -> None:
    with pytest.raises(QueryError) as failed:
        sail.attempt(lambda: sail.session.sql(sql).collect())
    assert cause in failed.value.cause
    for inner in ("Identifier", "Literal(", "Decimal128", '"#', "unexpected", "expected '+', '-'", "coercion"):
        assert inner not in failed.value.cause


def test_a_panic_of_the_engine_is_its_own_defect_and_the_next_query_works(sail: Engine) -> None:
    with pytest.raises(QueryError, match="the engine stopped a query") as failed:
        sail.attempt(lambda: sail.session.sql("select explode(map('a', 1))").collect())
    assert failed.value.cause.startswith("a defect of the engine, not of the data")
    assert "--engine sc://" in failed.value.remedy
    assert sail.session.range(3).count() == 3


def test_a_temporary_view_that_is_gone_is_told_in_words(sail: Engine) -> None:
    assert cause_of(ValueError("Temporary View not found: x")) == "the temporary view x does not exist"
    assert cause_of(ValueError("unexpected token")) == "the engine does not take token here"


@pytest.mark.parametrize("operator", ["HashJoinInput", "TopK", "GroupedHashAggregateStream"])
def test_too_little_memory_says_which_setting_to_raise(operator: str) -> None:
    failure = translated(SparkConnectGrpcException(memory(operator)), "the view best")
    assert isinstance(failure, EngineMemoryError)
    assert failure.fact == "the view best did not fit into the engine's memory"
    assert "memory:" in failure.remedy


def test_a_lost_connection_is_no_fault_of_the_query() -> None:
    failure = translated(SparkConnectGrpcException(LOST))
    assert isinstance(failure, EngineError)
    assert not isinstance(failure, QueryError)
    assert failure.cause.startswith("failed to connect to all addresses")
    assert "vertebra debug" in failure.remedy
    with pytest.raises(EngineError, match="the connection to the engine was lost"):
        query_error(SparkConnectGrpcException(LOST), "the view best")


def test_other_exceptions_pass_unchanged(sail: Engine) -> None:
    def failing(error: Exception) -> Callable[[], None]:
        def work() -> None:
            raise error

        return work

    for error in (ValueError("its own"), OSError(28, "no space"), VertebraError("a fact")):
        assert translated(error) is None
        with pytest.raises(type(error)) as raised:
            sail.attempt(failing(error))
        assert raised.value is error
        with pytest.raises(type(error)):
            query_error(error)


def test_a_cause_without_words_is_the_kind_of_error() -> None:
    assert cause_of(ValueError("  \n")) == "ValueError"
    assert len(cause_of(ValueError("x" * 10_000))) < 600
