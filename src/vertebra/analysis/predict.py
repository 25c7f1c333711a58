"""Scoring a table with the champion, by the same features as in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vertebra.analysis.features import LABEL, TIME, example_frame, histories_of
from vertebra.analysis.leakage import refuse_leakage, require_columns
from vertebra.analysis.task_port import classes_of, task_of
from vertebra.declare.analysis import Analysis
from vertebra.errors import LakeError
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.step_facts import PredictionFacts
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

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
    yet), ``_prediction`` (probability of class 1, a number, or what else the task predicts), ``_model_version``, and
    ``_seen_in_training``: whether the row was in the training set.

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
    trained = _recorded(ctx, name, found)
    model = read_model(file, trained["model_sha256"], analysis.trust)
    ctx.progress("computing features")
    source = table or f"exploitation.{analysis.view}"
    examples = _with_seen(analysis, _examples(analysis, source, ctx), trained, ctx)
    folder = ctx.scratch / "to_score"
    files = ctx.engine.write_parquet(examples, folder)

    def batches() -> Iterator[pa.RecordBatch]:
        import pyarrow.dataset as pads

        for batch in pads.dataset([str(f) for f in files]).to_batches(batch_size=_ROWS_AT_ONCE):
            rows = pa.Table.from_batches([batch])
            if rows.num_rows:
                with quiet():
                    said = predictions(analysis, model, as_features(analysis, rows))
                yield from scored(analysis, rows, said, found, classes_of(model)).to_batches()

    output = ctx.lake.table(f"analysis.{analysis.name}_predictions")
    ctx.progress(f"scoring {source} with version {found}")
    schema = _schema(analysis, examples, model)
    staged = output.stage_arrow(pa.RecordBatchReader.from_batches(schema, (b.cast(schema) for b in batches())))
    committed = output.commit(staged, ctx.commit(), evolution="replace")
    facts = PredictionFacts(table=source, model=name, model_version=found)
    return StepOutcome(staged.rows, committed, {output.name: committed}, facts)


def scored(
    analysis: Analysis, rows: pa.Table, predicted: NDArray[Any], version: str, classes: Sequence[str] = ()
) -> pa.Table:
    """Examples with their predictions, without features.

    Args:
        rows: examples; without ``_seen_in_training``, none was in the training set.
        predicted: one entry per row, as the task gives them.
        classes: the classes that its columns stand for.
    """
    kept = rows.select([*analysis.key, TIME, LABEL])
    for name, values in task_of(analysis).columns(predicted, classes).items():
        kept = kept.append_column(name, values)
    unseen = pa.array(np.zeros(rows.num_rows, np.bool_))
    return kept.append_column(MODEL_VERSION, pa.array([version] * rows.num_rows, pa.string())).append_column(
        SEEN, rows.column(SEEN) if SEEN in rows.column_names else unseen
    )


def _with_seen(analysis: Analysis, examples: DataFrame, trained: Mapping[str, Any], ctx: StepContext) -> DataFrame:
    """The examples with ``_seen_in_training``: whether the training set of the model has their key."""
    from pyspark.sql import functions as F

    table = ctx.lake.table(trained["train_table"]).frame(ctx.engine, trained["train_version"])
    names = [spark_identifier(name) for name in analysis.key]
    keys = table.select(*(F.col(name).alias(f"_k{place}") for place, name in enumerate(names)), F.lit(True).alias(SEEN))
    same = [F.col(name).eqNullSafe(F.col(f"_k{place}")) for place, name in enumerate(names)]
    joined = examples.join(keys, same, "left")
    return joined.select(*map(spark_identifier, examples.columns), F.coalesce(SEEN, F.lit(False)).alias(SEEN))


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


def _schema(analysis: Analysis, examples: DataFrame, model: Any) -> pa.Schema:
    from pyspark.sql.pandas.types import to_arrow_schema

    typed = to_arrow_schema(examples.schema, timezone="UTC")
    fields = [typed.field(name) for name in (*analysis.key, TIME, LABEL)]
    task = task_of(analysis)
    predicted = task.columns(task.nothing(model), classes_of(model))
    added = [
        *((name, values.type) for name, values in predicted.items()),
        (MODEL_VERSION, pa.string()),
        (SEEN, pa.bool_()),
    ]
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in added)])


def _recorded(ctx: StepContext, name: str, version: str) -> dict[str, Any]:
    """The row of the ledger about a model version that was trained."""
    ledger: Any = ctx.ledgers.read("models")
    wanted = pc.and_(pc.equal(ledger.column("model_name"), name), pc.equal(ledger.column("model_version"), version))
    rows: list[dict[str, Any]] = ledger.filter(wanted).to_pylist()
    for row in rows:
        if row["model_sha256"]:
            return row
    raise LakeError(
        f"the ledger of models has no {name} version {version}",
        cause="it was registered by a run that ended before it was recorded, by another lake, or by hand",
        remedy="vertebra models, to see what there is; vertebra predict --version N",
    )
