"""Monitoring of a champion: its features and predictions against training, and its scores where labels have arrived."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vertebra.analysis.drift import ks, psi_of_categories, psi_of_numbers
from vertebra.analysis.features import LABEL, TIME
from vertebra.analysis.task_port import task_of
from vertebra.declare.quantity import parse_duration
from vertebra.declare.task import all_metrics, metrics_of
from vertebra.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from vertebra.declare.analysis import Analysis
    from vertebra.governance.context import StepContext
    from vertebra.governance.ledgers import Ledgers

_LEDGER: Final = "monitoring"
_ROWS: Final = 50_000
"""The most rows of a sample; more change no figure that people act on."""


@dataclass(frozen=True)
class Monitored:
    """One figure about a champion in use.

    Attributes:
        subject: ``feature``, ``prediction`` or ``performance``.
        name: of the feature, or of the metric.
        measure: ``psi``, ``ks``, or the metric.
        value: the figure now.
        reference: of a metric, on the test set after training; None for distances from training.
        rows: how many rows it is about.
        threshold: the declared one that it has passed.
        state: ``ok``, ``warn``, ``fail``, or ``few`` (rows, to be compared with a threshold).
    """

    subject: str
    name: str
    measure: str
    value: float
    reference: float | None
    rows: int
    threshold: float | None = None
    state: str = "ok"

    def __str__(self) -> str:
        what = f"{self.subject} {self.name}" if self.subject == "feature" else self.subject
        return f"{what}: {self.measure} {self.value:.4g} has passed {self.threshold:g}, on {counted(self.rows, 'row')}"


def monitored(
    analysis: Analysis,
    model: Any,
    trained: Mapping[str, Any],
    rows: pa.Table,
    said: NDArray[np.float64],
    ctx: StepContext,
) -> list[Monitored]:
    """The figures about a champion, for rows that it was not trained on.

    Args:
        analysis: with the features of the champion.
        trained: the row of the champion in the ledger ``models``.
        rows: the examples that it predicted and was not trained on, with features and labels.
        said: its predictions for them.
    """
    from vertebra.analysis.examples import as_features
    from vertebra.analysis.train import predictions

    rows, said = _window(analysis, rows, said)
    if not rows.num_rows:
        return []
    table = ctx.lake.table(trained["train_table"]).arrow(trained["train_version"])
    before = as_features(analysis, _sample(table.to_table(columns=analysis.feature_names)))
    kept = _stride(rows.num_rows)
    now = as_features(analysis, rows.take(kept) if kept is not None else rows)
    found: list[Monitored] = []
    for name in analysis.feature_names:
        one, other = before[name], now[name]
        if name in (*analysis.categorical, *analysis.text):
            distances = {"psi": psi_of_categories(list(one), list(other))}
        else:
            numbers = np.asarray(one, np.float64), np.asarray(other, np.float64)
            distances = {"psi": psi_of_numbers(*numbers), "ks": ks(*numbers)}
        found += [Monitored("feature", name, key, value, None, rows.num_rows) for key, value in distances.items()]
    expected = predictions(analysis, model, before)
    if expected.ndim == 1 and expected.dtype.kind == "f":
        for key, value in (("psi", psi_of_numbers(expected, said)), ("ks", ks(expected, said))):
            found.append(Monitored("prediction", "", key, value, None, rows.num_rows))
    found += _performance(analysis, trained, rows, said, ctx.ledgers)
    return [_judged(analysis, one) for one in found if np.isfinite(one.value)]


def record_monitored(analysis: Analysis, trained: Mapping[str, Any], found: list[Monitored], ctx: StepContext) -> None:
    """Add the figures of a run to the ledger ``monitoring``."""
    about = {"run_id": ctx.run_id, "analysis": analysis.name, "recorded_at": ctx.now}
    about |= {"model_name": trained["model_name"], "model_version": trained["model_version"]}
    ctx.ledgers.append(_LEDGER, [about | asdict(one) for one in found], ctx.commit())


def drifted(ledgers: Ledgers, analysis: str, version: str) -> bool:
    """Whether the last figures about a version have passed a threshold."""
    rows = [row for row in ledgers.rows(_LEDGER) if (row["analysis"], row["model_version"]) == (analysis, version)]
    last = max((row["run_id"] for row in rows), default="")
    return any(row["state"] in ("warn", "fail") for row in rows if row["run_id"] == last)


def _window(analysis: Analysis, rows: pa.Table, said: NDArray[np.float64]) -> tuple[pa.Table, NDArray[np.float64]]:
    """The rows of the declared window before the latest one."""
    if analysis.monitor is None or analysis.monitor.window is None or not rows.num_rows:
        return rows, said
    span: timedelta = parse_duration(analysis.monitor.window)
    first = pc.max(rows.column(TIME)).as_py() - span
    recent = pc.greater(rows.column(TIME), pa.scalar(first, rows.schema.field(TIME).type))
    return rows.filter(recent), said[np.asarray(recent)]


def _performance(
    analysis: Analysis, trained: Mapping[str, Any], rows: pa.Table, said: NDArray[np.float64], ledgers: Ledgers
) -> Iterator[Monitored]:
    """The scores of predictions whose labels have arrived, beside those on the test set after training."""
    label = rows.column(LABEL)
    if said.ndim != 1 or analysis.forecast is not None or not _is_number(label.type):
        return
    known = np.asarray(pc.is_valid(label))
    observed = np.asarray(label.drop_null(), np.float64)
    if not task_of(analysis).comparable(observed):
        return
    version = trained["model_version"]
    tested = {
        row["metric"]: row["value"]
        for row in ledgers.rows("models")
        if row["model_name"] == trained["model_name"] and row["model_version"] == version and row["model_sha256"]
    }
    for metric in metrics_of(analysis.task):
        if not metric.compares:
            continue
        value = metric.score(observed, said[known])
        yield Monitored("performance", metric.name, metric.name, value, tested.get(metric.name), len(observed))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _judged(analysis: Analysis, one: Monitored) -> Monitored:
    """A figure with the declared threshold that it has passed."""
    from dataclasses import replace

    declared = analysis.monitor
    if declared is None or (one.measure not in declared.warn and one.measure not in declared.fail):
        return one
    if one.rows < declared.at_least:
        return replace(one, state="few")
    falls = one.subject == "performance" and all_metrics()[one.measure].is_better(1.0, 0.0)
    for state, thresholds in (("fail", declared.fail), ("warn", declared.warn)):
        limit = thresholds.get(one.measure)
        if limit is not None and (one.value < limit if falls else one.value > limit):
            return replace(one, state=state, threshold=limit)
    return one


def _stride(rows: int) -> NDArray[np.int64] | None:
    return None if rows <= _ROWS else np.linspace(0, rows - 1, _ROWS).astype(np.int64)


def _sample(table: pa.Table) -> pa.Table:
    kept = _stride(table.num_rows)
    return table if kept is None else table.take(kept)
