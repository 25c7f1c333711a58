"""The step of the trusted zone: trusted = formatted + repairs − quarantine, with an assessment before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.declare.rules import NamedRule, rules_of
from vertebra.declare.table_rule_compiler import table_rules_of
from vertebra.denial import Inclusion
from vertebra.errors import QualityError
from vertebra.formatting import counted
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.step_facts import TrustedFacts
from vertebra.trusted.assess import (
    Assessment,
    Stage,
    StageFindings,
    assess,
    count_non_null,
    failures,
    quality_rows,
    rejected_cells,
)
from vertebra.trusted.cleaning import Cleaned, Cleaning, combined, is_consecutive, violated_in, with_rows
from vertebra.trusted.decisions import DecisionsInForce, decisions_in_force
from vertebra.trusted.detect import Detection, detect
from vertebra.trusted.freshness import failing_rules, recheck, table_error, warnings_of
from vertebra.trusted.incremental import new_rows
from vertebra.trusted.inputs import relations_of
from vertebra.trusted.ledger_commit import LedgerCommit, with_ledger_folders
from vertebra.trusted.resolution import (
    INTRODUCED,
    ViolationSummary,
    introduced,
    resolve,
    summarise_violations,
    without_introduced,
)
from vertebra.trusted.table_rules import TableFinding, check_table
from vertebra.trusted.timeliness import timeliness
from vertebra.trusted.violation_changes import changes_since_last_run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.lake.staging import StagedFiles
    from vertebra.lake.table import LakeTable
    from vertebra.trusted.repair.dependencies.evidence import SourceTrust
    from vertebra.trusted.timeliness import Timeliness

Datasets = Mapping[str, "Dataset"]

_EXAMPLES = 5


def trust(
    dataset: Dataset, ctx: StepContext, datasets: Datasets | None = None, *, full_refresh: bool = False
) -> StepOutcome:
    """Make the trusted table of a dataset.

    Writes ``trusted.<name>`` and its rows in the ledgers ``violations``, ``repairs``, ``quarantine`` and ``quality``.
    If rows were added to the formatted table and earlier rows are cleaned as before, only the new rows are added to the
    trusted table. Otherwise it is written whole.

    Args:
        datasets: all datasets of the project, for rules between relations.
        full_refresh: always write it whole.

    Raises:
        QualityError: a rule with ``on_violation: fail`` is violated; the trusted table is unchanged.
        RuleError: a rule cannot be checked, or cannot be repaired as declared.
    """
    rules = rules_of(dataset, datasets)
    if not full_refresh:
        rechecked = recheck(dataset, ctx)
        if rechecked is not None:
            return rechecked
    return _Step(dataset, ctx, rules).run(full_refresh=full_refresh)


def check(dataset: Dataset, ctx: StepContext, zone: str = "formatted", datasets: Datasets | None = None) -> Assessment:
    """Assess a table of a dataset against its rules and write nothing.

    Args:
        ctx: with the versions of ``<zone>.<name>`` and of the trusted tables that the rules refer to.
        zone: ``formatted`` or ``trusted``.
    """
    return _Step(dataset, ctx, rules_of(dataset, datasets), zone).checked()


class _Step:
    """One run of the step for one dataset."""

    def __init__(
        self, dataset: Dataset, ctx: StepContext, rules: tuple[NamedRule, ...], zone: str = "formatted"
    ) -> None:
        self.dataset = dataset
        self.ctx = ctx
        self.rules = rules
        self.name = dataset.name
        self.source = ctx.lake.table(f"{zone}.{self.name}")
        version = ctx.inputs[self.source.name]
        self.schema: pa.Schema = self.source.schema(version)
        self.formatted = self.source.frame(ctx.engine, version)
        self.columns = [name for name in self.schema.names if not name.startswith("_")]
        self.ledger_commit = LedgerCommit(self.name, ctx)
        self.decisions: DecisionsInForce = decisions_in_force(
            ctx.lake, dataset, ctx.inputs.get(f"formatted.{self.name}")
        )
        self.rule_names = [rule.name for rule in rules]
        self.table_rules = table_rules_of(dataset)
        self.quarantining = frozenset(rule.name for rule in rules if rule.on_violation == "quarantine")

    # -- the step ------------------------------------------------------------------------------------------------

    def run(self, *, full_refresh: bool) -> StepOutcome:
        self.ctx.progress(f"checking {counted(len(self.rules), 'rule')}" if self.rules else "no rules to check")
        before = self._detect("before", self.formatted, self.rules)
        self._stop_on_failure(before)
        cleaned = self._cleaning(before).cleaned()
        repaired, removed = cleaned.repaired, cleaned.removed
        target = self.ctx.lake.table(f"trusted.{self.name}")
        grown = None if full_refresh else new_rows(self.source, target, repaired.cells, removed.rows, self.ctx)
        self.ctx.progress("writing the trusted table" if grown is None else "adding to the trusted table")
        table = cleaned.table(self.formatted if grown is None else grown.rows)
        staged = target.stage(self.ctx.engine, table)
        written = staged if grown is None else grown.whole(staged)
        after = self._after(cleaned, written)
        summary = self._stage_ledgers(before, after, cleaned)
        findings = self._check_table(written, target)
        failing = [rule.name for rule in self.rules if rule.on_violation == "fail"]
        broken = {rule: summary[1].left(rule) for rule in sorted(failing) if summary[1].left(rule)}
        of_table = failing_rules(findings)
        if broken or of_table:
            failed = failures(target.name, "after", broken | dict.fromkeys(of_table, 0))
            self._assess(before, None, summary, None, None, findings, failed)
            self.ledger_commit.commit()
            staged.remove()
            raise self._failure(list(broken), summary[1], after=True) if broken else table_error(self.name, findings)
        version = target.version() + 1 if target.exists() else 0
        self._assess(before, after, summary, written, version, findings)
        commit = with_ledger_folders(self.ctx.commit(), self.ledger_commit.commit(target.name))
        if grown is None:
            version = target.commit(staged, commit, mode="overwrite", evolution="replace")
        else:
            version = target.commit(staged, commit, mode="append", expected_version=grown.base_version)
        return StepOutcome(
            rows=written.rows,
            version=version,
            outputs={target.name: version},
            facts=TrustedFacts(
                cells_repaired=repaired.count,
                rows_quarantined=removed.count,
                rules_broken=len(violated_in(before) | (violated_in(after) if after else frozenset()))
                + sum(bool(one.reason) for one in findings),
                cells_proposed=repaired.proposed,
                violating_rows=summary[0].rows,
                rows_added=None if grown is None else staged.rows,
                decisions_lapsed=self.decisions.lapsed,
                warnings=warnings_of(findings),
            ),
        )

    def _check_table(self, written: StagedFiles, target: LakeTable) -> tuple[TableFinding, ...]:
        """Check the rules about the whole table on the rows that it will have."""
        if not self.table_rules:
            return ()
        table = self.ctx.engine.read_parquet(written.files, written.schema)
        before = target.frame(self.ctx.engine, target.version()) if target.exists() else None
        return check_table(self.table_rules, table, self.ctx.now, before)

    def checked(self) -> Assessment:
        found = self._detect("check", self.formatted, self.rules)
        summary = (
            summarise_violations(self._left(found.violations), None, self.rule_names)[0]
            if violated_in(found)
            else ViolationSummary()
        )
        stage: Stage = "before" if self.source.name.startswith("formatted.") else "after"
        fill = count_non_null({stage: self.formatted}, self.columns)[stage]
        counted = StageFindings(fill, rejected_cells(self.ctx.ledgers, self.name), found.counts, summary)
        made = assess(self.dataset, stage, counted, self.rules, self._timeliness())
        target = self.ctx.lake.table(f"trusted.{self.name}")
        before = target.frame(self.ctx.engine, target.version()) if target.exists() and stage == "before" else None
        findings = check_table(self.table_rules, self.formatted, self.ctx.now, before) if self.table_rules else ()
        return replace(made, measures=(*made.measures, *(one for found in findings for one in found.measures())))

    # -- detection -----------------------------------------------------------------------------------------------

    def _detect(self, stage: str, table: DataFrame, rules: Sequence[NamedRule]) -> Detection:
        if not rules:
            nothing = "rule string, rid bigint, role string, partner bigint"
            return Detection(self.ctx.engine.session.createDataFrame([], nothing), ())
        folder = self.ctx.scratch / stage
        folder.mkdir()
        return detect(self.name, {self.name: table, **self._others}, rules, self.ctx.engine, folder)

    @cached_property
    def _others(self) -> dict[str, DataFrame]:
        """The trusted tables that rules refer to."""
        found = {}
        for name in sorted({name for rule in self.rules for name in relations_of(rule)} - {self.name}):
            table = self.ctx.lake.table(f"trusted.{name}")
            found[name] = table.frame(self.ctx.engine, self.ctx.inputs[table.name])
        return found

    def _after(self, cleaned: Cleaned, staged: StagedFiles) -> Detection | None:
        """The violations of the cleaned table; None when cleaning changed nothing.

        Removing rows cannot cause violations, except of references within the table and of rules about consecutive
        tuples.
        """
        if cleaned.repaired.cells is None and cleaned.removed.rows is None:
            return None
        if cleaned.removed.rows is None:
            return cleaned.found
        violated = violated_in(cleaned.found)
        again = [rule for rule in self.rules if rule.name in violated or _depends_on_others(rule)]
        table = self.ctx.engine.read_parquet(staged.files, staged.schema)
        return with_rows(combined(cleaned.found, self._detect("after", table, again)), staged.rows)

    # -- cleaning ------------------------------------------------------------------------------------------------

    def _cleaning(self, before: Detection) -> Cleaning:
        return Cleaning(
            self.dataset, self.ctx, self.rules, self.formatted, self.schema, before, self.decisions, self._detect
        )

    def _stop_on_failure(self, before: Detection) -> None:
        failing = {rule.name for rule in self.rules if rule.on_violation == "fail"} & violated_in(before)
        if not failing:
            return
        summary = self._stage_violations(before, None, None)
        left = {rule: summary[0].left(rule) for rule in sorted(failing) if summary[0].left(rule)}
        if not left:
            return
        failed = failures(f"trusted.{self.name}", "before", left)
        self._assess(before, None, summary, None, None, failed=failed)
        self.ledger_commit.commit()
        raise self._failure(sorted(left), summary[0])

    def _failure(self, rules: Sequence[str], summary: ViolationSummary, *, after: bool = False) -> QualityError:
        """The error about rules that must hold and do not, in the formatted table or after cleaning."""
        violated = ", ".join(f"{rule} by {counted(summary.left(rule), 'row')}" for rule in rules)
        table = f"trusted.{self.name} would violate" if after else f"formatted.{self.name} violates"
        undo = "undo the repairs that cause it" if after else "correct the source"
        return QualityError(
            f"{table} rules declared with on_violation: fail: {violated}",
            cause=f"the first rows that violate {rules[0]}: {', '.join(self._examples(rules[0]))}",
            remedy=f"vertebra sql \"select * from governance.violations where dataset = '{self.name}'\", then {undo},"
            " accept the violations, or declare quarantine",
            where=f"trusted.{self.name}",
        )

    def _examples(self, rule: str) -> list[str]:
        from pyspark.sql import functions as F

        rows = self.ledger_commit.frame("violations").where(F.col("rule") == rule)
        rows = rows.where(F.col("resolution").isin("reported", INTRODUCED)).select("rid").distinct().orderBy("rid")
        return [str(row["rid"]) for row in rows.limit(_EXAMPLES).collect()]

    # -- the ledgers ---------------------------------------------------------------------------------------------

    def _stage_ledgers(
        self, before: Detection, after: Detection | None, cleaned: Cleaned
    ) -> tuple[ViolationSummary, ViolationSummary]:
        """Stage the ledgers, and count the violations before and after cleaning by outcome."""
        self.ledger_commit.stage("repairs", cleaned.repaired.cells)
        self.ledger_commit.stage("proposals", cleaned.repaired.left)
        self.ledger_commit.stage("source_accuracy", self._source_accuracy(cleaned.repaired.trust))
        self.ledger_commit.stage("quarantine", cleaned.removed.rows)
        was, now = self._stage_violations(before, after, cleaned)
        return was, replace(now, repaired=cleaned.repaired.per_rule, quarantined=cleaned.removed.per_rule)

    def _source_accuracy(self, trust: SourceTrust | None) -> DataFrame | None:
        """The rows of the ledger ``source_accuracy``."""
        if trust is None:
            return None
        rows = [(trust.column, *astuple(replace(one, shares_with=list(one.shares_with)))) for one in trust.figures]
        return self.ctx.engine.session.createDataFrame(
            rows,
            "source_column string, source string, column_name string, accuracy double, cells bigint, copied double, "
            "shares_with array<string>, declared boolean",
        )

    def _stage_violations(
        self, before: Detection, after: Detection | None, cleaned: Cleaned | None
    ) -> tuple[ViolationSummary, ViolationSummary]:
        if not violated_in(before) and (after is None or not violated_in(after)):
            self.ledger_commit.stage("violations", None)
            self.ledger_commit.stage("gaps", None)
            return ViolationSummary(), ViolationSummary()
        self.ledger_commit.stage("gaps", (after or before).gaps)
        left = after.violations if after is not None else None
        repaired = cleaned.repaired.cells if cleaned is not None else None
        removed = cleaned.removed.rows if cleaned is not None else None
        rows = resolve(before.violations, self.decisions, self.quarantining, self.ctx.engine, repaired, removed, left)
        if left is not None:
            rows = rows.unionByName(introduced(before.violations, left))
        self.ledger_commit.stage("violations", rows)
        written = without_introduced(self.ledger_commit.frame("violations"))
        return summarise_violations(written, self._left(left) if left is not None else None, self.rule_names)

    def _left(self, violations: DataFrame) -> DataFrame:
        """Violations that are neither repaired nor quarantined, with their resolution: accepted or reported."""
        return resolve(violations, self.decisions, self.quarantining, self.ctx.engine)

    def _assess(
        self,
        before: Detection,
        after: Detection | None,
        summary: tuple[ViolationSummary, ViolationSummary],
        staged: StagedFiles | None,
        version: int | None,
        findings: Sequence[TableFinding] = (),
        failed: Assessment | None = None,
    ) -> None:
        """Append the assessment before cleaning and, when the run writes a table, after it.

        Args:
            findings: of the rules about the whole table, which are checked after cleaning.
            failed: the rules that stopped the run.
        """
        frames: dict[Stage, DataFrame] = {"before": self.formatted}
        if staged is not None and after is not None:
            frames["after"] = self.ctx.engine.read_parquet(staged.files, staged.schema)
        non_null = count_non_null(frames, self.columns)
        rejected = rejected_cells(self.ctx.ledgers, self.name)
        timely = self._timeliness()
        change = changes_since_last_run(self.dataset, self.ctx, self.ledger_commit.files("violations"))
        found = StageFindings(non_null["before"], rejected, before.counts, summary[0])
        done = [assess(self.dataset, "before", found, self.rules, timely, change)]
        if staged is not None:
            if staged.rows < found.non_null.rows:
                rejected = rejected_cells(self.ctx.ledgers, self.name, self._removed_rids())
            found = StageFindings(non_null.get("after", found.non_null), rejected, (after or before).counts, summary[1])
            done.append(assess(self.dataset, "after", found, self.rules, timely))
        of_table = tuple(measure for one in findings for measure in one.measures())
        done.append(Assessment(f"trusted.{self.name}", "after", of_table))
        done += [failed] if failed is not None else []
        rows = quality_rows(done, self.ctx, version)
        table = None if version is None else f"trusted.{self.name}"
        self.ctx.ledgers.append("quality", rows, self.ctx.commit(), table)

    def _timeliness(self) -> Timeliness:
        return timeliness(self.dataset, self.ctx.lake, self.ctx.now)

    def _removed_rids(self) -> set[int]:
        files = sorted((self.ctx.scratch / "quarantine").rglob("*.parquet"))
        return {rid for file in files for rid in pq.read_table(file, columns=["rid"]).column("rid").to_pylist()}


def _depends_on_others(rule: NamedRule) -> bool:
    """Whether a row that is removed can make others violate the rule."""
    if isinstance(rule.constraint, Inclusion):
        return rule.constraint.table == rule.constraint.relation
    return is_consecutive(rule)
