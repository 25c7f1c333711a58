"""Translates exceptions of Spark Connect into errors of Vertebra: the fact, its cause in one line, the next command.

Spark, Sail and gRPC raise exceptions whose texts may include stack traces of the server. This is the only module that
reads those texts.
"""

from __future__ import annotations

import re
from typing import Final

from vertebra.errors import EngineError, EngineMemoryError, QueryError

_LONGEST_CAUSE: Final = 500
_OUT_OF_MEMORY: Final = re.compile(
    r"Failed to allocate additional|Resources exhausted|OutOfMemoryError|UNABLE_TO_ACQUIRE_MEMORY"
)
_UNREACHABLE: Final = re.compile(r"StatusCode\.UNAVAILABLE|failed to connect to all addresses|Connection refused")
_GRPC_DETAILS: Final = re.compile(r'details = "([^"]*)"')
_SAIL_NAME: Final = re.compile(r"ObjectName\(\[((?:Identifier\(\"[^\"]*\"\)(?:, )?)+)\]\)")
_SAIL_NAME_PART: Final = re.compile(r'Identifier\("([^"]*)"\)')


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
    if _UNREACHABLE.search(text):
        return EngineError(
            "the connection to the engine was lost",
            cause=cause,
            remedy="vertebra debug shows whether the engine answers; then repeat the command",
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


def cause_of(error: BaseException) -> str:
    """The message of an exception in one line, without stack traces."""
    text = str(error)
    details = _GRPC_DETAILS.search(text)
    lines = [details[1]] if details else text.splitlines()
    line = next((line.strip() for line in lines if line.strip()), type(error).__name__)
    line = _SAIL_NAME.sub(lambda name: f'"{".".join(_SAIL_NAME_PART.findall(name[1]))}"', line)
    return line if len(line) <= _LONGEST_CAUSE else f"{line[:_LONGEST_CAUSE]} …"


def _is_from_spark(error: BaseException) -> bool:
    """Whether the Spark Connect client raised it; Spark need not be imported to know."""
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"pyspark", "grpc"})
