"""Checks the rules of a view on the rows that it is about to have, and records its quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vertebra.declare.document import display_path
from vertebra.declare.rules import rules_of
from vertebra.declare.table_rule_compiler import table_rules_of
from vertebra.declare.view_rules import checked_as
from vertebra.errors import QualityError
from vertebra.formatting import counted
from vertebra.quoting import spark_identifier
from vertebra.trusted.assess import Assessment, StageFindings, assess, count_non_null, failures, quality_rows
from vertebra.trusted.detect import Detection, detect
from vertebra.trusted.freshness import failing_rules, warnings_of
from vertebra.trusted.resolution import ViolationSummary, summarise_violations
from vertebra.trusted.table_rules import TableFinding, check_table
from vertebra.trusted.timeliness import Timeliness

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.declare.view import View
    from vertebra.governance.context import StepContext

_EXAMPLES = 3
_UNTIMED = Timeliness(None, None, "it is that of the tables that the view reads")


def check_view(view: View, table: DataFrame, version: int, ctx: StepContext) -> tuple[str, ...]:
    """Check the declared columns and rules of a view, and append its assessment to the ledger ``quality``.

    Args:
        table: all rows that the view will have.
        version: of the view that has them.

    Returns:
        A warning about each violated rule.

    Raises:
        QualityError: a declared column is missing or of another type, or a rule with ``on_violation: fail`` is
            violated.
    """
    assert view.rules is not None
    dataset = checked_as(view.rules)
    _require_columns(view, dataset, table)
    rules = rules_of(dataset, {dataset.name: dataset})
    ctx.progress(f"checking {counted(len(rules), 'rule')}")
    found, rows = _detected(dataset, rules, table, ctx)
    output = ctx.lake.table(f"exploitation.{view.name}")
    before = output.frame(ctx.engine, output.version()) if output.exists() else None
    findings = check_table(table_rules_of(dataset), table, ctx.now, before)
    left = {count.rule: count.violating_tuples for count in found.counts if count.violating_tuples}
    failing = {rule.name: left[rule.name] for rule in rules if rule.on_violation == "fail" and rule.name in left}
    of_table = failing_rules(findings)
    done = _assessments(dataset, output.name, rules, found, table, findings)
    if failing or of_table:
        done.append(failures(output.name, "after", failing | dict.fromkeys(of_table, 0)))
        ctx.ledgers.append("quality", quality_rows(done, ctx, None), ctx.commit())
        raise _error(view, failing, [one for one in findings if one.rule.name in of_table], found, rows)
    ctx.ledgers.append("quality", quality_rows(done, ctx, version), ctx.commit())
    told = [f"rule {name}: {counted(rows_left, 'row violates', 'rows violate')} it" for name, rows_left in left.items()]
    return (*told, *warnings_of(findings))


def _require_columns(view: View, dataset: Dataset, table: DataFrame) -> None:
    """The columns and types that are declared."""
    types = {field.name: field.dataType.simpleString() for field in table.schema.fields}
    wrong = [
        f"{name} is missing" if name not in types else f"{name} is a {types[name]}, not a {declared}"
        for name, column in dataset.columns.items()
        if types.get(name) != (declared := "".join(column.type.lower().split()))
    ]
    if wrong:
        raise QualityError(
            f"the view {view.name} does not have the columns that are declared: {'; '.join(wrong)}",
            cause=f"{display_path(view.rules_file or view.file)} declares them, and readers rely on them",
            remedy=f"cast them in {display_path(view.file)}, or correct the declaration",
            where=f"exploitation.{view.name}",
        )


def _detected(
    dataset: Dataset, rules: Sequence[NamedRule], table: DataFrame, ctx: StepContext
) -> tuple[Detection, DataFrame]:
    """The violations, and the rows of the declared columns with the numbers that the violations name."""
    from pyspark.sql import functions as F

    names = [spark_identifier(name) for name in dataset.columns]
    numbered = table.select(*names, F.monotonically_increasing_id().alias("_rid"))
    rows = ctx.engine.materialise(numbered, ctx.scratch / "checked")
    if not rules:
        return Detection(
            ctx.engine.session.createDataFrame([], "rule string, rid bigint, role string, partner bigint"), ()
        ), rows
    folder = ctx.scratch / "rules"
    folder.mkdir()
    return detect(dataset.name, {dataset.name: rows}, rules, ctx.engine, folder), rows


def _assessments(
    dataset: Dataset,
    table_name: str,
    rules: Sequence[NamedRule],
    found: Detection,
    table: DataFrame,
    findings: Sequence[TableFinding],
) -> list[Assessment]:
    from pyspark.sql import functions as F

    summary = ViolationSummary()
    if any(count.violating_tuples for count in found.counts):
        reported = found.violations.withColumn("resolution", F.lit("reported"))
        summary = summarise_violations(reported, None, [rule.name for rule in rules])[0]
    filled = count_non_null({"after": table}, list(dataset.columns))["after"]
    made = assess(dataset, "after", StageFindings(filled, {}, found.counts, summary), rules, _UNTIMED)
    of_table = tuple(measure for one in findings for measure in one.measures())
    return [replace(made, table=table_name), Assessment(table_name, "after", of_table)]


def _error(
    view: View, failing: Mapping[str, int], findings: Sequence[TableFinding], found: Detection, rows: DataFrame
) -> QualityError:
    violated = [f"{name} by {counted(count, 'row')}" for name, count in failing.items()]
    violated += [one.rule.name for one in findings]
    causes = [one.reason for one in findings]
    if failing:
        name = next(iter(failing))
        causes.insert(0, f"the first rows that violate {name}: {'; '.join(_examples(name, found, rows))}")
    return QualityError(
        f"the view {view.name} violates rules declared with on_violation: fail: {', '.join(violated)}",
        cause=". ".join(causes),
        remedy=f"correct {display_path(view.file)} or the tables that it reads; until then it keeps its last version",
        where=f"exploitation.{view.name}",
    )


def _examples(rule: str, found: Detection, rows: DataFrame) -> list[str]:
    from pyspark.sql import functions as F

    broken = found.violations.where(F.col("rule") == rule).select(F.col("rid").alias("_rid")).distinct()
    first = rows.join(broken, "_rid", "left_semi").orderBy("_rid").drop("_rid").limit(_EXAMPLES).collect()
    return [", ".join(f"{name} {value}" for name, value in row.asDict().items()) for row in first]
