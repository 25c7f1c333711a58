"""Training and test sets, and the folds of the training set; stored as Delta tables and pinned by version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

from vertebra.analysis.features import GROUP, LABEL, PER, TESTED, TIME
from vertebra.analysis.task_port import task_of
from vertebra.declare.analysis import Analysis
from vertebra.declare.analysis_file import location_of
from vertebra.errors import DeclarationError
from vertebra.formatting import counted
from vertebra.governance.context import StepContext
from vertebra.lake.same_rows import same_rows
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from vertebra.lake.table import LakeTable

FOLD: Final = "_fold"
"""Column of the training set: the fold a row is validated in, 0-based; -1 for rows that are only trained on."""


@dataclass(frozen=True)
class PinnedSet:
    """One version of a table of examples.

    Attributes:
        unchanged: whether the table had these rows before, so that no version was written.
    """

    table: LakeTable
    version: int
    rows: int
    unchanged: bool = False


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
    """Split examples, assign folds, and commit ``analysis.<name>_train`` and ``analysis.<name>_test``.

    A fold is a set of whole groups. Grouped folds: groups are dealt to the folds in the order of a hash of their value
    and the seed, so folds have equal numbers of groups (give or take one), and equal data gives equal folds on every
    engine. Folds of a classification are stratified: groups with class 1 only are dealt first, then those with both
    classes, then those with class 0 only; of many classes, the groups with the rarest class come first. Each class is
    then in a run of consecutive groups, so that every fold has it if there are enough. Rolling and blocked folds are
    runs of groups in the order of their first time.

    Args:
        examples: the result of :func:`~vertebra.analysis.features.example_frame`; read several times.

    Raises:
        DeclarationError: a set is empty, a group lies on both sides of the beginning of the test set, a key is not
            unique, a label does not fit the task, or a class is missing in a set.
    """
    from pyspark.sql import functions as F

    task = task_of(analysis)
    stored = [name for name in examples.columns if name not in (TESTED, PER)]
    examples = task.typed(analysis, examples)
    labelled = examples if analysis.label is None else examples.where(F.col(LABEL).isNotNull())
    if analysis.test is None:  # a task without a label is tested on the rows that it is trained on
        groups = ctx.engine.materialise(
            _groups(analysis, labelled.withColumn(TESTED, F.lit(False))), ctx.scratch / "groups"
        )
        _require_folds(analysis, _summary(analysis, examples, groups))
        train, test = labelled, labelled
    else:
        rows = _tested(analysis, labelled, ctx)
        groups = ctx.engine.materialise(_groups(analysis, rows), ctx.scratch / "groups")
        found = _summary(analysis, examples, groups)
        _require_sets(analysis, found)
        _require_folds(analysis, found)
        task.require_sound(analysis, rows)
        train, test = rows.where(~F.col(TESTED)), rows.where(TESTED)
    train = train.join(F.broadcast(_folds(analysis, train, groups)), GROUP)
    pinned = (
        _store(analysis, "train", train.select(*stored, FOLD), ctx),
        _store(analysis, "test", test.select(*stored), ctx),
    )
    known = pinned[0].rows + (pinned[1].rows if analysis.test else 0)
    return TrainTestSets(*pinned, unlabelled=examples.count() - known)


def first_test_time(analysis: Analysis) -> datetime:
    """The first moment of a test set that is declared by ``from``, UTC; an example exactly at it is in the test set."""
    assert analysis.test is not None
    assert analysis.test.from_ is not None
    return datetime.combine(analysis.test.from_, time(), analysis.tzinfo).astimezone(UTC)


def _tested(analysis: Analysis, labelled: DataFrame, ctx: StepContext) -> DataFrame:
    """The labelled examples with ``_tested``: whether they are in the test set."""
    from pyspark.sql import functions as F

    test = analysis.test
    assert test is not None
    if test.group is not None:
        return labelled
    if test.from_ is not None:
        return labelled.withColumn(TESTED, F.col(TIME) >= F.lit(first_test_time(analysis)))
    by = [GROUP, *([PER] if test.per else [])]
    last = ctx.engine.materialise(_last(analysis, labelled, by), ctx.scratch / "last")
    rows = ctx.engine.materialise(labelled.join(F.broadcast(last), by), ctx.scratch / "split")
    _require_order(analysis, rows)
    return rows


def _last(analysis: Analysis, labelled: DataFrame, by: list[str]) -> DataFrame:
    """Whether a group belongs to the last examples, by the time of its first one."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    test = analysis.test
    assert test is not None
    groups = labelled.groupBy(*by).agg(
        F.min(TIME).alias("first"), F.max(TIME).alias("latest"), F.count(F.lit(1)).alias("rows")
    )
    each = Window.partitionBy(F.col(PER) if test.per else F.lit(0))
    if test.share is None:
        end = F.max("latest").over(each)
        return groups.select(*by, (F.col("first") > end - F.expr(test.interval)).alias(TESTED))
    ordered = each.orderBy("first", GROUP).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    before = F.sum("rows").over(ordered) - F.col("rows")
    return groups.select(*by, (before >= F.sum("rows").over(each) * F.lit(1 - test.share)).alias(TESTED))


def _require_order(analysis: Analysis, rows: DataFrame) -> None:
    """Refuse last examples that do not come after all others, because a group reaches from one set into the other."""
    from pyspark.sql import functions as F

    per = [PER] if PER in rows.columns else []
    ends = rows.groupBy(*per).agg(
        F.max(F.when(~F.col(TESTED), F.col(TIME))).alias("trained"),
        F.min(F.when(F.col(TESTED), F.col(TIME))).alias("tested"),
    )
    late = ends.where(F.col("trained") > F.col("tested")).limit(1).collect()
    if late:
        raise _wrong(
            analysis,
            "test",
            f"a group of {_by(analysis)} has examples until {late[0]['trained']}, after the test set begins",
            "the examples of one group stay together, so the model would be trained on later rows than it is tested on",
            "choose folds.by so that groups follow each other in time, e.g. a day; or declare test={'group': …}",
        )


def _groups(analysis: Analysis, rows: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    tested = F.col(TESTED)
    strata = {name: aggregate for name, (aggregate, _) in _strata(analysis, rows).items()}
    return rows.groupBy(GROUP).agg(
        F.count_if(~tested).alias("train"),
        F.count_if(tested).alias("test"),
        F.min(F.when(~tested, F.col(TIME))).alias("first"),
        *(aggregate.alias(name) for name, aggregate in strata.items()),
    )


def _strata(analysis: Analysis, rows: DataFrame) -> dict[str, tuple[Column, Column]]:
    return task_of(analysis).strata(rows) if analysis.folds.scheme == "grouped" else {}


def _folds(analysis: Analysis, train: DataFrame, groups: DataFrame) -> DataFrame:
    """The fold of each group of the training set."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    count = analysis.folds.count
    one = Window.partitionBy(F.lit(0))  # one row per group: few enough for one partition
    if analysis.folds.scheme == "grouped":
        digest = F.md5(F.concat(F.lit(f"{analysis.seed}:"), F.col(GROUP)))
        order = [order for _, order in _strata(analysis, train.withColumn(TESTED, F.lit(False))).values()]
        fold = (F.row_number().over(one.orderBy(*order, digest, GROUP)) - F.lit(1)) % F.lit(count)
    else:
        parts = count + int(analysis.folds.scheme == "rolling")
        place = F.row_number().over(one.orderBy("first", GROUP)) - F.lit(1)
        total = F.count(F.lit(1)).over(one)
        fold = F.floor(place * F.lit(parts) / total) - F.lit(parts - count)
    return groups.where("train > 0").select(GROUP, fold.cast("int").alias(FOLD))


def _summary(analysis: Analysis, examples: DataFrame, groups: DataFrame) -> Row:
    """One row with all values that the checks need."""
    from pyspark.sql import functions as F

    repeated = examples.groupBy(*[spark_identifier(name) for name in analysis.key]).count().where("count > 1")
    straddles = (F.col("train") > 0) & (F.col("test") > 0)
    counts = groups.agg(
        F.count_if(F.col("train") > 0).alias("groups"),
        F.count_if(straddles).alias("straddling"),
        F.min(F.when(straddles, F.col(GROUP))).alias("straddler"),
        F.coalesce(F.sum("train"), F.lit(0)).alias("train"),
        F.coalesce(F.sum("test"), F.lit(0)).alias("test"),
    )
    return counts.crossJoin(repeated.agg(F.count(F.lit(1)).alias("repeated"))).collect()[0]


def _require_sets(analysis: Analysis, found: Row) -> None:
    test = analysis.test
    assert test is not None
    boundary = f"{test} ({analysis.zone})"
    if not found["train"] or not found["test"]:
        empty = "training" if not found["train"] else "test"
        not_tested = "before" if test.from_ else "not"
        other = f"those {not_tested if empty == 'training' else ''} {boundary}"
        raise _wrong(
            analysis,
            "test",
            f"the {empty} set is empty",
            f"its examples are {' '.join(other.split())}, whose label is known",
            f'choose another test: vertebra sql "select min(t), max(t) from (select {analysis.time} as t from '
            f'exploitation.{analysis.view})"',
        )
    if found["straddling"] and test.per is None:
        raise _wrong(
            analysis,
            "folds",
            f"{counted(found['straddling'], 'group has', 'groups have')} examples "
            f"on both sides of the test set {boundary}, one of them {found['straddler']}",
            "the model would be tested on groups that it was trained on",
            "choose folds.by and test so that a group ends where the test begins; see zone",
        )


def _require_folds(analysis: Analysis, found: Row) -> None:
    parts = analysis.folds.count + int(analysis.folds.scheme == "rolling")
    filled = "parts" if parts > analysis.folds.count else "folds"
    if found["groups"] < parts:
        raise _wrong(
            analysis,
            "folds",
            f"{counted(found['groups'], 'group')} cannot fill {parts} {filled}",
            "the examples of one group stay in one fold"
            + ("; a rolling fold needs an earlier part" if parts > analysis.folds.count else ""),
            "declare a smaller count, or a finer group in folds.by",
        )
    if found["repeated"]:
        raise _wrong(
            analysis,
            "key",
            f"{counted(found['repeated'], 'value')} of the key ({', '.join(analysis.key)}) with several examples",
            "predictions are stored by key, one for each example",
            "add a column to key, so that its values are unique",
        )


def _by(analysis: Analysis) -> str:
    return analysis.folds.by or ", ".join(analysis.key)


def _store(analysis: Analysis, part: str, rows: DataFrame, ctx: StepContext) -> PinnedSet:
    table = ctx.lake.table(f"analysis.{analysis.name}_{part}")
    staged = table.stage(ctx.engine, rows)
    present = ctx.extensible(table)
    if present and staged.schema.equals(table.schema()) and same_rows(staged.files, table.files()):
        staged.remove()
        return PinnedSet(table, present.version, staged.rows, unchanged=True)
    return PinnedSet(table, table.commit(staged, ctx.commit(), evolution="replace"), staged.rows)


def _wrong(analysis: Analysis, part: str, fact: str, cause: str, remedy: str) -> DeclarationError:
    return DeclarationError(fact, cause=cause, remedy=remedy, where=location_of(analysis, part))
