"""Formats facts about steps as short texts: ``95 cells repaired``, ``columns added: note``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from vertebra.declare.period import summarize_periods
from vertebra.formatting import counted, duration, figure, shortened
from vertebra.governance.step_facts import (
    AnalysisFacts,
    EntityResolutionFacts,
    FormattedFacts,
    KeptModelFacts,
    LandingFacts,
    LookupFacts,
    PredictionFacts,
    PublishFacts,
    TrustedFacts,
    ViewFacts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.governance.step_facts import StepFacts
    from vertebra.pipeline.progress import StepResult

_WEIGHTS: Final = {
    "assumed": "assumed weights: nothing to learn from",
    "both": "learned and assumed weights: few pairs to learn from",
}
_MAX_DRIFT: Final = 4


def phrases(facts: StepFacts | None) -> list[str]:
    """The facts about a step, one text each, without those that do not apply."""
    match facts:
        case None:
            return []
        case LandingFacts():
            return _landing(facts)
        case FormattedFacts():
            return _formatted(facts)
        case TrustedFacts(rechecked=True):
            return ["unchanged, freshness checked"]
        case TrustedFacts():
            return [
                *_added(facts.rows_added),
                counted(facts.cells_repaired, "cell repaired", "cells repaired"),
                counted(facts.rows_quarantined, "row quarantined", "rows quarantined"),
                counted(facts.rules_broken, "rule broken", "rules broken"),
                counted(facts.violating_rows, "violating row"),
                *_some(facts.cells_proposed, "repair proposed", "repairs proposed"),
                *_some(facts.decisions_lapsed, "decision no longer applies", "decisions no longer apply"),
            ]
        case ViewFacts():
            return [
                counted(facts.columns, "column"),
                *_added(facts.rows_added),
                *(["unchanged"] if facts.unchanged else []),
            ]
        case LookupFacts():
            return [
                counted(facts.spellings, "spelling"),
                f"{facts.canonical:,} canonical",
                f"{facts.undeclared:,} undeclared",
            ]
        case EntityResolutionFacts():
            return [
                counted(facts.candidate_pairs, "candidate pair"),
                counted(facts.matches, "match", "matches"),
                counted(facts.pairs_to_review, "pair to review", "pairs to review"),
                counted(facts.records_to_review, "record to review", "records to review"),
                *([f"compared {', '.join(facts.comparisons)}"] if facts.comparisons else []),
                *([_WEIGHTS[facts.weights]] if facts.weights is not None else []),
                *(
                    [f"no pair reaches match {facts.threshold:g}: the most probable has {facts.most_probable:g}"]
                    if facts.most_probable is not None
                    else []
                ),
            ]
        case AnalysisFacts():
            return _analysis(facts)
        case PredictionFacts():
            about = [f"table {facts.table}", f"model {facts.model} version {facts.model_version}"]
            return [*about, *(["unchanged"] if facts.unchanged else [])]
        case KeptModelFacts():
            return [f"{facts.why}: no model was trained", f"model {facts.model} version {facts.champion}"]
        case PublishFacts():
            return [f"published to {facts.location}"]
        case _:
            assert_never(facts)


def outcome(result: StepResult) -> str:
    """The outcome of a step in one line: ``1.2 s, 336,776 rows, 95 cells repaired, 0 rows quarantined``."""
    parts = [duration(result.seconds)]
    if result.rows is not None and not result.step.startswith("landing."):
        parts.append(counted(result.rows, "row"))
    return ", ".join([*parts, *phrases(result.facts)])


def _landing(facts: LandingFacts) -> list[str]:
    found = []
    if facts.new_batches:
        found += [counted(facts.new_batches, "new batch", "new batches"), counted(facts.records, "record")]
    if facts.reparsed_batches:
        found.append(counted(facts.reparsed_batches, "batch parsed again", "batches parsed again"))
    if facts.unpublished_periods:
        found.append(f"not published yet: {summarize_periods(facts.unpublished_periods)}")
    if facts.drift:
        found.append(f"drift: {shortened(facts.drift, _MAX_DRIFT)} (vertebra ls drift)")
    return found


def _formatted(facts: FormattedFacts) -> list[str]:
    return [
        counted(facts.batches, "batch", "batches"),
        counted(facts.cells_rejected, "cell rejected", "cells rejected"),
        *_listed("columns added", facts.columns_added),
        *_listed("columns ignored", facts.columns_ignored),
        *_listed("columns missing", facts.columns_missing),
        *_some(facts.rows_without_key, "row without key", "rows without key"),
        *_replaced(facts),
        *_trimmed(facts),
        *_listed("years of two digits read as 2000 to 2099, unless year_from is declared", facts.century_assumed),
        *_left_out(facts.batches_left_out),
    ]


def _left_out(batches: int) -> list[str]:
    return [f"{counted(batches, 'batch', 'batches')} left out (retracted, or received before)"] if batches else []


def _trimmed(facts: FormattedFacts) -> list[str]:
    found = []
    if facts.cells_trimmed:
        columns = [f"{name} {number:,}" for name, number in facts.cells_trimmed]
        total = counted(sum(number for _, number in facts.cells_trimmed), "cell trimmed", "cells trimmed")
        found.append(f"{total} ({shortened(columns, _MAX_DRIFT)})")
    if facts.keys_merged:
        merged = counted(facts.keys_merged, "key merged by trimming", "keys merged by trimming")
        more = ", …" if facts.keys_merged > len(facts.merged) else ""
        found.append(f"{merged}: {', '.join(facts.merged)}{more}")
    return found


def _replaced(facts: FormattedFacts) -> list[str]:
    found = []
    if facts.records_replaced:
        inside = f" ({facts.replaced_in_batch:,} by a record of the same batch)" if facts.replaced_in_batch else ""
        found.append(counted(facts.records_replaced, "record replaced", "records replaced") + inside)
    if facts.records_repeated:
        found.append(f"{counted(facts.records_repeated, 'record', 'records')} came again unchanged")
    if facts.records_deleted:
        found.append(f"{counted(facts.records_deleted, 'row')} deleted at the source")
    return found


def _analysis(facts: AnalysisFacts) -> list[str]:
    return [
        f"chosen {facts.chosen}",
        f"test {facts.metric} {figure(round(facts.test, 4))}",
        f"baseline {figure(round(facts.baseline, 4))}",
        f"cross-validated {facts.metric} {facts.cross_validated:.4f} ± {facts.deviation:.4f}",
        counted(facts.training_rows, "training row"),
        counted(facts.test_rows, "test row"),
        f"model {facts.model} version {facts.model_version}",
        *_champion(facts),
    ]


def _champion(facts: AnalysisFacts) -> list[str]:
    if not facts.comparison:
        return []
    kept = facts.champion != facts.model_version
    return [f"version {facts.champion} {'stays' if kept else 'is now'} the champion: {facts.comparison}"]


def _added(rows: int | None) -> list[str]:
    return [] if rows is None else [counted(rows, "row added", "rows added")]


def _some(number: int, one: str, several: str) -> list[str]:
    return [counted(number, one, several)] if number else []


def _listed(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what}: {shortened(names)}"] if names else []
