"""The command over a small project: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.tiny import make
from vertebra import discover
from vertebra.cli import main
from vertebra.declare.load import load_project
from vertebra.errors import ProposalError

Command = Callable[..., tuple[int, str, str]]

CITIES = ("Girona", "Lleida", "Reus", "Vic")


def sales() -> str:
    """400 sales in 40 shops; a shop is in one city but for one slip, and a price is never below its cost."""
    lines = ["id,shop,city,price,cost"]
    for number in range(400):
        shop = number * 7 % 40
        city = "Barcelona" if number == 123 else CITIES[shop % 4]
        cost = (number * 37 % 90) + 1
        lines.append(f"{number},S{shop:02d},{city},{cost + number % 60},{cost}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("discover") / "project")
    for old in (folder / "data/sales-1.csv", folder / "views/by_city.sql", folder / "views/best.py"):
        old.unlink()
    (folder / "data/sales.csv").write_text(sales())
    (folder / "data/shops.csv").write_text(
        "shop,city\n" + "".join(f"S{shop:02d},{CITIES[shop % 4]}\n" for shop in range(39))
    )
    (folder / "datasets/sales.yaml").write_text(
        "source: tills\ncollect: {from: files, path: data/sales.csv}\nparse: {format: csv}\nload: append\n"
        "columns: {id: int, shop: string, city: string, price: int, cost: int}\nkey: [id]\n\n# none yet\n"
    )
    with pytest.raises(SystemExit):
        main(["run", "--project", str(folder)])
    return folder


@pytest.fixture
def folder(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = Path(shutil.copytree(ran, tmp_path / "project"))
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def vertebra(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def test_proposals_are_told_in_sentences_with_the_rule_as_logic_and_as_yaml(vertebra: Command, folder: Path) -> None:
    code, out, err = vertebra("discover", "trusted.sales")
    assert code == 0
    text = " ".join(out.split())
    assert "Rows with the same shop have the same city, except in 1 of 40 groups: 1 row differs" in text
    assert "¬∃ t,s ∈ sales, t≠s: t.shop = s.shop ∧ t.city ≠ s.city" in text
    assert 'determines: "shop -> city"' in text
    assert "Every shop is in shops.shop, except 1 of 40 values, in 10 rows." in text
    assert "cost is at most price: true of all 400 rows" in text
    assert "next: vertebra discover trusted.sales --accept" in " ".join(err.split())


def test_programs_get_json(vertebra: Command, folder: Path) -> None:
    code, out, _ = vertebra("discover", "sales", "--kinds", "fd,reference", "--limit", "2", "-f", "json")
    rows = json.loads(out)
    assert code == 0
    assert [row["number"] for row in rows] == [1, 2]
    assert {row["kind"] for row in rows} <= {"fd", "reference"}
    dependency = next(row for row in rows if row["kind"] == "fd")
    assert (dependency["groups"], dependency["violating_groups"], dependency["dirty_rows"]) == (40, 1, 1)


def test_the_yaml_is_what_would_be_declared(vertebra: Command, folder: Path) -> None:
    _, out, _ = vertebra("discover", "sales", "--format", "yaml")
    printed = yaml.safe_load(out)["rules"]
    assert printed["shop_determines_city"] == {
        "description": "Rows with the same shop have the same city.",
        "determines": "shop -> city",
        "on_violation": "report",
    }
    assert "id_key" not in printed, "it is declared already"


def test_accepted_rules_are_declared_and_proposed_no_more(vertebra: Command, folder: Path) -> None:
    file = folder / "datasets/sales.yaml"
    before = file.read_text()
    _, out, _ = vertebra("discover", "sales", "--kinds", "fd", "-f", "json")
    number = next(row["number"] for row in json.loads(out) if row["name"] == "shop_determines_city")
    code, _, err = vertebra(
        "discover", "sales", "--kinds", "fd", "--accept", str(number), "--name", f"{number}=one_city"
    )
    assert code == 0
    assert "1 rule written into datasets/sales.yaml: one_city" in err
    assert file.read_text().startswith(before)
    assert load_project(folder).datasets["sales"].rules["one_city"].determines == "shop -> city"
    rows = json.loads(vertebra("discover", "sales", "--kinds", "fd", "-f", "json")[1])
    assert next(row for row in rows if row["columns"] == ["shop", "city"])["declared"] == "one_city"
    new = json.loads(vertebra("discover", "sales", "--kinds", "fd", "--new", "-f", "json")[1])
    assert {row["name"] for row in new} == {row["name"] for row in rows if not row["declared"]}


def test_under_a_profile_accepted_rules_go_into_the_file_of_its_overlay(vertebra: Command, folder: Path) -> None:
    (folder / "vertebra.yaml").write_text("name: tiny\nprofiles:\n  dev: {overlay: dev}\n")
    base, own = folder / "datasets/sales.yaml", folder / "dev/datasets/sales.yaml"
    own.parent.mkdir(parents=True)
    before = base.read_bytes()
    own.write_bytes(before)
    _, _, err = vertebra("discover", "sales", "--profile", "dev")
    assert "writes them into dev/datasets/sales.yaml" in err
    assert " --profile dev\n" in err.partition("--accept")[2]
    code, _, err = vertebra("discover", "sales", "--profile", "dev", "--accept", "shop_determines_city")
    assert (code, "1 rule written into dev/datasets/sales.yaml" in err) == (0, True)
    assert "next:  vertebra check sales --profile dev\n" in err
    assert base.read_bytes() == before
    assert "shop_determines_city" in load_project(folder, "dev").datasets["sales"].rules
    assert "shop_determines_city" not in load_project(folder).datasets["sales"].rules
    _, out, _ = vertebra("ls", "datasets", "--profile", "dev", "--format", "json")
    files = {row["dataset"]: row["file"] for row in json.loads(out)}
    assert files == {"sales": "dev/datasets/sales.yaml", "shops": "datasets/shops.yaml"}


def test_a_dependency_is_accepted_with_its_repair(vertebra: Command, folder: Path) -> None:
    before = (folder / "datasets/sales.yaml").read_bytes()
    code, _, err = vertebra("discover", "sales", "--repair", "--accept", "shop_determines_city,always_there")
    assert code == 1
    assert "always_there, cannot be declared with a repair" in " ".join(err.split())
    assert (folder / "datasets/sales.yaml").read_bytes() == before
    code, _, err = vertebra("discover", "sales", "--repair", "--accept", "shop_determines_city")
    assert code == 0
    assert "next:  vertebra run --select trusted.sales" in err
    rule = load_project(folder).datasets["sales"].rules["shop_determines_city"]
    assert (rule.on_violation, rule.repair_method) == ("repair", "consistent")
    assert vertebra("run")[0] == 0
    _, out, _ = vertebra("repairs", "list", "sales", "--format", "json")
    assert [(row["column_name"], row["old"], row["new"]) for row in json.loads(out)] == [
        ("city", "Barcelona", "Lleida")
    ]


def test_all_can_be_accepted_and_then_there_is_nothing_new(vertebra: Command, folder: Path) -> None:
    assert vertebra("discover", "sales", "--accept-all", "--limit", "50")[0] == 0
    assert vertebra("check", "sales")[0] == 0
    code, _, err = vertebra("discover", "sales", "--accept-all", "--limit", "50")
    assert code == 0
    assert "nothing to accept" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--accept", "99"), 2, "'99' is not a number from 1 to"),
        (("--kinds", "keys"), 2, "'keys' is not one of fd, key"),
        (("--format", "csv"), 2, "'csv' is not one of table, json, yaml"),
        (("--name", "1=x"), 2, "use --accept, too"),
        (("--repair",), 2, "use --accept, too"),
        (("--accept", "1", "--accept-all"), 2, "use either --accept or --accept-all"),
        (("--accept", "shop_determines_city", "--name", "shop_determines_city=No"), 1, "cannot be the name of a rule"),
        (("--accept", "id_key"), 1, "is already declared, as sales_key"),
    ],
)
def test_what_is_wrong_is_told_and_the_file_stays(
    vertebra: Command, folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = (folder / "datasets/sales.yaml").read_bytes()
    ended, _, err = vertebra("discover", "sales", *arguments)
    assert ended == code
    assert said in " ".join(err.split())
    assert (folder / "datasets/sales.yaml").read_bytes() == before


def test_only_tables_of_datasets_have_rules(vertebra: Command, folder: Path) -> None:
    code, _, err = vertebra("discover", "exploitation.by_city")
    assert (code, "does not read the exploitation zone" in err) == (1, True)
    code, _, err = vertebra("discover", "sale")
    assert (code, "did you mean sales?" in err) == (1, True)


def test_a_file_without_a_project_gives_rules_that_check_takes(
    vertebra: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sales of may.csv").write_text(sales().replace("shop", "Shop name").replace("cost", "Cost.net"))
    code, out, err = vertebra("discover", "--data", "sales of may.csv")
    assert code == 0
    assert "Rows with the same Shop name have the same city, except in 1 of 40 groups" in " ".join(out.split())
    assert "Cost.net" not in out, "no rule can name it"
    assert "vertebra check --data 'sales of may.csv' --rules rules.yaml" in err
    _, out, _ = vertebra("discover", "--data", "sales of may.csv", "--kinds", "fd,key", "--format", "yaml")
    Path("rules.yaml").write_text(out)
    code, out, _ = vertebra("check", "--data", "sales of may.csv", "--rules", "rules.yaml", "-f", "json")
    assert code == 1
    assert {row["rule"]: row["violating_tuples"] for row in json.loads(out)}["shop_name_determines_city"] == 10


@pytest.mark.parametrize(
    "arguments", [(), ("sales", "--data", "x.csv"), ("--data", "x.csv", "--accept", "1"), ("sales", "--null", "NA")]
)
def test_a_table_or_data_not_both(vertebra: Command, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert vertebra("discover", *arguments)[0] == 2


def test_a_wide_table_is_refused_and_some_of_its_columns_are_not(tmp_path: Path) -> None:
    data = tmp_path / "wide.csv"
    names = [f"c{number}" for number in range(130)]
    rows = [[str(row * (place % 7)) for place in range(130)] for row in range(30)]
    data.write_text("\n".join(",".join(row) for row in [names, *rows]))
    with pytest.raises(ProposalError, match=r"130 columns, and rules are discovered among 100 at most") as told:
        discover(data)
    assert "c0, c1" in told.value.cause
    assert "--columns c0,c1,c2" in told.value.remedy
    found = discover(data, columns=["c1", "c8", "c3"], kinds=["key", "fd"])
    assert {column for one in found for column in one.columns} <= {"c1", "c3", "c8"}
    assert found
    with pytest.raises(ProposalError, match="has no column c9999"):
        discover(data, columns=["c9999"])
