"""Predicting rows of a table with the champion, by the features that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from vertebra.analysis.features import LABEL, TIME, example_frame, histories_of
from vertebra.analysis.leakage import refuse_leakage, require_columns
from vertebra.analysis.recipe import as_trained, registered
from vertebra.analysis.task_port import classes_of, task_of
from vertebra.declare.analysis import Analysis
from vertebra.errors import LakeError, StepError
from vertebra.governance.context import StepContext, StepOutcome
from vertebra.governance.promotions import champions
from vertebra.governance.step_facts import PredictionFacts
from vertebra.lake.same_rows import same_rows
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame

    from vertebra.lake.table import LakeTable

VERSION: Final = 1
"""The version of the prediction step. Raise it when the same views and model come to give other predictions."""

PREDICTION = "_prediction"
MODEL_VERSION = "_model_version"
SEEN = "_seen_in_training"
KNOWN_AT = "_known_at"
INPUTS = "_inputs"

Rows = Literal["unseen", "unlabelled", "all"]

_BEFORE: Final = "_before"
_ROWS_AT_ONCE = 262_144


def predict_new(analysis: Analysis, tracking: str, project: str, ctx: StepContext) -> StepOutcome:
    """The step of predictions: predict the declared rows of the view with the champion.

    An analysis without a test set, such as a clustering, is trained on all rows, and predicts all of them. If no
    prediction changed, no version is written, so that nothing below runs.
    """
    assert analysis.predict != "none"
    rows = "all" if analysis.predict == "unseen" and analysis.test is None else analysis.predict
    return predict(analysis, tracking, project, ctx, rows=rows, keep_equal=True, watch=True)


def predict(
    analysis: Analysis,
    tracking: str,
    project: str,
    ctx: StepContext,
    *,
    table: str | None = None,
    version: str | None = None,
    rows: Rows = "all",
    keep_equal: bool = False,
    watch: bool = False,
) -> StepOutcome:
    """Predict rows of a table, and replace ``analysis.<name>_predictions`` with the result.

    Predicting again replaces the predictions; earlier ones stay as versions of the table, each with the table versions
    it was made from. Columns: the key, ``_time`` (the prediction time), ``_label`` (the observed value, NULL if not
    known yet), ``_prediction`` (probability of class 1, a number, or what else the task
    predicts), ``_model_version``, ``_seen_in_training``
    (whether the model was trained on the row), ``_known_at`` (the time of the run that first made this prediction) and
    ``_inputs`` (the versions of the tables that it was made from then, as JSON).

    Args:
        tracking: MLflow tracking URI.
        ctx: versions in ``ctx.inputs`` are read, else the latest.
        table: qualified name of a table with the columns of the analysis's view, but for those of the label; by
            default the view. Histories are always the declared ones.
        version: of the registered model; by default the champion.
        rows: which rows of the table to predict.
        keep_equal: write no version if the table has these rows.
        watch: compare the rows that the model was not trained on with its training, and record the figures.

    Raises:
        LakeError: there is no such table or model, the model cannot predict from what is declared now, or its file
            differs from the one that the ledger recorded.
        StepError: a figure has passed a declared threshold that fails the step.
    """
    from vertebra.analysis import track
    from vertebra.analysis.train import quiet

    refuse_leakage(analysis)
    name = track.model_name(project, analysis)
    found = version or champions(ctx.ledgers, analysis.name).version
    ctx.progress(f"fetching {name}")
    if found is None:
        raise LakeError(
            f"there is no champion of model {name}", cause="no model was trained yet", remedy="vertebra run"
        )
    row = registered(ctx.ledgers, name, found)
    declared = as_trained(analysis, row, tracking)
    model = track.load(declared, tracking, row, ctx.scratch)
    ctx.progress("computing features")
    source = table or f"exploitation.{analysis.view}"
    output = ctx.lake.table(f"analysis.{analysis.name}_predictions")
    unseen = row if rows == "unseen" and declared.forecast is None and declared.derive is None else None
    examples = _examples(declared, source, ctx, unseen)
    examples = _marked(declared, examples, row, ctx)
    if rows != "all":
        examples = examples.where(~_column(SEEN) if rows == "unseen" else _column(LABEL).isNull())
    examples = _with_earlier(declared, examples, output, ctx)
    files = ctx.engine.write_parquet(examples, ctx.scratch / "to_predict")
    schema = _schema(declared, examples, model)

    def batches() -> Iterator[pa.RecordBatch]:
        import pyarrow.dataset as pads

        with quiet():
            for batch in pads.dataset([str(f) for f in files]).to_batches(batch_size=_ROWS_AT_ONCE):
                if batch.num_rows:
                    made = _predicted(declared, model, pa.Table.from_batches([batch]), found, ctx)
                    yield from made.select(schema.names).cast(schema).to_batches()

    ctx.progress(f"predicting {source} with version {found}")
    staged = output.stage_arrow(pa.RecordBatchReader.from_batches(schema, batches()))
    warnings = _monitor(declared, model, row, files, ctx) if watch else ()
    facts = PredictionFacts(table=source, model=name, model_version=found, warnings=warnings)
    present = output.newest_data() if keep_equal else None
    if present and staged.schema.equals(output.schema()) and same_rows(staged.files, output.files()):
        staged.remove()
        facts = PredictionFacts(table=source, model=name, model_version=found, unchanged=True, warnings=warnings)
        return StepOutcome(staged.rows, present.version, {output.name: present.version}, facts)
    committed = output.commit(staged, ctx.commit(), evolution="replace")
    return StepOutcome(staged.rows, committed, {output.name: committed}, facts)


def answers(
    analysis: Analysis,
    rows: pa.Table,
    predicted: NDArray[Any],
    version: str,
    seen: NDArray[np.bool_],
    classes: Sequence[str] = (),
) -> pa.Table:
    """Examples with the predictions for them, without features.

    Args:
        predicted: one entry per row, as the task gives them.
        seen: for each row, whether the model was trained on it.
        classes: the classes that the columns of predictions stand for.
    """
    kept = rows.select([*analysis.key, TIME, LABEL])
    for name, values in task_of(analysis).columns(predicted, classes).items():
        kept = kept.append_column(name, values)
    versions = pa.array([version] * rows.num_rows, pa.string())
    return kept.append_column(MODEL_VERSION, versions).append_column(SEEN, pa.array(seen, pa.bool_()))


def _predicted(analysis: Analysis, model: Any, rows: pa.Table, version: str, ctx: StepContext) -> pa.Table:
    """Predictions for rows of examples; those that were made before keep the time and the versions of then."""
    from vertebra.analysis.examples import as_features
    from vertebra.analysis.train import predictions

    said = predictions(analysis, model, as_features(analysis, rows))
    made = rows.append_column(MODEL_VERSION, pa.array([version] * rows.num_rows, pa.string()))
    for name, values in task_of(analysis).columns(said, classes_of(model)).items():
        made = made.append_column(name, values)
    known = pa.scalar(ctx.now, pa.timestamp("us", tz="UTC"))
    inputs = pa.scalar(json.dumps(dict(ctx.inputs), sort_keys=True))
    before = f"{_BEFORE}{PREDICTION}"
    if before in rows.schema.names and rows.schema.field(before).type == made.schema.field(PREDICTION).type:
        then = {name: rows.column(f"{_BEFORE}{name}") for name in (PREDICTION, MODEL_VERSION, TIME, KNOWN_AT, INPUTS)}
        same = pc.and_(
            pc.and_(pc.equal(then[PREDICTION], made.column(PREDICTION)), pc.equal(then[MODEL_VERSION], version)),
            pc.equal(then[TIME], rows.column(TIME)),
        )
        same = pc.fill_null(same, False)
        known = pc.if_else(same, pc.cast(then[KNOWN_AT], known.type), known)
        inputs = pc.if_else(same, then[INPUTS], inputs)
    else:
        known, inputs = pa.repeat(known, rows.num_rows), pa.repeat(inputs, rows.num_rows)
    return made.append_column(KNOWN_AT, known).append_column(INPUTS, inputs)


def _monitor(analysis: Analysis, model: Any, row: Any, files: Sequence[Path], ctx: StepContext) -> tuple[str, ...]:
    """Record figures about the model in use; returns those that have passed a threshold that warns.

    Raises:
        StepError: one has passed a threshold that fails.
    """
    import pyarrow.dataset as pads

    from vertebra.analysis.examples import as_features
    from vertebra.analysis.monitor import monitored, record_monitored
    from vertebra.analysis.train import predictions, quiet

    ctx.progress("comparing with training")
    if not files:
        return ()
    columns = list(dict.fromkeys([*analysis.feature_names, TIME, LABEL]))
    data = pads.dataset([str(file) for file in files])
    rows = data.to_table(columns=columns, filter=~pc.field(SEEN))
    if not rows.num_rows:
        return ()
    with quiet():
        said = predictions(analysis, model, as_features(analysis, rows))
        found = monitored(analysis, model, row, rows, said, ctx)
    record_monitored(analysis, row, found, ctx)
    failed = [str(one) for one in found if one.state == "fail"]
    if failed:
        raise StepError(
            f"the champion of {analysis.name} is not fit for its data: {failed[0]}",
            cause="; ".join(failed[1:]) or "the threshold is declared in `monitor`",
            remedy=f"vertebra models drift {analysis.name}; then train anew, or promote another version",
        )
    return tuple(str(one) for one in found if one.state == "warn")


def _marked(analysis: Analysis, examples: DataFrame, row: Any, ctx: StepContext) -> DataFrame:
    """Examples with whether the model was trained on them."""
    from pyspark.sql import functions as F

    keys = list(analysis.key)
    trained = _trained_on(analysis, row, ctx).withColumn(SEEN, F.lit(True))
    joined = examples.join(trained, keys, "left")
    return joined.select(*map(_column, examples.columns), F.coalesce(_column(SEEN), F.lit(False)).alias(SEEN))


def _with_earlier(analysis: Analysis, examples: DataFrame, output: LakeTable, ctx: StepContext) -> DataFrame:
    """Examples with the prediction that the table has for them, if its keys are the same columns."""
    if not output.exists():
        return examples
    kept = output.schema()
    keys, added = list(analysis.key), (PREDICTION, MODEL_VERSION, TIME, KNOWN_AT, INPUTS)
    if not {*keys, *added} <= {*kept.names}:
        return examples
    earlier = output.frame(ctx.engine)
    if any(earlier.schema[name].dataType != examples.schema[name].dataType for name in keys):
        return examples
    renamed = [_column(name).alias(f"{_BEFORE}{name}") for name in added]
    earlier = earlier.select(*map(_column, keys), *renamed).dropDuplicates(keys)
    joined = examples.join(earlier, keys, "left")
    return joined.select(*map(_column, examples.columns), *[_column(f"{_BEFORE}{name}") for name in added])


def _trained_on(analysis: Analysis, row: Any, ctx: StepContext) -> DataFrame:
    """The keys of the examples that a model was trained on."""
    trained = ctx.lake.table(row["train_table"]).frame(ctx.engine, row["train_version"])
    return trained.select(*map(_column, analysis.key))


def _examples(analysis: Analysis, source: str, ctx: StepContext, unseen: Any = None) -> DataFrame:
    """The examples of a table.

    Args:
        unseen: a model; examples that it was trained on are left out before features are computed, which each row has
            by itself.
    """
    frames = {name: _frame(ctx, f"exploitation.{name}") for name in histories_of(analysis)}
    rows = _frame(ctx, source)
    trained_on = f"exploitation.{analysis.view}"
    view = rows if source == trained_on else _frame(ctx, trained_on)
    columns = {name: frame.columns for name, frame in frames.items()}
    require_columns(analysis, columns | {analysis.view: view.columns})
    if unseen is not None:
        rows = rows.join(_trained_on(analysis, unseen, ctx), list(analysis.key), "left_anti")
    return example_frame(analysis, rows, frames, ctx.engine)


def _frame(ctx: StepContext, name: str) -> DataFrame:
    return ctx.lake.table(name).frame(ctx.engine, ctx.inputs.get(name))


def _column(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.col(spark_identifier(name))


def _schema(analysis: Analysis, examples: DataFrame, model: Any) -> pa.Schema:
    from pyspark.sql.pandas.types import to_arrow_schema

    typed = to_arrow_schema(examples.schema, timezone="UTC")
    fields = [typed.field(name) for name in (*analysis.key, TIME, LABEL)]
    task = task_of(analysis)
    added = [
        *((name, values.type) for name, values in task.columns(task.nothing(model), classes_of(model)).items()),
        (MODEL_VERSION, pa.string()),
        (SEEN, pa.bool_()),
        (KNOWN_AT, pa.timestamp("us", tz="UTC")),
        (INPUTS, pa.string()),
    ]
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in added)])
