"""Checks of the classes of a classification: sets and folds of one class tell no good model from a bad one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.analysis.features import GROUP, LABEL, TESTED
from vertebra.declare.analysis_file import location_of
from vertebra.errors import DeclarationError
from vertebra.formatting import counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from vertebra.declare.analysis import Analysis

_MOST_CLASSES: Final = 50


def with_classes(analysis: Analysis, rows: DataFrame) -> DataFrame:
    """Store a label of 0 and 1 as an integer, and any other as the text that names its class.

    Raises:
        DeclarationError: the label is a fraction, which names no class.
    """
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    kind = rows.schema[LABEL].dataType
    if not isinstance(kind, T.LongType | T.DoubleType):
        return rows
    label = F.col(LABEL)
    other = label.isNotNull() & ~label.isin(0, 1)
    found = rows.agg(F.count_if(other).alias("others"), F.first(F.when(other, label), True).alias("one")).collect()[0]
    if not found["others"]:
        return rows.withColumn(LABEL, label.cast("int"))
    if isinstance(kind, T.LongType):
        return rows.withColumn(LABEL, label.cast("string"))
    raise DeclarationError(
        f"the label {analysis.label} has the value {found['one']}, and a fraction is no class",
        cause="the classes of a classification are 0 and 1, false and true, integers, texts or dates",
        remedy="write it as a comparison, e.g. arr_delay >= 15, or declare task='regression'",
        where=location_of(analysis, "label"),
    )


def require_classes(analysis: Analysis, rows: DataFrame) -> None:
    """Refuse a set with one class, a label with too many, and classes of two that cannot fill the grouped folds.

    Args:
        rows: the labelled examples, with ``_tested``.
    """
    from pyspark.sql import functions as F

    training = ~F.col(TESTED)
    classes = (
        rows.groupBy(LABEL)
        .agg(
            F.count_if(training).alias("train"),
            F.count_if(F.col(TESTED)).alias("test"),
            F.count_distinct(F.when(training, F.col(GROUP))).alias("groups"),
        )
        .orderBy(LABEL)
        .limit(_MOST_CLASSES + 1)
        .collect()
    )
    if len(classes) > _MOST_CLASSES:
        raise _wrong(
            analysis,
            "label",
            f"the label {analysis.label} has more than {_MOST_CLASSES} classes",
            "each class needs examples enough to learn and to test it",
            "declare task='regression' if it is an amount, or merge rare classes, e.g. with case when",
        )
    for part, place in (("test", "test"), ("train", "label")):
        _require_two(analysis, [one for one in classes if one[part]], part, place, classes)
    if len(classes) == 2 and analysis.folds.scheme == "grouped":
        _require_groups(analysis, classes)


def _require_two(analysis: Analysis, present: list[Row], part: str, place: str, classes: list[Row]) -> None:
    if len(present) >= 2:
        return
    only = present[0]
    absent = next((one[LABEL] for one in classes if one[LABEL] != only[LABEL]), None)
    if absent is None:
        raise _wrong(
            analysis,
            "label",
            f"the label {analysis.label} is {only[LABEL]} in every row",
            "a classification needs two classes",
            f"choose another label: {_per_month(analysis)}",
        )
    number = only[part]
    rows = "the only row" if number == 1 else f"all {number:,} rows"
    if part == "test":
        raise _wrong(
            analysis,
            place,
            f"the test set has one class: the label of {rows} {analysis.test} ({analysis.zone}) is {only[LABEL]}",
            f"a model cannot be tested on rows of one class ({analysis.label} is never {absent} there)",
            f"choose an earlier beginning of test, so that both classes occur after it: {_per_month(analysis)}",
        )
    raise _wrong(
        analysis,
        "test",
        f"the training set has one class: the label of {rows} is {only[LABEL]}",
        f"a model cannot learn {absent} from it",
        f"choose a later beginning of test: {_per_month(analysis)}",
    )


def _require_groups(analysis: Analysis, classes: list[Row]) -> None:
    for one in classes:
        groups, count = one["groups"], analysis.folds.count
        if groups < count:
            raise _wrong(
                analysis,
                "folds",
                f"class {one[LABEL]} is in {counted(groups, 'group')} of the training set, too few for {count} folds",
                "each fold needs rows of both classes, to fit a model and to score it, and a group stays in one fold",
                (f"declare count={groups}, or a finer group" if groups > 1 else "declare a finer group")
                + f", or choose a later beginning of test: {_per_month(analysis)}",
            )


def _per_month(analysis: Analysis) -> str:
    return (
        f"vertebra sql \"select date_trunc('month', t) as month, label, count(*) as rows from (select {analysis.time} "
        f'as t, {analysis.label} as label from exploitation.{analysis.view}) group by all order by all"'
    )


def _wrong(analysis: Analysis, part: str, fact: str, cause: str, remedy: str) -> DeclarationError:
    return DeclarationError(fact, cause=cause, remedy=remedy, where=location_of(analysis, part))
