"""`vertebra check` on any data: what it prints, writes and ends with; and how rules of a project are explained."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from vertebra.cli import main

Said = tuple[int, str, str]
Command = Callable[..., Said]
ROUTE = "origin, dest -> distance"
NEXT_ROW = "t.origin = s.origin and t.dest = s.dest and t.distance != s.distance"


@pytest.fixture
def vertebra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run a command in an empty folder with a file of flights."""
    monkeypatch.delenv("VERTEBRA_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flights.csv").write_text(
        "origin,dest,distance,tailnum\nJFK,EGE,1746,N1\nJFK,LAX,2475,NA\nJFK,EGE,1747,N2\nEWR,LGA,17,N1\n"
    )
    (tmp_path / "planes.csv").write_text("tailnum,seats\nN1,2\nN2,150\n")

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(("check", *arguments))
        code = ended.value.code
        out, err = capsys.readouterr()
        return (code if isinstance(code, int) else 0 if code is None else 1), out, err

    return run


def test_a_violated_rule_is_shown_with_rows_side_by_side_and_ends_with_1(vertebra: Command) -> None:
    code, out, err = vertebra("--data", "flights.csv", "--determines", ROUTE, "--deny", "short: t.distance < 10")
    assert code == 1
    assert "flights.csv: 4 rows" in out
    assert "1 of 2 rules violated" in out
    assert re.search(r"origin_dest_determines_distance +\{=, ≠\} +2 +1 +50 % +25 % ", out)
    assert re.search(r"short +one tuple +0 +– +0 % +0 % ", out)
    assert "¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.dest = s.dest ∧ t.distance ≠ s.distance" in out
    assert re.search(r"t: row 0 +s: row 2", out)
    assert re.search(r"distance +1746 +1747", out)
    assert "next:  add --violations violations.parquet" in err


def test_rules_that_hold_end_with_0(vertebra: Command) -> None:
    code, out, _ = vertebra("-d", "flights.csv", "--unique", "origin, dest, distance", "--null", "NA")
    assert code == 0
    assert "1 rule checked, none violated" in out


def test_json_has_one_object_a_rule(vertebra: Command) -> None:
    code, out, _ = vertebra("-d", "flights.csv", "--deny", NEXT_ROW, "--format", "json")
    (found,) = json.loads(out)
    assert code == 1
    assert found.pop("seconds") >= 0
    assert found == {
        "rule": "deny_1", "table": "flights", "class": "{=, ≠}", "rows": 4, "violating_tuples": 2, "violating_pairs": 1,
        "g2": 0.5, "g3": 0.25, "g3_low": 0.25, "g3_high": 0.25, "minority_cells": 1,
        "constraint": "¬∃ t,s ∈ flights, t≠s: t.origin = s.origin ∧ t.dest = s.dest ∧ t.distance ≠ s.distance",
        "figure": None, "violated": None, "missing": None,
    }  # fmt: skip


def test_violations_are_written_as_parquet_or_csv(vertebra: Command) -> None:
    code, _, err = vertebra("-d", "flights.csv", "--determines", ROUTE, "--violations", "v.parquet")
    assert code == 1
    assert "v.parquet: 2 violating rows" in err
    assert pq.read_table("v.parquet").to_pylist() == [
        {"row": 0, "role": "t", "rule": "origin_dest_determines_distance", "partner": 2},
        {"row": 2, "role": "t", "rule": "origin_dest_determines_distance", "partner": 0},
    ]
    vertebra("-d", "flights.csv", "--deny", "t.distance < 20", "--violations", "v.csv")
    assert Path("v.csv").read_text() == "row,role,rule,partner\n3,t,deny_1,\n"


def test_every_notation_and_two_tables(vertebra: Command) -> None:
    tables = ["-d", "flights=flights.csv", "-d", "planes=planes.csv"]
    for rule in (
        "flights t, planes p: t.tailnum = p.tailnum and p.seats < 9",
        "¬∃ t ∈ flights, p ∈ planes: t.tailnum = p.tailnum ∧ p.seats < 9",
    ):
        code, out, _ = vertebra(*tables, "--deny", rule, "--format", "csv")
        assert code == 1
        assert re.search(
            r'^deny_1,flights,"\{=\} between two relations",4,2,2,|^deny_1,flights,\{=\} between two relations,4,2,2,',
            out,
            re.M,
        )
    code, out, _ = vertebra("-d", "flights.csv", "--deny", "t1&t2&EQ(t1.dest,t2.dest)&IQ(t1.distance,t2.distance)")
    assert code == 1


def test_rules_of_a_file_and_odd_rules(vertebra: Command) -> None:
    Path("rules.yaml").write_text(
        "far: t.distance > 5000\nfarther: t.distance > 6000 and t.origin = 'JFK'\nroute: {determines: 'origin, dest -> distance'}\n"
    )
    code, out, err = vertebra("-d", "flights.csv", "--rules", "rules.yaml")
    assert code == 1
    assert "1 of 3 rules violated" in out
    assert "warning: farther: all violations of farther violate far too" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-d", "flights.csv", "--deny", "t.orign = 'x'"], "did you mean t.origin?"),
        (["-d", "flights.csv", "--deny", "t.distance > 5 and t.distance < 3"], "nothing can violate"),
        (["-d", "flight.csv", "--deny", "t.distance > 5"], "there is no file flight.csv"),
        (["-d", "flights.csv", "--rules", "none.yaml"], "there is no file none.yaml"),
        (["-d", "flights.csv", "--deny", "t.distance > 5", "--type", "distance=nope"], "not a type"),
        (["-d", "flights.csv", "--deny", "t.distance < 20", "--violations", "none/v.parquet"], "cannot be written"),
    ],
)
def test_what_cannot_be_checked_ends_with_1_and_a_remedy(vertebra: Command, arguments: list[str], said: str) -> None:
    code, _, err = vertebra(*arguments)
    assert code == 1
    assert "error: " in err
    assert "next:  " in err
    assert said in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "flights.csv"],
        ["--deny", "t.distance > 5"],
        ["--violations", "v.parquet"],
        ["flights", "-d", "flights.csv", "--deny", "t.distance > 5"],
        ["-d", "flights.csv", "-d", "planes.csv", "--deny", "t.distance > 5"],
        ["-d", "flights.csv", "--deny", "t.distance > 5", "--violations", "v.txt"],
        ["-d", "flights.csv", "--deny", "t.distance > 5", "--type", "distance"],
        ["-d", "flights.csv", "--deny", "t.distance > 5", "--delimiter", "::"],
        ["-d", "flights.csv", "--deny", "t.distance > 5", "--format", "xml"],
    ],
)
def test_a_wrong_command_ends_with_2(vertebra: Command, arguments: list[str]) -> None:
    assert vertebra(*arguments)[0] == 2


def test_a_plan_is_told_without_reading_the_data(vertebra: Command) -> None:
    arguments = ["-d", "flights.csv", "--determines", ROUTE, "--determines", "origin, dest -> tailnum", "--explain"]
    code, out, _ = vertebra(*arguments)
    assert code == 0
    assert "flights: 2 rules, 1 pass" in out
    assert "the pass over groups is shared by all of them" in out
    _, out, _ = vertebra(*arguments, "--format", "json")
    first, second = json.loads(out)
    assert (first["class"], first["exact"], first["cost"]) == ("{=, ≠}", True, "n + v")
    assert first["shares"] == {"the pass over groups": [second["rule"]]}
