"""The ledgers and their columns. Every ledger is a Delta table ``governance.<name>`` that anyone can query."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


_REPAIRED: Final[dict[str, pa.DataType]] = {
    "run_id": pa.string(),
    "dataset": pa.string(),
    "rule": pa.string(),
    "rid": pa.int64(),
    "column_name": pa.string(),
    "old": pa.string(),
    "new": pa.string(),
    "method": pa.string(),
    "confidence": pa.float64(),
    "support": pa.int64(),
    "evidence": pa.string(),
}
"""A cell, its new value, and what speaks for it."""

EVENTS: Final[dict[str, pa.Schema]] = {
    # one row per step and run, and one for the run itself (step "run"); fingerprint_parts is JSON: what the step's
    # result depends on, and the version of each table it wrote
    "runs": _schema(
        run_id=pa.string(),
        step=pa.string(),
        state=pa.string(),
        why=pa.string(),
        started_at=_TIME,
        seconds=pa.float64(),
        rows=pa.int64(),
        version=pa.int64(),
        fingerprint=pa.string(),
        facts=pa.string(),
        error=pa.string(),
        engine=pa.string(),
        profile=pa.string(),
        vertebra=pa.string(),
        fingerprint_parts=pa.string(),
    ),
    # one row per landed batch
    "batches": _schema(
        run_id=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        batch=pa.int64(),
        collected_at=_TIME,
        period=pa.string(),
        url=pa.string(),
        sha256=pa.string(),
        bytes=pa.int64(),
        records=pa.int64(),
        columns=pa.list_(pa.string()),
        collector=pa.string(),
    ),
    # one row per column of each landed batch: what its cells are written as, and the share of them without a value;
    # where a batch was parsed again, the rows of the latest run count
    "schemas": _schema(
        run_id=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        batch=pa.int64(),
        position=pa.int64(),
        column_name=pa.string(),
        declared_as=pa.string(),
        type=pa.string(),
        nulls=pa.float64(),
    ),
    # one row per input of each table version; input_version is the batch number where the input is a landing dataset;
    # the output of a publish step is the step itself, without a version
    "lineage": _schema(
        run_id=pa.string(),
        step=pa.string(),
        output=pa.string(),
        output_version=pa.int64(),
        input=pa.string(),
        input_version=pa.int64(),
        fingerprint=pa.string(),
        recorded_at=_TIME,
    ),
    # one row per measure and run, passes too; value NULL means not applicable
    "quality": _schema(
        run_id=pa.string(),
        recorded_at=_TIME,
        table_name=pa.string(),
        table_version=pa.int64(),
        stage=pa.string(),
        scope=pa.string(),
        subject=pa.string(),
        measure=pa.string(),
        value=pa.float64(),
        note=pa.string(),
    ),
    # one row per trained candidate and per chosen model; after the first run also for the champion before, on the test
    # rows of the run. champion is true for the version that predicts after the run
    "models": _schema(
        run_id=pa.string(),
        analysis=pa.string(),
        candidate=pa.string(),
        parameters=pa.string(),
        chosen=pa.bool_(),
        split=pa.string(),
        metric=pa.string(),
        value=pa.float64(),
        deviation=pa.float64(),
        # JSON: the score of each fold, null if it was not scored
        fold_scores=pa.string(),
        # equal for equal rows, folds and settings, whose scores are not computed again
        validation_key=pa.string(),
        seconds=pa.float64(),
        model_name=pa.string(),
        model_version=pa.string(),
        model_sha256=pa.string(),
        champion=pa.bool_(),
        mlflow_run=pa.string(),
        train_table=pa.string(),
        train_version=pa.int64(),
        test_table=pa.string(),
        test_version=pa.int64(),
        recorded_at=_TIME,
        # of registered versions: what they predict and from which features, as JSON, and why they are champion or not
        recipe=pa.string(),
        reason=pa.string(),
    ),
    # figures about champions in use, for each run: distances of features and predictions from training (psi, ks), and
    # scores where labels have arrived, beside those on the test set (reference); state is "ok", "warn", "fail" or "few"
    "monitoring": _schema(
        run_id=pa.string(),
        analysis=pa.string(),
        model_name=pa.string(),
        model_version=pa.string(),
        subject=pa.string(),
        name=pa.string(),
        measure=pa.string(),
        value=pa.float64(),
        reference=pa.float64(),
        rows=pa.int64(),
        threshold=pa.float64(),
        state=pa.string(),
        recorded_at=_TIME,
    ),
    # what people decided about champions: action is "promote", "rollback" (to the champion before), or "release" (runs
    # choose again); before is the version that was the champion
    "promotions": _schema(
        decided_at=_TIME,
        decided_by=pa.string(),
        action=pa.string(),
        analysis=pa.string(),
        model_name=pa.string(),
        model_version=pa.string(),
        before=pa.string(),
        reason=pa.string(),
    ),
    # one row per attempt to publish: the table version that was sent, where it is now and what was written; a failed
    # attempt (state "failed") left the target as it was
    "publications": _schema(
        run_id=pa.string(),
        publication=pa.string(),
        target=pa.string(),
        location=pa.string(),
        table_name=pa.string(),
        table_version=pa.int64(),
        rows=pa.int64(),
        bytes=pa.int64(),
        sha256=pa.string(),
        state=pa.string(),
        fingerprint=pa.string(),
        recorded_at=_TIME,
    ),
    # batches that people took back, or that their source did; the latest row about a batch is in force
    "retractions": _schema(
        decided_at=_TIME,
        decided_by=pa.string(),
        action=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        batch=pa.int64(),
        reason=pa.string(),
    ),
    # cursors of incremental sources that people set; the latest row about a dataset is in force until a batch with a
    # cursor is landed after batch
    "cursor_resets": _schema(
        decided_at=_TIME,
        decided_by=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        batch=pa.int64(),
        before=pa.string(),
        value=pa.string(),
    ),
    # snapshots that people accepted although they have fewer records than shrink allows; each covers a snapshot of the
    # same address that replaces the same batch and has no fewer records
    "accepted_shrinks": _schema(
        decided_at=_TIME,
        decided_by=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        url=pa.string(),
        period=pa.string(),
        part=pa.string(),
        replaces=pa.int64(),
        records=pa.int64(),
        before=pa.int64(),
    ),
    # datasets that are no longer declared and that people retired; the latest row about a dataset is in force
    "retirements": _schema(
        decided_at=_TIME,
        decided_by=pa.string(),
        action=pa.string(),
        dataset=pa.string(),
        reason=pa.string(),
    ),
    # records that were forgotten (action forget), those of forgotten keys that a source sent again and that did not
    # land (leave out), and keys whose records may land again (allow); hashes are keyed hashes of the columns, tables
    # lost their history before the version beside them
    "forgotten": _schema(
        decided_at=_TIME,
        ended_at=_TIME,
        decided_by=pa.string(),
        action=pa.string(),
        erasure=pa.string(),
        reason=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        columns=pa.list_(pa.string()),
        hashes=pa.list_(pa.string()),
        batches=pa.list_(pa.int64()),
        records=pa.int64(),
        tables=pa.list_(pa.string()),
        versions=pa.list_(pa.int64()),
    ),
    # a person's decisions, which later runs apply: accept a violation, release from quarantine, undo a repair, set a
    # cell; row_key (JSON) finds the row in later batches, and row_values (JSON) has the values the decision was about;
    # proposed (JSON) has the repairs of the cell that methods had made or proposed
    "decisions": _schema(
        decided_at=_TIME,
        decided_by=pa.string(),
        decision=pa.string(),
        dataset=pa.string(),
        rid=pa.int64(),
        column_name=pa.string(),
        rule=pa.string(),
        value=pa.string(),
        comment=pa.string(),
        row_key=pa.string(),
        row_values=pa.string(),
        proposed=pa.string(),
    ),
    # what people decided about pairs of records, by source and key: "same", "different", or "withdraw"
    "match_decisions": _schema(
        decided_at=_TIME,
        decided_by=pa.string(),
        reconciliation=pa.string(),
        verdict=pa.string(),
        left_source=pa.string(),
        left_key=pa.string(),
        right_source=pa.string(),
        right_key=pa.string(),
        comment=pa.string(),
        left_table=pa.string(),
        left_rid=pa.int64(),
        right_table=pa.string(),
        right_rid=pa.int64(),
    ),
}
"""Ledgers of events, which only grow."""

STATES: Final[dict[str, pa.Schema]] = {
    # how the last collection of a dataset ended (new, unchanged, waiting, refused, failed), and when one was last
    # answered in full; attempts counts those in a row that were not, or found a period that is not published yet
    "collections": _schema(
        run_id=pa.string(),
        source=pa.string(),
        dataset=pa.string(),
        collected_at=_TIME,
        complete_at=_TIME,
        state=pa.string(),
        attempts=pa.int64(),
        batches=pa.int64(),
        records=pa.int64(),
        bytes=pa.int64(),
        not_yet=pa.list_(pa.string()),
        reason=pa.string(),
        remedy=pa.string(),
        seconds=pa.float64(),
        warnings=pa.list_(pa.string()),
    ),
    # differences of batches' columns from the declared ones and between batches; one row for the consecutive batches
    # that have it
    "drift": _schema(
        dataset=pa.string(),
        kind=pa.string(),
        column_name=pa.string(),
        detail=pa.string(),
        policy=pa.string(),
        first_batch=pa.int64(),
        last_batch=pa.int64(),
        first_seen=_TIME,
        last_seen=_TIME,
        suggestion=pa.string(),
    ),
    # cells that did not parse, and records whose cells cannot be assigned to columns (column_name _ragged)
    "rejects": _schema(
        run_id=pa.string(),
        dataset=pa.string(),
        rid=pa.int64(),
        batch=pa.int64(),
        record=pa.int64(),
        column_name=pa.string(),
        raw=pa.string(),
        type=pa.string(),
        reason=pa.string(),
    ),
    # records of an upserted dataset that do not count any more. action: "replaced" by a record with the same key and
    # other values, whose row id is replaced_by, and which may be replaced itself; "deleted" by the record replaced_by
    # that marks it as deleted, or by the snapshot replaced_by_batch that lacks it; "marks deleted": a record that says
    # so. NULL, in rows of earlier releases, means replaced
    "superseded": _schema(
        run_id=pa.string(),
        dataset=pa.string(),
        rid=pa.int64(),
        batch=pa.int64(),
        record=pa.int64(),
        replaced_by=pa.int64(),
        replaced_by_batch=pa.int64(),
        action=pa.string(),
    ),
    # tuples that violate a rule, before cleaning, and those that violate it only after it (resolution "introduced");
    # partner is the row id of one tuple they violate it with
    "violations": _schema(
        run_id=pa.string(),
        dataset=pa.string(),
        rule=pa.string(),
        rid=pa.int64(),
        role=pa.string(),
        partner=pa.int64(),
        resolution=pa.string(),
    ),
    # the gaps that violate a rule gap_free: between the rows rid and partner, at last_before and first_after, steps of
    # time are missing; series has the values of the rule's by, as text
    "gaps": _schema(
        run_id=pa.string(),
        dataset=pa.string(),
        rule=pa.string(),
        series=pa.list_(pa.string()),
        rid=pa.int64(),
        partner=pa.int64(),
        last_before=pa.timestamp("us", tz="UTC"),
        first_after=pa.timestamp("us", tz="UTC"),
        missing=pa.int64(),
    ),
    # cells that cleaning changed
    "repairs": _schema(**_REPAIRED),
    # cells that cleaning could have changed and left to people, and why: "tie" (another value is as well supported),
    # "unsure" (below the confidence that is declared), "breaks" (another rule, which evidence names), "contested"
    # (another method would take it back) or "exception" (nearly all rows with some value contradict the rule there)
    "proposals": _schema(**_REPAIRED, reason=pa.string()),
    # how accurate the sources of rows are, as cleaning weighs their votes: source is a value of source_column, accuracy
    # the share of its cells of column_name that are right, estimated from so many cells, or declared; copied is the
    # share that it takes from an origin which it shares with others
    "source_accuracy": _schema(
        run_id=pa.string(),
        dataset=pa.string(),
        source_column=pa.string(),
        source=pa.string(),
        column_name=pa.string(),
        accuracy=pa.float64(),
        cells=pa.int64(),
        copied=pa.float64(),
        shares_with=pa.list_(pa.string()),
        declared=pa.bool_(),
    ),
    # rows that cleaning removed, whole, as JSON text
    "quarantine": _schema(
        run_id=pa.string(),
        dataset=pa.string(),
        rid=pa.int64(),
        rules=pa.list_(pa.string()),
        row=pa.string(),
    ),
}
"""Ledgers of the present state: one part per dataset, replaced by each run; earlier states are earlier versions."""

LEDGERS: Final = EVENTS | STATES

PRESENT_ONLY: Final = (*EVENTS, "collections")
"""Ledgers of which only the newest version is ever read: events do not change, and ``runs`` tells when they came."""

FORMER_NAMES: Final[dict[str, dict[str, str]]] = {
    "runs": {"basis": "fingerprint_parts"},
    "collections": {"tries": "attempts"},
}
"""Columns that earlier releases named otherwise: former name to present one, by ledger. A lake keeps both."""
