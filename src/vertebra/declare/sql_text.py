"""The SQL of a view as text: parsing, the tables it names with their positions, and error messages with carets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.errors import DeclarationError

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.errors import ParseError

    from vertebra.spark_sql.unsupported import Problem

_MISSING: Final = re.compile(r"Required keyword: '(\w+)' missing for <class '[\w.]*\.(\w+)'>")


@dataclass(frozen=True)
class NamedTable:
    """A table that a query names.

    Attributes:
        name: all its parts in lower case, joined by dots.
        parts: their number.
        start: position of the name in the text.
        end: position after it.
        node: the table in the syntax tree.
    """

    name: str
    parts: int
    start: int
    end: int
    node: exp.Table


def one_query(sql: str, where: str) -> exp.Query:
    """Parse SparkSQL that is one query.

    Args:
        where: the file, for messages.

    Raises:
        DeclarationError: it does not parse, or is not one query.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        statements = [one for one in sqlglot.parse(sql, read="spark") if one is not None]
    except ParseError as error:
        message, line, column = parse_message(error, sql)
        raise DeclarationError(
            f"the SQL does not parse: {message}",
            remedy="correct the view; it is SparkSQL",
            where=f"{where}:{line}:{column}",
        ) from None
    except TokenError as error:
        raise DeclarationError(
            "the SQL does not parse", cause=str(error), remedy="close the text, name or comment", where=where
        ) from None
    except (AssertionError, AttributeError, TypeError, ValueError) as error:
        raise DeclarationError(
            "the SQL cannot be read",
            cause="it uses syntax that is not supported here, such as `|>` before LIMIT or UNION",
            remedy="write it as a SELECT with its clauses in the usual order",
            where=where,
        ) from error
    if len(statements) == 1 and isinstance(statements[0], exp.Query):
        return statements[0]
    several = f"the file has {len(statements)} statements"
    raise DeclarationError(
        "a view is one query",
        cause=f"it is {statements[0].key.upper()}, not SELECT" if len(statements) == 1 else several,
        remedy="keep one SELECT, with CTEs (`with … as`) for what comes before it",
        where=f"{where}:1:1",
    )


def tables_named(query: exp.Query) -> Iterator[NamedTable]:
    """The tables that a query reads, without its CTEs and table functions."""
    from sqlglot import exp

    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        parts = table.parts
        if not all(isinstance(part, exp.Identifier) for part in parts):
            continue  # a table function such as explode(...) or range(...)
        name = ".".join(part.name for part in parts).lower()
        if len(parts) > 1 or name not in own:
            yield NamedTable(name, len(parts), parts[0].meta["start"], parts[-1].meta["end"] + 1, table)


def quote(sql: str, start: int, end: int | None = None) -> str:
    """The line of a position with carets under ``start`` up to ``end``, indented for a message."""
    line_start = sql.rfind("\n", 0, start) + 1
    line_end = sql.find("\n", start)
    line = sql[line_start:] if line_end < 0 else sql[line_start:line_end]
    carets = "^" * max(1, min((end or start + 1), line_start + len(line)) - start)
    return f"\n    {line}\n    {' ' * (start - line_start)}{carets}"


def place(sql: str, start: int, file: str) -> str:
    """``file:line:column`` of a position."""
    return f"{file}:{sql.count(chr(10), 0, start) + 1}:{start - sql.rfind(chr(10), 0, start)}"


def problem_error(what: str, problem: Problem, sql: str, file: str) -> DeclarationError:
    """The error of a refused part of SQL, with the line quoted."""
    return DeclarationError(
        f"{what}: {problem.fact}{quote(sql, problem.start, problem.end)}",
        cause=problem.cause,
        remedy=problem.remedy,
        where=place(sql, problem.start, file),
    )


def parse_message(error: ParseError, text: str) -> tuple[str, int, int]:
    """The message of a parse error with its line quoted and carets, and its line and column, from 1.

    Args:
        error: the error of sqlglot.
        text: the SQL.
    """
    first = error.errors[0]
    line, last = int(str(first["line"] or 1)), int(str(first["col"] or 1))
    lines = text.splitlines()
    quoted = lines[line - 1] if 0 < line <= len(lines) else ""
    length = max(len(str(first.get("highlight") or "").split("\n")[-1]), 1)
    column = max(last - length + 1, 1)
    message = _in_words(str(first["description"]))
    return f"{message}\n    {quoted}\n    {' ' * (column - 1)}{'^' * length}", line, column


def _in_words(description: str) -> str:
    """A description without the names of sqlglot's classes."""
    found = _MISSING.match(description)
    if not found:
        return f"{description[:1].lower()}{description[1:]}"
    what = "an operand" if found[1] in ("this", "expression") else found[1]
    return f"{found[2].upper()} lacks {what}"
