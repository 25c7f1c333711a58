"""Facts that each kind of step reports, in addition to the rows and versions that every step reports.

Steps return these, the ``runs`` ledger stores them as JSON, and :mod:`vertebra.report.step_facts` phrases them for
people. A new kind of step adds a class here, to :data:`StepFacts`, and its phrases there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class LandingFacts:
    """A collection.

    Attributes:
        new_batches: batches that were landed.
        records: records in the new batches.
        reparsed_batches: earlier batches that were parsed again, as the declaration of how to parse them changed.
        unpublished_periods: periods that are due and not published yet.
        drift: how columns differ from the declaration or from earlier batches, one text per difference.
        warnings: what a person should know about the source.
    """

    new_batches: int = 0
    records: int = 0
    reparsed_batches: int = 0
    unpublished_periods: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FormattedFacts:
    """A formatted table.

    Attributes:
        batches: batches that were formatted.
        cells_rejected: cells whose text is not a value of the declared type.
        columns_added: columns that are not declared and became columns of the table.
        columns_ignored: columns that are not declared and were left out.
        columns_missing: declared columns that batches do not have.
        rows_without_key: rows of an upserted table with a NULL in the key.
        records_replaced: records that another record with the same key and other values replaced.
        replaced_in_batch: those of them that a record of their own batch replaced.
        records_repeated: records that came again with the values they had.
        records_deleted: keys whose rows are removed, because they were deleted at the source.
        batches_left_out: batches that do not count: retracted, or with the bytes of an earlier one.
        cells_trimmed: columns of type string, and how many of their cells lost surrounding blanks.
        keys_merged: keys that are equal only because they were trimmed.
        merged: some of them, with their texts.
        century_assumed: columns whose years of two digits are taken for 2000 to 2099.
        warnings: batches that may be copies of others.
    """

    batches: int
    cells_rejected: int
    columns_added: tuple[str, ...] = ()
    columns_ignored: tuple[str, ...] = ()
    columns_missing: tuple[str, ...] = ()
    rows_without_key: int = 0
    records_replaced: int = 0
    replaced_in_batch: int = 0
    records_repeated: int = 0
    records_deleted: int = 0
    batches_left_out: int = 0
    cells_trimmed: tuple[tuple[str, int], ...] = ()
    keys_merged: int = 0
    merged: tuple[str, ...] = ()
    century_assumed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrustedFacts:
    """A trusted table.

    Attributes:
        cells_repaired: cells that a repair changed.
        rows_quarantined: rows that were removed to the quarantine.
        rules_broken: rules that had violations before cleaning, or have some after it.
        violating_rows: rows that violated a rule before cleaning.
        rows_added: rows that were appended; None when the table was written whole.
        cells_proposed: cells that a repair could change, left to people.
        decisions_lapsed: decisions of people that apply to no present row.
        warnings: the violated rules about the whole table, and how they are violated.
        rechecked: whether only the freshness of the table was checked again, and no version was written.
    """

    cells_repaired: int
    rows_quarantined: int
    rules_broken: int
    violating_rows: int
    rows_added: int | None = None
    cells_proposed: int = 0
    decisions_lapsed: int = 0
    warnings: tuple[str, ...] = ()
    rechecked: bool | None = None


@dataclass(frozen=True)
class ViewFacts:
    """A view.

    Attributes:
        columns: columns of the view.
        rows_added: rows that were appended; None when the view was written whole.
        unchanged: whether it has the rows of its last version, so that no version was written.
        warnings: what a series leaves out.
    """

    columns: int
    rows_added: int | None = None
    unchanged: bool | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class LookupFacts:
    """A reconciliation by a lookup table.

    Attributes:
        spellings: distinct values of the column.
        canonical: distinct values after the lookup.
        undeclared: spellings that the lookup does not name; they are their own canonical form.
    """

    spellings: int
    canonical: int
    undeclared: int


@dataclass(frozen=True)
class EntityResolutionFacts:
    """A reconciliation of records.

    Attributes:
        candidate_pairs: pairs of records that were compared.
        matches: pairs that are the same entity.
        pairs_to_review: pairs that a person has to decide.
        records_to_review: records that a person has to look at.
        weights: ``assumed`` if too few pairs taught what evidence is worth, ``both`` if assumed weights count beside
            learned ones; None if they were learned.
        most_probable: the highest probability of a pair, if none reaches the threshold of a match.
        threshold: that threshold.
        comparisons: the comparisons that were chosen, if the declaration leaves the choice.
    """

    candidate_pairs: int
    matches: int
    pairs_to_review: int
    records_to_review: int
    weights: str | None = None
    most_probable: float | None = None
    threshold: float | None = None
    comparisons: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnalysisFacts:
    """A trained model.

    Attributes:
        chosen: the candidate that was chosen, with its parameters.
        metric: name of the metric of the scores.
        test: score on the test set.
        baseline: score of the baseline on the test set.
        cross_validated: mean score over the folds.
        deviation: standard deviation of the score over the folds.
        training_rows: rows of the training set.
        test_rows: rows of the test set.
        model: name of the registered model.
        model_version: its version.
        champion: the version that predicts after the run.
        comparison: how the new model compares with the champion before; empty if there was none.
        warnings: what a person should know about the model.
    """

    chosen: str
    metric: str
    test: float
    baseline: float
    cross_validated: float
    deviation: float
    training_rows: int
    test_rows: int
    model: str
    model_version: str
    champion: str = ""
    comparison: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PredictionFacts:
    """A scored table.

    Attributes:
        table: the table that was scored.
        model: name of the registered model.
        model_version: its version.
        unchanged: whether no prediction changed, so that no version was written.
        warnings: figures of the champion in use that have passed a threshold.
    """

    table: str
    model: str
    model_version: str
    unchanged: bool | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptModelFacts:
    """An analysis that trained no model.

    Attributes:
        why: why it did not.
        model: name of the registered model.
        champion: the version that predicts.
        unchanged: whether no table of the analysis was written either.
    """

    why: str
    model: str
    champion: str
    unchanged: bool | None = None


@dataclass(frozen=True)
class PublishFacts:
    """A publication.

    Attributes:
        location: where the table was sent, without secrets.
    """

    location: str


StepFacts = (
    LandingFacts
    | FormattedFacts
    | TrustedFacts
    | ViewFacts
    | LookupFacts
    | EntityResolutionFacts
    | AnalysisFacts
    | PredictionFacts
    | KeptModelFacts
    | PublishFacts
)


def facts_json(facts: StepFacts) -> str:
    """The ``facts`` column of the ``runs`` ledger: one JSON object; fields without a value are left out."""
    return json.dumps({name: value for name, value in asdict(facts).items() if value not in (None, ())})
