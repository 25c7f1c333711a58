"""Checks for leakage before anything runs: a feature may use only what is known at the prediction time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vertebra.declare.analysis import Analysis, AsOf
from vertebra.declare.analysis_file import location_of
from vertebra.errors import DeclarationError, LeakageError
from vertebra.formatting import shortened
from vertebra.quoting import spark_identifier
from vertebra.suggestions import did_you_mean

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from vertebra.declare.document import Loc


def unavailable_columns(analysis: Analysis, view: str) -> frozenset[str]:
    """The columns of a view that are not known at the prediction time, in lower case.

    These are the columns declared unavailable and, for the view of the analysis, those of its label.
    """
    declared = set()
    for entry in analysis.unavailable:
        owner, _, column = entry.rpartition(".")
        if (owner or analysis.view) == view:
            declared.add(column.lower())
    of_label = names_in(analysis.label, analysis) if analysis.label and view == analysis.view else set()
    return frozenset(declared | of_label)


def refuse_leakage(analysis: Analysis) -> None:
    """Check every expression of an analysis by its text.

    Raises:
        LeakageError: an expression uses a value that is not known at the prediction time.
        DeclarationError: an expression cannot be read, or could reach beyond its row (a subquery, ``*``).
    """
    hidden = unavailable_columns(analysis, analysis.view)
    plain: dict[Loc, str] = {
        ("time",): analysis.time,
        **({("where",): analysis.where} if analysis.where else {}),
        **{("features", name): expression for name, expression in analysis.expressions.items()},
        **{("key", index): spark_identifier(name) for index, name in enumerate(analysis.key)},
    }
    for place, expression in plain.items():
        remedy = _REMEDY_WHERE if place == ("where",) else _REMEDY
        _refuse(analysis, place, names_in(expression, analysis) & hidden, remedy)
    for name, feature in analysis.as_of.items():
        _refuse(analysis, ("features", name, "by"), {b.lower() for b in feature.by} & hidden, _REMEDY)
        _check_as_of(analysis, name, feature)
    for splitting in (analysis.folds.by, analysis.test.group if analysis.test else None):
        if splitting is not None:
            names_in(splitting, analysis)


def require_columns(analysis: Analysis, schemas: Mapping[str, Iterable[str]]) -> None:
    """Check that the named columns exist: a misspelt ``unavailable`` would not protect its column.

    Args:
        schemas: the columns of the view and of each history, by bare name.

    Raises:
        DeclarationError: a column is not in its view.
    """
    named: list[tuple[Loc, str, str]] = []
    for entry in analysis.unavailable:
        owner, _, column = entry.rpartition(".")
        named.append((("unavailable",), owner or analysis.view, column))
    named += [(("key",), analysis.view, column) for column in analysis.key]
    for name, feature in analysis.as_of.items():
        for column in feature.by:
            named += [(("features", name, "by"), owner, column) for owner in (analysis.view, feature.history)]
    for place, owner, column in named:
        columns = list(schemas.get(owner, ()))
        if owner not in schemas:
            fact = f"{_words(place)} names the view {owner!r}, which the analysis does not read"
            raise _wrong(analysis, place, fact)
        if column not in columns:
            raise DeclarationError(
                f"{_words(place)} names {column!r}, which {owner} does not have",
                cause=did_you_mean(column, columns, f"its columns are {shortened(columns)}"),
                remedy=f"vertebra show exploitation.{owner}",
                where=location_of(analysis, *place),
            )
    if analysis.derive is None:
        _require_known_names(analysis, schemas[analysis.view])
    taken = [n for n in analysis.as_of if n in schemas[analysis.view]]
    if taken:
        raise _wrong(
            analysis,
            ("features", taken[0]),
            f"the point-in-time feature {taken[0]!r} has the name of a column of {analysis.view}",
            "an expression with this name would be ambiguous",
        )


def _require_known_names(analysis: Analysis, columns: Iterable[str]) -> None:
    from sqlglot import exp

    made = analysis.forecast.made if analysis.forecast else ()
    known = {name.lower() for name in [*columns, *analysis.as_of, *made]}
    for name, expression in analysis.expressions.items():
        columns_used = _parsed(expression, analysis).find_all(exp.Column)
        plain = {column.name.lower() for column in columns_used if not column.table}
        for missing in sorted(plain - known):
            raise DeclarationError(
                f"features[{name!r}] uses {missing!r}, which {analysis.view} does not have",
                cause=did_you_mean(missing, known, "it is not a point-in-time feature either"),
                remedy=f"vertebra show exploitation.{analysis.view}",
                where=location_of(analysis, "features", name),
            )


def names_in(expression: str, analysis: Analysis) -> set[str]:
    """Every column name in a SQL expression, in lower case; each part of a qualified name is listed.

    Raises:
        DeclarationError: the expression cannot be parsed, or reaches beyond its row.
    """
    from sqlglot import exp

    tree = _parsed(expression, analysis)
    columns = tree.find_all(exp.Column, exp.Dot)
    return {part.name.lower() for column in columns for part in column.find_all(exp.Identifier)}


def _parsed(expression: str, analysis: Analysis) -> Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(expression, dialect="spark")
    except SqlglotError as error:
        raise _wrong(analysis, (), f"this is not a SQL expression: {expression}", str(error).splitlines()[0]) from error
    beyond = tree.find(exp.Query, exp.Subquery, exp.Star, exp.Command)
    if beyond is not None:
        raise _wrong(
            analysis,
            (),
            f"this expression reaches beyond the columns it names: {expression}",
            f"it contains {beyond.sql('spark')}",
        )
    return tree


def _check_as_of(analysis: Analysis, name: str, feature: AsOf) -> None:
    hidden = unavailable_columns(analysis, feature.history)
    late = names_in(feature.value, analysis) & hidden
    happened = names_in(feature.known_at, analysis)
    if not happened:
        place: Loc = ("features", name, "known_at")
        raise _wrong(analysis, place, f"{_words(place)} names no column: {feature.known_at}")
    if late and not happened & hidden:
        raise LeakageError(
            f"features[{name!r}] uses {_names(late)} as if it were known at {feature.known_at}",
            cause=f"{_names(late)} is unavailable, and {feature.known_at} follows from available columns only: it is "
            "a moment that was planned, not one that happened",
            remedy="give the moment it really became known, e.g. known_at='arrival', a column listed as unavailable",
            where=location_of(analysis, "features", name),
        )


_REMEDY = "remove it, or use AsOf: what was known of earlier rows before the prediction time"
_REMEDY_WHERE = "remove it; rows whose label is NULL are left out of training and testing anyway"


def _refuse(analysis: Analysis, place: Loc, leaked: set[str] | frozenset[str], remedy: str) -> None:
    if leaked:
        raise LeakageError(
            f"{_words(place)} uses {_names(leaked)}, which is not known at the prediction time ({analysis.time})",
            cause=f"{_names(leaked)} is declared unavailable, or is part of the label ({analysis.label})",
            remedy=remedy,
            where=location_of(analysis, *place),
        )


def _words(place: Loc) -> str:
    """A part of an analysis as Python writes it, e.g. ``features['distance'].by``."""
    first, *rest = place
    if not rest:
        return str(first)
    return f"{first}[{rest[0]!r}]" + "".join(f".{part}" for part in rest[1:])


def _wrong(analysis: Analysis, place: Loc, fact: str, cause: str = "") -> DeclarationError:
    where = location_of(analysis, *place)
    return DeclarationError(fact, cause=cause, remedy="vertebra plan, after correcting it", where=where)


def _names(columns: Iterable[str]) -> str:
    return ", ".join(sorted(columns))
