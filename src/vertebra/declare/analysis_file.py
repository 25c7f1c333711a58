"""Reading ``analyses/<name>.py``, whose variable ``analysis`` is the declaration."""

from __future__ import annotations

import ast
from pathlib import Path

from vertebra.declare.analysis import Analysis, AsOf
from vertebra.declare.declaration import locate
from vertebra.declare.document import Loc, display_path
from vertebra.declare.project_imports import ProjectFunction, imported_files
from vertebra.declare.python_file import argument_position, parse_file, run_file
from vertebra.declare.source_location import SourceLocation
from vertebra.declare.sql_text import parse_message
from vertebra.errors import DeclarationError, DeclarationErrors


def read_analysis(file: Path, root: Path) -> Analysis:
    """Run a module and return its ``analysis``, with the name of the file.

    Args:
        root: the project's folder.

    Raises:
        DeclarationErrors: the code fails, there is no such variable, or an expression is not SQL.
    """
    found = getattr(run_file(file, root, f"analyses.{file.stem}"), "analysis", None)
    if not isinstance(found, Analysis):
        problem = DeclarationError(
            f"{file.stem} declares no analysis",
            cause="the module has no variable `analysis`" if found is None else f"`analysis` is {type(found).__name__}",
            remedy="from vertebra import Analysis; then analysis = Analysis(…)",
            where=display_path(file) + ":1:1",
        )
        raise DeclarationErrors([problem])
    problems = [
        _not_sql(text, reason, place, file) for place, text in _expressions(found) if (reason := _refused(text))
    ]
    if problems:
        raise DeclarationErrors(problems)
    made = found.model_copy(
        update={
            "name": file.stem,
            "file": file,
            "imports": imported_files(file, root),
            "derive": found.derive and ProjectFunction(found.derive, root),
            "candidates": {
                name: one.model_copy(update={"build": ProjectFunction(one.build, root)})
                for name, one in found.candidates.items()
            },
        }
    )
    tree = parse_file(file)
    line = _call_line(tree)
    locate(made, lambda loc: SourceLocation(file, *argument_position(tree, line, loc)))
    return made


def location_in(file: Path, loc: Loc) -> str:
    """The location of a part of the analysis that a file declares, as ``file:line:column``."""
    tree = parse_file(file)
    return str(SourceLocation(file, *argument_position(tree, _call_line(tree), loc)))


def location_of(analysis: Analysis, *loc: str | int) -> str:
    """The location of an analysis, or of a part of it, as ``file:line:column``; its name if it was created in Python.

    Args:
        loc: names of arguments and keys of dictionaries, from the call inwards, e.g. ``"features", "distance"``.
    """
    if analysis.file is None:
        return analysis.name
    try:
        return location_in(analysis.file, loc)
    except (DeclarationErrors, OSError):  # the file was changed after it was read
        return str(analysis.declared_at or display_path(analysis.file))


def _expressions(analysis: Analysis) -> list[tuple[tuple[str, ...], str]]:
    """The SQL expressions of an analysis, with their paths in its declaration."""
    found: list[tuple[tuple[str, ...], str]] = [
        ((part,), getattr(analysis, part)) for part in ("time", "where", "label") if getattr(analysis, part)
    ]
    if analysis.folds.by is not None:
        found.append((("folds", "by"), analysis.folds.by))
    for part in ("group", "per"):
        if analysis.test is not None and (text := getattr(analysis.test, part)) is not None:
            found.append((("test", part), text))
    for name, feature in analysis.features.items():
        if isinstance(feature, AsOf):
            found += [(("features", name, part), getattr(feature, part)) for part in ("value", "known_at")]
        else:
            found.append((("features", name), feature))
    return found


def _refused(text: str) -> str:
    """The reason why a text is not a single SparkSQL expression; empty if it is one."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        tree = sqlglot.parse_one(text, read="spark")
    except ParseError as error:
        return parse_message(error, text)[0]
    except TokenError as error:
        return str(error)
    if isinstance(tree, exp.Query) or not isinstance(tree, exp.Condition | exp.Func | exp.Alias):
        return f"it is a {tree.key} statement, not an expression" if isinstance(tree, exp.Expression) else "it is empty"
    return "an expression cannot have an alias" if isinstance(tree, exp.Alias) else ""


def _not_sql(text: str, reason: str, place: tuple[str, ...], file: Path) -> DeclarationError:
    fact, _, quoted = reason.partition("\n")
    return DeclarationError(
        f"{'.'.join(place)} is not a SparkSQL expression: {fact}" + (f"\n{quoted}" if quoted else ""),
        cause="" if quoted else f"the text is {text!r}",
        remedy="correct the expression; it is evaluated for each row of the view",
        where=location_in(file, place),
    )


def _call_line(tree: ast.Module) -> int:
    """The line of ``analysis = Analysis(…)``."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "analysis" for target in targets):
            return node.lineno
    return 1
