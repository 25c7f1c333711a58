"""Reading the files of views, SQL, Python and series: description, tags and the tables a view reads."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.declaration import locate
from vertebra.declare.document import Document, Loc, display_path, read_text
from vertebra.declare.project_imports import imported_files
from vertebra.declare.python_determinism import nondeterministic_calls
from vertebra.declare.python_file import LazyFunction, parse_file, run_file
from vertebra.declare.series_sql import series_sql
from vertebra.declare.source_location import SourceLocation
from vertebra.declare.sql_text import NamedTable, one_query, place, problem_error, quote, tables_named
from vertebra.declare.view import SeriesFile, View, declared_views
from vertebra.errors import DeclarationError, DeclarationErrors
from vertebra.spark_sql.determinism import nondeterministic, run_functions
from vertebra.zones import READABLE, READABLE_ZONES, Zone

if TYPE_CHECKING:
    from sqlglot import exp

"""The zones a view may read: it integrates trusted tables and other views."""

_FRONT_MATTER: Final = ("description", "tags")


@dataclass(frozen=True)
class ReadView:
    """A view, the location of each of its inputs as ``file:line:column``, and for SQL its syntax tree."""

    view: View
    places: dict[str, str]
    query: exp.Query | None = None


def read_view(file: Path, root: Path) -> ReadView:
    """Read a view.

    Args:
        root: the project's folder.

    Raises:
        DeclarationErrors: the file is not one query, or does not have one function declared with ``@view``.
    """
    return _read_sql(file) if file.suffix == ".sql" else _read_python(file, root)


def read_series(declared: SeriesFile, document: Document) -> ReadView:
    """The view of a series.

    Args:
        document: the file that declares it.
    """
    series = declared.series
    sql = series_sql(series)
    view = View(
        name=declared.name,
        description=" ".join(declared.description.split()),
        language="sql",
        inputs=(series.source,),
        file=document.file,
        sql=sql,
        tags=declared.tags,
        series=series,
    )
    locate(view, lambda _: SourceLocation(document.file))
    return ReadView(view, {series.source: document.where(("series", "from"))}, one_query(sql, document.where()))


# -- SQL ---------------------------------------------------------------------------------------------------------------


def _read_sql(file: Path) -> ReadView:
    sql = read_text(file)
    description, tags = _front_matter(sql, file)
    try:
        query = one_query(sql, display_path(file))
    except DeclarationError as error:
        raise DeclarationErrors([error]) from None
    places: dict[str, str] = {}
    problems: list[DeclarationError] = []
    for table in tables_named(query):
        if table.parts != 2 or table.name.partition(".")[0] not in READABLE_ZONES:
            problems.append(_not_readable(table, sql, file))
        else:
            places.setdefault(table.name, place(sql, table.start, display_path(file)))
    problems += [
        problem_error(f"view {file.stem}", one, sql, display_path(file)) for one in nondeterministic(query, sql)
    ]
    if problems:
        raise DeclarationErrors(problems)
    view = View(
        name=file.stem,
        description=description,
        language="sql",
        inputs=tuple(sorted(places)),
        file=file,
        sql=sql,
        tags=tags,
        run_functions=run_functions(query),
    )
    locate(view, lambda _: SourceLocation(file))
    return ReadView(view, places, query)


def _front_matter(sql: str, file: Path) -> tuple[str, tuple[str, ...]]:
    """Read the description and tags of a view from the comment at its beginning.

    The comment is YAML if its first line is ``-- description:`` or ``-- tags:``; otherwise its first paragraph is the
    description.
    """
    comment = []
    for line in sql.lstrip("\n").splitlines():
        if not line.startswith("--"):
            break
        comment.append(line.removeprefix("--").removeprefix(" "))
    if not comment or comment[0].partition(":")[0].strip() not in _FRONT_MATTER:
        paragraph = "\n".join(comment).strip().split("\n\n")[0]
        return " ".join(paragraph.split()), ()
    document = Document(file, "\n" * (len(sql) - len(sql.lstrip("\n"))) + "\n".join(comment))
    problems = list(document.errors)
    value = document.value if isinstance(document.value, dict) else {}
    problems += [
        _about(document, (key,), f"unknown key {key!r} in the comment of the view", "write description or tags")
        for key in value
        if key not in _FRONT_MATTER
    ]
    tags = value.get("tags", [])
    if not isinstance(tags, list):
        problems.append(_about(document, ("tags",), "tags are a list", "write -- tags: [first, second]"))
    if problems:
        raise DeclarationErrors(problems)
    return " ".join(str(value.get("description", "")).split()), tuple(map(str, tags))


def _about(document: Document, loc: Loc, fact: str, remedy: str) -> DeclarationError:
    return DeclarationError(fact, remedy=remedy, where=document.where(loc, key=True))


def _one(fact: str, *, cause: str = "", remedy: str, where: str) -> DeclarationErrors:
    return DeclarationErrors([DeclarationError(fact, cause=cause, remedy=remedy, where=where)])


def _not_readable(named: NamedTable, sql: str, file: Path) -> DeclarationError:
    zone, _, table = named.name.rpartition(".")
    if not zone:
        cause, remedy = "tables are named with their zone", f"write trusted.{table} or exploitation.{table}"
    elif zone in (Zone.LANDING, Zone.FORMATTED):
        cause, remedy = f"{zone} data has not passed its quality rules", f"write trusted.{table}"
    else:
        cause, remedy = f"views read {READABLE} tables", "vertebra ls tables"
    return DeclarationError(
        f"a view cannot read {named.name}{quote(sql, named.start, named.end)}",
        cause=cause,
        remedy=remedy,
        where=place(sql, named.start, display_path(file)),
    )


# -- Python ------------------------------------------------------------------------------------------------------------


def _read_python(file: Path, root: Path) -> ReadView:
    """Read the decorator from the syntax tree; run the file only if the arguments are not literals."""
    tree = parse_file(file)
    decorated = [
        (function, call)
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for call in function.decorator_list
        if isinstance(call, ast.Call) and _called(call.func) == "view"
    ]
    if len(decorated) != 1 or decorated[0][0].name != file.stem:
        names = ", ".join(function.name for function, _ in decorated)
        raise _one(
            f"the file of a view has one function, named as the file, decorated with @view: {file.stem}",
            cause=f"it decorates {names}" if names else "no function is decorated with @view(…)",
            remedy=f'from vertebra import view; then @view("trusted.…") above def {file.stem}(…)',
            where=f"{display_path(file)}:{decorated[0][0].lineno if decorated else 1}:1",
        )
    unsteady = list(nondeterministic_calls(tree, file))
    if unsteady:
        raise DeclarationErrors(unsteady)
    function, call = decorated[0]
    try:
        arguments: list[Any] = [ast.literal_eval(argument) for argument in call.args]
        options = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        from vertebra.declare.view import view

        def documented() -> None: ...

        documented.__doc__ = ast.get_docstring(function)
        marked = view(*arguments, **options)(documented)
        found = declared_views(_Holder(marked))[0][1]
    except (ValueError, TypeError):
        found = _only(run_file(file, root))[1]
    nodes = [*call.args, *[call] * len(found.inputs)]
    pairs = [
        (name, f"{display_path(file)}:{node.lineno}:{node.col_offset + 1}")
        for name, node in zip(found.inputs, nodes, strict=False)
    ]
    problems = [
        DeclarationError(
            f"a view cannot read {name!r}",
            cause=f"views read {READABLE} tables, named with their zone",
            remedy=f"write trusted.{name.rpartition('.')[2]}" if isinstance(name, str) else 'write @view("trusted.…")',
            where=where,
        )
        for name, where in pairs
        if not isinstance(name, str) or name.count(".") != 1 or name.partition(".")[0] not in READABLE_ZONES
    ]
    if problems:
        raise DeclarationErrors(problems)
    build: Callable[..., Any] = LazyFunction(file, root, lambda module: _only(module)[0])
    view_ = View(
        name=file.stem,
        description=found.description,
        language="python",
        inputs=found.inputs,
        file=file,
        build=build,
        imports=imported_files(file, root),
        tags=found.tags,
    )
    locate(view_, lambda _: SourceLocation(file, function.lineno, function.col_offset + 1))
    return ReadView(view_, dict(pairs))


class _Holder:
    """An object with one attribute, which :func:`declared_views` searches like a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function


def _called(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _only(module: ModuleType) -> tuple[Callable[..., Any], Any]:
    return declared_views(module)[0]
