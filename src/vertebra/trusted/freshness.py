"""Checks the freshness of a trusted table again while its rows are the same; the table is not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.declare.table_rule_compiler import table_rules_of
from vertebra.errors import QualityError
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.step_facts import TrustedFacts
from vertebra.trusted.assess import failures, quality_rows
from vertebra.trusted.table_rules import check_table, is_current, last_assessment, renewed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.trusted.table_rules import TableFinding


def recheck(dataset: Dataset, ctx: StepContext) -> StepOutcome | None:
    """Check the rules about freshness on the trusted table as it is.

    Only time has passed if the table is the one that the step would write. The last assessment is then recorded again,
    with the freshness of now.

    Returns:
        The outcome; None if the table has to be written, or was not assessed.

    Raises:
        QualityError: a rule with ``on_violation: fail`` is violated; the trusted table is unchanged.
    """
    rules = [rule for rule in table_rules_of(dataset) if rule.condition.oldest is not None]
    target = ctx.lake.table(f"trusted.{dataset.name}")
    newest = target.newest_data() if rules and target.exists() else None
    if newest is None or not is_current(newest, ctx.fingerprint):
        return None
    assessment = last_assessment(ctx.ledgers, target.name)
    if not assessment or assessment[0]["table_version"] != newest.version:
        return None
    ctx.progress("checking its freshness")
    findings = check_table(rules, target.frame(ctx.engine, newest.version), ctx.now)
    rows = renewed(assessment, findings, ctx.run_id, ctx.now)
    failing = failing_rules(findings)
    if failing:
        failed = failures(target.name, "after", dict.fromkeys(failing, 0))
        rows += quality_rows([failed], ctx, newest.version)
    ctx.ledgers.append("quality", rows, ctx.commit(), target.name)
    if failing:
        raise table_error(dataset.name, findings)
    facts = TrustedFacts(0, 0, 0, 0, warnings=warnings_of(findings), rechecked=True)
    return StepOutcome(target.rows(newest.version), newest.version, {target.name: newest.version}, facts)


def failing_rules(findings: Sequence[TableFinding]) -> list[str]:
    """The names of the rules about a whole table that are violated and declared with ``on_violation: fail``."""
    return [one.rule.name for one in findings if one.reason and one.rule.on_violation == "fail"]


def table_error(name: str, findings: Sequence[TableFinding]) -> QualityError:
    """The error of rules about a whole table with ``on_violation: fail``."""
    failing = failing_rules(findings)
    return QualityError(
        f"the table violates rules declared with on_violation: fail: {', '.join(failing)}",
        cause="; ".join(one.reason for one in findings if one.rule.name in failing),
        remedy="correct the source; or, if the data are right, change the rule, or declare on_violation: report",
        where=f"trusted.{name}",
    )


def warnings_of(findings: Sequence[TableFinding]) -> tuple[str, ...]:
    """The violated rules about a whole table, for the output of a run."""
    return tuple(f"rule {one.rule.name}: {one.reason}" for one in findings if one.reason)
