"""Vertebra, the backbone for data science: collect, format, clean, integrate and model data, reproducibly.

    import vertebra

    project = vertebra.open("projects/flights")
    project.run()
    project.table("trusted.flights").pandas()
    project.sql("select rule, count(*) from governance.violations group by rule").pandas()

    vertebra.check("flights.csv", ["origin, dest -> distance", "t.distance <= 0"])

Everything listed in ``__all__`` is public. Names are loaded when first used, so that importing the package is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vertebra.declare.analysis import Analysis, AsOf, Candidate, Monitor
    from vertebra.declare.broken import BrokenDeclaration
    from vertebra.declare.forecast_plan import Forecast
    from vertebra.declare.preparation import Outliers
    from vertebra.declare.rule_review import RuleWarning
    from vertebra.declare.schema import json_schema
    from vertebra.declare.source_location import SourceLocation
    from vertebra.declare.validation_plan import Folds, TestSet
    from vertebra.declare.view import view
    from vertebra.denial import Finding
    from vertebra.errors import (
        BusyError,
        CollectError,
        DecisionError,
        DeclarationError,
        DeclarationErrors,
        DriftError,
        EngineError,
        EngineMemoryError,
        LakeError,
        LeakageError,
        ProposalError,
        PublishError,
        QualityError,
        QueryError,
        RegistryError,
        RuleError,
        SelectionError,
        SqlError,
        StepError,
        VertebraError,
    )
    from vertebra.governance.accepted_shrinks import AcceptedShrink
    from vertebra.governance.context import StepOutcome
    from vertebra.governance.cursor_resets import CursorReset
    from vertebra.governance.drift import ColumnDrift
    from vertebra.governance.match_decisions import MatchDecision
    from vertebra.governance.promotions import Champions, Promotion, Reign
    from vertebra.governance.retirements import Retirement
    from vertebra.governance.retractions import Retraction
    from vertebra.lake.commit import TableVersion
    from vertebra.lake.gc import TableGarbage
    from vertebra.lake.verify import Damage, Verification
    from vertebra.landing.backfill import PeriodStatus
    from vertebra.landing.outcome import PayloadsRefusedError
    from vertebra.pipeline.plan import PlannedStep
    from vertebra.pipeline.progress import RunInterrupted, RunReport, StepResult
    from vertebra.pipeline.steps import Step
    from vertebra.scaffold.init import init_project
    from vertebra.trusted.assess import Assessment, Measure
    from vertebra.trusted.decisions import Decision
    from vertebra.trusted.detect import RulePlan
    from vertebra.trusted.discover import Proposal
    from vertebra.workspace.cell_changes import CellChange, CellChanges, ChangeCount
    from vertebra.workspace.champions import ModelComparison
    from vertebra.workspace.check import ProjectCheck
    from vertebra.workspace.check_data import check
    from vertebra.workspace.check_data import explain_data as explain
    from vertebra.workspace.check_result import DataCheck, RuleResult, ViolatingTuple
    from vertebra.workspace.cleaning_counts import QuarantineCount, RepairCount
    from vertebra.workspace.collect import Backfill
    from vertebra.workspace.decisions import ListedDecision, Listing, QuarantinedRow
    from vertebra.workspace.diagnostics import Diagnostic
    from vertebra.workspace.discover_data import discover_data as discover
    from vertebra.workspace.evaluate import Evaluation, Score
    from vertebra.workspace.explanation import Explanation, Link
    from vertebra.workspace.forget import ErasureReport, RewrittenBatch
    from vertebra.workspace.forget_effects import Effects
    from vertebra.workspace.listing import DatasetDrift, DatasetInfo, PublicationInfo, RuleInfo, StepInfo, TableInfo
    from vertebra.workspace.maintain import GarbageReport
    from vertebra.workspace.match_results import (
        ComparedValues,
        EstimatedPrecision,
        MatchEvaluation,
        MatchEvidence,
        MatchExplanation,
        MatchScore,
        PairToReview,
    )
    from vertebra.workspace.models import ChosenModel, ModelScore
    from vertebra.workspace.monitoring import MonitoredFigure
    from vertebra.workspace.quality import QualityEvidence, QualityFigure, QualityMeasure, QualityRun, TableQuality
    from vertebra.workspace.quality_examples import ExampleTuple, ViolationExample
    from vertebra.workspace.query_result import QueryResult
    from vertebra.workspace.questions import Question, Suggestion
    from vertebra.workspace.repair import RepairedDamage, RepairReport
    from vertebra.workspace.repairs import ProposedCell, RepairedCell, SourceAccuracy
    from vertebra.workspace.retire import UndeclaredDataset
    from vertebra.workspace.rule_tallies import RuleTally
    from vertebra.workspace.run_summary import DatasetTally, RunSummary
    from vertebra.workspace.schedule import NextCollection, StopRequest
    from vertebra.workspace.sources import SourceStatus
    from vertebra.workspace.tables import TableHandle
    from vertebra.workspace.workspace import Workspace
    from vertebra.workspace.workspace import open_project as open

    __version__: str

__all__ = [
    "AcceptedShrink",
    "Analysis",
    "AsOf",
    "Assessment",
    "Backfill",
    "BrokenDeclaration",
    "BusyError",
    "Candidate",
    "CellChange",
    "CellChanges",
    "Champions",
    "ChangeCount",
    "ChosenModel",
    "CollectError",
    "ColumnDrift",
    "ComparedValues",
    "CursorReset",
    "Damage",
    "DataCheck",
    "DatasetDrift",
    "DatasetInfo",
    "DatasetTally",
    "Decision",
    "DecisionError",
    "DeclarationError",
    "DeclarationErrors",
    "Diagnostic",
    "DriftError",
    "Effects",
    "EngineError",
    "EngineMemoryError",
    "ErasureReport",
    "EstimatedPrecision",
    "Evaluation",
    "ExampleTuple",
    "Explanation",
    "Finding",
    "Folds",
    "Forecast",
    "GarbageReport",
    "LakeError",
    "LeakageError",
    "Link",
    "ListedDecision",
    "Listing",
    "MatchDecision",
    "MatchEvaluation",
    "MatchEvidence",
    "MatchExplanation",
    "MatchScore",
    "Measure",
    "ModelComparison",
    "ModelScore",
    "Monitor",
    "MonitoredFigure",
    "NextCollection",
    "Outliers",
    "PairToReview",
    "PayloadsRefusedError",
    "PeriodStatus",
    "PlannedStep",
    "ProjectCheck",
    "Promotion",
    "Proposal",
    "ProposalError",
    "ProposedCell",
    "PublicationInfo",
    "PublishError",
    "QualityError",
    "QualityEvidence",
    "QualityFigure",
    "QualityMeasure",
    "QualityRun",
    "QuarantineCount",
    "QuarantinedRow",
    "QueryError",
    "QueryResult",
    "Question",
    "RegistryError",
    "Reign",
    "RepairCount",
    "RepairReport",
    "RepairedCell",
    "RepairedDamage",
    "Retirement",
    "Retraction",
    "RewrittenBatch",
    "RuleError",
    "RuleInfo",
    "RulePlan",
    "RuleResult",
    "RuleTally",
    "RuleWarning",
    "RunInterrupted",
    "RunReport",
    "RunSummary",
    "Score",
    "SelectionError",
    "SourceAccuracy",
    "SourceLocation",
    "SourceStatus",
    "SqlError",
    "Step",
    "StepError",
    "StepInfo",
    "StepOutcome",
    "StepResult",
    "StopRequest",
    "Suggestion",
    "TableGarbage",
    "TableHandle",
    "TableInfo",
    "TableQuality",
    "TableVersion",
    "TestSet",
    "UndeclaredDataset",
    "Verification",
    "VertebraError",
    "ViolatingTuple",
    "ViolationExample",
    "Workspace",
    "__version__",
    "check",
    "discover",
    "explain",
    "init_project",
    "json_schema",
    "open",
    "view",
]

_HOMES: Final[dict[str, str]] = {
    "Analysis": "vertebra.declare.analysis",
    "AsOf": "vertebra.declare.analysis",
    "Candidate": "vertebra.declare.analysis",
    "Folds": "vertebra.declare.validation_plan",
    "TestSet": "vertebra.declare.validation_plan",
    "Forecast": "vertebra.declare.forecast_plan",
    "Outliers": "vertebra.declare.preparation",
    "Monitor": "vertebra.declare.analysis",
    "BrokenDeclaration": "vertebra.declare.broken",
    "RuleWarning": "vertebra.declare.rule_review",
    "json_schema": "vertebra.declare.schema",
    "SourceLocation": "vertebra.declare.source_location",
    "view": "vertebra.declare.view",
    "Finding": "vertebra.denial",
    "VertebraError": "vertebra.errors",
    "DeclarationError": "vertebra.errors",
    "DeclarationErrors": "vertebra.errors",
    "RuleError": "vertebra.errors",
    "CollectError": "vertebra.errors",
    "EngineError": "vertebra.errors",
    "QueryError": "vertebra.errors",
    "EngineMemoryError": "vertebra.errors",
    "LakeError": "vertebra.errors",
    "BusyError": "vertebra.errors",
    "DriftError": "vertebra.errors",
    "QualityError": "vertebra.errors",
    "DecisionError": "vertebra.errors",
    "ProposalError": "vertebra.errors",
    "SelectionError": "vertebra.errors",
    "SqlError": "vertebra.errors",
    "LeakageError": "vertebra.errors",
    "StepError": "vertebra.errors",
    "PublishError": "vertebra.errors",
    "RegistryError": "vertebra.errors",
    "StepOutcome": "vertebra.governance.context",
    "ColumnDrift": "vertebra.governance.drift",
    "AcceptedShrink": "vertebra.governance.accepted_shrinks",
    "CursorReset": "vertebra.governance.cursor_resets",
    "Champions": "vertebra.governance.promotions",
    "Promotion": "vertebra.governance.promotions",
    "Reign": "vertebra.governance.promotions",
    "Retirement": "vertebra.governance.retirements",
    "Retraction": "vertebra.governance.retractions",
    "TableGarbage": "vertebra.lake.gc",
    "TableVersion": "vertebra.lake.commit",
    "PeriodStatus": "vertebra.landing.backfill",
    "PayloadsRefusedError": "vertebra.landing.outcome",
    "PlannedStep": "vertebra.pipeline.plan",
    "RunInterrupted": "vertebra.pipeline.progress",
    "RunReport": "vertebra.pipeline.progress",
    "StepResult": "vertebra.pipeline.progress",
    "Step": "vertebra.pipeline.steps",
    "init_project": "vertebra.scaffold.init",
    "Assessment": "vertebra.trusted.assess",
    "Measure": "vertebra.trusted.assess",
    "Decision": "vertebra.trusted.decisions",
    "RulePlan": "vertebra.trusted.detect",
    "Proposal": "vertebra.trusted.discover",
    "CellChange": "vertebra.workspace.cell_changes",
    "CellChanges": "vertebra.workspace.cell_changes",
    "ChangeCount": "vertebra.workspace.cell_changes",
    "ProjectCheck": "vertebra.workspace.check",
    "check": "vertebra.workspace.check_data",
    "explain": "vertebra.workspace.check_data:explain_data",
    "DataCheck": "vertebra.workspace.check_result",
    "RuleResult": "vertebra.workspace.check_result",
    "ViolatingTuple": "vertebra.workspace.check_result",
    "Backfill": "vertebra.workspace.collect",
    "ListedDecision": "vertebra.workspace.decisions",
    "ComparedValues": "vertebra.workspace.match_results",
    "EstimatedPrecision": "vertebra.workspace.match_results",
    "MatchEvidence": "vertebra.workspace.match_results",
    "MatchDecision": "vertebra.governance.match_decisions",
    "MatchEvaluation": "vertebra.workspace.match_results",
    "MatchExplanation": "vertebra.workspace.match_results",
    "MatchScore": "vertebra.workspace.match_results",
    "PairToReview": "vertebra.workspace.match_results",
    "Listing": "vertebra.workspace.decisions",
    "QuarantinedRow": "vertebra.workspace.decisions",
    "RepairedCell": "vertebra.workspace.repairs",
    "ProposedCell": "vertebra.workspace.repairs",
    "SourceAccuracy": "vertebra.workspace.repairs",
    "Evaluation": "vertebra.workspace.evaluate",
    "Score": "vertebra.workspace.evaluate",
    "Diagnostic": "vertebra.workspace.diagnostics",
    "Damage": "vertebra.lake.verify",
    "Verification": "vertebra.lake.verify",
    "RepairReport": "vertebra.workspace.repair",
    "UndeclaredDataset": "vertebra.workspace.retire",
    "RepairedDamage": "vertebra.workspace.repair",
    "discover": "vertebra.workspace.discover_data:discover_data",
    "ErasureReport": "vertebra.workspace.forget",
    "RewrittenBatch": "vertebra.workspace.forget",
    "Effects": "vertebra.workspace.forget_effects",
    "DatasetDrift": "vertebra.workspace.listing",
    "DatasetInfo": "vertebra.workspace.listing",
    "PublicationInfo": "vertebra.workspace.listing",
    "RuleInfo": "vertebra.workspace.listing",
    "StepInfo": "vertebra.workspace.listing",
    "TableInfo": "vertebra.workspace.listing",
    "GarbageReport": "vertebra.workspace.maintain",
    "ChosenModel": "vertebra.workspace.models",
    "ModelComparison": "vertebra.workspace.champions",
    "ModelScore": "vertebra.workspace.models",
    "MonitoredFigure": "vertebra.workspace.monitoring",
    "QualityEvidence": "vertebra.workspace.quality",
    "QualityFigure": "vertebra.workspace.quality",
    "QualityMeasure": "vertebra.workspace.quality",
    "QualityRun": "vertebra.workspace.quality",
    "TableQuality": "vertebra.workspace.quality",
    "RuleTally": "vertebra.workspace.rule_tallies",
    "DatasetTally": "vertebra.workspace.run_summary",
    "RunSummary": "vertebra.workspace.run_summary",
    "QuarantineCount": "vertebra.workspace.cleaning_counts",
    "RepairCount": "vertebra.workspace.cleaning_counts",
    "ExampleTuple": "vertebra.workspace.quality_examples",
    "ViolationExample": "vertebra.workspace.quality_examples",
    "QueryResult": "vertebra.workspace.query_result",
    "Question": "vertebra.workspace.questions",
    "Suggestion": "vertebra.workspace.questions",
    "NextCollection": "vertebra.workspace.schedule",
    "StopRequest": "vertebra.workspace.schedule",
    "SourceStatus": "vertebra.workspace.sources",
    "TableHandle": "vertebra.workspace.tables",
    "Explanation": "vertebra.workspace.explanation",
    "Link": "vertebra.workspace.explanation",
    "Workspace": "vertebra.workspace.workspace",
    "open": "vertebra.workspace.workspace:open_project",
}
"""Where each public name is defined: a module, and the name there if it is another."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        value: Any = import_module("vertebra.version").installed_version()
    elif name in _HOMES:
        module, _, attribute = _HOMES[name].partition(":")
        value = getattr(import_module(module), attribute or name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
