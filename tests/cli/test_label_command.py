"""``vertebra repairs label``: questions in the terminal, and what the answers do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import vertebra
from pipeline.tiny import edit, make
from vertebra.cli import label_session
from vertebra.cli.app import app
from vertebra.errors import DecisionError, LakeError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with wrong units, as the current folder, after a run."""
    root = make(tmp_path / "project")
    edit(root, "datasets/sales.yaml", "rules:", "repair: {methods: [learned]}\nrules:")
    edit(root, "datasets/sales.yaml", "city: string", "city: string\n  size: string")
    header, *rows = (root / "data/sales-1.csv").read_text().splitlines()
    sizes = [f"{row},{4 + number}{' cm' if number in (1, 2, 4) else ''}" for number, row in enumerate(rows)]
    more = [f"{10 + number},S1,Girona,1.0,2026-01-05,{number}" for number in range(40)]
    (root / "data/sales-1.csv").write_text("\n".join([f"{header},size", *sizes, *more]) + "\n")
    monkeypatch.chdir(root)
    return root


def test_a_person_labels_cells_in_the_terminal_and_repairs_are_learned(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vertebra.open(folder) as project:
        with pytest.raises(LakeError, match=r"no table trusted\.sales"):
            project.repairs.next_question("sales")
        assert project.run().ok
        question = project.repairs.next_question("sales")
        assert question is not None
        assert question == project.repairs.next_question("sales")
        assert (question.column_name, question.value, question.like) == ("size", "6 cm", 3)
        assert question.row["shop"] == "S1"
        skipped = project.repairs.next_question("sales", [(question.rid, "size")])
        assert skipped is not None
        assert (skipped.rid, skipped.column_name) != (question.rid, "size")
    runner = CliRunner()
    refused = runner.invoke(app, ["repairs", "label", "sales"])
    assert isinstance(refused.exception, DecisionError)
    assert "vertebra repairs set sales RID COLUMN VALUE" in str(refused.exception)
    monkeypatch.setattr(label_session, "is_interactive", lambda: True)
    # a wrong answer is taken back, the same cell asked again and corrected; the next is skipped, the last one is right
    said = runner.invoke(app, ["repairs", "label", "sales", "--count", "2"], input="u\ne\nu\n6\ns\n\n")
    text = said.output
    assert said.exit_code == 0, text
    assert "1 of 2  sales, row 10000000002\none of 3 cells of size written in the form 9 a" in text
    assert "> size   6 cm\n" in text
    assert "there is no answer to take back" in text
    assert "took back size of row 10000000002" in text
    assert "2 cells labelled: 1 corrected, 1 right" in text
    assert "next:  vertebra run --select trusted.sales+" in text
    quit_at_once = runner.invoke(app, ["repairs", "label", "sales"], input="q\n")
    assert "0 cells labelled" in quit_at_once.output
    with vertebra.open(folder) as project:
        assert project.run().ok
        learned = {cell.old: cell.new for cell in project.repairs.list("sales") if cell.method == "learned"}
        decided = {cell.old: cell.new for cell in project.repairs.list("sales") if cell.method == "decision"}
        assert decided == {"6 cm": "6"}  # a cell that is right is pinned, and no repair
        assert learned.items() <= {"5 cm": "5", "8 cm": "8"}.items()
        assert learned
        assert all(
            "as in 1 labelled cell" in (c.evidence or "")
            for c in project.repairs.list("sales")
            if c.method == "learned"
        )
        assert {one.decision for one in project.decisions.list("sales")} == {"override", "withdraw", "undo"}


def test_answers_are_numbers_texts_and_letters() -> None:
    suggested = vertebra.Suggestion("Reus", "format", "format", 0.8, "the usual spelling", made=False)
    question = vertebra.Question("sales", 1, "city", "Rues", {"id": "7", "city": "Rues"}, (suggested,), "why", 2)
    read = label_session._right_value
    answers = {"": "Rues", "k": "Rues", "1": "Reus", "e": None, "=e": "e", "=1": "1", "=": "", "Vic": "Vic", "12": "12"}
    assert {answer: read(question, answer) for answer in answers} == answers
    with pytest.raises(DecisionError, match="there is no proposal 2"):
        read(question, "2")
    assert label_session.shown(question).splitlines() == [
        "  id    7",
        "> city  Rues",
        "",
        "  1  Reus  proposed by format, 0.80: the usual spelling",
    ]


def test_an_answer_settles_a_group_only_where_most_of_its_rows_agree(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: groups\n")
    declared = "source: s\ncollect: {from: files, path: d.csv}\nparse: {format: csv}\nload: snapshot\n"
    declared += (
        "columns: {zip: string, city: string}\nrules: {city: {determines: 'zip -> city', on_violation: report}}\n"
    )
    (tmp_path / "datasets" / "d.yaml").write_text(declared)
    (tmp_path / "d.csv").write_text("zip,city\n" + "1,Reus\n" * 6 + "1,Vic\n" * 2 + "2,Olot\n2,Olot\n2,Salt\n2,Salt\n")
    with vertebra.open(tmp_path) as project:
        assert project.run().ok
        asked, answers = {}, {}
        for _ in range(2):
            question = project.repairs.next_question("d")
            assert question is not None
            asked[question.row["zip"]] = question.settles
            answers[question.row["zip"]] = project.repairs.label(question, question.value).decision
        # the value of most rows says what is right in the others; one of an even group may stand in the wrong one
        assert asked == {"1": True, "2": False}
        assert answers == {"1": "override", "2": "undo"}
