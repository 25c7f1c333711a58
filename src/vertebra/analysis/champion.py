"""Champion and challenger: a new model replaces the champion only if it is better on the same test rows.

Both predict the rows of the test set that neither was trained on. A champion whose question differs, in its label, rows
or features, cannot be compared with: it would predict something else from the features of today, so it is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from vertebra.analysis.features import TIME
from vertebra.analysis.question import question
from vertebra.analysis.task_port import task_of
from vertebra.declare.task import metric_of, metrics_of
from vertebra.errors import LakeError, VertebraError
from vertebra.formatting import counted
from vertebra.lake.erasure import pending_erasures

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from vertebra.analysis.example_set import Examples
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
    """

    version: str
    candidate: str = ""
    parameters: str = "{}"
    predicted: NDArray[np.float64] | None = None
    unseen: NDArray[np.bool_] | None = None
    why_not: str = ""


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
    analysis: Analysis, tracking: str, project: str, ctx: StepContext, test: Examples, times: pa.ChunkedArray
) -> Champion | None:
    """The champion, asked about a test set; None if there is none.

    Args:
        test: the examples of the test set.
        times: their prediction times.
    """
    from vertebra.analysis import track

    name = track.model_name(project, analysis)
    version, asked = track.current(tracking, name)
    if version is None:
        return None
    if asked and asked != question(analysis):
        return Champion(version, why_not="its label, examples or features were declared otherwise")
    trained = _training(ctx, name, version)
    if any(trained.get("train_table") in one.tables for one in pending_erasures(ctx.lake)):
        return Champion(version, why_not="it was trained with records that were forgotten")
    try:
        model = _read(analysis, tracking, name, version, trained, ctx)
        last = _last_training_time(ctx, trained)
    except (VertebraError, OSError) as error:
        fact = error.fact if isinstance(error, VertebraError) else str(error)
        return Champion(version, why_not=f"it cannot be asked: {fact}")
    try:
        predicted = _ask(analysis, model, test)
    except Exception as error:  # whatever a model of another release of its library raises
        return Champion(version, why_not=f"it cannot be asked: {type(error).__name__}: {error}")
    unseen = np.asarray(pc.greater(times, last).to_numpy(), np.bool_)
    return Champion(version, trained["candidate"], trained["parameters"], predicted, unseen)


def decide(
    analysis: Analysis, champion: Champion | None, observed: NDArray[np.float64], predicted: NDArray[np.float64]
) -> Decision:
    """Decide whether a new model becomes the champion.

    Args:
        observed: labels of the test set.
        predicted: predictions of the new model for it.
    """
    if champion is None:
        return Decision(promoted=True)
    if champion.predicted is None or champion.unseen is None:
        return _replaced(champion, champion.why_not)
    rows = champion.unseen
    if not _comparable(analysis, observed[rows]):
        return _replaced(champion, "it was trained on rows of this test set")
    metric = metric_of(analysis)
    metrics = {
        one.name: one.score(observed[rows], champion.predicted[rows])
        for one in metrics_of(analysis.task)
        if one.compares
    }
    score, new = metrics[metric.name], metric.score(observed[rows], predicted[rows])
    better = metric.is_better(new, score)
    promoted = better or analysis.champion == "newest"
    number = int(rows.sum())
    compared = (
        f"{metric.name} of the new model {new:.4f}, of version {champion.version} {score:.4f}, "
        f"on the same {counted(number, 'test row')}"
    )
    return Decision(promoted, champion, score, new, number, metrics, compared)


def _replaced(champion: Champion, why: str) -> Decision:
    return Decision(True, champion, reason=f"version {champion.version} could not be compared: {why}")


def _comparable(analysis: Analysis, observed: NDArray[np.float64]) -> bool:
    return metric_of(analysis).compares and task_of(analysis).comparable(observed)


def _ask(analysis: Analysis, model: Any, test: Examples) -> NDArray[np.float64]:
    from vertebra.analysis.train import predictions, quiet

    with quiet():
        return predictions(analysis, model, test.features, test.classes)


def _training(ctx: StepContext, name: str, version: str) -> dict[str, Any]:
    """The row of the ledger about a version that was chosen; empty if the ledger has none."""
    ledger = ctx.ledgers.read("models")
    of_it = pc.and_(pc.equal(ledger.column("model_name"), name), pc.equal(ledger.column("model_version"), version))
    rows: list[dict[str, Any]] = ledger.filter(of_it).to_pylist()
    return next((row for row in rows if row["model_sha256"]), {})


def _read(
    analysis: Analysis, tracking: str, name: str, version: str, trained: Mapping[str, Any], ctx: StepContext
) -> Any:
    from vertebra.analysis import track
    from vertebra.analysis.model_file import read_model

    if not trained:
        raise LakeError(f"the ledger of models has no {name} version {version}")
    folder = ctx.scratch / "champion"
    folder.mkdir(exist_ok=True)
    _, file = track.fetch(tracking, name, version, folder)
    return read_model(file, trained["model_sha256"], analysis.trust)


def _last_training_time(ctx: StepContext, trained: Mapping[str, Any]) -> pa.Scalar:
    """The time of the latest row that a model was trained on."""
    table = ctx.lake.table(trained["train_table"])
    return pc.max(table.arrow(trained["train_version"]).to_table(columns=[TIME]).column(TIME))
