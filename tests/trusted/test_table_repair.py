"""``repair:`` of a dataset: methods for whole tables beside rules, a precision, and what is left to people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import vertebra
from pipeline.tiny import edit, make
from trusted.test_decisions import deciding
from trusted.zones import Zone, declared, rid
from vertebra.engine import Engine
from vertebra.errors import DecisionError, DeclarationErrors
from vertebra.trusted.cells import readable
from vertebra.trusted.decide import accept_proposal, reject_proposal
from vertebra.trusted.repair.tables import contested

FORMS = declared(
    "beers",
    {"brewery": "string", "city": "string", "ounces": "string", "ibu": "string"},
    rules={"city": {"determines": "brewery -> city", "on_violation": "repair"}},
    repair={"methods": ["format"], "precision": 0.9},
)
CITIES = {"a": "Reus", "b": "Vic", "c": "Olot"}


def beers() -> list[dict[str, Any]]:
    rows = [
        {"brewery": "abc"[n % 3], "city": CITIES["abc"[n % 3]], "ounces": "12.0 oz", "ibu": str(20 + n)}
        for n in range(30)
    ]
    rows[4]["ounces"], rows[7]["ounces"], rows[9]["ibu"] = "16.0 oz.", "12.0 ounce", "N/A"
    rows[5]["city"], rows[6]["city"] = "Olt", None
    return rows


def test_a_dataset_is_repaired_by_its_rules_and_by_methods_for_its_table(zone: Zone) -> None:
    outcome = zone.run(FORMS, beers())
    rows = zone.rows("trusted.beers", "_rid", "city", "ounces", "ibu")
    assert {ounces for _, _, ounces, _ in rows} == {"12", "16"}
    assert [row for row, _, _, ibu in rows if ibu is None] == [rid(9)]
    assert [city for _, city, _, _ in rows] == [CITIES["abc"[n % 3]] for n in range(30)]
    methods = {method for (method,) in zone.rows("governance.repairs", "method")}
    assert methods == {"consistent", "format"}
    assert outcome.facts.cells_repaired == 30 + 1 + 2
    assert all(confidence >= 0.9 for (confidence,) in zone.rows("governance.repairs", "confidence"))


def test_what_is_less_sure_than_declared_is_proposed_and_people_decide(sail_zone: Zone) -> None:
    zone = sail_zone
    careful = FORMS.model_copy(update={"repair": FORMS.repair.model_copy(update={"precision": 0.9999})})
    outcome = zone.run(careful, beers())
    assert outcome.facts.cells_repaired == 0
    left = zone.rows("governance.proposals", "rid", "column_name", "new", "reason")
    assert (rid(5), "city", "Olot", "unsure") in left
    assert outcome.facts.cells_proposed == len(left)
    who = deciding(zone, dataset=careful)
    assert accept_proposal(who, rid(5), "city").value == "Olot"
    reject_proposal(who, rid(6), "city")
    with pytest.raises(DecisionError, match="nothing is proposed for city"):
        reject_proposal(who, rid(0), "city")
    zone.trust(careful)
    cities = dict(zone.rows("trusted.beers", "_rid", "city"))
    assert (cities[rid(5)], cities[rid(6)]) == ("Olot", None)
    again = {(row, column) for row, column in zone.rows("governance.proposals", "rid", "column_name")}
    assert again.isdisjoint({(rid(5), "city"), (rid(6), "city")})


def test_only_the_declared_columns_are_changed_and_never_the_key(sail_zone: Zone) -> None:
    only = FORMS.model_copy(update={"repair": FORMS.repair.model_copy(update={"columns": ("ibu",)})})
    sail_zone.run(only, beers())
    found = sail_zone.rows("governance.repairs", "column_name", "method")
    assert {column for column, method in found if method == "format"} == {"ibu"}
    keyed = FORMS.model_copy(update={"key": ("ounces", "ibu")})
    sail_zone.run(keyed, beers())
    assert "format" not in {method for _, method in sail_zone.rows("governance.repairs", "column_name", "method")}


def test_rewritten_values_vote_together(sail_zone: Zone) -> None:
    dataset = declared(
        "beers", {"beer": "string", "ounces": "string", "city": "string"},
        rules={"size": {"determines": "beer -> ounces", "on_violation": "repair"}}, repair={"methods": ["format"]},
    )  # fmt: skip
    sizes = [f"{12 + n % 5} {'oz' if n % 2 else 'ounce'}" for n in range(40)]
    sizes[11] = "99"
    sail_zone.run(dataset, [{"beer": f"b{n % 5}", "ounces": size, "city": "Reus"} for n, size in enumerate(sizes)])
    assert [size for _, size in sail_zone.rows("trusted.beers", "_rid", "ounces")] == [
        str(12 + n % 5) for n in range(40)
    ]


def test_dependencies_are_repaired_again_after_what_other_methods_repaired(sail_zone: Zone) -> None:
    dataset = declared(
        "visits", {"code": "string", "name": "string", "unit": "string", "kind": "string"},
        rules={"kind": {"determines": "name -> kind", "on_violation": "repair"}}, repair={"methods": ["co_occurrence"]},
    )  # fmt: skip
    found = [{"code": f"c{n % 6}", "name": f"measure {n % 6}", "unit": f"u{n % 6}", "kind": "acute"} for n in range(60)]
    found[7] |= {"name": "measxre 1", "kind": "acxte"}
    sail_zone.run(dataset, found)
    made = sail_zone.rows("governance.repairs", "rid", "column_name", "new", "method")
    assert made == [(rid(7), "kind", "acute", "consistent"), (rid(7), "name", "measure 1", "co_occurrence")]


def test_a_repair_that_another_method_takes_back_is_contested(engine: Engine) -> None:
    made = engine.session.sql(
        "select * from values (1L, 'a', 'x', 'y'), (2L, 'a', null, 'y') as t(rid, column_name, old, new)"
    )
    said = engine.session.sql(
        "select * from values (1L, 'a', 'y', 'x'), (2L, 'a', 'y', null), (2L, 'b', 'y', 'x') as t(rid, column_name, old, new)"
    )
    assert sorted(tuple(row) for row in contested(made, said).collect()) == [(1, "a"), (2, "a")]


def test_a_text_that_is_no_value_of_its_column_is_no_proposal(engine: Engine) -> None:
    schema = pa.schema([("n", pa.int32()), ("s", pa.string())])
    found = engine.session.sql(
        "select * from values ('n', '1'), ('n', 'x'), ('n', null), ('s', 'x') as t(column_name, new)"
    )
    assert sorted(tuple(map(str, row)) for row in found.where(readable(schema)).collect()) == [
        ("n", "1"),
        ("n", "None"),
        ("s", "x"),
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("repair: {methods: [formats]}", "there is no repair method for tables 'formats'"),
        ("repair: {columns: [citty]}", "names the column citty"),
        ("repair: automatic", "repair"),
        ("repair: {precision: 2}", "precision"),
    ],
)
def test_a_repair_that_cannot_be_is_refused_when_the_project_is_loaded(tmp_path: Path, written: str, said: str) -> None:
    make(tmp_path)
    edit(tmp_path, "datasets/sales.yaml", "source:", f"{written}\nsource:")
    with pytest.raises(DeclarationErrors) as caught:
        vertebra.open(tmp_path)
    assert said in str(caught.value)
    assert "datasets/sales.yaml:1:" in str(caught.value)


def test_repairs_are_measured_against_the_truth(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    make(folder)
    with vertebra.open(folder) as project:
        assert project.run().ok
        sales = project.table("trusted.sales").arrow()
        header = [name for name in sales.column_names if not name.startswith("_")]
        truth = tmp_path / "truth.csv"
        lines = [",".join("" if row[name] is None else str(row[name]) for name in header) for row in sales.to_pylist()]
        truth.write_text("\n".join([",".join(header), *lines]) + "\n", "utf-8")
        found = project.repairs.evaluate("sales", truth)
        # the trusted table is right by itself: each repair of it is
        assert found.total.right == found.total.repaired == found.total.errors > 0
        assert (found.total.precision, found.total.recall, found.total.f1) == (1, 1, 1)
        assert sum(score.repaired for score in found.methods.values()) == found.total.repaired
        with pytest.raises(DecisionError, match="does not exist"):
            project.repairs.evaluate("sales", tmp_path / "none.csv")
        assert found.left_out == {}
        truth.write_text("\n".join([",".join(header), *lines, lines[0]]) + "\n", "utf-8")
        with pytest.raises(DecisionError, match="several rows for 1 key of id"):
            project.repairs.evaluate("sales", truth)
        truth.write_text("id,city\n1,Girona\n", "utf-8")
        part = project.repairs.evaluate("sales", truth)
        assert (part.rows, part.without_truth) == (1, sales.num_rows - 1)
        assert part.left_out["shop"] == "the file has no such column"
        truth.write_text("else\n1\n", "utf-8")
        with pytest.raises(DecisionError, match="has no column of sales"):
            project.repairs.evaluate("sales", truth)
