"""``vertebra match``: review, decisions, evaluation and explanation, over one small project."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import vertebra
from exploitation.test_matching import people, slipped
from vertebra.cli.app import app
from vertebra.errors import DecisionError, DeclarationErrors

DATASET = """\
source: people
collect: {{from: files, path: data/{name}.csv}}
parse: {{format: csv, "null": [""]}}
load: snapshot
columns: {{id: int, name: string, street: string, born: string, email: string}}
key: [id]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run: 40 people, 30 of them in both sources."""
    folder = tmp_path_factory.mktemp("match") / "people"
    ours = people(40)
    for name, rows in (("crm", ours[:35]), ("shop", slipped(ours[5:]))):
        for place, text in ((f"datasets/{name}.yaml", DATASET.format(name=name)), (f"data/{name}.csv", "")):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(text, "utf-8")
        with (folder / f"data/{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    (folder / "reconcile").mkdir()
    (folder / "reconcile/people.yaml").write_text(
        "sources: {crm: {table: crm, key: id}, shop: {table: shop, key: id}}\n"
    )
    (folder / "vertebra.yaml").write_text("name: people\n", "utf-8")
    with vertebra.open(folder) as project:
        assert project.run().ok
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "people"))


@pytest.fixture
def command(folder: Path) -> Iterator[Callable[..., str]]:
    def run(*words: str, answers: str | None = None, code: int = 0) -> str:
        found = CliRunner().invoke(app, ["match", *words, "--project", str(folder)], input=answers)
        assert found.exit_code == code, found.output
        return found.output + str(found.exception or "")

    return run


def test_the_matches_are_measured_and_estimated(command: Callable[..., str], folder: Path) -> None:
    truth = folder / "truth.csv"
    truth.write_text("crm,shop\n" + "".join(f"{n},{n}\n" for n in range(5, 35)) + "1,900\n", "utf-8")
    rows: list[dict[str, Any]] = json.loads(command("evaluate", "people", "--truth", str(truth), "-f", "json"))
    assert rows[0] == {
        "match": "as decided", "matches": 30, "right": 30, "precision": 1.0, "recall": 1.0, "f1": 1.0
    }  # fmt: skip
    text = command("evaluate", "people", "--truth", str(truth))
    assert "30 true pairs: 0 are no candidates, 0 were compared and not matched" in text
    assert "not counted: 1 true pairs of records that the sources do not have" in text
    [estimate] = json.loads(command("evaluate", "people", "-f", "json"))
    assert estimate["matches"] == 30
    assert 0.9 < estimate["low"] <= estimate["precision"] <= estimate["high"] <= 1


def test_a_file_with_other_columns_is_refused(folder: Path) -> None:
    wrong = folder / "wrong.csv"
    wrong.write_text("a,b,c\n1,2,3\n", "utf-8")
    with vertebra.open(folder) as project, pytest.raises(DecisionError, match="has other columns") as caught:
        project.matches.evaluate("people", wrong)
    assert "crm_id, shop_id" in str(caught.value)


def test_comparisons_are_written_out_and_can_be_declared(command: Callable[..., str], folder: Path) -> None:
    written = command("suggest", "people")
    assert written.splitlines()[:2] == ["compare:", "  name:   {as: name}"]
    file = folder / "reconcile/people.yaml"
    file.write_text(file.read_text("utf-8") + written, "utf-8")
    assert list(vertebra.open(folder).project.reconciliations["people"].compare) == ["name", "street", "born", "email"]


def test_two_records_of_a_unique_source_are_not_compared(command: Callable[..., str]) -> None:
    assert "crm:7 and crm:8 are not compared" in command("why", "people", "crm:7", "crm:8", code=1)


def test_a_pair_is_explained(command: Callable[..., str]) -> None:
    text = command("why", "people", "7", "7")
    assert text.startswith("crm:7 and shop:7: match, probability ")
    assert "whole record" in text
    assert "no match" in command("why", "people", "crm:7", "shop:8")


def test_the_explanation_of_a_pair_is_drawn(command: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "why.html"
    command("why", "people", "7", "7", "--html", str(file))
    assert "<h1>crm: 7 and shop: 7: match, probability " in file.read_text("utf-8")


def test_decisions_hold_in_the_next_run_until_they_are_taken_back(command: Callable[..., str], folder: Path) -> None:
    assert "crm:7 and shop:7 will be different entities" in command("reject", "people", "7", "7", "-m", "twins")
    command("accept", "people", "crm:1", "shop:39")

    def partners() -> dict[int, int]:
        with vertebra.open(folder) as project:
            assert project.run().ok
            rows = project.sql("select crm_id, shop_id from exploitation.people_crosswalk where decision = 'match'")
            return {row["crm_id"]: row["shop_id"] for row in rows.rows()}

    assert partners() == {1: 39} | {n: n for n in range(5, 35) if n != 7}
    listed = json.loads(command("decisions", "people", "-f", "json"))
    assert [(one["verdict"], one["left_key"], one["right_key"], one["comment"]) for one in listed] == [
        ("same", "1", "39", ""),
        ("different", "7", "7", "twins"),
    ]
    command("undo", "people", "7", "7")
    command("undo", "people", "1", "39")
    assert partners() == {n: n for n in range(5, 35)}


def test_decisions_that_contradict_each_other_are_refused(folder: Path) -> None:
    with vertebra.open(folder) as project:
        project.matches.accept("people", "7", "8")
        with pytest.raises(DecisionError, match="crm:7, crm:9, shop:8 cannot be one entity"):
            project.matches.accept("people", "9", "8")
        project.matches.reject("people", "7", "8")
        project.matches.accept("people", "9", "8")
        assert [one.verdict for one in project.matches.decisions("people")] == ["same", "different", "same"]


def test_entities_are_split_and_merged(folder: Path) -> None:
    with vertebra.open(folder) as project:
        of = {
            (row["source"], row["key"]): row["entity_id"]
            for row in project.sql("select source, key, entity_id from exploitation.people_entities").rows()
        }
        [apart] = project.matches.split("people", "crm:9")
        assert (apart.verdict, apart.right_source, apart.right_key) == ("different", "shop", "9")
        merged = project.matches.merge("people", of["crm", "0"], of["shop", "38"])
        assert merged.pair == (("crm", "0"), ("shop", "38"))
        with pytest.raises(DecisionError, match="people has no entity nobody"):
            project.matches.merge("people", "nobody", of["crm", "0"])
        with pytest.raises(DecisionError, match="alone in its entity"):
            project.matches.split("people", "crm:0")


def test_a_forgotten_person_is_in_no_decision_and_no_entity(folder: Path) -> None:
    with vertebra.open(folder) as project:
        project.matches.reject("people", "7", "7")
        project.matches.reject("people", "8", "8")
        project.forget("crm", "7", reason="asked for it")
        assert [one.left_key for one in project.matches.decisions("people")] == ["8"]
        left = project.sql("select source, key from exploitation.people_entities where key = '7'").rows()
        assert [row["source"] for row in left] == ["shop"]


def test_review_asks_side_by_side_and_blind(
    command: Callable[..., str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vertebra.cli.review_session.is_interactive", lambda: True)
    text = command("review", "people", "--count", "3", answers="y\nn\nu\ns\nx\ny\nq\n")
    assert "1 of 3" in text
    assert "≠ name" in text
    assert "probability" not in text
    assert "answer y, n, s, u or q" in text
    assert "2 pairs decided: 2 the same, 0 different" in text
    with vertebra.open(folder) as project:
        assert [one.verdict for one in project.matches.decisions("people")] == ["same", "withdraw", "different", "same"]
    assert "probability" in command("review", "people", "--scores", "--count", "1", answers="q\n")


def test_review_needs_a_person(command: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vertebra.cli.review_session.is_interactive", lambda: False)
    assert "pairs are reviewed by a person" in command("review", "people", code=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accept", "peopel", "1", "2"), "there is no entity resolution peopel"),
        (("accept", "people", "1", "900"), "there is no record 900 in shop"),
        (("accept", "people", "crm:1", "crm:2"), "crm:1, crm:2 cannot be one entity"),
        (("undo", "people", "1", "2"), "nothing is decided about crm:1 and shop:2"),
    ],
)
def test_what_cannot_be_decided_is_refused(command: Callable[..., str], words: tuple[str, ...], said: str) -> None:
    assert said in command(*words, code=1)


def test_a_source_that_is_no_view_is_an_error_with_its_place(folder: Path) -> None:
    (folder / "reconcile/people.yaml").write_text(
        "sources:\n  crm: {table: crm, key: id}\n  shop: {view: shopp, key: id}\n", "utf-8"
    )
    with pytest.raises(DeclarationErrors, match=r"people.yaml:3:16: reconciliation people: there is no view shopp"):
        vertebra.open(folder)
