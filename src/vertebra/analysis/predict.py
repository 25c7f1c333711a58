"""Scoring a table with the champion, by the same features as in training."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from vertebra.analysis.features import LABEL, TIME, example_frame, histories_of
from vertebra.analysis.leakage import refuse_leakage, require_columns
from vertebra.analysis.split import first_test_time
from vertebra.declare.analysis import Analysis
from vertebra.errors import LakeError
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.step_facts import PredictionFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

PREDICTION = "_prediction"
MODEL_VERSION = "_model_version"
SEEN = "_seen_in_training"

_ROWS_AT_ONCE = 262_144


def predict(
    analysis: Analysis,
    tracking: str,
    project: str,
    ctx: StepContext,
    *,
    table: str | None = None,
    version: str | None = None,
) -> StepOutcome:
    """Score a table and replace ``analysis.<name>_predictions`` with the result.

    Scoring again replaces the predictions; earlier ones stay as versions of the table, each with the table versions it
    was made from. Columns: the key, ``_time`` (the prediction time), ``_label`` (the observed value, NULL if not known
    yet), ``_prediction`` (probability of class 1, or a number), ``_model_version``, and ``_seen_in_training``: whether
    the row was in the training set.

    Args:
        tracking: MLflow tracking URI.
        ctx: versions in ``ctx.inputs`` are read, else the latest.
        table: qualified name of a table with the columns of the analysis's view, but for those of the label; by
            default the view. Histories are always the declared ones.
        version: of the registered model; by default the champion.

    Raises:
        LakeError: there is no such table or model, or the model file differs from the one that the ledger recorded.
    """
    from vertebra.analysis import track
    from vertebra.analysis.examples import as_features
    from vertebra.analysis.model_file import read_model
    from vertebra.analysis.train import predictions, quiet

    refuse_leakage(analysis)
    name = track.model_name(project, analysis)
    ctx.progress(f"fetching {name}")
    found, file = track.fetch(tracking, name, version, ctx.scratch)
    model = read_model(file, _recorded(ctx, name, found), analysis.trust)
    ctx.progress("computing features")
    source = table or f"exploitation.{analysis.view}"
    examples = _examples(analysis, source, ctx)
    folder = ctx.scratch / "to_score"
    files = ctx.engine.write_parquet(examples, folder)

    def batches() -> Iterator[pa.RecordBatch]:
        import pyarrow.dataset as pads

        for batch in pads.dataset([str(f) for f in files]).to_batches(batch_size=_ROWS_AT_ONCE):
            rows = pa.Table.from_batches([batch])
            if rows.num_rows:
                with quiet():
                    said = predictions(analysis, model, as_features(analysis, rows))
                yield from scored(analysis, rows, said, found).to_batches()

    output = ctx.lake.table(f"analysis.{analysis.name}_predictions")
    ctx.progress(f"scoring {source} with version {found}")
    schema = _schema(analysis, examples)
    staged = output.stage_arrow(pa.RecordBatchReader.from_batches(schema, (b.cast(schema) for b in batches())))
    committed = output.commit(staged, ctx.commit(), evolution="replace")
    facts = PredictionFacts(table=source, model=name, model_version=found)
    return StepOutcome(staged.rows, committed, {output.name: committed}, facts)


def scored(analysis: Analysis, rows: pa.Table, predicted: NDArray[np.float64], version: str) -> pa.Table:
    """Examples with their predictions, without features."""
    boundary: datetime = first_test_time(analysis)
    known = pc.is_valid(rows.column(LABEL))
    seen = pc.and_(pc.less(rows.column(TIME), pa.scalar(boundary, rows.schema.field(TIME).type)), known)
    kept = rows.select([*analysis.key, TIME, LABEL])
    return (
        kept.append_column(PREDICTION, pa.array(predicted, pa.float64()))
        .append_column(MODEL_VERSION, pa.array([version] * rows.num_rows, pa.string()))
        .append_column(SEEN, seen)
    )


def _examples(analysis: Analysis, source: str, ctx: StepContext) -> DataFrame:
    frames = {name: _frame(ctx, f"exploitation.{name}") for name in histories_of(analysis)}
    rows = _frame(ctx, source)
    trained_on = f"exploitation.{analysis.view}"
    view = rows if source == trained_on else _frame(ctx, trained_on)
    columns = {name: frame.columns for name, frame in frames.items()}
    require_columns(analysis, columns | {analysis.view: view.columns})
    return example_frame(analysis, rows, frames, ctx.engine)


def _frame(ctx: StepContext, name: str) -> DataFrame:
    return ctx.lake.table(name).frame(ctx.engine, ctx.inputs.get(name))


def _schema(analysis: Analysis, examples: DataFrame) -> pa.Schema:
    from pyspark.sql.pandas.types import to_arrow_schema

    typed = to_arrow_schema(examples.schema, timezone="UTC")
    fields = [typed.field(name) for name in (*analysis.key, TIME, LABEL)]
    added = [(PREDICTION, pa.float64()), (MODEL_VERSION, pa.string()), (SEEN, pa.bool_())]
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in added)])


def _recorded(ctx: StepContext, name: str, version: str) -> str:
    """The SHA-256 the ledger recorded for a model version."""
    ledger: Any = ctx.ledgers.read("models")
    wanted = pc.and_(pc.equal(ledger.column("model_name"), name), pc.equal(ledger.column("model_version"), version))
    for digest in ledger.filter(wanted).column("model_sha256").to_pylist():
        if digest:
            return str(digest)
    raise LakeError(
        f"the ledger of models has no {name} version {version}",
        cause="it was registered by a run that ended before it was recorded, by another lake, or by hand",
        remedy="vertebra models, to see what there is; vertebra predict --version N",
    )
