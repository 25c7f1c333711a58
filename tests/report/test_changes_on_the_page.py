"""Repairs and proposals in ``vertebra quality``: by rule and method, side by side; and runs that a rule stopped."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vertebra
from vertebra.report.quality.changes import changes_section
from vertebra.report.quality.differences import Piece, differences
from vertebra.report.quality.page import quality_page
from vertebra.report.quality.plots import confidence_plot
from vertebra.report.quality.sources import sources_section
from vertebra.report.quality.terminal import write_quality
from vertebra.workspace.cell_changes import CHANGES, CellChange, CellChanges, ChangeCount
from vertebra.workspace.repairs import SourceAccuracy
from vertebra.workspace.workspace import Workspace

HOSTILE = "<script>alert('x')</script>"

FILES = {
    "vertebra.yaml": "name: shops\n",
    "datasets/shops.yaml": """\
source: office
collect: {from: files, path: data/shops.csv}
parse: {format: csv, "null": [""]}
load: snapshot
columns: {id: int, zip: int, city: string, owner: string, phone: string}
key: [id]
rules:
  zip_city: {determines: "zip -> city", on_violation: repair, fill: true}
  phones: {deny: "t.phone = '556'", on_violation: fail}
  zip_owner: {determines: "zip -> owner", on_violation: repair, confidence: 0.999999}
""",
}


def write(folder: Path, rows: list[str]) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/shops.csv").write_text("\n".join(["id,zip,city,owner,phone", *rows]) + "\n", "utf-8")


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One city is repaired and one filled; the repair of an owner is unsure."""
    folder = tmp_path_factory.mktemp("changes") / "shops"
    rows = [f"{number},1,Girona,Ann,555" for number in range(1, 9)]
    write(folder, [*rows, f'9,1,"{HOSTILE}",Ann,5', "10,1,,Anna,5"])
    with vertebra.open(folder) as project:
        assert project.run().ok
        yield project


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def page_of(project: Workspace) -> str:
    return quality_page(project.quality(), project.quality_evidence(), project.project)


def test_cells_are_counted_by_rule_and_method_and_reason(shops: Workspace) -> None:
    changes = shops.cell_changes("shops")["shops"]
    counts = {one.rule: (one.method, one.cells_repaired, one.cells_proposed) for one in changes.counts}
    assert counts == {"zip_city": ("consistent", 2, 0), "zip_owner": ("consistent", 0, 1)}
    assert changes.reasons == {"unsure": 1}
    (proposal,) = changes.proposed
    assert (proposal.old, proposal.new, proposal.reason, proposal.key) == ("Anna", "Ann", "unsure", {"id": 10})
    assert {one.old for one in changes.repaired} == {HOSTILE, None}
    assert shops.quality_evidence("shops").changes == {"shops": changes}


def test_the_page_shows_proposals_beside_repairs(shops: Workspace) -> None:
    page = page_of(shops)
    assert "<script" not in page
    text = text_of(page)
    assert "2 cells repaired, 1 proposed and left to you (1 unsure)." in text
    assert "vertebra repairs list shops --proposed --limit 0" in text
    assert "Ann<mark>a</mark>" in page
    assert re.search(r'<i class="soft">NULL</i></td>\s*<td class="value new"><mark>Girona</mark>', page)
    assert "row 10000000009, id 10" in text


def test_the_terminal_shows_them_in_short(shops: Workspace) -> None:
    out, notes = io.StringIO(), io.StringIO()
    write_quality(shops.quality("shops"), shops.cell_changes("shops"), shops.project, "shops", out, notes)
    said = out.getvalue()
    assert "Cells: 2 cells repaired, 1 proposed and left to you (1 unsure)" in said
    assert re.search(r"zip_owner +consistent +0 +1 +1 unsure", said)
    assert re.search(r"owner +10000000009 +Anna +Ann ", said)
    assert "vertebra repairs list shops --proposed" in notes.getvalue()


@pytest.fixture(scope="module")
def stopped(shops: Workspace) -> Workspace:
    """The project after a run that a rule stopped: a person set a phone that the rule forbids."""
    shops.repairs.set("shops", 10000000001, "phone", "556")
    assert not shops.run().ok
    return shops


def test_a_rule_that_cleaning_breaks_stops_the_run_and_quality_says_so(stopped: Workspace) -> None:
    (table,) = stopped.quality("shops")
    assert [(rule.rule, rule.failed, rule.failing, rule.tuples) for rule in table.failed] == [("phones", "after", 1, 0)]
    assert table.failed[0].outcome == "1 broken by cleaning, run stopped"
    said = (
        "did not write trusted.shops: a rule declared with on_violation: fail stopped it: phones is violated by 1 row"
    )
    assert said in table.failure
    assert (table.last.violations, table.last.new) == (19, 0), "what cleaning breaks is not among what it found"
    assert "556" not in stopped.table("trusted.shops").arrow().column("phone").to_pylist()
    page = text_of(page_of(stopped))
    assert said in page
    assert "after cleaning. The table is that of an earlier run" in page
    assert "Not in the present table: 3 cells repaired" in page, "what a person decided takes no repair back"
    out = io.StringIO()
    write_quality([table], stopped.cell_changes(), stopped.project, None, out, io.StringIO())
    assert said in " ".join(out.getvalue().split())
    assert "shops (before cleaning)" in out.getvalue()
    (measure,) = [one for one in stopped.quality_measures("shops") if one.measure == "failed"]
    assert (measure.subject, measure.stage, measure.value, measure.table_version) == ("phones", "after", 1, None)


# -- the parts ----------------------------------------------------------------------------------------------------


def cell(old: str | None, new: str | None, **about: object) -> CellChange:
    known = {"dataset": "d", "rid": 1, "column_name": "c", "rule": "r", "confidence": 0.9, "support": None}
    return CellChange(**{**known, "method": "m", "old": old, "new": new, **about})


def test_a_section_has_a_bounded_number_of_plots_and_of_open_rows() -> None:
    bins = (0,) * 9 + (1,)
    counts = tuple(ChangeCount(f"r{n}", f"m{n}", ("c",), bins, {"odd": bins}) for n in range(30))
    section = changes_section(CellChanges("d", counts, (cell("a", "b", alike=4),)))
    assert section is not None
    assert [one.caption for one in section.plots][-1] == "other methods: 25 repaired, 25 proposed"
    assert len(section.plots) == 6
    assert len(section.counts) + len(section.more_counts) == 30
    assert section.reasons == ["odd"]
    assert section.meanings == []
    assert [table.note for table in section.tables] == [
        "4 of 30 repaired cells, in 1 row: equal changes of a column are one row"
    ]
    assert changes_section(CellChanges("d")) is None
    assert CHANGES == 20


def accuracy(
    source: str, column: str, accuracy: float, cells: int, shares_with: tuple[str, ...] = ()
) -> SourceAccuracy:
    copied = 0.8 if shares_with else 0.0
    return SourceAccuracy("d", "site", source, column, accuracy, cells, copied, shares_with, declared=source == "s0")


def test_sources_are_shown_by_accuracy_with_those_of_the_same_origin() -> None:
    found = [accuracy("s0", "gate", 0.5, 30), accuracy("s0", "time", 0.9, 10)]
    others = [f"s{n}" for n in range(1, 20)]
    found += [accuracy(name, "gate", 0.7, 10, tuple(one for one in others if one != name)) for name in others]
    section = sources_section("d", found)
    assert section is not None
    assert (
        section.summary
        == "Votes are weighed by site: 20 sources, 19 of which repeat an origin that they share with others"
    )
    rows = [*section.rows, *section.more_rows]
    assert (len(section.rows), len(rows), rows[-1].name) == (15, 20, "s0")
    assert (rows[-1].accuracy, rows[-1].by_column, rows[-1].cells, rows[-1].declared) == (0.6, [0.5, 0.9], 40, True)
    assert (rows[0].by_column, rows[0].shares_with) == ([0.7, None], "s2, s3, s4, s5, s6, s7 and 12 more")
    assert sources_section("d", []) is None


def test_the_page_shows_the_accuracy_of_sources(shops: Workspace) -> None:
    evidence = replace(shops.quality_evidence(), sources={"shops": [accuracy(HOSTILE, "city", 0.75, 8)]})
    page = quality_page(shops.quality(), evidence, shops.project)
    ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    assert HOSTILE not in page
    assert "Votes are weighed by site: 1 source." in text_of(page)
    assert "75 %" in text_of(page)


def test_a_histogram_stacks_proposals_on_repairs_and_shows_single_cells() -> None:
    plot = ElementTree.fromstring(confidence_plot([0, 1000], [1, 1000], "x"))
    bars = [(one.get("class"), float(one.get("height") or 0)) for one in plot.iter("rect")]
    assert [kind for kind, _ in bars] == ["proposed", "repaired", "proposed"]
    assert bars[0][1] >= 1
    assert bars[1][1] == pytest.approx(bars[2][1])
    assert "confidence 0 % to 50 %: 0 repaired, 1 proposed" in [one.text for one in plot.iter("title")]


def joined(pieces: list[Piece]) -> str:
    return "".join(f"[{one.text}]" if one.changed else one.text for one in pieces)


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("Barclona", "Barcelona", ("Barclona", "Barc[e]lona")),
        ("bxrmxngham", "birmingham", ("b[x]rm[x]ngham", "b[i]rm[i]ngham")),
        ("Miami ", "Miami", ("Miami[ ]", "Miami")),
        ("New\xa0York", "New York", ("New[\\xa0]York", "New[ ]York")),
        ("Boston", "Test", ("[Boston]", "[Test]")),
        (None, "x", ("", "[x]")),
        ("", "x", ("", "[x]")),
        ("y" * 200 + "a" + "z" * 200, "y" * 200 + "b" + "z" * 200,
         (f"…{'y' * 24}[a]{'z' * 65}…", f"…{'y' * 24}[b]{'z' * 65}…")),
    ],
)  # fmt: skip
def test_what_differs_is_marked(old: str | None, new: str | None, shown: tuple[str, str]) -> None:
    before, after = differences(old, new)
    assert (joined(list(before)), joined(list(after))) == shown
