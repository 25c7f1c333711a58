"""What a collection writes down of the columns of its batches, and tells of how they changed."""

from __future__ import annotations

import pytest

from landing.readings import declared
from vertebra.errors import CollectError


def with_columns(**columns):
    dataset = declared("*.csv", null=["NA"])
    return type(dataset).model_validate(dataset.model_dump(by_alias=True) | {"columns": columns})


def test_schemas_of_batches_are_a_ledger(project, collected, ledgers):
    (project / "1.csv").write_text("a,b\n1,x\nNA,y\n")
    (project / "2.csv").write_text("b,a,c\nx,1.5,2013-01-01\n")
    collected(with_columns(a="int", b="string"))
    rows = ledgers.read("schemas").to_pylist()
    assert [(r["batch"], r["position"], r["column_name"], r["declared_as"], r["type"], r["nulls"]) for r in rows] == [
        (1, 0, "a", "a", "int", 0.5),
        (1, 1, "b", "b", "text", 0.0),
        (2, 0, "b", "b", "text", 0.0),
        (2, 1, "a", "a", "decimal", 0.0),
        (2, 2, "c", None, "date", 0.0),
    ]


def test_what_changed_is_told_once_and_stays_in_the_ledger(project, collected, ledgers):
    dataset = with_columns(a="int", b="string")
    (project / "1.csv").write_text("a,b\n1,x\n")
    assert collected(dataset).drift == ()
    (project / "2.csv").write_text("a,b,c\n1.5,x,z\n")
    assert [str(one) for one in collected(dataset).drift] == ["added c", "retyped a (decimal, declared int)"]
    (project / "3.csv").write_text("a,b,c\n1.5,w,z\n")
    assert collected(dataset).drift == ()
    found = ledgers.read("drift").to_pylist()
    assert [(row["kind"], row["column_name"], row["first_batch"], row["last_batch"]) for row in found] == [
        ("added", "c", 2, 3), ("retyped", "a", 2, 3),
    ]  # fmt: skip


def test_batches_that_are_parsed_again_are_written_down_again(project, collected, ledgers):
    (project / "1.csv").write_text("a;b\n1;x\n")
    collected(declared("*.csv", delimiter=","), "run-1")
    collected(declared("*.csv", delimiter=";"), "run-2")
    rows = ledgers.read("schemas").to_pylist()
    assert [(row["run_id"], row["column_name"]) for row in rows] == [("run-1", "a;b"), ("run-2", "a"), ("run-2", "b")]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("ID, name \n1,x\n", 'id: {type: int, source: [id, ID]}; name: {type: string, source: [name, " name "]}'),
        ("sep=;\nid;name\n1;x\n", "declare parse: {skip: 1}"),
        ("u,v\n1,x\n", "if it is data, correct columns: or parse:"),
    ],
)
def test_a_payload_without_any_declared_column_is_refused_with_what_to_declare(project, collected, text, advice):
    (project / "1.csv").write_text(text)
    with pytest.raises(CollectError, match="has none of the declared columns") as told:
        collected(with_columns(id="int", name="string"))
    assert advice in told.value.remedy
