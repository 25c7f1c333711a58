"""``vertebra quality``: the figures of the terminal and of the page, history, and a page that stands alone."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vertebra
from vertebra.report.quality.page import quality_page
from vertebra.report.quality.plots import RunBar, compact, share_plot, sparkline, violations_plot
from vertebra.report.quality.terminal import write_quality, write_quality_page
from vertebra.report.quality.trends import overall_runs
from vertebra.report.tables import bar, spark
from vertebra.templates import render
from vertebra.workspace.workspace import Workspace

HOSTILE = "<script>alert('x')</script>&\"' \x07 ]]>"

FILES = {
    "vertebra.yaml": "name: shops\n",
    "datasets/shops.yaml": """\
source: office
description: "Shops <b>of</b> the town & its suburbs."
updates: "@daily"
collect: {from: files, path: "data/*.jsonl"}
parse: {format: jsonl}
load: append
columns: {shop: string, city: string, zip: int, sales: double, cost: double}
key: [shop]
rules:
  zip_city:
    description: A zip code is in one city; "<i>" is no tag.
    determines: zip -> city
    on_violation: repair
    confidence: 0.6
  sales_order:
    deny: t.zip = s.zip and t.sales < s.sales and t.cost > s.cost
  no_refund:
    deny: t.sales < 0
    on_violation: quarantine
  named:
    deny: t.city like '%script%'
""",
}

BATCHES = [
    [("a", "Girona", 1, 5, 2), ("b", "Girona", 1, 6, 3), ("c", HOSTILE, 1, 7, 1), ("d", "Lleida", 2, -1, 0)],
    [("e", "Lleida", 2, 3, 1), ("f", "Reus", 2, 4, 2)],
    [("g", "Reus", 3, 1, 9), ("h", None, 3, 2, 8)],
]


def land(folder: Path, number: int) -> None:
    import json

    names = ("shop", "city", "zip", "sales", "cost")
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in BATCHES[number]]
    (folder / "data").mkdir(exist_ok=True)
    (folder / f"data/{number}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Three runs: the second brings new rows, in the third a rule is relaxed and its violations are gone."""
    folder = tmp_path_factory.mktemp("quality") / "shops"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    for number in range(len(BATCHES)):
        land(folder, number)
        if number == 2:
            file = folder / "datasets/shops.yaml"
            file.write_text(file.read_text("utf-8").replace("t.cost > s.cost", "t.cost > s.cost + 1"), "utf-8")
        with vertebra.open(folder) as project:
            report = project.run()
            assert report.ok, [result.error for result in report.results]
    with vertebra.open(folder) as project:
        yield project


class Wellformed(HTMLParser):
    """Checks that every element is closed in its turn, and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Wellformed:
    parser = Wellformed()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def refers_to_nothing_outside(page: Wellformed) -> bool:
    tags = {tag for tag, _ in page.seen}
    links = [value for _, attrs in page.seen for key, value in attrs.items() if key in ("href", "src", "xlink:href")]
    return not tags & {"script", "link", "iframe", "object", "img"} and all(str(link).startswith("#") for link in links)


# -- the page -----------------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_needs_nothing_else(shops: Workspace, flights: Workspace) -> None:
    for space in (shops, flights):
        page = quality_page(space.quality(), space.quality_evidence(), space.project)
        seen = read(page)
        assert refers_to_nothing_outside(seen)
        assert "url(" not in page
        assert "@import" not in page
        assert not re.search(r"https?://", page)
        ids = [attrs["id"] for _, attrs in seen.seen if "id" in attrs]
        assert len(ids) == len(set(ids))
        assert {str(attrs["href"])[1:] for tag, attrs in seen.seen if tag == "a"} <= set(ids)
        assert {"viewport"} <= {attrs.get("name") for tag, attrs in seen.seen if tag == "meta"}


def test_values_names_and_descriptions_are_escaped(shops: Workspace) -> None:
    page = quality_page(shops.quality(), shops.quality_evidence(), shops.project)
    assert "<script" not in page
    assert "<b>of</b>" not in page
    assert "\x07" not in page
    text = "".join(read(page).text)
    assert "<script>alert('x')</script>&\"'" in text
    assert "Shops <b>of</b> the town & its suburbs." in text


def test_every_plot_is_well_formed_says_what_it_shows_and_starts_at_zero(shops: Workspace) -> None:
    page = quality_page(shops.quality(), shops.quality_evidence(), shops.project)
    plots = [ElementTree.fromstring(text) for text in re.findall(r"<svg .*?</svg>", page, re.DOTALL)]
    assert len(plots) >= 7
    for plot in plots:
        assert plot.get("aria-label")
        assert all(float(one.get("height") or 0) >= 0 for one in plot.iter("rect"))
        if plot.get("class") == "plot":
            assert any(label.text in ("0", "0 %") for label in plot.iter("text"))


def test_a_page_after_one_run_says_that_the_trend_begins(flights: Workspace) -> None:
    text = "".join(
        read(quality_page(flights.quality("flights"), flights.quality_evidence("flights"), flights.project)).text
    )
    assert "This is the first run. The next run will show which violations are new and which are gone." in text
    assert "since the previous run" not in text


def test_the_page_shows_rules_as_declared_and_as_logic(flights: Workspace) -> None:
    text = "".join(read(quality_page(flights.quality(), flights.quality_evidence(), flights.project)).text)
    assert "determines: [origin, dest] -> distance" in text
    assert "¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.dest = s.dest ∧ t.distance ≠ s.distance" in text
    assert "tailnum: {references: planes.tailnum}" in text
    assert "50,094 reported" in text
    assert "95 cells repaired" in text


def test_pairs_are_side_by_side_with_what_differs_and_what_was_repaired(flights: Workspace) -> None:
    found = flights.quality_evidence("flights").examples["flights"]
    for one in found["route_distance"]:
        first, second = one.tuples
        assert [column for column in one.columns if column in one.read and one.differs(column)] == ["distance"]
        assert first.values["origin"] == second.values["origin"]
        wrong = next(shown for shown in one.tuples if shown.repaired)
        right = next(shown for shown in one.tuples if not shown.repaired)
        assert wrong.repaired == {"distance": str(right.values["distance"])}
    assert {len(one.tuples) for one in found["ground_speed"]} == {1}
    swapped = found["one_place_at_a_time"][0]
    assert [shown.role for shown in swapped.tuples] == ["t", "s"]
    page = quality_page(flights.quality("flights"), flights.quality_evidence("flights"), flights.project)
    assert re.search(r'<td class="diff">17\d\d( → <ins>17\d\d</ins>)?</td>', page)


# -- history ------------------------------------------------------------------------------------------------------


def test_the_history_of_runs_is_what_the_ledger_has(shops: Workspace) -> None:
    (facts,) = shops.quality()
    assert len(facts.runs) == 3
    assert [run.new for run in facts.runs] == [None, 3, 0], "with e and f, three rows of zip 2 disagree"
    first, second, third = facts.runs
    for before, run in ((first, second), (second, third)):
        assert run.persisting is not None
        assert run.gone is not None
        assert before.violations == run.persisting + run.gone
        assert run.violations == run.persisting + (run.new or 0)
    assert (second.violations, third.violations, third.gone) == (11, 10, 1), "a costs one more than c: enough no longer"
    assert facts.dimensions["timeliness"].last == pytest.approx(1, abs=0.1)


def test_a_table_that_a_run_passes_over_keeps_its_violations(flights: Workspace) -> None:
    facts = flights.quality()
    (one,) = overall_runs(facts)
    assert one.found == sum(table.last.violations for table in facts)
    assert one.unknown == one.found


def test_the_terminal_tells_what_changed(shops: Workspace) -> None:
    out, notes = io.StringIO(), io.StringIO()
    write_quality(shops.quality("shops"), shops.cell_changes("shops"), shops.project, "shops", out, notes)
    said = out.getvalue()
    assert "Since the previous run: 0 new, 10 persisting, 1 gone violations" in said
    assert re.search(r"sales_order .*−1", said)
    assert "next:  vertebra quality shops --html quality.html" in notes.getvalue()


def test_the_terminal_has_the_figures_of_the_flights(flights: Workspace) -> None:
    out = io.StringIO()
    write_quality(
        flights.quality("flights"), flights.cell_changes("flights"), flights.project, "flights", out, io.StringIO()
    )
    said = out.getvalue()
    assert re.search(r"route_distance +95 cells repaired +213 +0\.06 % +95 ", said)
    assert re.search(r"tailnum_references_planes +50,094 reported +50,094 +14\.87 % +50,094 ", said)
    assert re.search(r"timeliness +– +not applicable: no update rate is declared", said)
    assert "28 rules hold" in said


def test_the_page_is_written_where_asked(shops: Workspace, tmp_path: Path) -> None:
    notes = io.StringIO()
    assert write_quality_page(
        shops.quality(), shops.quality_evidence(), shops.project, tmp_path / "new" / "q.html", notes
    )
    assert (tmp_path / "new" / "q.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert "needs no other file" in notes.getvalue()


def test_without_a_run_there_is_nothing_to_show(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    with vertebra.open(tmp_path) as project:
        notes = io.StringIO()
        assert not write_quality_page(
            project.quality(), project.quality_evidence(), project.project, tmp_path / "q.html", notes
        )
        assert "vertebra run" in notes.getvalue()
        assert not (tmp_path / "q.html").exists()


# -- the parts ----------------------------------------------------------------------------------------------------


def test_a_template_escapes_text_and_writes_out_control_characters() -> None:
    plot = sparkline([1, 2], "<&>\"' \x07\x1b[2J\u202e\ufffe")
    assert 'aria-label="&lt;&amp;&gt;&#34;&#39; \\x07\\x1b[2J\\u202e\\ufffe"' in plot
    assert ElementTree.fromstring(plot).findtext("title") == "<&>\"' \\x07\\x1b[2J\\u202e\\ufffe"


def test_a_template_refuses_a_name_that_it_was_not_given() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render("vertebra.report.quality", "sparkline.svg.j2", bars=[], width=1, height=1)


def test_bars_are_drawn_to_scale_above_and_below_zero() -> None:
    from datetime import UTC, datetime

    at = datetime(2026, 1, 1, tzinfo=UTC)
    plot = ElementTree.fromstring(violations_plot([RunBar(at, 30, 10, 0, 20), RunBar(at, 0, 40, 0, 0)], "x"))
    tall = {(place, one.get("class")): float(one.get("height") or 0) for place, one in enumerate(plot.iter("rect"))}
    kept, new, gone, other = tall.values()
    assert kept == pytest.approx(3 * new, rel=1e-3)
    assert gone == pytest.approx(2 * new, rel=1e-3)
    assert other == pytest.approx(4 * new, rel=1e-3)
    tops = {one.get("class"): float(one.get("y") or 0) for one in list(plot.iter("rect"))[:3]}
    assert tops["new"] < tops["kept"] < tops["gone"]


def test_a_share_plot_leaves_a_gap_where_it_is_not_applicable() -> None:
    from datetime import UTC, datetime

    times = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 6)]
    plot = ElementTree.fromstring(share_plot(times, [0.5, 1.0, None, 0.0, 0.25], "x"))
    assert len(list(plot.iter("polyline"))) == 2
    heights = [float(dot.get("cy") or 0) for dot in plot.iter("circle")]
    assert heights[1] < heights[0] < heights[3] < heights[2]
    assert heights[0] == pytest.approx((heights[1] + heights[2]) / 2)


@pytest.mark.parametrize(
    ("value", "drawn"), [(0.0, "░░░░"), (0.5, "██░░"), (1.0, "████"), (0.0001, "▏░░░"), (0.9999, "███▉")]
)
def test_a_bar_is_empty_only_at_nothing_and_full_only_at_all(value: float, drawn: str) -> None:
    assert bar(value, 4) == drawn


def test_a_spark_starts_at_zero() -> None:
    assert spark([0, 4, 8, None]) == "·▅█ "
    assert spark([3]) == ""


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (950, "950"), (12_000, "12 k"), (1_500_000, "1.5 M")])
def test_numbers_on_an_axis_are_short(value: float, text: str) -> None:
    assert compact(value) == text
