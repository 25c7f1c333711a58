"""Facts about steps: typed for programs, phrased for people, JSON in the ledger."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

import pytest

from vertebra.governance.step_facts import (
    AnalysisFacts,
    EntityResolutionFacts,
    FormattedFacts,
    KeptModelFacts,
    LandingFacts,
    LookupFacts,
    PredictionFacts,
    PublishFacts,
    StepFacts,
    TrustedFacts,
    ViewFacts,
    facts_json,
)
from vertebra.pipeline.progress import StepResult
from vertebra.report.step_facts import outcome, phrases

PHRASES: list[tuple[StepFacts, str]] = [
    (LandingFacts(), ""),
    (LandingFacts(new_batches=1, records=1), "1 new batch, 1 record"),
    (
        LandingFacts(new_batches=2, records=3000, reparsed_batches=1),
        "2 new batches, 3,000 records, 1 batch parsed again",
    ),
    (LandingFacts(unpublished_periods=("2013-03",)), "not published yet: 2013-03"),
    (LandingFacts(drift=("added a", "missing b")), "drift: added a, missing b (vertebra ls drift)"),
    (LandingFacts(drift=tuple("abcdef")), "drift: a, b, c, d and 2 more (vertebra ls drift)"),
    (FormattedFacts(1, 0), "1 batch, 0 cells rejected"),
    (
        FormattedFacts(1, 0, century_assumed=("born",)),
        "1 batch, 0 cells rejected, years of two digits read as 2000 to 2099, unless year_from is declared: born",
    ),
    (
        FormattedFacts(2, 1, ("a", "b"), ("c",), ("d",), 1),
        "2 batches, 1 cell rejected, columns added: a, b, columns ignored: c, columns missing: d, 1 row without key",
    ),
    (TrustedFacts(95, 0, 8, 92_749), "95 cells repaired, 0 rows quarantined, 8 rules broken, 92,749 violating rows"),
    (TrustedFacts(1, 1, 1, 1, 1), "1 row added, 1 cell repaired, 1 row quarantined, 1 rule broken, 1 violating row"),
    (ViewFacts(4), "4 columns"),
    (ViewFacts(1, rows_added=0), "1 column, 0 rows added"),
    (LookupFacts(4, 3, 1), "4 spellings, 3 canonical, 1 undeclared"),
    (EntityResolutionFacts(9, 1, 1, 2), "9 candidate pairs, 1 match, 1 pair to review, 2 records to review"),
    (
        AnalysisFacts("ridge(alpha=1)", "rmse", 21.123456, 25.5, 20.9, 0.25, 1000, 500, "flights.delay", "2"),
        "chosen ridge(alpha=1), test rmse 21.12, baseline 25.5, cross-validated rmse 20.9000 ± 0.2500,"
        " 1,000 training rows, 500 test rows, model flights.delay version 2",
    ),
    (
        PredictionFacts("exploitation.departures", "flights.late", "2"),
        "table exploitation.departures, model flights.late version 2",
    ),
    (
        KeptModelFacts("its examples are unchanged", "meters.use", "3"),
        "its examples are unchanged: no model was trained, model meters.use version 3",
    ),
    (PublishFacts("file:///share/delays.parquet"), "published to file:///share/delays.parquet"),
]


@pytest.mark.parametrize(("facts", "expected"), PHRASES, ids=lambda one: type(one).__name__)
def test_facts_are_phrased_for_people(facts: StepFacts, expected: str) -> None:
    assert ", ".join(phrases(facts)) == expected


def test_every_kind_of_facts_has_phrases() -> None:
    assert {type(facts) for facts, _ in PHRASES} == set(get_args(StepFacts))


@pytest.mark.parametrize("facts", [facts for facts, _ in PHRASES], ids=lambda facts: type(facts).__name__)
def test_the_ledger_holds_every_field_that_has_a_value(facts: StepFacts) -> None:
    stored: dict[str, Any] = json.loads(facts_json(facts))
    for one in fields(facts):
        value = getattr(facts, one.name)
        if value in (None, (), {}):
            assert one.name not in stored
        else:
            assert stored[one.name] == (list(value) if isinstance(value, tuple) else value)


def test_the_line_of_a_step_has_its_time_and_rows() -> None:
    done = StepResult("trusted.flights", "ok", "never ran", 2.0, 336_776, facts=TrustedFacts(95, 0, 8, 92_749))
    assert outcome(done) == (
        "2.0 s, 336,776 rows, 95 cells repaired, 0 rows quarantined, 8 rules broken, 92,749 violating rows"
    )
    assert outcome(StepResult("landing.flights", "ok", "", 1.0, 5, facts=LandingFacts(1, 5))) == (
        "1.0 s, 1 new batch, 5 records"
    )
    assert outcome(StepResult("exploitation.best", "failed", "", 1.0)) == "1.0 s"
