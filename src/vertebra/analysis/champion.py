"""Champion and challenger: a new model replaces the champion only if it is better on the same test rows.

Both predict the rows of the test set that neither was trained on, each from its own features. The new one must be
better than the champion by more than chance, and better than the baseline. A champion that predicts something else
cannot be compared with, so it is replaced. What a person promoted is not replaced by a run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vertebra.analysis.features import TIME
from vertebra.analysis.paired import Improvement, improvement
from vertebra.analysis.recipe import as_trained, registered, same_features
from vertebra.analysis.task_port import task_of
from vertebra.declare.task import metric_of, metrics_of
from vertebra.errors import LakeError, VertebraError
from vertebra.formatting import counted
from vertebra.governance.promotions import champions
from vertebra.lake.erasure import pending_erasures
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vertebra.analysis.example_set import Examples
    from vertebra.analysis.split import PinnedSet
    from vertebra.declare.analysis import Analysis
    from vertebra.governance.context import StepContext


@dataclass(frozen=True)
class Champion:
    """The champion before a run, on the test set of the run.

    Attributes:
        version: of the registered model.
        candidate, parameters: its algorithm, as the ledger has them.
        predicted: its predictions, one per test row; None if it cannot be compared with.
        unseen: for each test row, whether it is later than all rows that the champion was trained on.
        why_not: why it cannot be compared with; empty if it can.
        held: the decision of a person that keeps it, in words; empty if there is none.
    """

    version: str
    candidate: str = ""
    parameters: str = "{}"
    predicted: NDArray[np.float64] | None = None
    unseen: NDArray[np.bool_] | None = None
    why_not: str = ""
    held: str = ""


@dataclass(frozen=True)
class Decision:
    """Which model is the champion after a run, and why.

    Attributes:
        promoted: whether the new model is.
        before: the champion before the run; None if there was none.
        score: that of the champion before, by the declared metric, on the rows that both were compared on.
        new_score: that of the new model on the same rows.
        rows: how many rows that were.
        metrics: of the champion before, by name, on the same rows.
        reason: for people; empty if there was no champion.
    """

    promoted: bool
    before: Champion | None = None
    score: float | None = None
    new_score: float | None = None
    rows: int = 0
    metrics: Mapping[str, float] | None = None
    reason: str = ""


def champion_of(
    analysis: Analysis, tracking: str, project: str, ctx: StepContext, test: Examples, rows: pa.Table, pinned: PinnedSet
) -> Champion | None:
    """The champion, asked about a test set; None if there is none.

    Args:
        test: the examples of the test set.
        rows: the same, as they are stored.
        pinned: the test set.
    """
    from vertebra.analysis import track

    name = track.model_name(project, analysis)
    known = champions(ctx.ledgers, analysis.name)
    if known.version is None:
        return None
    held = str(known.held) if known.held is not None else ""
    return replace(ask_version(analysis, tracking, name, known.version, ctx, test, rows, pinned), held=held)


def ask_version(
    analysis: Analysis,
    tracking: str,
    name: str,
    version: str,
    ctx: StepContext,
    test: Examples,
    rows: pa.Table,
    pinned: PinnedSet,
) -> Champion:
    """A version, asked about a test set; see :func:`champion_of`.

    Args:
        name: of the registered model.
    """
    from vertebra.analysis import track

    try:
        trained = registered(ctx.ledgers, name, version)
        if any(trained["train_table"] in one.tables for one in pending_erasures(ctx.lake)):
            return Champion(version, why_not="it was trained with records that were forgotten")
        declared = as_trained(analysis, trained, tracking)
        model = track.load(declared, tracking, trained, ctx.scratch)
        last = _last_training_time(ctx, trained)
        asked = test if same_features(analysis, declared) else _own_features(declared, test, rows, pinned, ctx)
    except (VertebraError, OSError) as error:
        fact = error.fact if isinstance(error, VertebraError) else str(error)
        return Champion(version, why_not=f"it cannot be asked: {fact}")
    try:
        predicted = _ask(declared, model, asked)
    except Exception as error:  # whatever a model of another release of its library raises
        return Champion(version, why_not=f"it cannot be asked: {type(error).__name__}: {error}")
    unseen = np.asarray(pc.greater(rows.column(TIME), last).to_numpy(), np.bool_)
    return Champion(version, trained["candidate"], trained["parameters"], predicted, unseen)


def decide(
    analysis: Analysis,
    champion: Champion | None,
    observed: NDArray[np.float64],
    predicted: NDArray[np.float64],
    groups: Sequence[object] | None = None,
    baseline: NDArray[np.float64] | None = None,
) -> Decision:
    """Decide whether a new model becomes the champion.

    Args:
        observed: labels of the test set.
        predicted: predictions of the new model for it.
        groups: the group of each row.
        baseline: predictions of the baseline.
    """
    if champion is None:
        return Decision(promoted=True)
    if champion.predicted is None or champion.unseen is None:
        return _replaced(champion, champion.why_not)
    rows = champion.unseen
    if not _comparable(analysis, observed[rows]) and not champion.held:
        return _replaced(champion, "it was trained on rows of this test set")
    if not _comparable(analysis, observed[rows]):
        return Decision(False, champion, reason=champion.held)
    metric = metric_of(analysis)
    metrics = {
        one.name: one.score(observed[rows], champion.predicted[rows])
        for one in metrics_of(analysis.task)
        if one.compares
    }
    score, new = metrics[metric.name], metric.score(observed[rows], predicted[rows])
    own = [group for group, counts in zip(groups, rows, strict=True) if counts] if groups is not None else None
    gained = improvement(metric, observed[rows], predicted[rows], champion.predicted[rows], own, analysis.seed)
    base = None if baseline is None else metric.score(observed[rows], baseline[rows])
    beaten = base is not None and not metric.is_better(new, base)
    promoted = (gained.certain and not beaten) or analysis.champion == "newest"
    if champion.held:
        promoted = False
    number = int(rows.sum())
    compared = (
        f"{metric.name} of the new model {new:.4f}, of version {champion.version} {score:.4f}, "
        f"on the same {counted(number, 'test row')}"
    )
    why = _doubts(metric.is_better(new, score), gained, beaten)
    words = "; ".join(part for part in (compared, _interval(gained), *why, champion.held) if part)
    return Decision(promoted, champion, score, new, number, metrics, words)


def _interval(gained: Improvement) -> str:
    if not np.isfinite([gained.low, gained.high]).all():
        return ""
    return f"improvement {gained.low:+.4f} to {gained.high:+.4f} (95 %)"


def _doubts(better: bool, gained: Improvement, beaten: bool) -> list[str]:
    """Why a model that is better by its score is not the champion."""
    found = ["the difference may be chance"] if better and not gained.certain else []
    return [*found, "the baseline is as good as the new model"] if beaten else found


def _replaced(champion: Champion, why: str) -> Decision:
    by = f" ({champion.held})" if champion.held else ""
    return Decision(True, champion, reason=f"version {champion.version}{by} could not be compared: {why}")


def _comparable(analysis: Analysis, observed: NDArray[np.float64]) -> bool:
    return metric_of(analysis).compares and task_of(analysis).comparable(observed)


def _ask(analysis: Analysis, model: Any, test: Examples) -> NDArray[np.float64]:
    from vertebra.analysis.train import predictions, quiet

    with quiet():
        return predictions(analysis, model, test.features, test.classes)


def _own_features(declared: Analysis, test: Examples, rows: pa.Table, pinned: PinnedSet, ctx: StepContext) -> Examples:
    """The test set with the features of another declaration, in the order of the test set."""
    import pyarrow.dataset as pads

    from vertebra.analysis.examples import as_features
    from vertebra.analysis.features import example_frame, histories_of

    frames = {
        name: ctx.lake.table(f"exploitation.{name}").frame(ctx.engine, ctx.inputs.get(f"exploitation.{name}"))
        for name in dict.fromkeys([declared.view, *histories_of(declared)])
    }
    keys = list(declared.key)
    wanted = pinned.table.frame(ctx.engine, pinned.version).select(*map(spark_identifier, keys))
    examples = example_frame(declared, frames[declared.view], frames, ctx.engine).join(wanted, keys, "left_semi")
    files = ctx.engine.write_parquet(examples, ctx.scratch / "champion_examples")
    table = pads.dataset([str(file) for file in files]).to_table()
    table = table.sort_by([(TIME, "ascending"), *((name, "ascending") for name in keys)])
    if not table.select(keys).equals(rows.select(keys).cast(table.select(keys).schema)):
        raise LakeError(f"its features give {table.num_rows:,} of {rows.num_rows:,} test rows")
    return replace(test, features=as_features(declared, table))


def _last_training_time(ctx: StepContext, trained: Mapping[str, Any]) -> pa.Scalar:
    """The time of the latest row that a model was trained on."""
    table = ctx.lake.table(trained["train_table"])
    return pc.max(table.arrow(trained["train_version"]).to_table(columns=[TIME]).column(TIME))
