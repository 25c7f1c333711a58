"""Repair: which cells a rule changes, to what, and how sure it is.

A functional dependency X → A is repaired by majority: in a group of tuples equal on X, the cells of A that differ from
the value most tuples hold are given that value; the confidence is that value's share of the group. A tie has no
majority and is left. A rule about one tuple, or a reference, is repaired by the values it declares with ``set``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vertebra.denial import DenialConstraint, Inclusion, classify, parse
from vertebra.errors import RuleError
from vertebra.trusted.cells import as_text, from_text, quoted, spark_type
from vertebra.trusted.decisions import Decided

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.engine.port import Engine

_SCHEMA: Final = pa.schema(
    [
        ("rule", pa.string()),
        ("rid", pa.int64()),
        ("column_name", pa.string()),
        ("old", pa.string()),
        ("new", pa.string()),
        ("method", pa.string()),
        ("confidence", pa.float64()),
        ("support", pa.int64()),
    ]
)
"""A repair: a cell, its old and new value as text, and why."""


@dataclass(frozen=True)
class MajorityRepair:
    """Repair of a functional dependency, maybe under a condition.

    Attributes:
        determinant: SQL expressions over the relation; tuples equal on them form a group.
        dependent: the column that is repaired.
        conditions: SQL; tuples that do not meet them are not concerned.
        confidence: a group whose majority has a smaller share is left.
    """

    rule: str
    determinant: tuple[str, ...]
    dependent: str
    conditions: tuple[str, ...]
    confidence: float

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it may change."""
        return (self.dependent,)


@dataclass(frozen=True)
class SetRepair:
    """Repair of each violating tuple by declared values.

    Attributes:
        values: column to SQL expression over the relation; None for NULL.
    """

    rule: str
    values: Mapping[str, str | None]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it may change."""
        return tuple(self.values)


Repair = MajorityRepair | SetRepair


def repair_of(rule: NamedRule, dataset: Dataset) -> Repair | None:
    """How a rule is repaired; None when it does not say ``on_violation: repair``.

    Raises:
        RuleError: no repair is defined for a rule of its kind, or a ``set`` expression is not valid.
    """
    if rule.on_violation != "repair":
        if rule.set:
            raise RuleError(
                f"rule {rule.name} of {dataset.name} has `set` but repairs nothing",
                cause=f"its on_violation is {rule.on_violation}",
                remedy="write `on_violation: repair`, or remove `set`",
            )
        return None
    if isinstance(rule.constraint, Inclusion) or classify(rule.constraint).single:
        return _setting(rule, dataset)
    return _majority(rule, rule.constraint, dataset)


def _setting(rule: NamedRule, dataset: Dataset) -> SetRepair:
    if not rule.set:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} does not say how to repair",
            cause="a rule about one tuple, or a reference, tells that a row is wrong and not what is right",
            remedy="write the rule under `rules:` with e.g. `set: {column: null}`, or `on_violation: quarantine`",
        )
    variable = rule.constraint.variables[0] if isinstance(rule.constraint, DenialConstraint) else "t"
    return SetRepair(
        rule.name,
        {column: _expression(rule, dataset, variable, column, text) for column, text in rule.set.items()},
    )


def _expression(rule: NamedRule, dataset: Dataset, variable: str, column: str, text: str | None) -> str | None:
    """The value a ``set`` gives a column, checked by the same grammar as the operands of a rule."""
    if text is None:
        return None
    types = {name: declared.type for name, declared in dataset.columns.items()}
    try:
        constraint = parse(f"{variable}.{quoted(column)} = ({text})", dataset.name, types)
    except RuleError as error:
        raise RuleError(
            f"rule {rule.name} of {dataset.name}, set of {column}: {error.fact}",
            cause=error.cause,
            remedy=error.remedy,
        ) from None
    value = constraint.predicates[0].right
    if value is None or len(constraint.variables) > 1:
        raise RuleError(
            f"rule {rule.name} of {dataset.name}, set of {column}: {text} is not a value of the tuple {variable}",
            cause="the new value is computed from the row that is repaired",
            remedy=f"write columns as {variable}.{column}",
        )
    return value.sql


def _majority(rule: NamedRule, constraint: DenialConstraint, dataset: Dataset) -> MajorityRepair:
    shape = classify(constraint)
    dependency = shape.dependency
    plain = {quoted(name): name for name in dataset.columns}
    if dependency is None or dependency[1] not in plain:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} cannot be repaired\n    {constraint.text}",
            cause=_no_majority(shape.name, dependency),
            remedy="write `on_violation: report` or `quarantine`",
        )
    if rule.set:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} has `set`, which is for rules about one tuple",
            cause="a functional dependency is repaired with the value that most tuples of a group hold",
            remedy="remove `set`",
        )
    return MajorityRepair(rule.name, dependency[0], plain[dependency[1]], shape.conditions[0], rule.confidence)


def _no_majority(shape: str, dependency: tuple[tuple[str, ...], str] | None) -> str:
    if dependency is not None:
        return f"{dependency[1]} is computed, and a repair changes the cells of a column"
    if "≠×" in shape:
        return "it has several `!=`, so it does not say which of their columns is wrong; write one rule for each"
    return (
        f"it is of the class {shape}; repair is defined for functional dependencies, t.x = s.x and t.a != s.a, and with"
        " `set` for rules about one tuple and for references"
    )


def repairs(
    frame: DataFrame,
    schema: pa.Schema,
    plans: Sequence[Repair],
    violations: DataFrame,
    decided: Decided,
    engine: Engine,
) -> DataFrame | None:
    """The cells to change: for each, the proposal with the highest confidence; a person's decision before all.

    Args:
        frame: the formatted table.
        schema: its schema.
        plans: the repairs of rules that are violated.
        violations: ``rule, rid, …`` as detected.

    Returns:
        ``rule, rid, column_name, old, new, method, confidence, support``, at most one row for a cell; None when there
        is nothing to do.
    """
    proposals = [proposal for plan in plans for proposal in _proposals(plan, frame, schema, violations)]
    parts = _overridden(frame, schema, decided, engine)
    if proposals:
        undecided = _without(reduce(_union, proposals), decided, engine)
        parts.append(_one_per_cell(undecided, _contested(plans)))
    return reduce(_union, parts) if parts else None


def votes(
    frame: DataFrame, determinant: Sequence[str], dependent: str, conditions: Sequence[str]
) -> tuple[DataFrame, DataFrame]:
    """The tuples a functional dependency is about, and the verdict on each group that breaks it.

    The groups are counted before they are joined, and each tuple meets at most one group, so nothing grows and a
    frequent value of the determinant is aggregated where it lies.

    Args:
        determinant: SQL expressions over the relation; tuples equal on them form a group.
        dependent: SQL expression; the tuples of a group should be equal on it.
        conditions: SQL; tuples that do not meet them are not concerned.

    Returns:
        The tuples ``_rid, k0…, value``, and the broken groups ``k0…, winner, support, share, tied``; in a tied one the
        winner means nothing.
    """
    from pyspark.sql import functions as F

    keys = [F.expr(f"({expression})").alias(f"k{i}") for i, expression in enumerate(determinant)]
    names = [f"k{i}" for i in range(len(keys))] or ["k0"]
    tuples = frame
    for condition in conditions:
        tuples = tuples.where(F.expr(condition))
    value = F.expr(f"({dependent})").alias("value")
    tuples = tuples.select(F.col("_rid"), *(keys or [F.lit(0).alias("k0")]), value)
    tuples = tuples.dropna(subset=[*names, "value"])
    counted = tuples.groupBy(*names, "value").agg(F.count(F.lit(1)).alias("n"))
    groups = (
        counted.groupBy(*names)
        .agg(
            F.count(F.lit(1)).alias("values"),
            F.sum("n").alias("total"),
            F.max(F.struct(F.col("n"), F.col("value"))).alias("largest"),
            F.min(F.struct((-F.col("n")).alias("n"), F.col("value"))).alias("smallest"),
        )
        .where(F.col("values") > 1)
    )
    # the most frequent values, the largest and the smallest of them: one value, or a tie
    verdicts = groups.select(
        *names,
        F.col("largest.value").alias("winner"),
        F.col("largest.n").alias("support"),
        (F.col("largest.n").cast("double") / F.col("total").cast("double")).alias("share"),
        (F.col("largest.value") != F.col("smallest.value")).alias("tied"),
    )
    return tuples, verdicts


def apply(frame: DataFrame, schema: pa.Schema, made: DataFrame, columns: Iterable[str]) -> DataFrame:
    """The table with its repairs.

    Args:
        made: ``rid, column_name, new``, at most one row for a cell.
        columns: the columns that occur in it; an engine job less than to ask.
    """
    from pyspark.sql import functions as F

    changed = [name for name in schema.names if name in set(columns)]
    flags = [F.max(F.col("column_name") == F.lit(name)).alias(f"is{i}") for i, name in enumerate(changed)]
    texts = [
        F.max(F.when(F.col("column_name") == F.lit(name), F.col("new"))).alias(f"new{i}")
        for i, name in enumerate(changed)
    ]
    per_row = made.groupBy(F.col("rid").alias("_repaired")).agg(*flags, *texts)
    joined = frame.join(per_row, F.col("_rid") == F.col("_repaired"), "left")
    cells = []
    for field in schema:
        cell = F.col(quoted(field.name))
        if field.name in changed:
            i = changed.index(field.name)
            cell = F.when(F.col(f"is{i}"), from_text(f"new{i}", field.type)).otherwise(cell)
        cells.append(cell.alias(field.name))
    return joined.select(*cells)


def _proposals(plan: Repair, frame: DataFrame, schema: pa.Schema, violations: DataFrame) -> list[DataFrame]:
    if isinstance(plan, MajorityRepair):
        return [_by_majority(plan, frame)]
    return [_by_setting(plan.rule, column, value, frame, schema, violations) for column, value in plan.values.items()]


def _by_majority(plan: MajorityRepair, frame: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    tuples, verdicts = votes(frame, plan.determinant, quoted(plan.dependent), plan.conditions)
    sure = verdicts.where(~F.col("tied") & (F.col("share") >= F.lit(plan.confidence)))
    keys = [name for name in tuples.columns if name not in ("_rid", "value")]
    # the few broken groups first: an engine without statistics builds its hash table from the left
    wrong = sure.join(tuples, keys).where(F.col("value") != F.col("winner"))
    return wrong.select(
        F.lit(plan.rule).alias("rule"),
        F.col("_rid").alias("rid"),
        F.lit(plan.dependent).alias("column_name"),
        as_text("value").alias("old"),
        as_text("winner").alias("new"),
        F.lit("majority").alias("method"),
        F.col("share").alias("confidence"),
        F.col("support"),
    )


def _by_setting(
    rule: str, column: str, value: str | None, frame: DataFrame, schema: pa.Schema, violations: DataFrame
) -> DataFrame:
    from pyspark.sql import functions as F

    kind = schema.field(column).type
    new = f"CAST(NULL AS {spark_type(kind)})" if value is None else f"try_cast(({value}) AS {spark_type(kind)})"
    broken = violations.where(F.col("rule") == F.lit(rule)).select(F.col("rid").alias("_broken")).distinct()
    rows = broken.join(frame, F.col("_broken") == F.col("_rid"))
    return rows.select(
        F.lit(rule).alias("rule"),
        F.col("_rid").alias("rid"),
        F.lit(column).alias("column_name"),
        as_text(quoted(column)).alias("old"),
        as_text(new).alias("new"),
        F.lit("set").alias("method"),
        F.lit(1.0).alias("confidence"),
        F.lit(None).cast("bigint").alias("support"),
    ).where(~F.col("old").eqNullSafe(F.col("new")))


def _contested(plans: Sequence[Repair]) -> bool:
    """Whether two rules may propose values for one cell."""
    columns = [column for plan in plans for column in plan.columns]
    return len(set(columns)) < len(columns)


def _one_per_cell(proposals: DataFrame, contested: bool) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if not contested:
        return proposals
    order = Window.partitionBy("rid", "column_name").orderBy(F.col("confidence").desc(), F.col("rule"))
    ranked = proposals.withColumn("_rank", F.row_number().over(order))
    return ranked.where(F.col("_rank") == 1).drop("_rank")


def _without(proposals: DataFrame, decided: Decided, engine: Engine) -> DataFrame:
    """The proposals but for cells a person has decided about, and violations a person has accepted."""
    cells = sorted({*decided.undone, *decided.overridden})
    if cells:
        listed = engine.session.createDataFrame(cells, "rid bigint, column_name string")
        proposals = proposals.join(listed, ["rid", "column_name"], "left_anti")
    if decided.accepted:
        accepted = engine.session.createDataFrame(sorted(decided.accepted), "rule string, rid bigint")
        proposals = proposals.join(accepted, ["rule", "rid"], "left_anti")
    return proposals.select(*_SCHEMA.names)


def _overridden(frame: DataFrame, schema: pa.Schema, decided: Decided, engine: Engine) -> list[DataFrame]:
    """A repair for each cell that a person has given a value; one of a column that is gone is without effect."""
    from pyspark.sql import functions as F

    found = []
    for column in sorted({column for _, column in decided.overridden} & set(schema.names)):
        cells = sorted((rid, new) for (rid, name), new in decided.overridden.items() if name == column)
        listed = engine.session.createDataFrame(cells, "rid bigint, new string")
        rows = listed.join(frame.select("_rid", as_text(quoted(column)).alias("old")), F.col("rid") == F.col("_rid"))
        found.append(
            rows.select(
                F.lit("decision").alias("rule"),
                F.col("rid"),
                F.lit(column).alias("column_name"),
                F.col("old"),
                F.col("new"),
                F.lit("decision").alias("method"),
                F.lit(1.0).alias("confidence"),
                F.lit(None).cast("bigint").alias("support"),
            )
        )
    return found


def _union(first: DataFrame, second: DataFrame) -> DataFrame:
    return first.unionByName(second)
