"""Translates exceptions of Spark Connect into errors of Vertebra: the fact, its cause in one line, the next command.

Spark, Sail and gRPC raise exceptions whose texts may include stack traces of the server. This is the only module that
reads those texts.
"""

from __future__ import annotations

import re
from typing import Final

from vertebra.disk_errors import REMEDY, is_about_disk
from vertebra.errors import EngineError, EngineMemoryError, QueryError

_LONGEST_CAUSE: Final = 500
_OUT_OF_MEMORY: Final = re.compile(
    r"Failed to allocate additional|Resources exhausted|OutOfMemoryError|UNABLE_TO_ACQUIRE_MEMORY"
)
_UNREACHABLE: Final = re.compile(r"StatusCode\.UNAVAILABLE|failed to connect to all addresses|Connection refused")
_ENDED: Final = re.compile(r"session \S+ is not running|INVALID_HANDLE\.SESSION_\w+")
"""The server ended a session, of Sail and of Apache Spark; most servers end those that are idle for long."""
_DEFECT: Final = re.compile(r"RST_STREAM|Stream removed|panick|[Ii]nternal error|entered unreachable code")
"""The engine broke off, or says itself that this should not happen."""
_GRPC_DETAILS: Final = re.compile(r'details = "([^"]*)"')
_SAIL_NAME: Final = re.compile(r"ObjectName\(\[((?:Identifier\(\"[^\"]*\"\)(?:, )?)+)\]\)")
_SAIL_NAME_PART: Final = re.compile(r'Identifier\("([^"]*)"\)')
_IN_WORDS: Final = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (r"^Temporary View not found: (\S+)$", r"the temporary view \1 does not exist"),
        (r"^(?:unknown )?function: (\S+)$", r"the engine has no function \1"),
        (r"^cast (.+) to Spark data type$",
         r"Spark has no type for \1; values of several types meet, such as dates and timestamps: cast one of them"),
        (r'^No field named (?:\S*\.)?"#\d+"',
         "a column is used that is neither grouped nor aggregated, or that is not there"),
        (r"^invalid argument: found (.+?) at (\d+):\d+ expected (.{1,60}?)(?:, .*| or .*)?$",
         r"the SQL has \1 at character \2, where the engine expects \3"),
        (r"^invalid argument: found end of input.*$", "the SQL ends where the engine expects more"),
        (r"^.*user-defined coercion failed with: (?:Execution error: )?(.+?)(?:\.? No function match.*)?$",
         r"the arguments do not fit: \1"),
        (r"^\S+ values? expected: \[.*$", "a function has another number of arguments than it takes"),
        (r"^.*[Rr]egular expression did not compile: .*error: ([^\n]+).*$", r"the pattern is not valid: \1"),
        (r"^unexpected (.+)$", r"the engine does not take \1 here"),
    )
)  # fmt: skip
"""What messages of the engine mean, for messages that show its inner workings."""


def translated(error: BaseException, about: str = "") -> EngineError | None:
    """The error of Vertebra for an exception of the engine, or None for any other exception.

    Args:
        error: the exception, as the Spark Connect client raised it.
        about: what the engine was working on, e.g. ``the view best``; "a query" by default.

    Returns:
        :class:`EngineMemoryError`, an :class:`EngineError` when the engine cannot be reached, else
        :class:`QueryError`.
    """
    if not _is_from_spark(error):
        return None
    text, cause = str(error), cause_of(error)
    if _OUT_OF_MEMORY.search(text):
        return EngineMemoryError(
            f"{about or 'a query'} did not fit into the engine's memory",
            cause=cause,
            remedy="raise `memory:` in vertebra.yaml (of a Spark server: its own setting), then repeat the command",
        )
    if is_about_disk(text):
        return EngineError(f"the engine could not write {about or 'the result of a query'}", cause=cause, remedy=REMEDY)
    if _UNREACHABLE.search(text):
        return EngineError(
            "the connection to the engine was lost",
            cause=cause,
            remedy="vertebra debug shows whether the engine answers; then repeat the command",
        )
    if session_has_ended(error):
        return EngineError(
            "the engine ended its session",
            cause=cause,
            remedy="repeat the command; in a notebook, open the project again",
        )
    if _DEFECT.search(text):
        return QueryError(
            f"the engine stopped {about or 'a query'}",
            cause=f"a defect of the engine, not of the data: {cause}",
            remedy="write the expression in another way, or use Apache Spark (--engine sc://host:15002); "
            "--debug shows what the engine said",
        )
    return QueryError(
        f"the engine failed on {about or 'a query'}", cause=cause, remedy="repeat the command with --debug"
    )


def query_error(error: Exception, about: str = "") -> QueryError:
    """The error for a query that the engine refused, for callers that can say which part of it is wrong.

    Args:
        error, about: as of :func:`translated`.

    Raises:
        EngineError: the engine failed for another reason than the query or its data.
        Exception: ``error`` itself, when the engine did not raise it.
    """
    failure = translated(error, about)
    if failure is None:
        raise error
    if not isinstance(failure, QueryError):
        raise failure from error
    return failure


def session_has_ended(error: BaseException | None) -> bool:
    """Whether an exception, or one it was raised from, says that the server knows the session no more."""
    while error is not None:
        if _is_from_spark(error) and _ENDED.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def cause_of(error: BaseException) -> str:
    """The message of an exception in one line, without stack traces."""
    text = str(error)
    details = _GRPC_DETAILS.search(text)
    text = details[1] if details else text.strip()
    for pattern, words in _IN_WORDS:
        if found := pattern.match(text):
            text = found.expand(words)
            break
    lines = text.splitlines()
    line = next((line.strip() for line in lines if line.strip()), type(error).__name__)
    line = _SAIL_NAME.sub(lambda name: f'"{".".join(_SAIL_NAME_PART.findall(name[1]))}"', line)
    return line if len(line) <= _LONGEST_CAUSE else f"{line[:_LONGEST_CAUSE]} …"


def _is_from_spark(error: BaseException) -> bool:
    """Whether the Spark Connect client raised it; Spark need not be imported to know."""
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"pyspark", "grpc"})
