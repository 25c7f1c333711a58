"""Training and test sets: split by time, folds by group, stored as Delta tables and pinned by version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

from vertebra.analysis.features import GROUP, LABEL, TIME
from vertebra.declare.analysis import Analysis
from vertebra.declare.analysis_file import location_of
from vertebra.errors import DeclarationError
from vertebra.formatting import counted
from vertebra.governance.context import StepContext
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from vertebra.lake.table import LakeTable

FOLD: Final = "_fold"
"""Column of the training set: the fold a row is validated in, 0-based."""


@dataclass(frozen=True)
class PinnedSet:
    """One version of a table of examples."""

    table: LakeTable
    version: int
    rows: int


@dataclass(frozen=True)
class TrainTestSets:
    """The examples of one analysis, split.

    Attributes:
        unlabelled: examples left out because their label is NULL.
    """

    train: PinnedSet
    test: PinnedSet
    unlabelled: int


def store_sets(analysis: Analysis, examples: DataFrame, ctx: StepContext) -> TrainTestSets:
    """Split examples by time, assign folds, and commit ``analysis.<name>_train`` and ``analysis.<name>_test``.

    A fold is a set of whole groups. Groups are dealt to the folds in the order of a hash of their value and the seed,
    so folds have equal numbers of groups (give or take one), and equal data gives equal folds on every engine. Folds of
    a classification are stratified: groups with class 1 only are dealt first, then those with both classes, then those
    with class 0 only. Each class is then in a run of consecutive groups, so that every fold has it if there are enough.

    Args:
        examples: the result of :func:`~vertebra.analysis.features.example_frame`; read several times.

    Raises:
        DeclarationError: a set is empty, a group lies on both sides of the test date, a key is not unique, a label
            does not fit the task, or a class is missing in the test set or in a fold.
    """
    from pyspark.sql import functions as F

    labelled = examples.where(F.col(LABEL).isNotNull())
    late = F.col(TIME) >= F.lit(first_test_time(analysis))
    groups = ctx.engine.materialise(_groups(labelled, late), ctx.scratch / "groups")
    _require_sound(analysis, _summary(analysis, examples, groups))
    folds = _folds(analysis, groups)
    train = labelled.where(~late).join(F.broadcast(folds), GROUP).select(*examples.columns, FOLD)
    stored = _store(analysis, "train", train, ctx), _store(analysis, "test", labelled.where(late), ctx)
    return TrainTestSets(*stored, unlabelled=examples.count() - stored[0].rows - stored[1].rows)


def first_test_time(analysis: Analysis) -> datetime:
    """The first moment of the test set, UTC; an example exactly at it is in the test set."""
    return datetime.combine(analysis.test_from, time(), analysis.tzinfo).astimezone(UTC)


def _groups(labelled: DataFrame, late: Column) -> DataFrame:
    from pyspark.sql import functions as F

    return labelled.groupBy(GROUP).agg(
        F.count_if(~late).alias("train"),
        F.count_if(late).alias("test"),
        F.min(LABEL).alias("lowest"),
        F.max(LABEL).alias("highest"),
        *(
            F.count_if(part & (F.col(LABEL) == value)).alias(f"{name}_{value}")
            for name, part in (("train", ~late), ("test", late))
            for value in (0, 1)
        ),
    )


def _folds(analysis: Analysis, groups: DataFrame) -> DataFrame:
    """The fold of each group of the training set."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    # one row per group: few enough for one partition, which Spark would otherwise warn of
    digest = F.md5(F.concat(F.lit(f"{analysis.seed}:"), F.col(GROUP)))
    dealt = Window.partitionBy(F.lit(0)).orderBy(*_strata(analysis), digest, GROUP)
    fold = (F.row_number().over(dealt) - F.lit(1)) % F.lit(analysis.folds)
    return groups.where("train > 0").select(GROUP, fold.cast("int").alias(FOLD))


def _strata(analysis: Analysis) -> list[Column]:
    """Puts groups with class 1 only first, and those with class 0 only last."""
    from pyspark.sql import functions as F

    if analysis.task != "classification":
        return []
    return [F.when(F.col("train_0") == 0, 0).when(F.col("train_1") == 0, 2).otherwise(1)]


def _summary(analysis: Analysis, examples: DataFrame, groups: DataFrame) -> Row:
    """One row with all values that the checks need."""
    from pyspark.sql import functions as F

    repeated = examples.groupBy(*[spark_identifier(name) for name in analysis.key]).count().where("count > 1")
    counted = groups.agg(
        F.count_if(F.col("train") > 0).alias("groups"),
        F.count_if((F.col("train") > 0) & (F.col("test") > 0)).alias("straddling"),
        F.min(F.when((F.col("train") > 0) & (F.col("test") > 0), F.col(GROUP))).alias("straddler"),
        F.coalesce(F.sum("train"), F.lit(0)).alias("train"),
        F.coalesce(F.sum("test"), F.lit(0)).alias("test"),
        F.min("lowest").alias("lowest"),
        F.max("highest").alias("highest"),
        *(F.coalesce(F.sum(f"test_{value}"), F.lit(0)).alias(f"test_{value}") for value in (0, 1)),
        *(F.count_if(F.col(f"train_{value}") > 0).alias(f"groups_{value}") for value in (0, 1)),
    )
    joined = counted.crossJoin(repeated.agg(F.count(F.lit(1)).alias("repeated")))
    return joined.collect()[0]


def _require_sound(analysis: Analysis, found: Row) -> None:
    boundary = f"{analysis.test_from} ({analysis.zone})"
    if not found["train"] or not found["test"]:
        empty = "training" if not found["train"] else "test"
        raise _wrong(
            analysis,
            "test_from",
            f"the {empty} set is empty",
            f"its examples are those {'before' if empty == 'training' else 'from'} {boundary} whose label is known",
            f'choose another test_from: vertebra sql "select min(t), max(t) from (select {analysis.time} as t from '
            f'exploitation.{analysis.view})"',
        )
    if found["straddling"]:
        raise _wrong(
            analysis,
            "group",
            f"{counted(found['straddling'], 'group has', 'groups have')} examples "
            f"on both sides of {boundary}, one of them {found['straddler']}",
            "the model would be tested on groups that it was trained on",
            "choose group and test_from so that a group ends where the test begins; see zone",
        )
    if found["groups"] < analysis.folds:
        raise _wrong(
            analysis,
            "folds",
            f"{counted(found['groups'], 'group')} cannot fill {analysis.folds} folds",
            "the examples of one group stay in one fold",
            "declare fewer folds, or a finer group",
        )
    if found["repeated"]:
        raise _wrong(
            analysis,
            "key",
            f"{counted(found['repeated'], 'value')} of the key ({', '.join(analysis.key)}) with several examples",
            "predictions are stored by key, one for each example",
            "add a column to key, so that its values are unique",
        )
    if analysis.task == "classification" and (found["lowest"], found["highest"]) != (0, 1):
        raise _wrong(
            analysis,
            "label",
            f"the label {analysis.label} has values from {found['lowest']} to {found['highest']}",
            "the label of a classification is 0 and 1, or false and true, and both must occur",
            "write it as a comparison, e.g. arr_delay >= 15",
        )
    if analysis.task == "classification":
        _require_classes(analysis, found, boundary)


def _require_classes(analysis: Analysis, found: Row, boundary: str) -> None:
    """Refuse a test set or folds with one class: no metric tells a good model from a bad one there."""
    for value, other in ((0, 1), (1, 0)):
        if not found[f"test_{value}"]:
            raise _wrong(
                analysis,
                "test_from",
                f"the test set has one class: the label of {_all_of(found['test'])} from {boundary} is {other}",
                f"a model cannot be tested on rows of one class ({analysis.label} is never {value} there)",
                f"choose an earlier test_from, so that both classes occur after it: {_per_month(analysis)}",
            )
    for value in (0, 1):
        groups = found[f"groups_{value}"]
        if groups < analysis.folds:
            raise _wrong(
                analysis,
                "folds",
                f"class {value} is in {counted(groups, 'group')} of the training set, too few for "
                f"{analysis.folds} folds",
                "each fold needs rows of both classes, to fit a model and to score it, and a group stays in one fold",
                (f"declare folds={groups}, or a finer group" if groups > 1 else "declare a finer group")
                + f", or choose a later test_from: {_per_month(analysis)}",
            )


def _all_of(rows: int) -> str:
    return "the only row" if rows == 1 else f"all {rows:,} rows"


def _per_month(analysis: Analysis) -> str:
    return (
        f"vertebra sql \"select date_trunc('month', t) as month, label, count(*) as rows from (select {analysis.time} "
        f'as t, {analysis.label} as label from exploitation.{analysis.view}) group by all order by all"'
    )


def _store(analysis: Analysis, part: str, rows: DataFrame, ctx: StepContext) -> PinnedSet:
    table = ctx.lake.table(f"analysis.{analysis.name}_{part}")
    staged = table.stage(ctx.engine, rows)
    return PinnedSet(table, table.commit(staged, ctx.commit(), evolution="replace"), staged.rows)


def _wrong(analysis: Analysis, part: str, fact: str, cause: str, remedy: str) -> DeclarationError:
    return DeclarationError(fact, cause=cause, remedy=remedy, where=location_of(analysis, part))
