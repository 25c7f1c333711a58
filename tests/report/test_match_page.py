"""The page that explains a match: a waterfall that adds up, with every value escaped."""

from __future__ import annotations

from pathlib import Path

import pytest

from vertebra import MatchExplanation
from vertebra.report.match_page import match_page, waterfall, write_match_page
from vertebra.workspace.match_results import MatchEvidence

FOUND = MatchExplanation(
    "people",
    ("crm", "17"),
    ("shop", "a<b>"),
    "review",
    "probable, but below 0.9",
    0.71,
    1.5,
    "both",
    (
        MatchEvidence("town", "Graz", None, "", 0.0),
        MatchEvidence("name", "Ann <Lee>", "Anne Lee", "similar", 3.25),
        MatchEvidence("born", "1980-01-02", "1980-02-01", "other", -0.75),
    ),
)


def test_the_bars_lead_from_any_two_records_to_these_two() -> None:
    steps, ticks = waterfall(FOUND)
    assert [(step.name, step.kind) for step in steps] == [
        ("any two records", "against"),
        ("name", "for"),
        ("born", "against"),
        ("these two records", "total"),
    ]
    assert sum(step.weight for step in steps[:-1]) == pytest.approx(steps[-1].weight) == pytest.approx(1.5)
    start, name, born, total = steps
    assert name.x == pytest.approx(start.x)
    assert name.x + name.width == pytest.approx(born.x + born.width)
    assert born.x == pytest.approx(total.x + total.width)
    assert [tick for tick, _ in ticks] == [-1.0, 0.0, 1.0, 2.0]


def test_a_pair_without_evidence_has_a_waterfall_too() -> None:
    steps, _ = waterfall(MatchExplanation("p", ("a", "1"), ("a", "2"), "no match", "", 0.1, 0.0, "learned", ()))
    assert [step.weight for step in steps] == [0.0, 0.0]


def test_the_page_escapes_values_and_says_what_it_is_based_on(tmp_path: Path) -> None:
    file = tmp_path / "new" / "why.html"
    write_match_page(FOUND, file)
    page = file.read_text("utf-8")
    assert page == match_page(FOUND)
    assert "<h1>crm: 17 and shop: a&lt;b&gt;: review, probability 0.710</h1>" in page
    assert "Ann &lt;Lee&gt;" in page
    assert "Probable, but below 0.9." in page
    assert "assumed in part" in page
    assert "http" not in page
