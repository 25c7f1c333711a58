"""Declared features: one Spark DataFrame of examples, from a view and the histories of its point-in-time features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vertebra.analysis.asof import History, add_as_of
from vertebra.analysis.expressions import Expressions
from vertebra.analysis.forecast_features import ORIGIN, with_forecast
from vertebra.analysis.leakage import names_in, unavailable_columns
from vertebra.analysis.task_port import task_of
from vertebra.declare.analysis import Analysis, AsOf
from vertebra.declare.analysis_file import location_of
from vertebra.errors import DeclarationError
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from vertebra.engine.port import Engine

TIME: Final = "_time"
GROUP: Final = "_group"
LABEL: Final = "_label"
"""Columns of examples: the prediction time, the group, and the label (NULL when unknown)."""

TESTED: Final = "_tested"
PER: Final = "_per"
"""Columns of examples that are split: whether a row is in the test set, and what its share is counted by."""


def example_frame(analysis: Analysis, view: DataFrame, histories: Mapping[str, DataFrame], engine: Engine) -> DataFrame:
    """Compute the examples of an analysis: key, ``_time``, ``_group``, ``_label`` and the features.

    If the test set is declared by a condition, or per value of an expression, ``_tested`` or ``_per`` are columns too.

    The unavailable columns are removed before any feature is computed, so an expression that uses one without naming it
    fails instead of leaking.

    Args:
        analysis: already checked by :func:`~vertebra.analysis.leakage.refuse_leakage`.
        view: rows to make examples of. Without the label's columns (new data), labels are NULL.
        histories: the histories by bare name.
        engine: computes the frames.

    Raises:
        DeclarationError: a feature has a type that no model takes, or ``derive`` lost the key.
    """
    from pyspark.sql import functions as F

    sql = Expressions(analysis, engine)
    made: tuple[str, ...] = ()
    if analysis.forecast is not None:  # before where: a row that is no example has a value that others look back at
        view, made = with_forecast(analysis, view, sql), analysis.forecast.made
    rows = view.where(sql.column(analysis.where, view, "where")) if analysis.where else view
    known = [*_available(analysis, [name for name in view.columns if name not in (*made, ORIGIN)]), *made]
    rows = rows.select(
        F.col(ORIGIN).alias(TIME) if made else sql.column(analysis.time, view, "time").alias(TIME),
        _group(analysis, view, sql).alias(GROUP),
        _label(analysis, view, sql).alias(LABEL),
        *_split(analysis, view, sql),
        *[_q(name) for name in known],
    )
    _require_timestamp(analysis, rows.schema[TIME].dataType)
    rows = add_as_of(rows.where(F.col(TIME).isNotNull()), TIME, _histories(analysis, histories, sql))
    if analysis.derive is not None:
        rows = _derived(analysis, rows, sql)
    features = {
        name: sql.column(f, rows, "features", name) if isinstance(f, str) else _q(name)
        for name, f in analysis.features.items()
    } | {name: _q(name) for name in made}
    keys = [_q(name) for name in analysis.key if name not in features]
    split = [name for name in (TESTED, PER) if name in rows.columns]
    examples = rows.select(
        *keys, TIME, GROUP, LABEL, *split, *[column.alias(name) for name, column in features.items()]
    )
    _require_types(analysis, examples)
    return examples


def histories_of(analysis: Analysis) -> tuple[str, ...]:
    """Bare names of the histories of its point-in-time features."""
    return tuple(dict.fromkeys(feature.history for feature in analysis.as_of.values()))


def _available(analysis: Analysis, columns: list[str]) -> list[str]:
    """The available columns of the view that features use; all available ones if ``derive`` is declared."""
    hidden = unavailable_columns(analysis, analysis.view)
    visible = [name for name in columns if name.lower() not in hidden]
    if analysis.derive is not None:
        return visible
    used = {name.lower() for name in analysis.key}
    for expression in analysis.expressions.values():
        used |= names_in(expression, analysis)
    for feature in analysis.as_of.values():
        used |= {name.lower() for name in feature.by}
    return [name for name in visible if name.lower() in used]


def _label(analysis: Analysis, view: DataFrame, sql: Expressions) -> Column:
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    task = task_of(analysis)
    if analysis.label is None or not names_in(analysis.label, analysis) <= {name.lower() for name in view.columns}:
        return task.label(F.lit(None), T.BooleanType())
    label = sql.column(analysis.label, view, "label")
    return task.label(label, view.select(label.alias(LABEL)).schema[LABEL].dataType)


def _group(analysis: Analysis, view: DataFrame, sql: Expressions) -> Column:
    from pyspark.sql import functions as F

    if analysis.folds.by is None and analysis.forecast is not None:
        return F.col(ORIGIN).cast("string")
    if analysis.folds.by is None:
        return F.concat_ws("|", *[_q(name).cast("string") for name in analysis.key])
    return F.coalesce(sql.column(analysis.folds.by, view, "folds", "by").cast("string"), F.lit(""))


def _split(analysis: Analysis, view: DataFrame, sql: Expressions) -> list[Column]:
    """The columns that the test set is declared by."""
    from pyspark.sql import functions as F

    test = analysis.test
    if test is not None and test.group is not None:
        return [F.coalesce(sql.column(test.group, view, "test", "group").cast("boolean"), F.lit(False)).alias(TESTED)]
    if test is not None and test.per is not None:
        return [F.coalesce(sql.column(test.per, view, "test", "per").cast("string"), F.lit("")).alias(PER)]
    return []


def _histories(analysis: Analysis, frames: Mapping[str, DataFrame], sql: Expressions) -> list[History]:
    """Features with the same history, ``by`` and ``known_at`` share one pass over it."""
    alike: dict[tuple[str, tuple[str, ...], str], dict[str, AsOf]] = {}
    for name, feature in analysis.as_of.items():
        frame = frames[feature.history]
        value = sql.text(feature.value, frame, "features", name, "value")
        known_at = sql.text(feature.known_at, frame, "features", name, "known_at")
        translated = feature.model_copy(update={"value": value, "known_at": known_at})
        alike.setdefault((feature.history, feature.by, known_at), {})[name] = translated
    return [
        History(frames[name], by, known_at, _not_before(analysis, name, frames[name], sql), features)
        for (name, by, known_at), features in alike.items()
    ]


def _not_before(analysis: Analysis, history: str, frame: DataFrame, sql: Expressions) -> str | None:
    return sql.text(analysis.time, frame, "time") if history == analysis.view else None


def _derived(analysis: Analysis, rows: DataFrame, sql: Expressions) -> DataFrame:
    """The features of ``derive``, computed on a DataFrame without unavailable columns and joined back by key."""
    assert analysis.derive is not None
    internal = [name for name in (TIME, GROUP, LABEL, TESTED, PER) if name in rows.columns]
    visible = rows.drop(*internal)
    made = sql.derived(analysis.derive, visible)
    lost = [name for name in analysis.key if name not in made.columns]
    if lost:
        raise DeclarationError(
            f"derive of analysis {analysis.name} lost the key column {lost[0]!r}",
            cause="its rows are joined to the examples by key",
            remedy="return the DataFrame with columns added: frame.withColumn(…)",
            where=location_of(analysis, "derive"),
        )
    return rows.select(*map(_q, analysis.key), *internal).join(made, list(analysis.key))


def _require_timestamp(analysis: Analysis, kind: DataType) -> None:
    if kind.typeName() != "timestamp":
        raise DeclarationError(
            f"the prediction time {analysis.time} is a {kind.simpleString()}",
            cause="features that were known before it can only be computed for a timestamp",
            remedy="give a timestamp, e.g. cast(day as timestamp)",
            where=location_of(analysis, "time"),
        )


def _require_types(analysis: Analysis, examples: DataFrame) -> None:
    from pyspark.sql import types as T

    for name in analysis.features:
        kind = examples.schema[name].dataType
        category, text = name in analysis.categorical, isinstance(kind, T.StringType)
        if name in analysis.text:
            if not text:
                raise _no_text(analysis, name, kind)
            continue
        if isinstance(kind, _categories() if category else (T.NumericType, T.BooleanType)):
            continue
        if category:
            raise _no_category(analysis, name, kind)
        raise DeclarationError(
            f"features[{name!r}] is a {kind.simpleString()}, which models do not accept",
            cause="a feature is a number, a boolean, a category or a text",
            remedy=f"add {name!r} to categorical; or to text, to use its words"
            if text
            else "make it a number, e.g. hour(…), unix_timestamp(…)",
            where=location_of(analysis, "features", name),
        )
    for name in analysis.key:
        feature = analysis.features.get(name)
        if feature is not None and (not isinstance(feature, str) or feature.strip("` ") != name):
            raise DeclarationError(
                f"features[{name!r}] has the name of a key column, but is another expression",
                remedy="give the feature another name",
                where=location_of(analysis, "features", name),
            )


def _no_text(analysis: Analysis, name: str, kind: DataType) -> DeclarationError:
    return DeclarationError(
        f"features[{name!r}] is listed in text, and is a {kind.simpleString()}",
        cause="the words of a text become features",
        remedy=f"remove {name!r} from text",
        where=location_of(analysis, "features", name),
    )


def _no_category(analysis: Analysis, name: str, kind: DataType) -> DeclarationError:
    from pyspark.sql import types as T

    number = isinstance(kind, T.NumericType)
    typed = kind.simpleString()
    return DeclarationError(
        f"features[{name!r}] is listed in categorical, and a {typed} is no category",
        cause="a category is a text, a boolean, an integer or a date"
        + (f"; two values of a {typed} are seldom equal" if number else ""),
        remedy=f"remove {name!r} from categorical, to use it as a number; or make it a category, e.g. "
        f"cast({analysis.features[name]} as int)"
        if number and isinstance(analysis.features[name], str)
        else f"remove {name!r} from categorical, to use it as a number"
        if number
        else "write an expression for a part of it that is a text or a number, e.g. cast(… as string)",
        where=location_of(analysis, "features", name),
    )


def _categories() -> tuple[type[DataType], ...]:
    from pyspark.sql import types as T

    return T.StringType, T.BooleanType, T.IntegralType, T.DateType


def _q(name: str) -> Column:
    """A column by its exact name, which may contain dots."""
    from pyspark.sql import functions as F

    return F.col(spark_identifier(name))
